"""The condition grammar of checks: ``[STATUS] == 200``, ``[BODY].items[0].price > 3``, ``[IP] == any(::1, pat(127.*))``.

The language is Gatus's (https://github.com/TwiN/gatus#conditions)::

    condition   = operand ("==" | "!=" | "<" | "<=" | ">" | ">=") operand
    operand     = placeholder | "len(" placeholder ")" | "has(" placeholder ")" | "pat(" glob ")"
                | "any(" (literal | "pat(" glob ")"), … ")" | literal
    placeholder = "[" NAME "]" { "." key | "[" number "]" | '["' key '"]' }

Numbers may carry a unit: durations (``500ms``, ``48h``) are milliseconds, sizes (``10GB``, ``512MiB``) bytes, ``90%`` is 90.
A literal in double quotes is always text. A path that is not there makes every comparison false; only ``has()`` can
ask about it. Parsing raises :class:`ConditionError`; evaluating raises nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from functools import cached_property
from typing import Any, Final, TypeAlias

from console.watch.quantity import quantity

OPERATORS: Final = ("==", "!=", "<=", ">=", "<", ">")
_LENGTH_LIMIT: Final = 1000  # characters of one condition


class ConditionError(ValueError):
    """A condition that can't be read; ``str()`` says what was expected."""


class Missing:
    """The value of a path that leads nowhere."""

    def __repr__(self) -> str:
        return "(no such value)"


MISSING: Final = Missing()


class Body:
    """Text that paths can look into when it is JSON. ``json`` is MISSING when it is not."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def json(self) -> Any:
        import msgspec

        try:
            return msgspec.json.decode(self.text)
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
            return MISSING


Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True)
class Placeholder:
    """``[NAME]`` and the way into it."""

    name: str
    path: Path = ()

    def __str__(self) -> str:
        return f"[{self.name}]" + "".join(_step_text(step) for step in self.path)

    def value(self, values: Mapping[str, object]) -> object:
        """What stands there in *values*, or MISSING."""
        found = values.get(self.name, MISSING)
        if isinstance(found, Body):
            if not self.path:
                return found
            found = found.json
        for step in self.path:
            if isinstance(step, str) and isinstance(found, dict):
                found = found.get(step, MISSING)
            elif isinstance(step, int) and isinstance(found, list) and step < len(found):
                found = found[step]
            else:
                return MISSING
        return found


@dataclass(frozen=True)
class Length:
    """``len([BODY].items)``: items of a list or mapping, characters of a text."""

    of: Placeholder

    def __str__(self) -> str:
        return f"len({self.of})"

    def value(self, values: Mapping[str, object]) -> object:
        found = self.of.value(values)
        if isinstance(found, Body):
            found = found.json if isinstance(found.json, list | dict) else found.text
        return len(found) if isinstance(found, str | list | dict) else MISSING


@dataclass(frozen=True)
class Has:
    """``has([BODY].errors)``: whether the path leads to something, be it null."""

    of: Placeholder

    def __str__(self) -> str:
        return f"has({self.of})"

    def value(self, values: Mapping[str, object]) -> object:
        return self.of.value(values) is not MISSING


@dataclass(frozen=True)
class Literal:
    """Text as it was written, and its number if it is one."""

    text: str
    quoted: bool = False
    number: float | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f'"{self.text}"' if self.quoted else self.text

    def value(self, values: Mapping[str, object]) -> object:
        return self


@dataclass(frozen=True)
class Pattern:
    """``pat(*ready*)``: ``*`` is any text, ``?`` one character."""

    glob: str

    def __str__(self) -> str:
        return f"pat({self.glob})"

    @cached_property
    def regex(self) -> re.Pattern[str]:
        return re.compile(translate(self.glob.replace("[", "[[]")))

    def value(self, values: Mapping[str, object]) -> object:
        return self


@dataclass(frozen=True)
class AnyOf:
    """``any(200, 204, pat(3*))``."""

    choices: tuple[Literal | Pattern, ...]

    def __str__(self) -> str:
        return f"any({', '.join(map(str, self.choices))})"

    def value(self, values: Mapping[str, object]) -> object:
        return self


Operand: TypeAlias = Placeholder | Length | Has | Literal | Pattern | AnyOf


@dataclass(frozen=True)
class Outcome:
    """Whether a condition held. ``text`` shows it with the values it met: ``[STATUS] (503) == 200``. Not sanitised."""

    held: bool
    text: str


@dataclass(frozen=True)
class Condition:
    """A parsed condition. ``str()`` gives text that parses to an equal one."""

    left: Operand
    operator: str
    right: Operand

    def __str__(self) -> str:
        return f"{self.left} {self.operator} {self.right}"

    @property
    def placeholders(self) -> frozenset[str]:
        """Names of the values that it reads."""
        return frozenset(name for side in (self.left, self.right) if (name := _reads(side)))

    def evaluate(self, values: Mapping[str, object]) -> Outcome:
        """Compare. *values* maps placeholder names to str, int, float, bool, None, :class:`Body` or JSON data."""
        left, right = self.left.value(values), self.right.value(values)
        held = _compare(left, self.operator, right)
        return Outcome(held, f"{_shown(self.left, left)} {self.operator} {_shown(self.right, right)}")


def parse(text: str) -> Condition:
    """Read one condition. Raises :class:`ConditionError`."""
    if len(text) > _LENGTH_LIMIT:
        raise ConditionError(f"a condition has at most {_LENGTH_LIMIT} characters")
    at = _operator_at(text)
    if at is None:
        raise ConditionError(f"expected a comparison such as [STATUS] == 200, got {text!r}")
    start, operator = at
    left, right = _operand(text[:start]), _operand(text[start + len(operator) :])
    if not (_reads(left) or _reads(right)):
        raise ConditionError(f"nothing is measured in {text!r}: expected a placeholder such as [STATUS]")
    if operator not in ("==", "!="):
        for side in (left, right):
            if isinstance(side, Pattern | AnyOf | Has):
                raise ConditionError(f"{side} can be compared by == or != only")
            if isinstance(side, Literal) and side.number is None:
                raise ConditionError(f"{operator} needs a number, got {side}")
    elif isinstance(left, Pattern | AnyOf) and isinstance(right, Pattern | AnyOf):
        raise ConditionError("pat() and any() can't be compared with each other")
    return Condition(left, operator, right)


def _operator_at(text: str) -> tuple[int, str] | None:
    """Position of the first operator outside brackets, parentheses and quotes."""
    depth, quoted = 0, False
    for position, char in enumerate(text):
        if char == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
        elif depth == 0 and char in "=!<>":
            operator = next((one for one in OPERATORS if text.startswith(one, position)), None)
            if operator:
                return position, operator
    return None


_FUNCTION: Final = re.compile(r"(len|has|pat|any)\((.*)\)", re.DOTALL)
_PLACEHOLDER: Final = re.compile(r"\[([A-Z][A-Z0-9_]*)\]")
_STEP: Final = re.compile(r'\.([^.\[\]\s"()=!<>]+)|\[(\d{1,9})\]|\["([^"\]]*)"\]')


def _operand(text: str) -> Operand:
    text = text.strip()
    if not text:
        raise ConditionError("something is missing beside the comparison")
    function = _FUNCTION.fullmatch(text)
    if function:
        name, inside = function.groups()
        if name == "len":
            return Length(_placeholder(inside.strip()))
        if name == "has":
            return Has(_placeholder(inside.strip()))
        if name == "pat":
            return Pattern(inside)
        return AnyOf(tuple(_choice(part) for part in _split(inside)))
    return _placeholder(text) if text.startswith("[") else _literal(text)


def _choice(text: str) -> Literal | Pattern:
    choice = _operand(text)
    if isinstance(choice, Literal | Pattern):
        return choice
    raise ConditionError(f"any() takes values and pat(), got {text.strip()}")


def _split(text: str) -> list[str]:
    """The arguments of ``any()``: split at commas outside quotes and parentheses."""
    parts, depth, quoted, start = [], 0, False, 0
    for position, char in enumerate(text):
        if char == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
        elif char == "," and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    return [*parts, text[start:]]


def _placeholder(text: str) -> Placeholder:
    head = _PLACEHOLDER.match(text)
    if head is None:
        raise ConditionError(f"expected a placeholder such as [STATUS] or [BODY].path, got {text!r}")
    path: list[str | int] = []
    position = head.end()
    while position < len(text):
        step = _STEP.match(text, position)
        if step is None:
            raise ConditionError(f'expected .key, [0] or ["key"] after {text[:position]}, got {text[position:]!r}')
        key, index, quoted = step.groups()
        path.append(int(index) if index is not None else key if key is not None else quoted)
        position = step.end()
    return Placeholder(head.group(1), tuple(path))


def _literal(text: str) -> Literal:
    if len(text) >= 2 and text[0] == text[-1] == '"':
        if '"' in text[1:-1]:
            raise ConditionError(f"a text in quotes can't hold a quote: {text}")
        return Literal(text[1:-1], quoted=True)
    if '"' in text or any(operator in text for operator in "=<>"):
        raise ConditionError(f"put {text!r} into double quotes")
    return Literal(text, number=quantity(text))


def _reads(side: Operand) -> str:
    if isinstance(side, Length | Has):
        side = side.of
    return side.name if isinstance(side, Placeholder) else ""


def _compare(left: object, operator: str, right: object) -> bool:
    if left is MISSING or right is MISSING:
        return False
    if operator == "==":
        return _equal(left, right)
    if operator == "!=":
        return not _equal(left, right)
    a, b = _ordered(left), _ordered(right)
    if a is None or b is None:
        return False
    if operator == "<":
        return a < b
    if operator == "<=":
        return a <= b
    return a > b if operator == ">" else a >= b


def _equal(left: object, right: object) -> bool:
    if isinstance(left, AnyOf | Pattern):
        left, right = right, left
    if isinstance(right, AnyOf):
        return any(_equal(left, choice) for choice in right.choices)
    if isinstance(right, Pattern):
        return right.regex.match(_text(left)) is not None
    a, b = _exact_number(left), _exact_number(right)
    return a == b if a is not None and b is not None else _text(left) == _text(right)


def _exact_number(value: object) -> float | None:
    """The number that *value* is; text of a body stays text even if it looks like one."""
    if isinstance(value, Literal):
        return value.number
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _ordered(value: object) -> float | None:
    """The number that *value* is or spells, for < and >."""
    if isinstance(value, Body):
        return quantity(value.text.strip())
    return quantity(value) if isinstance(value, str) else _exact_number(value)


def _text(value: object) -> str:
    if isinstance(value, Literal | Body):
        return value.text
    if isinstance(value, str):
        return value
    import msgspec

    return msgspec.json.encode(value).decode()


_SHOWN: Final = 60  # characters of a value in an explanation


def _shown(side: Operand, value: object) -> str:
    if not _reads(side):
        return str(side)
    text = str(value) if value is MISSING else _text(value)
    return f"{side} ({text if len(text) <= _SHOWN else text[: _SHOWN - 1] + '…'})"


def _step_text(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _STEP.fullmatch(f".{step}") else f'["{step}"]'
