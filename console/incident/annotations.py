"""What later events say about earlier ones: edits, stars, undos, redactions, by target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from console.clock import to_us
from console.journal.codec import COLUMNS, decode_row
from console.journal.events import Event, Redacted, Revised, Starred, Undone

if TYPE_CHECKING:
    from console.journal.store import Journal

RECORD_KINDS: Final = frozenset({"revised", "starred", "undone", "redacted"})
_PAGE: Final = 400


class Annotations:
    """Events about events. Feed them in order of seq."""

    def __init__(self, about: Iterable[Event] = ()) -> None:
        self._by_target: dict[str, list[Event]] = {}
        self._seen: set[str] = set()
        self._undos: list[Event] = []
        self._gone: dict[str, Event] | None = None  # worked out when asked for
        for event in about:
            self.add(event)

    def add(self, event: Event) -> str:
        """Take an event in; returns the id it is about, "" when it is not about another."""
        target = getattr(event.body, "target", "")
        if event.kind not in RECORD_KINDS or not target or target == event.id:
            return ""
        found = self._by_target.setdefault(target, [])
        if event.id not in self._seen:
            self._seen.add(event.id)
            found.append(event)
            if isinstance(event.body, Undone):
                self._undos.append(event)
                self._gone = None
        return str(target)

    def _live(self, target: str, kind: type) -> list[Event]:
        about = self._by_target.get(target)
        if about is None:  # nearly all events, several times each
            return []
        gone = self._undone()
        return [event for event in about if isinstance(event.body, kind) and event.id not in gone]

    def _undone(self) -> dict[str, Event]:
        """Target → the undo that stands against it; the last undo always stands, and may take an earlier one back."""
        if self._gone is None:
            self._gone = {}
            for undo in sorted(self._undos, key=lambda event: event.seq, reverse=True):
                if undo.id not in self._gone and isinstance(undo.body, Undone):
                    self._gone.setdefault(undo.body.target, undo)
        return self._gone

    def undone(self, target: str) -> Event | None:
        """The undo that stands against *target*, or None. An undone undo does not undo."""
        return self._undone().get(target)

    def revisions(self, target: str) -> list[Event]:
        """The edits of *target* that count, oldest first."""
        return self._live(target, Revised)

    def text(self, target: str) -> str | None:
        """The last wording, or None when it was never reworded."""
        for event in reversed(self.revisions(target)):
            if isinstance(event.body, Revised) and event.body.text is not None:
                return event.body.text
        return None

    def note(self, target: str) -> str | None:
        """The last kind given by an edit, or None."""
        for event in reversed(self.revisions(target)):
            if isinstance(event.body, Revised) and event.body.note is not None:
                return event.body.note
        return None

    def when(self, event: Event) -> tuple[datetime, str]:
        """``(at, precision)`` of *event*, as last edited."""
        for edit in reversed(self.revisions(event.id)):
            if isinstance(edit.body, Revised) and edit.body.occurred_at is not None:
                return edit.body.occurred_at, edit.body.precision or event.precision
        return event.occurred_at, event.precision

    def moved(self) -> list[str]:
        """Targets whose time was edited."""
        return [
            target
            for target in self._by_target
            if any(isinstance(edit.body, Revised) and edit.body.occurred_at for edit in self.revisions(target))
        ]

    def starred(self, event: Event) -> bool:
        """Whether *event* is part of the story."""
        on = bool(getattr(event.body, "starred", False))
        for star in self._live(event.id, Starred):
            on = bool(getattr(star.body, "on", on))
        return on

    def redaction(self, event: Event) -> Event | None:
        """The redaction of *event*; None when its body stands."""
        found = [each for each in self._by_target.get(event.id, ()) if isinstance(each.body, Redacted)]
        return found[0] if found else None


def of_stream(journal: Journal, stream: str, *, as_known_at: datetime | None = None) -> Annotations:
    """All annotations of a stream."""
    found = Annotations()
    after = 0
    while True:
        rows = journal.rows(
            f"SELECT {COLUMNS} FROM events WHERE stream = ? AND target IS NOT NULL AND seq > ? ORDER BY seq LIMIT {_PAGE}",  # noqa: S608 - constants
            (stream, after),
        )
        for event in map(decode_row, rows):
            after = event.seq
            if as_known_at is None or to_us(event.recorded_at) <= to_us(as_known_at):
                found.add(event)
        if len(rows) < _PAGE:
            return found


def of_events(journal: Journal, events: Sequence[Event]) -> Annotations:
    """The annotations of a window of events, and what there is about those annotations."""
    found = Annotations()
    ids = [event.id for event in events]
    while ids:
        about = list(_about(journal, ids))
        for event in about:
            found.add(event)
        ids = [event.id for event in about]
    return found


def _about(journal: Journal, ids: Sequence[str]) -> Iterator[Event]:
    for start in range(0, len(ids), _PAGE):
        part = ids[start : start + _PAGE]
        marks = ",".join("?" * len(part))
        rows = journal.rows(
            f"SELECT {COLUMNS} FROM events WHERE target IN ({marks}) ORDER BY pos",  # noqa: S608 - question marks
            part,
        )
        yield from map(decode_row, rows)
