"""Histories in status.db: the last results of each check, and its rollups, both in rings that never grow."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

from console.clock import from_us, to_us
from console.watch.changes import Sample
from console.watch.history import MINUTE, RINGS, History, Rollup

SAMPLES: Final = 360  # results kept of each check
_ROLLUP: Final = "span, at, up_s, bad_s, blind_s, p50_ms, p95_ms, value"


class Series:
    """The rows that belong to checks, by the leader's connection. Nothing here opens or ends a transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        rows = db.execute("SELECT key, id, written FROM series").fetchall()
        self._known: dict[str, tuple[int, int]] = {key: (number, written) for key, number, written in rows}

    def put_samples(self, samples: Iterable[tuple[str, Sample]]) -> dict[str, tuple[int, int]]:
        """Store results. What is returned goes to :meth:`written` once the transaction is through."""
        touched: dict[str, tuple[int, int]] = {}
        rows = []
        for key, sample in samples:
            number, written = touched.get(key) or self._known.get(key) or self._new(key)
            rows.append((number, written % SAMPLES, to_us(sample.at), sample.state, sample.latency_ms, sample.value))
            touched[key] = (number, written + 1)
        self._db.executemany("INSERT OR REPLACE INTO sample VALUES (?, ?, ?, ?, ?, ?)", rows)
        counts = [(written, number) for number, written in touched.values()]
        self._db.executemany("UPDATE series SET written = ? WHERE id = ?", counts)
        return touched

    def put_rollups(self, rollups: Iterable[tuple[str, Rollup]]) -> dict[str, tuple[int, int]]:
        """Store slots, each in its place in the ring. Returns series that are new, as :meth:`put_samples` does."""
        fresh: dict[str, tuple[int, int]] = {}
        rows = []
        for key, row in rollups:
            known = fresh.get(key) or self._known.get(key)
            if known is None:
                known = fresh[key] = self._new(key)
            slot = row.at // row.span % RINGS[row.span]
            figures = (row.up_s, row.bad_s, row.blind_s, row.p50_ms, row.p95_ms, row.value)
            rows.append((known[0], row.span, slot, row.at, *figures))
        self._db.executemany("INSERT OR REPLACE INTO rollup VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        return fresh

    def written(self, touched: dict[str, tuple[int, int]]) -> None:
        """The transaction is through."""
        self._known.update(touched)

    def _new(self, key: str) -> tuple[int, int]:
        found = self._db.execute("INSERT OR IGNORE INTO series (key, written) VALUES (?, 0)", (key,))
        row = self._db.execute("SELECT id, written FROM series WHERE key = ?", (key,)).fetchone()
        return (int(row[0]), int(row[1])) if row else (found.lastrowid or 0, 0)

    def drop(self, key: str) -> None:
        """Forget a check."""
        for table in ("sample", "rollup"):
            self._db.execute(
                f"DELETE FROM {table} WHERE series = (SELECT id FROM series WHERE key = ?)",  # noqa: S608 - names of this file
                (key,),
            )
        self._db.execute("DELETE FROM series WHERE key = ?", (key,))
        self._known.pop(key, None)

    def histories(self, after: str = "", limit: int = -1) -> dict[str, History]:
        """The histories that the last leader stored: of *limit* checks (-1 = all) whose keys come after *after*, in order."""
        chosen = "SELECT id, key FROM series WHERE key > ? ORDER BY key LIMIT ?"
        keys: dict[int, str] = dict(self._db.execute(chosen, (after, limit)))
        found = {key: History() for key in keys.values()}
        of = f"IN (SELECT id FROM ({chosen}))"  # noqa: S608 - of this function
        # Hundreds of thousands of rows: they come ring by ring, and go straight in.
        ring: tuple[int, int] | None = None
        ats, ups, knowns = History().slots(MINUTE)
        for series, span, slot, at, up_s, bad_s in self._db.execute(
            f"SELECT series, span, slot, at, up_s, bad_s FROM rollup WHERE series {of}",  # noqa: S608 - of this function
            (after, limit),
        ):
            if (series, span) != ring:
                ring = (series, span)
                ats, ups, knowns = found[keys[series]].slots(span)
            ats[slot], ups[slot], knowns[slot] = at, up_s, up_s + bad_s
        # SQLite takes the other columns from the row that has the maximum.
        columns = "span, max(at), up_s, bad_s, blind_s, p50_ms, p95_ms, value"
        newest = f"SELECT series, {columns} FROM rollup WHERE series {of} GROUP BY series, span"  # noqa: S608 - of this function
        for series, *row in self._db.execute(newest, (after, limit)):
            found[keys[series]].restore(_rollup(row))
        return found


def _rollup(row: Iterable[object]) -> Rollup:
    return Rollup(**dict(zip(Rollup.__struct_fields__, row, strict=True)))  # type: ignore[arg-type]  # the table is STRICT


def read_history(db: sqlite3.Connection, key: str) -> list[Sample]:
    """The kept results of a check, oldest first."""
    rows = db.execute(
        "SELECT at, state, latency_ms, value FROM sample WHERE series = (SELECT id FROM series WHERE key = ?) ORDER BY at",
        (key,),
    )
    return [Sample(at=from_us(at), state=state, latency_ms=latency, value=value) for at, state, latency, value in rows]


def read_rollups(db: sqlite3.Connection, key: str, span: int) -> list[Rollup]:
    """The slots of *span* seconds of a check, oldest first: 60 minutes or 168 hours of them at most."""
    rows = db.execute(
        f"SELECT {_ROLLUP} FROM rollup WHERE series = (SELECT id FROM series WHERE key = ?) AND span = ? ORDER BY at",  # noqa: S608 - a constant
        (key, span),
    ).fetchall()
    newest = rows[-1][1] if rows else 0
    return [_rollup(row) for row in rows if row[1] > newest - span * RINGS[span]]
