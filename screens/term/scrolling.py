"""Rows that stand elsewhere on the screen already: found, so that they are moved and not sent."""

from __future__ import annotations

from collections import Counter
from typing import Final

from screens.term.cells import Grid

_ROWS: Final = 3  # rows that must be found elsewhere before scrolling is thought of


def find(shown: Grid, wanted: Grid, changed: list[int]) -> tuple[int, int, int] | None:
    """``(top, bottom, by)``: the rows *top* to *bottom* of *shown* go up by *by* (down when negative); None when too few
    of the *changed* rows are found."""
    places: dict[tuple[str, ...], list[int]] = {}
    for y in changed:
        places.setdefault((*shown.chars[y], *shown.looks[y]), []).append(y)
    votes: Counter[int] = Counter()
    found: dict[int, list[int]] = {}
    for y in changed:
        if all(char == " " for char in wanted.chars[y]):
            continue
        for source in places.get((*wanted.chars[y], *wanted.looks[y]), ())[:4]:
            votes[source - y] += 1
            found.setdefault(source - y, []).append(y)
    if not votes:
        return None
    by, rows = votes.most_common(1)[0]
    if by == 0 or rows < _ROWS:
        return None
    ys = found[by]
    return min(*ys, *(y + by for y in ys)), max(*ys, *(y + by for y in ys)), by


def scrolled(shown: Grid, top: int, bottom: int, by: int, paper: str) -> Grid:
    """*shown* after deleting (*by* > 0) or inserting lines at *top*, within *top* to *bottom*; new lines are blank."""
    result = shown.copy()
    for y in range(top, bottom + 1):
        source = y + by
        if top <= source <= bottom:
            result.chars[y], result.looks[y] = list(shown.chars[source]), list(shown.looks[source])
        else:
            result.chars[y], result.looks[y] = [" "] * shown.width, [paper] * shown.width
    return result
