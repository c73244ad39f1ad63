"""Metric rules: no invented endpoint, no clamping, honest precision."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.incident import actions, metrics
from console.incident.clocks import clocks, zero_of
from console.incident.fold import fold
from console.incident.metrics import Metrics, across, as_json, compute, impact_words, value_words
from console.journal.events import New
from tests.console.incident.making import START, events

BARE = actions.declare("x")[0]


def measured(*news: New, program: str = "import") -> Metrics:
    return compute(fold(events([BARE, *news], program=program)))


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def test_nothing_recorded_is_not_zero() -> None:
    found = measured()
    assert all(interval.seconds is None for interval in found.intervals.values())
    assert value_words(found.intervals["tta"]) == "not recorded (needs: detected, acknowledged)"
    assert found.impact_seconds is None
    assert not found.impact_open
    assert impact_words(found) == "not recorded (needs: impact_start, impact_end)"


def test_a_missing_endpoint_has_no_substitute() -> None:
    found = measured(actions.mark("detected", at=at(0)), actions.mark("resolved", at=at(30)))
    assert found.intervals["tta"].needs == ("acknowledged",)
    assert found.intervals["ttr"].needs == ("impact_start",)


def test_negative_is_signed_and_flagged() -> None:
    found = measured(actions.mark("impact_start", at=at(23)), actions.mark("detected", at=at(0)))
    assert found.intervals["ttd"].seconds == -23 * 60
    assert value_words(found.intervals["ttd"]) == "-23m ⚠ detected is before impact_start"
    assert as_json(found)["intervals"]["ttd"]["negative"] is True


@pytest.mark.parametrize(
    ("minutes", "first", "second", "words"),
    [
        (5, "minute", "minute", "5m"),
        (24 * 60 + 11, "minute", "minute", "24h11m"),
        (60, "minute", "second", "1h"),
        (1.5, "second", "second", "1m30s"),
        (61.25, "microsecond", "second", "1h01m15s"),
        (1.5, "minute", "second", "1m"),
        (20, "approx", "second", "~20m"),
        (120, "hour", "minute", "~2h"),
        (13 * 1440 + 600, "day", "minute", "13d"),
        (0, "day", "day", "0d"),
        (0, "minute", "minute", "0m"),
    ],
)
def test_no_more_units_than_the_precision_carries(minutes: float, first: str, second: str, words: str) -> None:
    found = measured(
        actions.mark("impact_start", at=START, precision=first),
        actions.mark("detected", at=at(minutes), precision=second),
    )
    assert value_words(found.intervals["ttd"]) == words
    assert found.intervals["ttd"].approximate == (words[0] == "~" or words[-1] == "d")


def test_impact_is_the_union_of_its_windows() -> None:
    found = measured(
        actions.impact_window(at(0), at(10)),
        actions.impact_window(at(5), at(15)),
        actions.impact_window(at(20), at(30)),
    )
    assert found.impact_seconds == 25 * 60
    assert found.milestones["impact_start"] is not None
    assert found.milestones["impact_end"] is not None
    assert found.milestones["impact_end"].at == at(30)


def test_stamped_milestones_win_over_window_edges() -> None:
    found = measured(actions.impact_window(at(0), at(10)), actions.mark("impact_start", at=at(-5)))
    assert found.milestones["impact_start"] is not None
    assert found.milestones["impact_start"].at == at(-5)
    assert found.impact_seconds == 600


def test_open_impact_is_ongoing_not_a_number() -> None:
    found = measured(actions.impact_window(at(0), at(10)), actions.impact_window(at(20), None))
    assert (found.impact_seconds, found.impact_open) == (600, True)
    assert impact_words(found) == "10m, and ongoing since 2024-03-10 13:20 UTC"
    assert found.milestones["impact_end"] is None
    ended = measured(actions.impact_window(at(20), None), actions.mark("impact_end", at=at(25)))
    assert (ended.impact_seconds, ended.impact_open) == (300, False)


def test_impact_from_milestones_alone() -> None:
    started = actions.mark("impact_start", at=at(0))
    assert measured(started).impact_open
    assert measured(started, actions.mark("impact_end", at=at(9))).impact_seconds == 540
    over = measured(started, actions.mark("resolved", at=at(9)))
    assert (over.impact_open, over.impact_seconds, over.impact_needs) == (False, None, ("impact_end",))


def test_reopening_keeps_every_stamp_and_the_last_resolution_counts() -> None:
    found = measured(
        actions.mark("impact_start", at=at(0)),
        actions.mark("resolved", at=at(10)),
        actions.close(0, ""),
        actions.reopen(),
        actions.mark("resolved", at=at(50)),
    )
    assert found.intervals["ttr"].seconds == 3000
    assert found.reopened == 1
    assert found.milestones["resolved"] is not None
    assert found.milestones["resolved"].stamps == 2


def test_marks_we_have_no_word_for_are_kept() -> None:
    found = measured(actions.mark("severity_raised", at=at(3)))
    assert as_json(found)["marks"] == {"severity_raised": "2024-03-10T13:03:00Z"}
    assert "severity_raised" not in as_json(found)["milestones"]


def test_the_json_has_the_documented_shape() -> None:
    found = as_json(measured(actions.mark("impact_start", at=at(0)), actions.mark("detected", at=at(2))))
    assert found["milestones"]["impact_start"] == "2024-03-10T13:00:00Z"
    assert found["milestones"]["acknowledged"] is None
    for name, ends in {"ttd": ("impact_start", "detected"), "tta": ("detected", "acknowledged")}.items():
        assert (found["intervals"][name]["from"], found["intervals"][name]["to"]) == ends
    assert found["intervals"]["ttd"]["seconds"] == 120
    assert found["intervals"]["tta"] | {"seconds": None, "needs": ["acknowledged"]} == found["intervals"]["tta"]


def test_across_has_median_and_spread_and_leaves_drills_out() -> None:
    def one(minutes: float | None, drill: bool = False) -> Metrics:
        first = actions.declare("x", drill=drill)[0]
        news = [first, actions.mark("impact_start", at=at(0))]
        if minutes is not None:
            news.append(actions.mark("detected", at=at(minutes)))
        return compute(fold(events(news, program="import")))

    spread = across([one(1), one(2), one(90), one(None), one(-5), one(1000, drill=True)])["ttd"]
    assert (spread.n, spread.left_out, spread.drills, spread.median) == (3, 2, 1, 120)
    assert (spread.low, spread.high) == (60, 5400)
    assert across([])["ttd"].median is None


def test_t_zero_says_what_it_rests_on() -> None:
    stamps = {name: actions.mark(name, at=at(n)) for n, name in enumerate(("impact_start", "detected", "declared"))}
    for basis, names in {
        "impact_start": ("impact_start", "detected", "declared"),
        "detected": ("detected", "declared"),
        "declared": ("declared",),
    }.items():
        zero = zero_of(measured(*(stamps[name] for name in names)))
        assert zero is not None
        assert zero.basis == basis
    assert zero_of(measured()) is None


def test_clocks_run_and_stop() -> None:
    news = [BARE, actions.mark("impact_start", at=at(-8), precision="approx")]
    running = clocks(fold(events(news)), at(10))
    assert running.impact is not None
    assert (running.impact.seconds, running.impact.running, running.impact.approximate) == (18 * 60, True, True)
    assert running.declared is not None
    assert running.declared.seconds == 600
    over = clocks(fold(events([*news, actions.mark("impact_end", at=at(2)), actions.close(0, "")])), at(99))
    assert over.impact is not None
    assert (over.impact.seconds, over.impact.running) == (600, False)
    assert over.declared is not None
    assert not over.declared.running


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 60)), max_size=12))
def test_union_counts_every_minute_once(spans: list[tuple[int, int]]) -> None:
    windows = [(at(start), at(start + length)) for start, length in spans]
    total = sum((end - start).total_seconds() for start, end in metrics.union(windows))
    minutes = {minute for start, length in spans for minute in range(start, start + length)}
    assert total == 60 * len(minutes)
