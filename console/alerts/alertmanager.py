"""An Alertmanager, asked over its API v2. Shapes as its OpenAPI file has them; unknown keys are ignored.

Everything is fetched and filtered here: a filter that the server misreads answers with an empty list and status 200.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from console.alerts.fetch import Fetcher, FetchError

T = TypeVar("T")
MOST_SILENCES_BYTES: Final = 16_000_000


class Status(Struct, frozen=True, rename="camel"):
    """``state`` is active, suppressed or unprocessed."""

    state: str = "active"
    silenced_by: tuple[str, ...] = ()
    inhibited_by: tuple[str, ...] = ()


class GettableAlert(Struct, frozen=True, kw_only=True, rename="camel"):
    """One alert as Alertmanager reports it."""

    fingerprint: str
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    starts_at: datetime
    ends_at: datetime | None = None
    updated_at: datetime | None = None
    status: Status = Status()


class Matcher(Struct, frozen=True, kw_only=True, rename="camel"):
    """``name = value``, ``!=``, ``=~``, ``!~``."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True

    @property
    def operator(self) -> str:
        """As it is written."""
        return {(False, True): "=", (False, False): "!=", (True, True): "=~", (True, False): "!~"}[
            (self.is_regex, self.is_equal)
        ]

    def __str__(self) -> str:
        value = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.name}{self.operator}"{value}"'


class SilenceStatus(Struct, frozen=True):
    """``state`` is active, pending or expired."""

    state: str = "active"


class Silence(Struct, frozen=True, kw_only=True, rename="camel"):
    """A silence as Alertmanager reports it. Newer servers may leave ``matchers`` empty."""

    id: str = ""
    status: SilenceStatus = SilenceStatus()
    matchers: tuple[Matcher, ...] = ()
    starts_at: datetime
    ends_at: datetime
    created_by: str = ""
    comment: str = ""
    updated_at: datetime | None = None


class Peer(Struct, frozen=True):
    """A member of a cluster."""

    name: str = ""
    address: str = ""


class Cluster(Struct, frozen=True):
    """The cluster that a server is of; its members share their silences. ``status`` is ready, settling or disabled."""

    status: str = "disabled"
    name: str = ""
    peers: tuple[Peer, ...] = ()


class ServerStatus(Struct, frozen=True, rename="camel"):
    """``uptime`` is when the process began."""

    uptime: datetime | None = None
    cluster: Cluster = Cluster()


_alerts: Final = msgspec.json.Decoder(list[GettableAlert])
_silences: Final = msgspec.json.Decoder(list[Silence])
_status: Final = msgspec.json.Decoder(ServerStatus)


class AlertmanagerClient:
    """The questions that are asked of one Alertmanager. Each raises :class:`FetchError` in one line."""

    def __init__(self, url: str, fetcher: Fetcher, timeout_s: float) -> None:
        self._url = url.rstrip("/")
        self._fetcher = fetcher
        self._timeout_s = timeout_s

    async def alerts(self) -> list[GettableAlert]:
        """Every alert that it has, silenced and inhibited ones too."""
        body = await self._get("/api/v2/alerts?active=true&silenced=true&inhibited=true&unprocessed=true")
        return _decoded(_alerts, body)

    async def silences(self) -> list[Silence]:
        """Every silence, expired ones too, as long as the server keeps them."""
        body = await self._fetcher.get(f"{self._url}/api/v2/silences", self._timeout_s, most=MOST_SILENCES_BYTES)
        return _decoded(_silences, body)

    async def status(self) -> ServerStatus:
        """When it began, and of which cluster it is."""
        return _decoded(_status, await self._get("/api/v2/status"))

    async def silence(
        self,
        matchers: tuple[Matcher, ...],
        *,
        starts_at: datetime,
        ends_at: datetime,
        author: str,
        comment: str,
        extends: str = "",
    ) -> str:
        """Create a silence, or give *extends* another end. Returns its id.

        Raises ``ValueError`` for what the server would take and nobody should: no author, no comment, matchers that fit
        everything.
        """
        if not author.strip() or not comment.strip():
            raise ValueError("a silence needs an author and a comment")
        if not matchers:
            raise ValueError("a silence needs a matcher")
        body: dict[str, Any] = {
            "matchers": [msgspec.to_builtins(one) for one in matchers],
            "startsAt": starts_at.isoformat(),
            "endsAt": ends_at.isoformat(),
            "createdBy": author,
            "comment": comment,
        }
        if extends:
            body["id"] = extends
        answer = await self._fetcher.request("POST", f"{self._url}/api/v2/silences", self._timeout_s, body=body)
        made = _decoded(msgspec.json.Decoder(dict[str, Any]), answer)
        found = made.get("silenceID")
        if not isinstance(found, str) or not found:
            raise FetchError("the answer to a new silence has no silenceID")
        return found

    async def expire(self, silence: str) -> None:
        """End a silence. An id that it does not know answers with 404 or 500."""
        from urllib.parse import quote

        await self._fetcher.request("DELETE", f"{self._url}/api/v2/silence/{quote(silence, safe='')}", self._timeout_s)

    async def _get(self, path: str) -> bytes:
        return await self._fetcher.get(self._url + path, self._timeout_s)


def _decoded(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise FetchError(f"the answer can't be read: {' '.join(str(error).split())[:120]}") from None


def fits(matchers: tuple[Matcher, ...], labels: Mapping[str, str]) -> bool:
    """Whether a silence with *matchers* would silence an alert with *labels*; patterns are anchored. No matchers: none.

    Raises ``ValueError`` for a pattern that can't be read.
    """
    import re

    if not matchers:
        return False
    for one in matchers:
        said = labels.get(one.name, "")
        try:
            same = re.fullmatch(one.value, said) is not None if one.is_regex else said == one.value
        except (re.error, RecursionError) as error:
            raise ValueError(f"{one}: not a pattern: {error}") from None
        if same is not one.is_equal:
            return False
    return True
