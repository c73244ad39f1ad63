"""``memory``: memory that programs can't get any more, and swap."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from console.watch.probing import Reading, Tools, graded
from console.watch.sizes import bytes_text

PLACEHOLDERS: Final = frozenset(("PERCENT", "AVAILABLE", "TOTAL", "SWAP"))
CONDITIONS: Final = ()


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of a ``memory`` check: limits in percent in use (100 - available)."""

    warn: float | None = 90
    fail: float | None = 97


class Probe:
    """Reads the kernel's own estimate of what is available."""

    host = ""

    def __init__(self, options: Options, wanted: frozenset[str]) -> None:
        self._options = options
        self._swap = "SWAP" in wanted

    async def measure(self, tools: Tools) -> Reading:
        import psutil

        memory = psutil.virtual_memory()
        percent = 100 * (1 - memory.available / memory.total) if memory.total else 0.0
        values: dict[str, object] = {"PERCENT": percent, "AVAILABLE": memory.available, "TOTAL": memory.total}
        if self._swap:
            values["SWAP"] = psutil.swap_memory().percent
        return Reading(
            state=graded(percent, self._options.warn, self._options.fail),
            detail=f"{percent:.0f} % used, {bytes_text(memory.available)} available",
            values=values,
            value=round(percent, 1),
            unit="%",
        )
