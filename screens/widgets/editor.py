"""A line being typed: the text, the place in it, and what keys do to them. No drawing, no waiting.

Keys are applied in the order in which they arrive, so that what was typed ahead on a slow link lands in the line. The
keys are those of readline (https://tiswww.case.edu/php/chet/readline/rluserman.html), as far as they are about a line.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from console.sanitize import visible

LONGEST: Final = 20_000  # characters that a line may hold


class LineEditor:
    """``text`` holds no hostile character: what comes in is made visible first. Newlines (of a paste) stay."""

    def __init__(self, text: str = "") -> None:
        self.text = ""
        self.at = 0
        self.set(text)

    def set(self, text: str) -> None:
        """Another text, the place at its end."""
        self.text = visible(text)[:LONGEST]
        self.at = len(self.text)

    def insert(self, text: str) -> None:
        """Type or paste *text* here."""
        text = visible(text)[: max(LONGEST - len(self.text), 0)]
        self.text = self.text[: self.at] + text + self.text[self.at :]
        self.at += len(text)

    def key(self, key: str, character: str | None) -> bool:
        """Apply a key; False when it means nothing here."""
        edit = _KEYS.get(key)
        if edit is not None:
            edit(self)
            return True
        if character and (character.isprintable() or ord(character[0]) >= 0xA0):  # no-break spaces are text too
            self.insert(character)
            return True
        return False

    def _cut(self, start: int, end: int) -> None:
        self.text = self.text[:start] + self.text[end:]
        self.at = start

    def _word_left(self) -> int:
        found = list(re.finditer(r"\S+\s*$", self.text[: self.at]))
        return found[0].start() if found else 0

    def _word_right(self) -> int:
        found = re.match(r"\s*\S+", self.text[self.at :])
        return self.at + found.end() if found else len(self.text)

    def left(self) -> None:
        self.at = max(self.at - 1, 0)

    def right(self) -> None:
        self.at = min(self.at + 1, len(self.text))

    def word_left(self) -> None:
        self.at = self._word_left()

    def word_right(self) -> None:
        self.at = self._word_right()

    def home(self) -> None:
        self.at = 0

    def end(self) -> None:
        self.at = len(self.text)

    def backspace(self) -> None:
        self._cut(max(self.at - 1, 0), self.at)

    def delete(self) -> None:
        self._cut(self.at, self.at + 1)

    def cut_word(self) -> None:
        self._cut(self._word_left(), self.at)

    def cut_word_right(self) -> None:
        self._cut(self.at, self._word_right())

    def cut_left(self) -> None:
        self._cut(0, self.at)

    def cut_right(self) -> None:
        self._cut(self.at, len(self.text))


_KEYS: Final[dict[str, Callable[[LineEditor], None]]] = {
    "left": LineEditor.left,
    "right": LineEditor.right,
    "ctrl+left": LineEditor.word_left,
    "alt+b": LineEditor.word_left,
    "ctrl+right": LineEditor.word_right,
    "alt+f": LineEditor.word_right,
    "home": LineEditor.home,
    "ctrl+a": LineEditor.home,
    "end": LineEditor.end,
    "ctrl+e": LineEditor.end,
    "backspace": LineEditor.backspace,
    "ctrl+h": LineEditor.backspace,
    "delete": LineEditor.delete,
    "ctrl+d": LineEditor.delete,
    "ctrl+w": LineEditor.cut_word,
    "alt+backspace": LineEditor.cut_word,
    "alt+d": LineEditor.cut_word_right,
    "ctrl+u": LineEditor.cut_left,
    "ctrl+k": LineEditor.cut_right,
}
EDITING: Final = frozenset(_KEYS)
