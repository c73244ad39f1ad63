"""HTTP for feeds: bounded in size and time, no proxy from the environment, words for the operator when it fails."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from console.network_words import explain
from console.sources import Access

if TYPE_CHECKING:
    import httpx

MOST_BYTES: Final = 64_000_000
_MOST_SECRET: Final = 65_536


class FetchError(OSError):
    """No usable answer; ``str()`` is one line. *status*: the HTTP status, 0 when there was none."""

    def __init__(self, words: str, status: int = 0) -> None:
        super().__init__(words)
        self.words = words
        self.status = status

    def __str__(self) -> str:
        return self.words


class Fetcher:
    """One server's client, made at the first use. No keep-alive: httpcore's pool is quadratic in its size.

    Secrets are read from their files at each request: a token that was renewed is the one that counts.
    """

    def __init__(self, access: Access | None = None, *, base: Path | None = None) -> None:
        self._access = access or Access()
        self._base = base or Path.cwd()  # of relative file names
        self._client: httpx.AsyncClient | None = None

    async def get(self, url: str, seconds: float, *, most: int = MOST_BYTES) -> bytes:
        """The body of a 200 answer. Raises :class:`FetchError`, after *seconds* in all at the latest."""
        return await self.request("GET", url, seconds, most=most)

    async def text(self, url: str, seconds: float) -> str:
        """:meth:`get` as text."""
        return (await self.get(url, seconds)).decode("utf-8", "replace")

    async def request(
        self, method: str, url: str, seconds: float, *, body: Any = None, most: int = MOST_BYTES
    ) -> bytes:
        """The body of a 200 answer to *method* with *body* as JSON. Raises :class:`FetchError`."""
        import httpx

        try:
            client = self._client or self._make()
            self._client = client
            content = {} if body is None else {"json": body}
            # httpx bounds each step; a server that drips would take for ever.
            async with (
                asyncio.timeout(seconds),
                client.stream(
                    method, url, timeout=seconds, headers=self._headers(), auth=self._auth(), **content
                ) as answer,
            ):
                kept = bytearray()
                async for piece in answer.aiter_bytes():
                    kept += piece
                    if len(kept) > most:
                        raise FetchError(f"an answer of more than {most // 1_000_000} MB")
                if answer.status_code != 200:
                    raise FetchError(_said(answer.status_code, bytes(kept[:300])), answer.status_code)
                return bytes(kept)
        except (httpx.TimeoutException, TimeoutError):
            raise FetchError(f"no answer in {seconds:g} s") from None
        except (httpx.ConnectError, httpx.ReadError, httpx.WriteError) as error:
            raise FetchError(explain(error)[1]) from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise FetchError(str(error) or type(error).__name__) from None
        except ssl.SSLError as error:
            raise FetchError(f"TLS: {error.reason or error}") from None

    async def close(self) -> None:
        """Release the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _make(self) -> httpx.AsyncClient:
        import httpx

        access = self._access
        try:
            context = ssl.create_default_context(cafile=str(self._path(access.ca_file)) if access.ca_file else None)
            if access.insecure:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            if access.cert_file:
                context.load_cert_chain(self._path(access.cert_file), self._path(access.key_file))
        except OSError as error:
            raise FetchError(f"the certificates can't be used: {error.strerror or error}") from None
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=0)
        return httpx.AsyncClient(
            verify=context, trust_env=False, limits=limits, proxy=access.proxy or None, follow_redirects=False
        )

    def _headers(self) -> Mapping[str, str]:
        token = self._secret(self._access.bearer_file, self._access.bearer_env)
        return {"authorization": f"Bearer {token}"} if token else {}

    def _auth(self) -> Any:
        if not self._access.username:
            return None
        password = self._secret(self._access.password_file, self._access.password_env)
        return (self._access.username, password)

    def _secret(self, file: str, variable: str) -> str:
        if variable:
            found = os.environ.get(variable)
            if not found:
                raise FetchError(f"the environment variable {variable} is not set")
            return found.strip()
        if not file:
            return ""
        try:
            with self._path(file).open("rb") as opened:
                return opened.read(_MOST_SECRET).decode("utf-8", "strict").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise FetchError(f"{file} can't be read: {getattr(error, 'strerror', None) or error}") from None

    def _path(self, named: str) -> Path:
        return self._base / Path(named).expanduser()


def _said(status: int, body: bytes) -> str:
    """``http 503`` and the first words of what the server said of it."""
    words = " ".join(body.decode("utf-8", "replace").split())[:120]
    return f"http {status}: {words}" if words and not words.startswith("<") else f"http {status}"
