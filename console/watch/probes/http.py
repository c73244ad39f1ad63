"""``http``: one request. Status, time, body, certificate."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from itertools import count
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from msgspec import Meta
from msgspec.structs import replace

from console.network_words import explain
from console.snapshot import DOWN, UNKNOWN
from console.sources import Access, check_url
from console.watch.bodies import without
from console.watch.certificates import validity
from console.watch.conditions import Body
from console.watch.probing import Client, ProbeError, Reading, Tools, ends_at

if TYPE_CHECKING:
    import httpx

PLACEHOLDERS: Final = frozenset(
    ("STATUS", "RESPONSE_TIME", "BODY", "CONNECTED", "IP", "CERTIFICATE_EXPIRATION", "HTTP_VERSION")
)
CONDITIONS: Final = ("[STATUS] < 400",)
BODY_LIMIT: Final = 1_000_000  # bytes that are read of a body
_BEGINNING: Final = 16_000  # bytes of one that only tells why
_BEGINNING_S: Final = 0.5  # for it
_numbers: Final = count(1)
# Headers that carry secrets. The configuration is shown and logged: they come from files and the environment.
_SECRET: Final = frozenset(("authorization", "proxy-authorization", "cookie", "x-api-key", "x-auth-token"))


class Options(Access, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of an ``http`` check."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = {}
    headers_file: Mapping[str, str] = {}  # header -> file with its value
    headers_env: Mapping[str, str] = {}  # header -> environment variable with its value
    body: str = ""
    http_version: Literal["1.1", "2"] = "1.1"  # we speak no other: 2 by ALPN, in clear by prior knowledge
    redirects: Literal["same-origin", "any", "none"] = "same-origin"  # elsewhere no header of ours is sent along
    max_redirects: Annotated[int, Meta(ge=1, le=20)] = 5
    proxy_username: str = ""
    proxy_password_file: str = ""
    proxy_password_env: str = ""

    def __post_init__(self) -> None:
        check_url(self.url, "http://127.0.0.1:8080/health")
        if self.proxy:
            check_url(self.proxy, "http://proxy.example.org:3128")
        wrong = self.refuse() or self._refuse_own()
        if wrong:
            raise ValueError(wrong)

    def _refuse_own(self) -> str:
        for name in self.headers:
            if name.lower() in _SECRET:
                return f"headers: {name} is a secret, and the configuration is shown: use headers_file or headers_env"
        named = [name.lower() for group in (self.headers, self.headers_file, self.headers_env) for name in group]
        if len(named) != len(set(named)):
            return "a header stands in two of headers, headers_file and headers_env"
        if "authorization" in named and (self.username or self.bearer_file or self.bearer_env):
            return "expected one of username, bearer_file, bearer_env and an Authorization header"
        if bool(self.proxy_username) != bool(self.proxy_password_file or self.proxy_password_env):
            return "expected proxy_username with proxy_password_file or proxy_password_env"
        if self.proxy_password_file and self.proxy_password_env:
            return "expected one of proxy_password_file and proxy_password_env"
        return "" if self.proxy or not self.proxy_username else "expected a proxy for proxy_username"


class Probe:
    """Sends the request over a connection of its own; reads the body only if a condition asks for it."""

    def __init__(self, options: Options, wanted: frozenset[str]) -> None:
        self.host = urlsplit(options.url).hostname or ""
        self._options = options
        self._body = "BODY" in wanted
        self._certificate = "CERTIFICATE_EXPIRATION" in wanted
        self._client = _client(options)
        # identity: a body can't unpack to more than was sent.
        defaults = {"accept": "*/*", "accept-encoding": "identity", "user-agent": "vigie"}
        self._headers = defaults | {name.lower(): value for name, value in options.headers.items()}
        self._secret = bool(options.headers_file or options.headers_env)

    async def measure(self, tools: Tools) -> Reading:
        import httpx

        try:
            client = await tools.http(self._client)
        except ImportError:
            raise ProbeError("HTTP/2 needs the package h2") from None
        secrets = await self._secrets(tools)
        headers = {**self._headers, **secrets}
        began = time.perf_counter()
        try:
            reading = await self._follow(client, headers, began)
            return replace(reading, got=without(reading.got, secrets.values())) if reading.got and secrets else reading
        except httpx.ProxyError as error:
            return _failed(UNKNOWN, f"the proxy refused: {error}", began)
        except (httpx.InvalidURL, httpx.LocalProtocolError, UnicodeError) as error:
            # the complaint quotes the header
            words = "a header is not one that HTTP allows" if "header" in str(error).lower() else str(error)
            return _failed(UNKNOWN, f"the request can't be sent: {words}", began)
        except httpx.RemoteProtocolError as error:
            asked = "HTTP/2" if self._client.http2 else "HTTP"
            return _failed(DOWN, f"no {asked} answer: {_plain(error)}", began)
        except (httpx.TransportError, OSError) as error:
            return self._explained(error, began)

    async def _secrets(self, tools: Tools) -> Mapping[str, str]:
        found = dict(await tools.headers(self._options))
        if self._secret:
            for name, file in self._options.headers_file.items():
                found[name.lower()] = await tools.secret(file, "")
            for name, variable in self._options.headers_env.items():
                found[name.lower()] = await tools.secret("", variable)
        return found

    def _explained(self, error: BaseException, began: float) -> Reading:
        state, words = explain(error)
        if self._options.proxy:  # whose fault it was is not known
            return _failed(UNKNOWN, f"through the proxy: {words}", began)
        return _failed(state, words, began)

    async def _follow(self, client: httpx.AsyncClient, headers: Mapping[str, str], began: float) -> Reading:
        options = self._options
        request = client.build_request(
            options.method, options.url, headers=headers, content=options.body.encode() or None
        )
        for _ in range(options.max_redirects + 1):
            response = await client.send(request, stream=True)
            try:
                following = response.next_request
                same = following is not None and _same_origin(request.url, following.url)
                if following is None or options.redirects == "none" or not (same or options.redirects == "any"):
                    return await self._read(response, began)
                if not same:
                    _forget(following, headers)
                request = following
            finally:
                await response.aclose()
        return _failed(DOWN, f"more than {options.max_redirects} redirects", began)

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
        text = ""
        if self._body:
            text, whole = await _text(response)
            values["BODY"] = Body(text)
            detail += "" if whole else f", body cut at {BODY_LIMIT // 1000} kB"
        elapsed = _elapsed(began)
        values["RESPONSE_TIME"] = elapsed
        if not self._body and not response.is_success:
            text = await _begun(response)
        return Reading(
            detail=detail,
            values=values,
            latency_ms=elapsed,
            value=elapsed,
            unit="ms",
            told=("STATUS",),
            got=text[:_BEGINNING],
        )


def _client(options: Options) -> Client:
    password = options.proxy_password_file or options.proxy_password_env
    where = f"{'file' if options.proxy_password_file else 'env'}:{password}" if password else ""
    http2 = options.http_version == "2"
    own = next(_numbers) if http2 else 0
    return Client(access=options.route(), http2=http2, own=own, proxy_auth=(options.proxy_username, where))


def _elapsed(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 1)


def _failed(state: str, words: str, began: float) -> Reading:
    elapsed = _elapsed(began)
    values = {"CONNECTED": False, "STATUS": 0, "RESPONSE_TIME": elapsed}
    return Reading(state=state, detail=words, values=values, latency_ms=elapsed)


def _plain(error: Exception) -> str:
    """h11's complaint in an operator's words."""
    text = str(error)
    if "complete message body" in text:
        return "it broke off in the middle"
    if "without sending" in text or "Server disconnected" in text:
        return "the server closed the connection"
    if "Receive buffer too long" in text:
        return "its headers never end"
    return "the server does not speak HTTP here" if "illegal" in text.lower() else text


def _same_origin(a: httpx.URL, b: httpx.URL) -> bool:
    return (a.scheme, a.host, a.port) == (b.scheme, b.host, b.port)


def _forget(request: httpx.Request, headers: Mapping[str, str]) -> None:
    """Take what the configuration sends out of a request that goes elsewhere."""
    for name in headers:
        if name not in ("accept", "accept-encoding", "user-agent") and name in request.headers:
            del request.headers[name]


async def _text(response: httpx.Response) -> tuple[str, bool]:
    """The body's text, and whether that is all of it."""
    kept = bytearray()
    async for piece in response.aiter_raw():
        kept += piece[: BODY_LIMIT - len(kept)]
        if len(kept) >= BODY_LIMIT:
            return kept.decode("utf-8", "replace"), False
    return kept.decode("utf-8", "replace"), True


async def _begun(response: httpx.Response) -> str:
    """The beginning of a body that nobody judges: what came of it soon. It must not cost the check its time."""
    import httpx

    kept, loop = bytearray(), asyncio.get_running_loop()
    try:
        async with asyncio.timeout(min(_BEGINNING_S, (ends_at.get() - loop.time()) / 2)):
            async for piece in response.aiter_raw():
                kept += piece[: _BEGINNING - len(kept)]
                if len(kept) >= _BEGINNING:
                    break
    except (TimeoutError, httpx.TransportError, OSError):
        pass
    return kept.decode("utf-8", "replace")


def _certificate(tls: Any) -> dict[str, object]:
    """Milliseconds to the end of the peer's certificate, whether or not it was verified."""
    der = tls.getpeercert(binary_form=True) if isinstance(tls, ssl.SSLObject | ssl.SSLSocket) else None
    if not der:
        return {}
    try:
        return {"CERTIFICATE_EXPIRATION": (validity(der).end.timestamp() - time.time()) * 1000}
    except ValueError:
        return {}
