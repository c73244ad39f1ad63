"""A command's raw output as lines that can be shown: the raw bytes stay as they are, elsewhere.

What a terminal would do with a line is done here in plain text – carriage returns, backspaces, tabs, "erase to the end of
the line" and moving about in it and among the last lines (ECMA-48 EL, ED, CHA, CUU, CUD, CUF, CUB, CNL, CPL) –, colours
are kept beside the text (SGR), every other escape sequence is dropped, and whatever control character is left is made
visible. Memory is bounded: lines in the window times characters in a line, whatever comes in.
"""

from __future__ import annotations

import codecs
import re
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

from console.runbook.mask import MASK_FROM
from console.runbook.sgr import Pen
from console.sanitize import visible

WIDTH: Final = 2000  # characters of a line that are kept for showing
EXTRACT_LINES: Final = 20
EXTRACT_CHARACTERS: Final = 2000
_TAB: Final = 8
_LONGEST_ESCAPE: Final = 4096
_PLAIN: Final = "\0"
_MOST_STYLES: Final = 512  # in one output; what comes then keeps the style before
_MOST_UP: Final = 200  # lines that a program may go back to
_SAMPLE: Final = 4096
_LEAST: Final = 16
_DUMPED: Final = 16
_NO_TEXT: Final = re.compile(rb"[\x00-\x06\x10-\x1a\x1c-\x1f\x80-\xff]")
_ODD: Final = bytes(code for code in range(32) if code not in b"\a\b\t\n\v\f\r\x0e\x0f\x1b")

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


class _Line:
    """One line as it was written: its text, the style of each character (one character of ``tones`` each; "" where all is
    plain), and how long it was before it was cut."""

    __slots__ = ("length", "text", "tones")

    def __init__(self, text: str = "", tones: str = "", length: int = 0) -> None:
        self.text, self.tones, self.length = text, tones, length

    def put(self, column: int, text: str, tone: str, width: int) -> None:
        """Write *text* at *column*."""
        end = column + len(text)
        if column < width:
            fits = text[: width - column]
            if tone != _PLAIN or self.tones:
                tones = self.tones.ljust(len(self.text), _PLAIN)
                self.tones = tones[:column].ljust(column, _PLAIN) + tone * len(fits) + tones[column + len(fits) :]
            if column == len(self.text):
                self.text += fits
            else:
                self.text = self.text[:column].ljust(column) + fits + self.text[column + len(fits) :]
        self.length = max(self.length, end)

    def erase(self, column: int, how: int) -> None:
        """EL: 0 from *column* on, 1 up to it, 2 all."""
        if how == 0:
            self.text, self.tones = self.text[:column], self.tones[:column]
            self.length = min(self.length, column)
        elif how == 1:
            self.text = " " * min(column + 1, len(self.text)) + self.text[column + 1 :]
            self.tones = _PLAIN * min(column + 1, len(self.tones)) + self.tones[column + 1 :]
        else:
            self.text, self.tones, self.length = "", "", 0

    def shown(self, width: int) -> str:
        """As it may be shown."""
        line = visible(self.text)[:width]
        over = self.length - width
        return f"{line}… [{over} more characters]" if over > 0 else line

    def spans(self, width: int, styles: list[str]) -> str | tuple[tuple[str, str], ...]:
        """The same in pieces of one style, or just the text where it is all plain."""
        if not self.tones.strip(_PLAIN):
            return self.shown(width)
        pieces: list[tuple[str, str]] = []
        start = 0
        tones = self.tones.ljust(len(self.text), _PLAIN)[: len(self.text)]
        for at in range(1, len(tones) + 1):
            if at == len(tones) or tones[at] != tones[start]:
                pieces.append((visible(self.text[start:at]), styles[ord(tones[start])]))
                start = at
        over = self.length - width
        if over > 0:
            pieces.append((f"… [{over} more characters]", ""))
        return tuple(pieces)


class LineWindow:
    """The last *limit* lines of a stream of bytes that comes in pieces."""

    def __init__(self, limit: int = 1000, width: int = WIDTH) -> None:
        self._lines: deque[_Line] = deque(maxlen=limit)
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._width = width
        self._held = ""  # an escape sequence of which the end has not come yet
        self._line = _Line()
        self._below: list[_Line] = []  # lines that the cursor has moved up from
        self._column = 0
        self._pen = Pen()
        self._styles = [""]  # by the number of a tone
        self._tone = _PLAIN

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        self._take(self._held + self._decoder.decode(data))

    def skip(self, statement: str) -> None:
        """Something is left out here: say so on a line of its own."""
        self._decoder.reset()
        self._held = ""
        self._to_the_end()
        if self._line.length:
            self._newline()
        self._lines.append(_Line(statement, "", len(statement)))

    def take(self) -> list[str]:
        """The completed lines that are in the window, which then forgets them: for printing as they come."""
        found = [line.shown(self._width) for line in self._lines]
        self._lines.clear()
        return found

    def lines(self) -> list[str]:
        """The lines as they stand, with the unfinished one last; nothing in them needs further cleaning."""
        return [line.shown(self._width) for line in self._all()]

    def words(self) -> list[str | tuple[tuple[str, str], ...]]:
        """The same with their colours: a line is its text, or pieces of ``(text, style)``, a style in the words of
        :class:`console.runbook.sgr.Pen`."""
        return [line.spans(self._width, self._styles) for line in self._all()]

    def _all(self) -> list[_Line]:
        last = [self._line] if self._line.length or self._below else []
        return [*self._lines, *last, *self._below]

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
            # A flood: lines that would leave the window in this very call are not looked at.
            most = self._lines.maxlen
            if most is not None and len(rest) > most + 1:
                self._to_the_end()
                self._newline()
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
                self._column += _TAB - self._column % _TAB
            elif kind == "csi" or token["final"]:
                self._control(token["final"], token["numbers"])

    def _put(self, text: str) -> None:
        self._line.put(self._column, text, self._tone, self._width)
        self._column += len(text)

    def _control(self, final: str, numbers: str) -> None:
        if final == "m":
            self._colour(numbers)
            return
        first = numbers.partition(";")[0]
        number = min(int(first), 1 << 16) if first.isdecimal() else 0
        if final == "K":
            self._line.erase(self._column, number)
        elif final == "G":
            self._column = max(number, 1) - 1
        elif final == "C":
            self._column += max(number, 1)
        elif final == "D":
            self._column = max(0, self._column - max(number, 1))
        elif final in "AF":
            self._up(max(number, 1))
            self._column = 0 if final == "F" else self._column
        elif final in "BE":
            for _ in range(min(max(number, 1), len(self._below))):
                self._newline(keep_column=final == "B")
        elif final == "J" and number == 0:
            self._line.erase(self._column, 0)
            self._below.clear()

    def _colour(self, numbers: str) -> None:
        if numbers[:1] in ("?", ">", "=", "<"):
            return  # not SGR
        self._pen.take(numbers)
        if self._pen.words not in self._styles:
            if len(self._styles) >= _MOST_STYLES:
                return
            self._styles.append(self._pen.words)
        self._tone = chr(self._styles.index(self._pen.words))

    def _up(self, count: int) -> None:
        """Back to a line above, as programs with several progress bars do; no further than what is in the window."""
        for _ in range(min(count, len(self._lines), _MOST_UP - len(self._below))):
            self._below.insert(0, self._line)
            self._line = self._lines.pop()

    def _to_the_end(self) -> None:
        while self._below:
            self._newline()

    def _newline(self, *, keep_column: bool = False) -> None:
        self._lines.append(self._line)
        self._line = self._below.pop(0) if self._below else _Line()
        if not keep_column:
            self._column = 0


class Display(LineWindow):
    """The same for people: what is no text is said to be so, with its first bytes, instead of being shown as signs."""

    def __init__(self, limit: int = 1000, width: int = WIDTH) -> None:
        super().__init__(limit, width)
        self._binary = 0
        self._first = b""

    def feed(self, data: bytes) -> None:
        if not is_binary(data):
            self._say_binary()
            super().feed(data)
            return
        if not self._binary:
            text = _text_before(data)
            if text:
                super().feed(data[:text])
            data = data[text:]
            self._first = data[:_DUMPED]
        self._binary += len(data)

    def _say_binary(self) -> None:
        count, self._binary = self._binary, 0
        if count:
            self.skip(_binary_line(count, self._first))

    def _all(self) -> list[_Line]:
        found = super()._all()
        if self._binary:
            line = _binary_line(self._binary, self._first)
            found.append(_Line(line, "", len(line)))
        return found


def _binary_line(count: int, first: bytes) -> str:
    return f"[{count} bytes that are no text, not shown; they begin with {first.hex(' ')}]"


def _text_before(data: bytes) -> int:
    """How many bytes of *data* are whole lines of text, before what is none begins."""
    odd = _NO_TEXT.search(data)
    return 0 if odd is None else data.rfind(b"\n", 0, odd.start()) + 1


def is_binary(data: bytes) -> bool:
    """Whether *data* is hardly text: a tenth of it are control characters that no terminal program writes, or no UTF-8."""
    sample = data[:_SAMPLE]
    if len(sample) < _LEAST:
        return False
    odd = len(sample) - len(sample.translate(None, _ODD))
    if not sample.isascii():
        odd += sample.decode("utf-8", "replace").count("\ufffd")
    return odd * 10 > len(sample)


def display_lines(raw: bytes, limit: int = 1000, width: int = WIDTH) -> list[str]:
    """The last *limit* lines of *raw* as they may be shown."""
    window = LineWindow(limit, width)
    window.feed(raw)
    return window.lines()


def extracts(first: bytes, last: bytes, size: int, secrets: Mapping[str, str]) -> dict[str, str]:
    """``head`` and ``tail`` for the record: the *first* and *last* bytes of *size* as lines, with the values of *secrets*
    masked; ``tail`` is empty when the head is all there is."""
    limit = len(first)
    if is_binary(first):
        text = _text_before(first)
        told = _binary_line(size - text, first[text : text + _DUMPED])
        return {"head": _joined([*display_lines(first[:text])[:EXTRACT_LINES], told]), "tail": ""}
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
