"""Writes cells, moves and erasures as the shortest sequences, from where the cursor is and how it writes.

Sequences are those of ECMA-48 and the VT100 (CUP, CUU, CUD, CUF, CUB, EL, ED, IL, DL, SGR, DECSTBM), and of
:class:`~screens.term.abilities.Abilities` those that the terminal has. Automatic wrapping (DECAWM) and origin mode are
expected to be off.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from screens.term.abilities import Abilities
from screens.term.cells import are_certain, is_certain
from screens.term.styles import blank, change

_REPEATED: Final = 6  # so many equal characters at least are worth a sequence
_AGAIN: Final = re.compile(rf"([ -~])\1{{{_REPEATED - 1},}}")  # ASCII is all that some terminals repeat
_FEEDS: Final = 3  # line feeds that are no longer than the sequence


class Pen(Struct):
    """Where the terminal's cursor is, from 0, and how it writes; None is unknown."""

    row: int | None = None
    column: int | None = None
    look: str | None = None


class Brush:
    """Collects what is written; :attr:`pen` is moved along (a copy of the one it was given)."""

    def __init__(self, pen: Pen, can: Abilities, width: int) -> None:
        self.pen = replace(pen)
        self.can = can
        self.out: list[str] = []
        self._width = width

    def text(self) -> str:
        """Everything that was written."""
        return "".join(self.out)

    def hand_on(self, pen: Pen) -> None:
        """*pen* goes on from where this one is."""
        pen.row, pen.column, pen.look = self.pen.row, self.pen.column, self.pen.look

    def wear(self, look: str) -> None:
        """Write in *look* from here on."""
        if self.pen.look != look:
            self.out.append(change(self.pen.look, look))
            self.pen.look = look

    def paper(self, paper: str) -> None:
        """What is erased from here on looks like a blank in *paper*; a look with the same paper may stay."""
        if self.pen.look is None or blank(self.pen.look) != paper:
            self.wear(paper)

    def move(self, y: int, x: int) -> None:
        """Take the cursor to (*x*, *y*)."""
        pen = self.pen
        row, column = pen.row, pen.column
        if row == y and column == x:
            return
        self.out.append(_way(row, column, y, x, self.can.lf))
        pen.row, pen.column = y, x

    def cells(self, y: int, x: int, cells: list[str]) -> None:
        """*cells* from (*x*, *y*) on, in the look that is worn."""
        self.move(y, x)
        if are_certain(cells):
            self._certain(cells)
            self._at(x + len(cells))
            return
        at, end = x, x + len(cells)
        while at < end:
            stop = at
            while stop < end and is_certain(cells[stop - x], stop + 1 < end and cells[stop - x + 1] == ""):
                stop += 1
            if stop > at:
                self.move(y, at)
                self._certain(cells[at - x : stop - x])
                self._at(stop)
                at = stop
                continue
            width = 1
            while at + width < end and cells[at + width - x] == "":
                width += 1
            self._uncertain(y, at, cells[at - x], width)
            at += width

    def certain(self, text: str, end: int) -> None:
        """*text*, as :func:`repeating` gave it, up to column *end*; the cursor and the look are there already."""
        self.out.append(text)
        self._at(end)

    def _certain(self, cells: list[str]) -> None:
        self.out.append(repeating("".join(cells), len(cells), self.can))

    def _uncertain(self, y: int, x: int, cell: str, width: int) -> None:
        """A character of which terminals disagree how wide it is: on blanks of ours, and the cursor is not trusted after."""
        self.move(y, x)
        if len(cell) == 1:
            self.out.append(" " * width)
            self._at(x + width)
            self.move(y, x)
        self.out.append(cell)
        self.pen.column = None

    def _at(self, x: int) -> None:
        # Behind the last column terminals say different things about where they are.
        self.pen.column = x if x < self._width else None

    def blanks(self, y: int, x: int, many: int, paper: str) -> None:
        """*many* blanks from (*x*, *y*) on."""
        self.move(y, x)
        self.paper(paper)
        if self.can.rep and many >= _REPEATED:
            self.out.append(f" \x1b[{many - 1}b")
            self._at(x + many)
        elif self.can.ech and many >= _REPEATED:
            self.out.append(f"\x1b[{many}X")
        else:
            self.out.append(" " * many)
            self._at(x + many)

    def shift(self, y: int, x: int, by: int, paper: str) -> None:
        """Insert *by* blanks at (*x*, *y*) and move the rest of the row (ICH); delete cells when negative (DCH)."""
        self.move(y, x)
        self.paper(paper)
        self.out.append(f"\x1b[{_count(abs(by))}{'@' if by > 0 else 'P'}")

    def erase_line(self, y: int, x: int, paper: str) -> None:
        """From (*x*, *y*) to the end of the line (EL)."""
        self.move(y, x)
        self.paper(paper)
        self.out.append("\x1b[K")

    def erase_below(self, y: int, paper: str) -> None:
        """From the start of row *y* to the end of the screen (ED)."""
        self.move(y, 0)
        self.paper(paper)
        self.out.append("\x1b[J")

    def clear(self, paper: str) -> None:
        """The whole screen, whatever it shows."""
        self.pen.look = None
        self.wear(paper)
        self.out.append("\x1b[H\x1b[2J")
        self.pen.row = self.pen.column = 0

    def scroll(self, top: int, bottom: int, by: int, paper: str) -> None:
        """Rows *top* to *bottom* go up by *by* (down when negative); what comes in is blank."""
        self.paper(paper)
        count = _count(abs(by))
        self.out.append(f"\x1b[{top + 1};{bottom + 1}r\x1b[{top + 1}H\x1b[{count}{'M' if by > 0 else 'L'}\x1b[r")
        self.pen.row = self.pen.column = None  # home, says the VT100; not every terminal goes there


def repeating(text: str, many: int, can: Abilities) -> str:
    """*text* of *many* cells, each a certain one, with what repeats in it as sequences."""
    return _AGAIN.sub(_repeated, text) if can.rep and many >= _REPEATED else text


@lru_cache(8192)
def _way(row: int | None, column: int | None, y: int, x: int, lf: bool) -> str:
    """The shortest way of the cursor to (*x*, *y*). Remembered: a table has its columns at the same places each time."""
    best = f"\x1b[{y + 1};{x + 1}H" if x else f"\x1b[{y + 1}H" if y else "\x1b[H"
    if row is not None:
        for step, kept in _vertical(y - row, lf):
            way = step + _horizontal(column if kept else 0, x)
            if len(way) + (0 if lf else way.count("\n")) < len(best):
                best = way
    return best


def _vertical(down: int, lf: bool) -> tuple[tuple[str, bool], ...]:
    """Ways to go *down* so many rows, and whether the column is kept."""
    if not down:
        return (("", True),)
    sequence = (f"\x1b[{_count(abs(down))}{'B' if down > 0 else 'A'}", True)
    return (sequence, ("\n" * down, lf)) if 0 < down <= _FEEDS else (sequence,)


def _horizontal(column: int | None, x: int) -> str:
    if column == x:
        return ""
    home = "\r" + (f"\x1b[{_count(x)}C" if x else "")
    if column is None:
        return home
    far = x - column
    way = "\b" * -far if -4 <= far < 0 else f"\x1b[{_count(abs(far))}{'C' if far > 0 else 'D'}"
    return way if len(way) <= len(home) else home


def _repeated(match: re.Match[str]) -> str:
    return f"{match[1]}\x1b[{len(match[0]) - 1}b"


def _count(number: int) -> str:
    return "" if number == 1 else str(number)
