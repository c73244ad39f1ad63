"""Maintenance windows: once or every week, on the wall's clock in the configured zone, whatever summer time does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.config import ConfigError, load
from console.journal.events import Maintenance
from console.services import MaintenanceConfig, Span
from console.watch.maintenance import news, window_of
from console.watch.plan import plan_of

PARIS = ZoneInfo("Europe/Paris")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def weekly(days: tuple[str, ...] = (), start: str = "22:00", hours: float = 2) -> MaintenanceConfig:
    return MaintenanceConfig(name="patches", days=days, at=start, lasts=Span(hours * 3600))


def test_once_is_in_the_configured_zone_or_as_it_says() -> None:
    window = window_of(MaintenanceConfig(name="w", begin="2026-07-01 22:00", end="2026-07-02T01:00:00Z"), PARIS)
    assert window.open_at(at("2026-07-01T19:59:59")) is None
    assert window.open_at(at("2026-07-01T20:00:00")) is not None
    assert window.open_at(at("2026-07-02T00:59:59")) is not None
    assert window.open_at(at("2026-07-02T01:00:00")) is None


def test_every_week_follows_the_wall_through_summer_time() -> None:
    window = window_of(weekly(("sat",)), PARIS)
    assert window.open_at(at("2026-03-28T20:59:00")) is None
    assert window.open_at(at("2026-03-28T21:00:00")) is not None  # 22:00 in winter
    assert window.open_at(at("2026-04-04T20:00:00")) is not None  # 22:00 in summer
    assert window.open_at(at("2026-04-05T20:30:00")) is None  # a Sunday
    assert window.open_at(at("2026-03-28T23:00:00")) is None


def test_over_midnight_it_belongs_to_the_day_it_began() -> None:
    window = window_of(weekly(("fri",), "23:30", 3), UTC)
    assert window.open_at(at("2026-11-21T02:00:00")) is not None  # a Saturday
    assert window.open_at(at("2026-11-22T02:00:00")) is None


def test_the_hour_that_is_left_out_and_the_one_that_comes_twice() -> None:
    window = window_of(weekly((), "02:30", 1), PARIS)
    (spring,) = window.between(at("2026-03-29T00:00:00"), at("2026-03-29T12:00:00"))
    assert spring.begin == at("2026-03-29T01:30:00")  # 03:30 on the wall
    (autumn,) = window.between(at("2026-10-24T23:00:00"), at("2026-10-25T12:00:00"))
    assert autumn.begin == at("2026-10-25T00:30:00")  # the first 02:30
    assert autumn.end - autumn.begin == timedelta(hours=1)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),
    st.integers(0, 23),
    st.integers(1, 40),
    st.integers(1, 20 * 24),
)
def test_every_beginning_and_end_is_told_once_however_it_is_looked_at(
    start: datetime, hour: int, lasts: int, span_h: int
) -> None:
    window = window_of(weekly((), f"{hour:02d}:15", lasts), PARIS)
    begin = start.replace(tzinfo=UTC)
    end = begin + timedelta(hours=span_h)
    whole = [(new.dedupe, new.occurred_at) for new in news([window], begin, end)]
    assert len({dedupe for dedupe, _ in whole}) == len(whole)
    pieces, moment = [], begin
    while moment < end:
        after = min(end, moment + timedelta(hours=7))
        pieces += [(new.dedupe, new.occurred_at) for new in news([window], moment, after)]
        moment = after
    assert sorted(pieces, key=str) == sorted(whole, key=str)
    for dedupe, moment_of in whole:
        assert moment_of is not None
        assert (window.open_at(moment_of) is not None) or "end" in str(dedupe)


def test_news_say_what_it_is_of() -> None:
    config = MaintenanceConfig(
        name="w", services=("db",), begin="2026-07-01T20:00:00Z", end="2026-07-01T21:00:00Z", reason="new disks"
    )
    begun, over = news([window_of(config, UTC)], at("2026-07-01T19:00:00"), at("2026-07-01T22:00:00"))
    assert isinstance(begun.body, Maintenance)
    assert (begun.body.began, begun.body.services, begun.body.reason) == (True, ("db",), "new disks")
    assert isinstance(over.body, Maintenance)
    assert not over.body.began
    assert over.occurred_at == at("2026-07-01T21:00:00")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("{name: w}", "maintenance[0].at: expected from and until, or at and lasts"),
        ("{name: w, at: noon, lasts: 1h}", "maintenance[0].at: expected a time such as 22:30, got 'noon'"),
        ("{name: w, at: '22:00'}", "maintenance[0].lasts: expected a duration"),
        ("{name: w, at: '22:00', lasts: 1h, days: [noday]}", "maintenance[0].days: expected mon tue"),
        ("{name: w, from: 2026-01-02, until: 2026-01-01}", "maintenance[0].until: expected a time after from"),
        ("{name: w, from: soon, until: 2026-01-01}", "maintenance[0].from: expected a time such as"),
        ("{name: w, from: 2026-01-01, until: 2026-01-02, at: '1:00'}", "maintenance[0].at: not together"),
        ("{name: w, services: [nope], at: '22:00', lasts: 1h}", "maintenance[0].services[0]: no service or check"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(tmp_path: Path, lines: str, expected: str) -> None:
    path = tmp_path / "vigie.yaml"
    path.write_text(f"services:\n  - {{name: host, checks: [{{kind: load}}]}}\nmaintenance:\n  - {lines}\n")
    with pytest.raises(ConfigError) as error:
        plan_of(load(path), path)
    assert f"{path}:4: {expected}" in str(error.value)


def test_sentinels_must_be_there_and_circles_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "vigie.yaml"
    path.write_text("services:\n  - {name: gw, checks: [{kind: load}]}\nsentinels: [gw, gw/load, nope]\n")
    with pytest.raises(ConfigError, match=r"vigie.yaml:3: sentinels\[2\]: no service or service/check .* 'nope'"):
        plan_of(load(path), path)
    path.write_text(
        "services:\n  - {name: a, parents: [b]}\n  - {name: b, parents: [c]}\n  - {name: c, parents: [a]}\n"
    )
    with pytest.raises(ConfigError, match=r"vigie.yaml:2: services\[0\].parents: 'a' comes to need itself"):
        plan_of(load(path), path)
