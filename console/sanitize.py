"""Text from outside, made visible: the one place where hostile characters lose their power.

Control characters (C0, DEL, C1), bidirectional overrides, zero-width and tag characters and lone surrogates become
visible marks such as ``<U+202E>``; ESC becomes ``<ESC>``. The function is idempotent: its output contains none of the
characters that it replaces. See Trojan Source (CVE-2021-42574) and terminal injection (CVE-2003-0070) for why.
"""

from __future__ import annotations

import re
from typing import Final

_NAMED: Final = {0x1B: "<ESC>", 0x00: "<NUL>", 0x07: "<BEL>", 0x08: "<BS>", 0x7F: "<DEL>"}

# C0 without \t and \n, DEL, C1, soft hyphen, Arabic letter mark, Mongolian vowel separator, zero-width and bidi marks,
# line and paragraph separators, invisible operators, interlinear anchors, BOM, surrogates, tags, variation selectors
# supplement. U+FE0F stays: it only chooses how the emoji before it is drawn.
_HOSTILE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)


def _mark(match: re.Match[str]) -> str:
    code = ord(match.group())
    return _NAMED.get(code) or f"<U+{code:04X}>"


def visible(text: str) -> str:
    """*text* with every hostile character replaced by a visible mark; newlines and tabs stay. Idempotent."""
    if text.isascii() and text.isprintable():  # nearly all text: no regular expression needed
        return text
    if "\r\n" in text:
        text = text.replace("\r\n", "\n")
    return _HOSTILE.sub(_mark, text)


def one_line(text: str, limit: int | None = None) -> str:
    """*text* made visible on a single line: newlines and tabs become spaces; cut to *limit* characters with ``…``."""
    line = " ".join(visible(text).split())
    if limit is not None and len(line) > limit:
        return line[: max(limit - 1, 0)] + "…"
    return line


def is_clean(text: str) -> bool:
    """Whether *text* holds nothing that :func:`visible` would replace."""
    return _HOSTILE.search(text) is None
