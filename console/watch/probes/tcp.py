"""``tcp``: whether a port accepts a connection."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Final

from msgspec import Meta, Struct

from console.watch.probing import Reading, Tools
from console.watch.words import explain

PLACEHOLDERS: Final = frozenset(("CONNECTED", "RESPONSE_TIME", "IP"))
CONDITIONS: Final = ("[CONNECTED] == true",)


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of a ``tcp`` check."""

    host: str
    port: Annotated[int, Meta(ge=1, le=65535)]


class Probe:
    """Connects and hangs up."""

    def __init__(self, options: Options, wanted: frozenset[str]) -> None:
        self.host = options.host
        self._port = options.port

    async def measure(self, tools: Tools) -> Reading:
        began = time.perf_counter()
        try:
            _, writer = await asyncio.open_connection(self.host, self._port)
        except (OSError, UnicodeError) as error:
            state, words = explain(error)
            elapsed = round((time.perf_counter() - began) * 1000, 1)
            values: dict[str, object] = {"CONNECTED": False, "RESPONSE_TIME": elapsed}
            return Reading(state=state, detail=f"port {self._port}: {words}", values=values, latency_ms=elapsed)
        elapsed = round((time.perf_counter() - began) * 1000, 1)
        address = writer.get_extra_info("peername")
        writer.transport.abort()  # nothing was sent: no need to wait for a polite end
        values = {"CONNECTED": True, "RESPONSE_TIME": elapsed, "IP": str(address[0]) if address else ""}
        return Reading(detail=f"port {self._port} open", values=values, latency_ms=elapsed, value=elapsed, unit="ms")
