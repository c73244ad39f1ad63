"""Commands that stand in a block: its code spans, and the code blocks in it (rule 17)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from console.runbook import lexicon
from console.runbook.blocks import Block, inline, walk
from console.runbook.commands import SHELL, other, shell, span_language
from console.runbook.drafts import Context
from console.runbook.fences import Fence, kind_of, read_fence
from console.runbook.model import Command


def is_step(block: Block) -> bool:
    """Whether a block of code is something to run or to copy."""
    return kind_of(block.text, block.info)[0] in ("shell", "query", "code")


def fence_of(block: Block, context: Context) -> Fence:
    """A block of code, read."""
    return read_fence(block.text.rstrip("\n"), block.info, block.first + 1, context.scope)


def deep_commands(block: Block, context: Context) -> list[Command]:
    found: list[Command] = []
    aside = block.kind in ("note", "quote")  # what a remark mentions is not what the step runs
    for one in walk([block]):
        if one.kind == "paragraph" and not aside:
            found.extend(span_commands(one, context))
        elif one.kind == "fence" and is_step(one):
            found.extend(command for part in fence_of(one, context).parts for command in part.commands)
    return found


def span_commands(block: Block, context: Context) -> list[Command]:
    """The code spans of a paragraph that can be run or copied (rule 17)."""
    if block.kind != "paragraph":
        return (
            [command for child in block.children for command in deep_commands(child, context)] if block.children else []
        )
    if "`" not in block.text:
        return []
    found: list[Command] = []
    row = block.start
    position = 0
    for code in inline(block.text).codes:
        text = re.sub(r"^\$ ", "", code.strip())
        lang = span_language(code)
        row = _row_of(code, context.lines, row, block.end)
        if not lang or any(command.text == text for command in found):
            continue
        if lang != SHELL:
            found.append(other(text, lang, row + 1, row + 1, context.scope))
            continue
        command = shell(text, row + 1, row + 1, context.scope)
        position = max(block.text.find(code), position)
        if lexicon.contains("forbidden", _words_before(block.text, position)):
            command = Command(text, SHELL, False, "the text says not to", command.params, row + 1, row + 1)
        found.append(command)
    return found


def _words_before(text: str, position: int) -> str:
    """The few words before a place, within its sentence."""
    before = re.split(r"[.!?;:。]\s", text[max(0, position - 60) : position])[-1]
    return " ".join(before.split()[-6:])


def _row_of(code: str, lines: Sequence[str], start: int, end: int) -> int:
    first = code.split("\n", maxsplit=1)[0].strip()
    for row in range(start, min(end, len(lines))):
        if first and first in lines[row]:
            return row
    return start
