"""Text in cells: spans of (text, token), fitted to a width, always literal.

Everything that is drawn goes through here, so that no character from outside reaches the terminal with power: control
and bidi characters are made visible, wide characters count as two cells, and in ASCII mode nothing else is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip

from console.sanitize import visible
from screens.look import Look

Span: TypeAlias = tuple[str, str]  # (text, token)
Words: TypeAlias = str | tuple[Span, ...]  # a plain str takes the row's token

_LONGEST = 2000  # characters of one span that are looked at: no line is wider


def clean(text: str, look: Look) -> str:
    """*text* on one line, harmless, as this terminal can show it."""
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + "…"
    if not (text.isascii() and text.isprintable()):
        text = look.words(visible(text).replace("\n", " ").replace("\t", " "))
    return text


def width_of(words: Words, look: Look) -> int:
    """Cells that *words* take."""
    if isinstance(words, str):
        return cell_len(clean(words, look))
    return sum(cell_len(clean(text, look)) for text, _ in words)


def fit(words: Words, width: int, look: Look, tone: str = "text", align: str = "left") -> list[tuple[str, str]]:
    """*words* as spans exactly *width* cells wide: cut with a sign, padded with spaces."""
    if width <= 0:
        return []
    spans = [(words, tone)] if isinstance(words, str) else words
    result: list[tuple[str, str]] = []
    left = width
    for text, name in spans:
        shown = clean(text, look)
        size = cell_len(shown)
        if size > left:
            result.append((set_cell_size(shown, left - 1) + look.sign("more"), name or tone))
            left = 0
            break
        if size:
            result.append((shown, name or tone))
        left -= size
        if left == 0:
            break
    if left:
        pad = (" " * left, tone)
        result = [pad, *result] if align == "right" else [*result, pad]
    return result


def strip(spans: Iterable[tuple[str, str]], look: Look, over: Style | None = None) -> Strip:
    """Spans as a strip, *over* laid on every style (the cursor).

    Blanks take the style before them where that looks the same: each change of style is some twenty bytes on the link.
    """
    segments: list[Segment] = []
    style_of = look.style
    last: Style | None = None
    held: list[str] = []
    width = 0
    for text, token in spans:
        style = style_of(token)
        if last is not None and style is not last and not (text.isspace() and _blank_alike(last, style)):
            segments.append(Segment("".join(held), last + over if over else last))
            held = []
            last = style
        elif last is None:
            last = style
        held.append(text)
        width += cell_len(text)
    if last is not None:
        segments.append(Segment("".join(held), last + over if over else last))
    return Strip(segments, width)


def _blank_alike(one: Style, other: Style) -> bool:
    """Whether a space looks the same in both styles."""
    return one.bgcolor == other.bgcolor and not (
        one.reverse or other.reverse or one.underline or other.underline or one.strike or other.strike
    )


def wrap(text: str, width: int, look: Look) -> list[str]:
    """*text* made harmless and broken into lines of at most *width* cells: at spaces, or inside a word too long for a line.

    Newlines in *text* stay line ends; leading spaces of a line are kept.
    """
    width = max(width, 4)
    result: list[str] = []
    for raw in visible(text).expandtabs(4).split("\n"):
        line = look.words(raw)
        start = 0
        while True:
            cut = start + _fitting(line[start : start + width], width)
            if cut >= len(line):
                result.append(line[start:])
                break
            space = line.rfind(" ", start + 1, cut + 1)
            if space > start and line[start:space].strip():
                result.append(line[start:space].rstrip())
                start = space + 1
            else:
                result.append(line[start:cut])
                start = cut
    return result


def _fitting(text: str, width: int) -> int:
    """How many characters of *text* fit into *width* cells; at least one."""
    if text.isascii():
        return min(len(text), width)
    used = 0
    for count, char in enumerate(text):
        used += cell_len(char)
        if used > width:
            return max(count, 1)
    return len(text)


def join(parts: Sequence[Words], gap: str = "  ") -> tuple[Span, ...]:
    """Several words in a row with *gap* between them; empty ones are left out."""
    result: list[Span] = []
    for part in parts:
        spans = ((part, ""),) if isinstance(part, str) else part
        if not any(text for text, _ in spans):
            continue
        if result:
            result.append((gap, ""))
        result.extend(spans)
    return tuple(result)


def bands(lines: Sequence[int], width: int) -> list[Region]:
    """Changed *lines*, ascending, as regions *width* wide: neighbours in one, because a widget is rendered once a region."""
    found: list[Region] = []
    for line in lines:
        if found and found[-1].bottom == line:
            found[-1] = found[-1].grow((0, 0, 1, 0))
        else:
            found.append(Region(0, line, width, 1))
    return found
