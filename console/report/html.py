"""The Markdown report as one HTML page that loads nothing. Raw HTML in it stays text.

A long timeline is rendered in parts (at headings, and between list items): the reader's token tree of 100,000 lines at
once would take more than a gigabyte.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from console.sanitize import one_line

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_PART: Final = 500  # lines after which a part may end before the next list item
_FENCE: Final = re.compile(r"\s*(`{3,}|~{3,})(.*)")
_RUN: Final = 4  # plain items in a row that are worth it
_DEFINITION: Final = re.compile(r"^[ >-]*\[[^\]\n]+\]:", re.MULTILINE)
# CommonMark 0.31: an item of one line, in which nothing but backslashes and these entities has a meaning.
ITEM: Final = re.compile(
    r"- (?![-+=#:\s]|[0-9]{1,9}[.)])(?:[^\\`*_<>&~!\[\]\s]| (?! *$)|\\[!-/:-@\[-`{-~]|&(?:lt|gt|amp|quot|#123);"
    r"|(?<=[^\W_])_(?=[^\W_])|\[|\](?![(\[:])|!(?!\[)|(?<!~)~(?!~))+"
)
_PLAIN: Final = re.compile(r"\\[!-/:-@\[-`{-~]|\"|&#123;|&quot;")
_HTML: Final = {"<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&quot;", "&#123;": "{", "&quot;": "&quot;"}


def page(pieces: Iterable[str], title: str) -> Iterator[str]:
    """The Markdown *pieces* as one page that loads nothing. Raw HTML stays text."""
    from html import escape

    from markdown_it import MarkdownIt
    from mdit_py_plugins.front_matter import front_matter_plugin

    reader = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).use(front_matter_plugin)
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{escape(one_line(title))}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
    )
    for number, part in enumerate(parts(pieces)):
        yield from rendered(reader, part, plain_items=number > 0)  # the first one has the front matter
    yield "</body>\n</html>\n"


def rendered(reader: MarkdownIt, part: str, *, plain_items: bool = True) -> Iterator[str]:
    """The HTML of one *part*. Runs of list items without any markup, nearly all of a long timeline, are written without
    the reader, which takes longer for each than everything else together; what they become is the same."""
    lines = part.split("\n")
    if not plain_items or _DEFINITION.search(part):
        yield reader.render(part)
        return
    kept = at = 0
    fence = ""
    while at < len(lines):
        fence = _fence_after(fence, lines[at])
        end = at
        while not fence and end < len(lines) and ITEM.fullmatch(lines[end]):
            end += 1
        if end > at and _goes_on(lines, end):
            end -= 1
        if end - at >= _RUN:
            if at > kept:
                yield reader.render("\n".join(lines[kept:at]) + "\n")
            yield "<ul>\n" + "".join(map(item, lines[at:end])) + "</ul>\n"
            kept = end
        at = max(end, at + 1)
    if kept < len(lines):
        yield reader.render("\n".join(lines[kept:]))


def item(line: str) -> str:
    """A line that :data:`ITEM` matches, as HTML."""
    return f"<li>{_PLAIN.sub(_character, line[2:])}</li>\n"


def _character(match: re.Match[str]) -> str:
    found = match.group()
    if found in _HTML:
        return _HTML[found]
    return _HTML.get(found[1], found[1])  # behind a backslash


def _goes_on(lines: list[str], end: int) -> bool:
    """Whether what follows belongs to the item before *end*: text without a blank line, or anything indented."""
    for place in range(end, len(lines)):
        line = lines[place]
        if line.strip():
            return line[0] in " \t" or (place == end and not line.startswith(("- ", "#")))
    return False


def _fence_after(fence: str, line: str) -> str:
    """The fence that is open behind *line*; "" for none."""
    match = _FENCE.fullmatch(line)
    if match and not fence:
        return match[1]
    if match and match[1].startswith(fence) and not match[2].strip():
        return ""
    return fence


def parts(pieces: Iterable[str]) -> Iterator[str]:
    """The text of *pieces*, cut where Markdown allows it: before a heading or list item at the left edge, never in a fence."""
    kept: list[str] = []
    fence = ""
    for line in _lines(pieces):
        if not fence and (line.startswith(("## ", "### ")) or (len(kept) >= _PART and line.startswith("- "))):
            yield "".join(kept)
            kept = []
        kept.append(line)
        fence = _fence_after(fence, line.rstrip("\n"))
    yield "".join(kept)


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    rest = ""
    for piece in pieces:
        *lines, rest = (rest + piece).split("\n")
        yield from (line + "\n" for line in lines)
    if rest:
        yield rest


_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.2rem .6rem;text-align:left}"
    "pre{background:#f5f5f5;padding:.6rem;overflow:auto}code{font-family:ui-monospace,monospace}"
)
