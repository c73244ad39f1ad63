"""What two readings must have in common to be the same runbook: everything but lines, sources and layout."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from console.runbook.model import Command, Document, Runbook, Step

_LINES = ("line", "end_line", "source", "hash", "form", "effect")


def essence(document: Document) -> list[Any]:
    """The runbooks of *document* to compare: titles, steps, commands, parameters."""
    return [_runbook(one) for one in document.runbooks]


def _runbook(runbook: Runbook) -> Any:
    return {
        "title": runbook.title,
        "symptoms": [_words(one) for one in runbook.symptoms],
        "phases": [
            (phase.title, phase.kind, phase.pause, [_step(step) for step in phase.steps]) for phase in runbook.phases
        ],
        "params": [(one.name, one.default, one.secret) for one in runbook.params if one.scope == "command"],
        "broken": bool(runbook.broken),
    }


def _step(step: Step) -> dict[str, Any]:
    found = {name: value for name, value in msgspec.structs.asdict(step).items() if name not in _LINES}
    found["commands"] = [_command(one) for one in step.commands]
    found["whole"] = None if step.whole is None else _command(step.whole)
    for name in ("body", "expect", "output"):
        found[name] = _words(found[name] or "")
    found["notes"] = [_words(one) for one in step.notes]
    return found


def _command(command: Command) -> dict[str, Any]:
    found = {name: value for name, value in msgspec.structs.asdict(command).items() if name not in _LINES}
    found["why_not"] = re.sub(r"\bline \d+", "line", command.why_not or "")
    return found


def _words(text: str) -> list[str]:
    return [line.rstrip() for line in text.split("\n") if line.strip()]
