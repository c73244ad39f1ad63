"""The structs that watch, alerts, runbooks, incidents and screens share: what is true now.

Producers make a frozen :class:`StatusSnapshot`; everybody else reads it. All times are aware UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Final, Protocol

from msgspec import Struct

# Raw and hard states (status-and-alerts): UNKNOWN means "could not measure" and is never mapped to OK or DOWN.
OK: Final = "OK"
DEGRADED: Final = "DEGRADED"
DOWN: Final = "DOWN"
UNKNOWN: Final = "UNKNOWN"
PENDING: Final = "PENDING"
INFO: Final = "INFO"  # measured, with nothing to compare it to: a value with a trend, never counted as OK

# Overlays of a check, kept apart from its state.
STALE: Final = "STALE"
FLAPPING: Final = "FLAPPING"
MAINT: Final = "MAINT"
SUPPRESSED: Final = "SUPPRESSED"
ACKED: Final = "ACKED"

# States of an alert. SUPPRESSED_ALERT: silenced or inhibited. GONE: no longer reported, and nothing says that it is over.
FIRING: Final = "firing"
SUPPRESSED_ALERT: Final = "suppressed"
GONE: Final = "gone? (source lost)"
GONE_BECAUSE: Final = "vigie: not resolved because"  # the annotation in which such an alert says why it is not over


class Availability(Struct, frozen=True, array_like=True):
    """How much of a window a check was up (OK or DEGRADED), out of the time for which that is known."""

    window_s: int
    share: float | None  # from 0 to 1; None: nothing is known
    known_s: float  # of the window, seconds for which a result speaks


class CheckState(Struct, frozen=True, kw_only=True):
    """One check as it stands. ``key`` is ``service/name`` and unique."""

    service: str
    name: str
    kind: str
    state: str = PENDING  # hard state
    raw: str = PENDING  # the last single result
    overlays: tuple[str, ...] = ()
    soft: tuple[int, int] | None = None  # (results seen, threshold) while raw and hard differ
    since: datetime | None = None  # start of the hard state; for a problem, its first bad result
    last_at: datetime | None = None  # the last result
    interval_s: float = 0.0
    timeout_s: float = 0.0
    latency_ms: float | None = None
    lateness_ms: float | None = None
    value: float | None = None
    unit: str = ""
    detail: str = ""  # one clean line in words: "http 503, 5 of 5 failing"
    labels: Mapping[str, str] = {}
    runbook: str = ""  # runbook id or path that the configuration names
    p50_ms: float | None = None  # latency of the last results
    p95_ms: float | None = None
    availability: tuple[Availability, ...] = ()  # over 1 h, 24 h and 7 d
    maintenance: str = ""  # the name of the window that it is in

    @property
    def key(self) -> str:
        """``service/name``."""
        return f"{self.service}/{self.name}"

    @property
    def stale(self) -> bool:
        """Whether the last result is too old to be believed."""
        return STALE in self.overlays

    @property
    def healthy(self) -> bool:
        """OK, by fresh evidence, and steadily."""
        return self.state == OK and not self.stale and FLAPPING not in self.overlays

    @property
    def counts_as(self) -> str:
        """The state that it is counted under.

        Stale is never OK, and neither is what flaps: that is DEGRADED. A problem in a maintenance window is MAINT.
        """
        found = STALE if self.stale else self.state
        if found == OK and FLAPPING in self.overlays:
            found = DEGRADED
        return MAINT if MAINT in self.overlays and found in (DOWN, DEGRADED, UNKNOWN, STALE) else found


class Ack(Struct, frozen=True, kw_only=True):
    """A local acknowledgement of one episode of an alert."""

    actor: str
    at: datetime
    reason: str = ""
    expires: datetime | None = None


class Alert(Struct, frozen=True, kw_only=True):
    """One alert: ours (a failing check) or another system's. An *episode* is (fingerprint, starts_at)."""

    fingerprint: str
    name: str
    severity: str = ""
    state: str = FIRING
    level: int = 1  # of urgency, by the configured severities; 0 is the worst
    starts_at: datetime
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    source: str = "vigie"
    runbook: str = ""  # what the alert itself names (label or annotation runbook / runbook_url)
    ack: Ack | None = None
    silenced_by: tuple[str, ...] = ()  # ids of silences
    inhibited_by: tuple[str, ...] = ()  # fingerprints of alerts
    reported_by: tuple[str, ...] = ()  # names of the sources that know it

    @property
    def handled(self) -> bool:
        """Whether somebody, or a rule, has dealt with it: it is acknowledged, silenced or inhibited."""
        return self.ack is not None or self.state == SUPPRESSED_ALERT

    @property
    def place(self) -> tuple[bool, int, float]:
        """Sorts alerts: unhandled first, then the most urgent, then the newest."""
        return (self.handled, self.level, -self.starts_at.timestamp())

    @property
    def episode(self) -> str:
        """Key of this occurrence: fingerprint and start."""
        return f"{self.fingerprint}@{int(self.starts_at.timestamp())}"


class Source(Struct, frozen=True, kw_only=True):
    """Where data comes from: ``checks`` (our own scheduler), an Alertmanager, a Prometheus."""

    name: str
    kind: str
    state: str = "ok"  # ok | warming | stale | lost
    last_ok: datetime | None = None
    error: str = ""
    note: str = ""  # what is worth saying though it answers: runs that were left out
    watchdog: str = ""  # the alert that always fires there, once it has been seen


class SilenceState(Struct, frozen=True, kw_only=True):
    """A silence of an Alertmanager: alerts that fit it tell nobody until it ends."""

    id: str
    source: str  # the first Alertmanager that reports it
    matchers: tuple[tuple[str, str, str], ...] = ()  # (label, one of = != =~ !~, value)
    author: str = ""
    comment: str = ""
    starts_at: datetime
    ends_at: datetime
    state: str = "active"  # active | pending | expired
    updated_at: datetime | None = None  # when it was made, or changed last

    @property
    def words(self) -> str:
        """Its matchers as they are written: ``alertname="QueueDeep" queue=~"a.*"``."""
        return " ".join(f"{name}{sign}{_quoted(value)}" for name, sign, value in self.matchers)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class Report(Struct, frozen=True, kw_only=True):
    """What a :class:`Feed` knows now: how its sources are, and all their alerts (the last known ones of a lost source)."""

    sources: tuple[Source, ...]
    alerts: tuple[Alert, ...] = ()
    evidence: Mapping[str, str] = {}  # why an alert that is missing is over: by fingerprint; "" = by its source's word
    silences: tuple[SilenceState, ...] = ()  # of all Alertmanagers, each once; those that have ended, too


class Feed(Protocol):
    """Alerts other than those of our own checks: an Alertmanager, a Prometheus, rules evaluated here."""

    async def run(self, report: Callable[[Report], None]) -> None:
        """Until cancelled: call *report*, on the running loop, whenever something has changed. Never raises."""
        ...

    def hurry(self, source: str) -> None:
        """Somebody wants the source of that name asked at once. Unknown names are left alone."""
        ...


class AlertGroup(Struct, frozen=True, kw_only=True):
    """The alerts of one name from other systems: how many, and the most urgent of them."""

    name: str
    count: int
    unhandled: int
    level: int
    severity: str
    newest: datetime


class StatusSnapshot(Struct, frozen=True, kw_only=True, dict=True):
    """Everything the status screen shows, at one moment.

    ``alerts`` holds ours and the first of the others, in the order of their place; all of the others lie in status.db
    (console.watch.status_reader), and ``groups`` counts them.
    """

    taken_at: datetime
    checks: tuple[CheckState, ...] = ()
    alerts: tuple[Alert, ...] = ()
    groups: tuple[AlertGroup, ...] = ()
    sources: tuple[Source, ...] = ()
    silences: tuple[SilenceState, ...] = ()  # active and pending ones
    epoch: int = 0  # the watch leader's lease epoch
    config_hash: str = ""
    version: int = 0  # grows with every publication

    def counts(self) -> dict[str, int]:
        """Checks by what they count as (:attr:`CheckState.counts_as`), the worst first."""
        return dict(self._counts)

    @cached_property
    def _counts(self) -> dict[str, int]:
        # A header asks at every key, of thousands of checks.
        result = dict.fromkeys((DOWN, DEGRADED, UNKNOWN, STALE, PENDING, MAINT, INFO, OK), 0)
        for check in self.checks:
            result[check.counts_as] += 1
        return result

    @property
    def overall(self) -> str:
        """The worst of it in one word; OK only when every check and every source is fresh and OK."""
        counts = self.counts()
        for state in (DOWN, UNKNOWN, STALE, DEGRADED, PENDING):
            if counts[state]:
                return state
        if any(source.state != "ok" for source in self.sources):
            return UNKNOWN
        if any(alert.state != SUPPRESSED_ALERT for alert in self.alerts if alert.source != "vigie"):
            return DEGRADED  # alerts of our own checks are counted with them
        if counts[MAINT]:
            return MAINT
        if counts[INFO] and not counts[OK]:
            return INFO
        return OK if self.checks or self.sources else UNKNOWN

    @cached_property
    def unhandled(self) -> tuple[int, int]:
        """How many alerts nobody and no rule has dealt with, and how many there are; also those that are only counted."""
        alerts = [alert for alert in self.alerts if alert.source == "vigie" or not self.groups]
        waiting = sum(not alert.handled for alert in alerts) + sum(group.unhandled for group in self.groups)
        return waiting, len(alerts) + sum(group.count for group in self.groups)

    @cached_property
    def foreign(self) -> int:
        """How many alerts of other systems there are, shown here or not."""
        return sum(group.count for group in self.groups)
