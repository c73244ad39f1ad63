"""Notes and warnings between steps, in whatever dialect of Markdown they are written."""

from __future__ import annotations

import re
from typing import Final

from console.runbook.blocks import Block
from console.runbook.drafts import Context, raw

_NOTE_OPENING: Final = re.compile(r"^(?:!!!|\?\?\?\+?|:{3,}|`{3,})\s*\{?[\w-]*\}?\s*(.*)$")


def note_text(block: Block, context: Context) -> str:
    """A note as ``WARNING: words``, whatever dialect it is written in."""
    text = raw(context, block.start, block.end)
    if block.kind != "note":
        return text
    rows = [re.sub(r"^> ?", "", row) for row in text.split("\n")]
    opening = _NOTE_OPENING.match(rows[0])
    first = opening[1].strip(' "') if opening else re.sub(r"^\[!\w+\]\s*", "", rows[0])
    if opening and re.fullmatch(r"[:`]{3,}\s*", rows[-1]):
        rows.pop()
    rest = "\n".join(rows[1:])
    margin = min((len(row) - len(row.lstrip()) for row in rows[1:] if row.strip()), default=0)
    rest = "\n".join(row[margin:] for row in rest.split("\n")).strip("\n")
    return f"{block.info.upper()}: " + "\n".join(part for part in (first, rest) if part)
