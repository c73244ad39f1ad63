"""``heartbeat``: a dead man's switch. A job says ``vigie beat NAME``; silence is the alarm."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from console.clock import span
from console.services import Span, spanned
from console.snapshot import DEGRADED, DOWN, OK, UNKNOWN
from console.watch.beats import good_name, last
from console.watch.probing import ProbeError, Reading, Tools

PLACEHOLDERS: Final = frozenset(("AGE", "FAILED", "MESSAGE"))
CONDITIONS: Final = ()


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of a ``heartbeat`` check."""

    beat: str  # the name that the job says
    every: Span
    grace: Span = spanned(0)  # late for so long is DEGRADED, then DOWN

    def __post_init__(self) -> None:
        if not good_name(self.beat):
            raise ValueError(f"beat: expected a name of letters, digits, '.', '_' and '-', got {self.beat!r}")
        if self.every <= 0:
            raise ValueError("every: expected more than 0s")


class Probe:
    """Reads the last heartbeat. One that never came is UNKNOWN: nobody knows whether the job was ever set up."""

    host = ""

    def __init__(self, options: Options, wanted: frozenset[str]) -> None:
        self._options = options

    async def measure(self, tools: Tools) -> Reading:
        folder, options = tools.beats, self._options
        if folder is None:
            raise ProbeError("no folder for heartbeats here")
        try:
            beat = await tools.blocking(lambda: last(folder, options.beat))
        except OSError as error:
            raise ProbeError(f"the heartbeat can't be read: {error}") from None
        if beat is None:
            words = f"no heartbeat yet: the job has to run `vigie beat {options.beat}`"
            return Reading(state=UNKNOWN, detail=words)
        age = (datetime.now(UTC) - beat.at).total_seconds()
        late = age - options.every
        state, detail = OK, f"{span(max(0.0, age))} ago"
        if not beat.ok:
            state, detail = DOWN, f"the job said that it failed, {span(max(0.0, age))} ago"
        elif late >= options.grace and late >= 0:
            state, detail = DOWN, f"silent for {span(age)}, expected every {span(options.every)}"
        elif late >= 0:
            state, detail = DEGRADED, f"late by {span(late)}, DOWN in {span(options.grace - late)}"
        return Reading(
            state=state,
            detail=detail + (f": {beat.message}" if beat.message else ""),
            values={"AGE": age * 1000, "FAILED": not beat.ok, "MESSAGE": beat.message},
            value=round(age, 1),
            unit="s",
            certain=True,
        )
