"""``load``: the load average for each processor."""

from __future__ import annotations

import os
from typing import Final

from msgspec import Struct

from console.watch.probing import Reading, Tools, graded

PLACEHOLDERS: Final = frozenset(("LOAD1", "LOAD5", "LOAD15", "CPUS", "PER_CPU"))
CONDITIONS: Final = ()


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of a ``load`` check: limits on the 5-minute load for each processor."""

    warn: float | None = 4
    fail: float | None = None


class Probe:
    """Reads the load averages."""

    host = ""

    def __init__(self, options: Options, wanted: frozenset[str]) -> None:
        self._options = options

    async def measure(self, tools: Tools) -> Reading:
        one, five, fifteen = os.getloadavg()
        cpus = os.cpu_count() or 1
        return Reading(
            state=graded(five / cpus, self._options.warn, self._options.fail),
            detail=f"load {one:.2f} {five:.2f} {fifteen:.2f} on {cpus} cpus",
            values={"LOAD1": one, "LOAD5": five, "LOAD15": fifteen, "CPUS": cpus, "PER_CPU": five / cpus},
            value=round(one, 2),
            unit="",
        )
