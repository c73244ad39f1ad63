"""The scribe line and the declare line: what is typed becomes events, and no word is lost on the way.

A line is read with the clock of its first keystroke. On Enter it goes to the writer and is kept as an "unsaved" draft
until it is on disk; a new console saves what a killed one could not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from console.sanitize import one_line
from screens.asks import Ask
from screens.foot import SCRIBE
from screens.widgets.text import Span, Words

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from console.incident.entry import Entry
    from console.journal.events import Event, New
    from console.journal.store import Journal
    from screens.desk import Desk
    from screens.incident_now import IncidentNow

DECLARE = "declare"
_GRAMMAR = "-5m text  @14:32  #action  !key event  ?open  todo @ann 10m text  +mitigated"
_NO_INCIDENT = "no incident is open: D declares one; this line stays as a draft"
UNSAVED = "unsaved:"  # draft keys of lines that are not on disk yet, followed by their ULID


class _Typing:
    """One line while it is typed: when it was begun, and whether its question was asked."""

    def __init__(self, desk: Desk, context: str, given: str = "", since: str = "") -> None:
        self.desk = desk
        self.context = context
        self.given, self.since = given, since
        self.began: datetime | None = None
        self.asked = ""  # the line whose question was asked: Enter again answers it

    def entry(self, text: str) -> Entry:
        from console.incident.entry import parse

        if not text.strip():
            self.began = None
        elif self.began is None:
            self.began = self.desk.now()
        names = severities(self.desk)
        context: Any = self.context
        began = self.began or self.desk.now()
        return parse(text, began, zone(self.desk), context, severities=names, given=self.given, since=self.since)

    def typed(self, text: str) -> None:
        """A key was pressed: relative times count from the first one."""
        self.entry(text)

    def preview(self, text: str) -> Words:
        from console.incident.entry import preview

        entry = self.entry(text)
        incident = self.desk.incident
        zero = incident.zero.at if incident is not None and incident.zero is not None else None
        line = preview(entry, zero)
        token = "error" if entry.refusals else ("degraded" if entry.questions else "dim")
        spans: list[Span] = [(line, token)]
        for problem in entry.problems[:1]:
            spans += [(f"   {label}: {whole}", "accent") for label, whole in problem.options[:2]]
        return tuple(spans)

    def news(self, text: str) -> tuple[list[New], str | None]:
        """The events of the line, or why not yet."""
        from console.incident.entry import to_events

        entry = self.entry(text)
        if entry.refusals:
            return [], entry.refusals[0].text
        if entry.questions and self.asked != text:
            self.asked = text
            return [], f"{entry.questions[0].text} Enter again saves it"
        return to_events(entry, saved_at=self.desk.now(), confirmed=True), None


def severities(desk: Desk) -> Sequence[str]:
    """The house's severity names, the worst first."""
    from console.incident.entry import SEVERITIES

    return [level.name for level in desk.deps.config.severities] if desk.deps is not None else SEVERITIES


def zone(desk: Desk) -> ZoneInfo:
    """The zone in which bare times are read."""
    from zoneinfo import ZoneInfo

    if desk.deps is None:
        return ZoneInfo("UTC")
    found: ZoneInfo = desk.deps.config.zone()
    return found


def note(desk: Desk) -> Ask:
    """The scribe line of the current incident."""
    typing = _Typing(desk, "note")

    def submit(text: str) -> str | None:
        incident = desk.incident
        if incident is None and desk.incident_known:
            return _NO_INCIDENT
        if not text.strip():
            return None
        _, refusal = typing.news(text)
        if refusal:
            return refusal
        save(desk, incident.stream if incident is not None else "", text, typing.began or desk.now())
        if incident is None:
            desk.say("kept: it is saved as soon as the record can be read")
        return None

    return Ask(
        id="note",
        label="n>",
        draft=SCRIBE,
        submit=submit,
        typed=typing.typed,
        preview=typing.preview,
        hint=lambda: _NO_INCIDENT if desk.incident_known and desk.incident is None else _GRAMMAR,
    )


def declare(
    desk: Desk,
    *,
    text: str = "",
    since: str = "",
    labels: Mapping[str, str] | None = None,
    source: str = "",
    services: Sequence[str] = (),
) -> Ask:
    """The declare line; from a check or an alert it starts with its words (*text*) and the time that it has lasted (*since*,
    ``-3m``), and the incident carries its labels."""
    text = one_line(text)
    typing = _Typing(desk, "declare", text, since)

    def submit(line: str) -> str | None:
        if not line.strip():
            return "what is broken? e.g. sev2 checkout 5xx -8m #payments"
        news, refusal = typing.news(line)
        if refusal:
            return refusal
        news[0] = _with(news[0], labels or {}, source, services)

        def work(journal: Journal) -> tuple[str, str, list[Event]]:
            return journal.declare(news)

        def done(result: tuple[str, str, list[Event]]) -> None:
            stream, alias, _ = result
            desk.choose(stream)
            desk.say(f"{alias} is declared")
            desk.go("incident")

        def failed(why: str) -> None:
            desk.drafts.put(DECLARE, line)
            desk.say(f"not declared: {why} (D has the line)", "error")

        desk.work(work, done, failed)
        return None

    return Ask(
        id="declare",
        label="declare>",
        draft=DECLARE if not source else "",
        text=f" {text} {since}".rstrip() if text else "",
        at_start=True,  # what is missing is the severity, and that comes first
        submit=submit,
        typed=typing.typed,
        preview=typing.preview,
        hint="sev2 what is broken -8m #service",
    )


def _with(new: New, labels: Mapping[str, str], source: str, services: Sequence[str]) -> New:
    from msgspec.structs import replace as changed

    from console.journal.events import Declared

    body = new.body
    if not isinstance(body, Declared):  # entry.to_events begins with it
        return new
    joined = tuple(dict.fromkeys((*body.services, *services)))
    return changed(new, body=changed(body, labels=dict(labels), source=source, services=joined))


@dataclass(frozen=True)
class Line:
    """A line on its way to the disk, with all that makes its events the same ones when it is saved again."""

    stream: str  # "" until the record could be read: of the incident that is open then
    text: str
    began: str  # RFC 3339: the moment that relative times count from
    entered: str  # RFC 3339: when Enter was pressed
    ids: tuple[str, ...] = ()
    task: str = ""

    def news(self, desk: Desk) -> list[New]:
        """Its events; the same ids each time, so that saving twice writes once."""
        from msgspec.structs import replace as changed

        from console.clock import parse_rfc3339
        from console.incident.entry import parse, to_events

        entry = parse(self.text, parse_rfc3339(self.began), zone(desk), "note", severities=severities(desk))
        news = to_events(entry, saved_at=parse_rfc3339(self.entered), confirmed=True, task=self.task)
        return [changed(new, id=name) for new, name in zip(news, self.ids, strict=False)]


def save(desk: Desk, stream: str, text: str, began: datetime) -> None:
    """Write the events of *text*; until they are on disk the line is kept among the drafts."""
    from ulid import ULID

    from console.clock import rfc3339
    from console.incident.actions import new_task_id

    ids = (str(ULID()), str(ULID()))  # a task with tags is two events
    line = Line(stream, text, rfc3339(began), rfc3339(desk.now()), ids, new_task_id())
    desk.drafts.put(UNSAVED + ids[0], json.dumps(asdict(line)))
    _write(desk, line)


def _write(desk: Desk, line: Line) -> None:
    key = UNSAVED + line.ids[0]
    if not line.stream:
        desk.when_known(lambda incident: _place(desk, line, incident))
        return

    def saved(events: list[Event]) -> None:
        desk.drafts.put(key, "")

    desk.write(line.stream, line.news(desk), saved, lambda why: _give_back(desk, line, f"not saved: {why}"))


def _place(desk: Desk, line: Line, incident: IncidentNow | None) -> None:
    """Save a line that was typed before the record could be read: it belongs to the incident that was open then."""
    from console.clock import parse_rfc3339

    declared = incident.state.declared_at if incident is not None else None
    if incident is None or declared is None or declared > parse_rfc3339(line.entered):
        _give_back(desk, line, "not saved: no incident was open")
        return
    placed = replace(line, stream=incident.stream)
    desk.drafts.put(UNSAVED + line.ids[0], json.dumps(asdict(placed)))
    _write(desk, placed)


def _give_back(desk: Desk, line: Line, why: str) -> None:
    """Put the words back into the scribe line, behind what may stand there."""
    kept = desk.drafts.get(SCRIBE)
    desk.drafts.put(UNSAVED + line.ids[0], "")
    desk.drafts.put(SCRIBE, f"{kept}\n{line.text}" if kept and kept != line.text else line.text)
    desk.say(f"{why} (n has the line)", "error")


def save_again(desk: Desk) -> int:
    """Lines that a console before this one could not save: save them now, in their order. Returns how many."""
    count = 0
    for key in desk.drafts.keys(UNSAVED):
        try:
            fields = json.loads(desk.drafts.get(key))
            line = Line(**{**fields, "ids": tuple(fields["ids"])})
            _write(desk, line)
        except (ValueError, KeyError, TypeError) as error:
            desk.say(f"a line of an earlier console can't be read again: {error}", "error")
            continue
        count += 1
    return count
