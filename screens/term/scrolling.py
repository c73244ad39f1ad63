"""Rows that stand elsewhere on the screen already, and cells elsewhere in their row: found, so that they are moved and
not sent."""

from __future__ import annotations

from collections import Counter
from typing import Final

from screens.term.cells import Grid, are_certain
from screens.term.styles import blank

_ROWS: Final = 3  # rows that must be found elsewhere before scrolling is thought of
_ANCHOR: Final = 6  # characters by which a text is found again in its row
_FAR: Final = 24  # cells that it may have moved

Shift = tuple[int, int]  # a column, and how many blanks are inserted there; negative: cells deleted


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


def shifts(chars: list[str], looks: list[str], new_chars: list[str], new_looks: list[str]) -> list[Shift]:
    """What moves cells of a row sideways to where they should stand; empty when too little is found elsewhere in it. What
    is right of all changes is moved back to its place."""
    width = len(chars)
    if chars.count(" ") == width:
        return []
    if "" in chars or "" in new_chars or not are_certain(chars) or not are_certain(new_chars):
        return []  # terminals disagree what is left of half a wide character
    start, end = 0, width
    while start < end and chars[start] == new_chars[start] and looks[start] == new_looks[start]:
        start += 1
    while end > start and chars[end - 1] == new_chars[end - 1] and looks[end - 1] == new_looks[end - 1]:
        end -= 1
    old, new = "".join(chars), "".join(new_chars)
    by = _moved(old, new, start, end)
    if not by:
        return []
    rest = {blank(look) for look in looks[end:]} if not old[end:].strip(" ") else {"", "-"}
    alone = end == width or len(rest) == 1  # nothing but blanks follows
    if by > 0:
        return [(start, by)] if alone else [(end - by, -by), (start, by)]
    return [(start, by)] if alone else [(start, by), (end + by, -by)]


def _moved(old: str, new: str, start: int, end: int) -> int:
    """By how many cells the text in ``[start, end)`` has moved to the right; 0 when that can't be seen."""
    text = new[start:end].rstrip()
    for at in (len(text) - _ANCHOR, (len(text) - _ANCHOR) // 2):
        anchor = text[at : at + _ANCHOR]
        if at < 0 or not anchor.strip():
            continue
        place = start + at
        found = old.find(anchor, max(place - _FAR, start), place + _FAR + _ANCHOR)
        if found >= 0 and found != place and old.find(anchor, found + 1, place + _FAR + _ANCHOR) < 0:
            return place - found
    return 0


def shifted(chars: list[str], looks: list[str], moves: list[Shift], paper: str) -> tuple[list[str], list[str]]:
    """The row after *moves*; what comes in is blank."""
    width = len(chars)
    for x, by in moves:
        if by > 0:
            chars = (chars[:x] + [" "] * by + chars[x:])[:width]
            looks = (looks[:x] + [paper] * by + looks[x:])[:width]
        else:
            chars = chars[:x] + chars[x - by :] + [" "] * -by
            looks = looks[:x] + looks[x - by :] + [paper] * -by
    return chars, looks
