"""Marks and signs, in Unicode and in ASCII: state is always a letter and a glyph, never colour alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from rich.cells import cell_len

UNICODE: Final[Mapping[str, str]] = {
    "cursor": "▌",
    "down": "✗",
    "degraded": "!",
    "unknown": "?",
    "soft": "~",
    "ok": "✓",
    "pending": "·",
    "star": "★",
    "more": "…",
    "to": "→",
    "rule": "─",
    "bar": "│",
    "minus": "−",
    "dot": "·",
    "folded": "▸",
    "times": "×",
    "open": "▾",
    "box": "☐",
    "done": "☑",
}
ASCII: Final[Mapping[str, str]] = {
    "cursor": ">",
    "down": "X",
    "degraded": "!",
    "unknown": "?",
    "soft": "~",
    "ok": "+",
    "pending": ".",
    "star": "*",
    "more": "~",
    "to": "->",
    "rule": "-",
    "bar": "|",
    "minus": "-",
    "dot": "-",
    "folded": "+",
    "times": "x",
    "open": "-",
    "box": "[ ]",
    "done": "[x]",
}

# What our own words use beyond ASCII, and how it is written without: anything else becomes "?" per cell.
_PLAIN: Final = {
    ord(sign): plain
    for sign, plain in {
        "−": "-",
        "–": "-",
        "—": "-",
        "…": "~",
        "·": "-",
        "→": "->",
        "★": "*",
        "✓": "+",
        "✗": "X",
        "×": "x",
        "≥": ">=",
        "≤": "<=",
        "’": "'",
        "‘": "'",
        "“": '"',
        "”": '"',
        "\u00a0": " ",
    }.items()
}

# state (a check's hard state, or "SOFT") -> (letter, glyph and colour token)
STATES: Final[Mapping[str, tuple[str, str]]] = {
    "DOWN": ("D", "down"),
    "DEGRADED": ("W", "degraded"),
    "UNKNOWN": ("U", "unknown"),
    "STALE": ("U", "unknown"),
    "SOFT": ("S", "soft"),
    "PENDING": ("P", "pending"),
    "INFO": ("I", "pending"),
    "OK": ("K", "ok"),
}


def plain(text: str) -> str:
    """*text* in ASCII, as wide as before where it can be: ``→`` becomes ``->``, an unknown character ``?`` per cell."""
    if text.isascii():
        return text
    text = text.translate(_PLAIN)
    if text.isascii():
        return text
    return "".join(char if char.isascii() else "?" * cell_len(char) for char in text)


def wants_ascii(environ: Mapping[str, str] | None = None) -> bool:
    """Whether this terminal is to be spared Unicode: ``VIGIE_ASCII``, a locale that is not UTF-8, the Linux console.

    Python rewrites ``LC_CTYPE`` when the locale is ``C`` (PEP 538), so the environment is read as it was at exec.
    """
    if environ is None:
        environ = _environment_at_start()
    forced = environ.get("VIGIE_ASCII", "")
    if forced:
        return forced != "0"
    if environ.get("TERM") == "linux":
        return True
    locale = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    return "utf" not in locale.lower()


def _environment_at_start() -> Mapping[str, str]:
    try:
        raw = Path("/proc/self/environ").read_bytes()
    except OSError:
        return os.environ
    pairs = (item.partition(b"=") for item in raw.split(b"\0") if item)
    first = {name.decode(errors="replace"): value.decode(errors="replace") for name, _, value in pairs}
    return {**os.environ, **{key: first.get(key, "") for key in ("LC_ALL", "LC_CTYPE", "LANG")}}
