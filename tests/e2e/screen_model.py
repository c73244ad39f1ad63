"""What a terminal does with a program's output: keep the screen, answer questions.

pyte holds the cells. It lacks the alternate screen, REP, scrolling by SU/SD, string sequences (DCS, APC…) and every
CSI with a ``<``, ``=`` or ``>`` in front; those are taken out of the stream here and handled or dropped.
"""

from __future__ import annotations

import codecs
import copy
import re
from collections import Counter
from typing import Any, Final

import pyte
from wcwidth import wcwidth

_TOKEN: Final = re.compile(
    r"(?P<text>[^\x1b\x80-\x9f]+)"
    r"|\x1b\[(?P<prefix>[<=>?]?)(?P<args>[0-9:;]*)(?P<inter>[ -/]*)(?P<final>[@-~])"
    r"|\x1b\](?P<osc>[^\x07\x1b]*)(?:\x07|\x1b\\)"
    r"|\x1b[PX^_](?P<string>(?:[^\x1b]|\x1b(?!\\))*)\x1b\\"
    r"|\x1b(?P<escape>[ -/]*[0-OQ-WYZ\\`-~])"
    r"|(?P<c1>[\x80-\x9f])",
    re.DOTALL,
)
# The most that an unfinished sequence may hold back before it is taken for garbage.
_LONGEST: Final = 1 << 16


class Cells(pyte.Screen):
    """pyte's screen with an alternate buffer, the three sequences that programs use and it does not know, and erasing as
    xterm does it: with the background that is set (bce)."""

    def __init__(self, columns: int, lines: int) -> None:
        super().__init__(columns, lines)
        self.alternate = False
        self._main: tuple[dict[int, Any], Any] | None = None
        self._last = " "

    def draw(self, data: str) -> None:
        super().draw(data)
        if data:
            self._last = data[-1]

    def repeat(self, count: int) -> None:
        """REP: the last character again, *count* times."""
        super().draw(self._last * count)

    def scroll(self, count: int) -> None:
        """SU for a positive *count*, SD for a negative one, within the margins."""
        top, bottom = self.margins or (0, self.lines - 1)
        before = self.cursor.y
        for _ in range(abs(count)):
            self.cursor.y = bottom if count > 0 else top
            if count > 0:
                self.index()
            else:
                self.reverse_index()
        self.cursor.y = before

    def erase_in_display(self, how: int = 0, *args: Any, **kwargs: Any) -> None:
        self._fill(range(self.lines))
        super().erase_in_display(how, *args, **kwargs)

    def insert_lines(self, count: int | None = None) -> None:
        self._fill(range(self.lines))
        super().insert_lines(count)
        self._fill(range(self.lines), self.cursor.attrs)

    def delete_lines(self, count: int | None = None) -> None:
        self._fill(range(self.lines))
        super().delete_lines(count)
        self._fill(range(self.lines), self.cursor.attrs)

    def insert_characters(self, count: int | None = None) -> None:
        """ICH; pyte's own keeps what falls off at the right."""
        self._shift(count or 1)

    def delete_characters(self, count: int | None = None) -> None:
        """DCH."""
        self._shift(-(count or 1))

    def _shift(self, by: int) -> None:
        line, x = self.buffer[self.cursor.y], self.cursor.x
        blank = self.default_char._replace(bg=self.cursor.attrs.bg)
        cells = [line[at] for at in range(self.columns)]
        cells = cells[:x] + ([blank] * by + cells[x:] if by > 0 else cells[x - by :] + [blank] * -by)
        line.clear()
        line.update(enumerate(cells[: self.columns]))
        self.dirty.add(self.cursor.y)

    def _fill(self, rows: range, blank: Any = None) -> None:
        """pyte knows only cells that were written, and erases no others; lines that come in take the background."""
        for y in rows:
            line = self.buffer[y]
            if len(line) < self.columns:
                for x in range(self.columns):
                    line.setdefault(x, blank or self.default_char)

    def switch(self, *, alternate: bool) -> None:
        """Go to the alternate screen, empty; or back to what stood there before."""
        if alternate == self.alternate:
            return
        self.alternate = alternate
        if alternate:
            self._main = (copy.deepcopy(dict(self.buffer)), copy.copy(self.cursor))
            self.erase_in_display(2)
        elif self._main is not None:
            rows, cursor = self._main
            self.buffer.clear()
            self.buffer.update(rows)
            self.cursor = cursor
            self.dirty.update(range(self.lines))


def visible_cells(model: ScreenModel) -> list[list[tuple[Any, ...]]]:
    """Every cell of *model*, row by row, as it looks: of a blank only what shows on a blank."""
    rows: list[list[tuple[Any, ...]]] = []
    for y in range(model.cells.lines):
        row: list[tuple[Any, ...]] = []
        for x in range(model.cells.columns):
            cell = model.cells.buffer[y][x]
            plain = not (cell.reverse or cell.underscore or cell.strikethrough or cell.blink)
            row.append((" ", cell.bg) if cell.data == " " and plain else tuple(cell))
        rows.append(row)
    return rows


class ScreenModel:
    """Feed it a program's bytes: it keeps :attr:`cells` and hands out :attr:`replies` to send back.

    ``mute`` makes a terminal that answers nothing. :attr:`asked` counts the questions by name; :attr:`strange` holds
    the sequences that a careful program never lets through from outside: OSC 52, titles, C1 bytes, DCS.
    """

    def __init__(self, columns: int, lines: int, *, mute: bool = False) -> None:
        self.cells = Cells(columns, lines)
        self.mute = mute
        self.replies: list[bytes] = []
        self.asked: Counter[str] = Counter()
        self.strange: list[str] = []
        self.modes: dict[int, bool] = {25: True}
        self.title = ""
        self._stream = pyte.Stream(self.cells)
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._rest = ""

    def feed(self, data: bytes) -> None:
        """Take *data* as it comes: a sequence or a character may be cut anywhere."""
        text = self._rest + self._decode(data)
        self._rest = ""
        at = 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                rest = text[at:]
                if len(rest) < _LONGEST:
                    self._rest = rest
                    return
                self.strange.append(repr(rest[:40]))
                at += 1
                continue
            at = match.end()
            self._token(match)

    def text(self) -> str:
        """The screen as lines, trailing blanks cut."""
        return "\n".join(self._line(row).rstrip() for row in range(self.cells.lines))

    def _line(self, row: int) -> str:
        """One line. pyte leaves an empty cell where a wide character lost its first half; a terminal shows a blank."""
        cells, shown, column = self.cells.buffer[row], [], 0
        while column < self.cells.columns:
            data = cells[column].data or " "
            shown.append(data)
            column += 2 if wcwidth(data[0]) == 2 else 1
        return "".join(shown)

    def resize(self, columns: int, lines: int) -> None:
        """The window has another size; content stays at the top left."""
        self.cells.resize(lines, columns)

    def _token(self, match: re.Match[str]) -> None:
        kind = match.lastgroup
        if kind == "text":
            self._stream.feed(match["text"])
        elif kind == "final":
            self._csi(match["prefix"], match["args"], match["inter"], match["final"], match[0])
        elif kind == "osc":
            self._osc(match["osc"])
        elif kind == "string":
            self.strange.append(match[0])
        elif kind == "c1":
            self.strange.append(repr(match[0]))
        elif kind == "escape":
            self._stream.feed(match[0])

    def _ask(self, name: str, reply: str) -> None:
        self.asked[name] += 1
        if not self.mute:
            self.replies.append(reply.encode())

    def _osc(self, body: str) -> None:
        code, _, argument = body.partition(";")
        if code in ("10", "11") and argument == "?":
            self._ask(f"OSC {code}", f"\x1b]{code};rgb:{'dddd/dddd/dddd' if code == '10' else '1111/1111/1111'}\x1b\\")
            return
        if code in ("0", "2"):
            self.title = argument
        self.strange.append(f"OSC {body}")

    def _csi(self, prefix: str, args: str, inter: str, final: str, whole: str) -> None:
        numbers = [int(part) if part.isdigit() else 0 for part in args.split(";")] if args else []
        first = numbers[0] if numbers else 0
        if inter:
            if final == "p" and inter == "$" and prefix == "?":
                state = {2026: 2, 1049: 1 if self.cells.alternate else 2, 25: 1 if self.modes.get(25) else 2}
                self._ask(f"DECRQM {first}", f"\x1b[?{first};{state.get(first, 0)}$y")
            return
        if prefix == "?":
            self._private(numbers, final, whole)
        elif prefix:
            if final == "c" and prefix == ">":
                self._ask("DA2", "\x1b[>0;10;1c")
            elif final == "q" and prefix == ">":
                self._ask("XTVERSION", "\x1bP>|harness(1)\x1b\\")
        elif final == "n":
            if first == 6:
                cursor = self.cells.cursor
                self._ask("DSR 6", f"\x1b[{cursor.y + 1};{min(cursor.x + 1, self.cells.columns)}R")
            elif first == 5:
                self._ask("DSR 5", "\x1b[0n")
        elif final == "c":
            self._ask("DA1", "\x1b[?62;22c")
        elif final == "t":
            if first == 18:
                self._ask("size", f"\x1b[8;{self.cells.lines};{self.cells.columns}t")
        elif final == "b":
            self.cells.repeat(max(1, first))
        elif final in "ST":
            self.cells.scroll(max(1, first) * (1 if final == "S" else -1))
        elif final in "su":
            (self.cells.save_cursor if final == "s" else self.cells.restore_cursor)()
        else:
            self._stream.feed(whole.replace(":", ";"))

    def _private(self, numbers: list[int], final: str, whole: str) -> None:
        if final in "hl":
            for mode in numbers:
                self.modes[mode] = final == "h"
                if mode in (47, 1047, 1049):
                    self.cells.switch(alternate=final == "h")
            self._stream.feed(whole)
        elif final == "n" and numbers[:1] == [6]:
            cursor = self.cells.cursor
            self._ask("DECXCPR", f"\x1b[?{cursor.y + 1};{cursor.x + 1};1R")
        elif final == "u":
            self.asked["kitty keyboard"] += 1  # a terminal without it says nothing
