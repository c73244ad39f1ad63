"""The filter language of the status list: ``api !cache /5\\d\\d/ @state=down @age>1h queue=~"a.*"``. Pure.

Terms stand side by side and must all hold; ``!`` before one turns it round::

    filter = { term }
    term   = [ "!" ] ( regex | field | label | word )
    regex  = "/" pattern [ "/" ]            up to a "/" that ends the term, or the end of the line; in any case, anywhere
    field  = "@" state | "@" name op value { "," value }
    label  = name ( "=" | "!=" | "=~" | "!~" ) value      as Alertmanager's matchers: =~ fits the whole value
    value  = characters up to a blank | '"' characters '"'
    word   = value                          must occur, in any case

Words without a meaning above are words: ``a/b``, ``503``, ``"queue=a"`` in quotes.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from console.clock import parse_span

STATES: Final = (
    *("down", "degraded", "unknown", "stale", "soft", "pending", "info", "ok"),
    *("flapping", "maint", "suppressed", "acked", "silenced", "inhibited", "handled", "unhandled", "gone"),
)
TEXTS: Final = ("state", "severity", "source", "kind", "name", "service", "ack")  # @name that are compared as words
NUMBERS: Final = ("age", "latency")  # @name that are compared as durations
_FIELDS: Final = "@state @age @severity @source @kind @name @service @ack @latency"
_LONGEST_PATTERN: Final = 200
_REPEATS: Final = 3  # without an upper bound, in one pattern

_FIELD: Final = re.compile(r"@([A-Za-z_]*)(=~|!~|!=|>=|<=|=|>|<)?")
_LABEL: Final = re.compile(r"([A-Za-z_][\w.\-]*)(=~|!~|!=|=)")
_END: Final = re.compile(r"(?<!\\)/(?=\s|$)")


class FilterError(ValueError):
    """A filter that can't be used as it stands; ``str()`` is one line that says what was expected."""


class Matter(Protocol):
    """What is looked at: a check or an alert, in the words of the language."""

    @property
    def text(self) -> str: ...  # everything that words and patterns look at, case-folded

    @property
    def labels(self) -> Mapping[str, str]: ...

    def words_of(self, field: str) -> tuple[str, ...]: ...  # of one of TEXTS, case-folded

    def seconds_of(self, field: str, now: datetime) -> float | None: ...  # of one of NUMBERS


@dataclass(frozen=True)
class Term:
    """One term. ``sign`` is "" for a word, "/" for a pattern; ``name`` of a field begins with "@"."""

    sign: str
    values: tuple[str, ...]
    name: str = ""
    negated: bool = False

    def __str__(self) -> str:
        front = "!" if self.negated else ""
        if self.sign == "/":
            return f"{front}/{self.values[0]}/"
        if not self.name:
            return front + _written(self.values[0], word=True)
        if self.name.startswith("@"):
            return f"{front}{self.name}{self.sign}{','.join(self.values)}"
        return f"{front}{self.name}{self.sign}{_written(self.values[0])}"

    def test(self) -> Callable[[Matter, datetime], bool]:
        """What decides whether something fits. The patterns have been tried before."""
        found = self._test()
        return (lambda matter, now: not found(matter, now)) if self.negated else found

    def _test(self) -> Callable[[Matter, datetime], bool]:
        values, name = self.values, self.name.removeprefix("@")
        if self.sign == "":
            word = values[0].casefold()
            return lambda matter, now: word in matter.text
        if self.sign == "/":
            search = _compiled(values[0], re.IGNORECASE).search
            return lambda matter, now: search(matter.text) is not None
        if name in NUMBERS and self.name != name:
            return _number(name, self.sign, parse_span(values[0]))
        turned = self.sign.startswith("!")
        if self.sign.endswith("~"):
            fits = _compiled(values[0], re.IGNORECASE if self.name != name else re.NOFLAG).fullmatch
            if self.name != name:
                return lambda matter, now: any(fits(word) for word in matter.words_of(name)) != turned
            return lambda matter, now: (fits(matter.labels.get(name, "")) is not None) != turned
        if self.name != name:
            wanted = frozenset(value.casefold() for value in values)
            return lambda matter, now: (not wanted.isdisjoint(matter.words_of(name))) != turned
        value = values[0]
        return lambda matter, now: (matter.labels.get(name, "") == value) != turned


def _number(name: str, sign: str, limit: float) -> Callable[[Matter, datetime], bool]:
    compare: Callable[[float, float], bool] = {
        ">": float.__gt__,
        ">=": float.__ge__,
        "<": float.__lt__,
        "<=": float.__le__,
    }[sign]

    def test(matter: Matter, now: datetime) -> bool:
        found = matter.seconds_of(name, now)
        return found is not None and compare(float(found), limit)

    return test


@dataclass(frozen=True)
class Filter:
    """Terms that must all hold; none: everything fits."""

    terms: tuple[Term, ...] = ()

    def __str__(self) -> str:
        return " ".join(map(str, self.terms))

    def __bool__(self) -> bool:
        return bool(self.terms)

    def matcher(self, now: datetime) -> Callable[[Matter], bool]:
        """Whether a matter fits, with the ages of *now*. Made once for many."""
        tests = [term.test() for term in self.terms]
        return lambda matter: all(test(matter, now) for test in tests)


def parse(text: str) -> Filter:
    """The filter written as *text*. Raises :class:`FilterError`, also for what is not typed to its end yet."""
    terms: list[Term] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        negated = text[at] == "!"
        at += negated
        if at >= len(text) or text[at].isspace():
            continue  # a lone "!": somebody is typing
        term, at = _term(text, at, negated)
        if term is not None:
            terms.append(term)
    return Filter(tuple(terms))


def _term(text: str, at: int, negated: bool) -> tuple[Term | None, int]:
    if text[at] == "/":
        end = _END.search(text, at + 1)
        pattern = text[at + 1 : end.start() if end else len(text)]
        if not end:
            pattern = pattern.rstrip()
        if pattern:
            _try(pattern, f"/{pattern}/")
        return (Term("/", (pattern,), negated=negated) if pattern else None), (end.end() if end else len(text))
    if text[at] == "@":
        return _field(text, at, negated)
    label = _LABEL.match(text, at)
    if label:
        name, sign = label.groups()
        value, end_at, quoted = _value(text, label.end())
        if not value and not quoted:
            raise FilterError(f'{name}{sign}: a value, please ("" for none)')
        if sign.endswith("~"):
            _try(value, f"{name}{sign}{value}")
        return Term(sign, (value,), name, negated), end_at
    value, end_at, _ = _value(text, at)
    return (Term("", (value,), negated=negated) if value else None), end_at


def _field(text: str, at: int, negated: bool) -> tuple[Term, int]:
    match = _FIELD.match(text, at)
    if match is None:
        raise FilterError(f"expected {_FIELDS}")
    name, sign = match[1].lower(), match[2] or ""
    if not sign:
        _, end, _ = _value(text, at)
        if text[at + 1 : end].lower() in STATES:
            return Term("=", (name,), "@state", negated), end
        raise FilterError(f"@{name}: expected {_FIELDS}, or a state such as @down @acked")
    value, end, _ = _value(text, match.end())
    if name in NUMBERS:
        if sign not in (">", ">=", "<", "<="):
            raise FilterError(f"@{name}{sign}: expected @{name}>1h or @{name}<5m")
        try:
            parse_span(value)
        except ValueError:
            raise FilterError(f"@{name}{sign}{value}: a duration, please: 30s, 5m, 1h20m, 500ms") from None
        return Term(sign, (value,), f"@{name}", negated), end
    if name not in TEXTS:
        raise FilterError(f"@{name}: expected {_FIELDS}")
    if sign in (">", ">=", "<", "<="):
        raise FilterError(f"@{name}{sign}: expected = != =~ or !~")
    if not value:
        raise FilterError(f"@{name}{sign}: a value, please" + (f": {' '.join(STATES[:8])}" if name == "state" else ""))
    if sign.endswith("~"):
        _try(value, f"@{name}{sign}{value}")
        return Term(sign, (value,), f"@{name}", negated), end
    values = tuple(one.lower() for one in value.split(",") if one)
    unknown = [one for one in values if one not in STATES] if name == "state" else []
    if unknown or not values:
        raise FilterError(f"@state{sign}{value}: expected {' '.join(STATES)}")
    return Term(sign, values, f"@{name}", negated), end


def _value(text: str, at: int) -> tuple[str, int, bool]:
    """The value at *at*, where it ends, and whether it is in quotes. A quote that is not closed ends with the line."""
    if at < len(text) and text[at] == '"':
        found: list[str] = []
        at += 1
        while at < len(text) and text[at] != '"':
            if text[at] == "\\" and at + 1 < len(text) and text[at + 1] in '"\\':
                at += 1
            found.append(text[at])
            at += 1
        return "".join(found), at + 1, True
    end = at
    while end < len(text) and not text[end].isspace():
        end += 1
    return text[at:end], end, False


def _written(value: str, *, word: bool = False) -> str:
    plain = value and not any(char.isspace() for char in value) and not value.startswith('"')
    if word:
        plain = plain and value[0] not in "!/@" and not _LABEL.match(value)
    if plain:
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _try(pattern: str, shown: str) -> None:
    if len(pattern) > _LONGEST_PATTERN:
        raise FilterError(f"{shown[:40]}…: a pattern of {_LONGEST_PATTERN} characters at most")
    try:
        _compiled(pattern, re.NOFLAG)
    except (re.error, RecursionError, OverflowError) as error:
        raise FilterError(f"{shown}: {error}") from None
    if too_slow(pattern):
        raise FilterError(f"{shown}: this could take for ever: fewer repeats (* + {{n,}}), and none within another")


def _compiled(pattern: str, flags: re.RegexFlag) -> re.Pattern[str]:
    with warnings.catch_warnings():  # what may mean something else one day would be said in the middle of the screen
        warnings.simplefilter("ignore")
        return re.compile(pattern, flags)


def too_slow(pattern: str) -> bool:
    """Whether *pattern*, which compiles, may take more than a moment: Python's matcher tries every way, and holds
    everything up meanwhile. A repeat of a group that repeats or chooses is one; so are many repeats side by side."""
    repeats = at = 0
    groups: list[bool] = []  # of each open group: whether there is a repeat or a choice in it
    closed = False  # whether what was just read is such a group
    while at < len(pattern):
        char = pattern[at]
        branching = False
        if char == "\\":
            if at + 1 < len(pattern) and pattern[at + 1].isdigit():
                return True  # what refers back can't be bounded
            at += 1
        elif char == "[":
            at += 2 if pattern[at + 1 : at + 2] != "^" else 3  # a "]" at the front is a member
            while at < len(pattern) and pattern[at] != "]":
                at += 2 if pattern[at] == "\\" else 1
        elif char == "(":
            if pattern.startswith(("(?P=", "(?("), at):
                return True
            groups.append(False)
        elif char == ")":
            branching = groups.pop() if groups else False
            if branching and groups:
                groups[-1] = True
        elif char == "|" and groups:
            groups[-1] = True
        elif char in "*+" or (char == "{" and _counted(pattern, at)):
            if closed:
                return True
            repeats += 1
            if groups:
                groups[-1] = True
        elif char == "?" and groups and at and pattern[at - 1] != "(":
            groups[-1] = True
        at += 1
        closed = branching
    return repeats > _REPEATS


def _counted(pattern: str, at: int) -> bool:
    return re.match(r"\{\d*(,\d*)?\}", pattern[at:]) is not None
