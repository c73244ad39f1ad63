"""``swap``: how much swap is in use, and whether pages move."""

from __future__ import annotations

import time
from typing import Final

from msgspec import Struct

from console.watch.probing import Reading, Tools, graded
from console.watch.sizes import bytes_text

PLACEHOLDERS: Final = frozenset(("PERCENT", "USED", "TOTAL", "IN_RATE", "OUT_RATE"))
CONDITIONS: Final = ()


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of a ``swap`` check: limits in percent of swap in use."""

    warn: float | None = 50
    fail: float | None = 90


class Probe:
    """Reads the kernel's counters; rates (bytes/s) are since the run before."""

    host = ""

    def __init__(self, options: Options, wanted: frozenset[str]) -> None:
        self._options = options
        self._before: tuple[float, int, int] | None = None

    async def measure(self, tools: Tools) -> Reading:
        import psutil

        swap, now = psutil.swap_memory(), time.monotonic()
        rates = {"IN_RATE": 0.0, "OUT_RATE": 0.0}
        if self._before is not None and now > self._before[0]:
            at, came, went = self._before
            rates = {"IN_RATE": (swap.sin - came) / (now - at), "OUT_RATE": (swap.sout - went) / (now - at)}
        self._before = (now, swap.sin, swap.sout)
        if not swap.total:
            return Reading(
                detail="no swap here", values={"PERCENT": 0.0, "USED": 0, "TOTAL": 0, **rates}, value=0.0, unit="%"
            )
        return Reading(
            state=graded(swap.percent, self._options.warn, self._options.fail),
            detail=f"{swap.percent:.0f} % of {bytes_text(swap.total)} used",
            values={"PERCENT": swap.percent, "USED": swap.used, "TOTAL": swap.total, **rates},
            value=round(swap.percent, 1),
            unit="%",
        )
