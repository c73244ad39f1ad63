"""status.db: what is true now. Unchained, prunable, rebuilt when it is damaged; the leader alone writes states into it.

Several processes have it open, so it is never in WAL mode here (the WAL-reset bug of SQLite before 3.51.3); it is not
synced either: after a power cut what it said is old anyway. Every write of a leader checks its epoch in the same
transaction. What has to be recorded goes into ``outbox`` in the transaction that stores the state it follows from, and
leaves it only when the journal has it: a leader that is killed in between doubles nothing and loses nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import msgspec
from msgspec.structs import replace

from console.clock import from_us, to_us
from console.journal.events import New
from console.snapshot import Alert, StatusSnapshot
from console.watch.changes import Changes, Kept, LastBody, Sample, Seen
from console.watch.history import History
from console.watch.history_db import Series, read_history
from console.watch.outbox import restored, stored
from console.watch.published import Publisher
from console.watch.state import Machine
from console.watch.status_file import (
    Foreign,
    Leader,
    Superseded,
    Transaction,
    Unusable,
    connect,
    make,
    read_leader,
)

T = TypeVar("T")
_encode: Final = msgspec.msgpack.Encoder().encode


class StatusDb:
    """The leader's connection. Use it from one thread."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self.path = path
        self._holder = ""
        self._db = db
        self._inode = path.stat().st_ino
        self._series = Series(db)
        self._publisher = Publisher(db)

    @classmethod
    def open(cls, path: Path, *, file_mode: int = 0o600) -> StatusDb:
        """Open the database, or make it. Raises :class:`Unusable`."""
        if not path.exists():
            make(path, file_mode)
        db = connect(path)
        try:
            return cls(path, db)
        except (sqlite3.Error, OSError) as error:
            db.close()
            raise Unusable(f"{path}: {error}") from None

    @staticmethod
    def discard(path: Path) -> None:
        """Throw the database away. Whoever has it open keeps an orphan, and sees that by :meth:`moved`."""
        for one in (path, path.with_name(path.name + "-journal")):
            one.unlink(missing_ok=True)

    def close(self) -> None:
        """Release the connection."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def moved(self) -> bool:
        """Whether the path no longer leads to this database."""
        try:
            return self.path.stat().st_ino != self._inode
        except OSError:
            return True

    # ── the lead ─────────────────────────────────────────────────────────────────────────────────────────────────

    def leader(self) -> Leader | None:
        """Who leads, as far as is known here."""
        return read_leader(self._db)

    def take_lead(self, leader: Leader, journal: str = "") -> None:
        """From here on only *leader* writes. *journal* tells its journal from another: the id of the first event.

        Raises :class:`Superseded` when a later epoch of that journal is here already, :class:`Foreign` when this
        database belongs to another journal.
        """
        with self._transaction():
            found = self._db.execute("SELECT first FROM journal").fetchone()
            if found is not None and found[0] != journal:
                raise Foreign(f"{self.path}: of another journal")
            known = read_leader(self._db)
            if known is not None and known.epoch > leader.epoch:
                raise Superseded(f"epoch {known.epoch} leads")
            row = (leader.epoch, leader.holder, leader.boot_id, leader.config_hash, leader.beat_ms, leader.problem)
            self._db.execute("INSERT OR REPLACE INTO leader VALUES (1, ?, ?, ?, ?, ?, ?)", row)
            self._db.execute("INSERT OR REPLACE INTO journal VALUES (1, ?)", (journal,))
            self._db.execute("DELETE FROM console WHERE boot_id <> ?", (leader.boot_id,))  # they did not say good-bye
        self._holder = leader.holder

    def belongs_to(self, epoch: int, journal: str) -> None:
        """The journal's first event is another one now: its oldest segment was dropped."""
        with self._transaction():
            if not self._db.execute("SELECT 1 FROM leader WHERE epoch = ?", (epoch,)).fetchone():
                raise Superseded("another process leads")
            self._db.execute("INSERT OR REPLACE INTO journal VALUES (1, ?)", (journal,))

    def beat(self, epoch: int, beat_ms: int, problem: str = "") -> None:
        """The leader is alive (``beat_ms`` 0: it gives the lead up)."""
        with self._transaction():
            self._beat(epoch, beat_ms, problem)

    def _beat(self, epoch: int, beat_ms: int, problem: str) -> None:
        done = self._db.execute(
            "UPDATE leader SET beat_ms = ?, problem = ? WHERE epoch = ? AND holder = ?",
            (beat_ms, problem, epoch, self._holder),
        )
        if done.rowcount != 1:
            raise Superseded("another process leads")

    def console_ages(self, boot_id: str, now_ms: int) -> list[float]:
        """Seconds since each console of this boot was last heard of."""
        rows = self._read("SELECT beat_ms FROM console WHERE boot_id = ?", (boot_id,))
        return [max(0.0, (now_ms - beat_ms) / 1000) for (beat_ms,) in rows]

    def take_wanted(self, epoch: int, boot_id: str, since_ms: int) -> list[str]:
        """The keys of checks that somebody asked for since *since_ms* (CLOCK_BOOTTIME); they are forgotten with that."""
        rows = self._read("SELECT key, boot_id, at_ms FROM wanted")
        if not rows:  # nearly always: no transaction for nothing
            return []
        with self._transaction():
            if not self._db.execute("SELECT 1 FROM leader WHERE epoch = ?", (epoch,)).fetchone():
                raise Superseded("another process leads")
            self._db.executemany("DELETE FROM wanted WHERE key = ? AND at_ms = ?", [(key, at) for key, _, at in rows])
        return [key for key, boot, at_ms in rows if boot == boot_id and at_ms >= since_ms]

    # ── what a leader leaves to the next ─────────────────────────────────────────────────────────────────────────

    def kept(self, *, histories: bool = True) -> Kept:
        """States, alerts and acknowledgements as the last leader left them; *histories* False: those are asked for later."""
        return Kept(
            machines=self._table("machine", Machine),
            alerts=self._table("alert", Alert),
            seen=self._table("seen", Seen),
            feed={key: replace(alert, ack=None) for key, alert in self._table("feed", Alert).items()},
            histories=self.histories() if histories else None,
            lost={source: from_us(since) for source, since in self._read("SELECT source, since FROM lost")},
            bodies={
                key: LastBody(at=from_us(at), detail=detail, text=text) for key, at, detail, text in self._bodies()
            },
            sources=published.sources if (published := self._published()) is not None else (),
        )

    def _bodies(self) -> list[Any]:
        return self._read("SELECT key, at, detail, text FROM body")

    def histories(self, after: str = "", limit: int = -1) -> dict[str, History]:
        """The histories of *limit* checks (-1 = all) whose keys come after *after*, in their order."""
        try:
            return self._series.histories(after, limit)
        except sqlite3.Error as error:
            raise Unusable(f"{self.path}: {error}") from None

    def _table(self, name: str, kind: type[T]) -> dict[str, T]:
        decoder = msgspec.msgpack.Decoder(kind)
        rows = self._read(f"SELECT key, data FROM {name}")  # noqa: S608 - names of this file
        try:
            return {key: decoder.decode(data) for key, data in rows}
        except msgspec.MsgspecError as error:
            raise Unusable(f"{self.path}: {error}") from None

    def cursor(self) -> int | None:
        """The journal's ``pos`` up to which acknowledgements were read; None in a new database."""
        rows = self._read("SELECT pos FROM cursor")
        return int(rows[0][0]) if rows else None

    def outbox(self, limit: int = 200) -> list[tuple[int, New]]:
        """The oldest events that the journal may not have yet, with their numbers here."""
        rows = self._read("SELECT n, data FROM outbox ORDER BY n LIMIT ?", (limit,))
        return [(n, restored(data)) for n, data in rows]

    def published_at(self) -> datetime | None:
        """When the last snapshot was taken; None when there is none (or it can't be read any more)."""
        published = self._published()
        return None if published is None else published.taken_at

    def _published(self) -> StatusSnapshot | None:
        rows = self._read("SELECT data FROM snapshot")
        try:
            return msgspec.msgpack.decode(rows[0][0], type=StatusSnapshot) if rows else None
        except msgspec.MsgspecError:
            return None

    def history(self, key: str) -> list[Sample]:
        """Up to :data:`~console.watch.history_db.SAMPLES` results of a check, oldest first."""
        return read_history(self._db, key)

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────

    def write(
        self,
        epoch: int,
        changes: Changes,
        *,
        beat_ms: int,
        snapshot: StatusSnapshot | None = None,
        cursor: int | None = None,
        problem: str = "",
    ) -> None:
        """Store *changes* and publish *snapshot*, in one transaction, as the leader of *epoch*.

        Raises :class:`Superseded`, or :class:`Unusable` with nothing written.
        """
        try:
            written = self._write(epoch, changes, beat_ms, snapshot, cursor, problem)
        except BaseException:
            self._publisher.failed()
            raise
        self._series.written(written)  # only now is it true
        if snapshot is not None:
            self._publisher.written(snapshot)

    def _write(
        self,
        epoch: int,
        changes: Changes,
        beat_ms: int,
        snapshot: StatusSnapshot | None,
        cursor: int | None,
        problem: str,
    ) -> dict[str, tuple[int, int]]:
        with self._transaction():
            self._beat(epoch, beat_ms, problem)
            for table, rows in (("machine", changes.machines), ("alert", changes.alerts), ("seen", changes.seen)):
                self._put(table, rows.items())
            self._put_feed(changes.feed)
            self._put_bodies(changes.bodies)
            for source, since in changes.lost.items():
                if since is None:
                    self._db.execute("DELETE FROM lost WHERE source = ?", (source,))
                else:
                    self._db.execute("INSERT OR REPLACE INTO lost VALUES (?, ?)", (source, to_us(since)))
            written = self._series.put_samples(changes.samples)
            written = {**self._series.put_rollups(changes.rollups), **written}
            for key in [key for key, machine in changes.machines.items() if machine is None]:
                self._series.drop(key)
            self._db.executemany("INSERT INTO outbox (data) VALUES (?)", [(stored(new),) for new in changes.news])
            if cursor is not None:
                self._db.execute("INSERT OR REPLACE INTO cursor VALUES (1, ?)", (cursor,))
            if snapshot is not None:
                self._publisher.write(snapshot, beat_ms)
        return written

    def recorded(self, epoch: int, numbers: Sequence[int], *, beat_ms: int) -> None:
        """The journal has these events of the outbox."""
        with self._transaction():
            self._beat(epoch, beat_ms, "")
            self._db.executemany("DELETE FROM outbox WHERE n = ?", [(n,) for n in numbers])

    def _put(self, table: str, rows: Iterable[tuple[str, object]]) -> None:
        kept, gone = [], []
        for key, value in rows:
            if value is None:
                gone.append((key,))
            else:
                kept.append((key, _encode(value)))
        self._db.executemany(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", kept)  # noqa: S608 - names of this file
        if gone:
            self._db.executemany(f"DELETE FROM {table} WHERE key = ?", gone)  # noqa: S608 - names of this file

    def _put_feed(self, feed: Mapping[str, Alert | None]) -> None:
        rows = [(key, place(alert), alert.name, _encode(alert)) for key, alert in feed.items() if alert is not None]
        self._db.executemany("INSERT OR REPLACE INTO feed VALUES (?, ?, ?, ?)", rows)
        gone = [(key,) for key, alert in feed.items() if alert is None]
        if gone:
            self._db.executemany("DELETE FROM feed WHERE key = ?", gone)

    def _put_bodies(self, bodies: Mapping[str, LastBody | None]) -> None:
        rows = [(key, to_us(one.at), one.detail, one.text) for key, one in bodies.items() if one is not None]
        self._db.executemany("INSERT OR REPLACE INTO body VALUES (?, ?, ?, ?)", rows)
        self._db.executemany("DELETE FROM body WHERE key = ?", [(key,) for key, one in bodies.items() if one is None])

    def _transaction(self) -> Transaction:
        return Transaction(self._db, self.path)

    def _read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        try:
            return self._db.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise Unusable(f"{self.path}: {error}") from None


def place(alert: Alert) -> int:
    """The place of *alert* among others as one number, the first the least (console.snapshot.Alert.place)."""
    handled, level, minus_start = alert.place
    return (int(handled) << 56) | (min(level, 255) << 48) | ((1 << 47) + int(minus_start))
