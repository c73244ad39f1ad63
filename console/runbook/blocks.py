"""A Markdown file as blocks with their source lines, by markdown-it's tokens. No line of the source is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

Kind = Literal["heading", "paragraph", "list", "item", "fence", "table", "quote", "rule", "note", "inert"]


@dataclass
class Block:
    """A block over the rows ``start … end - 1`` (0-based) of the file.

    *text*: the inline source of a paragraph or heading, or a code block's content. *info*: a fence's info string, or a note's
    type. *first*: the row of a code block's first content line.
    """

    kind: Kind
    start: int
    end: int
    text: str = ""
    info: str = ""
    level: int = 0
    first: int = 0
    ordered: bool = False
    number: int = 0
    checked: bool | None = None
    children: list[Block] = field(default_factory=list)

    @property
    def line(self) -> int:
        """1-based."""
        return self.start + 1

    @property
    def end_line(self) -> int:
        """1-based, inclusive."""
        return self.end


# Deeper nesting than this is kept as text of the block around it; it also bounds the parser's recursion.
MAX_NESTING: Final = 60


@cache
def parser() -> MarkdownIt:
    """CommonMark with tables and the admonitions that real files use; no inline parsing, which is done where it is needed."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.admon import admon_plugin
    from mdit_py_plugins.colon_fence import colon_fence_plugin

    md = MarkdownIt("commonmark", {"maxNesting": MAX_NESTING}).enable("table").disable(["inline"])
    md.use(admon_plugin).use(colon_fence_plugin)
    return md


def read_blocks(lines: Sequence[str]) -> list[Block]:
    """The top-level blocks of a file given as lines, in order, covering every non-blank line."""
    tokens = parser().parse("\n".join(lines) + "\n")
    return _complete(_nested(tokens), lines)


_LEAVES: Final = {"fence", "code_block", "html_block", "hr", "colon_fence"}
_ADMONITION_TYPES: Final = frozenset(
    [
        "note",
        "tip",
        "warning",
        "caution",
        "important",
        "danger",
        "info",
        "hint",
        "attention",
        "error",
        "seealso",
        "admonition",
        "success",
        "question",
        "bug",
        "example",
        "abstract",
    ]
)


def _nested(tokens: Sequence[Token]) -> list[Block]:
    root: list[Block] = []
    stack: list[Block | None] = []
    holders: list[list[Block]] = [root]
    for token in tokens:
        if token.type == "inline":
            top = stack[-1] if stack else None
            if top is not None:
                top.text = f"{top.text}\n{token.content}" if top.text else token.content
        elif token.nesting == 1:
            block = _container(token)
            stack.append(block)
            if block is None:  # a part of a table or the title of an admonition: its text belongs to what is around it
                stack[-1] = next((b for b in reversed(stack[:-1]) if b is not None), None)
            else:
                holders[-1].append(block)
            holders.append(block.children if block is not None else holders[-1])
        elif token.nesting == -1:
            stack.pop()
            holders.pop()
        elif token.type in _LEAVES and token.map:
            holders[-1].append(_leaf(token))
    return root


def _container(token: Token) -> Block | None:
    if token.map is None or token.type in (
        "thead_open",
        "tbody_open",
        "tr_open",
        "th_open",
        "td_open",
        "admonition_title_open",
    ):
        return None
    start, end = token.map
    if token.type == "heading_open":
        return Block("heading", start, end, level=int(token.tag[1]))
    if token.type == "paragraph_open":
        return Block("paragraph", start, end)
    if token.type in ("bullet_list_open", "ordered_list_open"):
        number = token.attrGet("start")
        return Block("list", start, end, ordered=token.type[0] == "o", number=int(number) if number is not None else 1)
    if token.type == "list_item_open":
        return Block("item", start, end)
    if token.type == "table_open":
        return Block("table", start, end)
    if token.type == "admonition_open":
        return Block("note", start, end, info=str(token.meta.get("tag", "note")) if token.meta else "note")
    return Block("quote", start, end)


def _leaf(token: Token) -> Block:
    start, end = token.map or [0, 0]
    if token.type == "hr":
        return Block("rule", start, end)
    if token.type == "html_block":
        return Block("inert", start, end, token.content)
    if token.type == "colon_fence":
        return Block("note", start, end, token.content, token.info.strip(" {}").split(" ")[0] or "note")
    if token.type == "code_block":
        return _indented(token.content, start, end)
    info = token.info.strip()
    directive = re.match(r"\{([\w-]+)\}", info)
    if directive and directive[1] in _ADMONITION_TYPES:
        return Block("note", start, end, token.content, directive[1])
    if directive and directive[1] in ("code-block", "code", "sourcecode", "code-cell"):
        info = info[directive.end() :].strip()
    return Block("fence", start, end, token.content, info, first=start + 1)


def _indented(text: str, start: int, end: int) -> Block:
    """A code block by its indent; one that holds a fence of its own, indented too far by mistake, is that fence."""
    rows = text.rstrip("\n").split("\n")
    opening = re.fullmatch(r"(`{3,}|~{3,})\s*([^`]*)", rows[0].strip())
    if opening and len(rows) > 2 and rows[-1].strip() == opening[1]:
        return Block("fence", start, end, "\n".join(rows[1:-1]) + "\n", opening[2].strip(), first=start + 1)
    return Block("fence", start, end, text, "", first=start)


_INERT_LINE: Final = re.compile(r"^\s*(?:\{%.*%\}|\{\{[<%].*[>%]\}\}|<%.*%>|\{#.*#\}|<!--.*-->)\s*$")
_TASK: Final = re.compile(r"\[([ xX])\][ \t\n]+|\[([ xX])\]$")
_QUOTE_NOTE: Final = re.compile(r"\[!(\w+)\]")


def _complete(blocks: list[Block], lines: Sequence[str]) -> list[Block]:
    """Trim blank rows, mark task items, notes and inert lines, and turn rows that no token names into paragraphs."""
    _finish(blocks, lines)
    found: list[Block] = []
    row = 0
    for block in [*blocks, Block("rule", len(lines), len(lines))]:
        gap = [number for number in range(row, min(block.start, len(lines))) if lines[number].strip()]
        if gap:  # link definitions and the like
            text = "\n".join(lines[gap[0] : gap[-1] + 1])
            found.append(Block("inert", gap[0], gap[-1] + 1, text))
        if block.start < len(lines):
            found.append(block)
        row = max(row, block.end)
    return found


def _finish(blocks: list[Block], lines: Sequence[str]) -> None:
    queue = [blocks]
    while queue:
        for block in queue.pop():
            block.end = max(min(block.end, len(lines)), block.start)
            while block.end > block.start + 1 and not lines[block.end - 1].strip():
                block.end -= 1
            if block.kind == "list":
                for offset, item in enumerate(block.children):
                    item.number = block.number + offset
                    item.ordered = block.ordered
                    _mark_task(item)
            elif block.kind == "quote":
                first = next((child for child in block.children if child.kind == "paragraph"), None)
                note = _QUOTE_NOTE.match(first.text) if first is not None else None
                if note:
                    block.kind, block.info = "note", note[1].lower()
            elif block.kind == "paragraph":
                rows = block.text.split("\n")
                if all(_INERT_LINE.match(row) for row in rows):
                    block.kind = "inert"
            if block.children:
                queue.append(block.children)


def _mark_task(item: Block) -> None:
    first = item.children[0] if item.children else None
    if first is None or first.kind != "paragraph":
        return
    match = _TASK.match(first.text)
    if match:
        item.checked = (match[1] or match[2]) in "xX"
        first.text = first.text[match.end() :]


@dataclass(frozen=True)
class Inline:
    """An inline text, read: *plain* without markup; code spans; links as (text, target); *bold*: its leading bold text."""

    plain: str
    codes: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    bold: str
    after_bold: str


_SIMPLE: Final = re.compile(r"[`*_\[\]<&\\!~]")
MAX_INLINE: Final = 20_000


_SHORTCODE_LINK: Final = re.compile(r"""\]\(\{\{[<%]\s*(?:rel)?ref\s+["']([^"'\s]+)["']\s*[>%]\}\}\)""")
"""``[words]({{< ref "page.md" >}})`` of Hugo."""


@lru_cache(maxsize=4096)
def inline(text: str) -> Inline:
    """Read *text* as CommonMark inline. Very long text is taken as it stands."""
    if not _SIMPLE.search(text) or len(text) > MAX_INLINE:
        return Inline(text, (), (), "", text)
    children: list[Token] = []
    text = _SHORTCODE_LINK.sub(r"](\1)", text)
    md = parser()
    md.inline.parse(text, md, {}, children)
    plain: list[str] = []
    codes: list[str] = []
    links: list[tuple[str, str]] = []
    bold: list[str] = []
    after: list[str] = []
    strong = 0
    leading = True
    target, link_start = "", 0
    for token in children:
        piece = ""
        if token.type == "strong_open":
            strong += 1
        elif token.type == "strong_close":
            strong -= 1
            leading = False
        elif token.type == "link_open":
            target, link_start = str(token.attrGet("href") or ""), len(plain)
        elif token.type == "link_close":
            links.append(("".join(plain[link_start:]), target))
        elif token.type == "code_inline":
            codes.append(token.content)
            piece = token.content
        elif token.type in ("softbreak", "hardbreak"):
            piece = "\n"
        elif token.type == "image":
            piece = token.content
            links.append((token.content, str(token.attrGet("src") or "")))
        else:
            piece = token.content
        plain.append(piece)
        if strong and leading:
            bold.append(piece)
        elif piece.strip() and not bold:
            leading = False
            after.append(piece)
        else:
            after.append(piece)
    return Inline("".join(plain), tuple(codes), tuple(links), "".join(bold), "".join(after))


def too_deep(blocks: Sequence[Block]) -> int | None:
    """The row where the file goes on deeper than it is read, if it does."""
    level = list(blocks)
    for _ in range(MAX_NESTING // 2 - 1):  # a list and its items are two levels of the parser's, a quote one
        level = [child for block in level for child in block.children]
    return level[0].start if level else None


def walk(blocks: Sequence[Block]) -> Iterator[Block]:
    """Every block, depth first, in order."""
    stack = list(reversed(blocks))
    while stack:
        block = stack.pop()
        yield block
        stack.extend(reversed(block.children))
