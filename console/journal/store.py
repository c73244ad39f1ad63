"""The journal: append, read, follow, search.

One :class:`Journal` is one SQLite connection, for one thread at a time. An append is one ``BEGIN IMMEDIATE``
transaction; it returns when the events are on disk. Reads are short, bounded, and hold no transaction afterwards.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from msgspec import Struct

from console.clock import Clock, SystemClock, from_us, to_us
from console.journal import chain, connection, place, transaction
from console.journal.codec import COLUMNS, decode_row
from console.journal.errors import JournalError, translate
from console.journal.events import WATCH, Declared, Event, New, Origin, Redacted, SegmentOpened

T = TypeVar("T")
PAGE: Final = 500  # rows that one read takes at the most
Guard = Callable[[sqlite3.Connection], None]

_SYSTEM_CLOCK: Final = SystemClock()


class StreamInfo(Struct, frozen=True, kw_only=True):
    """A stream: an incident (with an alias) or a watch segment (without)."""

    stream: str
    alias: str
    created_at: datetime
    count: int
    head: str


class Journal:
    """The journal in the database at *path*."""

    def __init__(self, path: Path, db: sqlite3.Connection, actor: str, origin: Origin, clock: Clock) -> None:
        self.path = path
        self.actor = actor
        self.origin = origin
        self.clock = clock
        self._db = db
        self._seen_version = -1
        self.reading: Callable[[int], object] | None = (
            None  # told how many events each read brought; may raise to end it
        )

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        actor: str,
        origin: Origin,
        clock: Clock = _SYSTEM_CLOCK,
        read_only: bool = False,
        create: bool = True,
        file_mode: int = 0o600,
        busy_s: float = 5.0,
    ) -> Journal:
        """Open (or make) the database. Raises a one-line :class:`JournalError`."""
        db = connection.open_database(path, read_only=read_only, create=create, file_mode=file_mode, busy_s=busy_s)
        return cls(path, db, actor, origin, clock)

    def close(self) -> None:
        """Release the connection; more than once is fine."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────

    def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run *work* as one ``BEGIN IMMEDIATE`` transaction; returns when it is on disk."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                result = work(self._db)
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise translate(error, self.path) from None
        return result

    def append(self, stream: str, news: Sequence[New], *, guard: Guard | None = None) -> list[Event]:
        """Append *news* to *stream* in one transaction; an event whose dedupe key or id exists comes back as it is.

        *guard* runs first inside the transaction and may raise to refuse it.
        """

        def work(db: sqlite3.Connection) -> list[Event]:
            if guard is not None:
                guard(db)
            return transaction.insert(db, self._stamp(), stream, news)

        return self.transact(work)

    def declare(self, news: Sequence[New]) -> tuple[str, str, list[Event]]:
        """A new incident from *news* (the first is :class:`Declared`): ``(stream, alias, events)``."""
        if not news or not isinstance(news[0].body, Declared):
            raise ValueError("the first event of an incident is its declaration")

        def work(db: sqlite3.Connection) -> tuple[str, str, list[Event]]:
            stamp = self._stamp()
            stream, alias = transaction.new_incident(db, stamp, news[0].id)
            return stream, alias, transaction.insert(db, stamp, stream, news)

        return self.transact(work)

    def append_watch(self, news: Sequence[New], *, guard: Guard | None = None) -> list[Event]:
        """Append to this month's segment of the watch stream, which is opened (and tied to the last one) if needed."""

        def work(db: sqlite3.Connection) -> list[Event]:
            if guard is not None:
                guard(db)
            stamp = self._stamp()
            stream = f"{WATCH}:{stamp.now:%Y-%m}"
            if transaction.count_and_head(db, stream)[0] == 0:
                previous = transaction.last_segment(db)
                count, head = transaction.count_and_head(db, previous) if previous else (0, "")
                opened = SegmentOpened(previous=previous, count=count, head=head)
                transaction.insert(db, stamp, stream, [New(body=opened)])
            return transaction.insert(db, stamp, stream, news)

        return self.transact(work)

    def drop_watch(self, before: datetime, *, guard: Guard | None = None) -> list[str]:
        """Delete the watch segments whose month ended before *before*; never the newest. Returns their names.

        Where each ended (count and head) is kept, so that the next one's beginning can still be checked.
        """

        def work(db: sqlite3.Connection) -> list[str]:
            if guard is not None:
                guard(db)
            return transaction.drop_segments(db, f"{WATCH}:{before:%Y-%m}", self.clock.now())

        if not self.rows(
            "SELECT 1 FROM streams WHERE stream GLOB ? AND stream < ? LIMIT 1",
            (f"{WATCH}:*", f"{WATCH}:{before:%Y-%m}"),
        ):
            return []
        return self.transact(work)

    def redact(self, target: str, reason: str) -> Event:
        """Erase the body of event *target*; its envelope and hashes stay, so the chain still verifies.

        Raises ``LookupError`` when there is no such event. Backups made before still hold the text.
        """
        event = self.get(target)
        if event is None:
            raise LookupError(f"no event {target}")

        def work(db: sqlite3.Connection) -> Event:
            done = transaction.insert(
                db, self._stamp(), event.stream, [New(body=Redacted(target=target, reason=reason))]
            )
            db.execute("UPDATE events SET body = NULL WHERE id = ? AND body IS NOT NULL", (target,))
            db.execute("DELETE FROM words WHERE pos = ?", (event.pos,))
            db.execute("INSERT INTO events_fts (events_fts) VALUES ('rebuild')")
            db.execute("DELETE FROM checkpoints WHERE stream = ?", (event.stream,))
            return done[0]

        return self.transact(work)

    def _stamp(self) -> transaction.Stamp:
        return transaction.Stamp(now=self.clock.now(), actor=self.actor, origin=self.origin)

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """All rows of a short read; SQLite's errors come translated."""
        try:
            return self._db.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise translate(error, self.path) from None

    def _events(self, where: str, parameters: Sequence[Any], order: str, limit: int) -> list[Event]:
        sql = f"SELECT {COLUMNS} FROM events WHERE {where} ORDER BY {order} LIMIT ?"  # noqa: S608 - constants of this file
        found = [decode_row(row) for row in self.rows(sql, (*parameters, min(limit, PAGE)))]
        if self.reading is not None:
            self.reading(len(found))
        return found

    def get(self, event_id: str) -> Event | None:
        """One event by id."""
        found = self._events("id = ?", (event_id,), "pos", 1)
        return found[0] if found else None

    def window(
        self, stream: str, *, after_seq: int | None = None, before_seq: int | None = None, limit: int = 200
    ) -> list[Event]:
        """Up to *limit* events by seq, ascending: after a seq, before one (the nearest), or the newest."""
        if after_seq is not None:
            return self._events("stream = ? AND seq > ?", (stream, after_seq), "seq", limit)
        if before_seq is not None:
            return self._events("stream = ? AND seq < ?", (stream, before_seq), "seq DESC", limit)[::-1]
        return self._events("stream = ?", (stream,), "seq DESC", limit)[::-1]

    def timeline(
        self,
        stream: str,
        *,
        after: tuple[datetime, int] | None = None,
        before: tuple[datetime, int] | None = None,
        limit: int = 200,
    ) -> list[Event]:
        """Like :meth:`window`, but in the order in which things happened: keyset on ``(occurred_at, seq)``."""
        key = "(occurred_at, seq)"
        if after is not None:
            return self._events(
                f"stream = ? AND {key} > (?, ?)", (stream, to_us(after[0]), after[1]), "occurred_at, seq", limit
            )
        where, parameters = (
            ("stream = ?", [stream])
            if before is None
            else (
                f"stream = ? AND {key} < (?, ?)",
                [stream, to_us(before[0]), before[1]],
            )
        )
        return self._events(where, parameters, "occurred_at DESC, seq DESC", limit)[::-1]

    def all(self, stream: str, *, as_known_at: datetime | None = None, after_seq: int = 0) -> Iterator[Event]:
        """Every event by seq, read in pages; with *as_known_at* only what had been recorded by then."""
        known = None if as_known_at is None else to_us(as_known_at)
        while True:
            page = self.window(stream, after_seq=after_seq, limit=PAGE)
            for event in page:
                if known is None or to_us(event.recorded_at) <= known:
                    yield event
            if len(page) < PAGE:
                return
            after_seq = page[-1].seq

    def watch_between(self, start: datetime, end: datetime, limit: int = PAGE) -> list[Event]:
        """Events of the watch segments that occurred in ``[start, end]``, oldest first."""
        found: list[Event] = []
        for info in self.streams():
            if info.alias:
                continue
            found += self._events(
                "stream = ? AND occurred_at BETWEEN ? AND ?",
                (info.stream, to_us(start), to_us(end)),
                "occurred_at, seq",
                limit,
            )
        found.sort(key=lambda event: (event.occurred_at, event.pos))
        return found[:limit]

    def since(self, pos: int, limit: int = PAGE) -> list[Event]:
        """What arrived after *pos*, in all streams, in order of arrival."""
        return self._events("pos > ?", (pos,), "pos", limit)

    def last_pos(self) -> int:
        """The newest event's ``pos``; 0 in an empty journal."""
        return int(self.rows("SELECT coalesce(max(pos), 0) FROM events")[0][0])

    def changed(self) -> bool:
        """Whether another connection has committed since the last call (the first call says True)."""
        version = int(self.rows("PRAGMA data_version")[0][0])
        moved, self._seen_version = version != self._seen_version, version
        return moved

    def streams(self) -> list[StreamInfo]:
        """Every stream, newest first."""
        rows = self.rows(
            "SELECT s.stream, s.alias, s.created_at, e.seq, e.hash FROM streams AS s LEFT JOIN events AS e ON e.stream = s.stream "
            "AND e.seq = (SELECT max(seq) FROM events WHERE stream = s.stream) ORDER BY s.rowid DESC"
        )
        return [
            StreamInfo(stream=stream, alias=alias or "", created_at=from_us(created), count=seq or 0, head=head or "")
            for stream, alias, created, seq, head in rows
        ]

    def incidents(self) -> list[StreamInfo]:
        """The incidents, newest first."""
        return [info for info in self.streams() if info.alias]

    def resolve(self, name: str) -> str | None:
        """The stream that ``INC-7``, ``inc-7``, ``7`` or a stream's id names; None if there is none."""
        text = name.strip()
        number = text.upper().removeprefix("INC-")
        if number.isascii() and number.isdigit() and len(number) < 18:
            found = self.rows("SELECT stream FROM streams WHERE number = ?", (int(number),))
        else:
            found = self.rows("SELECT stream FROM streams WHERE stream = ?", (text,))
        return str(found[0][0]) if found else None

    def alias(self, stream: str) -> str:
        """``INC-7`` for an incident's stream, the stream itself for others."""
        found = self.rows("SELECT alias FROM streams WHERE stream = ?", (stream,))
        return str(found[0][0]) if found and found[0][0] else stream

    def head(self, stream: str) -> tuple[int, str]:
        """``(count, hex hash of the newest event)``; ``(0, "")`` for an empty stream."""
        return transaction.count_and_head(self._db, stream)

    def search(self, words: str, *, stream: str | None = None, limit: int = 50) -> list[Event]:
        """Events that hold all *words* (the last one as a prefix), newest first; accents and case do not matter."""
        terms = ['"' + word.replace('"', '""') + '"' for word in words.split()]
        if not terms:
            return []
        match: list[Any] = [" ".join(terms) + "*"]
        if (
            stream is None
        ):  # FTS5 walks rowids downwards by itself: the newest hits cost the same however many there are
            inner, tail = "SELECT rowid FROM events_fts WHERE events_fts MATCH ? ORDER BY rowid DESC LIMIT ?", [limit]
            return self._events(f"pos IN ({inner})", match + tail, "pos DESC", limit)
        inner = "SELECT rowid FROM events_fts WHERE events_fts MATCH ?"
        return self._events(f"pos IN ({inner}) AND stream = ?", [*match, stream], "pos DESC", limit)

    def verify(self, stream: str) -> chain.Verdict:
        """Recompute the chain of *stream*, page by page."""
        targets = self.rows(
            "SELECT target FROM events WHERE stream = ? AND kind = 'redacted' AND target IS NOT NULL",
            (stream,),
        )

        def pages() -> Iterator[Any]:
            after = 0
            while True:
                rows = self.rows(
                    f"SELECT {COLUMNS} FROM events WHERE stream = ? AND seq > ? ORDER BY seq LIMIT {PAGE}",  # noqa: S608 - constants
                    (stream, after),
                )
                yield from rows
                if self.reading is not None:
                    self.reading(len(rows))
                if len(rows) < PAGE:
                    return
                after = rows[-1][3]

        return chain.check_rows(stream, pages(), frozenset(row[0] for row in targets))

    def check_integrity(self) -> None:
        """Raise :class:`~console.journal.errors.Corrupt` when SQLite finds damage."""
        connection.check_integrity(self._db, self.path)

    def copy_into(self, target: Path) -> None:
        """``VACUUM INTO`` a new file *target*, 0600; raises :class:`JournalError` when it exists."""
        fresh = place.blank(target, 0o600, "name a file in a folder that you may write")
        try:
            self._db.execute("VACUUM INTO ?", (str(fresh),))
        except BaseException as error:  # ctrl-C too: no half copy stays behind
            fresh.unlink(missing_ok=True)
            if isinstance(error, sqlite3.Error):
                raise translate(error, target) from None
            raise
        if not place.settle(fresh, target):
            raise JournalError(f"{target}: exists; a backup never overwrites, name another file")

    @property
    def mode(self) -> str:
        """SQLite's journal mode here: ``truncate`` or ``wal``."""
        return connection.journal_mode(self._db)
