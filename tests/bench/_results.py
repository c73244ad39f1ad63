"""What was measured of whom; printed as it comes in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

# measure -> (words, unit)
MEASURES: Final[dict[str, tuple[str, str]]] = {
    "first": ("first visible character", "ms"),
    "live": ("what it is for on the screen", "ms"),
    "stands": ("its screen stands, all lines read", "ms"),
    "cold first": ("first visible character, cold", "ms"),
    "cold live": ("what it is for on the screen, cold", "ms"),
    "start cpu": ("processor time until it stands", "ms"),
    "settled": ("bytes to the settled first screen", "B"),
    "rss": ("resident memory", "MiB"),
    "cursor B": ("a cursor key", "B"),
    "cursor ms": ("a cursor key, until the screen stands", "ms"),
    "page B": ("a page key", "B"),
    "page ms": ("a page key, until the screen stands", "ms"),
    "switch B": ("another screen", "B"),
    "switch ms": ("another screen, until it stands", "ms"),
    "tick B": ("a step ticked off", "B"),
    "typed B": ("a character typed into the middle of a line of 70", "B"),
    "tick unlike B": ("a step ticked off, steps unlike", "B"),
    "clock B": ("the clock, a second", "B"),
    "idle B/s": ("10 of 200 rows change a second", "B/s"),
    "idle cpu": ("the same, processor", "%"),
    "idle default B/s": ("as it comes, over the same processes", "B/s"),
    "unchanged B/s": ("sent without changing a cell", "B/s"),
}
TIMED_OUT: Final = float("inf")


@dataclass
class Results:
    """``of[measure][program]``; ``inf`` is what was not seen in time. ``notes`` are lines for the foot of the table."""

    of: dict[str, dict[str, float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def put(self, measure: str, program: str, value: float | None) -> None:
        """Keep a figure (None: not seen in time) and print it."""
        number = TIMED_OUT if value is None else value
        self.of.setdefault(measure, {})[program] = number
        words, unit = words_of(measure)
        print(f"    {program:<14} {words:<52} {shown(number)} {unit}", flush=True)

    def get(self, measure: str, program: str) -> float | None:
        """A figure; None when it was not measured."""
        return self.of.get(measure, {}).get(program)

    def note(self, line: str) -> None:
        """A line that belongs under the figures."""
        self.notes.append(line)
        print(f"    {line}", flush=True)


def words_of(measure: str) -> tuple[str, str]:
    """What a measure is called, and its unit, which ends its name (``…, ms``, ``… p95 ms``); else seconds."""
    if measure in MEASURES:
        return MEASURES[measure]
    found = re.fullmatch(r"(.*?)(?:, |(?<= p\d\d) )(ms|MiB|%)", measure)
    if found is not None:
        return found[1], found[2]
    return measure, "s"


def shown(value: float | None) -> str:
    """A number as people write it; ``never`` for what was not seen in time, a dash for what was not measured."""
    if value is None:
        return "–"
    if value == TIMED_OUT:
        return "never"
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value < 10 and value != int(value) else f"{value:.3g}"
