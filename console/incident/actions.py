"""What can be done to an incident, as the events to append: pure functions from arguments to ``New``.

Nothing here reads or writes; the caller hands the result to the journal.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from console.journal.events import (
    Body,
    Closed,
    Declared,
    ImpactWindow,
    New,
    Noted,
    Reopened,
    Revised,
    RoleSet,
    ServicesSet,
    SeveritySet,
    Starred,
    SummarySet,
    TaskClosed,
    TaskOpened,
    TitleSet,
    Undone,
)
from console.sanitize import one_line, visible

_LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no letter that reads as another


def new_task_id() -> str:
    """A short random id such as ``t4kq9f``: two operators who open a task at once don't collide."""
    return "t" + "".join(secrets.choice(_LETTERS) for _ in range(5))


def declare(
    title: str,
    *,
    severity: str = "",
    services: Sequence[str] = (),
    impact_start: datetime | None = None,
    precision: str = "minute",
    declared_at: datetime | None = None,
    labels: Mapping[str, str] | None = None,
    source: str = "",
    drill: bool = False,
    summary: str = "",
) -> list[New]:
    """A new incident. The start of impact is a line of its own, so that it can be revised or undone by itself."""
    news = [
        New(
            body=Declared(
                title=one_line(title),
                severity=severity,
                services=tuple(services),
                labels=dict(labels or {}),
                source=source,
                drill=drill,
            ),
            occurred_at=declared_at,
        )
    ]
    if impact_start is not None:
        news.append(mark("impact_start", at=impact_start, precision=precision, text="Impact starts", note="impact"))
    if summary:
        news.append(set_summary(summary))
    return news


def note(
    text: str,
    *,
    kind: str = "note",
    tags: Sequence[str] = (),
    marks: Sequence[str] = (),
    starred: bool = False,
    question: bool = False,
    evidence: str = "",
    at: datetime | None = None,
    precision: str = "microsecond",
) -> New:
    """A line of the record."""
    body = Noted(
        text=visible(text),
        note=kind,
        tags=tuple(tags),
        marks=tuple(marks),
        starred=starred,
        question=question,
        evidence=visible(evidence),
    )
    return New(body=body, occurred_at=at, precision=precision)


def mark(
    milestone: str,
    *,
    at: datetime | None = None,
    precision: str = "microsecond",
    text: str = "",
    note: str = "note",
) -> New:
    """Stamp a milestone (one of ``events.MILESTONES``); earlier stamps stay."""
    body = Noted(text=visible(text), note=note, marks=(milestone,))
    return New(body=body, occurred_at=at, precision=precision)


def _new(body: Body, at: datetime | None = None, precision: str = "microsecond") -> New:
    return New(body=body, occurred_at=at, precision=precision)


def set_title(title: str) -> New:
    """Another title."""
    return _new(TitleSet(title=one_line(title)))


def set_summary(text: str) -> New:
    """Another summary."""
    return _new(SummarySet(text=visible(text.strip())))


def set_severity(severity: str, reason: str = "", *, at: datetime | None = None) -> New:
    """Another severity; ``""`` takes it away."""
    return _new(SeveritySet(severity=severity, reason=visible(reason)), at)


def set_services(services: Sequence[str]) -> New:
    """The services affected from here on."""
    return _new(ServicesSet(services=tuple(dict.fromkeys(one_line(name) for name in services))))


def impact_window(start: datetime, end: datetime | None, *, precision: str = "minute") -> New:
    """A stretch of impact; None while it goes on. Raises ``ValueError`` when it ends before it starts."""
    if end is not None and end < start:
        raise ValueError("an impact window ends before it starts")
    return _new(ImpactWindow(start=start, end=end), start, precision)


def set_role(role: str, person: str) -> New:
    """Who holds a role from here on; "" leaves it empty."""
    return _new(RoleSet(role=one_line(role).lower(), person=one_line(person).removeprefix("@")))


def open_task(text: str, *, owner: str = "", check_back_ms: int | None = None, task: str = "") -> New:
    """Somebody is to do something."""
    body = TaskOpened(
        task=task or new_task_id(),
        text=visible(text),
        owner=one_line(owner).removeprefix("@"),
        check_back_ms=check_back_ms,
    )
    return _new(body)


def close_task(task: str, outcome: str = "done", text: str = "") -> New:
    """A task is done or dropped."""
    return _new(TaskClosed(task=task, outcome=outcome, text=visible(text)))


def close(count: int, head: str, reason: str = "") -> New:
    """The incident is over. *count* and *head* are ``journal.head(stream)`` before this event."""
    return _new(Closed(reason=visible(reason), count=count, head=head))


def reopen(reason: str = "") -> New:
    """It was not over."""
    return _new(Reopened(reason=visible(reason)))


def star(target: str, on: bool = True) -> New:
    """*target* is (not) part of the story."""
    return _new(Starred(target=target, on=on))


def undo(target: str, reason: str = "") -> New:
    """*target* no longer counts. Undoing an undo brings it back."""
    return _new(Undone(target=target, reason=visible(reason)))


def revise(
    target: str,
    *,
    text: str | None = None,
    at: datetime | None = None,
    precision: str | None = None,
    kind: str | None = None,
) -> New:
    """A later wording, time or kind of *target*; None leaves that part as it is."""
    if at is not None and precision is None:
        precision = "minute"
    body = Revised(
        target=target,
        text=None if text is None else visible(text),
        occurred_at=at,
        precision=precision,
        note=kind,
    )
    return _new(body)
