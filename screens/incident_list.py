"""The incidents of this database, open and closed, read a few at a time: what a list of them shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from screens.header import severity_token
from screens.widgets.table import Column
from screens.widgets.text import Words

if TYPE_CHECKING:
    from console.journal.store import Journal
    from screens.desk import Desk

COLUMNS: Final = (
    Column(width=8),
    Column(width=6),
    Column(width=7),
    Column(flex=6, least=10),
    Column(width=17, from_width=70),
    Column(width=8, align="right", from_width=90),
)
_CHUNK: Final = 10  # incidents folded in one turn of the reader, so that nothing else waits long


@dataclass(frozen=True)
class Row:
    """One incident."""

    stream: str
    alias: str
    title: str
    severity: str
    open: bool
    at: datetime
    count: int


class IncidentList:
    """Reads the incidents, newest first, through the desk; what was read is read again only when it grew."""

    def __init__(self, desk: Desk, changed: Callable[[], None]) -> None:
        self._desk = desk
        self._changed = changed
        self._rows: dict[str, Row] = {}
        self._order: list[str] = []
        self.reading = False

    @property
    def rows(self) -> list[Row]:
        """What is known, newest first."""
        return [self._rows[stream] for stream in self._order if stream in self._rows]

    def read(self) -> None:
        """Bring the list up to date."""
        known = {stream: row.count for stream, row in self._rows.items()}
        self.reading = True

        def look(journal: Journal) -> tuple[list[str], list[str]]:
            infos = journal.incidents()
            stale = [info.stream for info in infos if known.get(info.stream) != info.count]
            return [info.stream for info in infos], stale

        def found(result: tuple[list[str], list[str]]) -> None:
            self._order, stale = result
            self._changed()
            self._read_some(stale)

        self._desk.read(look, found, self._failed, key="incident-list")

    def _read_some(self, stale: Sequence[str]) -> None:
        if not stale:
            self.reading = False
            self._changed()
            return
        now, later = stale[:_CHUNK], stale[_CHUNK:]

        def come(rows: list[Row]) -> None:
            self._rows.update({row.stream: row for row in rows})
            self._changed()
            self._read_some(later)

        self._desk.read(
            lambda journal: [_row(journal, stream) for stream in now], come, self._failed, key="incident-list"
        )

    def _failed(self, line: str) -> None:
        self.reading = False
        self._desk.say(line, "error")


def _row(journal: Journal, stream: str) -> Row:
    from console.incident.fold import IncidentFold
    from console.journal.folds import fold_stream

    state = fold_stream(journal, stream, IncidentFold())
    return Row(
        stream=stream,
        alias=journal.alias(stream),
        title=state.title,
        severity=state.severity,
        open=state.is_open,
        at=state.declared_at or state.first_at or datetime.min,
        count=state.count,
    )


def cells(row: Row, current: str, levels: tuple[str, ...]) -> tuple[Words, ...]:
    """The cells of one row."""
    return (
        ((row.alias, "accent" if row.stream == current else "title" if row.open else "dim"),),
        ((row.severity or "-", severity_token(row.severity, levels) if row.severity else "faint"),),
        (("OPEN", "title"),) if row.open else (("closed", "dim"),),
        ((row.title, "text" if row.open else "dim"),),
        ((f"{row.at:%Y-%m-%d %H:%M}Z", "dim"),),
        ((f"{row.count:,} ev", "faint"),),
    )


def matches(row: Row, words: str) -> bool:
    """Whether a row holds all *words*; ``!word`` must not be there."""
    text = f"{row.alias} {row.severity} {'open' if row.open else 'closed'} {row.title}".casefold()
    for word in words.casefold().split():
        if word.startswith("!") and len(word) > 1:
            if word[1:] in text:
                return False
        elif word not in text:
            return False
    return True
