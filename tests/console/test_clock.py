"""Times in and out."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.clock import from_us, parse_rfc3339, parse_span, rfc3339, span, t_plus, to_us

moments = st.datetimes(
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]),
    min_value=datetime(1902, 1, 1),
    max_value=datetime(9998, 1, 1),
)


@given(moments)
def test_microseconds_and_rfc3339_round_trip(moment: datetime) -> None:
    assert from_us(to_us(moment)) == moment
    assert parse_rfc3339(rfc3339(moment)) == moment
    assert rfc3339(moment).endswith("Z")


@pytest.mark.parametrize("text", ["", "yesterday", "2024-03-10T13:27:00", "2024-13-45T00:00:00Z"])
def test_what_is_not_a_time_says_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected e\.g\. 2024"):
        parse_rfc3339(text)


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        to_us(datetime(2024, 1, 1))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("5m", 300), ("1h20m", 4800), ("500ms", 0.5), ("2d", 172800), ("1.5s", 1.5), ("0s", 0)],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_span(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "often", "-5m", "5m 3", "m5", "1h-2m"])
def test_what_is_not_a_duration_says_so(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_span(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (59, "59s"),
        (60, "1m"),
        (192, "3m12s"),
        (3600, "1h"),
        (22200, "6h10m"),
        (13 * 86400, "13d"),
        (-1380, "-23m"),
        (90000, "1d1h"),
    ],
)
def test_durations_are_written_in_at_most_two_units(seconds: float, text: str) -> None:
    assert span(seconds) == text


@given(st.integers(min_value=0, max_value=10**8))
def test_whole_durations_read_back_to_what_was_shown(seconds: int) -> None:
    assert span(parse_span(span(seconds))) == span(seconds)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "T+00:00"), (1020, "T+00:17"), (-1620, "T−00:27"), (87060, "T+24:11"), (-20, "T+00:00")]
)
def test_time_on_the_incidents_clock(seconds: float, text: str) -> None:
    assert t_plus(seconds) == text
