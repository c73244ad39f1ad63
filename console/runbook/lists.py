"""Lists that a block at the margin has cut, put together again (rule 5)."""

from __future__ import annotations

from collections.abc import Sequence

from console.runbook.blocks import Block


def join_lists(blocks: Sequence[Block]) -> list[Block]:
    """Lists put together again that a block at column 0 has cut: the block belongs to the item before it, and a list that
    goes on counting continues the one before (rules 5 and the hazard "broken by column-0 blocks")."""
    found: list[Block] = []
    for position, block in enumerate(blocks):
        last = found[-1] if found else None
        if last is None or last.kind != "list" or not last.children:
            found.append(block)
            continue
        item = last.children[-1]
        glued = block.start == last.end
        open_item = _ends_with_colon(item)
        if block.kind == "list" and block.ordered and last.ordered and _continues(last, block, item):
            for offset, child in enumerate(block.children):
                child.number = item.number + 1 + offset
            last.children.extend(block.children)
        elif (
            (
                block.kind == "list"
                and last.ordered
                and not block.ordered
                and (glued or open_item)
                and not has_tasks(block)
            )
            or (block.kind == "fence" and (last.ordered or glued or open_item or has_tasks(last)))
            or (
                block.kind in ("paragraph", "note", "quote", "table", "inert")
                and last.ordered
                and _resumes(last, blocks[position + 1 :])
            )
        ):
            item.children.append(block)
        else:
            found.append(block)
            continue
        last.end = max(last.end, block.end)
        last.children[-1].end = max(last.children[-1].end, block.end)
    return found


def _continues(last: Block, block: Block, item: Block) -> bool:
    return block.number > 1 or (
        block.number == 1
        and len(item.children) > 1
        and item.children[-1].kind == "fence"
        and len(last.children) == item.number
    )


def _resumes(last: Block, rest: Sequence[Block]) -> bool:
    """Whether the list goes on after some more blocks, counting from where it was."""
    for block in rest[:6]:
        if block.kind == "list" and block.ordered:
            return block.number > 1 and block.number == last.children[-1].number + 1
        if block.kind in ("rule", "heading"):
            return False
    return False


def _ends_with_colon(item: Block) -> bool:
    texts = [child for child in item.children if child.kind == "paragraph"]
    return bool(texts) and texts[-1] is item.children[-1] and texts[-1].text.rstrip().endswith((":", "：", ":**"))


def has_tasks(block: Block) -> bool:
    return any(item.checked is not None for item in block.children)
