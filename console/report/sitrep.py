"""The sitrep (CAN: conditions, actions, needs) and the handoff report (SBAR), generated from the record.

Every fact has its age; one that is past 30 minutes is marked stale. Plain text, made visible.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from console.clock import rfc3339, span
from console.incident.clocks import Clock, clocks
from console.incident.metrics import compute
from console.incident.state import Incident, Line, Task
from console.sanitize import one_line

STALE: Final = 30 * 60  # seconds


class Point(Struct, frozen=True, kw_only=True):
    """One line of a report. ``age`` in seconds; None where it has none."""

    text: str
    age: float | None = None

    @property
    def stale(self) -> bool:
        """Whether it is too old to act on without asking."""
        return self.age is not None and self.age > STALE


class Section(Struct, frozen=True, kw_only=True):
    """A heading and its points."""

    title: str
    points: tuple[Point, ...]


class Report(Struct, frozen=True, kw_only=True):
    """A sitrep or handoff report as of ``at``."""

    headline: str
    at: datetime
    sections: tuple[Section, ...]


def sitrep(incident: Incident, alias: str, now: datetime) -> Report:
    """Conditions, actions, needs."""
    sections = (
        _section("Conditions", [*_impact(incident, now), *_lines(incident, now, 3, "finding", "impact")]),
        _section("Actions", [*_in_progress(incident, now), *_lines(incident, now, 2, "action", "decision")]),
        _section("Needs", _needs(incident, now)),
    )
    return Report(headline=_headline(incident, alias), at=now, sections=sections)


def handoff(incident: Incident, alias: str, now: datetime) -> Report:
    """Situation, background, assessment, recommendation."""
    roles = [Point(text=f"{role}: @{person}") for role, person in sorted(incident.role_holders().items())]
    failed = (
        [Point(text=f"{incident.failed_commands} commands did not end with exit 0")] if incident.failed_commands else []
    )
    sections = (
        _section("Situation", [Point(text=_headline(incident, alias)), *_impact(incident, now), *roles]),
        _section(
            "Background",
            [
                *([Point(text=one_line(incident.summary))] if incident.summary else []),
                *_lines(incident, now, 3, "decision"),
                *_lines(incident, now, 5, "action"),
                *failed,
            ],
        ),
        _section("Assessment", [*_lines(incident, now, 5, "finding"), *_questions(incident, now)]),
        _section("Recommendation", [*_in_progress(incident, now), *_needs(incident, now), *_comms(incident, now)]),
    )
    return Report(headline=f"Handoff of {_headline(incident, alias)}", at=now, sections=sections)


def _section(title: str, points: list[Point]) -> Section:
    return Section(title=title, points=tuple(points) or (Point(text="nothing recorded"),))


def _headline(incident: Incident, alias: str) -> str:
    severity = incident.severity or "no severity"
    services = f" [{', '.join(incident.services)}]" if incident.services else ""
    state = "" if incident.is_open else ", closed"
    return one_line(f"{alias} {severity}: {incident.title}{services}{state}")


def _impact(incident: Incident, now: datetime) -> list[Point]:
    found = clocks(incident, now)
    points = [_clock(clock) for clock in (found.impact, found.declared) if clock is not None]
    if found.impact is None:
        points.insert(0, Point(text="impact: start not recorded"))
    milestones = compute(incident).milestones
    reached = [name for name in ("mitigated", "resolved") if milestones[name]]
    return [*points, *(Point(text=f"{name} at {milestones[name].at:%Y-%m-%d %H:%M} UTC") for name in reached)]  # type: ignore[union-attr]  # filtered above


def _clock(clock: Clock) -> Point:
    about = "~" if clock.approximate else ""
    since = f"since {about}{clock.since:%Y-%m-%d %H:%M} UTC"
    length = span(clock.seconds // 60 * 60) if abs(clock.seconds) >= 60 else span(clock.seconds)
    return Point(text=f"{clock.label} {about}{length} {since}" + ("" if clock.running else ", over"))


def _line(line: Line, incident: Incident, now: datetime) -> Point:
    at = incident.when(line)[0]
    return Point(
        text=one_line(f"[{line.kind}] {incident.wording(line, line.text)} — @{line.actor}"),
        age=max((now - at).total_seconds(), 0.0),
    )


def _lines(incident: Incident, now: datetime, limit: int, *kinds: str) -> list[Point]:
    return [_line(line, incident, now) for line in incident.last_lines(*kinds)[:limit]]


def _questions(incident: Incident, now: datetime) -> list[Point]:
    return [
        Point(text=one_line(f"open question: {incident.wording(line, line.text)}"), age=(now - line.at).total_seconds())
        for line in incident.open_questions()[:5]
    ]


def _comms(incident: Incident, now: datetime) -> list[Point]:
    return _lines(incident, now, 1, "comms") or [Point(text="no update to anybody is recorded")]


def _in_progress(incident: Incident, now: datetime) -> list[Point]:
    points = [
        Point(text=one_line(f"running: $ {command.text} on {command.host}"), age=(now - command.at).total_seconds())
        for command in incident.running.values()
    ]
    points += [
        Point(text=one_line(f"runbook: {run.title}"), age=(now - run.at).total_seconds())
        for run in incident.active_runs()
    ]
    return points + [_task(task, incident, now) for task in incident.open_tasks() if task.owner]


def _task(task: Task, incident: Incident, now: datetime) -> Point:
    age = (now - incident.when(task)[0]).total_seconds()
    due = ""
    if task.check_back_ms is not None:
        left = task.check_back_ms / 1000 - age
        due = f", back in {span(left)}" if left > 0 else f", overdue by {span(-left)}"
    owner = f"@{task.owner}" if task.owner else "nobody"
    return Point(text=one_line(f"{incident.wording(task, task.text)} ({owner}{due})"), age=age)


def _needs(incident: Incident, now: datetime) -> list[Point]:
    points = [_task(task, incident, now) for task in incident.open_tasks() if not task.owner]
    points += _questions(incident, now)
    if incident.is_open:
        if not incident.severity:
            points.append(Point(text="a severity"))
        if "ic" not in incident.role_holders():
            points.append(Point(text="an incident commander"))
    return points


def plain(report: Report) -> str:
    """The report as text for a terminal, a chat or a phone call."""
    out = [report.headline, f"as of {report.at:%Y-%m-%d %H:%M} UTC"]
    for section in report.sections:
        out += ["", section.title.upper()]
        for point in section.points:
            age = "" if point.age is None else f" ({span(point.age // 60 * 60 if point.age >= 60 else point.age)} ago)"
            out.append(f"- {point.text}{age}{' STALE' if point.stale else ''}")
    return "\n".join(out)


def as_json(report: Report) -> dict[str, Any]:
    """The report as a JSON document; ages are seconds."""
    return {
        "headline": report.headline,
        "as_of": rfc3339(report.at),
        "sections": [
            {
                "title": section.title,
                "points": [
                    {"text": point.text, "age_s": None if point.age is None else int(point.age), "stale": point.stale}
                    for point in section.points
                ],
            }
            for section in report.sections
        ],
    }
