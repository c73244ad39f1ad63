"""PromQL, the part of it that is evaluated here: text to a tree of small nodes, or one line on what is outside.

The grammar is that of promql-parser; this file says which of its sentences we evaluate (docs/rules.md lists them).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from console.alerts.functions import INSTANT, OVER_TIME, VECTOR

AGGREGATIONS: Final = ("sum", "min", "max", "avg", "count", "group", "stddev", "stdvar")
ARITHMETIC: Final = ("+", "-", "*", "/", "%", "^")
COMPARISONS: Final = ("==", "!=", ">", "<", ">=", "<=")
SETS: Final = ("and", "or", "unless")
_TIMES: Final = ("time",)
_LONGEST_MS: Final = 24 * 3_600_000  # a window of samples in memory reaches no further back


class OutsideSubset(ValueError):
    """An expression that is not PromQL, or that Vigie does not evaluate. ``str()`` is one line."""


@dataclass(frozen=True)
class Number:
    """A literal: ``60``."""

    value: float


@dataclass(frozen=True)
class Matcher:
    """``name op value``; *op* is one of ``= != =~ !~``."""

    name: str
    op: str
    value: str
    accepts: Callable[[str], bool]


@dataclass(frozen=True)
class Select:
    """``name{matchers} offset …``, the newest sample of each series; *range_ms* > 0: all samples of that window."""

    name: str | None
    matchers: tuple[Matcher, ...]
    offset_ms: int = 0
    range_ms: int = 0

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether each matcher accepts its label; one that is missing is the empty string."""
        return all(matcher.accepts(labels.get(matcher.name, "")) for matcher in self.matchers)


@dataclass(frozen=True)
class Call:
    """``function(arguments)``."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Negative:
    """``-expression``."""

    of: Node


@dataclass(frozen=True)
class Aggregate:
    """``sum by (labels) (of)``; *labels* None: no clause; *without*: the labels are those that go."""

    function: str
    of: Node
    labels: tuple[str, ...] | None = None
    without: bool = False


@dataclass(frozen=True)
class Matching:
    """How series of two sides find each other: *labels* None: all of them; *on*: those; else all but those.

    *many* is "left" or "right" for group_left and group_right, "" for one to one; *include* comes from the other side.
    """

    labels: tuple[str, ...] | None = None
    on: bool = False
    many: str = ""
    include: tuple[str, ...] = ()


@dataclass(frozen=True)
class Binary:
    """``left operator right``."""

    operator: str
    left: Node
    right: Node
    matching: Matching = Matching()
    as_bool: bool = False


Node = Number | Select | Call | Negative | Aggregate | Binary


@dataclass(frozen=True)
class Query:
    """A whole expression. *text* as it was written; *window_ms*: how far back its samples may lie, without look-back."""

    text: str
    root: Node
    window_ms: int

    @property
    def names(self) -> frozenset[str]:
        """The metrics that it reads, as far as it names them."""
        return frozenset(node.name for node in _walk(self.root) if isinstance(node, Select) and node.name)


def compile_query(text: str) -> Query:
    """Parse *text*. Raises :class:`OutsideSubset`."""
    import promql_parser

    try:
        parsed = promql_parser.parse(text)
    except ValueError as error:
        raise OutsideSubset(f"not PromQL: {' '.join(str(error).split())}") from None
    root = _node(parsed)
    if isinstance(root, Select) and root.range_ms:
        raise OutsideSubset("expected a number a series, got a range of samples; use a function such as rate(…)")
    window = max((node.range_ms + node.offset_ms for node in _walk(root) if isinstance(node, Select)), default=0)
    if window > _LONGEST_MS:
        raise OutsideSubset(
            "reaches further back than 24h, and samples are kept in memory only: use a Prometheus server"
        )
    return Query(text=text, root=root, window_ms=window)


def _walk(node: Node) -> Iterator[Node]:
    yield node
    if isinstance(node, Call):
        children: tuple[Node, ...] = node.arguments
    elif isinstance(node, Binary):
        children = (node.left, node.right)
    elif isinstance(node, Negative | Aggregate):
        children = (node.of,)
    else:
        children = ()
    for child in children:
        yield from _walk(child)


def _node(expression: Any) -> Node:
    kind = type(expression).__name__
    read = _READERS.get(kind)
    if read is None:
        raise OutsideSubset(f"{_WORDS.get(kind, kind)} is not evaluated here")
    return read(expression)


_WORDS: Final = {"SubqueryExpr": "a subquery ([range:step])", "StringLiteral": "a text", "Extension": "an extension"}


def _select(expression: Any) -> Select:
    if expression.at is not None:
        raise OutsideSubset("the @ modifier is not evaluated here")
    if expression.matchers.or_matchers:
        raise OutsideSubset("'or' between matchers is not evaluated here")
    offset = _ms(expression.offset) if expression.offset is not None else 0
    if offset < 0:
        raise OutsideSubset("an offset into the future is not evaluated here")
    name = expression.name
    matchers = []
    for one in expression.matchers.matchers:
        matcher = _matcher(one)
        if matcher.name == "__name__" and matcher.op == "=":
            name = matcher.value
        else:
            matchers.append(matcher)
    return Select(name=name, matchers=tuple(matchers), offset_ms=offset)


def _matcher(one: Any) -> Matcher:
    op = _OPERATORS[str(one.op)]
    value = one.value
    if op in ("=", "!="):
        wanted = op == "="
        return Matcher(one.name, op, value, lambda text: (text == value) is wanted)
    try:
        # Prometheus anchors both ends, and its dot takes a line's end too since 3.0; a label with one is rare enough.
        fits = re.compile(value).fullmatch
    except (re.error, RecursionError) as error:
        raise OutsideSubset(f"the pattern {value!r} can't be used here: {error}") from None
    wanted = op == "=~"
    return Matcher(one.name, op, value, lambda text: (fits(text) is not None) is wanted)


_OPERATORS: Final = {"MatchOp.Equal": "=", "MatchOp.NotEqual": "!=", "MatchOp.Re": "=~", "MatchOp.NotRe": "!~"}


def _range(expression: Any) -> Select:
    inner = _select(expression.vector_selector)
    return Select(inner.name, inner.matchers, inner.offset_ms, _ms(expression.range))


def _ms(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)


def _call(expression: Any) -> Call:
    name = expression.func.name
    if name not in OVER_TIME and name not in INSTANT and name not in VECTOR and name not in _TIMES:
        raise OutsideSubset(f"the function {name}() is not evaluated here")
    return Call(name, tuple(_node(argument) for argument in expression.args))


def _aggregate(expression: Any) -> Aggregate:
    name = str(expression.op)
    if name not in AGGREGATIONS:
        raise OutsideSubset(f"the aggregation {name}() is not evaluated here; these are: {', '.join(AGGREGATIONS)}")
    modifier = expression.modifier
    of = _node(expression.expr)
    if modifier is None:
        return Aggregate(name, of)
    return Aggregate(name, of, tuple(modifier.labels), without=str(modifier.type).endswith("Without"))


def _binary(expression: Any) -> Binary:
    operator = str(expression.op)
    if operator not in (*ARITHMETIC, *COMPARISONS, *SETS):
        raise OutsideSubset(f"the operator {operator} is not evaluated here")
    modifier = expression.modifier
    matching, as_bool = Matching(), False
    if modifier is not None:
        if modifier.fill_values.lhs is not None or modifier.fill_values.rhs is not None:
            raise OutsideSubset("fill modifiers are not evaluated here")
        as_bool = modifier.return_bool
        many = _MANY.get(str(modifier.card), "")
        labels = modifier.matching
        matching = Matching(
            labels=tuple(labels.labels) if labels is not None else None,
            on=labels is not None and str(labels.type).endswith("Include"),
            many=many,
            include=tuple(modifier.group_labels or ()) if many else (),
        )
    return Binary(operator, _node(expression.lhs), _node(expression.rhs), matching, as_bool)


_MANY: Final = {"VectorMatchCardinality.ManyToOne": "left", "VectorMatchCardinality.OneToMany": "right"}

_READERS: Final[Mapping[str, Callable[[Any], Node]]] = {
    "NumberLiteral": lambda expression: Number(expression.val),
    "ParenExpr": lambda expression: _node(expression.expr),
    "UnaryExpr": lambda expression: Negative(_node(expression.expr)),
    "VectorSelector": _select,
    "MatrixSelector": _range,
    "Call": _call,
    "AggregateExpr": _aggregate,
    "BinaryExpr": _binary,
}
