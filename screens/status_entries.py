"""What stands in the status list: one entry for a check, an alert, or a group of them. Pure.

An alert that one of our own checks raised is shown on the check's row; other systems' alerts have rows of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from screens.glyphs import STATES

if TYPE_CHECKING:
    from console.snapshot import Alert, CheckState, StatusSnapshot

# Ranks: unhandled DOWN, UNKNOWN and stale, DEGRADED, then soft, handled, no result yet, OK (status-and-alerts).
DOWN, UNKNOWN, DEGRADED, SOFT, HANDLED, PENDING, OK = range(7)
RANKS: Final = {
    "DOWN": DOWN,
    "UNKNOWN": UNKNOWN,
    "DEGRADED": DEGRADED,
    "PENDING": PENDING,
    "INFO": PENDING,
    "OK": OK,
}
_WORST: Final = frozenset(("critical", "page", "error", "down", "sev1", "p0", "p1"))
_MILD: Final = frozenset(("info", "none", "notice", "sev4", "sev5", "p4", "p5"))
SAID_APART: Final = ("alertname", "severity")  # of an alert's labels: the row says them already


class Group(Struct, frozen=True):
    """Entries shown as one row."""

    count: int
    words: str  # how many in which state
    labels: Mapping[str, str] = field(default_factory=dict)  # that all of them share


class Entry(Struct, frozen=True, dict=True):
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
    group: Group | None = None

    @cached_property
    def order(self) -> tuple[int, float, str]:
        """Sorts entries."""
        # The healthy keep the order of their names: which of them changed last is of no interest.
        since = -self.since.timestamp() if self.since is not None and self.rank < PENDING else 0.0
        return (self.rank, since, self.name)

    @property
    def problem(self) -> bool:
        """Whether somebody should look."""
        return self.rank < PENDING and not self.gone

    @property
    def critical(self) -> bool:
        """Whether hiding it must be said."""
        return self.rank == DOWN

    @property
    def labels(self) -> Mapping[str, str]:
        """Of the alert, else of the check; of a group, those that all share."""
        if self.group is not None:
            return self.group.labels
        return self.alert.labels if self.alert is not None else (self.check.labels if self.check is not None else {})

    @property
    def runbook(self) -> str:
        """What the alert or the configuration names."""
        named = self.alert.runbook if self.alert is not None else ""
        return named or (self.check.runbook if self.check is not None else "")

    @property
    def family(self) -> str:
        """Key of the group it belongs to: checks by service, alerts by name."""
        if self.check is not None:
            return f"$service:{self.check.service}"
        return f"$alert:{self.name}"

    @property
    def service(self) -> str:
        """Of a check, or of a group of one service's checks; "" for what is not ours."""
        if self.check is not None:
            return self.check.service
        return self.name if self.group is not None and self.key == f"$service:{self.name}" else ""

    # ── for the filter (console.status_filter.Matter) ───────────────────────────────────────────────────────────

    @cached_property
    def text(self) -> str:
        """Everything that a filter's words look at, case-folded."""
        labels = " ".join(f"{key}={value}" for key, value in self.labels.items())
        handled = "acked" if self.alert is not None and self.alert.ack is not None else ""
        return f"{self.name} {self.detail} {self.state} {self.severity} {labels} {handled}".casefold()

    @cached_property
    def marks(self) -> tuple[str, ...]:
        """All that can be said of its state, in small letters."""
        found = [self.state.lower(), "handled" if self.rank == HANDLED else "unhandled" if self.problem else ""]
        check, alert = self.check, self.alert
        if check is not None:
            found += [check.state.lower(), *(overlay.lower() for overlay in check.overlays)]
        if alert is not None:
            found += ["acked"] if alert.ack is not None else []
            found += ["silenced"] if alert.silenced_by else []
            found += ["inhibited"] if alert.inhibited_by else []
            found += ["suppressed"] if alert.state == "suppressed" else []
            found += ["gone"] if alert.state.startswith("gone") else []
        return tuple(mark for mark in dict.fromkeys(found) if mark)

    def words_of(self, field: str) -> tuple[str, ...]:
        """The values of *field*, case-folded."""
        check, alert = self.check, self.alert
        if field == "state":
            return self.marks
        if field == "name":
            return (self.name.casefold(), *((alert.name.casefold(),) if alert is not None else ()))
        if field == "severity":
            said = (self.severity, *((alert.severity,) if alert is not None else ()), self.labels.get("severity", ""))
            return tuple({word.casefold() for word in said if word})
        if field == "source":
            told = (alert.source, *alert.reported_by) if alert is not None and check is None else ("checks",)
            return tuple(word.casefold() for word in told)
        if field == "kind":
            return (check.kind.casefold(),) if check is not None else ("alert",)
        if field == "service":
            return ((check.service if check is not None else self.labels.get("service", "")).casefold(),)
        if field == "ack":
            return (alert.ack.actor.casefold(),) if alert is not None and alert.ack is not None else ()
        return ()

    def seconds_of(self, field: str, now: datetime) -> float | None:
        """*field* as a duration; None when there is none."""
        if field == "age":
            return (now - self.since).total_seconds() if self.since is not None else None
        check = self.check
        return check.latency_ms / 1000 if check is not None and check.latency_ms is not None else None


def entries(snapshot: StatusSnapshot, before: Iterable[Entry] = (), extra: Iterable[Entry] = ()) -> list[Entry]:
    """Every check and alert of *snapshot*, worst first, the newest first within; names settle what is left.

    *before* are the entries of the last snapshot: what has not changed is taken from there, so that thousands of checks
    of which a few have a new result cost little. *extra* are alerts that were read besides.
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
    others: set[str] = set()
    for alert in (*(alert for alert in snapshot.alerts if alert.source != "vigie"), *ours.values()):
        same = known.get(alert.episode)
        if same is None or same.check is not None or same.alert != alert:
            same = alert_entry(alert)
        others.add(same.key)
        found.append(same)
    found += [entry for entry in extra if entry.key not in others]
    # Apart, because the healthy mostly stand in the order of their names already: then they cost one look each.
    troubled = sorted((entry for entry in found if entry.rank != OK), key=_order)
    return troubled + sorted((entry for entry in found if entry.rank == OK), key=_order)


def _order(entry: Entry) -> tuple[int, float, str]:
    return entry.order


def _owner(alert: Alert) -> tuple[str, str]:
    return alert.labels.get("service", ""), alert.labels.get("check", "")


def critical(found: Iterable[Entry]) -> frozenset[str]:
    """The keys of those that the bell is for."""
    return frozenset(entry.key for entry in found if entry.critical)


def _check_entry(check: CheckState, alert: Alert | None) -> Entry:
    state = "DEGRADED" if check.state == "OK" and "FLAPPING" in check.overlays else check.state
    rank = RANKS.get(state, UNKNOWN)
    detail = check.detail
    if check.stale:
        state, rank = "STALE", min(rank, UNKNOWN)
        detail = f"stale, last {check.state}: {detail}" if detail else f"stale, last {check.state}"
    elif check.soft is not None and check.raw != check.state:
        state, rank = ("SOFT", SOFT) if rank > SOFT else (state, rank)
        detail = f"{check.raw} {check.soft[0]}/{check.soft[1]}: {detail}"
    handled = (alert is not None and alert.ack is not None) or any(
        overlay in check.overlays for overlay in ("ACKED", "MAINT", "SUPPRESSED")
    )
    if handled and rank < HANDLED:
        rank = HANDLED
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


def alert_entry(alert: Alert) -> Entry:
    """The entry of an alert that has a row of its own."""
    state, rank = urgency(alert.severity, alert.level)
    if alert.state.startswith("gone"):
        state, rank = "UNKNOWN", UNKNOWN
    if alert.handled:
        rank = max(rank, HANDLED)
    return Entry(
        key=alert.episode,
        name=alert.name,
        detail=alert_detail(alert),
        state=state,
        rank=rank,
        since=alert.starts_at,
        alert=alert,
        severity=alert.severity,
    )


def urgency(severity: str, level: int) -> tuple[str, int]:
    """State and rank of an alert by its severity's name, or its level in the configured scheme (0 the worst)."""
    word = severity.casefold()
    if word in _WORST or level == 0:
        return "DOWN", DOWN
    if word in _MILD or level >= 3:
        return "SOFT", SOFT
    return "DEGRADED", DEGRADED


def alert_detail(alert: Alert, without: frozenset[tuple[str, str]] = frozenset()) -> str:
    """An alert in a line: its state when it isn't simply firing, its summary, its labels but those in *without*."""
    words = alert.annotations.get("summary") or alert.annotations.get("description") or ""
    labels = " ".join(
        f"{name}={value}"
        for name, value in sorted(alert.labels.items())
        if name not in SAID_APART and (name, value) not in without
    )
    detail = "  ".join(part for part in (words, labels) if part)
    return detail if alert.state == "firing" else f"{alert.state}: {detail}"
