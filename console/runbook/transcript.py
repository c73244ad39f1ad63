"""The lines of a shell block, sorted: comments, statements, and the output between prompts (rule 9)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from console.runbook.shell import read

PROMPT: Final = re.compile(
    r"^[ \t]*(?:\([\w./-]+\)\s?)?"
    r"(?:\$|❯|➜|\[?[\w.-]+@[\w.<>{}-]+(?:[:\s][^$#%\n]{0,60}?)?\]?\s?[$#%]|(?:sh|bash)-[\d.]+[$#]|PS [A-Z]:\\[^>]*>)"
    r"[ \t]+(?=\S)"
)
_OPEN_QUOTE: Final = re.compile(r"""\\.|'[^']*'|"(?:\\.|[^"\\])*"|\#[^\n]*$""", re.DOTALL | re.MULTILINE)


@dataclass
class Entry:
    """A run of rows of one kind: comment lines, one statement, or output."""

    kind: Literal["comment", "statement", "output"]
    start: int
    end: int
    text: str
    prompt: str = ""
    """The ``user@host`` that the block shows the command at."""


def mixed(entries: Sequence[Entry]) -> bool:
    """Whether output stands between the commands: such a block is a transcript, and stays one step."""
    return any(entry.kind == "output" for entry in entries)


def has_prompts(rows: Sequence[str]) -> bool:
    """Whether the first line that is no comment has a prompt: only then are prompts taken off."""
    for row in rows:
        if PROMPT.match(row):
            return True
        if row.strip() and not row.lstrip().startswith("#"):
            return False
    return False


def _open_ended(text: str) -> bool:
    """Whether a command goes on in the next line: a backslash, an open quote or heredoc, a pipe at the end."""
    if text.endswith("\\") or re.search(r"(?:\||&&|\|\|)\s*$", text):
        return True
    for word in re.findall(r"<<-?\s*['\"\\]?(\w+)", text):
        if not re.search(rf"^\s*{re.escape(word)}\s*$", text, re.MULTILINE):
            return True
    rest = _OPEN_QUOTE.sub("", text)
    return "'" in rest or '"' in rest


def prompted(rows: Sequence[str]) -> tuple[list[Entry], bool]:
    """Entries of a block with prompts: what has no prompt and continues nothing is output."""
    entries: list[Entry] = []
    seen_output = False
    for number, row in enumerate(rows):
        last = entries[-1] if entries else None
        match = PROMPT.match(row)
        if (
            last is not None
            and last.kind == "statement"
            and last.end == number - 1
            and not match
            and _open_ended(last.text)
        ):
            last.text += "\n" + re.sub(r"^> ", "", row)
            last.end = number
        elif match:
            entries.append(Entry("statement", number, number, row[match.end() :].rstrip(), _who(match.group())))
            seen_output = False
        elif not row.strip():
            continue
        elif row.lstrip().startswith("#") and not seen_output:
            _append(entries, "comment", number, row.strip())
        else:
            seen_output = True
            _append(entries, "output", number, row)
    parses = all(read(entry.text).parses for entry in entries if entry.kind == "statement")
    return entries, parses


def _who(prompt: str) -> str:
    match = re.search(r"[\w.-]+@[\w.<>{}-]+", prompt)
    return match.group() if match else ""


def _append(entries: list[Entry], kind: Literal["comment", "output"], number: int, text: str) -> None:
    if entries and entries[-1].kind == kind and entries[-1].end == number - 1:
        entries[-1].text += "\n" + text
        entries[-1].end = number
    else:
        entries.append(Entry(kind, number, number, text))


def plain(rows: Sequence[str]) -> tuple[list[Entry], bool]:
    """Entries of a block without prompts, and whether it parses as shell."""
    text = "\n".join(rows)
    script = read(text)
    entries: list[Entry] = []
    for statement in script.statements:
        piece = "\n".join(rows[statement.start : statement.end + 1])
        if statement.comment:
            _append(entries, "comment", statement.start, piece.strip())
        else:
            entries.append(Entry("statement", statement.start, statement.end, piece.rstrip()))
    return entries, script.parses
