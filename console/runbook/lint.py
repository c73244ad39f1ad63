"""What would trip somebody up in a runbook at three in the morning: findings with stable codes, by file and line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from console.runbook.blocks import inline, read_blocks, walk
from console.runbook.frontmatter import read_front_matter
from console.runbook.judgement import facts
from console.runbook.model import Command, Document, Problem, Runbook, Step
from console.runbook.params import is_secret
from console.runbook.sections import Section, build

CODES: Final = {
    "R001": "the file can't be read",
    "R002": "front matter that does not parse",
    "R003": "front matter of the wrong shape",
    "R004": "not UTF-8",
    "R010": "a link to a file that is not there",
    "R011": "an empty section",
    "R012": "unfinished: TODO, TBD or FIXME",
    "R013": "past its review date",
    "R014": "a variable that nothing sets",
    "R015": "a session opens, and commands follow that belong inside it",
    "R016": "a shell block that does not parse",
    "R017": "a secret on a command line",
    "R018": "a change that no check follows",
    "R019": "a destructive step without a way back",
    "R020": "a root prompt that may be a comment",
    "R021": "a placeholder where no value can go",
    "R022": "invisible or control characters in a command",
    "R023": "a command that may cut the operator's own connection",
}


def lint(document: Document, text: str, folder: Path | None, today: date) -> list[Problem]:
    """The findings for a read file, by line. *text* is its source; links are checked under *folder* where one is given."""
    found = list(document.problems)
    lines = text.split("\n")
    front = read_front_matter(lines, document.path).rows
    lines[:front] = [""] * front
    found.extend(_text(lines, folder))
    for runbook in document.runbooks:
        found.extend(_review(runbook, today))
        for step in runbook.steps():
            for command in step.commands:
                found.extend(_command(command))
        found.extend(_sequence(runbook))
        found.extend(
            Problem(param.line, "info", "R014", f"{param.source} is set nowhere in this file: it will be asked for")
            for param in runbook.params
            if param.source.startswith("$")
        )
    unique = {(one.line, one.code, one.message): one for one in found}
    return sorted(unique.values(), key=lambda one: (one.line, one.code))


# ── the text itself

_UNFINISHED: Final = re.compile(r"\b(?:TODO|TBD|FIXME)\b|\bXXX\b(?!-)")


def _text(lines: Sequence[str], folder: Path | None) -> Iterator[Problem]:
    try:
        blocks = read_blocks(lines)
        root = build(blocks, len(lines))
    except RecursionError:
        return
    yield from _empty(root, lines)
    for block in walk(blocks):
        if block.kind in ("paragraph", "heading") and (match := _UNFINISHED.search(block.text)):
            yield Problem(block.line, "warning", "R012", f"{match.group()}: unfinished")
        if folder is not None and block.kind in ("paragraph", "heading", "table") and "](" in block.text:
            for _, target in inline(block.text).links:
                yield from _link(target, block.line, folder)


def _empty(root: Section, lines: Sequence[str]) -> Iterator[Problem]:
    stack = list(root.children)
    while stack:
        section = stack.pop()
        stack.extend(section.children)
        if (
            section.title
            and not section.children
            and not any(line.strip(" -*_=") for line in lines[section.body : section.end])
        ):
            yield Problem(section.line, "warning", "R011", f"the section {section.title!r} is empty")


def _link(target: str, line: int, folder: Path) -> Iterator[Problem]:
    if re.match(r"(?:\w+:|/|#|\{)", target) or not target:
        return
    name = unquote(target.split("#", maxsplit=1)[0].split("?", maxsplit=1)[0])
    if not name or "{{" in name or len(name) > 1000:
        return
    path = folder / name
    try:
        there = path.exists()
    except OSError:
        there = False
    if not there:
        yield Problem(line, "error", "R010", f"links to {name}, which is not there")


_SPAN: Final = re.compile(r"\s*(\d+)\s*(d|w|m|y|days?|weeks?|months?|years?)?\s*$", re.IGNORECASE)
_DAYS: Final = {"d": 1, "w": 7, "m": 30, "y": 365}


def _review(runbook: Runbook, today: date) -> Iterator[Problem]:
    if not runbook.reviewed:
        return
    try:
        reviewed = date.fromisoformat(runbook.reviewed[:10])
    except ValueError:
        yield Problem(1, "warning", "R003", f"reviewed: {runbook.reviewed!r} is no date (2026-05-01 was expected)")
        return
    match = _SPAN.match(runbook.review_every or "")
    if match is None:
        return
    due = reviewed + timedelta(days=min(int(match[1]), 36_500) * _DAYS[(match[2] or "d")[0].lower()])
    if due < today:
        yield Problem(1, "warning", "R013", f"was due for review on {due.isoformat()}")


# ── commands

_LITERAL_SECRET: Final = re.compile(
    r"(?P<key>(?:--?[\w-]*(?:password|passwd|token|secret|api-?key)|\b[A-Z_]*(?:PASSWORD|PASSWD|TOKEN|SECRET|API_KEY)))[= ]\s*"
    r"(?P<value>'[^'\s]+'|\"[^\"$\s]+\"|[^\s'\"$<{\[-][^\s'\"]*)|Authorization:\s*(?:Bearer|Basic)\s+(?P<bearer>[\w.+/=-]{8,})"
)


def _command(command: Command) -> Iterator[Problem]:
    if command.lang != "sh":
        return
    why = command.why_not or ""
    if why.startswith("does not parse"):
        yield Problem(command.line, "warning", "R016", "this shell block does not parse: it can only be copied")
    elif why.startswith("starts with '#'"):
        yield Problem(command.line, "warning", "R020", "a root prompt or a comment? write the command without '#'")
    elif "no value can be put in" in why:
        yield Problem(command.line, "warning", "R021", why)
    elif why.startswith("holds invisible"):
        yield Problem(command.line, "error", "R022", "invisible or control characters in a command")
    elif "opens a session" in why or why.startswith("runs inside the session"):
        yield Problem(command.line, "warning", "R015", why)
    literal = _LITERAL_SECRET.search(command.text)
    if literal and not re.fullmatch(
        r"[A-Z_]+|['\"]?(?:x+|\*+|\.+|changeme)['\"]?", literal["value"] or literal["bearer"] or ""
    ):
        yield Problem(
            command.line, "error", "R017", "what looks like a secret stands in the command itself: make it a parameter"
        )
    elif any(is_secret(name) for name in command.params) and not re.match(r"\s*export\b", command.text):
        yield Problem(
            command.line,
            "info",
            "R017",
            "a secret goes into the command's arguments, where other users of the host can see it",
        )
    for warning in facts(command.text).warnings:
        yield Problem(command.line, "warning", "R023", warning)


# ── the order of steps


def _sequence(runbook: Runbook) -> Iterator[Problem]:
    """A change wants a look afterwards, and what destroys wants a way back."""
    steps = list(runbook.steps())
    looks = [n for n, step in enumerate(steps) if step.kind in ("check", "wait", "decide") or step.expect]
    last_change = next((n for n in range(len(steps) - 1, -1, -1) if steps[n].kind == "run" and steps[n].commands), None)
    verified = any(phase.kind in ("verify", "checklist") for phase in runbook.phases)
    if (
        last_change is not None
        and not verified
        and not any(n > last_change for n in looks)
        and not steps[last_change].expect
    ):
        step = steps[last_change]
        yield Problem(step.line, "info", "R018", f"no check follows the last change ({step.title!r})")
    back = any(phase.kind == "rollback" for phase in runbook.phases)
    for step in steps:
        if _destroys(step) and not step.undo and not back:
            yield Problem(
                step.line, "info", "R019", f"{step.title!r} destroys something, and no rollback is written down"
            )


def _destroys(step: Step) -> bool:
    return any(command.effect == "destructive" for command in step.commands)


def lint_file(path: Path, document: Document, today: date) -> list[Problem]:
    """:func:`lint` for a file on disk; what can't be read has its problem in *document* already."""
    if not document.runbooks:
        return list(document.problems)
    text = path.read_bytes().decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
    return lint(document, text, path.parent, today)
