"""What a runbook says besides its steps – symptoms, escalation, contacts, tables, the rest of its file – as lines to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rich.cells import cell_len

from console.clock import span
from console.runbook.model import Info, Runbook
from console.sanitize import visible
from screens.look import Look
from screens.runbook_step import exact_pieces
from screens.runbook_values import captured_by
from screens.widgets.text import Words, wrap

_ORDER: Final = ("symptoms", "escalation", "contacts", "template", "text", "heading", "links", "metadata")
_TITLES: Final = {"escalation": "Escalation", "contacts": "Contacts", "symptoms": "Symptoms"}


def info_lines(runbook: Runbook, width: int, look: Look) -> tuple[list[Words], dict[str, int]]:
    """The lines, and at which line the first part of each kind begins (``escalation`` → 12)."""
    lines: list[Words] = [((f" {runbook.title}", "title"),), _place(runbook, width, look)]
    where: dict[str, int] = {}
    if runbook.symptoms:
        where["symptoms"] = len(lines)
        lines.append(((" Symptoms", "accent"),))
        for symptom in runbook.symptoms:
            lines += _text(f"- {symptom}", width, look)
    if runbook.escalate is not None:
        where["escalation"] = len(lines)
        after = span(runbook.escalate.after_s)
        lines += [((" Escalation", "accent"),), ((f"   after {after}: {runbook.escalate.to}", "title"),)]
    facts = [
        ("owner", runbook.owner),
        ("reviewed", runbook.reviewed),
        ("every", runbook.review_every),
        ("needs", ", ".join(runbook.requires)),
    ]
    shown = [(name, value) for name, value in facts if value]
    if shown:
        lines.append(
            tuple(
                (text, tone) for name, value in shown for text, tone in ((f" {name} ", "dim"), (f"{value}  ", "text"))
            )
        )
    for info in sorted(runbook.info, key=lambda info: (info.shared, _rank(info))):
        if info.kind == "symptoms" and runbook.symptoms:
            continue
        if info.kind == "heading" and not info.body.strip():
            continue
        where.setdefault(info.kind, len(lines) + 1)
        lines += [
            "",
            ((f" {info.title or _TITLES.get(info.kind, info.kind)}", "accent"), (f"  line {info.line}", "faint")),
        ]
        lines += _text(info.body, width, look)
    return lines, where


def _place(runbook: Runbook, width: int, look: Look) -> Words:
    """Its file and line. Where there is too little room the folders give way: the name and the line are what one opens."""
    text = look.words(visible(f"{runbook.path}:{runbook.line}"))
    room = max(width - 3, 8)
    if cell_len(text) > room:
        while cell_len(text) > room - 1:
            text = text[1:]
        text = look.sign("more") + text
    return ((f" {text}", "faint"),)


def _rank(info: Info) -> int:
    return _ORDER.index(info.kind) if info.kind in _ORDER else len(_ORDER)


def _text(body: str, width: int, look: Look) -> list[Words]:
    lines: list[Words] = []
    fenced = False
    for raw in body.strip("\n").split("\n"):
        if raw.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
            continue
        if fenced or raw.lstrip().startswith("|"):
            lines += [(("   " + piece, "code"),) for piece in exact_pieces(raw, width - 4)]
        else:
            lines += [(("   " + line, "text"),) for line in wrap(raw, width - 4, look)]
    return lines


def preview_lines(
    runbook: Runbook, values: Mapping[str, str], sources: Mapping[str, str], why: str, width: int, look: Look
) -> list[Words]:
    """A runbook before it is followed: what it is for, what it needs and where that is from, its steps with their commands."""
    lines: list[Words] = [((f" {runbook.title}", "title"),)]
    if runbook.broken:
        said = f"broken, its commands can only be copied: {runbook.broken}"
        lines += [((f" {line}", "error"),) for line in wrap(said, width - 2, look)]
    if why:
        lines.append(((" offered because: ", "dim"), (why, "notice")))
    lines.append(_place(runbook, width, look))
    for symptom in runbook.symptoms[:4]:
        lines += [((" sign: ", "dim"), (line, "text")) for line in wrap(symptom, width - 8, look)[:2]]
    for param in runbook.params:
        if param.scope == "text":
            continue  # a hole in a message to send, asked for with the message
        value = values.get(param.name, "")
        taken = captured_by(runbook, param.name)
        shown = "(secret, asked for later)" if param.secret else value or "? (asked for before use)"
        if taken and not value:
            shown = f"from the output of: {taken}"
        elif value and sources.get(param.name):
            shown = f"{value}  ({sources[param.name]})"
        lines.append(((" with ", "dim"), (f"{param.name} = ", "text"), (shown, "text" if value else "degraded")))
    number = 0
    for at, phase in enumerate(runbook.phases, 1):
        lines += ["", ((f" {at} {phase.title}", "accent"), (f"  {phase.kind}" if phase.kind != "steps" else "", "dim"))]
        if phase.pause:
            lines += [
                (("   confirm first: ", "degraded"), (line, "degraded")) for line in wrap(phase.pause, width - 20, look)
            ]
        for place, step in enumerate(phase.steps, 1):
            number += 1
            lead = f"   {at}.{place} " if len(runbook.phases) > 1 else f"   {place} "
            kind = "" if step.kind in ("do", "run") else f"  {step.kind}"
            for row, line in enumerate(wrap(step.title, width - len(lead) - 12, look)):
                lines.append(
                    (
                        (lead if row == 0 else " " * len(lead), "dim"),
                        (line, "text"),
                        (kind if row == 0 else "", "degraded"),
                    )
                )
            for command in step.commands[:4]:
                first = command.text.split("\n", 1)[0]
                more = f" {look.sign('more')}" if "\n" in command.text else ""
                prompt = "$ " if command.lang == "sh" else "  "
                lines.append(
                    ((" " * len(lead) + prompt, "faint"), (first + more, "code" if command.runnable else "dim"))
                )
    info, _ = info_lines(runbook, width, look)
    return [*lines, "", (("   " + "-" * 20, "faint"),), *info[2:]]
