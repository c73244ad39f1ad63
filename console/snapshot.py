"""The structs that watch, alerts, runbooks, incidents and screens share: what is true now.

Producers make a frozen :class:`StatusSnapshot`; everybody else reads it. All times are aware UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Protocol

from msgspec import Struct

# Raw and hard states (status-and-alerts): UNKNOWN means "could not measure" and is never mapped to OK or DOWN.
OK: Final = "OK"
DEGRADED: Final = "DEGRADED"
DOWN: Final = "DOWN"
UNKNOWN: Final = "UNKNOWN"
PENDING: Final = "PENDING"

# Overlays of a check, kept apart from its state.
STALE: Final = "STALE"
FLAPPING: Final = "FLAPPING"
MAINT: Final = "MAINT"
SUPPRESSED: Final = "SUPPRESSED"
ACKED: Final = "ACKED"


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
        """OK, and by fresh evidence."""
        return self.state == OK and not self.stale


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
    state: str = "firing"  # firing | suppressed | gone? (source lost)
    starts_at: datetime
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    source: str = "vigie"
    runbook: str = ""  # what the alert itself names (label or annotation runbook / runbook_url)
    ack: Ack | None = None

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


class Report(Struct, frozen=True, kw_only=True):
    """What a :class:`Feed` knows now: how it is itself, and all its alerts (the last known ones when it is lost)."""

    source: Source
    alerts: tuple[Alert, ...] = ()


class Feed(Protocol):
    """Alerts other than those of our own checks: an Alertmanager, a Prometheus, rules evaluated here."""

    async def run(self, report: Callable[[Report], None]) -> None:
        """Until cancelled: call *report*, on the running loop, whenever something has changed. Never raises."""
        ...


class StatusSnapshot(Struct, frozen=True, kw_only=True):
    """Everything the status screen shows, at one moment."""

    taken_at: datetime
    checks: tuple[CheckState, ...] = ()
    alerts: tuple[Alert, ...] = ()
    sources: tuple[Source, ...] = ()
    epoch: int = 0  # the watch leader's lease epoch
    config_hash: str = ""
    version: int = 0  # grows with every publication

    def counts(self) -> dict[str, int]:
        """Checks by what they count as: DOWN, DEGRADED, UNKNOWN, STALE, PENDING, OK. Stale is never OK."""
        result = dict.fromkeys((DOWN, DEGRADED, UNKNOWN, STALE, PENDING, OK), 0)
        for check in self.checks:
            result[STALE if check.stale else check.state] += 1
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
        if any(alert.state != "suppressed" for alert in self.alerts):
            return DEGRADED
        return OK if self.checks or self.sources else UNKNOWN
