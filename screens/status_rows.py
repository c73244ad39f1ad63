"""The status screen's list: checks and alerts in one order, worst first. Pure.

An alert that one of our own checks raised is shown on the check's row; other systems' alerts have rows of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from heapq import nlargest
from typing import TYPE_CHECKING, Final

from screens.glyphs import STATES
from screens.look import Look
from screens.widgets.table import Column, fitted
from screens.widgets.text import Span, Words, width_of

if TYPE_CHECKING:
    from console.snapshot import Alert, CheckState, StatusSnapshot

FOLD: Final = "$ok"  # key of the row that stands for the healthy
HINT: Final = "$hint"  # key of the row that says how to add services

# Ranks: unhandled DOWN, UNKNOWN and stale, DEGRADED, then soft, handled, no result yet, OK (status-and-alerts).
_DOWN, _UNKNOWN, _DEGRADED, _SOFT, _HANDLED, _PENDING, _OK = range(7)
_RANKS: Final = {
    "DOWN": _DOWN,
    "UNKNOWN": _UNKNOWN,
    "DEGRADED": _DEGRADED,
    "PENDING": _PENDING,
    "INFO": _PENDING,
    "OK": _OK,
}
_WORST: Final = frozenset(("critical", "page", "error", "down", "sev1", "p0", "p1"))
_MILD: Final = frozenset(("info", "none", "notice", "sev4", "sev5", "p4", "p5"))


@dataclass(frozen=True)
class Entry:
    """One thing that is the matter, or fine."""

    key: str
    name: str
    detail: str
    state: str  # of glyphs.STATES
    rank: int
    since: datetime | None
    check: CheckState | None = None
    alert: Alert | None = None
    gone: bool = False  # it left the list while the order was held
    severity: str = ""

    @cached_property
    def order(self) -> tuple[int, float, str]:
        """Sorts entries."""
        # The healthy keep the order of their names: which of them changed last is of no interest.
        since = -self.since.timestamp() if self.since is not None and self.rank < _PENDING else 0.0
        return (self.rank, since, self.name)

    @property
    def problem(self) -> bool:
        """Whether somebody should look."""
        return self.rank < _PENDING and not self.gone

    @property
    def critical(self) -> bool:
        """Whether hiding it must be said."""
        return self.rank == _DOWN

    @property
    def labels(self) -> Mapping[str, str]:
        """Of the alert, else of the check."""
        return self.alert.labels if self.alert is not None else (self.check.labels if self.check is not None else {})

    @property
    def runbook(self) -> str:
        """What the alert or the configuration names."""
        named = self.alert.runbook if self.alert is not None else ""
        return named or (self.check.runbook if self.check is not None else "")

    def text(self) -> str:
        """Everything that a filter looks at."""
        labels = " ".join(f"{key}={value}" for key, value in self.labels.items())
        handled = "acked" if self.alert is not None and self.alert.ack is not None else ""
        return f"{self.name} {self.detail} {self.state} {self.severity} {labels} {handled}".casefold()


def entries(snapshot: StatusSnapshot, before: Iterable[Entry] = ()) -> list[Entry]:
    """Every check and alert of *snapshot*, worst first, the newest first within; names settle what is left.

    *before* are the entries of the last snapshot: what has not changed is taken from there, so that thousands of checks
    of which a few have a new result cost little.
    """
    known = {entry.key: entry for entry in before}
    ours = {_owner(alert): alert for alert in snapshot.alerts if alert.source == "vigie"}
    found: list[Entry] = []
    for check in snapshot.checks:
        alert = ours.pop((check.service, check.name), None)
        same = known.get(check.key)
        if same is None or same.check != check or same.alert != alert:
            same = _check_entry(check, alert)
        found.append(same)
    for alert in (*(alert for alert in snapshot.alerts if alert.source != "vigie"), *ours.values()):
        same = known.get(alert.episode)
        if same is None or same.check is not None or same.alert != alert:
            same = _alert_entry(alert)
        found.append(same)
    # Apart, because the healthy mostly stand in the order of their names already: then they cost one look each.
    troubled = sorted((entry for entry in found if entry.rank != _OK), key=_order)
    return troubled + sorted((entry for entry in found if entry.rank == _OK), key=_order)


def _order(entry: Entry) -> tuple[int, float, str]:
    return entry.order


def _owner(alert: Alert) -> tuple[str, str]:
    return alert.labels.get("service", ""), alert.labels.get("check", "")


def _check_entry(check: CheckState, alert: Alert | None) -> Entry:
    state = "DEGRADED" if check.state == "OK" and "FLAPPING" in check.overlays else check.state
    rank = _RANKS.get(state, _UNKNOWN)
    detail = check.detail
    if check.stale:
        state, rank = "STALE", min(rank, _UNKNOWN)
        detail = f"stale, last {check.state}: {detail}" if detail else f"stale, last {check.state}"
    elif check.soft is not None and check.raw != check.state:
        state, rank = ("SOFT", _SOFT) if rank > _SOFT else (state, rank)
        detail = f"{check.raw} {check.soft[0]}/{check.soft[1]}: {detail}"
    handled = (alert is not None and alert.ack is not None) or any(
        overlay in check.overlays for overlay in ("ACKED", "MAINT", "SUPPRESSED")
    )
    if handled and rank < _HANDLED:
        rank = _HANDLED
    marks = [overlay.lower() for overlay in check.overlays if overlay not in ("STALE", "ACKED")]
    if marks:
        detail = f"{detail} ({', '.join(marks)})"
    return Entry(
        key=check.key,
        name=check.key,
        detail=detail,
        state=state if state in STATES else "UNKNOWN",
        rank=rank,
        since=check.since,
        check=check,
        alert=alert,
    )


def _alert_entry(alert: Alert) -> Entry:
    severity = alert.severity.casefold()
    state, rank = ("DOWN", _DOWN) if severity in _WORST else ("DEGRADED", _DEGRADED)
    if severity in _MILD:
        state, rank = "SOFT", _SOFT
    if alert.state.startswith("gone"):
        state, rank = "UNKNOWN", _UNKNOWN
    if alert.state == "suppressed" or alert.ack is not None:
        rank = max(rank, _HANDLED)
    words = alert.annotations.get("summary") or alert.annotations.get("description") or ""
    labels = " ".join(f"{k}={v}" for k, v in sorted(alert.labels.items()) if k not in ("alertname", "severity"))
    detail = "  ".join(part for part in (words, labels) if part)
    if alert.state != "firing":
        detail = f"{alert.state}: {detail}"
    return Entry(
        key=alert.episode,
        name=alert.name,
        detail=detail,
        state=state,
        rank=rank,
        since=alert.starts_at,
        alert=alert,
        severity=alert.severity,
    )


def matches(words: str, text: str) -> bool:
    """Whether *text* (case-folded) has every word of the filter, and none of those written ``!word``."""
    for word in words.casefold().split():
        if word.startswith("!"):
            if len(word) > 1 and word[1:] in text:
                return False
        elif word not in text:
            return False
    return True


@dataclass(frozen=True)
class View:
    """What the list shows now: entries by key in their order, and what it leaves out."""

    keys: tuple[str, ...]
    entries: Mapping[str, Entry]
    new: int = 0  # arrived while the order was held, not shown yet
    hidden_critical: int = 0  # left out by the filter
    healthy: int = 0  # folded away
    _handlings: dict[bool, frozenset[Span]] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def longest(self) -> tuple[str, ...]:
        """The longest names, by characters: only these are measured in cells."""
        return tuple(nlargest(8, (entry.name for entry in self.entries.values()), len))

    def handlings(self, look: Look) -> frozenset[Span]:
        """Every word in the last column."""
        found = self._handlings.get(look.ascii_only)
        if found is None:
            found = self._handlings[look.ascii_only] = frozenset(
                _handling(entry, look) for entry in self.entries.values()
            )
        return found


def view(
    found: Sequence[Entry],
    *,
    words: str = "",
    problems: bool = False,
    unfolded: bool = False,
    held: View | None = None,
) -> View:
    """The list of *found*. With *held*, the rows shown before keep their places; what is new is counted, not shown."""
    shown: list[Entry] = []
    healthy = hidden = 0
    for entry in found:
        if words and not matches(words, entry.text()):
            hidden += entry.critical
            continue
        if entry.rank == _OK and not words and not unfolded:
            healthy += 1
            continue
        if problems and not entry.problem:
            continue
        shown.append(entry)
    by_key = {entry.key: entry for entry in shown}
    if held is None:
        keys = [entry.key for entry in shown]
        new = 0
    else:
        everything = {entry.key: entry for entry in found}
        keys = [key for key in held.keys if key not in (FOLD, HINT)]
        for key in keys:
            if key not in by_key:  # better now, or gone: it keeps its place until the order is taken up again
                by_key[key] = everything.get(key) or replace(held.entries[key], gone=True)
        healthy -= sum(1 for key in keys if key in everything and everything[key].rank == _OK and not unfolded)
        new = sum(1 for entry in shown if entry.key not in held.entries)
    return View(tuple(keys), by_key, new, hidden, max(healthy, 0))


def with_tail(keys: Iterable[str], *tail: str) -> tuple[str, ...]:
    """*keys* and the rows that are no entries."""
    return (*keys, *tail)


def state_words(state: str, look: Look) -> tuple[Span, ...]:
    """``✗ D``: glyph, letter and colour."""
    letter, name = STATES[state]
    return ((f"{look.sign(name)} {letter}", name),)


def cells(entry: Entry, now: datetime, look: Look) -> tuple[Words, ...]:
    """The row of *entry*: state, name, detail, age, what is being done about it."""
    handled = entry.rank in (_HANDLED, _OK, _PENDING) or entry.gone
    letter, token = STATES[entry.state]
    if entry.gone:
        letter, token = "-", "faint"
    tone = "soft" if entry.rank == _HANDLED else token
    mark = look.sign(STATES[entry.state][1]) if not entry.gone else " "
    age = _age((now - entry.since).total_seconds()) if entry.since is not None else ""
    return (
        ((f"{mark} {letter}", tone),),
        ((entry.name, "dim" if handled else "title"),),
        ((entry.detail if not entry.gone else "no longer reported", "dim" if handled else "text"),),
        ((age, "dim"),),
        (_handling(entry, look),),
    )


def critical(entries: Iterable[Entry]) -> frozenset[str]:
    """The keys of those that the bell is for."""
    return frozenset(entry.key for entry in entries if entry.critical)


def columns(view: View, width: int, look: Look) -> tuple[Column, ...]:
    """The list's columns at *width* cells: names as long as they are here, what is left goes to the detail."""
    names = max((width_of(name, look) for name in view.longest), default=0)
    handled = max((width_of((words,), look) for words in view.handlings(look)), default=0)
    shown = (
        Column(width=3),
        fitted(names, 14, width * 2 // 7),
        Column(flex=1, least=10),
        Column(width=4, align="right"),
    )
    return (*shown, fitted(handled, 7, 12 if width < 100 else 26)) if width >= 70 else shown


def _age(seconds: float) -> str:
    """An age in one unit, ``40s``, ``3m``, ``6h``, ``13d``: it changes seldom, so that standing still costs no bytes."""
    for unit, name in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= unit:
            return f"{int(seconds // unit)}{name}"
    return f"{max(int(seconds // 5) * 5, 0)}s"


def _handling(entry: Entry, look: Look) -> Span:
    alert = entry.alert
    if entry.gone:
        return ("", "dim")
    if alert is not None and alert.ack is not None:
        return (f"ack {alert.ack.actor}", "soft")
    if entry.runbook:
        return (f"{look.sign('to')} {entry.runbook.rpartition('/')[2].removesuffix('.md')}", "dim")
    if alert is not None and alert.state == "firing":
        return ("unacked", "degraded" if entry.rank <= _DEGRADED else "dim")
    return ("", "dim")
