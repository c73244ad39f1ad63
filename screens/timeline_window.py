"""A window of an incident's timeline: pages read from the store by key, never the whole of it. Pure but for the reads.

Reads run in the reader's thread. Lines stand in the order in which things happened, edited times included; the watch's
transitions of the incident's services stand among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from console.incident import timeline
from console.incident.annotations import of_events
from console.incident.timeline import LEAD_UP, QUIET, Line

if TYPE_CHECKING:
    from console.journal.events import Event
    from console.journal.store import Journal
    from screens.incident_now import IncidentNow

PAGE: Final = 300  # events that one read takes
MOST: Final = 1200  # lines that are held

Key = tuple[datetime, int]  # (occurred_at, seq): the store's order of a timeline


@dataclass(frozen=True)
class Window:
    """Lines between two places of the record. ``first``/``last`` are the keys of the events at its edges."""

    stream: str
    lines: tuple[Line, ...] = ()
    first: Key | None = None
    last: Key | None = None
    oldest: bool = True  # nothing lies before it
    newest: bool = True  # nothing lies after it

    @property
    def ids(self) -> tuple[str, ...]:
        """The lines' event ids, which are their keys."""
        return tuple(line.id for line in self.lines)


def newest(journal: Journal, incident: IncidentNow, size: int = 0) -> Window:
    """The end of the timeline: a page, or *size* events."""
    size = size or PAGE
    page = journal.timeline(incident.stream, limit=size)
    return _window(journal, incident, page, oldest=len(page) < size, newest=True)


def oldest(journal: Journal, incident: IncidentNow) -> Window:
    """Its beginning."""
    page = journal.timeline(incident.stream, after=(datetime.min.replace(tzinfo=UTC), 0), limit=PAGE)
    return _window(journal, incident, page, oldest=True, newest=len(page) < PAGE)


def before(journal: Journal, incident: IncidentNow, window: Window) -> Window:
    """*window* and a page before it; what is too much falls off its end."""
    if window.first is None or window.oldest:
        return window
    page = journal.timeline(incident.stream, before=window.first, limit=PAGE)
    found = _window(journal, incident, page, oldest=len(page) < PAGE, newest=False)
    lines = _joined(found.lines, window.lines)
    if len(lines) <= MOST:
        return Window(window.stream, lines, found.first or window.first, window.last, found.oldest, window.newest)
    kept = lines[:MOST]
    return Window(window.stream, kept, found.first or window.first, _key_of(kept[::-1]), found.oldest, False)


def after(journal: Journal, incident: IncidentNow, window: Window) -> Window:
    """*window* and a page after it; what is too much falls off its beginning."""
    if window.last is None or window.newest:
        return window
    page = journal.timeline(incident.stream, after=window.last, limit=PAGE)
    found = _window(journal, incident, page, oldest=False, newest=len(page) < PAGE)
    lines = _joined(window.lines, found.lines)
    if len(lines) <= MOST:
        return Window(window.stream, lines, window.first, found.last or window.last, window.oldest, found.newest)
    kept = lines[-MOST:]
    return Window(window.stream, kept, _key_of(kept), found.last or window.last, False, found.newest)


def again(journal: Journal, incident: IncidentNow, window: Window) -> Window:
    """*window* as it reads now: what was written since, edited, starred or undone."""
    if window.newest or window.first is None:
        return newest(journal, incident, max(PAGE, min(len(window.lines) + 50, MOST)))
    page = journal.timeline(incident.stream, after=(window.first[0], window.first[1] - 1), limit=MOST)
    page = [event for event in page if window.last is None or (event.occurred_at, event.seq) <= window.last]
    return _window(journal, incident, page, oldest=window.oldest, newest=False)


def around(journal: Journal, incident: IncidentNow, event_id: str) -> Window:
    """The window in whose middle the event stands; the newest one when it is not of this incident."""
    event = journal.get(event_id)
    if event is None or event.stream != incident.stream:
        return newest(journal, incident)
    key = (event.occurred_at, event.seq)
    earlier = journal.timeline(incident.stream, before=key, limit=PAGE // 2)
    later = journal.timeline(incident.stream, after=(key[0], key[1] - 1), limit=PAGE // 2)
    return _window(
        journal,
        incident,
        [*earlier, *later],
        oldest=len(earlier) < PAGE // 2,
        newest=len(later) < PAGE // 2,
    )


def found(journal: Journal, incident: IncidentNow, words: str) -> Window:
    """The newest lines that hold *words*, by the store's index; ``!word`` leaves lines out."""
    wanted = " ".join(word for word in words.split() if not word.startswith("!"))
    left_out = [word[1:].casefold() for word in words.split() if word.startswith("!") and len(word) > 1]
    events = journal.search(wanted, stream=incident.stream, limit=500) if wanted else newest_events(journal, incident)
    events.sort(key=lambda event: (event.occurred_at, event.seq))
    window = _window(journal, incident, events, oldest=True, newest=True, watch=False)
    lines = tuple(
        line for line in window.lines if not any(word in f"{line.kind} {line.text}".casefold() for word in left_out)
    )
    return Window(window.stream, lines, window.first, window.last)


def newest_events(journal: Journal, incident: IncidentNow) -> list[Event]:
    """The newest events of the incident, by time."""
    return journal.timeline(incident.stream, limit=500)


def _window(
    journal: Journal,
    incident: IncidentNow,
    page: Sequence[Event],
    *,
    oldest: bool,
    newest: bool,
    watch: bool = True,
) -> Window:
    first = (page[0].occurred_at, page[0].seq) if page else None
    last = (page[-1].occurred_at, page[-1].seq) if page else None
    events = [event for event in page if event.kind not in QUIET]
    if first is not None and last is not None:
        low = None if oldest else first[0]
        high = None if newest else last[0]
        events = _moved(journal, incident, events, low, high)
        if watch:
            events += _watched(journal, incident, first[0], last[0], oldest, newest)
    notes = of_events(journal, events)
    zero = incident.zero
    lines = sorted(
        (timeline.line(event, notes, zero) for event in events), key=lambda line: (line.at, line.watch, line.seq)
    )
    return Window(incident.stream, tuple(lines), first, last, oldest, newest)


def _moved(
    journal: Journal, incident: IncidentNow, events: list[Event], low: datetime | None, high: datetime | None
) -> list[Event]:
    """Events whose time was edited stand where they now belong: they leave this window, or come into it."""
    targets = {
        target: revision.to
        for target in incident.state.revisions
        for revision in incident.state.live_revisions(target)
        if revision.to is not None
    }
    if not targets:
        return events
    kept = [event for event in events if event.id not in targets]
    for target, to in targets.items():
        if (low is None or to >= low) and (high is None or to <= high):
            event = journal.get(target)
            if event is not None and event.stream == incident.stream:
                kept.append(event)
    return kept


def _watched(
    journal: Journal, incident: IncidentNow, first: datetime, last: datetime, oldest: bool, newest: bool
) -> list[Event]:
    """The watch's transitions of this stretch that concern the incident; a lead-up before the beginning."""
    start = first - LEAD_UP if oldest else first
    end = last
    if newest:
        end = incident.ended or datetime.max.replace(tzinfo=UTC, microsecond=0)
    services = frozenset(incident.state.services)
    return [event for event in journal.watch_between(start, end, 500) if timeline.concerns(event, services)]


def _joined(earlier: Sequence[Line], later: Sequence[Line]) -> tuple[Line, ...]:
    seen = {line.id for line in later}
    return (*(line for line in earlier if line.id not in seen), *later)


def _key_of(lines: Sequence[Line]) -> Key | None:
    """The store's key of the first of *lines* that is the incident's own."""
    return next(((line.event.occurred_at, line.event.seq) for line in lines if not line.watch), None)
