"""A page that a check measures by: fetched whole, bounded. That it can't be had says nothing of what it would have told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from console.network_words import explain
from console.sources import Access
from console.watch.bodies import without
from console.watch.probing import Client, ProbeError, Tools

MOST: Final = 16_000_000  # bytes
_BEGINNING: Final = 16_000  # bytes


async def fetch(
    tools: Tools,
    access: Access,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
) -> tuple[int, bytes]:
    """Status and body of an answer; *form* is posted. Raises :class:`ProbeError`. The caller bounds the time."""
    import httpx

    client = await tools.http(Client(access=access.route()))
    sent = {"user-agent": "vigie", "accept-encoding": "identity", **(headers or {}), **await tools.headers(access)}
    kept = bytearray()
    try:
        async with client.stream("POST" if form else "GET", url, headers=sent, data=form) as answer:
            async for piece in answer.aiter_raw():
                kept += piece
                if len(kept) > MOST:
                    raise ProbeError(f"{_where(url)}: more than {MOST // 1_000_000} MB")
            return answer.status_code, bytes(kept)
    except httpx.RemoteProtocolError:
        raise ProbeError(f"{_where(url)}: no HTTP answer") from None
    except (httpx.TransportError, httpx.InvalidURL, OSError, UnicodeError) as error:
        raise ProbeError(f"{_where(url)}: {explain(error)[1]}") from None


async def shown(tools: Tools, access: Access, page: bytes) -> str:
    """The beginning of a *page* that is not what was wanted, without what *access* has sent along."""
    return without(page[:_BEGINNING].decode("utf-8", "replace"), (await tools.headers(access)).values())


def _where(url: str) -> str:
    return urlsplit(url).netloc
