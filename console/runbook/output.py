"""A command's raw output as lines that can be shown: the raw bytes stay as they are, elsewhere.

What a terminal would do with a line is done here in plain text – carriage returns, backspaces, tabs, "erase to the end of
the line" (ECMA-48 EL, CHA, CUF, CUB) –, every other escape sequence is dropped, and whatever control character is left is
made visible. Memory is bounded: lines in the window times characters in a line, whatever comes in.
"""

from __future__ import annotations

import codecs
import re
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

from console.sanitize import visible

WIDTH: Final = 2000  # characters of a line that are kept for showing
EXTRACT_LINES: Final = 20
EXTRACT_CHARACTERS: Final = 2000
MASK_FROM: Final = 3  # characters; a shorter secret can't be told from ordinary text
_TAB: Final = 8
_LONGEST_ESCAPE: Final = 4096

_TOKEN: Final = re.compile(
    r"(?P<text>[^\x00-\x1f\x7f\x1b]+)"
    r"|(?P<newline>\n)|(?P<return>\r+)|(?P<back>\x08)|(?P<tab>\t)"
    r"|(?P<csi>\x1b\[(?P<numbers>[0-?]*)[ -/]*(?P<final>[@-~]))"
    r"|(?P<string>\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\))"
    r"|(?P<escape>\x1b[ -/]*[0-OQ-WYZ\\`-~])"
    r"|(?P<control>[\x00-\x1a\x1c-\x1f\x7f]|\x1b)"
)
_STRING: Final = re.compile(r"\x1b[\]PX^_]")  # these alone may hold a newline
_UNFINISHED: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b]*\x1b?|[ -/]*)?\Z")


class LineWindow:
    """The last *limit* lines of a stream of bytes that comes in pieces."""

    def __init__(self, limit: int = 1000, width: int = WIDTH) -> None:
        self.completed = 0  # lines that were ended by a newline, also those that left the window
        self._lines: deque[str] = deque(maxlen=limit)
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._width = width
        self._held = ""  # an escape sequence of which the end has not come yet
        self._line = ""
        self._column = 0
        self._length = 0  # of the line, with what did not fit

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        self._take(self._held + self._decoder.decode(data))

    def skip(self, statement: str) -> None:
        """Something is left out here: say so on a line of its own."""
        self._decoder.reset()
        self._held = ""
        if self._length:
            self._newline()
        self._lines.append(statement)

    def take(self) -> list[str]:
        """The completed lines that are in the window, which then forgets them: for printing as they come."""
        found = list(self._lines)
        self._lines.clear()
        return found

    def lines(self) -> list[str]:
        """The lines as they stand, with the unfinished one last; nothing in them needs further cleaning."""
        found = list(self._lines)
        if self._length:
            found.append(self._shown())
        return found

    def _take(self, text: str) -> None:
        self._held = ""
        unfinished = _UNFINISHED.search(text, max(0, len(text) - _LONGEST_ESCAPE)) if "\x1b" in text else None
        if unfinished is not None:
            self._held = text[unfinished.start() :]
            text = text[: unfinished.start()]
        if _STRING.search(text) is None:
            lines = text.split("\n")
            self._line_part(lines[0])
            rest = lines[1:]
            # A flood: lines that would leave the window in this very call are counted, not looked at.
            most = self._lines.maxlen
            if most is not None and len(rest) > most + 1:
                self._newline()
                self.completed += len(rest) - most - 1
                rest = rest[-most - 1 :]
                self._line_part(rest.pop(0))
            for line in rest:
                self._newline()
                self._line_part(line)
            return
        self._tokens(text)

    def _line_part(self, text: str) -> None:
        """Text without a newline; nearly all of it is printable."""
        if text.isprintable():
            if text:
                self._put(text)
        else:
            self._tokens(text)

    def _tokens(self, text: str) -> None:
        for token in _TOKEN.finditer(text):
            kind = token.lastgroup
            if kind == "text" or kind == "control":
                self._put(token.group())
            elif kind == "newline":
                self._newline()
            elif kind == "return":
                self._column = 0
            elif kind == "back":
                self._column = max(0, self._column - 1)
            elif kind == "tab":
                self._put(" " * (_TAB - self._column % _TAB))
            elif kind == "csi" or token["final"]:
                self._control(token["final"], token["numbers"])

    def _put(self, text: str) -> None:
        column, end = self._column, self._column + len(text)
        if column < self._width:
            fits = text[: self._width - column]
            if column == len(self._line):
                self._line += fits
            else:
                self._line = self._line[:column].ljust(column) + fits + self._line[column + len(fits) :]
        self._column = end
        self._length = max(self._length, end)

    def _control(self, final: str, numbers: str) -> None:
        first = numbers.partition(";")[0]
        number = min(int(first), 1 << 16) if first.isdecimal() else 0
        if final == "K":
            if number == 0:
                self._line = self._line[: self._column]
                self._length = min(self._length, self._column)
            elif number == 1:
                self._line = " " * min(self._column, self._width) + self._line[self._column :]
            else:
                self._line, self._length = "", 0
        elif final == "G":
            self._column = max(number, 1) - 1
        elif final == "C":
            self._column += max(number, 1)
        elif final == "D":
            self._column = max(0, self._column - max(number, 1))

    def _newline(self) -> None:
        self._lines.append(self._shown())
        self.completed += 1
        self._line, self._column, self._length = "", 0, 0

    def _shown(self) -> str:
        line = visible(self._line)[: self._width]
        over = self._length - self._width
        return f"{line}… [{over} more characters]" if over > 0 else line


def display_lines(raw: bytes, limit: int = 1000, width: int = WIDTH) -> list[str]:
    """The last *limit* lines of *raw* as they may be shown."""
    window = LineWindow(limit, width)
    window.feed(raw)
    return window.lines()


def extracts(first: bytes, last: bytes, size: int, secrets: Mapping[str, str]) -> dict[str, str]:
    """``head`` and ``tail`` for the record: the *first* and *last* bytes of *size* as lines, with the values of *secrets*
    masked; ``tail`` is empty when the head is all there is."""
    limit = len(first)
    first, last = mask(first, secrets, cut_end=size > len(first)), mask(last, secrets, cut_start=size > len(last))
    begin = display_lines(first)
    if size <= limit:
        if len(begin) <= EXTRACT_LINES:
            return {"head": _joined(begin), "tail": ""}
        return {
            "head": _joined(begin[:EXTRACT_LINES]),
            "tail": _joined(begin[EXTRACT_LINES:][-EXTRACT_LINES:], end=True),
        }
    end = display_lines(last)
    return {"head": _joined(begin[:EXTRACT_LINES]), "tail": _joined((end[1:] or end)[-EXTRACT_LINES:], end=True)}


def _joined(lines: Iterable[str], *, end: bool = False) -> str:
    text = "\n".join(lines)
    if len(text) <= EXTRACT_CHARACTERS:
        return text
    return "…" + text[-EXTRACT_CHARACTERS:] if end else text[:EXTRACT_CHARACTERS] + "…"


def mask(data: bytes, secrets: Mapping[str, str], *, cut_start: bool = False, cut_end: bool = False) -> bytes:
    """*data* with each known secret replaced by ``[secret NAME]``, also one that is cut off at the start or the end."""
    for name, value in sorted(secrets.items(), key=lambda item: -len(item[1])):
        if len(value) < MASK_FROM:
            continue
        secret, shown = value.encode("utf-8", "surrogateescape"), f"[secret {name}]".encode()
        data = data.replace(secret, shown)
        sizes = range(len(secret) - 1, 0, -1)
        if cut_end and (size := next((size for size in sizes if data.endswith(secret[:size])), 0)):
            data = data[:-size] + shown
        if cut_start and (size := next((size for size in sizes if data.startswith(secret[-size:])), 0)):
            data = shown + data[size:]
    return data
