"""When a runbook is due for review: ``reviewed`` plus ``review_every``."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Protocol

from console.runbook.values import days_of


class Reviewed(Protocol):
    """A runbook, or its card."""

    @property
    def reviewed(self) -> str | None: ...

    @property
    def review_every(self) -> str | None: ...


def due(runbook: Reviewed) -> date | None:
    """The day by which somebody should have gone through it again; None where the file does not say."""
    days = days_of(runbook.review_every or "")
    try:
        reviewed = date.fromisoformat((runbook.reviewed or "")[:10])
        return None if days is None else reviewed + timedelta(days=days)
    except (ValueError, OverflowError):
        return None


def overdue(runbook: Reviewed, today: date) -> int:
    """By how many days the review is late; 0 when it is not, or nobody says when it is due."""
    day = due(runbook)
    return 0 if day is None else max((today - day).days, 0)
