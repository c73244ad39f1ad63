"""status.db for those who look: consoles and commands. Cheap when nothing has changed; never in the leader's way."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from console.clock import Clock, from_us
from console.snapshot import Alert, Source, StatusSnapshot
from console.watch.changes import LastBody, Sample
from console.watch.history import Rollup
from console.watch.history_db import read_history, read_rollups
from console.watch.lease import SILENCE_S, boot_id
from console.watch.published import Subscriber
from console.watch.state import aged
from console.watch.status_db import place
from console.watch.status_file import Leader, Unusable, connect, read_leader

_BUSY_S: Final = 0.5
_decode_alert: Final = msgspec.msgpack.Decoder(Alert)


def mark(alert: Alert) -> tuple[int, str]:
    """Where *alert* stands among the others, for :meth:`StatusReader.alerts`."""
    return place(alert), alert.fingerprint


class Heard(Struct, frozen=True, kw_only=True):
    """What is known of the leader. ``age_s`` is None when nobody leads."""

    age_s: float | None = None
    leader: Leader | None = None

    @property
    def alive(self) -> bool:
        """Whether somebody leads, by a fresh heartbeat."""
        return self.age_s is not None and self.age_s <= SILENCE_S


class StatusReader:
    """Reads the status.db at *path*, which may be missing, replaced or damaged at any time. For one thread at a time.

    Nothing here raises: what can't be read is :attr:`problem`, in one line, and the last snapshot stays, ageing.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self.problem = ""
        self._clock = clock
        self._db: sqlite3.Connection | None = None
        self._inode = 0
        self._subscriber = Subscriber()
        self._taken_boot = 0.0  # CLOCK_BOOTTIME of the snapshot
        self._snapshot: StatusSnapshot | None = None

    def close(self) -> None:
        """Release the connection."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def poll(self) -> StatusSnapshot | None:
        """The newest snapshot, as it must be read now: old results are STALE. None when there has never been one.

        Decodes only what is new; returns the same object when nothing has changed.
        """
        try:
            self._refresh()
            self.problem = ""
        except (Unusable, sqlite3.Error, OSError, msgspec.MsgspecError) as error:
            self.problem = str(error)
            self.close()
        if self._snapshot is None:
            return None
        elapsed = self._clock.boottime() - self._taken_boot
        # A moment before this boot is long ago, whatever the difference says.
        self._snapshot = _without_leader(aged(self._snapshot, elapsed if elapsed >= 0 else 1e9), elapsed)
        return self._snapshot

    def heard(self) -> Heard:
        """The leader and how long ago it was heard."""
        try:
            db = self._connection()
            leader = read_leader(db) if db is not None else None
        except (Unusable, sqlite3.Error, OSError) as error:
            self.problem = str(error)
            self.close()
            return Heard()
        if leader is None or leader.beat_ms == 0 or leader.boot_id != boot_id():
            return Heard(leader=leader)
        return Heard(leader=leader, age_s=max(0.0, self._clock.boottime() - leader.beat_ms / 1000))

    def history(self, key: str) -> list[Sample]:
        """The kept results of the check *key*, oldest first; empty when there is none."""
        try:
            db = self._connection()
            return read_history(db, key) if db is not None else []
        except (Unusable, sqlite3.Error, OSError) as error:
            self.problem = str(error)
            self.close()
            return []

    def last_body(self, key: str) -> LastBody | None:
        """The beginning of what the check *key* got when it last failed with something to show."""
        try:
            db = self._connection()
            row = db.execute("SELECT at, detail, text FROM body WHERE key = ?", (key,)).fetchone() if db else None
        except (Unusable, sqlite3.Error, OSError) as error:
            self.problem = str(error)
            self.close()
            return None
        return None if row is None else LastBody(at=from_us(row[0]), detail=row[1], text=row[2])

    def rollups(self, key: str, span: int) -> list[Rollup]:
        """The history of the check *key* in slots of *span* seconds (console.watch.history), oldest first."""
        try:
            db = self._connection()
            return read_rollups(db, key, span) if db is not None else []
        except (Unusable, sqlite3.Error, OSError) as error:
            self.problem = str(error)
            self.close()
            return []

    def alerts(self, *, name: str = "", after: tuple[int, str] | None = None, limit: int = 200) -> list[Alert]:
        """Alerts of other systems in the order of their place, of one *name* if it is given, *limit* at most.

        *after* is :func:`mark` of the last one of the window before.
        """
        start = after or (-1, "")
        named = ("name = ? AND ", (name,)) if name else ("", ())
        try:
            db = self._connection()
            if db is None:
                return []
            rows = db.execute(
                f"SELECT data FROM feed WHERE {named[0]}(place, key) > (?, ?) ORDER BY place, key LIMIT ?",  # noqa: S608 - texts of this file
                (*named[1], *start, limit),
            ).fetchall()
            return [_decode_alert.decode(data) for (data,) in rows]
        except (Unusable, sqlite3.Error, OSError, msgspec.MsgspecError) as error:
            self.problem = str(error)
            self.close()
            return []

    def _refresh(self) -> None:
        db = self._connection()
        if db is None:
            return
        fresh = self._subscriber.read(db)
        if fresh is not None:
            self._snapshot, self._taken_boot = fresh, self._subscriber.beat_ms / 1000

    def _connection(self) -> sqlite3.Connection | None:
        """The connection to what is at the path now; None when nothing is."""
        try:
            inode = self.path.stat().st_ino
        except FileNotFoundError:
            self.close()
            return None
        if self._db is None or inode != self._inode:
            self.close()
            self._db, self._inode = connect(self.path, read_only=True, busy_s=_BUSY_S), inode
            self._subscriber = Subscriber()
        return self._db


def _without_leader(snapshot: StatusSnapshot, elapsed_s: float) -> StatusSnapshot:
    """With nothing published for so long, every source is lost, whatever it last said of itself: nobody asks it."""
    if 0 <= elapsed_s <= _LOST_S:
        return snapshot
    lost = tuple(_lost(one) if one.state != "lost" else one for one in snapshot.sources)
    return snapshot if lost == snapshot.sources else replace(snapshot, sources=lost)


_LOST_S: Final = 10.0  # the leader publishes at least every 5 s


def _lost(source: Source) -> Source:
    return replace(source, state="lost", error="no watch is running: these results grow old")


def ask_for(path: Path, key: str, clock: Clock) -> str:
    """Ask the leader to run the check *key* at once; it looks within :data:`~console.watch.lease.BEAT_S`.

    Returns why that can't be asked, in one line, or "".
    """
    reader = StatusReader(path, clock)
    try:
        if not reader.heard().alive:
            return "no watch is running"
    finally:
        reader.close()
    row = (key, boot_id(), int(clock.boottime() * 1000))
    try:
        db = connect(path, busy_s=_BUSY_S)
        try:
            db.execute("INSERT OR REPLACE INTO wanted VALUES (?, ?, ?)", row)
        finally:
            db.close()
    except (Unusable, sqlite3.Error) as error:
        return str(error)
    return ""


class Presence:
    """A console's heartbeat: while there is one, a watch that a console started goes on. One thread at a time."""

    def __init__(self, path: Path, holder: str, clock: Clock) -> None:
        self._path = path
        self._holder = holder
        self._clock = clock

    def beat(self) -> None:
        """Say that this console is here. Missing or damaged: the leader makes it anew, and the next beat counts."""
        self._write(
            "INSERT OR REPLACE INTO console VALUES (?, ?, ?)",
            (self._holder, boot_id(), int(self._clock.boottime() * 1000)),
        )

    def leave(self) -> None:
        """This console is gone."""
        self._write("DELETE FROM console WHERE holder = ?", (self._holder,))

    def _write(self, sql: str, parameters: tuple[object, ...]) -> None:
        if not self._path.exists():
            return
        try:
            db = connect(self._path, busy_s=_BUSY_S)
        except Unusable:
            return
        try:
            db.execute(sql, parameters)
        except sqlite3.Error:
            pass  # the next beat is soon
        finally:
            db.close()
