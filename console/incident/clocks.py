"""The clocks of an incident: T+0 and what it rests on, how long the impact lasts, how long since it was declared."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from console.incident.metrics import Metrics, Milestone, compute
from console.incident.state import Incident


class Zero(Struct, frozen=True, kw_only=True):
    """T+0, and which milestone it is."""

    at: datetime
    basis: str  # impact_start | detected | declared
    precision: str = "microsecond"


class Clock(Struct, frozen=True, kw_only=True):
    """One running or stopped clock. ``label`` says which; ``seconds`` may be negative when the record says so."""

    label: str  # "impact" | "declared"
    since: datetime
    seconds: float
    running: bool
    approximate: bool = False


class Clocks(Struct, frozen=True, kw_only=True):
    """All of them at one moment; None where the record has no start."""

    zero: Zero | None
    impact: Clock | None
    declared: Clock | None


def zero_of(metrics: Metrics) -> Zero | None:
    """T+0 is impact_start if recorded, else detected, else declared."""
    for basis in ("impact_start", "detected", "declared"):
        found = metrics.milestones[basis]
        if found is not None:
            return Zero(at=found.at, basis=basis, precision=found.precision)
    return None


def clocks(incident: Incident, now: datetime) -> Clocks:
    """The clocks as they stand at *now*."""
    return clocks_of(incident, compute(incident), now)


def clocks_of(incident: Incident, metrics: Metrics, now: datetime) -> Clocks:
    """The same from *metrics* that were computed when the incident changed, for who asks once a second."""
    closed = None if incident.is_open else incident.closed_at
    marks = metrics.milestones
    ended = marks["impact_end"] or marks["resolved"]
    stopped = ended.at if ended else closed
    over = closed or (marks["resolved"].at if marks["resolved"] else None)
    return Clocks(
        zero=zero_of(metrics),
        impact=_clock("impact", marks["impact_start"], stopped, now),
        declared=_clock("declared", marks["declared"], over, now),
    )


def _clock(label: str, start: Milestone | None, stop: datetime | None, now: datetime) -> Clock | None:
    if start is None:
        return None
    return Clock(
        label=label,
        since=start.at,
        seconds=((stop or now) - start.at).total_seconds(),
        running=stop is None,
        approximate=start.precision in ("approx", "hour", "day"),
    )
