"""``cpu``: how busy the processors were since the last run."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from msgspec import Struct

from console.watch.probing import Reading, Tools, graded

PLACEHOLDERS: Final = frozenset(("PERCENT", "IOWAIT", "STEAL"))
CONDITIONS: Final = ()
_FIRST_SAMPLE_S: Final = 0.25


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of a ``cpu`` check: limits in percent of all processors."""

    warn: float | None = 95
    fail: float | None = None


class Probe:
    """Compares the kernel's counters with those of the run before."""

    host = ""

    def __init__(self, options: Options, wanted: frozenset[str]) -> None:
        self._options = options
        self._before: Any = None

    async def measure(self, tools: Tools) -> Reading:
        import psutil

        if self._before is None:
            self._before = psutil.cpu_times()
            await asyncio.sleep(_FIRST_SAMPLE_S)
        now = psutil.cpu_times()
        spent = {name: max(0.0, getattr(now, name) - getattr(self._before, name)) for name in now._fields}
        self._before = now
        # guest time is counted in user time too
        total = sum(spent.values()) - spent.get("guest", 0.0) - spent.get("guest_nice", 0.0)
        if total <= 0:
            return Reading(detail="no tick since the last run", values={"PERCENT": 0.0, "IOWAIT": 0.0, "STEAL": 0.0})
        iowait = 100 * spent.get("iowait", 0.0) / total
        steal = 100 * spent.get("steal", 0.0) / total
        percent = 100 - 100 * spent["idle"] / total - iowait
        detail = f"{percent:.0f} % busy"
        detail += f", {iowait:.0f} % waiting for disks" if iowait >= 5 else ""
        detail += f", {steal:.0f} % stolen" if steal >= 5 else ""
        return Reading(
            state=graded(percent, self._options.warn, self._options.fail),
            detail=detail,
            values={"PERCENT": percent, "IOWAIT": iowait, "STEAL": steal},
            value=round(percent, 1),
            unit="%",
        )
