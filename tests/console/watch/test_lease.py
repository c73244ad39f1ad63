"""Of several watches one leads: it takes over what the dead one had, and who lost the lead writes nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from console.clock import FixedClock
from console.journal.errors import Missing, Refused
from console.journal.events import (
    Acknowledged,
    AlertRaised,
    CheckChanged,
    New,
    Origin,
    SourceBack,
    SourceLost,
    WatchLed,
)
from console.journal.store import Journal
from console.snapshot import DOWN, OK
from console.watch import lease
from console.watch.board import Board
from console.watch.changes import Changes, Kept
from console.watch.lease import SILENCE_S, Lease
from console.watch.recorder import Recorder, gap
from console.watch.state import Machine, Result
from console.watch.status_db import StatusDb
from console.watch.status_file import Leader, Superseded
from console.watch.status_reader import StatusReader
from tests.console.watch.keeping import START, event, snapshot
from tests.console.watch.test_board import Bench, service

HELD = Lease(epoch=4, holder="h", boot_id="b")


@pytest.mark.parametrize(
    ("held", "known", "now_s", "unchanged_s", "free"),
    [
        (Lease(), None, 0, 0, True),  # nobody ever
        (HELD, Leader(epoch=4, holder="h", boot_id="b", config_hash="", beat_ms=99_000), 100, 0, False),
        (HELD, Leader(epoch=4, holder="h", boot_id="b", config_hash="", beat_ms=90_000), 100, 0, True),  # silent
        (HELD, Leader(epoch=4, holder="h", boot_id="b", config_hash="", beat_ms=0), 100, 0, True),  # given up
        (Lease(epoch=4, holder="h", boot_id="another"), None, 100, 0, True),  # before a reboot
        (HELD, None, 100, 1, False),  # just taken, perhaps: wait
        (HELD, None, 100, SILENCE_S + 0.1, True),
        (HELD, Leader(epoch=3, holder="g", boot_id="b", config_hash="", beat_ms=99_900), 100, 0, False),
        (HELD, Leader(epoch=3, holder="g", boot_id="b", config_hash="", beat_ms=99_900), 100, 9, True),
    ],
)
def test_when_the_lead_is_free(held: Lease, known: Leader | None, now_s: float, unchanged_s: float, free: bool) -> None:
    assert lease.is_free(held, known, boot="b", now_s=now_s, unchanged_s=unchanged_s) is free


@pytest.fixture
def opened(database: Path, clock: FixedClock) -> Callable[[], Journal]:
    def open_journal() -> Journal:
        return Journal.open(database, actor="vigie", origin=Origin(program="watch"), clock=clock)

    return open_journal


def recorder(opened: Callable[[], Journal], status: Path, clock: FixedClock, holder: str = "h1") -> Recorder:
    return Recorder(opened, status, holder=holder, config_hash="c", clock=clock)


def bodies(opened: Callable[[], Journal], kind: type | None = None) -> list[Any]:
    with opened() as journal:
        found = [event.body for event in journal.since(0)]
    return [body for body in found if kind is None or isinstance(body, kind)]


def test_of_two_that_see_a_free_lease_one_takes_it(opened: Callable[[], Journal], clock: FixedClock) -> None:
    with opened() as one, opened() as two:
        seen = lease.read(one)
        mine = lease.take(one, seen, holder="one", config_hash="", clock=clock)
        with pytest.raises(Refused):
            lease.take(two, seen, holder="two", config_hash="", clock=clock)
        assert lease.read(two) == mine
        one.append_watch([event(1)], guard=lease.guard(mine))
        later = lease.take(two, mine, holder="two", config_hash="", clock=clock)
        with pytest.raises(Refused):
            one.append_watch([event(2)], guard=lease.guard(mine))
        two.append_watch([event(2)], guard=lease.guard(later))
    assert [body.epoch for body in bodies(opened, WatchLed)] == [1, 2]
    assert len(bodies(opened, CheckChanged)) == 2


def test_take_over_records_what_the_dead_leader_had_stored(
    opened: Callable[[], Journal], status: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between status.db and the journal, at either side of the append: nothing lost, nothing doubled."""
    for killed_after_append in (False, True):
        first = recorder(opened, status, clock)
        assert first.try_lead() is not None
        first.load()
        with pytest.raises(KeyboardInterrupt), monkeypatch.context() as patch:
            if killed_after_append:
                patch.setattr(StatusDb, "recorded", _killed)
            else:
                patch.setattr(Journal, "append_watch", _killed)
            first.publish(Changes(news=[event(1 + killed_after_append)]), None)
        first.close()
        clock.advance(SILENCE_S + 1)
        second = recorder(opened, status, clock, "h2")
        assert second.try_lead() is not None
        second.load()
        done = second.publish(Changes(), None)
        assert done.unsaved == 0
        second.release()
        second.close()
    assert [body.detail for body in bodies(opened, CheckChanged)] == ["1", "2"]


def _killed(*_: object, **__: object) -> Any:
    raise KeyboardInterrupt


def test_a_sleeper_that_wakes_writes_nothing(opened: Callable[[], Journal], status: Path, clock: FixedClock) -> None:
    sleeper = recorder(opened, status, clock)
    assert sleeper.try_lead() is not None
    sleeper.load()
    other = recorder(opened, status, clock, "h2")
    assert other.try_lead() is None  # it is heard
    clock.advance(SILENCE_S + 1)
    assert other.try_lead() is not None
    with pytest.raises(Superseded):  # before the other has status.db: the journal refuses
        sleeper.publish(Changes(news=[event(1)]), None)
    other.load()
    with pytest.raises(Superseded):
        sleeper.publish(Changes(news=[event(2)]), snapshot(1))
    sleeper.release()
    assert other.try_lead() is None  # and it did not give the other's lead up
    other.close()
    sleeper.close()


def test_a_full_or_locked_journal_keeps_events_in_order(
    opened: Callable[[], Journal], status: Path, clock: FixedClock, database: Path
) -> None:
    leading = Recorder(
        lambda: Journal.open(database, actor="vigie", origin=Origin(program="watch"), clock=clock, busy_s=0.05),
        status,
        holder="h1",
        config_hash="c",
        clock=clock,
    )
    assert leading.try_lead() is not None
    leading.load()
    blocker = sqlite3.connect(database, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    done = leading.publish(Changes(news=[event(1)]), None)
    assert (done.unsaved, done.recorded) == (1, ())
    assert "another process holds" in done.problem
    clock.advance(1)
    assert leading.publish(Changes(news=[event(2)]), None).unsaved == 2
    blocker.execute("ROLLBACK")
    blocker.close()
    clock.advance(10)
    done = leading.publish(Changes(news=[event(3)]), None)
    assert (done.unsaved, done.problem) == (0, "")
    assert [body.detail for body in bodies(opened, CheckChanged)] == ["1", "2", "3"]
    leading.close()


def test_acknowledgements_are_found_in_the_journal(
    opened: Callable[[], Journal], status: Path, clock: FixedClock
) -> None:
    leading = recorder(opened, status, clock)
    assert leading.try_lead() is not None
    leading.load()
    assert leading.publish(Changes(), None).acknowledged == ()
    seen = Acknowledged(fingerprint="f", name="n", starts_at=START, reason="mine")
    with opened() as journal:
        journal.append_watch([New(body=seen)])
    assert [one.body.reason for one in leading.publish(Changes(), None).acknowledged] == ["mine"]
    assert leading.publish(Changes(), None).acknowledged == ()
    # while nobody leads, too
    leading.release()
    leading.close()
    with opened() as journal:
        journal.append_watch([New(body=seen)])
    following = recorder(opened, status, clock, "h2")
    assert following.try_lead() is not None
    following.load()
    assert [one.body.reason for one in following.publish(Changes(), None).acknowledged] == ["mine"]
    following.close()


@pytest.mark.parametrize("how", ["removed", "damaged"])
def test_a_lost_status_db_loses_and_doubles_no_problem(
    opened: Callable[[], Journal], status: Path, clock: FixedClock, how: str
) -> None:
    bench = Bench(service("api"), service("db"))
    leading = recorder(opened, status, clock)
    assert leading.try_lead() is not None
    assert leading.load() == Kept()
    bench.board.take(bench.check("api/port"), Result(state=DOWN), clock.now(), clock.boottime())
    raised = bench.snapshot().alerts[0]
    leading.publish(bench.board.drain(), None)
    with opened() as journal:
        ack = Acknowledged(fingerprint=raised.fingerprint, name="api/port", starts_at=raised.starts_at)
        journal.append_watch([New(body=ack, actor="ana")])
    leading.release()
    leading.close()
    StatusDb.discard(status)
    if how == "damaged":
        status.write_bytes(b"\0" * 5000)
    clock.advance(60)
    following = recorder(opened, status, clock, "h2")
    assert following.try_lead() is None  # nobody knows how long ago the leader was heard: wait and see
    clock.advance(SILENCE_S + 1)
    assert following.try_lead() is not None
    kept = following.load()
    board = Board(tuple(bench.checks.values()), kept, clock.now())
    board.take(bench.check("api/port"), Result(state=DOWN), clock.now(), clock.boottime())
    found = board.snapshot(clock.now(), clock.boottime(), epoch=2, config_hash="", version=1).alerts
    assert [(one.fingerprint, one.starts_at) for one in found] == [(raised.fingerprint, raised.starts_at)]
    assert found[0].ack is not None
    assert found[0].ack.actor == "ana"
    following.publish(board.drain(), None)
    assert len(bodies(opened, AlertRaised)) == 1
    for _ in range(2):
        board.take(bench.check("api/port"), Result(state=OK), clock.now(), clock.boottime())
    following.publish(board.drain(), None)
    with opened() as journal:
        kinds = [event.kind for event in journal.since(0)]
    assert kinds.count("alert_resolved") == 1
    following.close()


def test_status_db_removed_under_a_leader_is_made_anew(
    opened: Callable[[], Journal], status: Path, clock: FixedClock
) -> None:
    leading = recorder(opened, status, clock)
    assert leading.try_lead() is not None
    leading.load()
    assert not leading.publish(Changes(), snapshot(1)).rebuilt
    StatusDb.discard(status)
    done = leading.publish(Changes(news=[event(1)]), snapshot(2))
    assert done.rebuilt
    assert len(done.recorded) == 1
    reader = StatusReader(status, clock)
    found = reader.poll()
    assert found is not None
    assert found.version == 2
    assert reader.heard().alive
    reader.close()
    leading.close()


def test_a_stretch_without_a_watch_is_recorded(opened: Callable[[], Journal], status: Path, clock: FixedClock) -> None:
    first = recorder(opened, status, clock)
    assert first.try_lead() is not None
    first.load()
    assert first.last_published() is None
    first.publish(Changes(), snapshot(1, at=clock.now()))
    first.release()
    first.close()
    clock.advance(600)
    second = recorder(opened, status, clock, "h2")
    assert second.try_lead() is not None
    second.load()
    last = second.last_published()
    second.close()
    assert last == START
    assert gap(last, last + timedelta(seconds=5)) == []  # too short to tell
    assert gap(None, clock.now()) == []
    lost, back = gap(last, clock.now())
    assert isinstance(lost.body, SourceLost)
    assert lost.occurred_at == START
    assert isinstance(back.body, SourceBack)
    assert back.body.away_ms == 600_000


def test_a_leader_stopped_within_a_transaction_does_not_keep_the_lead(
    opened: Callable[[], Journal], status: Path, clock: FixedClock
) -> None:
    """It holds status.db's lock for ever: the file is left to it, and a new one is made from the journal."""
    bench = Bench(service("api"))
    stuck = recorder(opened, status, clock)
    assert stuck.try_lead() is not None
    stuck.load()
    bench.board.take(bench.check("api/port"), Result(state=DOWN), clock.now(), clock.boottime())
    stuck.publish(bench.board.drain(), snapshot(1))
    holding = sqlite3.connect(status, isolation_level=None)
    holding.execute("BEGIN EXCLUSIVE")
    holding.execute("DELETE FROM machine")
    other = recorder(opened, status, clock, "h2")
    assert other.try_lead() is None
    clock.advance(SILENCE_S + 1)
    assert other.try_lead() is not None
    kept = other.load()
    assert kept.machines["api/port"].hard == DOWN
    other.publish(Changes(), snapshot(2))
    holding.execute("COMMIT")  # it wakes, and writes into the file that it has
    holding.close()
    with pytest.raises(Superseded):
        stuck.publish(Changes(news=[event(1)]), snapshot(3))
    reader = StatusReader(status, clock)
    found = reader.poll()
    assert found is not None
    assert found.version == 2
    reader.close()
    stuck.close()
    other.close()


def test_a_status_db_of_another_journal_is_thrown_away(
    opened: Callable[[], Journal], status: Path, clock: FixedClock, database: Path
) -> None:
    """The database was removed, what lies beside it was not; the new journal's epochs begin at 1."""
    for _ in range(3):
        first = recorder(opened, status, clock)
        assert first.try_lead() is not None
        first.load()
        first.publish(Changes(machines={"a/b": Machine()}), snapshot(1))
        first.release()
    database.unlink()
    with pytest.raises(Missing, match="removed while it was watched"):
        first.publish(Changes(news=[event(1)]), snapshot(2))
    assert not database.exists()  # nobody asked for a new one
    first.close()
    second = recorder(opened, status, clock, "h2")
    mine = second.try_lead()
    assert mine is not None
    assert mine.epoch == 1
    assert second.load() == Kept()
    assert second.publish(Changes(news=[event(2)]), snapshot(3)).unsaved == 0
    second.close()


def test_a_replaced_journal_is_another_lead(
    opened: Callable[[], Journal], status: Path, clock: FixedClock, database: Path
) -> None:
    first = recorder(opened, status, clock)
    assert first.try_lead() is not None
    first.load()
    database.unlink()
    second = recorder(opened, status, clock, "h2")
    assert second.try_lead() is not None  # epoch 1 of the new journal, as the first has epoch 1 of the old
    second.load()
    with pytest.raises(Superseded):
        first.publish(Changes(news=[event(1)]), snapshot(2))
    assert second.publish(Changes(news=[event(2)]), snapshot(3)).unsaved == 0
    assert [body.detail for body in bodies(opened, CheckChanged)] == ["2"]
    first.close()
    second.close()
