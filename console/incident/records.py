"""What the importers of every format make, and what they share: cases of items, failures with lines, values read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from console.clock import parse_rfc3339
from console.incident import times
from console.journal.events import MILESTONES, PRECISIONS
from console.sanitize import one_line, visible


class Failure(Struct, frozen=True, kw_only=True):
    """Why the file can't be imported; ``line`` is 1-based, 0 for the file as a whole."""

    line: int
    text: str


class Unreadable(Exception):
    """The import is refused. ``failures`` are in order of line."""

    def __init__(self, failures: Sequence[Failure]) -> None:
        super().__init__(failures[0].text if failures else "nothing to import")
        self.failures = tuple(sorted(failures, key=lambda failure: failure.line))


class Item(Struct, frozen=True, kw_only=True):
    """One line of somebody's record."""

    at: datetime
    precision: str = "minute"
    kind: str = "note"
    text: str = ""
    marks: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    actor: str = ""
    starred: bool = False
    question: bool = False
    evidence: str = ""
    extra: Mapping[str, Any] = {}


class Case(Struct, frozen=True, kw_only=True):
    """One incident of a file. ``facts`` are its keys that have no meaning here."""

    title: str
    tz: str = ""
    severity: str = ""
    services: tuple[str, ...] = ()
    summary: str = ""
    drill: bool = False
    items: tuple[Item, ...] = ()
    windows: tuple[tuple[datetime, datetime | None, str], ...] = ()  # start, end, precision
    facts: Mapping[str, Any] = {}


class Batch(Struct, frozen=True, kw_only=True):
    """A file that was read whole. ``kept`` says what was kept without being understood."""

    source: str
    sha256: str
    cases: tuple[Case, ...]
    kept: tuple[str, ...] = ()


class Reader:
    """What the three formats share: reading values, and collecting what is wrong or not understood."""

    def __init__(self, now: datetime, zone: tzinfo) -> None:
        self.now = now
        self.zone = zone
        self.failures: list[Failure] = []
        self.kept: Counter[str] = Counter()

    def fail(self, line: int, text: str) -> None:
        self.failures.append(Failure(line=line, text=visible(text)))

    def keep(self, what: str) -> None:
        self.kept[one_line(what, 100)] += 1

    def zone_named(self, name: str) -> tzinfo:
        """The zone called *name*; an unknown one is kept and reported, and UTC is used."""
        if not name or name in ("UTC", "Z"):
            return UTC if name else self.zone
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            self.keep(f"unknown time zone {name!r}: times without an offset are read as UTC")
            return UTC

    def time(self, text: str, zone: tzinfo) -> times.Moment:
        """``2024-03-10T13:27:00Z``, a local time, or a bare date. Raises ``ValueError`` with one line."""
        text = text.strip()
        try:
            if len(text) == 10:
                datetime.strptime(text, "%Y-%m-%d")
                return times.Moment(at=parse_rfc3339(f"{text}T00:00:00Z"), precision="day")
            naive = datetime.fromisoformat(text.replace(" UTC", "Z"))
            parse_rfc3339(naive.replace(tzinfo=UTC).isoformat())  # is it within what can be kept, in any zone?
        except ValueError:
            raise ValueError(f"not a time: {text!r} (expected e.g. 2024-03-10T13:27:00Z, or 2024-03-10)") from None
        precision = "second" if naive.second or naive.microsecond else "minute"
        if naive.tzinfo is not None:
            return times.Moment(at=parse_rfc3339(naive.isoformat()), precision=precision)
        try:
            return times.Moment(at=times.read_local(naive, zone), precision=precision)
        except times.TimeProblem as problem:
            raise ValueError(str(problem)) from None

    def precision(self, given: str, found: str) -> str:
        """The stated precision, or the one that the time shows. Raises ``ValueError``."""
        if not given:
            return found
        if given not in PRECISIONS:
            raise ValueError(f"precision: expected one of {', '.join(PRECISIONS)}, got {given!r}")
        return "day" if found == "day" else given

    def mark(self, word: str) -> str:
        """A milestone's name; one that we don't know is kept as it is, and reported."""
        name = one_line(word)
        if name not in MILESTONES:
            self.keep(f"mark {name!r} is no milestone of Vigie's")
        return name
