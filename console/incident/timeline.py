"""Any event as a line of the timeline: time, T+, star, kind, text, actor, notes. Screens, CLI and reports read this one.

Text is made visible; it may hold several lines and is never markup.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from console.clock import rfc3339, span, t_plus
from console.incident.annotations import RECORD_KINDS, Annotations
from console.incident.clocks import Zero
from console.incident.wording import words
from console.journal.events import (
    WATCH,
    Acknowledged,
    AlertRaised,
    AlertResolved,
    CheckChanged,
    CheckFlapping,
    Declared,
    Erased,
    Event,
    Maintenance,
    Noted,
    Silenced,
    SourceBack,
    SourceLost,
)
from console.sanitize import one_line, visible

if TYPE_CHECKING:
    from console.journal.store import Journal

LAG: Final = timedelta(minutes=5)  # recorded later than this after it happened, the line says so
LEAD_UP: Final = timedelta(minutes=15)
OVERLAY: Final = 2000  # watch events that one timeline shows at the most

# Bookkeeping of the record and of runs: left out of the story unless all is asked for.
QUIET: Final = RECORD_KINDS | {"param_set", "step_jumped"}


IMPORTING: Final = frozenset({"declared", "imported", "closed", "summary_set"})


class Line(Struct, frozen=True, kw_only=True):
    """One line. ``t`` is ``T+00:17``, ``T+13d``, or "" without a T+0; ``notes`` stand in brackets after the text."""

    id: str
    seq: int
    at: datetime
    precision: str
    t: str
    starred: bool
    kind: str
    text: str
    actor: str
    notes: tuple[str, ...] = ()
    watch: bool = False
    undone: bool = False
    redacted: bool = False
    event: Event

    @property
    def clock(self) -> str:
        """``23:09``, ``~23:00`` when approximate, ``day`` when only the date is known."""
        if self.precision == "day":
            return "day"
        return f"{'~' if self.precision in ('approx', 'hour') else ''}{self.at:%H:%M}"

    @property
    def clock_seconds(self) -> str:
        """The same with seconds where they are known."""
        return f"{self.at:%H:%M:%S}" if self.precision in ("second", "microsecond") else self.clock

    @property
    def date(self) -> str:
        """The UTC date."""
        return f"{self.at:%Y-%m-%d}"


def line(event: Event, notes: Annotations, zero: Zero | None) -> Line:
    """*event* as a line, as it is known by *notes*."""
    at, precision = notes.when(event)
    at = at.astimezone(UTC)
    kind, text = words(event)
    redaction = notes.redaction(event)
    undo = notes.undone(event.id)
    if redaction is not None or isinstance(event.body, Erased):
        text = _redacted(redaction)
    else:
        reworded = notes.text(event.id)
        text = text if reworded is None else visible(reworded)
        kind = one_line(notes.note(event.id) or kind, 40)
    return Line(
        id=event.id,
        seq=event.seq,
        at=at,
        precision=precision,
        t="" if _is_importing(event) else _t(at, precision, zero),
        starred=notes.starred(event),
        kind=kind,
        text=text,
        actor=one_line(event.actor),
        notes=tuple(_notes(event, at, precision, notes, undo)),
        watch=event.stream.startswith(WATCH + ":"),
        undone=undo is not None,
        redacted=redaction is not None or isinstance(event.body, Erased),
        event=event,
    )


def _is_importing(event: Event) -> bool:
    """Whether the event is about an import, and its time says nothing of when the incident was."""
    return event.origin.program == "import" and event.kind in IMPORTING


def _t(at: datetime, precision: str, zero: Zero | None) -> str:
    if zero is None:
        return ""
    if precision == "day" or zero.precision == "day":
        days = (at.date() - zero.at.date()).days
        return f"T{'−' if days < 0 else '+'}{abs(days)}d"
    return t_plus((at - zero.at).total_seconds())


def _redacted(redaction: Event | None) -> str:
    if redaction is None:
        return "[redacted]"
    reason = one_line(getattr(redaction.body, "reason", "") or "no reason given")
    return f"[redacted by @{one_line(redaction.actor)}, {reason}, {redaction.recorded_at:%Y-%m-%d %H:%M}]"


def _notes(event: Event, at: datetime, precision: str, notes: Annotations, undo: Event | None) -> Iterator[str]:
    # What changes the line's meaning first: the end of a long line is cut.
    if precision in ("approx", "hour"):
        yield "approximate"
    edits = notes.revisions(event.id)
    if edits:
        yield f"edited ×{len(edits)}"
    if undo is not None:
        reason = one_line(getattr(undo.body, "reason", ""))
        yield f"undone by @{one_line(undo.actor)}{': ' + reason if reason else ''}"
    lag = event.recorded_at - at
    if precision == "minute":  # a time typed in minutes is no measure of seconds
        lag -= lag % timedelta(minutes=1)
    if lag > LAG and precision != "day" and event.origin.program != "import":
        recorded = event.recorded_at
        stamp = f"{recorded:%H:%M}" if recorded.date() == at.date() else f"{recorded:%Y-%m-%d %H:%M}"
        yield f"recorded {stamp}, {span(lag.total_seconds() // 60 * 60)} later"
    if isinstance(event.body, Noted) and event.body.text and event.body.marks:
        yield "stamps " + one_line(", ".join(event.body.marks))
    if isinstance(event.body, Noted) and event.body.question:
        yield "open question"


# ── whole timelines ──────────────────────────────────────────────────────────────────────────────────────────────


def in_order(
    journal: Journal, stream: str, notes: Annotations, *, as_known_at: datetime | None = None
) -> Iterator[Event]:
    """Every event of *stream* in the order in which things happened (edited times count), read in pages."""
    moved_ids = set(notes.moved())
    moved = [event for each in sorted(moved_ids) if (event := journal.get(each)) is not None and event.stream == stream]

    def key(event: Event) -> tuple[datetime, int]:
        return notes.when(event)[0], event.seq

    def unmoved() -> Iterator[Event]:
        after = (datetime.min.replace(tzinfo=UTC), 0)
        while True:
            page = journal.timeline(stream, after=after, limit=500)
            yield from (event for event in page if event.id not in moved_ids)
            if len(page) < 500:
                return
            after = (page[-1].occurred_at, page[-1].seq)

    merged = heapq.merge(unmoved(), sorted(moved, key=key), key=key) if moved else unmoved()
    for event in merged:
        if as_known_at is None or event.recorded_at <= as_known_at:
            yield event


def overlay(
    journal: Journal,
    start: datetime,
    end: datetime,
    services: Iterable[str],
    *,
    as_known_at: datetime | None = None,
) -> list[Event]:
    """Transitions of the watch in ``[start − 15 min, end]`` that concern *services* (all of them when none is named)."""
    wanted = frozenset(services)
    found: list[Event] = []
    seen: set[str] = set()
    since = start - LEAD_UP
    while len(found) < OVERLAY:
        page = journal.watch_between(since, end, 500)
        fresh = [event for event in page if event.id not in seen]
        seen.update(event.id for event in fresh)
        found += [event for event in fresh if concerns(event, wanted)]
        if len(page) < 500 or not fresh:
            break
        since = page[-1].occurred_at
    known = [event for event in found if as_known_at is None or event.recorded_at <= as_known_at]
    return known[:OVERLAY]


def concerns(event: Event, services: frozenset[str]) -> bool:
    """Whether a watch event belongs on the timeline of an incident with these *services*."""
    body = event.body
    if isinstance(body, SourceLost | SourceBack | Silenced):
        return True
    if isinstance(body, CheckChanged | CheckFlapping):
        return not services or body.service in services
    if isinstance(body, Maintenance):
        named = {one.partition("/")[0] for one in body.services}
        return not services or not named or bool(services & named)
    if isinstance(body, AlertRaised | AlertResolved):
        return not services or bool(services & {body.labels.get(name, "") for name in ("service", "job", "app")})
    return isinstance(body, Acknowledged) and (not services or not body.service or body.service in services)


def lines(
    events: Iterable[Event], notes: Annotations, zero: Zero | None, *, everything: bool = False
) -> Iterator[Line]:
    """*events* as lines; bookkeeping is left out unless *everything* is asked for."""
    for event in events:
        if everything or event.kind not in QUIET:
            yield line(event, notes, zero)


def with_overlay(events: Iterable[Event], notes: Annotations, watch: list[Event]) -> Iterator[Event]:
    """*events* (in order) with the *watch* events in their places."""

    def key(event: Event) -> datetime:
        return notes.when(event)[0]

    return heapq.merge(events, sorted(watch, key=lambda event: (event.occurred_at, event.pos)), key=key)


# ── text and JSON ────────────────────────────────────────────────────────────────────────────────────────────────


def plain(shown: Line, *, seconds: bool = False) -> str:
    """The line for a terminal: ``23:09 T+00:17 ★ [status] Declared — @ann (notes)``; on one line, no date."""
    parts = [shown.clock_seconds if seconds else shown.clock, shown.t, "★" if shown.starred else ""]
    parts += ["[watch]" if shown.watch else "", f"[{shown.kind}]", one_line(shown.text)]
    if not shown.watch:
        parts.append(f"— @{shown.actor}")
    text = " ".join(part for part in parts if part)
    return text + "".join(f" ({note})" for note in shown.notes)


def as_json(shown: Line, alias: str) -> dict[str, Any]:
    """The object of ``vigie timeline --json``."""
    event = shown.event
    body = event.body
    return {
        "id": event.id,
        "incident": None if shown.watch else alias,
        "seq": event.seq,
        "recorded_at": rfc3339(event.recorded_at),
        "occurred_at": rfc3339(shown.at),
        "precision": shown.precision,
        "actor": event.actor,
        "origin": event.origin.program,
        "kind": shown.kind if isinstance(body, Noted) else event.kind,
        "text": shown.text,
        "tags": list(getattr(body, "tags", ())),
        "starred": shown.starred,
        "marks": _marks(event),
        "dedupe_key": event.dedupe,
        "hash": event.hash,
        "event": event.kind,
        "stream": event.stream,
        "t": shown.t,
        "notes": list(shown.notes),
        "undone": shown.undone,
        "redacted": shown.redacted,
        "watch": shown.watch,
        "host": event.origin.host,
        "tty": event.origin.tty,
        "uid": event.origin.uid,
        "body_hash": event.body_hash,
    }


def _marks(event: Event) -> list[str]:
    body = event.body
    if isinstance(body, Noted):
        return list(body.marks)
    if isinstance(body, Declared) and event.origin.program != "import":
        return ["declared"]
    return []
