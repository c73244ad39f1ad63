"""Colours of a command's output (SGR, ECMA-48 8.3.117 and xterm's 38/48): as words for a style, in sixteen colours.

256 colours and RGB become the nearest of the sixteen: nothing can be written in a colour that the terminal's background
nearly has, and a slow link carries short sequences. Hidden text (8), blinking, and a foreground on the same background
are not taken over.
"""

from __future__ import annotations

from typing import Final

PLAIN: Final = ""
_NAMES: Final = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_ATTRIBUTES: Final = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "reverse", 9: "strike"}
_OFF: Final = {22: ("bold", "dim"), 23: ("italic",), 24: ("underline",), 27: ("reverse",), 29: ("strike",)}


class Pen:
    """The style that is being written in; :attr:`words` is "" for plain text, else like ``bold red on bright_black``."""

    def __init__(self) -> None:
        self._attributes: set[str] = set()
        self._fore = self._back = ""
        self.words = PLAIN

    def take(self, numbers: str) -> None:
        """The parameters of one SGR sequence: ``1;31``."""
        parts = [
            int(part) if part.isdecimal() and len(part) < 5 else 0 for part in numbers.replace(":", ";").split(";")
        ]
        at = 0
        while at < len(parts):
            at += self._one(parts, at)
        self.words = self._said()

    def _one(self, parts: list[int], at: int) -> int:
        """Take the parameter at *at*; how many it took."""
        code = parts[at]
        if code == 0:
            self._attributes.clear()
            self._fore = self._back = ""
        elif code in _ATTRIBUTES:
            self._attributes.add(_ATTRIBUTES[code])
        elif code in _OFF:
            self._attributes.difference_update(_OFF[code])
        elif code in (38, 48):
            colour, taken = _extended(parts[at + 1 :])
            if code == 38:
                self._fore = colour
            else:
                self._back = colour
            return taken + 1
        elif code in (39, 49):
            self._fore, self._back = ("", self._back) if code == 39 else (self._fore, "")
        elif 30 <= code <= 37 or 90 <= code <= 97:
            self._fore = colour_name(code % 10 + (8 if code >= 90 else 0))
        elif 40 <= code <= 47 or 100 <= code <= 107:
            self._back = colour_name(code % 10 + (8 if code >= 100 else 0))
        return 1

    def _said(self) -> str:
        fore, back = self._fore, self._back
        if fore == back:
            fore = back = ""
        elif fore == "black" and not back and "reverse" not in self._attributes:
            fore = "bright_black"  # on a dark ground nobody could read it
        words = sorted(self._attributes)
        if fore:
            words.append(fore)
        if back:
            words += ["on", back]
        return " ".join(words)


def colour_name(number: int) -> str:
    """One of the sixteen, as rich calls it."""
    return ("bright_" if number >= 8 else "") + _NAMES[number % 8]


def _extended(rest: list[int]) -> tuple[str, int]:
    """The colour behind 38 or 48, and how many parameters it took."""
    if rest[:1] == [5] and len(rest) >= 2:
        return _indexed(rest[1]), 2
    if rest[:1] == [2] and len(rest) >= 4:
        return nearest(*rest[1:4]), 4
    return "", len(rest)


def _indexed(number: int) -> str:
    if number < 16:
        return colour_name(number)
    if number < 232:
        number -= 16
        red, green, blue = (0 if part == 0 else 55 + 40 * part for part in (number // 36, number // 6 % 6, number % 6))
        return nearest(red, green, blue)
    grey = 8 + 10 * (min(number, 255) - 232)
    return nearest(grey, grey, grey)


def nearest(red: int, green: int, blue: int) -> str:
    """The one of the sixteen that an RGB colour (0–255 each) looks like: by its hue, then by how light it is."""
    most, least = max(red, green, blue), min(red, green, blue)
    if most - least < 48:
        return colour_name((0, 8, 7, 15)[min(most // 64, 3)])
    middle = (most + least) / 2
    number = sum(bit for bit, part in ((1, red), (2, green), (4, blue)) if part > middle)
    return colour_name(number + (8 if most > 192 else 0))
