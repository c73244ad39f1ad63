"""The board: alerts raised once and resolved with evidence, acknowledgements of one episode, parents, what is recorded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from console.journal.events import Acknowledged, AlertRaised, AlertResolved, CheckChanged
from console.services import CheckConfig, ServiceConfig
from console.snapshot import ACKED, DEGRADED, DOWN, OK, SUPPRESSED, UNKNOWN, StatusSnapshot
from console.watch.board import Board
from console.watch.changes import Kept
from console.watch.checks import Check, compile_checks
from console.watch.state import Result

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def service(name: str, **more: Any) -> ServiceConfig:
    config = CheckConfig(kind="tcp", name="port", options={"host": "127.0.0.1", "port": 9})
    return ServiceConfig(name=name, checks=(config,), **more)


class Bench:
    """A board, time, and what it recorded."""

    def __init__(self, *services: ServiceConfig, kept: Kept | None = None) -> None:
        self.checks = {check.key: check for check in compile_checks(services)}
        self.board = Board(tuple(self.checks.values()), kept or Kept(), START)
        self.seconds = 0.0
        self.kept = kept or Kept()

    @property
    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def check(self, key: str) -> Check:
        return self.checks[key]

    def feed(self, key: str, *states: str) -> list[Any]:
        """Results ten seconds apart; returns the bodies that were recorded."""
        for state in states:
            self.seconds += 10
            self.board.take(self.check(key), Result(state=state, detail=f"it is {state}"), self.now, self.seconds)
        changes = self.board.drain()
        self.kept = Kept(
            machines=merged(self.kept.machines, changes.machines),
            alerts=merged(self.kept.alerts, changes.alerts),
            seen=merged(self.kept.seen, changes.seen),
        )
        return [new.body for new in changes.news]

    def snapshot(self) -> StatusSnapshot:
        return self.board.snapshot(self.now, self.seconds, epoch=1, config_hash="h", version=1)

    def acknowledge(self, key: str, starts_at: datetime, expires: datetime | None = None) -> None:
        body = Acknowledged(fingerprint=self.check(key).fingerprint, name=key, starts_at=starts_at, expires=expires)
        self.board.acknowledge(body, "ana", self.now)


def merged(before: Any, changed: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**before, **changed}.items() if value is not None}


def test_well_from_the_start_is_no_event() -> None:
    bench = Bench(service("api"))
    assert bench.snapshot().sources[0].state == "warming"
    assert bench.feed("api/port", OK, OK) == []
    assert bench.snapshot().sources[0].state == "ok"
    assert bench.snapshot().overall == OK


def test_a_problem_is_recorded_once_from_its_first_bad_result() -> None:
    bench = Bench(service("api", runbook="RB"))
    assert bench.feed("api/port", OK, DOWN, DOWN) == []
    assert bench.snapshot().checks[0].soft == (2, 3)
    changed, raised = bench.feed("api/port", DOWN)
    assert isinstance(changed, CheckChanged)
    assert (changed.old, changed.new, changed.detail) == (OK, DOWN, "it is DOWN")
    assert isinstance(raised, AlertRaised)
    assert raised.starts_at == START + timedelta(seconds=20)
    assert raised.severity == "critical"
    assert bench.feed("api/port", DOWN, DOWN) == []
    snapshot = bench.snapshot()
    assert [alert.name for alert in snapshot.alerts] == ["api/port"]
    assert snapshot.alerts[0].runbook == "RB"
    assert snapshot.checks[0].detail == "it is DOWN, 5 of 5 failing"
    back, resolved = bench.feed("api/port", OK, OK)
    assert isinstance(back, CheckChanged)
    assert isinstance(resolved, AlertResolved)
    assert (resolved.starts_at, resolved.evidence) == (raised.starts_at, "it is OK")
    assert bench.snapshot().alerts == ()


def test_unknown_neither_raises_nor_resolves() -> None:
    bench = Bench(service("api"))
    assert [type(one) for one in bench.feed("api/port", UNKNOWN)] == [CheckChanged]
    assert bench.snapshot().alerts == ()
    bench.feed("api/port", DOWN, DOWN, DOWN)
    assert len(bench.snapshot().alerts) == 1
    bench.feed("api/port", UNKNOWN, UNKNOWN, UNKNOWN)
    assert bench.snapshot().checks[0].state == UNKNOWN
    assert len(bench.snapshot().alerts) == 1


def test_an_acknowledgement_is_of_one_episode() -> None:
    bench = Bench(service("api"))
    bench.feed("api/port", DOWN)
    started = bench.snapshot().alerts[0].starts_at
    bench.acknowledge("api/port", started - timedelta(hours=1))
    assert bench.snapshot().alerts[0].ack is None  # another episode's
    bench.acknowledge("api/port", started.replace(microsecond=0))
    snapshot = bench.snapshot()
    assert snapshot.alerts[0].ack is not None
    assert snapshot.alerts[0].ack.actor == "ana"
    assert snapshot.checks[0].overlays == (ACKED,)
    bench.feed("api/port", OK, OK, DOWN, DOWN, DOWN)
    assert bench.snapshot().alerts[0].ack is None
    assert bench.snapshot().checks[0].overlays == ()


def test_an_acknowledgement_ends_when_it_grows_worse_or_expires() -> None:
    bench = Bench(service("api"))
    bench.feed("api/port", DEGRADED)
    alert = bench.snapshot().alerts[0]
    assert alert.severity == "warning"
    bench.acknowledge("api/port", alert.starts_at)
    worse = bench.feed("api/port", DOWN, DOWN, DOWN)
    assert [type(one) for one in worse] == [CheckChanged]  # the same episode, not a new alert
    alert = bench.snapshot().alerts[0]
    assert (alert.severity, alert.ack, alert.starts_at) == ("critical", None, START + timedelta(seconds=10))
    bench.acknowledge("api/port", alert.starts_at, expires=bench.now + timedelta(seconds=15))
    assert bench.snapshot().alerts[0].ack is not None
    bench.feed("api/port", DEGRADED, DEGRADED, DEGRADED)
    assert bench.snapshot().alerts[0].ack is None


def test_a_parent_suppresses_creation_not_checking_and_not_resolution() -> None:
    bench = Bench(service("db"), service("api", parents=("db",)))
    bench.feed("db/port", DOWN)
    assert [type(one) for one in bench.feed("api/port", DOWN)] == [CheckChanged]
    snapshot = bench.snapshot()
    assert [alert.name for alert in snapshot.alerts] == ["db/port"]
    assert {check.key: check.overlays for check in snapshot.checks} == {"db/port": (), "api/port": (SUPPRESSED,)}
    bench.feed("db/port", OK, OK)
    raised = bench.feed("api/port", DOWN)  # no longer the parent's fault
    assert [type(one) for one in raised] == [AlertRaised]
    bench.feed("db/port", DOWN, DOWN, DOWN)
    assert [type(one) for one in bench.feed("api/port", OK, OK)] == [CheckChanged, AlertResolved]


def test_the_next_leader_goes_on_where_this_one_was() -> None:
    first = Bench(service("api"))
    first.feed("api/port", OK, DOWN, DOWN)
    second = Bench(service("api"), kept=first.kept)
    second.seconds = 40
    changed, raised = second.feed("api/port", DOWN)
    assert isinstance(changed, CheckChanged)
    assert raised.starts_at == START + timedelta(seconds=20)
    third = Bench(service("api"), kept=second.kept)
    third.seconds = 60
    assert third.feed("api/port", DOWN, DOWN) == []
    assert third.snapshot().alerts[0].starts_at == raised.starts_at


def test_an_alert_of_a_check_that_is_no_longer_configured_ends() -> None:
    before = Bench(service("api"), service("old"))
    before.feed("old/port", DOWN)
    after = Bench(service("api"), kept=before.kept)
    changes = after.board.drain()
    assert [type(new.body) for new in changes.news] == [AlertResolved]
    assert changes.machines == {"old/port": None}
    assert list(changes.alerts.values()) == [None]


def test_what_could_not_be_stored_comes_first_the_next_time() -> None:
    bench = Bench(service("api"), service("db"))
    check = bench.check("api/port")
    bench.board.take(check, Result(state=DOWN), START, 0)
    lost = bench.board.drain()
    bench.board.take(check, Result(state=OK), START + timedelta(seconds=1), 1)
    bench.board.take(bench.check("db/port"), Result(state=DOWN), START + timedelta(seconds=2), 2)
    bench.board.put_back(lost)
    again = bench.board.drain()
    assert [type(new.body).__name__ for new in again.news] == ["CheckChanged", "AlertRaised"] * 2
    assert again.machines["api/port"] is not None
    assert again.machines["api/port"].streak == 1  # the newer of the two
    assert len(again.samples) == 3
    assert not bench.board.drain()
