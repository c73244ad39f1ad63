"""A condition that does not hold, in words for the list: ``queue.depth is 4, expected below 3`` rather than its grammar."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from console.sanitize import one_line
from console.watch.conditions import MISSING, AnyOf, Body, Condition, Literal, Operand, Pattern, Placeholder

_NAMES: Final = {
    "CERTIFICATE_EXPIRATION": "the certificate's end",
    "IP": "address",
    "DNS_RCODE": "answer",
    "HTTP_VERSION": "HTTP version",
}
_EXPECTED: Final = {"==": "", "!=": "not ", "<": "below ", "<=": "at most ", ">": "above ", ">=": "at least "}
_MILLISECONDS: Final = frozenset(
    ("RESPONSE_TIME", "CERTIFICATE_EXPIRATION", "AGE", "OLDEST", "SILENT", "UPTIME", "LATENESS")
)
_DAY_MS: Final = 86_400_000.0
_SHOWN: Final = 60  # characters of a value


def in_words(condition: Condition, values: Mapping[str, object], told: Collection[str] = ()) -> str:
    """Why *condition* fails against *values*. Values in *told* are known to the reader: only what was expected is said.

    Where words do not come naturally, the condition with what it met.
    """
    left = condition.left
    if not isinstance(left, Placeholder) or isinstance(condition.right, Placeholder):
        return "not " + condition.evaluate(values).text
    met = left.value(values)
    if met is MISSING:
        return f"{_name(left)} is missing"
    expected = f"expected {_EXPECTED[condition.operator]}{_wanted(condition.right)}"
    if left.name in told and not left.path:
        return expected
    return f"{_name(left)} is {_shown(left, met)}, {expected}"


def _name(side: Placeholder) -> str:
    if side.name == "BODY":
        return str(side).removeprefix("[BODY]").lstrip(".") or "body"
    return _NAMES.get(side.name, side.name.lower().replace("_", " ")) + str(side).removeprefix(f"[{side.name}]")


def _wanted(right: Operand) -> str:
    if isinstance(right, AnyOf):
        return ("one of " if len(right.choices) > 1 else "") + ", ".join(map(_wanted, right.choices))
    return right.text if isinstance(right, Literal) else right.glob if isinstance(right, Pattern) else str(right)


def _shown(side: Placeholder, value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int | float):
        return _span(value) if side.name in _MILLISECONDS and not side.path else _number(value)
    if not isinstance(value, str | Body):
        import msgspec

        return _cut(msgspec.json.encode(value).decode())
    return _cut(value.text if isinstance(value, Body) else value) or "empty"


def _number(value: float) -> str:
    if abs(value) >= 1e300:
        return "a number without end"
    return f"{value:.0f}" if abs(value) < 1e15 and value % 1 == 0 else f"{value:.4g}"


def _cut(text: str) -> str:
    text = one_line(text[: 4 * _SHOWN])
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _span(millis: float) -> str:
    """A time as a person says it: ``812 ms``, ``4 s``, ``12 days``; what is over is negative."""
    if not abs(millis) < 1e15:
        return _number(millis)
    if abs(millis) < 1000:
        return f"{millis:.0f} ms"
    for size, name in ((_DAY_MS, "days"), (3_600_000.0, "h"), (60_000.0, "min")):
        if abs(millis) >= 2 * size:
            return f"{millis / size:.0f} {name}"
    return f"{millis / 1000:.1f} s"
