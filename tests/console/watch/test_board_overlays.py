"""The board's overlays: what flaps, maintenance, our own link, parents asked in time, values without a threshold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from console.journal.events import (
    AlertRaised,
    AlertResolved,
    CheckChanged,
    CheckFlapping,
    Maintenance,
    SourceBack,
    SourceLost,
)
from console.services import CheckConfig, MaintenanceConfig, ServiceConfig
from console.snapshot import DEGRADED, DOWN, FLAPPING, INFO, MAINT, OK, SUPPRESSED, UNKNOWN, StatusSnapshot
from console.watch.board import Board
from console.watch.changes import Kept
from console.watch.checks import compile_checks
from console.watch.maintenance import window_of
from console.watch.state import Result

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def service(name: str, host: str = "127.0.0.1", *, port: int = 9, **more: Any) -> ServiceConfig:
    keys = {key: more.pop(key) for key in ("info", "remote", "fail_threshold") if key in more}
    check = CheckConfig(kind="tcp", name="port", options={"host": host, "port": port}, **keys)
    return ServiceConfig(name=name, checks=(check,), **more)


class Bench:
    """A board, time, and all that it recorded."""

    def __init__(
        self,
        *services: ServiceConfig,
        sentinels: tuple[str, ...] = (),
        maintenance: tuple[MaintenanceConfig, ...] = (),
        kept: Kept | None = None,
        start: datetime = START,
    ) -> None:
        self.checks = {check.key: check for check in compile_checks(services)}
        windows = [window_of(one, UTC) for one in maintenance]
        found = frozenset(sentinels)
        self.board = Board(tuple(self.checks.values()), kept or Kept(), start, sentinels=found, windows=windows)
        self.start, self.seconds = start, 0.0

    @property
    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.seconds)

    def feed(self, key: str, *states: str, every: float = 10) -> list[Any]:
        for state in states:
            self.seconds += every
            self.board.maintain(self.now)
            self.board.take(self.checks[key], Result(state=state, detail=f"it is {state}"), self.now, self.seconds)
        return [new.body for new in self.board.drain().news]

    def snapshot(self) -> StatusSnapshot:
        return self.board.snapshot(self.now, self.seconds, epoch=1, config_hash="h", version=1)

    def check(self, key: str) -> Any:
        return next(check for check in self.snapshot().checks if check.key == key)


def test_what_flaps_counts_as_degraded_keeps_its_alert_and_is_announced_when_it_settles() -> None:
    bench = Bench(service("api"))
    bodies = bench.feed("api/port", OK, *(DOWN, DOWN, DOWN, OK, OK) * 5)
    assert [type(one) for one in bodies].count(AlertRaised) == len(
        [one for one in bodies if isinstance(one, AlertResolved)]
    ) + 1
    (began,) = [one for one in bodies if isinstance(one, CheckFlapping)]
    assert began.began
    check = bench.check("api/port")
    assert (check.state, FLAPPING in check.overlays, check.healthy, check.counts_as) == (OK, True, False, DEGRADED)
    assert bench.snapshot().overall == DEGRADED
    settled = bench.feed("api/port", *(OK,) * 20)
    assert [type(one) for one in settled] == [CheckFlapping, AlertResolved]
    assert (settled[0].began, settled[0].state) == (False, OK)
    assert bench.snapshot().overall == OK


def test_maintenance_keeps_alerts_from_being_raised_and_says_when_it_begins_and_ends() -> None:
    window = MaintenanceConfig(
        name="patches", services=("db",), begin="2026-03-01T12:00:25Z", end="2026-03-01T12:05:00Z"
    )
    bench = Bench(service("db"), service("api"), maintenance=(window,))
    assert bench.feed("db/port", OK) == []
    bench.feed("api/port", OK)
    bodies = bench.feed("db/port", *(DOWN,) * 10)
    assert [type(one) for one in bodies] == [Maintenance, CheckChanged]
    check = bench.check("db/port")
    assert (check.state, check.counts_as, check.maintenance) == (DOWN, MAINT, "patches")
    bench.feed("api/port", OK)
    assert (bench.snapshot().overall, bench.snapshot().counts()[DOWN]) == (MAINT, 0)
    bench.seconds = 299
    over, raised = bench.feed("db/port", DOWN)
    assert isinstance(over, Maintenance)
    assert not over.began
    assert isinstance(raised, AlertRaised)
    assert bench.check("db/port").counts_as == DOWN


def test_an_alert_that_was_there_resolves_within_maintenance() -> None:
    window = MaintenanceConfig(name="w", begin="2026-03-01T12:01:00Z", end="2026-03-01T13:00:00Z")
    bench = Bench(service("db"), maintenance=(window,))
    bench.feed("db/port", DOWN)
    bench.seconds = 100
    assert [type(one) for one in bench.feed("db/port", OK, OK)] == [Maintenance, CheckChanged, AlertResolved]


def test_a_window_that_ended_while_nobody_led_is_told_by_the_next() -> None:
    window = MaintenanceConfig(name="w", begin="2026-03-01T12:01:00Z", end="2026-03-01T12:02:00Z")
    bench = Bench(service("db"), maintenance=(window,), start=START + timedelta(minutes=5))
    bench.board.maintain(bench.now, since=START + timedelta(seconds=90))
    (new,) = bench.board.drain().news
    assert isinstance(new.body, Maintenance)
    assert (new.body.began, new.occurred_at) == (False, START + timedelta(minutes=2))


def test_a_window_that_was_open_before_anybody_led_begins_in_the_record() -> None:
    window = MaintenanceConfig(name="w", begin="2026-03-01T11:00:00Z", end="2026-03-01T13:00:00Z")
    bench = Bench(service("db"), maintenance=(window,))
    bench.board.maintain(bench.now)
    (new,) = bench.board.drain().news
    assert isinstance(new.body, Maintenance)
    assert (new.body.began, new.occurred_at) == (True, START - timedelta(hours=1))
    assert bench.feed("db/port", OK) == []


def far_away(**more: Any) -> Bench:
    services = (service("gw", "192.0.2.1"), service("ns", "192.0.2.2"), service("api", "192.0.2.9", **more))
    return Bench(*services, service("here"), sentinels=("gw/port", "ns/port"))


def test_when_every_sentinel_fails_what_is_far_away_is_unknown_under_one_banner() -> None:
    bench = far_away()
    for key in bench.checks:
        bench.feed(key, OK)
    assert [source.state for source in bench.snapshot().sources] == ["ok", "ok"]
    assert bench.feed("gw/port", DOWN) == []  # one of two
    (lost,) = bench.feed("ns/port", DOWN)
    assert isinstance(lost, SourceLost)
    assert (lost.source, lost.error) == ("link", "our own link is down: no answer from gw/port, ns/port")
    check = bench.check("api/port")  # not even run again yet
    assert (check.state, check.detail) == (UNKNOWN, f"{lost.error}; it was OK before")
    assert bench.feed("api/port", DOWN, DOWN, DOWN, DOWN) == []
    assert bench.check("api/port").state == UNKNOWN
    assert bench.check("here/port").state == OK
    assert [source.state for source in bench.snapshot().sources] == ["ok", "lost"]
    assert bench.snapshot().alerts == ()
    (back,) = bench.feed("ns/port", OK)
    assert isinstance(back, SourceBack)
    bench.feed("api/port", OK)
    assert bench.check("api/port").state == OK
    changes = bench.feed("api/port", DOWN, DOWN, DOWN)  # the link is there: now it counts, a sentinel willing
    assert changes == []
    bench.feed("gw/port", OK)
    assert [type(one) for one in bench.feed("api/port", DOWN)] == [CheckChanged, AlertRaised]


def test_a_failure_far_away_waits_for_a_sentinels_word_and_asks_for_it() -> None:
    bench = far_away(fail_threshold=1)
    for key in bench.checks:
        bench.feed(key, OK)
    assert bench.feed("api/port", DOWN) == []
    assert bench.board.take_wanted() == {"gw/port", "ns/port"}
    assert bench.board.take_wanted() == set()
    assert bench.check("api/port").soft == (1, 1)
    bench.feed("gw/port", OK, every=0.2)
    changed, raised = bench.feed("api/port", DOWN)
    assert isinstance(changed, CheckChanged)
    assert isinstance(raised, AlertRaised)
    assert raised.starts_at == START + timedelta(seconds=50)  # its first failure


def test_the_lost_link_outlives_the_leader_and_the_sentinels_their_configuration() -> None:
    bench = far_away()
    bench.feed("gw/port", DOWN)
    bench.feed("ns/port", DOWN)
    (lost,) = bench.board.everything().lost.items()
    assert lost == ("link", bench.now)
    services = (service("gw", "192.0.2.1"), service("api", "192.0.2.9"))
    again = Bench(*services, sentinels=("gw/port",), kept=Kept(lost=dict([lost])))
    assert again.check("api/port").state == UNKNOWN
    assert isinstance(again.feed("gw/port", OK)[0], SourceBack)
    none = Bench(*services, kept=Kept(lost=dict([lost])))
    assert [source.name for source in none.snapshot().sources] == ["checks"]
    assert none.board.drain().lost == {"link": None}


def test_parents_are_asked_at_the_first_failure_and_one_that_is_failing_holds_the_alert_back() -> None:
    bench = Bench(service("power"), service("db", parents=("power",)), service("api", parents=("db",)))
    for key in bench.checks:
        bench.feed(key, OK)
    bench.feed("api/port", DOWN)
    assert bench.board.take_wanted() == {"db/port"}
    bench.feed("power/port", DOWN)  # its first of three
    bodies = bench.feed("api/port", DOWN, DOWN)
    assert [type(one) for one in bodies] == [CheckChanged]
    assert SUPPRESSED in bench.check("api/port").overlays
    bench.feed("power/port", OK)
    assert [type(one) for one in bench.feed("api/port", DOWN)] == [AlertRaised]


def test_a_value_without_a_threshold_is_never_counted_as_ok() -> None:
    bench = Bench(service("queue", info=True))
    bench.feed("queue/port", OK)
    check, snapshot = bench.check("queue/port"), bench.snapshot()
    assert (check.state, check.raw, check.healthy) == (INFO, OK, False)
    assert (snapshot.counts()[OK], snapshot.counts()[INFO], snapshot.overall) == (0, 1, INFO)
    bench.feed("queue/port", DOWN, DOWN, DOWN)
    assert bench.check("queue/port").state == DOWN


def test_a_check_that_asks_something_else_begins_anew() -> None:
    bench = Bench(service("api"))
    bench.feed("api/port", DOWN)
    changes = bench.board.everything()
    kept = Kept(
        machines={key: one for key, one in changes.machines.items() if one is not None},
        alerts={key: one for key, one in changes.alerts.items() if one is not None},
    )
    same = Bench(service("api", labels={"team": "x"}), kept=kept)
    assert same.check("api/port").state == DOWN
    changed = Bench(service("api", port=10), kept=kept)
    assert changed.check("api/port").state == "PENDING"
    (resolved,) = [new.body for new in changed.board.drain().news]
    assert isinstance(resolved, AlertResolved)
    assert resolved.evidence == "the check was changed"


def test_what_the_last_leader_saw_a_moment_ago_still_counts() -> None:
    bench = Bench(service("api"))
    bench.feed("api/port", OK)
    kept = Kept(machines={key: one for key, one in bench.board.everything().machines.items() if one is not None})
    again = Bench(service("api"), kept=kept)
    again.seconds = 15
    assert again.snapshot().overall == OK
    again.seconds = 300
    assert again.snapshot().overall == "STALE"


def test_availability_and_percentiles_come_with_a_check() -> None:
    bench = Bench(service("api"))
    for state in (OK, DOWN, OK) * 10:
        bench.seconds += 10
        bench.board.take(bench.checks["api/port"], Result(state=state, latency_ms=7.0), bench.now, bench.seconds)
    check = bench.check("api/port")
    assert (check.p50_ms, check.p95_ms) == (7.0, 7.0)
    assert [one.window_s for one in check.availability] == [3600, 86400, 604800]
    assert check.availability[0].share is not None
    assert 0.6 < check.availability[0].share < 0.75
