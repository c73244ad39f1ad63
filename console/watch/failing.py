"""A condition that does not hold, in words for the list: ``queue.depth is 4, not < 3`` rather than the condition's grammar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from console.watch.conditions import MISSING, Condition, Literal, Operand, Placeholder

_NAMES: Final = {
    "STATUS": "status",
    "RESPONSE_TIME": "response time",
    "CERTIFICATE_EXPIRATION": "certificate ends in",
    "CONNECTED": "connected",
    "IP": "address",
}


def in_words(condition: Condition, values: Mapping[str, object]) -> str:
    """Why *condition* fails against *values*. Where words do not come naturally, the condition with what it met."""
    if not isinstance(condition.left, Placeholder) or isinstance(condition.right, Placeholder):
        return "not " + condition.evaluate(values).text
    name, met = _name(condition.left), condition.left.value(values)
    if met is MISSING:
        return f"{name} is missing"
    wanted = _wanted(condition.operator, condition.right)
    text = condition.evaluate(values).text
    start = f"{condition.left} ("
    if not text.startswith(start):
        return "not " + text
    shown = text[len(start) :].rpartition(f") {condition.operator} ")[0]
    return f"{name} is {shown}, {wanted}"


def _name(side: Placeholder) -> str:
    if side.name == "BODY":
        return str(side).removeprefix("[BODY]").lstrip(".") or "body"
    return _NAMES.get(side.name, side.name.lower().replace("_", " ")) + str(side).removeprefix(f"[{side.name}]")


def _wanted(operator: str, right: Operand) -> str:
    literal = right.text if isinstance(right, Literal) else str(right)
    if operator == "==":
        return f"not {literal}"
    return f"must not be {literal}" if operator == "!=" else f"not {operator} {literal}"
