"""A frame in portions, for a link that is slow: what is looked at goes ahead, and a key need not wait for the rest.

Each portion is worked out from what the terminal shows by then and from the newest frame: what has changed again
meanwhile is sent once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from screens.term.abilities import Abilities
from screens.term.cells import Grid
from screens.term.diff import Pen, shortest

LEAST: Final = 400  # bytes; below it what each portion begins and ends with is too much of it
_AT_ONCE: Final = 2  # portions that are on their way together anyway


def portion_for(trip: float, rate: float) -> int:
    """Bytes of a portion on a link of *rate* bytes a second, *trip* seconds there and back: half of what is on its way."""
    return max(int(trip * rate / 2), LEAST)


def unasked(limit: int) -> int:
    """Bytes of a portion that nobody waits for, instead of *limit*."""
    return limit // 2


def next_portion(
    shown: Grid | None, wanted: Grid, pen: Pen, can: Abilities, limit: int | None, first: Sequence[int] = ()
) -> tuple[str, Grid]:
    """What to send, about *limit* bytes at most (None: everything), and what the terminal shows then: whole rows, *first*
    ahead, then those nearest to the last of these. *pen* is moved along."""
    found = shortest(shown, wanted, pen, can)
    if found is None:
        return "", wanted.copy()
    way, done = found
    if limit is None or len(done.text()) <= limit * _AT_ONCE:
        done.hand_on(pen)
        return done.text(), wanted.copy()
    rows = [y for y in way.rows if way.base.chars[y] != wanted.chars[y] or way.base.looks[y] != wanted.looks[y]]
    rows.sort(key=lambda y: _turn(y, first))
    many = bisect_right(
        range(len(rows)), limit, lo=1, key=lambda number: len(way.filled(wanted, sorted(rows[: number + 1])).text())
    )
    taken = sorted(rows[:many])
    part = way.filled(wanted, taken)
    part.hand_on(pen)
    after = way.base.copy()
    for y in taken:
        after.chars[y], after.looks[y] = list(wanted.chars[y]), list(wanted.looks[y])
    return part.text(), after


def _turn(y: int, first: Sequence[int]) -> tuple[int, int]:
    return (first.index(y), 0) if y in first else (len(first), abs(y - first[-1]) if first else y)
