"""The scribe line: what a typed line means (:func:`parse`), how that is echoed, and which events it becomes.

The grammar itself is in :mod:`console.incident.grammar`.
"""

from __future__ import annotations

from datetime import datetime

from console.clock import span, t_plus
from console.incident import actions
from console.incident.grammar import SEVERITIES, Context, Entry, Problem, parse, utc_words
from console.journal.events import New
from console.sanitize import one_line

__all__ = ["SEVERITIES", "Context", "Entry", "Problem", "parse", "preview", "to_events"]


def preview(entry: Entry, zero: datetime | None = None) -> str:
    """The line under the line: ``→ 2024-03-10 13:27 UTC · T+00:12 · decision``; problems first, in words.

    *zero* is the incident's T+0. One line, made visible, to be shown as plain text.
    """
    if entry.problems:
        first = entry.problems[0]
        return one_line(f"{'?' if first.confirmable else '✗'} {first.text}")
    parts = _declare_parts(entry) if entry.context == "declare" else _note_parts(entry, zero)
    return one_line("→ " + " · ".join([*parts, *entry.hints]))


def _declare_parts(entry: Entry) -> list[str]:
    parts = [entry.severity or "no severity yet"]
    if entry.at is not None:
        ago = span(max((entry.frozen - entry.at).total_seconds(), 0))
        parts.append(f"impact since {utc_words(entry.at, entry.precision)} ({ago} ago)")
    if entry.services:
        parts.append(", ".join(entry.services))
    return [*parts, entry.text]  # the title last: where the line is too narrow, it stands above anyway


def _note_parts(entry: Entry, zero: datetime | None) -> list[str]:
    at = entry.at or entry.frozen
    parts = [utc_words(at, entry.precision)]
    if zero is not None and entry.precision != "day":
        parts.append(t_plus((at - zero).total_seconds()))
    if entry.marks:
        parts.append("milestone " + ", ".join(entry.marks))
    if entry.evidence:
        parts.append("evidence: recorded, NOT run")
    elif entry.task:
        back = "" if entry.check_back_ms is None else f", back in {span(entry.check_back_ms / 1000)}"
        parts.append(f"task for {'@' + entry.owner if entry.owner else 'nobody yet'}{back}")
    elif entry.question:
        parts.append("open question")
    elif entry.note != "note" or not entry.marks:
        parts.append(entry.note)
    if entry.starred:
        parts.append("★ key event")
    if entry.precision in ("approx", "hour"):
        parts.append("approximate")
    parts += [f"#{tag}" for tag in entry.tags]
    return parts


def to_events(
    entry: Entry, *, saved_at: datetime | None = None, confirmed: bool = False, task: str = "", drill: bool = False
) -> list[New]:
    """The events of *entry*; a line without a time gets *saved_at* (None = when the journal takes it). *drill*: what is
    declared is an exercise.

    Raises ``ValueError`` with one line while there is a refusal, or an unconfirmed question.
    """
    open_problems = entry.refusals or (() if confirmed else entry.questions)
    if open_problems:
        raise ValueError(open_problems[0].text)
    if entry.context == "declare":
        return actions.declare(
            entry.text,
            severity=entry.severity,
            services=entry.services,
            impact_start=entry.at,
            precision=entry.precision,
            declared_at=saved_at,
            drill=drill,
            summary=entry.summary,
        )
    at = entry.at or saved_at
    if entry.task:
        opened = actions.open_task(entry.text, owner=entry.owner, check_back_ms=entry.check_back_ms, task=task)
        opened = New(body=opened.body, occurred_at=at, precision=entry.precision)
        return [opened, *_task_note(entry, at)]
    return [_note(entry, at)]


def _note(entry: Entry, at: datetime | None) -> New:
    return actions.note(
        entry.text,
        kind=entry.note,
        tags=entry.tags,
        marks=entry.marks,
        starred=entry.starred,
        question=entry.question,
        evidence=entry.evidence,
        at=at,
        precision=entry.precision,
    )


def _task_note(entry: Entry, at: datetime | None) -> list[New]:
    # Tags, stars and milestones typed before ``todo`` are no fields of a task: they keep a line of their own.
    if not (entry.tags or entry.marks or entry.starred or entry.question or entry.note != "note"):
        return []
    return [_note(entry, at)]
