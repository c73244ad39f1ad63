"""Availability and latencies: what was not looked at is not known; a restart forgets nothing; the size is bounded."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.snapshot import DEGRADED, DOWN, OK, UNKNOWN
from console.watch.changes import Changes
from console.watch.histories import Histories
from console.watch.history import HOUR, MINUTE, RINGS, History, percentile
from console.watch.history_db import read_rollups
from console.watch.lease import boot_id
from console.watch.status_db import StatusDb
from console.watch.status_file import Leader, connect

START = 1_800_000_000.0 - 1_800_000_000 % HOUR


def fed(history: History, states: str, *, every: float = 10.0, start: float = START) -> float:
    """Results *every* seconds; each state holds until the next. Returns the time of the last."""
    words = {"O": OK, "G": DEGRADED, "D": DOWN, "U": UNKNOWN}
    now, before = start, UNKNOWN
    for position, letter in enumerate(states):
        now = start + position * every
        history.add(now, every if position else 0.0, before, latency_ms=float(position))
        before = words[letter]
    return now


def shares(history: History, now: float) -> list[float | None]:
    return [one.share for one in history.measure(now)]


def test_nothing_is_known_before_there_is_a_result() -> None:
    assert History().availability == ()
    assert [(one.share, one.known_s) for one in History().measure(START)] == [(None, 0.0)] * 3


def test_down_time_counts_degraded_is_up_and_unknown_is_neither() -> None:
    history = History()
    now = fed(history, "O" * 60 + "G" * 30 + "D" * 30 + "U" * 60 + "O")
    hour, day, week = history.measure(now)
    assert (hour.share, hour.known_s) == (0.75, 1200.0)  # 90 of 120 that are known; 600 s could not be told
    assert (day.share, week.share) == (0.75, 0.75)


def test_an_hour_forgets_what_a_day_remembers() -> None:
    history = History()
    now = fed(history, "D" * 360)
    now = fed(history, "O" * 400, start=now + 10)
    hour, day, _ = shares(history, now)
    assert hour == 1.0
    assert day == pytest.approx(400 / 759, abs=0.01)


@given(st.lists(st.sampled_from("OGDU"), min_size=2, max_size=400), st.sampled_from([1.0, 7.0, 30.0, 300.0]))
def test_what_is_stored_and_read_back_tells_the_same(states: list[str], every: float) -> None:
    history, stored = History(), {}
    now = fed(history, "".join(states), every=every)
    for row in history.rows():
        stored[row.span, row.at] = row
    again = History()
    for _, row in sorted(stored.items()):
        again.restore(row)
    for one, other in zip(history.measure(now), again.measure(now), strict=True):
        assert other.known_s == pytest.approx(one.known_s, abs=0.2)
        assert (other.share is None) == (one.share is None)
        assert other.share == pytest.approx(one.share, abs=1e-5)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.floats(0.01, 1))
def test_a_percentile_is_one_of_the_numbers_and_enough_are_below(numbers: list[float], share: float) -> None:
    found = percentile(sorted(numbers), share)
    assert found in numbers
    assert found is not None
    assert sum(number <= found for number in numbers) >= share * len(numbers) - 1e-9


def test_the_last_leaders_latencies_stand_until_there_are_enough_new_ones() -> None:
    history = History()
    fed(history, "O" * 100)
    assert history.latency == (49.0, 94.0)
    again = History()
    for row in history.rows():
        again.restore(row)
    assert again.latency == (49.0, 94.0)
    for position in range(20):
        again.add(START + 1000 + position, 1.0, OK, latency_ms=5.0)
    assert again.latency == (5.0, 5.0)


def test_a_database_holds_a_week_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "status.db"
    history = History()
    with StatusDb.open(path) as db:
        db.take_lead(Leader(epoch=1, holder="h", boot_id=boot_id(), config_hash="c", beat_ms=1))
        for minute in range(0, 200 * 60, 5):  # 200 hours
            rows = history.add(START + minute * 60, 300.0, OK, latency_ms=3.0, value=float(minute))
            db.write(1, Changes(rollups=[("a/b", row) for row in rows]), beat_ms=1)
        histories = db.kept().histories
    assert histories is not None
    kept = histories["a/b"]
    now = START + 200 * HOUR - 300
    assert [one.share for one in kept.measure(now)] == [1.0, 1.0, 1.0]
    reader = connect(path, read_only=True)
    assert reader.execute("SELECT count(*) FROM rollup").fetchone()[0] <= sum(RINGS.values())
    hours = read_rollups(reader, "a/b", HOUR)
    assert [row.at for row in hours] == sorted(row.at for row in hours)
    assert len(hours) == RINGS[HOUR]
    assert hours[-2].p95_ms == 3.0
    assert len(read_rollups(reader, "a/b", MINUTE)) <= RINGS[MINUTE]
    assert read_rollups(reader, "no/such", HOUR) == []
    reader.close()


def test_histories_that_come_later_are_gone_on_with() -> None:
    """What was measured while they were read is put in behind them: the sums are those of one history."""
    straight, stored = History(), History()
    for minute in range(30):
        for history in (straight, stored):
            history.add(START + minute * 60, 60.0, OK, latency_ms=3.0)
    late = Histories(["a/b", "a/new"], None)
    for minute in range(30, 33):
        at, state = START + minute * 60, DOWN if minute == 31 else OK
        straight.add(at, 60.0, state, latency_ms=3.0)
        for key in ("a/b", "a/new"):
            assert late.add(key, at, 60.0, state, latency_ms=3.0, value=None) == []
    assert late.flush() == []  # should the lead end now, nothing that is stored is overwritten
    late.owe()
    assert late.owed() == []
    rows = late.take({"a/b": stored, "gone/x": History()})
    assert {key for key, _ in rows} == {"a/b", "a/new"}
    now = START + 33 * 60
    assert late.of("a/b").measure(now) == straight.measure(now)
    assert [one.known_s for one in late.of("a/new").measure(now)] == [180.0] * 3
    assert late.add("a/b", now, 60.0, OK, latency_ms=3.0, value=None)


def test_a_new_database_gets_every_history_in_pieces() -> None:
    keys = [f"s/{number}" for number in range(50)]
    histories = Histories(keys, {})
    for key in keys:
        for minute in range(3):
            histories.add(key, START + minute * 60, 60.0, OK, latency_ms=1.0, value=None)
    assert histories.owed() == []
    histories.owe()
    pieces = []
    while piece := histories.owed():
        pieces.append(piece)
    assert len(pieces) > 1
    assert {key for piece in pieces for key, _ in piece} == set(keys)
    assert [row for piece in pieces for row in piece if row[0] == "s/7"] == [
        ("s/7", row) for row in histories.of("s/7").rows()
    ]


def test_histories_are_read_in_pieces(tmp_path: Path) -> None:
    rows = {}
    for number in range(7):
        history = History()
        history.add(START, 60.0, OK if number % 2 else DOWN)
        rows[f"s/{number}"] = history.flush()
    with StatusDb.open(tmp_path / "status.db") as db:
        db.take_lead(Leader(epoch=1, holder="h", boot_id=boot_id(), config_hash="c", beat_ms=1))
        db.write(1, Changes(rollups=[(key, row) for key, found in rows.items() for row in found]), beat_ms=1)
        found, last = {}, ""
        while piece := db.histories(last, 3):
            assert len(piece) <= 3
            found |= piece
            last = max(piece)
        assert db.kept(histories=False).histories is None
    assert list(found) == list(rows)
    assert found["s/3"].measure(START + 60)[0].share == 1.0
    assert found["s/4"].measure(START + 60)[0].share == 0.0
