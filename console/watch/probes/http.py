"""``http``: one request. Status, time, body, certificate."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from msgspec import Struct

from console.snapshot import DOWN, UNKNOWN
from console.watch.conditions import Body
from console.watch.probing import Reading, Tools
from console.watch.words import explain

if TYPE_CHECKING:
    import httpx

PLACEHOLDERS: Final = frozenset(
    ("STATUS", "RESPONSE_TIME", "BODY", "CONNECTED", "IP", "CERTIFICATE_EXPIRATION", "HTTP_VERSION")
)
CONDITIONS: Final = ("[STATUS] < 400",)
BODY_LIMIT: Final = 1_000_000  # bytes that are read of a body
_REDIRECTS: Final = 5


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of an ``http`` check."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = {}
    body: str = ""
    insecure: bool = False  # accept any certificate
    redirects: Literal["same-origin", "none"] = "same-origin"  # elsewhere headers would leak

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            known = False
        if not known:
            raise ValueError(f"expected a URL such as http://127.0.0.1:8080/health, got {self.url!r}")


class Probe:
    """Sends the request over a connection of its own; reads the body only if a condition asks for it."""

    def __init__(self, options: Options, wanted: frozenset[str]) -> None:
        self.host = urlsplit(options.url).hostname or ""
        self._options = options
        self._body = "BODY" in wanted
        self._certificate = "CERTIFICATE_EXPIRATION" in wanted
        # identity: a body can't unpack to more than was sent.
        defaults = {"accept": "*/*", "accept-encoding": "identity", "user-agent": "vigie"}
        self._headers = defaults | {name.lower(): value for name, value in options.headers.items()}

    async def measure(self, tools: Tools) -> Reading:
        import httpx

        client = await tools.http(insecure=self._options.insecure)
        began = time.perf_counter()
        try:
            return await self._follow(client, began)
        except (httpx.InvalidURL, httpx.LocalProtocolError, UnicodeError) as error:
            return _failed(UNKNOWN, f"the request can't be sent: {error}", began)
        except httpx.RemoteProtocolError as error:
            return _failed(DOWN, f"no HTTP answer: {error}", began)
        except (httpx.TransportError, OSError) as error:
            return _failed(*explain(error), began)

    async def _follow(self, client: httpx.AsyncClient, began: float) -> Reading:
        options = self._options
        request = client.build_request(
            options.method, options.url, headers=self._headers, content=options.body.encode() or None
        )
        for _ in range(_REDIRECTS):
            response = await client.send(request, stream=True)
            try:
                following = response.next_request
                if following is None or options.redirects == "none" or not _same_origin(request.url, following.url):
                    return await self._read(response, began)
                request = following
            finally:
                await response.aclose()
        return _failed(DOWN, f"more than {_REDIRECTS} redirects", began)

    async def _read(self, response: httpx.Response, began: float) -> Reading:
        stream = response.extensions.get("network_stream")
        address = stream.get_extra_info("server_addr") if stream is not None else None
        values: dict[str, object] = {
            "STATUS": response.status_code,
            "CONNECTED": True,
            "HTTP_VERSION": response.http_version,
            "IP": address[0] if address else "",
        }
        detail = f"http {response.status_code}"
        if self._certificate and stream is not None:
            values.update(_certificate(stream.get_extra_info("ssl_object")))
        if self._body:
            text, whole = await _text(response)
            values["BODY"] = Body(text)
            detail += "" if whole else f", body cut at {BODY_LIMIT // 1000} kB"
        elapsed = _elapsed(began)
        values["RESPONSE_TIME"] = elapsed
        return Reading(detail=detail, values=values, latency_ms=elapsed, value=elapsed, unit="ms")


def _elapsed(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 1)


def _failed(state: str, words: str, began: float) -> Reading:
    elapsed = _elapsed(began)
    values = {"CONNECTED": False, "STATUS": 0, "RESPONSE_TIME": elapsed}
    return Reading(state=state, detail=words, values=values, latency_ms=elapsed)


def _same_origin(a: httpx.URL, b: httpx.URL) -> bool:
    return (a.scheme, a.host, a.port) == (b.scheme, b.host, b.port)


async def _text(response: httpx.Response) -> tuple[str, bool]:
    """The body's text, and whether that is all of it."""
    kept = bytearray()
    async for piece in response.aiter_raw():
        kept += piece[: BODY_LIMIT - len(kept)]
        if len(kept) >= BODY_LIMIT:
            return kept.decode("utf-8", "replace"), False
    return kept.decode("utf-8", "replace"), True


def _certificate(tls: Any) -> dict[str, object]:
    """Milliseconds to the end of the peer's certificate; nothing when it was not verified (``insecure``)."""
    found = tls.getpeercert() if tls is not None else None
    if not found or "notAfter" not in found:
        return {}
    return {"CERTIFICATE_EXPIRATION": (ssl.cert_time_to_seconds(found["notAfter"]) - time.time()) * 1000}
