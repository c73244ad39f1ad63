"""A heading with attributes is one step: everything under it, its blocks as commands."""

from __future__ import annotations

from collections.abc import Collection

from console.runbook import lexicon
from console.runbook.blocks import Block, inline, walk
from console.runbook.commands import SHELL, shell, span_language
from console.runbook.drafts import Context, Draft, first_line, raw
from console.runbook.fences import kind_of, read_fence
from console.runbook.sections import Section


def claim(root: Section, rows: Collection[int]) -> None:
    """Make the sections whose headings stand on *rows* single steps, and what stands above them something to do."""
    stack: list[tuple[Section, tuple[Section, ...]]] = [(root, ())]
    while stack:
        section, above = stack.pop()
        if section.start in rows and section.title and not section.label:
            section.single = True
            for one in above:
                one.role = "group" if one.role == "info" else one.role
            continue
        stack.extend((child, (*above, section)) for child in section.children)


def single_draft(section: Section, context: Context, end: int) -> Draft:
    """The step of a section, up to row *end*: words are its body, a shell block is one command."""
    draft = Draft(section.start, end, section.title)
    blocks = _blocks(section)
    blocked = any(_is_command(one) for one in walk(blocks))
    for block in blocks:
        if block.kind == "fence" and _is_command(block):
            _fence(draft, block, context)
        elif block.kind == "fence" and draft.commands and kind_of(block.text, block.info)[0] == "text":
            draft.output.append(block.text.rstrip("\n"))
        elif block.kind == "paragraph" and lexicon.starts("expect", block.text):
            draft.expect.append(raw(context, block.start, block.end))
        elif block.kind != "rule":
            _words(draft, block, context, blocked)
    draft.title = draft.title or first_line(draft)
    return draft


def _blocks(section: Section) -> list[Block]:
    """The section's blocks, those of its labels and lesser headings among them, in order."""
    found = list(section.blocks)
    for child in section.children:
        if child.body > child.start:
            found.append(Block("heading", child.start, child.body, child.title))
        elif child.label and child.blocks:  # a label that stands on its own line: its whole row
            child.blocks[0].start = child.start
        found.extend(_blocks(child))
    return sorted(found, key=lambda block: block.start)


def _is_command(block: Block) -> bool:
    return block.kind == "fence" and kind_of(block.text, block.info)[0] in ("shell", "query", "code")


def _fence(draft: Draft, block: Block, context: Context) -> None:
    read = read_fence(block.text.rstrip("\n"), block.info, block.first + 1, context.scope)
    if read.whole is not None:
        draft.commands.append(read.whole)
    for part in read.parts:
        if read.whole is None:
            draft.commands.extend(part.commands)
        draft.output.extend([part.output] if part.output else [])
        draft.expect.extend([part.expect] if part.expect else [])


def _words(draft: Draft, block: Block, context: Context, blocked: bool) -> None:
    draft.body.append(raw(context, block.start, block.end))
    for one in walk([block]):
        if one is not block and _is_command(one):
            _fence(draft, one, context)
        elif one.kind == "paragraph":
            read = inline(one.text)
            draft.prose += one.text + "\n"
            draft.calls.extend(
                t for _, t in read.links if t.split("#")[0].endswith(".md") and "://" not in t and t not in draft.calls
            )
            codes = () if blocked else tuple(code for code in read.codes if span_language(code) == SHELL)
            draft.commands.extend(shell(code, one.line, one.end_line, context.scope) for code in codes)
