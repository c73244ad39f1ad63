"""Alerts of other systems in the watch: differences, episodes, acknowledgements, lost sources; windows out of status.db."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from console.clock import FixedClock
from console.journal.events import Acknowledged, AlertRaised, AlertResolved, SourceBack, SourceLost
from console.snapshot import GONE, SUPPRESSED_ALERT, Ack, Alert, Report, Source
from console.watch.changes import Changes, Kept
from console.watch.feeds import SHOWN, FeedBoard, groups
from console.watch.lease import boot_id
from console.watch.status_db import StatusDb
from console.watch.status_file import Leader
from console.watch.status_reader import StatusReader, mark

START = datetime(2026, 3, 14, 2, 0, tzinfo=UTC)
UP = Source(name="am-a", kind="alertmanager", last_ok=START)
DOWN = replace(UP, state="lost", error="connection refused")


def alert(mark: str, *, level: int = 1, minutes: int = 0, name: str = "QueueDeep", state: str = "firing") -> Alert:
    return Alert(
        fingerprint=mark,
        name=name,
        severity=f"SEV{level + 1}",
        level=level,
        state=state,
        starts_at=START + timedelta(minutes=minutes),
        labels={"alertname": name},
        source="am-a",
    )


def report(*alerts: Alert, source: Source = UP, **more: str) -> Report:
    return Report(sources=(source,), alerts=alerts, evidence=more)


def kinds(changes: Changes) -> list[str]:
    return [type(new.body).__name__ for new in changes.news]


def test_what_came_and_went_is_recorded_once() -> None:
    board = FeedBoard(Kept())
    board.take(report(alert("a"), alert("b")), START)
    changes = board.drain()
    assert kinds(changes) == ["AlertRaised", "AlertRaised"]
    assert set(changes.feed) == {"a", "b"}

    board.take(report(alert("a"), alert("b")), START)
    assert not board.drain()

    board.take(report(alert("a"), b="no longer reported by am-a, which is up"), START)
    changes = board.drain()
    (new,) = changes.news
    assert isinstance(new.body, AlertResolved)
    assert new.body.evidence == "no longer reported by am-a, which is up"
    assert changes.feed == {"b": None}


def test_a_new_start_is_a_new_episode() -> None:
    board = FeedBoard(Kept())
    board.take(report(alert("a")), START)
    board.drain()
    board.take(report(alert("a", minutes=9)), START)
    changes = board.drain()
    assert kinds(changes) == ["AlertResolved", "AlertRaised"]
    assert len({new.dedupe for new in changes.news}) == 2


def test_the_next_leader_does_not_raise_again_what_it_finds() -> None:
    first = FeedBoard(Kept())
    first.take(report(alert("a"), alert("b")), START)
    second = FeedBoard(Kept(feed={"a": alert("a"), "b": alert("b")}))
    second.take(report(alert("a")), START)
    assert kinds(second.drain()) == ["AlertResolved"]


def acknowledge(board: FeedBoard, one: Alert, expires: datetime | None = None) -> bool:
    event = Acknowledged(
        fingerprint=one.fingerprint, name=one.name, starts_at=one.starts_at, reason="on it", expires=expires
    )
    return board.acknowledge(event, "ana", START)


def test_an_acknowledgement_is_of_one_episode_and_ends_when_it_grows_worse() -> None:
    board = FeedBoard(Kept())
    board.take(report(alert("a")), START)
    assert not acknowledge(board, alert("a", minutes=1))
    assert not acknowledge(board, alert("x"))
    assert acknowledge(board, alert("a"))
    (shown,), _ = board.shown()
    assert shown.ack is not None and shown.ack.actor == "ana" and shown.handled

    board.take(report(alert("a", level=1)), START)
    assert board.shown()[0][0].ack is not None
    board.take(report(alert("a", level=0)), START)
    assert board.shown()[0][0].ack is None
    assert board.drain().seen == {"a": None}


def test_an_acknowledgement_ends_with_its_alert_and_with_its_time() -> None:
    board = FeedBoard(Kept())
    board.take(report(alert("a"), alert("b")), START)
    acknowledge(board, alert("a"))
    acknowledge(board, alert("b"), expires=START + timedelta(hours=1))
    board.take(report(alert("b")), START)
    board.expire(START + timedelta(minutes=59))
    assert board.shown()[0][0].ack is not None
    board.expire(START + timedelta(hours=1))
    assert board.shown()[0][0].ack is None
    board.take(report(alert("a"), alert("b")), START)
    assert all(one.ack is None for one in board.shown()[0])


def test_an_acknowledged_alert_that_ends_or_begins_anew_leaves_nothing_behind() -> None:
    board = FeedBoard(Kept())
    board.take(report(alert("a"), alert("b")), START)
    acknowledge(board, alert("a"))
    acknowledge(board, alert("b"))
    board.drain()
    board.take(report(alert("b", minutes=9)), START)
    assert board.drain().feed == {"a": None, "b": alert("b", minutes=9)}


def test_a_source_is_lost_and_back_once_and_across_leaders() -> None:
    board = FeedBoard(Kept())
    board.take(report(alert("a")), START)
    board.drain()
    for _ in range(3):
        board.take(report(replace(alert("a"), state=GONE), source=DOWN), START)
    changes = board.drain()
    assert [type(new.body) for new in changes.news] == [SourceLost]
    next_board = FeedBoard(Kept(feed={"a": alert("a")}, lost={"am-a": START}))
    next_board.take(report(alert("a"), source=DOWN), START)
    assert not next_board.drain().news
    next_board.take(report(alert("a")), START + timedelta(minutes=2))
    (new,) = next_board.drain().news
    assert isinstance(new.body, SourceBack)
    assert new.body.away_ms == 120_000


def test_the_first_by_place_are_shown_and_the_names_are_counted() -> None:
    every = [alert(f"{n:04}", level=n % 3, minutes=n, name=f"Alert{n % 7}") for n in range(SHOWN + 100)]
    every.append(alert("worst", level=0, minutes=-100, name="Alert0"))
    every.append(alert("quiet", level=0, name="Silent", state=SUPPRESSED_ALERT))
    board = FeedBoard(Kept())
    board.take(report(*every), START)
    shown, counted = board.shown()
    assert len(shown) == SHOWN
    assert [one.level for one in shown] == sorted(one.level for one in shown)
    assert sum(group.count for group in counted) == len(every)
    silent = next(group for group in counted if group.name == "Silent")
    assert (silent.count, silent.unhandled) == (1, 0)
    assert counted == groups(sorted(every, key=lambda one: one.place))


def test_windows_out_of_status_db(tmp_path: Path) -> None:
    clock = FixedClock(START)
    board = FeedBoard(Kept())
    every = [alert(f"{n:04}", level=n % 3, minutes=n // 2, name=f"Alert{n % 7}") for n in range(1000)]
    board.take(report(*every), START)
    acknowledge(board, every[0])
    path = tmp_path / "status.db"
    with StatusDb.open(path) as db:
        db.take_lead(Leader(epoch=1, holder="x", boot_id=boot_id(), config_hash="", beat_ms=1), "first")
        db.write(1, board.drain(), beat_ms=1)
        kept = db.kept()
    assert kept.feed == {one.fingerprint: one for one in every}
    assert kept.seen["0000"].ack.actor == "ana"

    reader = StatusReader(path, clock)
    found: list[Alert] = []
    while window := reader.alerts(after=mark(found[-1]) if found else None, limit=64):
        found += window
    assert len(found) == 1000
    assert found[-1].fingerprint == "0000"  # handled: behind all others
    assert isinstance(found[-1].ack, Ack)
    assert [one.place for one in found] == sorted(one.place for one in found)
    named = reader.alerts(name="Alert3", limit=2000)
    assert {one.fingerprint for one in named} == {one.fingerprint for one in every if one.name == "Alert3"}
    reader.close()


def test_an_event_says_where_an_alert_is_from() -> None:
    board = FeedBoard(Kept())
    board.take(report(alert("a")), START)
    (new,) = board.drain().news
    assert isinstance(new.body, AlertRaised)
    assert new.body.source == "am-a"
