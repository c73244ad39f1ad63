"""What a runbook says of itself in a line, beside its steps: who may do it (``Autorisation : governance_admin``), what holds
meanwhile. Behind a key of its own nobody would look for it."""

from __future__ import annotations

from typing import Final

from console.runbook.model import Info, Runbook

_LETTERS: Final = 80
_MOST: Final = 3


def asides_of(runbook: Runbook | None) -> list[tuple[str, str]]:
    """The first few such lines of *runbook*: title and text."""
    found = [(one.title, one.body.strip()) for one in _own(runbook) if one.kind == "text" and one.title]
    return [(name, text) for name, text in found if text and "\n" not in text and len(text) <= _LETTERS][:_MOST]


def _own(runbook: Runbook | None) -> list[Info]:
    return [one for one in runbook.info if not one.shared] if runbook is not None else []
