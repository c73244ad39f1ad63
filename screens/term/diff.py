"""The shortest way from what a terminal shows to what it should show: changed cells, relative moves, erasing, scrolling.

Sequences are those of ECMA-48 and the VT100 that every terminal has, the Linux console too: CUP, CUF, CUB, CUU, CUD,
EL, ED, IL, DL, SGR, DECSTBM. Automatic wrapping (DECAWM) and origin mode are expected to be off.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from screens.term.cells import Grid, is_certain
from screens.term.styles import blank, change, erasable

_GAP: Final = 4  # unchanged cells between two changed ones that cost no more than a move over them
_ERASE: Final = 3  # so many blanks at least are worth an erasing sequence
_SCROLL_ROWS: Final = 3  # rows that must be found elsewhere before scrolling is thought of
_SCROLL_GAIN: Final = 40  # cells that scrolling must save


@dataclass
class Pen:
    """Where the terminal's cursor is, from 0, and how it writes; None is unknown."""

    row: int | None = None
    column: int | None = None
    look: str | None = None


def paint(shown: Grid | None, wanted: Grid, pen: Pen, *, erases_with_background: bool = True) -> str:
    """The sequences that make a terminal that shows *shown* (None: unknown) show *wanted*; "" when it does already.

    *pen* is moved along; *shown* is left as it was. ``erases_with_background`` (``bce`` in terminfo): erased cells take
    the background that is set.
    """
    out: list[str] = []
    if shown is None or (shown.width, shown.height) != (wanted.width, wanted.height):
        out.append("\x1b[m\x1b[H\x1b[2J")
        pen.row, pen.column, pen.look = 0, 0, ""
        shown = Grid(wanted.width, wanted.height)
    changed = [
        y for y in range(wanted.height) if shown.chars[y] != wanted.chars[y] or shown.looks[y] != wanted.looks[y]
    ]
    if len(changed) > _SCROLL_ROWS:
        moved = _scroll(shown, wanted, changed)
        if moved is not None:
            top, bottom, by = moved
            if pen.look is None or blank(pen.look):  # the lines that come in take the background that is set
                out.append(change(pen.look, ""))
                pen.look = ""
            verb = "M" if by > 0 else "L"
            count = "" if abs(by) == 1 else str(abs(by))
            out.append(f"\x1b[{top + 1};{bottom + 1}r\x1b[{top + 1}H\x1b[{count}{verb}\x1b[r")
            pen.row = pen.column = None  # home, says the VT100; not every terminal goes there
            shown = _scrolled(shown, top, bottom, by)
            changed = list(range(wanted.height))
    for y in changed:
        _row(out, shown.chars[y], shown.looks[y], wanted.chars[y], wanted.looks[y], y, pen, erases_with_background)
    return "".join(out)


def _differs(char: str, look: str, new_char: str, new_look: str) -> bool:
    if char != new_char:
        return True
    if look == new_look:
        return False
    return not (char == " " and blank(look) == blank(new_look))


def _runs(chars: list[str], looks: list[str], new_chars: list[str], new_looks: list[str]) -> list[tuple[int, int]]:
    """The changed cells of a row as ``[start, end)``, whole characters, near ones joined."""
    if chars == new_chars and looks == new_looks:
        return []
    width = len(new_chars)
    runs: list[tuple[int, int]] = []
    x = 0
    while x < width:
        if not _differs(chars[x], looks[x], new_chars[x], new_looks[x]):
            x += 1
            continue
        start = x
        while start > 0 and (new_chars[start] == "" or chars[start] == ""):
            start -= 1
        end = x + 1
        while end < width and (
            new_chars[end] == "" or chars[end] == "" or _differs(chars[end], looks[end], new_chars[end], new_looks[end])
        ):
            end += 1
        if runs and (start <= runs[-1][1] or _joins(new_chars, new_looks, runs[-1][1], start)):
            start = runs.pop()[0]
        runs.append((start, end))
        x = end
    return runs


def _joins(chars: list[str], looks: list[str], end: int, start: int) -> bool:
    """Whether writing the unchanged cells ``[end, start)`` again is no longer than moving over them."""
    if start - end > _GAP:
        return False
    look = looks[end - 1]
    return all(chars[x].isascii() and chars[x] and looks[x] == look for x in range(end, start))


def _row(
    out: list[str],
    chars: list[str],
    looks: list[str],
    new_chars: list[str],
    new_looks: list[str],
    y: int,
    pen: Pen,
    erases_with_background: bool,
) -> None:
    runs = _runs(chars, looks, new_chars, new_looks)
    if not runs:
        return
    width = len(new_chars)
    # The blanks at the end of the row, all alike.
    tail, paper = width, blank(new_looks[-1])
    if erasable(new_looks[-1]) and (erases_with_background or not paper):
        while tail and new_chars[tail - 1] == " " and blank(new_looks[tail - 1]) == paper:
            tail -= 1
    for start, end in runs:
        erase = end > tail and end - max(start, tail) >= _ERASE
        _move(out, pen, y, start)
        _write(out, pen, new_chars, new_looks, start, min(end, tail) if erase else end, width)
        if erase:
            if pen.column is None:
                _move(out, pen, y, max(start, tail))
            if pen.look is None or blank(pen.look) != paper:
                out.append(change(pen.look, paper))
                pen.look = paper
            out.append("\x1b[K")
            return  # to the end of the row


def _write(out: list[str], pen: Pen, chars: list[str], looks: list[str], start: int, end: int, width: int) -> None:
    x = start
    while x < end:
        char, look = chars[x], looks[x]
        if look != pen.look and not (char == " " and pen.look is not None and blank(look) == blank(pen.look)):
            out.append(change(pen.look, look))
            pen.look = look
        out.append(char)
        x += 1
        while x < end and chars[x] == "":
            x += 1
        pen.column = x if x < width else None
        if not is_certain(char):
            pen.column = None
            if x < end:
                _move(out, pen, pen.row or 0, x)


def _move(out: list[str], pen: Pen, y: int, x: int) -> None:
    """Take the cursor to (*x*, *y*) by the shortest sequence."""
    row, column = pen.row, pen.column
    if row == y and column == x:
        return
    ways = [f"\x1b[{y + 1};{x + 1}H" if x else f"\x1b[{y + 1}H" if y else "\x1b[H"]
    if row == y:
        if column is not None:
            far = x - column
            if far:
                ways.append(f"\x1b[{_count(abs(far))}{'C' if far > 0 else 'D'}")
            if -4 < far < 0:
                ways.append("\b" * -far)
        ways.append("\r" + (f"\x1b[{_count(x)}C" if x else ""))
    elif row is not None and column is not None and column == x:
        ways.append(f"\x1b[{_count(abs(y - row))}{'B' if y > row else 'A'}")
    if row is not None and 0 < y - row < 4:
        ways.append("\r" + "\n" * (y - row) + (f"\x1b[{_count(x)}C" if x else ""))
    out.append(min(ways, key=len))
    pen.row, pen.column = y, x


def _count(number: int) -> str:
    return "" if number == 1 else str(number)


# ── scrolling ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _scroll(shown: Grid, wanted: Grid, changed: list[int]) -> tuple[int, int, int] | None:
    """``(top, bottom, by)``: the rows *top* to *bottom* go up by *by* (down when negative); None when it does not pay."""
    places: dict[tuple[str, ...], list[int]] = {}
    for y in changed:
        key = (*shown.chars[y], *shown.looks[y])
        places.setdefault(key, []).append(y)
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
    if by == 0 or rows < _SCROLL_ROWS:
        return None
    ys = found[by]
    top, bottom = min(*ys, *(y + by for y in ys)), max(*ys, *(y + by for y in ys))
    scrolled = _scrolled(shown, top, bottom, by)
    without = sum(_distance(shown, wanted, y) for y in range(top, bottom + 1))
    with_it = sum(_distance(scrolled, wanted, y) for y in range(top, bottom + 1))
    return (top, bottom, by) if with_it + _SCROLL_GAIN < without else None


def _distance(shown: Grid, wanted: Grid, y: int) -> int:
    return sum(
        _differs(char, look, new_char, new_look)
        for char, look, new_char, new_look in zip(
            shown.chars[y], shown.looks[y], wanted.chars[y], wanted.looks[y], strict=True
        )
    )


def _scrolled(shown: Grid, top: int, bottom: int, by: int) -> Grid:
    """*shown* after deleting (*by* > 0) or inserting lines at *top*, within *top* to *bottom*; new lines are blank."""
    result = shown.copy()
    for y in range(top, bottom + 1):
        source = y + by
        if top <= source <= bottom:
            result.chars[y], result.looks[y] = list(shown.chars[source]), list(shown.looks[source])
        else:
            result.chars[y], result.looks[y] = [" "] * shown.width, [""] * shown.width
    return result
