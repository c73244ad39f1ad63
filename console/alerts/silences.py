"""Silences: what one would match, making it where it belongs, giving it another end, ending it.

An Alertmanager takes silences without author or comment, and members of a cluster copy theirs to one another. Here both
words are required, and a silence is made once in each cluster.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from msgspec import Struct

from console.alerts.alertmanager import AlertmanagerClient, GettableAlert, Matcher, ServerStatus, Silence, fits
from console.alerts.fetch import Fetcher, FetchError
from console.sources import AlertmanagerConfig

T = TypeVar("T")
_MATCHER: Final = re.compile(r"\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*(.*?)\s*", re.DOTALL)
_PIECE: Final = re.compile(
    r'\s*,?\s*([a-zA-Z_][a-zA-Z0-9_]*\s*(?:=~|!~|!=|=)\s*(?:"(?:[^"\\]|\\.)*"|[^\s,"]*))', re.DOTALL
)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
LONGEST_S: Final = 366 * 86400.0


class Draft(Struct, frozen=True, kw_only=True):
    """A silence that is to be made."""

    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    author: str
    comment: str

    def refuse(self) -> str:
        """Why nobody should make it, in one line; "" when all is well."""
        if not self.author.strip():
            return "a silence needs an author"
        if not self.comment.strip():
            return "a silence needs a comment: whoever finds it reads that"
        if not self.matchers:
            return "a silence needs a matcher such as alertname=QueueDeep"
        try:
            if fits(self.matchers, {}):
                return "these matchers fit alerts without any of the labels: name at least one label's value"
        except ValueError as error:
            return str(error)
        seconds = (self.ends_at - self.starts_at).total_seconds()
        if not 0 < seconds <= LONGEST_S:
            return "expected an end after the beginning, and within a year"
        return ""


class Made(Struct, frozen=True, kw_only=True):
    """What came of it at one Alertmanager: the silence as it has it now, or why not."""

    source: str
    silence: Silence | None = None
    error: str = ""


class Asked(Struct, frozen=True, kw_only=True):
    """What one Alertmanager answered: its alerts and silences, or why not."""

    source: str
    alerts: tuple[GettableAlert, ...] = ()
    silences: tuple[Silence, ...] = ()
    status: ServerStatus = ServerStatus()
    error: str = ""


def matcher_of(text: str) -> Matcher:
    """``queue=a``, ``queue="a b"``, ``queue!=a``, ``queue=~"a.*"``, ``queue!~a``. Raises ``ValueError`` in one line."""
    found = _MATCHER.fullmatch(text)
    if found is None:
        raise ValueError(f"expected a matcher such as queue=a or queue=~'a.*', got {text!r}")
    name, sign, value = found.groups()
    if value[:1] == '"':
        if len(value) < 2 or value[-1] != '"':
            raise ValueError(f"{text!r}: the quotation mark is not closed")
        value = _ESCAPED.sub(lambda one: "\n" if one[1] == "n" else one[1], value[1:-1])
    made = Matcher(name=name, value=value, is_regex="~" in sign, is_equal=sign[0] == "=")
    fits((made,), {})  # a pattern that can't be read is refused
    return made


def matchers_of(text: str) -> tuple[Matcher, ...]:
    """Several in one line, with blanks or commas between them. Raises ``ValueError`` in one line."""
    found, at = [], 0
    while text[at:].strip(" ,\t"):
        piece = _PIECE.match(text, at)
        if piece is None:
            raise ValueError(f"expected a matcher such as queue=a at: {text[at:].strip()[:40]}")
        found.append(matcher_of(piece[1]))
        at = piece.end()
    return tuple(found)


def exactly(labels: Mapping[str, str]) -> tuple[Matcher, ...]:
    """Matchers that fit an alert with just these labels."""
    return tuple(Matcher(name=name, value=labels[name]) for name in sorted(labels))


def matched(matchers: tuple[Matcher, ...], alerts: Iterable[GettableAlert]) -> list[GettableAlert]:
    """The alerts that a silence would silence."""
    return [alert for alert in alerts if fits(matchers, alert.labels)]


class Alertmanagers:
    """The Alertmanagers of a configuration, asked together. Use it as an asynchronous context manager."""

    def __init__(self, configs: Sequence[AlertmanagerConfig], base: Path) -> None:
        self._fetchers = [Fetcher(config, base=base) for config in configs]
        self._clients = {
            config.name: AlertmanagerClient(config.url, fetcher, float(config.timeout))
            for config, fetcher in zip(configs, self._fetchers, strict=True)
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for fetcher in self._fetchers:
            await fetcher.close()

    async def ask(self) -> list[Asked]:
        """What all of them know."""
        return list(await asyncio.gather(*(self._ask(name) for name in self._clients)))

    async def _ask(self, name: str) -> Asked:
        client = self._clients[name]
        try:
            status = await client.status()
            alerts, silences = tuple(await client.alerts()), tuple(await client.silences())
        except FetchError as error:
            return Asked(source=name, error=str(error))
        return Asked(source=name, alerts=alerts, silences=silences, status=status)

    async def create(self, draft: Draft, asked: Sequence[Asked]) -> list[Made]:
        """Make it once in each cluster of *asked*, by the first member that takes it.

        Raises ``ValueError`` where nobody should make it.
        """
        wrong = draft.refuse()
        if wrong:
            raise ValueError(wrong)
        made: list[Made] = []
        for members in clusters(asked):
            for name in members:
                done = await self._post(name, draft)
                made.append(done)
                if done.silence is not None:
                    break
        return made

    async def extend(self, source: str, silence: Silence, ends_at: datetime, author: str, comment: str = "") -> Made:
        """Give *silence* another end: it keeps its id. An expired one is made anew, with another id."""
        draft = Draft(
            matchers=silence.matchers,
            starts_at=silence.starts_at,
            ends_at=ends_at,
            author=author,
            comment=comment or silence.comment,
        )
        wrong = draft.refuse()
        if wrong:
            raise ValueError(wrong)
        return await self._post(source, draft, extends=silence.id)

    async def expire(self, source: str, silence: str) -> Made:
        """End *silence* now."""
        client = self._clients[source]
        try:
            await client.expire(silence)
            return Made(source=source, silence=await self._find(client, silence))
        except FetchError as error:
            return Made(source=source, error=str(error))

    async def _post(self, name: str, draft: Draft, extends: str = "") -> Made:
        client = self._clients[name]
        try:
            made = await client.silence(
                draft.matchers,
                starts_at=draft.starts_at,
                ends_at=draft.ends_at,
                author=draft.author,
                comment=draft.comment,
                extends=extends,
            )
            return Made(source=name, silence=await self._find(client, made))
        except FetchError as error:
            return Made(source=name, error=str(error))

    @staticmethod
    async def _find(client: AlertmanagerClient, wanted: str) -> Silence:
        found = next((one for one in await client.silences() if one.id == wanted), None)
        if found is None:
            raise FetchError(f"it took the silence {wanted}, and does not have it now")
        return found


def clusters(asked: Sequence[Asked]) -> list[list[str]]:
    """The names of those that answered, those of one cluster together."""
    groups: list[tuple[set[str], list[str]]] = []
    for one in asked:
        if one.error:
            continue
        cluster = one.status.cluster
        members = set() if cluster.status == "disabled" else {peer.name for peer in cluster.peers if peer.name}
        if cluster.name and cluster.status != "disabled":
            members.add(cluster.name)
        same = next((group for group in groups if group[0] & members), None)
        if same is None:
            groups.append((members, [one.source]))
        else:
            same[0].update(members)
            same[1].append(one.source)
    return [names for _, names in groups]


def found(asked: Sequence[Asked], named: str) -> list[tuple[str, Silence]]:
    """The silences whose id is *named* or begins with it (4 characters at least), each once, with who has it."""
    seen: dict[str, tuple[str, Silence]] = {}
    for one in asked:
        for silence in one.silences:
            if silence.id == named or (len(named) >= 4 and silence.id.startswith(named.lower())):
                seen.setdefault(silence.id, (one.source, silence))
    return list(seen.values())
