"""The Markdown report as one HTML page that loads nothing. Raw HTML in it stays text.

A long timeline is rendered in parts (at headings, and between list items): the reader's token tree of 100,000 lines at
once would take more than a gigabyte.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from console.sanitize import one_line

_PART: Final = 500  # lines after which a part may end before the next list item
_FENCE: Final = re.compile(r"\s*(`{3,}|~{3,})(.*)")


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
    yield from (reader.render(part) for part in parts(pieces))
    yield "</body>\n</html>\n"


def parts(pieces: Iterable[str]) -> Iterator[str]:
    """The text of *pieces*, cut where Markdown allows it: before a heading or list item at the left edge, never in a fence."""
    kept: list[str] = []
    fence = ""
    for line in _lines(pieces):
        if not fence and (line.startswith(("## ", "### ")) or (len(kept) >= _PART and line.startswith("- "))):
            yield "".join(kept)
            kept = []
        kept.append(line)
        match = _FENCE.fullmatch(line.rstrip("\n"))
        if match and not fence:
            fence = match[1]
        elif match and match[1].startswith(fence) and not match[2].strip():
            fence = ""
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
