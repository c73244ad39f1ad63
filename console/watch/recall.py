"""What the journal still knows of the present when status.db is gone: problems that go on, and who has seen them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from console.fingerprint import fingerprint
from console.journal.events import WATCH, Acknowledged, AlertRaised, AlertResolved, CheckChanged, Event
from console.journal.store import Journal
from console.snapshot import Ack, Alert
from console.watch.changes import Kept, Seen
from console.watch.state import BAD, Machine

_FAR_ENOUGH: Final = 5000  # events of the watch that are looked at, newest first


def newest_first(journal: Journal) -> Iterator[Event]:
    """The watch's last events, backwards through its segments."""
    left = _FAR_ENOUGH
    for info in journal.streams():
        if not info.stream.startswith(f"{WATCH}:"):
            continue
        page = journal.window(info.stream, limit=500)
        while page and left > 0:
            yield from reversed(page)
            left -= len(page)
            page = journal.window(info.stream, before_seq=page[0].seq, limit=500)


def recall(events: Iterable[Event]) -> Kept:
    """The problems that had not ended, from *events*, newest first. A state that was fine is not among them."""
    machines: dict[str, Machine] = {}
    alerts: dict[str, Alert] = {}
    acknowledged: dict[str, Seen] = {}
    settled: set[str] = set()  # checks whose newest word we have
    over: set[str] = set()  # fingerprints whose alert has ended
    marks: dict[str, str] = {}  # check key → fingerprint
    for event in events:
        body = event.body
        if isinstance(body, CheckChanged):
            key = f"{body.service}/{body.check}"
            if key not in settled and body.new in BAD:
                machines[key] = Machine(hard=body.new, since=event.occurred_at)
                marks[key] = fingerprint(body.labels)
            settled.add(key)
        elif isinstance(body, AlertResolved) and body.source == "vigie":
            over.add(body.fingerprint)
        elif isinstance(body, Acknowledged):
            ack = Ack(actor=event.actor, at=event.occurred_at, reason=body.reason, expires=body.expires)
            acknowledged.setdefault(body.fingerprint, Seen(starts_at=body.starts_at, ack=ack))
        elif isinstance(body, AlertRaised) and body.source == "vigie" and body.fingerprint not in over:
            over.add(body.fingerprint)  # an older one of the same labels has ended
            alerts[body.fingerprint] = Alert(
                fingerprint=body.fingerprint,
                name=body.name,
                severity=body.severity,
                starts_at=body.starts_at,
                labels=body.labels,
                annotations=body.annotations,
            )
    for key, mark in marks.items():  # a problem began with its first bad result, which its alert names
        if mark in alerts:
            machines[key] = Machine(hard=machines[key].hard, since=alerts[mark].starts_at)
    seen = {
        mark: one for mark, one in acknowledged.items() if mark in alerts and one.starts_at == alerts[mark].starts_at
    }
    return Kept(machines=machines, alerts=alerts, seen=seen)
