"""The value of a query at one moment, over samples in memory. Pure: the same samples and moment give the same value.

Semantics of Prometheus 2 (https://prometheus.io/docs/prometheus/latest/querying/); tests/e2e compares with a real server.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from console.alerts.functions import INSTANT, KEEPS_NAME, OF_NOW, OVER_TIME
from console.alerts.matching import EvaluationError, combine, without_name
from console.alerts.promql import Aggregate, Binary, Call, Negative, Node, Number, Query, Select
from console.alerts.samples import NAME, Labels, Samples, labels_of

Vector = dict[Labels, float]
Value = float | Vector
"""A scalar, or a number for each label set."""

__all__ = ["EvaluationError", "Value", "Vector", "evaluate"]


def evaluate(query: Query, samples: Samples, at: int) -> Value:
    """*query* at *at* (ms since the epoch). Raises :class:`EvaluationError` where its series can't be matched."""
    return _node(query.root, samples, at)


def _node(node: Node, samples: Samples, at: int) -> Value:
    return _EVALUATORS[type(node)](node, samples, at)


def _number(node: Number, samples: Samples, at: int) -> Value:
    return node.value


def _select(node: Select, samples: Samples, at: int) -> Value:
    found: Vector = {}
    for series in samples.select(node.name, node.matches):
        latest = series.latest(at - node.offset_ms)
        if latest is not None:
            found[series.labels] = latest[1]
    return found


def _negative(node: Negative, samples: Samples, at: int) -> Value:
    value = _node(node.of, samples, at)
    if isinstance(value, dict):
        return _unique((without_name(labels), -one) for labels, one in value.items())
    return -value


def _binary(node: Binary, samples: Samples, at: int) -> Value:
    return combine(node, _node(node.left, samples, at), _node(node.right, samples, at))


# ── aggregations ────────────────────────────────────────────────────────────────────────────────────────────────────


def _aggregate(node: Aggregate, samples: Samples, at: int) -> Value:
    groups: dict[Labels, list[float]] = {}
    for labels, value in _vector(node.of, samples, at).items():
        groups.setdefault(_group(node, labels), []).append(value)
    function = _AGGREGATIONS[node.function]
    return {labels: function(values) for labels, values in groups.items()}


def _group(node: Aggregate, labels: Labels) -> Labels:
    if node.without:
        gone = {*(node.labels or ()), NAME}
        return tuple(pair for pair in labels if pair[0] not in gone)
    kept = node.labels or ()
    return tuple(pair for pair in labels if pair[0] in kept)


_AGGREGATIONS: Final[Mapping[str, Callable[[list[float]], float]]] = {
    "sum": sum,
    "min": lambda values: _over(values, "min_over_time"),
    "max": lambda values: _over(values, "max_over_time"),
    "avg": lambda values: _over(values, "avg_over_time"),
    "count": lambda values: float(len(values)),
    "group": lambda values: 1.0,
    "stddev": lambda values: _over(values, "stddev_over_time"),
    "stdvar": lambda values: _over(values, "stdvar_over_time"),
}


def _over(values: list[float], function: str) -> float:
    result = OVER_TIME[function]([(0, value) for value in values], 0, 0, ())
    return math.nan if result is None else result


# ── functions ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _call(node: Call, samples: Samples, at: int) -> Value:
    if node.function in OVER_TIME:
        return _over_time(node, samples, at)
    special = _SPECIAL.get(node.function)
    return special(node, samples, at) if special is not None else _instant(node, samples, at)


def _over_time(node: Call, samples: Samples, at: int) -> Value:
    scalars = [_scalar(argument, samples, at) for argument in node.arguments if not _is_range(argument)]
    function = OVER_TIME[node.function]
    keeps = node.function in KEEPS_NAME

    def results() -> Iterator[tuple[Labels, float]]:
        for labels, points, start, end in _windows(node, samples, at):
            value = function(points, start, end, scalars) if points else None
            if value is not None:
                yield (labels if keeps else without_name(labels)), value

    return _unique(results())


def _is_range(node: Node) -> bool:
    return isinstance(node, Select) and node.range_ms > 0


def _windows(node: Call, samples: Samples, at: int) -> Iterator[tuple[Labels, list[tuple[int, float]], int, int]]:
    """Each series of the call's range: its labels, its samples, and where the window starts and ends."""
    select = next(argument for argument in node.arguments if isinstance(argument, Select) and argument.range_ms)
    end = at - select.offset_ms
    start = end - select.range_ms
    for series in samples.select(select.name, select.matches):
        yield series.labels, series.between(start, end), start, end


def _instant(node: Call, samples: Samples, at: int) -> Value:
    function = INSTANT[node.function]
    if not node.arguments and node.function in OF_NOW:
        now = function(at / 1000)
        return {} if now is None else {(): now}
    scalars = [_scalar(argument, samples, at) for argument in node.arguments[1:]]

    def results() -> Iterator[tuple[Labels, float]]:
        for labels, value in _vector(node.arguments[0], samples, at).items():
            result = function(value, *scalars)
            if result is not None:
                yield without_name(labels), result

    return _unique(results())


def _absent(node: Call, samples: Samples, at: int) -> Value:
    if _vector(node.arguments[0], samples, at):
        return {}
    return {_said(node.arguments[0]): 1.0}


def _absent_over_time(node: Call, samples: Samples, at: int) -> Value:
    if any(points for _, points, _, _ in _windows(node, samples, at)):
        return {}
    return {_said(node.arguments[0]): 1.0}


def _said(node: Node) -> Labels:
    """The labels that what is absent would have had: those that the selector pins with ``=``, once."""
    labels: dict[str, str] = {}
    if isinstance(node, Select):
        seen: set[str] = set()
        for matcher in node.matchers:
            if matcher.op == "=" and matcher.name not in seen:
                labels[matcher.name] = matcher.value
                seen.add(matcher.name)
            else:
                labels.pop(matcher.name, None)
    return labels_of(labels)


def _to_scalar(node: Call, samples: Samples, at: int) -> Value:
    found = _vector(node.arguments[0], samples, at)
    return next(iter(found.values())) if len(found) == 1 else math.nan


def _to_vector(node: Call, samples: Samples, at: int) -> Value:
    return {(): _scalar(node.arguments[0], samples, at)}


def _timestamp(node: Call, samples: Samples, at: int) -> Value:
    """Seconds since the epoch: of the sample, or of the moment for what was computed."""
    inner = node.arguments[0]
    if not isinstance(inner, Select):
        return _unique((without_name(labels), at / 1000) for labels in _vector(inner, samples, at))
    return _unique(
        (without_name(series.labels), latest[0] / 1000)
        for series in samples.select(inner.name, inner.matches)
        if (latest := series.latest(at - inner.offset_ms)) is not None
    )


_SPECIAL: Final[Mapping[str, Callable[[Call, Samples, int], Value]]] = {
    "absent": _absent,
    "absent_over_time": _absent_over_time,
    "scalar": _to_scalar,
    "vector": _to_vector,
    "timestamp": _timestamp,
    "time": lambda node, samples, at: at / 1000,
}


def _vector(node: Node, samples: Samples, at: int) -> Vector:
    value = _node(node, samples, at)
    return value if isinstance(value, dict) else {(): value}


def _scalar(node: Node, samples: Samples, at: int) -> float:
    value = _node(node, samples, at)
    return math.nan if isinstance(value, dict) else value


def _unique(pairs: Iterable[tuple[Labels, float]]) -> Vector:
    found: Vector = {}
    for labels, value in pairs:
        if labels in found:
            raise EvaluationError("two series have the same labels once the metric's name is gone")
        found[labels] = value
    return found


_EVALUATORS: Final[Mapping[type, Callable[..., Value]]] = {
    Number: _number,
    Select: _select,
    Negative: _negative,
    Binary: _binary,
    Aggregate: _aggregate,
    Call: _call,
}
