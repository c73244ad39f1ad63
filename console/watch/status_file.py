"""status.db as a file: its tables, how it is made, opened and written to, and what can be wrong with it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Final

from msgspec import Struct

from console.clock import Clock
from console.journal.place import make_folder

APPLICATION_ID: Final = 0x56475354  # "VGST"
SCHEMA: Final = 7
BUSY_S: Final = 1.0

_TABLES: Final = (
    "CREATE TABLE leader (one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER NOT NULL, holder TEXT NOT NULL, "
    "boot_id TEXT NOT NULL, config_hash TEXT NOT NULL, beat_ms INTEGER NOT NULL, problem TEXT NOT NULL) STRICT",
    "CREATE TABLE journal (one INTEGER PRIMARY KEY CHECK (one = 1), first TEXT NOT NULL) STRICT",
    "CREATE TABLE console (holder TEXT PRIMARY KEY NOT NULL, boot_id TEXT NOT NULL, beat_ms INTEGER NOT NULL) STRICT",
    "CREATE TABLE wanted (key TEXT PRIMARY KEY NOT NULL, boot_id TEXT NOT NULL, at_ms INTEGER NOT NULL) STRICT",
    "CREATE TABLE snapshot (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL, "
    "layout INTEGER NOT NULL, beat_ms INTEGER NOT NULL, data BLOB NOT NULL) STRICT",
    "CREATE TABLE state (n INTEGER PRIMARY KEY, version INTEGER NOT NULL, data BLOB NOT NULL) STRICT",
    "CREATE INDEX state_version ON state (version)",
    "CREATE TABLE machine (key TEXT PRIMARY KEY NOT NULL, data BLOB NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE alert (key TEXT PRIMARY KEY NOT NULL, data BLOB NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE feed (key TEXT PRIMARY KEY NOT NULL, place INTEGER NOT NULL, name TEXT NOT NULL, data BLOB NOT NULL) STRICT",
    "CREATE INDEX feed_place ON feed (place, key)",
    "CREATE INDEX feed_name ON feed (name, place, key)",
    "CREATE TABLE body (key TEXT PRIMARY KEY NOT NULL, at INTEGER NOT NULL, detail TEXT NOT NULL, text TEXT NOT NULL) STRICT",
    "CREATE TABLE lost (source TEXT PRIMARY KEY NOT NULL, since INTEGER NOT NULL) STRICT",
    "CREATE TABLE seen (key TEXT PRIMARY KEY NOT NULL, data BLOB NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE outbox (n INTEGER PRIMARY KEY AUTOINCREMENT, data BLOB NOT NULL) STRICT",
    "CREATE TABLE cursor (one INTEGER PRIMARY KEY CHECK (one = 1), pos INTEGER NOT NULL) STRICT",
    "CREATE TABLE series (id INTEGER PRIMARY KEY, key TEXT UNIQUE NOT NULL, written INTEGER NOT NULL) STRICT",
    "CREATE TABLE sample (series INTEGER NOT NULL, slot INTEGER NOT NULL, at INTEGER NOT NULL, state TEXT NOT NULL, "
    "latency_ms REAL, value REAL, PRIMARY KEY (series, slot)) STRICT, WITHOUT ROWID",
    "CREATE TABLE rollup (series INTEGER NOT NULL, span INTEGER NOT NULL, slot INTEGER NOT NULL, at INTEGER NOT NULL, "
    "up_s REAL NOT NULL, bad_s REAL NOT NULL, blind_s REAL NOT NULL, p50_ms REAL, p95_ms REAL, value REAL, "
    "PRIMARY KEY (series, span, slot)) STRICT, WITHOUT ROWID",
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


class Transaction:
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


def make(path: Path, file_mode: int) -> None:
    """A new, empty database under *path*: built under another name, then moved there, so that nobody sees half of it."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        make_folder(path.parent, file_mode)
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


def read_leader(db: sqlite3.Connection) -> Leader | None:
    """The row about the leader."""
    row = db.execute("SELECT epoch, holder, boot_id, config_hash, beat_ms, problem FROM leader").fetchone()
    if row is None:
        return None
    epoch, holder, boot_id, config_hash, beat_ms, problem = row
    return Leader(
        epoch=epoch, holder=holder, boot_id=boot_id, config_hash=config_hash, beat_ms=beat_ms, problem=problem
    )


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
