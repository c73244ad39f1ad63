"""Code blocks of a runbook: which hold shell, and the comment-led groups of commands in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from console.runbook import lexicon
from console.runbook.commands import ELLIPSES, SHELL, Scope, other, query_language, shell, starts_like_a_command
from console.runbook.judgement import facts
from console.runbook.model import Command
from console.runbook.shell import MAX_SHELL, read, words
from console.runbook.transcript import PROMPT, Entry, at_a_dollar, has_prompts, mixed, plain, prompted, repl

_FIRST_COMMAND: Final = 1_000

Kind = Literal["shell", "query", "code", "config", "text"]


@dataclass(frozen=True)
class Part:
    """A group of commands under its leading comment. Lines are 1-based; *remarks* are comments that are neither title nor
    expectation."""

    title: str
    numbered: bool
    line: int
    end_line: int
    commands: tuple[Command, ...]
    remarks: tuple[str, ...] = ()
    expect: str | None = None
    output: str | None = None


@dataclass(frozen=True)
class Fence:
    """A code block, read. *parts* of a shell block are steps of their own where *split*; *whole* is all of it as one script."""

    kind: Kind
    parts: tuple[Part, ...] = ()
    split: bool = False
    whole: Command | None = None


_LANGUAGES: Final = {
    "py": "python",
    "python3": "python",
    "rb": "ruby",
    "irb": "ruby",
    "js": "javascript",
    "ts": "typescript",
    "ps1": "powershell",
    "pwsh": "powershell",
    "psql": "sql",
    "mysql": "sql",
    "postgres": "sql",
    "postgresql": "sql",
    "pgsql": "sql",
    "plsql": "sql",
}


def tag_of(info: str) -> str:
    """The language of a fence's info string: ``{.bash id=x}``, ``shell script`` and ``sh,no_run`` are all shell."""
    match = re.match(r"\s*\{?\.?([\w+#-]+)", info)
    return match[1].lower() if match else ""


def kind_of(text: str, info: str) -> tuple[Kind, str]:
    """What a code block holds, and its language."""
    tag = tag_of(info)
    if not text.strip():
        return "text", tag
    if tag in words("query_tags"):
        return "query", _LANGUAGES.get(tag, tag)
    if tag in words("code_tags"):
        return "code", _LANGUAGES.get(tag, tag)
    if tag and tag not in words("shell_tags") and tag not in words("text_tags"):
        return "config", tag
    first = _first_code_line(text)
    if PROMPT.match(first):
        return ("code", "powershell") if re.match(r"PS |[A-Z]:\\", first) else ("shell", SHELL)
    looks = query_language(text)
    known = starts_like_a_command(text[:_FIRST_COMMAND])
    if looks and not (known and looks == "yaml"):
        return ("config", looks) if looks == "yaml" else ("query", looks) if looks != "python" else ("code", looks)
    if tag in words("shell_tags"):
        return "shell", SHELL
    return ("shell", SHELL) if known and not _reads_like_prose(first) else ("text", tag)


def _first_code_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return next((line.strip() for line in lines if not line.lstrip().startswith("#") or PROMPT.match(line)), "")


def _reads_like_prose(line: str) -> bool:
    # "make sure that …", "find the pod …": an untagged block of plain words is text, not a command.
    given = line.split()
    return len(given) > 4 and all(re.fullmatch(r"[A-Za-z',]+[.,:]?", word) for word in given)


_NUMBERED: Final = re.compile(r"^#+\s*(?:\S{1,10}\s+)?\(?(\d{1,2})(?:\.\d{1,2})*\s*[.):：、-]\s*(?=\D)")


@dataclass
class _Group:
    title: str = ""
    numbered: bool = False
    entries: list[Entry] = field(default_factory=list)
    titles: dict[int, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    expect: list[str] = field(default_factory=list)
    output: list[str] = field(default_factory=list)
    start: int = 0
    end: int = 0


def read_fence(text: str, info: str, line: int, scope: Scope) -> Fence:
    """Read the content of a code block whose first content line is *line* (1-based)."""
    kind, lang = kind_of(text, info)
    rows = text.split("\n")
    while rows and not rows[-1].strip():
        rows.pop()
    if kind in ("query", "code") and (sessions := repl(rows)):
        return _transcript(sessions, lang, line, line + len(rows) - 1, scope)
    if kind in ("query", "code"):
        command = other("\n".join(rows), lang, line, line + max(len(rows) - 1, 0), scope)
        return Fence(kind, (Part("", False, command.line, command.end_line, (command,)),), False, command)
    if kind != "shell":
        return Fence(kind)
    if len(text) > MAX_SHELL or not scope.affords(text):
        why = (
            f"longer than the {MAX_SHELL:,} characters that are read as shell"
            if len(text) > MAX_SHELL
            else "the file holds more shell text than is read"
        )
        command = Command("\n".join(rows), SHELL, False, why, (), line, line + max(len(rows) - 1, 0))
        return Fence("shell", (Part("", False, command.line, command.end_line, (command,)),), False, command)
    rows = at_a_dollar(rows)
    prompts = has_prompts(rows)
    entries, parses = prompted(rows) if prompts else plain(rows)
    printed = any(entry.kind == "output" for entry in entries)
    whole_text = "\n".join(e.text for e in entries if e.kind != "output") if prompts or printed else "\n".join(rows)
    script = read(whole_text)
    last = line + len(rows) - 1
    if not any(entry.kind == "statement" for entry in entries):
        return _no_command(rows, line) if printed else _only_comments(rows, line)
    whole = shell(whole_text, line, last, scope)
    output = "\n".join(e.text for e in entries if e.kind == "output") or None
    if not parses:
        part = Part(_leading_title(entries), False, line, last, (whole,), (), None, output)
        return Fence("shell", (part,), False, whole)
    if rows[0].startswith("#!") or _shares_state(entries):
        groups = _groups(entries)
        one_script = rows[0].startswith("#!") or len(groups) == 1 or _across(groups)
        if one_script:
            title = "" if rows[0].startswith("#!") else _leading_title(entries)
            return Fence(
                "shell",
                (Part(title if len(groups) == 1 else "", False, line, last, (whole,), (), None, output),),
                False,
                whole,
            )
    if any(_leaves_out(entry) for entry in entries):
        return Fence("shell", (Part(_leading_title(entries), False, line, last, (whole,)),), False, whole)
    groups = _groups(entries)
    led = all(group.title for group in groups)
    split = len(groups) > 1 and led and not script.whole and not mixed(entries)
    parts = tuple(_part(group, line, scope) for group in groups) if split else (_joined(groups, line, last, scope),)
    return Fence("shell", parts, split, whole)


def _transcript(entries: Sequence[Entry], lang: str, line: int, last: int, scope: Scope) -> Fence:
    """What was typed at a database's or an interpreter's prompt, to copy, and what came of it."""
    commands = tuple(other(e.text, lang, line + e.start, line + e.end, scope) for e in entries if e.kind == "statement")
    output = "\n".join(e.text for e in entries if e.kind == "output") or None
    return Fence("query", (Part("", False, line, last, commands, (), None, output),))


_JOB: Final = frozenset(("!",))


def _shares_state(entries: Sequence[Entry]) -> bool:
    """Whether a later statement depends on the shell that an earlier one ran in: a variable, a directory, a job. What stands
    behind a command that opens a session is not asked: it runs in there, whatever stood before."""
    known: set[str] = set()
    stateful = False
    for entry in entries:
        if entry.kind != "statement":
            continue
        script = read(entry.text)
        if stateful or known & script.used:
            return True
        if facts(entry.text).opens:
            return False
        known |= script.assigned | (_JOB if script.job else frozenset())
        stateful = script.keeps
    return False


def _across(groups: Sequence[_Group]) -> bool:
    """Whether the state goes over the border of two groups."""
    flat = [entry for group in groups for entry in group.entries]
    if not _shares_state(flat):
        return False
    known: set[str] = set()
    stateful = False
    for group in groups:
        scripts = [read(entry.text) for entry in group.entries if entry.kind == "statement"]
        if scripts and (stateful or any(known & script.used for script in scripts)):
            return True
        known = known.union(*(script.assigned for script in scripts), _JOB if any(one.job for one in scripts) else ())
        stateful = stateful or any(script.keeps for script in scripts)
    return False


def uncommented(line: str) -> str:
    """A comment line's words."""
    return re.sub(r"^\s*#+!?\s?", "", line).rstrip()


def _leading_title(entries: Sequence[Entry]) -> str:
    if entries and entries[0].kind == "comment":
        line = entries[0].text.split("\n")[0]
        return "" if line.startswith("#!") else lexicon.without_number(uncommented(line)).strip(" :-=–—")
    return ""


def _groups(entries: Sequence[Entry]) -> list[_Group]:
    """Cut entries at leading comments. With numbered comments only these lead; others then belong to the number above."""
    numbered = (
        sum(1 for e in entries if e.kind == "comment" and any(_NUMBERED.match(row) for row in e.text.split("\n"))) > 0
    )
    groups: list[_Group] = []
    for position, entry in enumerate(entries):
        current = groups[-1] if groups else None
        if entry.kind == "comment":
            _take_comment(entry, position, entries, groups, numbered)
            continue
        if current is None:
            current = _Group(start=entry.start)
            groups.append(current)
        if entry.kind == "output":
            current.output.append(entry.text)
        else:
            current.entries.append(entry)
        current.end = entry.end
    return groups


def _take_comment(entry: Entry, position: int, entries: Sequence[Entry], groups: list[_Group], numbered: bool) -> None:
    current = groups[-1] if groups else None
    following = entries[position + 1] if position + 1 < len(entries) else None
    glued_before = position > 0 and entries[position - 1].end == entry.start - 1
    glued_after = following is not None and following.kind == "statement" and following.start == entry.end + 1
    rows = entry.text.split("\n")
    texts = [uncommented(row) for row in rows]
    if current is not None:
        if numbered and not any(_NUMBERED.match(row) for row in rows):
            _remark(current, texts, entry, following, glued_after)
            return
        expected = glued_before and bool(current.entries) and lexicon.starts("expect", texts[0])
        connects = glued_before and glued_after and lexicon.is_phrase("connector", texts[0])
        trailing = glued_before and bool(current.entries) and not glued_after
        if not numbered and (expected or connects or trailing):
            _remark(current, texts, entry, following, glued_after)
            return
    # Several numbered lines in one comment are several groups; the unnumbered lines before the first belong to what was.
    starts = [i for i, row in enumerate(rows) if _NUMBERED.match(row)] if numbered else [0]
    if not starts:
        starts = [0]
    if starts[0] > 0 and current is not None:
        _remark(current, texts[: starts[0]], entry, None, False)
    elif starts[0] > 0:
        starts[0] = 0
    for index, start in enumerate(starts):
        end = starts[index + 1] if index + 1 < len(starts) else len(rows)
        title = _NUMBERED.sub("", rows[start]) if _NUMBERED.match(rows[start]) else texts[start]
        group = _Group(
            title.strip(" :-=–—"),
            bool(_NUMBERED.match(rows[start])),
            start=entry.start + start,
            end=entry.start + end - 1,
        )
        group.remarks.extend(text for text in texts[start + 1 : end] if text.strip(" -=#"))
        groups.append(group)


def _remark(group: _Group, texts: list[str], entry: Entry, following: Entry | None, glued_after: bool) -> None:
    kept = [text for text in texts if text.strip(" -=#")]
    group.end = max(group.end, entry.end)
    if kept and group.entries and lexicon.starts("expect", kept[0]):
        group.expect.extend(kept)
    elif kept and following is not None and glued_after:
        group.titles[following.start] = " ".join(kept)
    else:
        group.remarks.extend(kept)


def _part(group: _Group, line: int, scope: Scope) -> Part:
    return Part(
        group.title,
        group.numbered,
        line + group.start,
        line + group.end,
        _commands([group], line, scope),
        tuple(group.remarks),
        "\n".join(group.expect) or None,
        "\n".join(group.output) or None,
    )


def _joined(groups: Sequence[_Group], line: int, last: int, scope: Scope) -> Part:
    """All groups as one part, each command under the title of its group."""
    remarks = []
    for number, group in enumerate(groups):
        if number and group.title and not group.entries:
            remarks.append(group.title)
        remarks.extend(group.remarks)
    expect = "\n".join(text for group in groups for text in group.expect)
    output = "\n".join(text for group in groups for text in group.output)
    return Part(
        groups[0].title,
        False,
        line,
        last,
        _commands(groups, line, scope),
        tuple(remarks),
        expect or None,
        output or None,
    )


def _commands(groups: Sequence[_Group], line: int, scope: Scope) -> tuple[Command, ...]:
    commands: list[Command] = []
    for group in groups:
        if not group.entries:
            continue
        first, last = group.entries[0], group.entries[-1]
        named = group.title if len(groups) > 1 else ""
        if len(group.entries) > 1 and _shares_state(group.entries):
            commands.append(shell(_span(group.entries), line + first.start, line + last.end, scope, named))
            continue
        for entry in group.entries:
            title = group.titles.get(entry.start) or (named if entry is first else "") or entry.prompt
            made = shell(entry.text, line + entry.start, line + entry.end, scope, title)
            commands.append(msgspec.structs.replace(made, runnable=False, why_not=_ROOT) if entry.root else made)
    return tuple(commands)


_ROOT: Final = "starts with '#': a root prompt or a comment, the file does not say"


def _span(entries: Sequence[Entry]) -> str:
    pieces: list[str] = []
    for before, entry in zip([None, *entries], entries, strict=False):
        if before is not None and entry.start > before.end + 1:
            pieces.append("")
        pieces.append(entry.text)
    return "\n".join(pieces)


def _leaves_out(entry: Entry) -> bool:
    """Whether a line says only that something is left out: then the block is an excerpt, not a list of commands."""
    return entry.kind == "statement" and entry.text.strip() in ELLIPSES


def _no_command(rows: Sequence[str], line: int) -> Fence:
    """A block with the tag of a shell that holds none of its commands."""
    last = line + len(rows) - 1
    command = Command("\n".join(rows), SHELL, False, "does not look like commands of a shell", (), line, last)
    return Fence("shell", (Part("", False, line, last, (command,)),), False, command)


def _only_comments(rows: Sequence[str], line: int) -> Fence:
    """A block of ``# …`` lines: root prompts if they read like commands, else remarks."""
    commands = []
    for number, row in enumerate(rows):
        text = uncommented(row)
        if row.lstrip().startswith("# ") and starts_like_a_command(text) and not _reads_like_prose(text):
            commands.append(Command(text, SHELL, False, _ROOT, (), line + number, line + number))
    last = line + len(rows) - 1
    if commands:
        return Fence("shell", (Part("", False, line, last, tuple(commands)),))
    groups = _groups([Entry("comment", 0, len(rows) - 1, "\n".join(row for row in rows if row.strip()))])
    return Fence(
        "shell",
        tuple(Part(g.title, g.numbered, line + g.start, line + g.end, (), tuple(g.remarks)) for g in groups),
        len(groups) > 1,
    )
