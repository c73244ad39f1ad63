"""One HTTP GET for feeds: bounded in size, no proxy from the environment, words for the operator when it fails."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import httpx

MOST_BYTES: Final = 64_000_000


class FetchError(OSError):
    """No usable answer; ``str()`` is one line."""


class Fetcher:
    """A client of its own, made at the first use. No keep-alive: httpcore's pool is quadratic in its size."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None

    async def get(self, url: str, seconds: float, *, most: int = MOST_BYTES) -> bytes:
        """The body of a 200 answer. Raises :class:`FetchError`; the caller bounds the whole time too."""
        import httpx

        if self._client is None:
            limits = httpx.Limits(max_connections=64, max_keepalive_connections=0)
            self._client = httpx.AsyncClient(verify=ssl.create_default_context(), trust_env=False, limits=limits)
        try:
            async with self._client.stream("GET", url, timeout=seconds) as answer:
                if answer.status_code != 200:
                    raise FetchError(f"http {answer.status_code}")
                body = bytearray()
                async for piece in answer.aiter_bytes():
                    body += piece
                    if len(body) > most:
                        raise FetchError(f"more than {most // 1_000_000} MB")
                return bytes(body)
        except httpx.TimeoutException:
            raise FetchError(f"no answer in {seconds:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise FetchError(str(error) or type(error).__name__) from None

    async def text(self, url: str, seconds: float) -> str:
        """:meth:`get` as text."""
        return (await self.get(url, seconds)).decode("utf-8", "replace")

    async def close(self) -> None:
        """Release the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None
