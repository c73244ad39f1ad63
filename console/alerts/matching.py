"""Operators between two sides: which series meet, and what comes of it (PromQL's vector matching)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

from console.alerts.promql import ARITHMETIC, COMPARISONS, SETS, Binary, Matching
from console.alerts.samples import NAME, Labels, labels_of

Vector = dict[Labels, float]


class EvaluationError(Exception):
    """Series that can't be matched: Prometheus would fail the rule too. ``str()`` is one line."""


def without_name(labels: Labels) -> Labels:
    """*labels* without the metric's name."""
    return tuple(pair for pair in labels if pair[0] != NAME)


def combine(node: Binary, left: float | Vector, right: float | Vector) -> float | Vector:
    """The value of *node*, its two sides evaluated."""
    if isinstance(left, dict) and isinstance(right, dict):
        if node.operator in SETS:
            return _set(node, left, right)
        return _vectors(node, left, right)
    if isinstance(left, dict):
        assert not isinstance(right, dict)  # noqa: S101 - for the type checker: both were looked at above
        return _with_scalar(node, left, right, scalar_left=False)
    if isinstance(right, dict):
        return _with_scalar(node, right, left, scalar_left=True)
    return _compute(node.operator, left, right)


# ── numbers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _divide(left: float, right: float) -> float:
    if right:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def _remainder(left: float, right: float) -> float:
    """With the sign of the left side, as in Go."""
    if math.isnan(left) or math.isnan(right) or math.isinf(left) or right == 0:
        return math.nan
    return math.fmod(left, right)


def _power(left: float, right: float) -> float:
    try:
        result = math.pow(left, right)
    except OverflowError:
        return -math.inf if left < 0 and right % 2 == 1 else math.inf
    except ValueError:  # 0 to a negative power, or a root of a negative number
        if left:
            return math.nan
        return math.copysign(math.inf, left) if right % 2 == 1 else math.inf
    return result


_OPERATIONS: Final[Mapping[str, Callable[[float, float], float]]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _divide,
    "%": _remainder,
    "^": _power,
}
_TESTS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    ">": lambda left, right: left > right,
    "<": lambda left, right: left < right,
    ">=": lambda left, right: left >= right,
    "<=": lambda left, right: left <= right,
}
assert _OPERATIONS.keys() == set(ARITHMETIC)  # noqa: S101 - the parser lets through what is here, and no more
assert _TESTS.keys() == set(COMPARISONS)  # noqa: S101


def _compute(operator: str, left: float, right: float) -> float:
    if operator in _TESTS:
        return float(_TESTS[operator](left, right))
    return _OPERATIONS[operator](left, right)


def _outcome(node: Binary, left: float, right: float) -> float | None:
    """What two numbers make: for a comparison the left one, or None where it does not hold; with bool 0 or 1."""
    if node.operator not in _TESTS:
        return _OPERATIONS[node.operator](left, right)
    holds = _TESTS[node.operator](left, right)
    if node.as_bool:
        return float(holds)
    return left if holds else None


def _drops_name(node: Binary) -> bool:
    return node.as_bool or node.operator in _OPERATIONS


# ── a vector and a number ───────────────────────────────────────────────────────────────────────────────────────────


def _with_scalar(node: Binary, vector: Vector, scalar: float, *, scalar_left: bool) -> Vector:
    found: Vector = {}
    for labels, value in vector.items():
        result = _outcome(node, scalar, value) if scalar_left else _outcome(node, value, scalar)
        if result is None:
            continue
        if scalar_left and node.operator in _TESTS and not node.as_bool:
            result = value  # a comparison keeps the series, whichever side it stands on
        key = without_name(labels) if _drops_name(node) else labels
        if key in found:
            raise EvaluationError("two series have the same labels once the metric's name is gone")
        found[key] = result
    return found


# ── two vectors ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _signature(matching: Matching) -> Callable[[Labels], Labels]:
    names = set(matching.labels or ())
    if matching.on:
        return lambda labels: tuple(pair for pair in labels if pair[0] in names)
    return lambda labels: tuple(pair for pair in labels if pair[0] not in names and pair[0] != NAME)


def _set(node: Binary, left: Vector, right: Vector) -> Vector:
    signature = _signature(node.matching)
    there = {signature(labels) for labels in right}
    if node.operator == "or":
        here = {signature(labels) for labels in left}
        return left | {labels: value for labels, value in right.items() if signature(labels) not in here}
    wanted = node.operator == "and"
    return {labels: value for labels, value in left.items() if (signature(labels) in there) is wanted}


def _vectors(node: Binary, left: Vector, right: Vector) -> Vector:
    matching = node.matching
    signature = _signature(matching)
    many, one = (right, left) if matching.many == "right" else (left, right)
    ones: dict[Labels, tuple[Labels, float]] = {}
    for labels, value in one.items():
        key = signature(labels)
        if key in ones:
            raise EvaluationError(f"several series on the one side match {_words(key)}: the matching must be unique")
        ones[key] = (labels, value)
    found: Vector = {}
    met: set[Labels] = set()
    for labels, value in many.items():
        key = signature(labels)
        if key not in ones:
            continue
        other_labels, other = ones[key]
        pair = (other, value) if matching.many == "right" else (value, other)
        result = _outcome(node, *pair)
        if result is None:
            continue
        made = _labels(node, labels, other_labels)
        if made in found or (not matching.many and key in met):
            raise EvaluationError(
                f"several series match {_words(key)}: on, ignoring or group_left must tell them apart"
            )
        met.add(key)
        found[made] = result
    return found


def _labels(node: Binary, labels: Labels, other: Labels) -> Labels:
    """The labels of the result of *labels* (the many side) with *other*."""
    matching = node.matching
    made = dict(labels)
    if _drops_name(node):
        made.pop(NAME, None)
    if not matching.many:
        names = set(matching.labels or ())
        made = {name: value for name, value in made.items() if (name in names) is matching.on}
    others = dict(other)
    for name in matching.include:
        made[name] = others.get(name, "")
    return labels_of(made)


def _words(labels: Labels) -> str:
    return "{" + ", ".join(f'{name}="{value}"' for name, value in labels) + "}"
