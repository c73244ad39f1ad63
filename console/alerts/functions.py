"""The functions of PromQL that are evaluated here: over a window of samples, and over single values.

Formulas are those of Prometheus 2 (promql/functions.go); tests compare each with a real server.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

Points = Sequence[tuple[int, float]]
"""Samples of one series: milliseconds and value, oldest first."""


def _extrapolated(points: Points, start: int, end: int, *, counter: bool, per_second: bool) -> float | None:
    """How much a series grew from *start* to *end*, carried on to the window's edges.

    A counter that falls has been reset and began at 0 again; it is not carried back below 0. Further from an edge than
    1.1 average gaps, the series is taken to begin or end half a gap away.
    """
    if len(points) < 2:
        return None
    first_at, first = points[0]
    last_at, last = points[-1]
    grown = last - first
    if counter:
        before = first
        for _, value in points:
            if value < before:
                grown += before
            before = value
    to_start, to_end = (first_at - start) / 1000, (end - last_at) / 1000
    sampled = (last_at - first_at) / 1000
    gap = sampled / (len(points) - 1)
    if counter and grown > 0 and first >= 0:
        to_start = min(to_start, sampled * (first / grown))
    reach = sampled
    reach += to_start if to_start < gap * 1.1 else gap / 2
    reach += to_end if to_end < gap * 1.1 else gap / 2
    grown *= reach / sampled
    return grown / ((end - start) / 1000) if per_second else grown


def _last_two(points: Points, *, counter: bool, per_second: bool) -> float | None:
    if len(points) < 2:
        return None
    (before_at, before), (last_at, last) = points[-2], points[-1]
    grown = last if counter and last < before else last - before
    return grown / ((last_at - before_at) / 1000) if per_second else grown


def _line(points: Points, from_ms: int) -> tuple[float, float] | None:
    """Slope a second and value at *from_ms* of the straight line of least squares."""
    if len(points) < 2:
        return None
    if all(value == points[0][1] for _, value in points):
        value = points[0][1]
        return (math.nan, math.nan) if math.isinf(value) else (0.0, value)
    count = float(len(points))
    xs = [(at - from_ms) / 1000 for at, _ in points]
    ys = [value for _, value in points]
    sum_x, sum_y = math.fsum(xs), _sum(ys)
    covariance = _sum([x * y for x, y in zip(xs, ys, strict=True)]) - sum_x * sum_y / count
    variance = math.fsum(x * x for x in xs) - sum_x * sum_x / count
    slope = covariance / variance
    return slope, sum_y / count - slope * sum_x / count


def _sum(values: Sequence[float]) -> float:
    """A sum that is exact where it can be; infinities and NaN as floats add them."""
    return math.fsum(values) if all(math.isfinite(value) for value in values) else sum(values)


def _mean(values: Sequence[float]) -> float:
    return _sum(values) / len(values)


def _variance(values: Sequence[float]) -> float:
    mean = _mean(values)
    return _mean([(value - mean) ** 2 for value in values])


def _least(values: Sequence[float]) -> float:
    """The least that is a number; NaN when none is."""
    return min((value for value in values if not math.isnan(value)), default=math.nan)


def _greatest(values: Sequence[float]) -> float:
    return max((value for value in values if not math.isnan(value)), default=math.nan)


def _quantile(share: float, values: Sequence[float]) -> float:
    """Linear between the two nearest; NaN sorts first; outside 0…1 the infinities."""
    if not values or math.isnan(share):
        return math.nan
    if share < 0 or share > 1:
        return math.copysign(math.inf, share - 0.5)
    ordered = sorted(values, key=lambda value: (not math.isnan(value), value))
    rank = share * (len(ordered) - 1)
    lower = max(0, math.floor(rank))
    upper = min(len(ordered) - 1, lower + 1)
    weight = rank - math.floor(rank)
    return ordered[lower] * (1 - weight) + ordered[upper] * weight


OverTime = Callable[[Points, int, int, Sequence[float]], float | None]


def _values(function: Callable[[Sequence[float]], float]) -> OverTime:
    return lambda points, start, end, scalars: function([value for _, value in points]) if points else None


def _deriv(points: Points, start: int, end: int, scalars: Sequence[float]) -> float | None:
    line = _line(points, points[0][0]) if points else None
    return None if line is None else line[0]


def _predict(points: Points, start: int, end: int, scalars: Sequence[float]) -> float | None:
    line = _line(points, end)
    return None if line is None else line[1] + line[0] * scalars[0]


def _pairs(differs: Callable[[float, float], bool]) -> Callable[[Sequence[float]], float]:
    return lambda values: float(sum(differs(old, new) for old, new in pairwise(values)))


def _changed(old: float, new: float) -> bool:
    return new != old and not (math.isnan(new) and math.isnan(old))


# Over a window: (points, its start, its end in ms, the scalar arguments) -> a value, or None for no result.
OVER_TIME: Final[dict[str, OverTime]] = {
    "rate": lambda points, start, end, _: _extrapolated(points, start, end, counter=True, per_second=True),
    "increase": lambda points, start, end, _: _extrapolated(points, start, end, counter=True, per_second=False),
    "delta": lambda points, start, end, _: _extrapolated(points, start, end, counter=False, per_second=False),
    "irate": lambda points, start, end, _: _last_two(points, counter=True, per_second=True),
    "idelta": lambda points, start, end, _: _last_two(points, counter=False, per_second=False),
    "deriv": _deriv,
    "predict_linear": _predict,
    "changes": _values(_pairs(_changed)),
    "resets": _values(_pairs(lambda old, new: new < old)),
    "avg_over_time": _values(_mean),
    "sum_over_time": _values(_sum),
    "min_over_time": _values(_least),
    "max_over_time": _values(_greatest),
    "count_over_time": _values(lambda values: float(len(values))),
    "last_over_time": _values(lambda values: values[-1]),
    "present_over_time": _values(lambda values: 1.0),
    "stddev_over_time": _values(lambda values: math.sqrt(_variance(values))),
    "stdvar_over_time": _values(_variance),
    "quantile_over_time": lambda points, start, end, scalars: (
        _quantile(scalars[0], [value for _, value in points]) if points else None
    ),
}
KEEPS_NAME: Final = frozenset(("last_over_time",))


def _domain(function: Callable[[float], float], below: float, at_zero: float) -> Callable[[float], float]:
    """*function* where it has a value; *below* under zero; *at_zero* at zero."""

    def safe(value: float) -> float:
        if math.isnan(value):
            return math.nan
        if value < 0:
            return below
        return at_zero if value == 0 else function(value)

    return safe


def _exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


def _whole(function: Callable[[float], int]) -> Callable[[float], float]:
    return lambda value: float(function(value)) if math.isfinite(value) else value


def _round(value: float, to: float = 1.0) -> float:
    """To the nearest multiple of *to*; halves go up."""
    if not math.isfinite(value) or to == 0 or math.isnan(to):
        return value if to else math.nan
    inverse = 1 / to
    return math.floor(value * inverse + 0.5) / inverse


def _clamp(value: float, low: float, high: float) -> float | None:
    """None, no result at all, where the bounds are the wrong way round."""
    if low > high:
        return None
    return math.nan if math.isnan(value) or math.isnan(low) or math.isnan(high) else max(low, min(high, value))


def _utc(part: Callable[[datetime], int]) -> Callable[..., float]:
    """Of seconds since the epoch."""

    def read(value: float) -> float:
        try:
            return float(part(datetime.fromtimestamp(math.floor(value), UTC)))
        except (ValueError, OverflowError, OSError):
            return math.nan

    return read


def _days_in_month(moment: datetime) -> int:
    following = (moment.year + moment.month // 12, moment.month % 12 + 1)
    return (datetime(*following, 1, tzinfo=UTC) - datetime(moment.year, moment.month, 1, tzinfo=UTC)).days


# Of each value of a vector, and scalars behind it.
INSTANT: Final[dict[str, Callable[..., float | None]]] = {
    "abs": abs,
    "ceil": _whole(math.ceil),
    "floor": _whole(math.floor),
    "exp": _exp,
    "ln": _domain(math.log, math.nan, -math.inf),
    "log2": _domain(math.log2, math.nan, -math.inf),
    "log10": _domain(math.log10, math.nan, -math.inf),
    "sqrt": _domain(math.sqrt, math.nan, 0.0),
    "sgn": lambda value: value if math.isnan(value) or not value else math.copysign(1.0, value),
    "round": _round,
    "clamp": _clamp,
    "clamp_min": lambda value, low: math.nan if math.isnan(value) or math.isnan(low) else max(low, value),
    "clamp_max": lambda value, high: math.nan if math.isnan(value) or math.isnan(high) else min(high, value),
    "minute": _utc(lambda moment: moment.minute),
    "hour": _utc(lambda moment: moment.hour),
    "day_of_week": _utc(lambda moment: moment.isoweekday() % 7),
    "day_of_month": _utc(lambda moment: moment.day),
    "day_of_year": _utc(lambda moment: moment.timetuple().tm_yday),
    "days_in_month": _utc(_days_in_month),
    "month": _utc(lambda moment: moment.month),
    "year": _utc(lambda moment: moment.year),
}
OF_NOW: Final = frozenset(  # without an argument these speak of the moment of evaluation
    ("minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month", "year")
)

# What needs the whole vector or its times; evaluated in console.alerts.evaluate.
VECTOR: Final = frozenset(("absent", "absent_over_time", "scalar", "vector", "timestamp"))
