"""The values of a written runbook's keys: one function a type. Each raises :class:`Expected` with what it wanted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final, TypeVar, get_args

from console.runbook.model import Effect, Expect, Option, ParamType, PhaseKind, Retry, StepKind, Tty

T = TypeVar("T")


class Expected(ValueError):
    """``str()`` is what was expected: ``a duration (20s, 5m, 1h30m)``. *key* is the inner key at fault, if any."""

    def __init__(self, what: str, key: str = "") -> None:
        super().__init__(what)
        self.key = key


class UnknownKey(Expected):
    """*key* is none that is known; ``str()`` names the nearest one."""


KINDS: Final[tuple[str, ...]] = get_args(StepKind)
PHASE_KINDS: Final[tuple[str, ...]] = get_args(PhaseKind)
PARAM_TYPES: Final[tuple[str, ...]] = get_args(ParamType)
MAX_PATTERN: Final = 500
_DAY: Final = 86_400.0
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": _DAY, "w": 7 * _DAY}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|min|s|m|h|d|w)\s*")


def text(value: Any) -> str:
    """Any scalar, as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise Expected("text")


def line(value: Any) -> str:
    """Text on one line, not empty."""
    found = text(value).strip()
    if not found or "\n" in found:
        raise Expected("one line of text")
    return found


def boolean(value: Any) -> bool:
    """``yes``/``no`` or ``true``/``false``."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("yes", "true", "no", "false"):
        return value.lower() in ("yes", "true")
    raise Expected("yes or no")


def integer(low: int, high: int) -> Any:
    """A parser for a whole number from *low* to *high*."""

    def read(value: Any) -> int:
        if isinstance(value, str) and re.fullmatch(r"-?\d{1,9}", value.strip()):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise Expected(f"a whole number from {low} to {high}")
        return value

    return read


def number(value: Any) -> float:
    """A number."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise Expected("a number") from None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise Expected("a number")
    return float(value)


def duration(value: Any) -> float:
    """Seconds: a number of them, or ``20s``, ``5m``, ``1h30m``, ``90d``, ``2w``."""
    expected = Expected("a duration (20s, 5m, 1h30m, 90d)")
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e10:
        return float(value)
    if not isinstance(value, str):
        raise expected
    given = value.strip().lower()
    if re.fullmatch(r"\d{1,9}(?:\.\d{1,6})?", given):
        return float(given)
    total, position = 0.0, 0
    while position < len(given):
        match = _DURATION.match(given, position)
        if match is None or len(match[1]) > 12:
            raise expected
        total += float(match[1]) * _UNITS[match[2]]
        position = match.end()
    if not given or total >= 1e10:
        raise expected
    return total


def one_of(*words: str) -> Any:
    """A parser for one of *words*; a boolean is taken as yes or no where these are among them."""

    def read(value: Any) -> str:
        if isinstance(value, bool):
            value = "yes" if value else "no"
        if isinstance(value, str) and value.strip() in words:
            return value.strip()
        raise Expected(" or ".join(filter(None, (", ".join(words[:-1]), words[-1]))))

    return read


effect: Final = one_of(*get_args(Effect))
tty: Final = one_of(*get_args(Tty))
kind: Final = one_of(*KINDS)
phase_kind: Final = one_of(*PHASE_KINDS)


def identifier(value: Any) -> str:
    """A step's id: letters, digits, ``-``, ``_`` and ``.``, as one word."""
    found = text(value).strip()
    if not re.fullmatch(r"\w[\w.-]{0,79}", found):
        raise Expected("a word of letters, digits, - and _ (at most 80)")
    return found


def variable(value: Any) -> str:
    """A parameter's name: it must be able to name an environment variable, dashes aside."""
    found = text(value).strip()
    if not re.fullmatch(r"[^\W\d][\w -]{0,59}", found):
        raise Expected("a name of letters, digits, - and _ that starts with a letter")
    return found


def pattern(value: Any) -> str:
    """A regular expression of Python's ``re``."""
    found = text(value)
    if len(found) > MAX_PATTERN:
        raise Expected(f"a pattern of at most {MAX_PATTERN} characters")
    try:
        re.compile(found)
    except (re.error, RecursionError, OverflowError) as error:
        raise Expected(f"a regular expression ({error})") from None
    return found


def day(value: Any) -> str:
    """A date, as written."""
    found = text(value).strip()
    try:
        date.fromisoformat(found[:10])
    except ValueError:
        raise Expected("a date (2026-05-01)") from None
    return found


def period(value: Any) -> str:
    """How long a review lasts: a duration of days and more, as written."""
    found = text(value).strip()
    if days_of(found) is None:
        raise Expected("a period (90d, 12w, 6 months, 1y)")
    return found


_PERIOD: Final = re.compile(r"(\d{1,5})\s*(d|w|m|y|days?|weeks?|months?|years?)?", re.IGNORECASE)
_DAYS: Final = {"d": 1, "w": 7, "m": 30, "y": 365}


def days_of(value: str) -> int | None:
    """The days of a period like ``90d``, ``6 months`` or ``1y``; None for anything else."""
    match = _PERIOD.fullmatch(value.strip())
    return None if match is None else min(int(match[1]), 36_500) * _DAYS[(match[2] or "d")[0].lower()]


def texts(value: Any) -> tuple[str, ...]:
    """One text or a list of them."""
    found = value if isinstance(value, list) else [value]
    return tuple(line(one) for one in found)


def mapping(
    value: Any, name: Any = text, inner: Any = text, what: str = "a mapping of names to texts"
) -> dict[str, Any]:
    """A mapping whose keys *name* reads, and whose values *inner* reads."""
    if not isinstance(value, Mapping):
        raise Expected(what)
    found = {}
    for key, one in value.items():
        try:
            found[name(key)] = inner(one)
        except Expected as error:
            raise Expected(str(error), str(key)) from None
    return found


def environment(value: Any) -> dict[str, str]:
    """Names of environment variables and their values."""

    def name(key: Any) -> str:
        if not re.fullmatch(r"[A-Za-z_]\w{0,99}", str(key)) or not str(key).isascii():
            raise Expected("the name of an environment variable")
        return str(key)

    return mapping(value, name)


CAPTURES: Final = ("stdout", "stderr", "first_line", "last_line", "exit")


def captures(value: Any) -> dict[str, str]:
    """Parameter → what fills it."""

    def source(one: Any) -> str:
        found = text(one).strip()
        if len(found) > 2 and found[0] == found[-1] == "/":
            pattern(found[1:-1])
        elif found not in CAPTURES:
            raise Expected(f"{', '.join(CAPTURES)} or /pattern/")
        return found

    return mapping(value, variable, source, "a mapping of parameters to what fills them ({lag: stdout})")


def retry(value: Any) -> Retry:
    """A number of attempts, or ``{attempts: 3, every: 5s}``."""
    attempts = integer(1, 10_000)
    if not isinstance(value, Mapping):
        try:
            return Retry(attempts(value))
        except Expected:
            raise Expected("a number of attempts, or {attempts: 3, every: 5s}") from None
    known = {"attempts": attempts, "every": duration, "backoff": number}
    found = _fields(value, known)
    if not 1.0 <= found.get("backoff", 1.0) <= 10.0:
        raise Expected("a number from 1 to 10: 2 doubles each pause", "backoff")
    return Retry(found.get("attempts", 1), found.get("every", 0.0), found.get("backoff", 1.0))


def expectation(value: Any) -> tuple[Expect | None, str | None]:
    """``{exit: 0, warn_exit: 2, match: '^ok', prose: "…"}``, or only the prose. What a machine judges, and the words."""
    if not isinstance(value, Mapping):
        try:
            return None, text(value).strip() or None
        except Expected:
            raise Expected("words, or {exit: 0, warn_exit: 2, match: '^ok', prose: words}") from None
    status = integer(0, 255)
    found = _fields(value, {"exit": status, "warn_exit": status, "match": pattern, "prose": text})
    prose = found.pop("prose", None)
    return (Expect(**found) if found else None), prose


def _fields(value: Mapping[Any, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for key, one in value.items():
        if key not in known:
            raise UnknownKey(f"not a known key{nearest(str(key), known)}", str(key))
        try:
            found[str(key)] = known[key](one)
        except Expected as error:
            raise Expected(str(error), str(key)) from None
    return found


def options(value: Any) -> tuple[Option, ...]:
    """Answers, each with the step that it leads to (or nothing: go on); at least two."""
    expected = Expected("two answers or more ({yes: step-a, no: step-b})")
    if isinstance(value, list):
        found = tuple(Option(line(one)) for one in value)
    elif isinstance(value, Mapping):
        found = tuple(Option(line(key), "" if one is None else line(one)) for key, one in value.items())
    else:
        raise expected
    if len(found) < 2 or len({one.answer for one in found}) < len(found):
        raise expected
    return found


def on_fail(value: Any) -> str:
    """``ask``, ``stop``, ``continue`` or ``goto:<step id>``."""
    found = text(value).strip()
    if found in ("ask", "stop", "continue") or re.fullmatch(r"goto:\s*\w[\w.-]*", found):
        return found.replace(" ", "")
    raise Expected("ask, stop, continue or goto:<step id>")


def confirm(value: Any) -> str:
    """``enter`` or ``type-<parameter>``."""
    found = text(value).strip()
    if found == "enter" or re.fullmatch(r"type-\S.*", found):
        return found
    raise Expected("enter or type-<parameter>")


def nearest(name: str, known: Any) -> str:
    """``; did you mean 'timeout'?``, or nothing."""
    from difflib import get_close_matches

    close = get_close_matches(name.lower(), [str(one) for one in known], 1, 0.6)
    return f"; did you mean {close[0]!r}?" if close else ""
