"""What would trip somebody up in a runbook at three in the morning: findings with stable codes, by file and line."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from console.runbook.attributes import split
from console.runbook.blocks import inline, read_blocks, walk
from console.runbook.frontmatter import read_front_matter
from console.runbook.judgement import facts
from console.runbook.lint_written import near_misses, written
from console.runbook.model import Command, Document, Level, Problem, Runbook, Step
from console.runbook.params import is_secret
from console.runbook.review import due, overdue
from console.runbook.sections import Section, build


def lint(
    document: Document, text: str, folder: Path | None, today: date, known: Collection[str] | None = None
) -> list[Problem]:
    """The findings for a read file, by line. *text* is its source; links are checked under *folder* where one is given,
    calls among the folded names *known*."""
    found = list(document.problems)
    lines = text.split("\n")
    if any(runbook.form == "yaml" for runbook in document.runbooks):
        found.extend(_yaml_text(lines, folder))
    else:
        front = read_front_matter(lines, document.path).rows
        lines[:front] = [""] * front
        steps = _without_attributes(lines)
        found.extend(one for one in _text(lines, folder) if one.code != "R011" or one.line not in steps)
    for runbook in document.runbooks:
        found.extend(_review(runbook, today))
        found.extend(near_misses(runbook))
        if runbook.form != "plain":
            found.extend(written(runbook, folder, known))
        for step in runbook.steps():
            for command in step.commands:
                found.extend(_command(command))
        found.extend(_sequence(runbook))
        found.extend(
            Problem(
                param.line,
                "info" if runbook.form == "plain" else "warning",
                "R014",
                f"{param.source} is set nowhere in this file: it will be asked for",
            )
            for param in runbook.params
            if param.source.startswith("$")
        )
    unique = {(one.line, one.code, one.message): one for one in found}
    return sorted(unique.values(), key=lambda one: (one.line, one.code))


# ── the text itself


def _without_attributes(lines: list[str]) -> set[int]:
    """Take the attributes out of *lines*, in place; the lines of headings that had some: such a step needs no text."""
    marked = split(lines)
    if marked is None:
        return set()
    kept = dict(zip(marked.origin, marked.lines, strict=True))
    lines[:] = [kept.get(number, "") for number in range(1, len(lines) + 1)]
    return {mark.line for mark in marked.marks if mark.form == "heading"}


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


def _yaml_text(lines: Sequence[str], folder: Path | None) -> Iterator[Problem]:
    for number, line in enumerate(lines, 1):
        if match := _UNFINISHED.search(line):
            yield Problem(number, "warning", "R012", f"{match.group()}: unfinished")
        if folder is not None and "](" in line:
            for target in re.findall(r"\]\(([^()\s]+)\)", line):
                yield from _link(target, number, folder)


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
    elif "#" in target and path.suffix.lower() == ".md":
        anchor = unquote(target.split("#", 1)[1])
        if anchor and not has_anchor(path, anchor):
            yield Problem(line, "info", "R029", f"{name} has no heading for #{anchor}")


def has_anchor(path: Path, anchor: str) -> bool:
    """Whether the Markdown file at *path* has a heading (or an id of its own) that ``#anchor`` leads to. One that can't be
    read is given the benefit of the doubt."""
    try:
        text = path.read_bytes()[:2_000_000].decode("utf-8", errors="replace")
    except OSError:
        return True
    if re.search(rf"(?:\{{\s*#|(?:id|name)=[\"']?){re.escape(anchor)}(?![\w-])", text):
        return True
    wanted = _bare(anchor)
    headings = re.findall(r"(?m)^ {0,3}#{1,6}\s+(.*?)\s*(?:\{[^{}]*\})?\s*#*\s*$", text)
    return any(_bare(re.sub(r"\]\([^)]*\)", "]", one)) in (wanted, re.sub(r"\d+$", "", wanted)) for one in headings)


def _bare(text: str) -> str:
    """Renderers make anchors in many ways; letters and digits are what they agree on."""
    return re.sub(r"[\W_]+", "", text.casefold())


def _review(runbook: Runbook, today: date) -> Iterator[Problem]:
    if not runbook.reviewed:
        return
    try:
        date.fromisoformat(runbook.reviewed[:10])
    except ValueError:
        if runbook.form != "yaml":  # there it is an error already
            yield Problem(1, "warning", "R003", f"reviewed: {runbook.reviewed!r} is no date (2026-05-01 was expected)")
        return
    if days := overdue(runbook, today):
        yield Problem(1, "warning", "R013", f"its review was due {days} days ago, on {due(runbook)}")


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
    grave: Level = "info" if runbook.form == "plain" else "warning"
    looks = [n for n, step in enumerate(steps) if step.kind in ("check", "wait", "decide") or step.expect]
    changes = [n for n, one in enumerate(steps) if one.kind == "run" and one.commands and one.effect != "read"]
    last_change = changes[-1] if changes else None
    verified = any(phase.kind in ("verify", "checklist") for phase in runbook.phases)
    if (
        last_change is not None
        and not verified
        and not any(n > last_change for n in looks)
        and not steps[last_change].expect
    ):
        step = steps[last_change]
        yield Problem(step.line, grave, "R018", f"no check follows the last change ({step.title!r})")
    back = any(phase.kind == "rollback" for phase in runbook.phases)
    for step in steps:
        if _destroys(step) and not step.undo and not back:
            yield Problem(
                step.line, grave, "R019", f"{step.title!r} destroys something, and no rollback is written down"
            )


def _destroys(step: Step) -> bool:
    return step.effect == "destructive" or any(command.effect == "destructive" for command in step.commands)


def lint_file(path: Path, document: Document, today: date, known: Collection[str] | None = None) -> list[Problem]:
    """:func:`lint` for a file on disk; what can't be read has its problem in *document* already."""
    if not document.runbooks:
        return list(document.problems)
    text = path.read_bytes().decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
    return lint(document, text, path.parent, today, known)
