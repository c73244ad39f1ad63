"""Text from people as Markdown that says exactly that text: no markup, no HTML, no broken fence.

CommonMark 0.31 and GFM: characters with a meaning are escaped by a backslash, ``<>&`` by entities (renderers that know
no backslash before them exist), and what only means something at the start of a line is escaped there.
"""

from __future__ import annotations

import re
from typing import Final

from console.sanitize import one_line, visible

_ENTITIES: Final = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "{": "&#123;"}
# ``_`` inside a word is no emphasis; ``{`` counts only where a site generator would read it (``{{``, ``{%``).
_SPECIAL: Final = re.compile(r"[\\`*\[\]|~$<>&]|(?<![^\W_])_|_(?![^\W_])|\{(?=[{%])")
_LEADING: Final = re.compile(r"^(?:([#+=:-])|([0-9]{1,9})([.)]))")
_TICKS: Final = re.compile(r"`+")


class Md(str):
    """Markdown of ours: not escaped again."""

    __slots__ = ()


def _mark(match: re.Match[str]) -> str:
    found = match.group()
    return _ENTITIES.get(found) or "\\" + found


def _line(text: str) -> str:
    escaped = _SPECIAL.sub(_mark, text)
    return _LEADING.sub(lambda match: f"\\{match[1]}" if match[1] else f"{match[2]}\\{match[3]}", escaped)


def inline(text: str) -> Md:
    """*text* on one line, for the middle of a paragraph, a table cell or a heading."""
    return Md(_line(one_line(text)))


def block(text: str) -> Md:
    """*text* as paragraphs: its line breaks stay, its indentation does not (it would make code of it)."""
    return Md("\n".join(_line(line.strip()) for line in visible(text).strip().split("\n")))


def fence(text: str, indent: int = 0) -> Md:
    """*text* as a code block, behind a fence longer than any run of backticks in it."""
    clean = visible(text).rstrip("\n")
    ticks = "`" * max(3, 1 + max((len(run) for run in _TICKS.findall(clean)), default=0))
    pad = " " * indent
    return Md("\n".join(pad + line for line in (f"{ticks}text", *clean.split("\n"), ticks)))


def code(text: str) -> Md:
    """*text* as inline code, on one line. A ``|`` stays escaped for tables."""
    clean = one_line(text)
    ticks = "`" * (1 + max((len(run) for run in _TICKS.findall(clean)), default=0))
    space = " " if clean.startswith("`") or clean.endswith("`") or not clean else ""
    return Md(ticks + space + clean.replace("|", "\\|") + space + ticks)


def finalize(value: object) -> object:
    """For Jinja2: whatever a template prints is escaped unless it is :class:`Md`. None prints as nothing."""
    if isinstance(value, Md):
        return value
    return "" if value is None else inline(str(value))
