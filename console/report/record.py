"""What a report is made of: one pass over an incident's events, and its timeline to be read on demand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from msgspec import Struct

from console.incident import timeline
from console.incident.annotations import Annotations
from console.incident.clocks import Zero, zero_of
from console.incident.fold import IncidentFold
from console.incident.metrics import Metrics, compute
from console.incident.state import Incident
from console.incident.timeline import Line
from console.journal.events import WATCH, Attached, CommandFinished, CommandStarted, Event, Noted
from console.journal.store import Journal

PRIVATE: Final = "private"  # a note with this tag stays out of the external profile


SEEDS: Final = 50  # of findings, decisions and comms that stand in a section of their own; the appendix has all


class Command(Struct, kw_only=True):
    """One command: how it was started and, when the journal knows, how it ended."""

    started: Event
    finished: Event | None = None


class Record(Struct, kw_only=True):
    """An incident, gathered. The lists hold events in the order in which they were recorded."""

    alias: str
    stream: str
    incident: Incident
    metrics: Metrics
    zero: Zero | None
    notes: Annotations
    as_of: datetime | None
    count: int
    head: str
    watch: list[Event] = []
    commands: list[Command] = []
    typed: list[Event] = []  # notes with evidence: recorded, not run
    tagged: list[Event] = []  # notes with tags, for the prompts
    by_kind: dict[str, list[Event]] = {}  # the last findings, decisions, comms
    totals: dict[str, int] = {}  # how many of those there are
    questions: list[Event] = []
    attached: list[Event] = []
    reworded: int = 0

    def line(self, event: Event) -> Line:
        """One of the gathered events as a timeline line."""
        return timeline.line(event, self.notes, self.zero)

    def live(self, events: list[Event]) -> list[Event]:
        """Those that were neither undone nor redacted."""
        return [event for event in events if not self.notes.undone(event.id) and not self.notes.redaction(event)]


_COLLECTED: Final = frozenset({"finding", "decision", "comms"})


def gather(journal: Journal, stream: str) -> Record:
    """Read *stream* once. Raises ``LookupError`` when there is nothing in it."""
    fold = IncidentFold()
    incident = fold.initial()
    record = Record(
        alias=journal.alias(stream),
        stream=stream,
        incident=incident,
        metrics=compute(incident),
        zero=None,
        notes=Annotations(),
        as_of=None,
        count=0,
        head="",
    )
    commands: dict[str, Command] = {}
    for event in journal.all(stream):
        incident = fold.apply(incident, event)
        record.notes.add(event)
        _collect(record, commands, event)
    if not incident.count:
        raise LookupError(f"no events in {stream}")
    record.incident, record.metrics = incident, compute(incident)
    record.zero = zero_of(record.metrics)
    record.as_of, record.count, record.head = incident.last_recorded_at, incident.last_seq, incident.last_hash
    record.commands = list(commands.values())
    start, end = window(record)
    if start is not None and end is not None:
        record.watch = timeline.overlay(journal, start, end, incident.services, as_known_at=record.as_of)
    return record


def window(record: Record) -> tuple[datetime | None, datetime | None]:
    """From when to when the watch belongs to this incident: T+0 (or its first event) to its end (or its last one)."""
    incident = record.incident
    starts = [at for at in (record.zero.at if record.zero else None, incident.first_at) if at is not None]
    end = incident.closed_at if incident.closed_at is not None else record.as_of
    ended = record.metrics.milestones["resolved"]
    if ended is not None and not incident.is_open:
        end = ended.at
    return (min(starts) if starts else None), end


def _collect(record: Record, commands: dict[str, Command], event: Event) -> None:
    body = event.body
    if isinstance(body, Noted):
        if body.note in _COLLECTED:
            kept = record.by_kind.setdefault(body.note, [])
            kept.append(event)
            del kept[:-SEEDS]
            record.totals[body.note] = record.totals.get(body.note, 0) + 1
        if body.question:
            record.questions.append(event)
        if body.evidence:
            record.typed.append(event)
        if body.tags:
            record.tagged.append(event)
    elif isinstance(body, CommandStarted):
        commands[body.command] = Command(started=event)
    elif isinstance(body, CommandFinished):
        if body.command in commands:
            commands[body.command].finished = event
    elif isinstance(body, Attached):
        record.attached.append(event)


def full_timeline(journal: Journal, record: Record) -> Iterator[Line]:
    """Every line, the watch's in their places; read as it is consumed."""
    events = timeline.in_order(journal, record.stream, record.notes, as_known_at=record.as_of)
    merged = timeline.with_overlay(events, record.notes, record.watch)
    return timeline.lines(merged, record.notes, record.zero)


STORY_KINDS: Final = frozenset({"declared", "severity_set", "closed", "reopened"})


def is_story(event: Event, notes: Annotations) -> bool:
    """Whether an event stands in the report's body: starred, a milestone, or a turn in the incident's life."""
    if event.stream.startswith(f"{WATCH}:") or notes.undone(event.id) is not None:
        return False
    own = event.kind in STORY_KINDS and event.origin.program != "import"
    return own or bool(getattr(event.body, "marks", ())) or notes.starred(event)


def story(journal: Journal, record: Record) -> Iterator[Line]:
    """The lines of the body."""
    events = timeline.in_order(journal, record.stream, record.notes, as_known_at=record.as_of)
    told = (event for event in events if is_story(event, record.notes))  # before they are made into lines: few are
    return timeline.lines(told, record.notes, record.zero)
