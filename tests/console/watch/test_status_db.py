"""status.db: only the leader writes, nothing is doubled, damage is thrown away, readers pay only for what is new."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from console.clock import FixedClock
from console.snapshot import DOWN, OK
from console.watch.board import Board
from console.watch.changes import Changes, Sample
from console.watch.history_db import SAMPLES
from console.watch.lease import boot_id
from console.watch.state import Machine, Result
from console.watch.status_db import StatusDb
from console.watch.status_file import Superseded, Unusable, leader_age
from console.watch.status_reader import Presence, StatusReader, ask_for
from tests.console.watch.keeping import START, event, leader, snapshot
from tests.console.watch.test_board import Bench, service


def test_only_the_epoch_that_leads_writes(status: Path) -> None:
    with StatusDb.open(status) as old, StatusDb.open(status) as new:
        old.take_lead(leader(1))
        old.write(1, Changes(machines={"a/b": Machine()}), beat_ms=5)
        new.take_lead(leader(2))
        for attempt in (
            lambda: old.write(1, Changes(machines={"x": Machine()}, news=[event(1)]), beat_ms=6),
            lambda: old.beat(1, 6),
            lambda: old.recorded(1, [1], beat_ms=6),
            lambda: old.take_lead(leader(1)),
        ):
            with pytest.raises(Superseded):
                attempt()
        assert set(new.kept().machines) == {"a/b"}
        assert new.outbox() == []
        found = new.leader()
        assert found is not None
        assert (found.epoch, found.beat_ms) == (2, 1_000_000)


def test_what_is_kept_comes_back_whole(status: Path) -> None:
    bench = Bench(service("api"), service("db"))
    bench.board.take(bench.check("api/port"), Result(state=DOWN, detail="x", latency_ms=1.5), START, 7.0)
    alert = bench.snapshot().alerts[0]
    bench.acknowledge("api/port", alert.starts_at)
    changes = bench.board.drain()
    with StatusDb.open(status) as db:
        db.take_lead(leader(1))
        db.write(1, changes, beat_ms=1)
    with StatusDb.open(status) as db:
        kept = db.kept()
        assert kept.machines == changes.machines
        assert kept.alerts == changes.alerts
        assert kept.seen == changes.seen
        assert [new.body for _, new in db.outbox()] == [new.body for new in changes.news]
        assert all(new.id for _, new in db.outbox())
        assert Board(tuple(bench.checks.values()), kept, START).everything().alerts == changes.alerts


def test_history_is_a_ring(status: Path) -> None:
    with StatusDb.open(status) as db:
        db.take_lead(leader(1))
        for start in range(0, SAMPLES + 50, 10):
            samples = [
                ("a/b", Sample(at=START + timedelta(seconds=n), state=OK, latency_ms=float(n)))
                for n in range(start, start + 10)
            ]
            db.write(1, Changes(samples=samples), beat_ms=1)
        found = db.history("a/b")
        assert len(found) == SAMPLES
        assert [one.latency_ms for one in found] == [float(n) for n in range(50, SAMPLES + 50)]
        assert db.history("nothing") == []


def test_a_reader_decodes_only_what_is_new(status: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = StatusReader(status, clock)
    assert reader.poll() is None
    assert not reader.heard().alive
    with StatusDb.open(status) as db:
        db.take_lead(leader(1, clock.boottime()))
        db.write(1, Changes(), beat_ms=int(clock.boottime() * 1000), snapshot=snapshot(1))
        first = reader.poll()
        assert first is not None
        assert first.overall == OK
        assert reader.poll() is first
        db.beat(1, int(clock.boottime() * 1000))
        assert reader.poll() is first
        db.write(1, Changes(), beat_ms=int(clock.boottime() * 1000), snapshot=snapshot(2, DOWN))
        second = reader.poll()
        assert second is not None
        assert second.overall == DOWN
        assert reader.heard().alive
    reader.close()


def test_what_nobody_refreshes_grows_stale_and_its_source_is_lost(status: Path, clock: FixedClock) -> None:
    with StatusDb.open(status) as db:
        db.take_lead(leader(1, clock.boottime()))
        db.write(1, Changes(), beat_ms=int(clock.boottime() * 1000), snapshot=snapshot(1))
    reader = StatusReader(status, clock)
    clock.advance(11)
    found = reader.poll()
    assert found is not None
    assert not found.checks[0].stale
    assert found.sources[0].state == "lost"
    assert found.overall != OK
    clock.advance(12)
    found = reader.poll()
    assert found is not None
    assert found.checks[0].stale
    assert not reader.heard().alive
    assert leader_age(status, clock) == pytest.approx(23)
    reader.close()


def test_a_reader_follows_a_replaced_database_and_survives_damage(status: Path, clock: FixedClock) -> None:
    reader = StatusReader(status, clock)
    with StatusDb.open(status) as db:
        db.take_lead(leader(1, clock.boottime()))
        db.write(1, Changes(), beat_ms=int(clock.boottime() * 1000), snapshot=snapshot(9))
    assert reader.poll() is not None
    StatusDb.discard(status)
    status.write_bytes(b"not a database" * 100)
    kept = reader.poll()
    assert kept is not None  # the last one stays
    assert "status.db" in reader.problem
    StatusDb.discard(status)
    with StatusDb.open(status) as db:
        db.take_lead(leader(2, clock.boottime()))
        db.write(2, Changes(), beat_ms=int(clock.boottime() * 1000), snapshot=snapshot(1, DOWN))
    found = reader.poll()
    assert found is not None
    assert found.overall == DOWN
    assert reader.problem == ""
    reader.close()


def test_modes(status: Path) -> None:
    StatusDb.open(status).close()
    assert status.stat().st_mode & 0o777 == 0o600
    assert status.parent.stat().st_mode & 0o777 == 0o700
    other = status.with_name("group.db")
    StatusDb.open(other, file_mode=0o660).close()
    assert other.stat().st_mode & 0o777 == 0o660
    assert sorted(one.name for one in status.parent.iterdir() if "new" in one.name) == []
    with sqlite3.connect(status) as db:
        assert db.execute("PRAGMA journal_mode").fetchone()[0] != "wal"
    db.close()


def test_consoles_are_heard_and_forgotten(status: Path, clock: FixedClock) -> None:
    here = Presence(status, "c1", clock)
    here.beat()  # no database yet: nothing to say it in
    with StatusDb.open(status) as db:
        db.take_lead(leader(1))
        here.beat()
        clock.advance(4)
        assert db.console_ages(boot_id(), int(clock.boottime() * 1000)) == [4]
        assert db.console_ages("another boot", 0) == []
        here.leave()
        assert db.console_ages(boot_id(), int(clock.boottime() * 1000)) == []
        here.beat()
        db.take_lead(leader(2))
        assert len(db.console_ages(boot_id(), 0)) == 1
        db.take_lead(replace(leader(3), boot_id="the next"))  # those that a reboot ended do not stay for ever
        assert db.console_ages(boot_id(), 0) == []


def test_a_foreign_file_is_refused_by_readers_in_words(status: Path, clock: FixedClock) -> None:
    status.parent.mkdir()
    with sqlite3.connect(status) as other:
        other.execute("CREATE TABLE t (a)")
    other.close()
    with pytest.raises(Unusable, match="not a status database"):
        StatusDb.open(status)
    reader = StatusReader(status, clock)
    assert reader.poll() is None
    assert "not a status database" in reader.problem


def test_a_check_is_asked_for_once_and_not_for_ever(status: Path, clock: FixedClock) -> None:
    assert "no watch" in ask_for(status, "a/b", clock)
    with StatusDb.open(status) as db:
        now_ms = int(clock.boottime() * 1000)
        db.take_lead(leader(1, clock.boottime()))
        assert db.take_wanted(1, boot_id(), now_ms - 10_000) == []
        assert ask_for(status, "a/b", clock) == ""
        assert ask_for(status, "a/b", clock) == ""  # twice is once
        with pytest.raises(Superseded):
            db.take_wanted(2, boot_id(), now_ms - 10_000)
        assert db.take_wanted(1, boot_id(), now_ms - 10_000) == ["a/b"]
        assert db.take_wanted(1, boot_id(), now_ms - 10_000) == []
        assert ask_for(status, "a/b", clock) == ""
        assert db.take_wanted(1, boot_id(), now_ms + 1) == []  # too old: forgotten, not kept
        assert db.take_wanted(1, boot_id(), now_ms - 10_000) == []
