"""What must be written to change rows of a screen: pieces of text of one look, blanks, erased ends of lines, and cells
moved sideways."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from operator import and_, ne, or_
from typing import Final

from msgspec import Struct

from screens.term.abilities import Abilities
from screens.term.brush import Brush, Pen, repeating
from screens.term.cells import Grid, are_certain, is_certain
from screens.term.scrolling import shifted, shifts
from screens.term.styles import blank, erasable

_GAP: Final = 4  # unchanged cells between two changed ones that cost no more than a move over them
_TAIL: Final = 3  # so many blanks at the end of a line at least are worth an erasing sequence
_BLANKS: Final = 8  # so many elsewhere
_SHIFTED: Final = 12  # so many cells of text at least, or moving what is there already is no shorter
_NO_BLANKS: Final = re.compile("[^ ]+")
_MARKED: Final = re.compile(rb"\x01+")


class Piece(Struct, frozen=True):
    """Cells ``[x, end)`` of row *y*. ``kind``: ``text`` in *look*; ``blanks`` or ``tail`` (to the end of the line) in the
    paper *look*; ``shift``: what stands at *x* goes to *end*, and with it the rest of the row. ``order``: must come behind
    what stands left of it."""

    y: int
    x: int
    end: int
    look: str
    kind: str
    order: bool = False
    text: str | None = None  # of a ``text``, where every cell is certain: it is put together once, and written by many

    def write(self, brush: Brush, wanted: Grid) -> None:
        """Write it."""
        if self.kind == "tail":
            brush.erase_line(self.y, self.x, self.look)
        elif self.kind == "blanks":
            brush.blanks(self.y, self.x, self.end - self.x, self.look)
        elif self.kind == "shift":
            brush.shift(self.y, self.x, self.end - self.x, self.look)
        else:
            brush.move(self.y, self.x)
            brush.wear(self.look)
            if self.text is not None:
                brush.certain(self.text, self.end)
                return
            brush.cells(self.y, self.x, wanted.chars[self.y][self.x : self.end])


def pieces_of_row(shown: Grid, wanted: Grid, y: int, can: Abilities) -> list[Piece]:
    """What turns row *y* of *shown* into that of *wanted*, from left to right; what has moved sideways is moved first."""
    if shown.chars[y] == wanted.chars[y] and shown.looks[y] == wanted.looks[y]:
        return []
    found = _pieces(shown.chars[y], shown.looks[y], wanted, y, can)
    if not can.ich or sum(piece.end - piece.x for piece in found if piece.kind == "text") < _SHIFTED:
        return found
    moves = shifts(shown.chars[y], shown.looks[y], wanted.chars[y], wanted.looks[y])
    if not moves:
        return found
    last = wanted.looks[y][-1]
    paper = blank(last) if can.bce and erasable(last) else ""
    chars, looks = shifted(shown.chars[y], shown.looks[y], moves, paper)
    other = [Piece(y, x, x + by, paper, "shift") for x, by in moves] + _pieces(chars, looks, wanted, y, can)
    return min(found, other, key=lambda pieces: _length(pieces, wanted, y, can))


def _length(pieces: list[Piece], wanted: Grid, y: int, can: Abilities) -> int:
    """How many bytes they take by themselves, about."""
    brush = Brush(Pen(y, 0, wanted.looks[y][0]), can, wanted.width)
    for piece in pieces:
        piece.write(brush, wanted)
    return len(brush.text())


def _pieces(old_chars: list[str], old_looks: list[str], wanted: Grid, y: int, can: Abilities) -> list[Piece]:
    chars, looks = wanted.chars[y], wanted.looks[y]
    runs = _runs(old_chars, old_looks, chars, looks)
    if not runs:
        return []
    certain = are_certain(chars)
    order = not certain and _behind_uncertain(runs, chars)
    width = len(chars)
    tail, paper = width, blank(looks[-1])
    if erasable(looks[-1]) and (can.bce or not paper):
        while tail and chars[tail - 1] == " " and blank(looks[tail - 1]) == paper:
            tail -= 1
    found: list[Piece] = []
    for start, end in runs:
        if end > tail and end - max(start, tail) >= _TAIL:
            found += _split(y, start, tail, chars, looks, can, order, certain)
            found.append(Piece(y, max(start, tail), width, paper, "tail", order))
            break
        found += _split(y, start, end, chars, looks, can, order, certain)
    return found


def _runs(chars: list[str], looks: list[str], new_chars: list[str], new_looks: list[str]) -> list[tuple[int, int]]:
    """The changed cells of a row as ``[start, end)``, whole characters, near ones joined."""
    if "" in chars or "" in new_chars:
        return _runs_of_wide(chars, looks, new_chars, new_looks)
    runs: list[tuple[int, int]] = []
    start = end = -1
    for first, stop in _stretches(chars, looks, new_chars, new_looks):
        if end >= 0 and not _joins(new_chars, new_looks, end, first):
            runs.append((start, end))
            start = first
        elif end < 0:
            start = first
        end = stop
    if end >= 0:
        runs.append((start, end))
    return runs


def _stretches(
    chars: list[str], looks: list[str], new_chars: list[str], new_looks: list[str]
) -> Iterator[tuple[int, int]]:
    """The changed cells of a row without wide characters as ``[start, end)``. Every frame waits for this: no cell is looked
    at in Python unless the row is of several papers."""
    one_paper = len({blank(look) for look in {*looks, *new_looks}}) == 1
    if one_paper and chars.count(" ") == len(chars):
        text = "".join(new_chars)
        if len(text) == len(new_chars):  # else there are combining marks
            return (found.span() for found in _NO_BLANKS.finditer(text))
    if one_paper:
        other: Iterable[bool] = map(ne, chars, new_chars)
        if looks != new_looks:  # a blank looks the same in both
            other = map(or_, other, map(and_, map(ne, looks, new_looks), map(" ".__ne__, chars)))
        marks = bytes(other)
    else:
        marks = bytes(
            char != new_char or (look != new_look and (char != " " or blank(look) != blank(new_look)))
            for char, look, new_char, new_look in zip(chars, looks, new_chars, new_looks, strict=True)
        )
    return (found.span() for found in _MARKED.finditer(marks))


def _runs_of_wide(
    chars: list[str], looks: list[str], new_chars: list[str], new_looks: list[str]
) -> list[tuple[int, int]]:
    width = len(new_chars)
    runs: list[tuple[int, int]] = []
    start = end = -1
    for x in range(width):
        if x < end or (
            chars[x] == new_chars[x]
            and (looks[x] == new_looks[x] or (chars[x] == " " and blank(looks[x]) == blank(new_looks[x])))
        ):
            continue
        first = x
        while first > 0 and (new_chars[first] == "" or chars[first] == ""):
            first -= 1
        if end >= 0 and not (first <= end or _joins(new_chars, new_looks, end, first)):
            runs.append((start, end))
            start = first
        elif end < 0:
            start = first
        end = x + 1
        while end < width and (new_chars[end] == "" or chars[end] == ""):
            end += 1
    if end >= 0:
        runs.append((start, end))
    return runs


def _joins(chars: list[str], looks: list[str], end: int, start: int) -> bool:
    """Whether writing the unchanged cells ``[end, start)`` again is no longer than moving over them."""
    if start - end > _GAP:
        return False
    cells = chars[end:start]
    return looks[end:start].count(looks[end - 1]) == start - end and "" not in cells and "".join(cells).isascii()


def _behind_uncertain(runs: list[tuple[int, int]], chars: list[str]) -> bool:
    """A terminal may draw an uncertain character wider than we count, over its neighbour: that is written again, behind
    it. Whether there is one; *runs* are made longer."""
    there = False
    for number, (start, end) in enumerate(runs):
        x, stop = start, end
        while x < stop:
            after = _next(chars, x)
            if not is_certain(chars[x], after > x + 1):
                there = True
                if after >= stop and after < len(chars):
                    stop = _next(chars, after)
            x = after
        runs[number] = (start, stop)
    # Made longer, one may reach into the next.
    for number in range(len(runs) - 1, 0, -1):
        if runs[number - 1][1] >= runs[number][0]:
            runs[number - 1] = (runs[number - 1][0], max(runs[number - 1][1], runs[number][1]))
            del runs[number]
    return there


def _next(chars: list[str], x: int) -> int:
    """Where the character behind the one at *x* begins."""
    x += 1
    while x < len(chars) and chars[x] == "":
        x += 1
    return x


def _split(
    y: int, start: int, end: int, chars: list[str], looks: list[str], can: Abilities, order: bool, certain: bool
) -> Iterator[Piece]:
    """Cells ``[start, end)`` as pieces of one look each."""
    x = start
    while x < end:
        paper = blank(looks[x])
        stop = x
        while stop < end and chars[stop] == " " and blank(looks[stop]) == paper:
            stop += 1
        if stop - x >= _BLANKS and (can.rep or (can.ech and erasable(paper) and (can.bce or not paper))):
            yield Piece(y, x, stop, paper, "blanks", order)
            x = stop
            continue
        # Blanks go along with the text before or behind them.
        look: str | None = None
        at = x
        while at < end:
            if chars[at] == " ":
                if blank(looks[at]) != paper:
                    break
                ahead = at
                while ahead < end and chars[ahead] == " " and blank(looks[ahead]) == paper:
                    ahead += 1
                if at > x and ahead - at >= _BLANKS:
                    break
                at = ahead
                continue
            if look is None and blank(looks[at]) == paper:
                look = looks[at]
            elif looks[at] != look:
                break
            at += 1
            while at < end and chars[at] == "":
                at += 1
        text = repeating("".join(chars[x:at]), at - x, can) if certain else None
        yield Piece(y, x, at, paper if look is None else look, "text", order, text)
        x = at
