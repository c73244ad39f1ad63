"""``self``: whether the watch keeps its times and can save what it sees."""

from __future__ import annotations

import asyncio
from typing import Final

from msgspec import Struct

from console.snapshot import DEGRADED, DOWN, OK
from console.watch.loop import WatchLoop
from console.watch.probing import Reading, Tools

PLACEHOLDERS: Final = frozenset(("LATENESS", "SKIPPED", "UNSAVED", "LOOK_UPS_STUCK"))
CONDITIONS: Final = ()


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of a ``self`` check."""

    warn_ms: float = 1000  # p99 of how late checks start


class Probe:
    """Reads what the watch knows of itself."""

    host = ""

    def __init__(self, options: Options, wanted: frozenset[str]) -> None:
        self._options = options

    async def measure(self, tools: Tools) -> Reading:
        vitals = tools.vitals()
        state, detail = OK, f"checks start {vitals.lateness_ms:.0f} ms late (p99)"
        if vitals.lateness_ms > self._options.warn_ms or vitals.skipped:
            state = DEGRADED
            detail += f", {vitals.skipped} runs left out in the last minute" if vitals.skipped else ""
        loop = asyncio.get_running_loop()
        stuck = loop.stuck() if isinstance(loop, WatchLoop) else 0
        if stuck:
            state = DEGRADED
            detail += f", the resolver is stuck: {stuck} name{'s' * (stuck > 1)} without an answer"
        if vitals.journal_error:
            state, detail = DOWN, f"{vitals.unsaved} events wait: {vitals.journal_error}"
        return Reading(
            state=state,
            detail=detail,
            values={
                "LATENESS": vitals.lateness_ms,
                "SKIPPED": vitals.skipped,
                "UNSAVED": vitals.unsaved,
                "LOOK_UPS_STUCK": stuck,
            },
            value=round(vitals.lateness_ms, 1),
            unit="ms",
        )
