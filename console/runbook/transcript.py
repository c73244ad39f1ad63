"""The lines of a shell block, sorted: comments, statements, and the output between prompts (rule 9)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from console.runbook.commands import ELLIPSES, starts_like_a_command
from console.runbook.judgement import facts
from console.runbook.shell import read

PROMPT: Final = re.compile(
    r"^[ \t]*(?:\([\w./-]+\)\s?)?"
    r"(?:\$>?|%|❯|➜|\[?[\w.-]+@[\w.<>{}-]+(?:[:\s][^$#%\n]{0,60}?)?\]?\s?[$#%]|[\w.-]+:[~/][^\s$#%]{0,80}\s?[$#]"
    r"|[~/][\w./-]{0,60} ?\$|(?:sh|bash)-[\d.]+[$#]|PS [A-Z]:\\[^>]*>|[A-Z]:\\[^>\n]{0,80}>)"
    r"[ \t]+(?=\S)"
)


@dataclass
class Entry:
    """A run of rows of one kind: comment lines, one statement, or output."""

    kind: Literal["comment", "statement", "output"]
    start: int
    end: int
    text: str
    prompt: str = ""
    """The ``user@host`` that the block shows the command at."""
    root: bool = False
    """A line behind ``# `` in a session: a command of root's, or a comment."""


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


MAX_CONTINUED: Final = 60
"""Lines that one command at a prompt may take."""


def _continued(rows: Sequence[str], number: int, text: str) -> tuple[int, str]:
    """The last row of the command that starts in row *number* with *text*, and all of it: as many rows as the grammar needs
    for it to be whole – a backslash, an open quote, loop or heredoc, a pipe at the end. None, where no number of them does."""
    joined = text
    for end in range(number, min(number + MAX_CONTINUED, len(rows))):
        if end > number:
            if PROMPT.match(rows[end]):
                break
            joined += "\n" + re.sub(r"^> ", "", rows[end])
        if not joined.endswith("\\") and read(joined).parses:
            return end, joined
    return number, text


def prompted(rows: Sequence[str]) -> tuple[list[Entry], bool]:
    """Entries of a block with prompts: what has no prompt and continues nothing is output."""
    entries: list[Entry] = []
    seen_output = inside = False
    done = -1
    for number, row in enumerate(rows):
        if number <= done:
            continue
        match = PROMPT.match(row)
        if match:
            done, text = _continued(rows, number, row[match.end() :].rstrip())
            entries.append(Entry("statement", number, done, text, _who(match.group())))
            seen_output = False
            inside = bool(facts(text).opens)
        elif not row.strip():
            continue
        elif inside and _ROOT_PROMPT.match(row) and not _prose(row):
            entries.append(Entry("statement", number, number, row.lstrip()[2:].rstrip(), root=True))
            seen_output = False
        elif row.lstrip().startswith("#") and not seen_output:
            _append(entries, "comment", number, row.strip())
        else:
            seen_output = True
            _append(entries, "output", number, row)
    parses = all(read(entry.text).parses for entry in entries if entry.kind == "statement")
    return entries, parses


_ROOT_PROMPT: Final = re.compile(r"^[ \t]*# (?=[\w./~$])")


def _prose(row: str) -> bool:
    words = row.lstrip("# \t").split()
    return len(words) > 3 and all(re.fullmatch(r"[A-Za-z',]+[.,:]?", word) for word in words)


_REPL_PROMPT: Final = re.compile(
    r"^[ \t]*(?:(?:mysql|sqlite|mongo|mongosh|influx|cqlsh(?::\w+)?|redis|hive|spark-sql|MariaDB \[[^\]]*\]|\w+:PRIMARY)>"
    r"|[\w.-]+:\d+(?:\[\d+\])?>|\w+=[#>]|>>>|irb(?:\([^)]*\))?(?::[\d:]+)?[>*]|\[\d+\] pry\([^)]*\)>)[ \t]+(?=\S)"
)
_REPL_MORE: Final = re.compile(r"^[ \t]*(?:->|\.\.\.|\w+[-('\"]+[#>])[ \t]")


def repl(rows: Sequence[str]) -> list[Entry]:
    """Entries of a block that starts at the prompt of a database or an interpreter; none, where it does not."""
    if not rows or not _REPL_PROMPT.match(next((row for row in rows if row.strip()), "")):
        return []
    entries: list[Entry] = []
    for number, row in enumerate(rows):
        match = _REPL_PROMPT.match(row)
        more = _REPL_MORE.match(row)
        last = entries[-1] if entries else None
        if match:
            entries.append(Entry("statement", number, number, row[match.end() :].rstrip()))
        elif more and last is not None and last.kind == "statement" and last.end == number - 1:
            last.text += "\n" + row[more.end() :].rstrip()
            last.end = number
        elif row.strip():
            _append(entries, "output", number, row)
    return entries


def at_a_dollar(rows: Sequence[str]) -> list[str]:
    """The rows, ``> command`` as ``$ command`` where the first line is one: some write their prompt so."""
    first = next((row for row in rows if row.strip() and not row.lstrip().startswith("#")), "")
    if not (first.startswith("> ") and starts_like_a_command(first[2:])):
        return list(rows)
    return ["$ " + row[2:] if row.startswith("> ") else row for row in rows]


def _who(prompt: str) -> str:
    match = re.search(r"[\w.-]+@[\w.<>{}-]+", prompt)
    return match.group() if match else ""


def _append(entries: list[Entry], kind: Literal["comment", "output"], number: int, text: str) -> None:
    if entries and entries[-1].kind == kind and entries[-1].end >= number - 1:
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
    whole = script.parses and not any(row.strip() in ELLIPSES for row in rows)
    return _sorted(entries) if whole else entries, script.parses


_NAME: Final = re.compile(r"[a-z_][\w.+-]*|[./~$].*|\[{1,2}|:")
_ELSEWHERE: Final = re.compile(r"[<>`]|\S+> \S")
"""What starts so was typed at another prompt, or is not a command at all: to the shell it writes a file."""


def _sorted(entries: list[Entry]) -> list[Entry]:
    """The entries of a block without prompts, what commands print told from commands. To the grammar ``NAME READY AGE`` is a
    command too; here it is output, and so is what goes on after it, up to the next line that is surely a command."""
    verdicts = [_verdict(entry) for entry in entries]
    if "output" not in verdicts:
        return entries
    for position in range(len(entries) - 2, -1, -1):  # "total 24K" above the lines of a listing
        if (
            verdicts[position] == "maybe"
            and verdicts[position + 1] == "output"
            and entries[position].end + 1 == entries[position + 1].start
        ):
            verdicts[position] = "output"
    found: list[Entry] = []
    printing = False
    for entry, verdict in zip(entries, verdicts, strict=True):
        printing = verdict == "output" or (printing and verdict == "maybe")
        if printing:
            _append(found, "output", entry.start, entry.text)
            found[-1].end = entry.end
        else:
            found.append(entry)
    return found


def _verdict(entry: Entry) -> Literal["comment", "sure", "maybe", "output"]:
    if entry.kind != "statement":
        return "comment"
    if _ELSEWHERE.match(entry.text.lstrip()):
        return "output"
    if re.match(r"https?://", entry.text.lstrip()):
        return "sure"  # an address, which can be copied
    named = next((command[0] for command in read(entry.text).commands if command), "")
    if not named or starts_like_a_command(entry.text):
        return "sure"
    return "maybe" if _NAME.fullmatch(named) and "\t" not in entry.text.strip() else "output"
