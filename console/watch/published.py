"""The snapshot in status.db: a small part that is written whole, and a row for each check, written when it has changed.

Of thousands of checks a tenth has a new result in a second; neither the leader nor a console pays for the rest.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from console.snapshot import CheckState, StatusSnapshot

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(StatusSnapshot).decode
_decode_check: Final = msgspec.msgpack.Decoder(CheckState).decode


class Publisher:
    """The leader's side. The checks' rows are those that this process wrote, or they are all written anew."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._checks: tuple[CheckState, ...] | None = None
        self._layout = 0  # the version at which all rows were written

    def write(self, snapshot: StatusSnapshot, beat_ms: int) -> None:
        """Within the caller's transaction; :meth:`written` once that is through, :meth:`failed` if it is not."""
        before, checks = self._checks, snapshot.checks
        if before is None or len(before) != len(checks):
            changed: Sequence[tuple[int, CheckState]] = tuple(enumerate(checks))
            self._db.execute("DELETE FROM state")
            self._layout = snapshot.version
        else:
            # A check that nothing happened to is the same object.
            changed = [(n, check) for n, check in enumerate(checks) if check is not before[n]]
        rows = [(n, snapshot.version, _encode(check)) for n, check in changed]
        self._db.executemany("INSERT OR REPLACE INTO state VALUES (?, ?, ?)", rows)
        rest = _encode(replace(snapshot, checks=()))
        row = (snapshot.version, self._layout, beat_ms, rest)
        self._db.execute("INSERT OR REPLACE INTO snapshot VALUES (1, ?, ?, ?, ?)", row)

    def written(self, snapshot: StatusSnapshot) -> None:
        """The transaction is through."""
        self._checks = snapshot.checks

    def failed(self) -> None:
        """It is not: what the rows hold is not known."""
        self._checks = None


class Subscriber:
    """A reader's side: what it has already, by the connection that it has it from."""

    def __init__(self) -> None:
        self.version = -1
        self.beat_ms = 0
        self._layout = -1
        self._checks: list[CheckState] = []

    def read(self, db: sqlite3.Connection) -> StatusSnapshot | None:
        """The snapshot if it is another than the last; decodes only the checks that changed. Raises sqlite3's errors."""
        found = db.execute("SELECT version FROM snapshot").fetchone()
        if found is None or found[0] == self.version:
            return None
        db.execute("BEGIN")  # both reads see the same publication
        try:
            version, layout, beat_ms, rest = db.execute(
                "SELECT version, layout, beat_ms, data FROM snapshot"
            ).fetchone()
            since = self.version if layout == self._layout and version > self.version else -1
            rows = db.execute("SELECT n, data FROM state WHERE version > ? ORDER BY n", (since,)).fetchall()
        finally:
            db.execute("ROLLBACK")
        if since < 0:
            checks = [_decode_check(data) for _, data in rows]
        else:
            checks = self._checks
            for n, data in rows:
                checks[n] = _decode_check(data)
        snapshot = replace(_decode(rest), checks=tuple(checks))
        self.version, self.beat_ms, self._layout, self._checks = version, beat_ms, layout, checks
        return snapshot
