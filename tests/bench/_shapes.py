"""What real runbooks look like, counted: the shapes of a file's blocks, and where each of its lines went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from console.runbook.blocks import Block, read_blocks, walk
from console.runbook.fences import kind_of, tag_of
from console.runbook.model import Document
from console.runbook.transcript import has_prompts

SHAPES = (
    "shell block",
    "untagged or indented shell",
    "no code block",
    "query block",
    "other code or configuration",
    "prompts",
    "ordered list",
    "tasks",
    "block in a list item",
    "table",
    "admonition",
    "front matter",
)


def shapes(lines: Sequence[str]) -> set[str]:
    """The names of the shapes that a file has."""
    front = lines[:1] in (["---"], ["+++"])
    blocks = read_blocks(lines)
    found = {"front matter"} if front else set()
    fences = False
    for block in walk(blocks):
        if block.kind == "fence":
            fences = True
            found |= _fence(block)
        elif block.kind == "list" and block.ordered:
            found.add("ordered list")
        elif block.kind == "table":
            found.add("table")
        elif block.kind == "note":
            found.add("admonition")
        elif block.kind == "item":
            if block.checked is not None:
                found.add("tasks")
            if any(child.kind == "fence" for child in block.children):
                found.add("block in a list item")
    return found if fences else found | {"no code block"}


def _fence(block: Block) -> set[str]:
    kind = kind_of(block.text, block.info)[0]
    if kind == "query":
        return {"query block"}
    if kind != "shell":
        return {"other code or configuration"}
    found = {"shell block"}
    if not tag_of(block.info):
        found.add("untagged or indented shell")
    if has_prompts(block.text.split("\n")):
        found.add("prompts")
    return found


def accounted(document: Document, lines: Sequence[str]) -> Counter[str]:
    """How many non-blank lines stand in ``steps``, ``phases`` (their headings and what is between steps), ``info``, or are
    ``lost``. A line counts once, in that order."""
    place = [""] * (len(lines) + 1)

    def claim(line: int, end: int, name: str) -> None:
        for number in range(line, min(end, len(lines)) + 1):
            place[number] = place[number] or name

    for runbook in document.runbooks:
        for step in runbook.steps():
            claim(step.line, step.end_line, "steps")
    for runbook in document.runbooks:
        for info in runbook.info:
            claim(info.line, info.end_line, "info")
        for phase in runbook.phases:
            claim(phase.line, phase.end_line, "phases")
    return Counter(place[number] or "lost" for number, text in enumerate(lines, 1) if text.strip())
