"""The shortest way from what a terminal shows to what it should show.

Several ways are written out and the shortest is taken: the changed cells row by row, or look by look (a change of colour
is longer than a move); with rows scrolled that stand elsewhere already, and cells of a row moved sideways; with the rest of
the screen erased first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from screens.term import scrolling
from screens.term.abilities import Abilities
from screens.term.brush import Brush, Pen, repeating
from screens.term.cells import Grid
from screens.term.pieces import Piece, pieces_of_row
from screens.term.styles import blank, change, erasable

__all__ = ["Pen", "Way", "paint", "shortest"]

_MANY: Final = 12  # pieces from which on another order may be shorter
_LONG: Final = 160  # bytes from which on another way is looked for
_CHANGED: Final = 3  # rows

_VT220: Final = Abilities()

_Known = dict[tuple[int, str | None], list[Piece]]  # by row and the paper it was erased in; None: not erased


class Way(Struct):
    """One way to a frame: what is written first (a screen erased, rows scrolled), what the terminal shows then, and the rows
    that are to be filled. What turned out for a row stays in *known*, for other ways from the same rows, too; *erased*: from
    which row on the base is blank, and in which paper."""

    brush: Brush
    base: Grid
    rows: Sequence[int]
    known: _Known
    erased: tuple[int, str] | None = None

    def filled(self, wanted: Grid, rows: Sequence[int]) -> Brush:
        """What is written so that *rows* are as *wanted*, in the order that is shorter."""
        pieces = [piece for y in rows for piece in self._pieces(wanted, y)]
        if len(pieces) < _MANY:
            return _written(self.brush, pieces, wanted)
        bare = _without_joints(pieces, self.base, wanted, self.brush.can)
        by_look = _written(self.brush, _by_look(bare, self.brush.pen.look), wanted)
        if _least(self.brush, pieces) > len(by_look.text()):
            return by_look
        straight = _written(self.brush, pieces, wanted)
        return by_look if len(by_look.text()) < len(straight.text()) else straight

    def _pieces(self, wanted: Grid, y: int) -> list[Piece]:
        key = (y, self.erased[1] if self.erased is not None and y >= self.erased[0] else None)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = pieces_of_row(self.base, wanted, y, self.brush.can)
        return found


def paint(shown: Grid | None, wanted: Grid, pen: Pen, can: Abilities = _VT220) -> str:
    """The sequences that make a terminal that shows *shown* (None: unknown) show *wanted*; "" when it does already.

    *pen* is moved along; *shown* is left as it was.
    """
    found = shortest(shown, wanted, pen, can)
    if found is None:
        return ""
    found[1].hand_on(pen)
    return found[1].text()


def shortest(shown: Grid | None, wanted: Grid, pen: Pen, can: Abilities) -> tuple[Way, Brush] | None:
    """The shortest way, and all that is written on it; None when nothing has changed."""
    rows = range(wanted.height)
    if shown is None or (shown.width, shown.height) != (wanted.width, wanted.height):
        brush = Brush(pen, can, wanted.width)
        paper = _paper(wanted, 0, can)
        brush.clear(paper)
        way = Way(brush, _empty(wanted, paper), rows, {})
        return way, way.filled(wanted, rows)
    changed = [y for y in rows if shown.chars[y] != wanted.chars[y] or shown.looks[y] != wanted.looks[y]]
    if not changed:
        return None
    best = Way(Brush(pen, can, wanted.width), shown, changed, {})
    done = best.filled(wanted, changed)
    if len(changed) > _CHANGED and len(done.text()) > _LONG:
        for other in _other_ways(shown, wanted, pen, can, changed, best.known, done):
            written = other.filled(wanted, other.rows)
            if len(written.text()) < len(done.text()):
                best, done = other, written
    return best, done


def _other_ways(
    shown: Grid, wanted: Grid, pen: Pen, can: Abilities, changed: list[int], known: _Known, done: Brush
) -> Iterator[Way]:
    """Ways that may be shorter than *done*."""
    scrolled = _by_scrolling(shown, wanted, pen, can, changed)
    if scrolled is not None:
        yield scrolled
    for start in _starts(changed):
        if _written_cells(wanted, start) < len(done.text()):  # or it can't be shorter
            yield _erased(shown, wanted, pen, can, changed, known, start)


def _written_cells(wanted: Grid, start: int) -> int:
    """Cells from row *start* on that are not blank."""
    return sum(wanted.width - row.count(" ") for row in wanted.chars[start:])


def _least(brush: Brush, pieces: list[Piece]) -> int:
    """Bytes that *pieces* take at least, written in this order: their text and their looks, without a move."""
    size, worn = len(brush.text()), brush.pen.look
    for piece in pieces:
        if piece.kind == "text":
            size += len(change(worn, piece.look)) + (0 if piece.text is None else len(piece.text))
            worn = piece.look
        elif worn is None or blank(worn) != piece.look:
            worn = piece.look  # at the least: what is worn after a blank is counted with the next text
    return size


def _written(brush: Brush, pieces: list[Piece], wanted: Grid) -> Brush:
    """Another brush that wrote *pieces* behind what *brush* wrote."""
    other = Brush(brush.pen, brush.can, wanted.width)
    other.out = list(brush.out)
    for piece in pieces:
        piece.write(other, wanted)
    return other


def _without_joints(pieces: list[Piece], shown: Grid, wanted: Grid, can: Abilities) -> list[Piece]:
    """*pieces* without the unchanged cells at their ends: those only join one to the next, which does not come next now."""
    moved = {piece.y for piece in pieces if piece.kind == "shift"}  # there it is not what is shown that counts
    return [
        piece if piece.kind != "text" or piece.order or piece.y in moved else _bare(piece, shown, wanted, can)
        for piece in pieces
    ]


def _bare(piece: Piece, shown: Grid, wanted: Grid, can: Abilities) -> Piece:
    y, x, end = piece.y, piece.x, piece.end
    while end - x > 1 and _stands(shown, wanted, y, end - 1):
        end -= 1
    while end - x > 1 and _stands(shown, wanted, y, x):
        x += 1
    if end - x == piece.end - piece.x:
        return piece
    text = None if piece.text is None else repeating("".join(wanted.chars[y][x:end]), end - x, can)
    return Piece(y, x, end, piece.look, piece.kind, text=text)


def _stands(shown: Grid, wanted: Grid, y: int, x: int) -> bool:
    """Whether a cell is a blank that is there already."""
    if shown.chars[y][x] != " " or wanted.chars[y][x] != " ":
        return False
    return blank(shown.looks[y][x]) == blank(wanted.looks[y][x])


def _by_look(pieces: list[Piece], worn: str | None) -> list[Piece]:
    """*pieces* look by look: what is worn first, then as they come; blanks with the first look of their paper."""
    first: dict[str, int] = {} if worn is None else {worn: 0}
    papers: dict[str, int] = {} if worn is None else {blank(worn): 0}
    for piece in pieces:
        if piece.kind == "text" and not piece.order:
            papers.setdefault(blank(piece.look), first.setdefault(piece.look, len(first)))
    last = len(first) + 1

    def place(piece: Piece) -> int:
        if piece.kind == "shift":
            return -1  # its row is written over afterwards
        if piece.order:
            return last
        return papers.get(piece.look, last - 1) if piece.kind != "text" else first[piece.look]

    return sorted(pieces, key=place)  # stable: rows stay in their order


def _by_scrolling(shown: Grid, wanted: Grid, pen: Pen, can: Abilities, changed: list[int]) -> Way | None:
    found = scrolling.find(shown, wanted, changed)
    if found is None:
        return None
    top, bottom, by = found
    paper = _paper(wanted, top, can)
    brush = Brush(pen, can, wanted.width)
    brush.scroll(top, bottom, by, paper)
    return Way(brush, scrolling.scrolled(shown, top, bottom, by, paper), range(wanted.height), {})


def _starts(changed: list[int]) -> set[int]:
    """Rows from which on erasing may pay: the first that changes, and the first of the longest row of them."""
    best = start = longest = 0
    for at in range(1, len(changed) + 1):
        if at == len(changed) or changed[at] != changed[at - 1] + 1:
            if at - start > best:
                best, longest = at - start, changed[start]
            start = at
    return {changed[0], longest}


def _erased(shown: Grid, wanted: Grid, pen: Pen, can: Abilities, changed: list[int], known: _Known, start: int) -> Way:
    """The screen erased from row *start* on."""
    paper = _paper(wanted, start, can)
    brush = Brush(pen, can, wanted.width)
    brush.erase_below(start, paper)
    rows = [y for y in changed if y < start] + list(range(start, wanted.height))
    after = _empty(wanted, paper)
    after.chars[:start], after.looks[:start] = shown.chars[:start], shown.looks[:start]
    return Way(brush, after, rows, known, (start, paper))


def _paper(wanted: Grid, start: int, can: Abilities) -> str:
    """What erased cells from row *start* on should look like: as most blanks do, if the terminal can."""
    if not can.bce:
        return ""
    papers: Counter[str] = Counter()
    for chars, looks in zip(wanted.chars[start:], wanted.looks[start:], strict=True):
        if chars[-1:] == [" "] and erasable(looks[-1]):  # at the end of a line stand most of them
            papers[blank(looks[-1])] += 1
    return papers.most_common(1)[0][0] if papers else ""


def _empty(wanted: Grid, paper: str) -> Grid:
    grid = Grid(wanted.width, wanted.height)
    if paper:
        grid.looks = [[paper] * wanted.width for _ in range(wanted.height)]
    return grid
