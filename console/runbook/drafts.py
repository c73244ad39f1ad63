"""A step in the making: what is gathered for it, its title, and the kind its words make it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from console.runbook import lexicon
from console.runbook.blocks import inline
from console.runbook.commands import SHELL, Scope
from console.runbook.model import Command, Step, StepKind

MAX_TITLE: Final = 110
_SENTENCE: Final = re.compile(r"(.{12,}?[.!?。！？])(?:\s|$)")


@dataclass
class Context:
    """What steps are read with: the file's *lines* (made visible), its scope, the heading above and what to call a step
    that has no words of its own."""

    lines: Sequence[str]
    scope: Scope
    heading: str
    fallback: str
    checklist: bool = False
    verifies: bool = False


@dataclass
class Draft:
    """A step in the making. Rows are 0-based, *end* exclusive."""

    start: int
    end: int
    title: str = ""
    body: list[str] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    expect: list[str] = field(default_factory=list)
    output: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    parent: str = ""
    depth: int = 0
    checked: bool | None = None
    whole: Command | None = None
    prose: str = ""
    """The words that the step's kind is judged by."""
    lead: str = ""
    """The heading that names the step, where it has one of its own: it says best what kind of step it is."""
    note_only: bool = False


def raw(context: Context, start: int, end: int) -> str:
    """The source of some rows, its common indent and outer blank lines removed."""
    rows = list(context.lines[start:end])
    while rows and not rows[0].strip():
        rows.pop(0)
    while rows and not rows[-1].strip():
        rows.pop()
    margin = min((len(row) - len(row.lstrip()) for row in rows if row.strip()), default=0)
    return "\n".join(row[margin:] for row in rows)


def title_of(text: str) -> tuple[str, bool]:
    """A title from a paragraph's plain text: its first sentence, cut where it is too long; whether anything is left out."""
    line = " ".join(text.split())
    title = line
    if len(title) > MAX_TITLE or "\n" in text:
        match = _SENTENCE.match(line[: MAX_TITLE + 1])
        title = match[1] if match else line
    if len(title) > MAX_TITLE:
        title = (
            title[: title.rfind(" ", 40, MAX_TITLE) if " " in title[40:MAX_TITLE] else MAX_TITLE].rstrip(" ,;:") + "…"
        )
    return title.rstrip(" :：").rstrip(), title != line


def first_line(draft: Draft) -> str:
    """A title from the first command, for a step without words."""
    return title_of(draft.commands[0].text.split("\n")[0])[0] if draft.commands else ""


def finish(draft: Draft, step_id: str, context: Context) -> Step:
    """The step of a draft, its kind judged by its words and commands."""
    named_by_command = not draft.prose and bool(draft.commands) and draft.title == first_line(draft)
    words = inline(draft.prose).plain if draft.prose else "" if named_by_command else draft.title
    judged = words if words == draft.title or named_by_command else f"{words}\n{draft.title}"
    title = draft.title or context.fallback
    return Step(
        id=step_id,
        kind=_kind(draft, words, context),
        title=title,
        body="\n\n".join(text for text in draft.body if text.strip()),
        commands=tuple(draft.commands),
        expect="\n".join(text for text in draft.expect if text.strip()) or None,
        line=draft.start + 1,
        end_line=max(draft.end, draft.start + 1),
        parent=draft.parent,
        depth=draft.depth,
        checkbox=draft.checked is not None,
        checked=bool(draft.checked),
        optional=_is_optional(judged.split("\n\n")[0]),
        decision=_branches(judged),
        wait_s=lexicon.seconds(words) if lexicon.contains("wait", words) else None,
        calls=tuple(draft.calls),
        notes=tuple(draft.notes),
        output="\n".join(draft.output) or None,
        whole=draft.whole,
    )


_NO_BRANCH: Final = re.compile(
    r"(?i)\b(?:for example,? if|e\.g\.,? if|just in case|in case (?:we|you|they|it) (?:need|want|get|fail|break)s?"
    r"|if (?:needed|necessary|required|possible|any|so)"
    r"|si (?:nécessaire|necessaire|besoin|possible)|falls nötig|wenn nötig"
    r"|(?:check|see|verify|determine|confirm|find out|ask|know|test|tell|decide|ensure|investigate|look) (?:out )?(?:if|for)"
    r"|(?:vérifi\w+|verifi\w+|voir|regard\w+|confirm\w+|contrôl\w+) (?:si|s'il|s’il)|prüfen, ob|as if|even if|what if)\b"
)


def _is_optional(text: str) -> bool:
    if lexicon.contains("optional", text) or lexicon.starts("optional_mark", text):
        return True
    return any(
        lexicon.is_phrase("optional_mark", inside) for inside in re.findall(r"[(\[（]([^()\[\]]{2,20})[)\]）]", text)
    )


def _branches(text: str) -> bool:
    plain = _NO_BRANCH.sub("", " ".join(text.split()[:80]))
    return lexicon.contains("decision", lexicon.without("optional", plain))


def _kind(draft: Draft, words: str, context: Context) -> StepKind:
    told = [lexicon.without_filler(one) for one in (draft.lead, words) if one]
    looks = any(map(_looks, told))
    if draft.note_only:
        acts = any(lexicon.starts(key, one) for one in told for key in ("imperative", "check"))
        return "check" if looks else "do" if acts else "note"
    if any(lexicon.starts("wait", one) for one in told):
        return "wait"
    leads = bool(draft.calls) and not draft.commands and "\n" not in "\n".join(draft.body)
    if leads and any(lexicon.starts("refer", one) for one in told):
        return "call"
    runnable = any(command.lang == SHELL for command in draft.commands)
    if looks or (context.checklist and not runnable) or context.verifies:
        return "check"
    if runnable:
        return "run"
    return "call" if leads else "do"


_AND: Final = re.compile(r"\w+ (?:and|then|et|puis|und|y|e|и|та) ")


def _looks(told: str) -> bool:
    """Whether the folded words say to look: ``check …``, but not ``find and terminate …``."""
    second = _AND.match(told)
    changes = second is not None and lexicon.starts("imperative", told[second.end() :])
    return lexicon.starts("check", told) and not (
        changes and not lexicon.starts("check", told[second.end() :] if second else "")
    )
