"""status.db: what is true now. Unchained, prunable, rebuilt when it is damaged; the leader alone writes states into it.

Several processes have it open, so it is never in WAL mode here (the WAL-reset bug of SQLite before 3.51.3); it is not
synced either: after a power cut what it said is old anyway. Every write of a leader checks its epoch in the same
transaction. What has to be recorded goes into ``outbox`` in the transaction that stores the state it follows from, and
leaves it only when the journal has it: a leader that is killed in between doubles nothing and loses nothing.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from console.clock import Clock, from_us, to_us
from console.journal import place
from console.journal.events import AlertRaised, AlertResolved, CheckChanged, New, SourceBack, SourceLost
from console.snapshot import Alert, StatusSnapshot
from console.watch.board import Changes, Kept, Sample, Seen
from console.watch.state import Machine

T = TypeVar("T")
APPLICATION_ID: Final = 0x56475354  # "VGST"
SCHEMA: Final = 3
SAMPLES: Final = 360  # results kept of each check
BUSY_S: Final = 1.0

_TABLES: Final = (
    "CREATE TABLE leader (one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER NOT NULL, holder TEXT NOT NULL, "
    "boot_id TEXT NOT NULL, config_hash TEXT NOT NULL, beat_ms INTEGER NOT NULL, problem TEXT NOT NULL) STRICT",
    "CREATE TABLE journal (one INTEGER PRIMARY KEY CHECK (one = 1), first TEXT NOT NULL) STRICT",
    "CREATE TABLE console (holder TEXT PRIMARY KEY NOT NULL, boot_id TEXT NOT NULL, beat_ms INTEGER NOT NULL) STRICT",
    "CREATE TABLE wanted (key TEXT PRIMARY KEY NOT NULL, boot_id TEXT NOT NULL, at_ms INTEGER NOT NULL) STRICT",
    "CREATE TABLE snapshot (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL, "
    "beat_ms INTEGER NOT NULL, data BLOB NOT NULL) STRICT",
    "CREATE TABLE machine (key TEXT PRIMARY KEY NOT NULL, data BLOB NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE alert (key TEXT PRIMARY KEY NOT NULL, data BLOB NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE seen (key TEXT PRIMARY KEY NOT NULL, data BLOB NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE outbox (n INTEGER PRIMARY KEY AUTOINCREMENT, data BLOB NOT NULL) STRICT",
    "CREATE TABLE cursor (one INTEGER PRIMARY KEY CHECK (one = 1), pos INTEGER NOT NULL) STRICT",
    "CREATE TABLE series (id INTEGER PRIMARY KEY, key TEXT UNIQUE NOT NULL, written INTEGER NOT NULL) STRICT",
    "CREATE TABLE sample (series INTEGER NOT NULL, slot INTEGER NOT NULL, at INTEGER NOT NULL, state TEXT NOT NULL, "
    "latency_ms REAL, value REAL, PRIMARY KEY (series, slot)) STRICT, WITHOUT ROWID",
)


class Superseded(Exception):
    """Another process leads: this one writes nothing any more."""


class Unusable(Exception):
    """status.db can't be used; ``str()`` says why. It may be thrown away and made anew."""


class Foreign(Unusable):
    """status.db belongs to another journal."""


class Leader(Struct, frozen=True, kw_only=True):
    """Who leads, as status.db knows it. ``beat_ms`` is CLOCK_BOOTTIME in milliseconds; 0 when the lead was given up."""

    epoch: int
    holder: str
    boot_id: str
    config_hash: str
    beat_ms: int
    problem: str = ""  # why it can't record, in one line


_Recorded: TypeAlias = CheckChanged | AlertRaised | AlertResolved | SourceLost | SourceBack


class _Outgoing(Struct, frozen=True, kw_only=True):
    """An event on its way to the journal, with the id that makes a second attempt harmless."""

    body: _Recorded
    id: str
    occurred_at: datetime | None = None
    dedupe: str | None = None


_encode: Final = msgspec.msgpack.Encoder().encode
_outgoing: Final = msgspec.msgpack.Decoder(_Outgoing)


def connect(path: Path, *, read_only: bool = False, busy_s: float = BUSY_S) -> sqlite3.Connection:
    """A connection to the status.db at *path*, which must exist. Raises :class:`Unusable`."""
    try:
        db = sqlite3.connect(
            f"file:{_uri(path)}?mode={'ro' if read_only else 'rw'}", uri=True, isolation_level=None, timeout=busy_s
        )
    except sqlite3.Error as error:
        raise Unusable(f"{path}: {error}") from None
    try:
        if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise Unusable(f"{path}: not a status database of Vigie")
        if db.execute("PRAGMA user_version").fetchone()[0] != SCHEMA:
            raise Unusable(f"{path}: made by another version of Vigie")
        db.execute("PRAGMA trusted_schema = OFF")
        if not read_only:
            db.execute("PRAGMA journal_mode = TRUNCATE")
            db.execute("PRAGMA synchronous = OFF")
    except BaseException as error:
        db.close()
        if isinstance(error, sqlite3.Error):
            raise Unusable(f"{path}: {error}") from None
        raise
    return db


def _uri(path: Path) -> str:
    from urllib.parse import quote

    return quote(str(path))


class StatusDb:
    """The leader's connection. Use it from one thread."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self.path = path
        self._holder = ""
        self._db = db
        self._inode = path.stat().st_ino
        rows = db.execute("SELECT key, id, written FROM series").fetchall()
        self._series: dict[str, tuple[int, int]] = {key: (number, written) for key, number, written in rows}

    @classmethod
    def open(cls, path: Path, *, file_mode: int = 0o600) -> StatusDb:
        """Open the database, or make it. Raises :class:`Unusable`."""
        if not path.exists():
            _make(path, file_mode)
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
        self._holder = leader.holder

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

    def kept(self) -> Kept:
        """States, alerts and acknowledgements as the last leader left them."""
        return Kept(
            machines=self._table("machine", Machine),
            alerts=self._table("alert", Alert),
            seen=self._table("seen", Seen),
        )

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
        return [(n, _to_new(_outgoing.decode(data))) for n, data in rows]

    def published_at(self) -> datetime | None:
        """When the last snapshot was taken; None when there is none (or it can't be read any more)."""
        rows = self._read("SELECT data FROM snapshot")
        try:
            return msgspec.msgpack.decode(rows[0][0], type=StatusSnapshot).taken_at if rows else None
        except msgspec.MsgspecError:
            return None

    def history(self, key: str) -> list[Sample]:
        """Up to :data:`SAMPLES` results of a check, oldest first."""
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
        written: dict[str, tuple[int, int]] = {}
        with self._transaction():
            self._beat(epoch, beat_ms, problem)
            for table, rows in (("machine", changes.machines), ("alert", changes.alerts), ("seen", changes.seen)):
                self._put(table, rows.items())
            written = self._put_samples(changes.samples)
            for key in [key for key, machine in changes.machines.items() if machine is None]:
                self._drop_series(key)
            self._db.executemany("INSERT INTO outbox (data) VALUES (?)", [(_stored(new),) for new in changes.news])
            if cursor is not None:
                self._db.execute("INSERT OR REPLACE INTO cursor VALUES (1, ?)", (cursor,))
            if snapshot is not None:
                row = (snapshot.version, beat_ms, _encode(snapshot))
                self._db.execute("INSERT OR REPLACE INTO snapshot VALUES (1, ?, ?, ?)", row)
        self._series.update(written)  # only now is it true

    def recorded(self, epoch: int, numbers: Sequence[int], *, beat_ms: int) -> None:
        """The journal has these events of the outbox."""
        with self._transaction():
            self._beat(epoch, beat_ms, "")
            self._db.executemany("DELETE FROM outbox WHERE n = ?", [(n,) for n in numbers])

    def forget_consoles(self, epoch: int, boot_id: str, before_ms: int) -> None:
        """Drop consoles that were last heard of before *before_ms*, or before a reboot."""
        with self._transaction():
            if not self._db.execute("SELECT 1 FROM leader WHERE epoch = ?", (epoch,)).fetchone():
                raise Superseded("another process leads")
            self._db.execute("DELETE FROM console WHERE boot_id <> ? OR beat_ms < ?", (boot_id, before_ms))

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

    def _put_samples(self, samples: Iterable[tuple[str, Sample]]) -> dict[str, tuple[int, int]]:
        touched: dict[str, tuple[int, int]] = {}
        rows = []
        for key, sample in samples:
            number, written = touched.get(key) or self._series.get(key) or self._new_series(key)
            rows.append((number, written % SAMPLES, to_us(sample.at), sample.state, sample.latency_ms, sample.value))
            touched[key] = (number, written + 1)
        self._db.executemany("INSERT OR REPLACE INTO sample VALUES (?, ?, ?, ?, ?, ?)", rows)
        counts = [(written, number) for number, written in touched.values()]
        self._db.executemany("UPDATE series SET written = ? WHERE id = ?", counts)
        return touched

    def _new_series(self, key: str) -> tuple[int, int]:
        found = self._db.execute("INSERT OR IGNORE INTO series (key, written) VALUES (?, 0)", (key,))
        row = self._db.execute("SELECT id, written FROM series WHERE key = ?", (key,)).fetchone()
        return (int(row[0]), int(row[1])) if row else (found.lastrowid or 0, 0)

    def _drop_series(self, key: str) -> None:
        self._db.execute("DELETE FROM sample WHERE series = (SELECT id FROM series WHERE key = ?)", (key,))
        self._db.execute("DELETE FROM series WHERE key = ?", (key,))
        self._series.pop(key, None)

    def _transaction(self) -> _Transaction:
        return _Transaction(self._db, self.path)

    def _read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        try:
            return self._db.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise Unusable(f"{self.path}: {error}") from None


class _Transaction:
    """``BEGIN IMMEDIATE`` … ``COMMIT``; rolled back on any error; SQLite's errors come as :class:`Unusable`."""

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db = db
        self._path = path

    def __enter__(self) -> None:
        try:
            self._db.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise Unusable(f"{self._path}: {error}") from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._db.execute("COMMIT")
        except sqlite3.Error as failed:
            error = failed
        if error is not None and self._db.in_transaction:
            try:
                self._db.execute("ROLLBACK")
            except sqlite3.Error:
                pass  # the error that led here says more
        if isinstance(error, sqlite3.Error):
            raise Unusable(f"{self._path}: {error}") from None


def _make(path: Path, file_mode: int) -> None:
    """A new, empty database under *path*: built under another name, then moved there, so that nobody sees half of it."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        place.make_folder(path.parent, file_mode)
        fresh.unlink(missing_ok=True)
        handle = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, file_mode)
        os.fchmod(handle, file_mode)
        os.close(handle)
        db = sqlite3.connect(fresh, isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode = TRUNCATE")
            db.execute("PRAGMA synchronous = OFF")
            db.execute("BEGIN IMMEDIATE")
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {SCHEMA}")
            for statement in _TABLES:
                db.execute(statement)
            db.execute("COMMIT")
        finally:
            db.close()
        fresh.with_name(fresh.name + "-journal").unlink(missing_ok=True)
        fresh.rename(path)
    except (OSError, sqlite3.Error) as error:
        raise Unusable(f"{path}: can't be made: {error}") from None


def _stored(new: New) -> bytes:
    from ulid import ULID

    if not isinstance(new.body, CheckChanged | AlertRaised | AlertResolved | SourceLost | SourceBack):
        raise TypeError(f"the watch does not record {type(new.body).__name__}")
    moment = new.occurred_at
    return _encode(_Outgoing(body=new.body, id=new.id or str(ULID()), occurred_at=moment, dedupe=new.dedupe))


def _to_new(outgoing: _Outgoing) -> New:
    return New(body=outgoing.body, id=outgoing.id, occurred_at=outgoing.occurred_at, dedupe=outgoing.dedupe)


# ── reads that a leader and a reader share ───────────────────────────────────────────────────────────────────────


def read_leader(db: sqlite3.Connection) -> Leader | None:
    """The row about the leader."""
    row = db.execute("SELECT epoch, holder, boot_id, config_hash, beat_ms, problem FROM leader").fetchone()
    if row is None:
        return None
    epoch, holder, boot_id, config_hash, beat_ms, problem = row
    return Leader(
        epoch=epoch, holder=holder, boot_id=boot_id, config_hash=config_hash, beat_ms=beat_ms, problem=problem
    )


def read_history(db: sqlite3.Connection, key: str) -> list[Sample]:
    """The kept results of a check, oldest first."""
    rows = db.execute(
        "SELECT at, state, latency_ms, value FROM sample WHERE series = (SELECT id FROM series WHERE key = ?) ORDER BY at",
        (key,),
    )
    return [Sample(at=from_us(at), state=state, latency_ms=latency, value=value) for at, state, latency, value in rows]


def leader_age(path: Path, clock: Clock) -> float | None:
    """Seconds since the leader was heard of; None when nobody leads (or it can't be told)."""
    from console.watch.lease import boot_id

    if not path.exists():
        return None
    try:
        db = connect(path, read_only=True)
    except Unusable:
        return None
    try:
        leader = read_leader(db)
    except sqlite3.Error:
        return None
    finally:
        db.close()
    if leader is None or leader.boot_id != boot_id() or leader.beat_ms == 0:
        return None
    return max(0.0, clock.boottime() - leader.beat_ms / 1000)
