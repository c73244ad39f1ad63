"""The journal: append latency against a bare SQLite insert with the same promises, windows and opening at 1 M events."""

from __future__ import annotations

import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from console.journal.events import Declared, New, Noted, Origin
from console.journal.store import Journal
from tests.bench.figures import Figure

EVENTS = int(os.environ.get("VIGIE_BENCH_EVENTS", "1000000"))
ORIGIN = Origin(program="cli")


def median_us(work: Callable[[], object], times: int = 200) -> float:
    """Median microseconds of *work*."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1e6)
    return statistics.median(taken)


def bench() -> Iterable[Figure]:
    """Appends, then a journal of ``VIGIE_BENCH_EVENTS`` (1 M) events: opening, windows, search, follow."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("VIGIE_BENCH_DIR")) as folder:
        yield from appends(Path(folder))
        yield from large(Path(folder))


def appends(folder: Path) -> Iterable[Figure]:
    """One acknowledged event against one bare insert and commit, both TRUNCATE or WAL with synchronous=FULL."""
    with Journal.open(folder / "a.db", actor="bench", origin=ORIGIN) as journal:
        stream = journal.declare([New(body=Declared(title="bench"))])[0]
        ours = median_us(lambda: journal.append(stream, [New(body=Noted(text="restarted the feeder"))]))
        mode = journal.mode
    bare = sqlite3.connect(folder / "bare.db", isolation_level=None)
    bare.execute(f"PRAGMA journal_mode = {mode}")
    bare.execute("PRAGMA synchronous = FULL")
    bare.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)")

    def insert() -> None:
        bare.execute("BEGIN IMMEDIATE")
        bare.execute("INSERT INTO t (text) VALUES ('restarted the feeder')")
        bare.execute("COMMIT")

    floor = median_us(insert)
    bare.close()
    yield Figure(
        "append one event, acknowledged",
        ours,
        "µs",
        ours / floor,
        f"bare insert + commit, {mode}, FULL: {floor:.0f} µs",
    )


def large(folder: Path) -> Iterable[Figure]:
    """A stream of a million events."""
    path = folder / "large.db"
    with Journal.open(path, actor="bench", origin=ORIGIN) as journal:
        stream = journal.declare([New(body=Declared(title="bench"))])[0]
        started = time.perf_counter()
        for start in range(0, EVENTS, 20_000):
            journal.append(
                stream, [New(body=Noted(text=f"line {n} of the feeder")) for n in range(start, start + 20_000)]
            )
        rate = EVENTS / (time.perf_counter() - started)
        middle = EVENTS // 2
        yield Figure(f"bulk append, {EVENTS:,} events", rate, "events/s")
        yield Figure("bytes an event on disk", path.stat().st_size / EVENTS, "bytes")
        newest = median_us(lambda: journal.window(stream, limit=50))
        deep = median_us(lambda: journal.window(stream, before_seq=middle, limit=50))
        offset = median_us(lambda: journal.rows(f"SELECT * FROM events ORDER BY seq LIMIT 50 OFFSET {middle}"), 5)
        yield Figure("window of 50, newest", newest, "µs", newest / offset, f"OFFSET {middle:,}: {offset:.0f} µs")
        yield Figure("window of 50, in the middle", deep, "µs", deep / newest, "the newest window")
        yield Figure("search, newest 50 hits of a rare word", median_us(lambda: journal.search("999"), 20), "µs")
        follow = median_us(journal.changed)
        yield Figure("has anything changed?", follow, "µs")

    def open_and_read() -> None:
        with Journal.open(path, actor="bench", origin=ORIGIN) as again:
            again.incidents()
            again.window(stream, limit=50)

    small = folder / "a.db"

    def open_small() -> None:
        with Journal.open(small, actor="bench", origin=ORIGIN) as again:
            info = again.incidents()[0]
            again.window(info.stream, limit=50)

    big, little = median_us(open_and_read, 20), median_us(open_small, 20)
    yield Figure(
        f"open with {EVENTS:,} events, newest window read",
        big / 1000,
        "ms",
        big / little,
        f"with 200 events: {little / 1000:.1f} ms",
    )
