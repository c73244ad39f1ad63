"""The cells of a screen: what stands in each of them and how it looks; text becomes cells, and nothing else gets in.

A cell holds one character with its combining marks; a wide character stands in its first cell, and the second holds
``""``. Looks are SGR parameters (:mod:`screens.term.styles`).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

from rich.cells import get_character_cell_size

from console.sanitize import is_clean

MARK: Final = "\ufffd"  # stands where a character was that no terminal is to see
_MARKS_IN_A_CELL: Final = 4  # combining marks beyond these only cover the neighbours


def cells_of(text: str, *, ascii_only: bool = False) -> list[str]:
    """*text* as cells. Control, bidi and zero-width characters become one mark each, tabs and line ends a space."""
    if text.isascii() and text.isprintable():
        return list(text)
    cells: list[str] = []
    for char in text:
        if char in "\t\n":
            cells.append(" ")
        elif not is_clean(char):
            cells.append("?" if ascii_only else MARK)
        elif ascii_only and not char.isascii():
            cells.extend("?" * get_character_cell_size(char))
        else:
            width = get_character_cell_size(char)
            if width:
                cells.append(char)
                cells.extend([""] * (width - 1))
            else:
                _combine(cells, char)
    return cells


def _combine(cells: list[str], char: str) -> None:
    """*char* on the last base character. What only chooses how a character is drawn (variation selectors) is left out."""
    if not unicodedata.combining(char):
        return
    at = len(cells) - 1
    while at > 0 and cells[at] == "":
        at -= 1
    if at < 0 or cells[at] == MARK:
        return
    if len(cells[at]) <= _MARKS_IN_A_CELL:
        cells[at] = unicodedata.normalize("NFC", cells[at] + char)


# Text in which nothing is uncertain, found at once: Latin, Greek, Cyrillic, punctuation, arrows, boxes, our own glyphs, CJK.
_PLAIN: Final = re.compile(
    "[\0-\u02ff\u0370-\u0482\u048a-\u058f\u2010-\u2027\u2030-\u205e\u2190-\u22ff\u2500-\u25fc\u2605\u2610\u2611\u2713\u2717"
    "\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3\ufffd]*"
)


def are_certain(cells: list[str]) -> bool:
    """Whether no cell is uncertain (:func:`is_certain`); False also where that would have to be looked at closely."""
    return _PLAIN.fullmatch("".join(cells)) is not None


@lru_cache(4096)
def is_certain(cell: str, wide: bool = False) -> bool:
    """Whether every terminal agrees that *cell* takes one cell, or two when *wide*. They don't about emoji, scripts that
    join, and combining marks."""
    if len(cell) > 1:
        return False
    if cell < "\u0300":  # also "", the second half of a wide one
        return True
    code = ord(cell)
    if wide:
        return 0x2E80 <= code < 0xD7FC or 0xF900 <= code < 0xFB00 or 0xFE30 <= code < 0xFFE7
    return 0x0370 <= code < 0x0590 or 0x1E00 <= code < 0x2C00 or 0xFF61 <= code < 0xFFE9 or code == 0xFFFD


class Grid:
    """*height* rows of *width* cells. ``chars[y][x]`` and ``looks[y][x]``; blank and default at first."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.chars: list[list[str]] = [[" "] * width for _ in range(height)]
        self.looks: list[list[str]] = [[""] * width for _ in range(height)]

    def put(self, y: int, x: int, cells: list[str], look: str) -> None:
        """*cells* from (*x*, *y*) on, all of one *look*; what does not fit into the row is cut."""
        if not 0 <= y < self.height or not 0 <= x < self.width or not cells:
            return
        room = self.width - x
        if len(cells) > room:
            cells = cut(cells, room)
        row, end = self.chars[y], x + len(cells)
        # Half of a wide character is a blank.
        if x and row[x] == "":
            row[x - 1] = " "
        if end < self.width and row[end] == "":
            row[end] = " "
        row[x:end] = cells
        self.looks[y][x:end] = [look] * len(cells)

    def copy(self) -> Grid:
        """Another grid with the same cells."""
        other = Grid(0, 0)
        other.width, other.height = self.width, self.height
        other.chars = [list(row) for row in self.chars]
        other.looks = [list(row) for row in self.looks]
        return other


def cut(cells: list[str], width: int) -> list[str]:
    """*cells* cut or filled to exactly *width*; no half of a wide character is left."""
    if len(cells) > width:
        half = cells[width] == ""
        cells = cells[:width]
        if half and cells:
            cells[-1] = " "  # no character is wider than two
        return cells
    return cells + [" "] * (width - len(cells))
