"""HTTP for feeds: bounded in size and time, no proxy from the environment, words for the operator when it fails."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from console.access import AccessError, headers_of, tls_context
from console.network_words import explain
from console.sources import Access

if TYPE_CHECKING:
    import httpx

MOST_BYTES: Final = 64_000_000


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
            own = headers_of(self._access, self._base)
            content = {} if body is None else {"json": body}
            # httpx bounds each step; a server that drips would take for ever.
            async with (
                asyncio.timeout(seconds),
                client.stream(method, url, timeout=seconds, headers=own, **content) as answer,
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
        except AccessError as error:
            raise FetchError(str(error)) from None
        except ssl.SSLError as error:
            raise FetchError(f"TLS: {error.reason or error}") from None

    async def close(self) -> None:
        """Release the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _make(self) -> httpx.AsyncClient:
        import httpx

        context = tls_context(self._access, self._base)
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=0)
        return httpx.AsyncClient(
            verify=context, trust_env=False, limits=limits, proxy=self._access.proxy or None, follow_redirects=False
        )


def _said(status: int, body: bytes) -> str:
    """``http 503`` and the first words of what the server said of it."""
    words = " ".join(body.decode("utf-8", "replace").split())[:120]
    return f"http {status}: {words}" if words and not words.startswith("<") else f"http {status}"
