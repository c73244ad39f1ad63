"""Milestones and intervals of an incident, honest about what is missing.

No endpoint is ever invented: a missing one makes the interval "not recorded". A negative interval is signed and flagged,
never clamped. Approximate endpoints give ``~``, a day-level one whole days. Impact is the union of its windows.
Reopened incidents keep every stamp: ``mitigated``, ``resolved`` and ``impact_end`` count from the last, the others from
the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from statistics import median, quantiles
from typing import Any, Final

from msgspec import Struct

from console.clock import rfc3339
from console.incident.state import Incident, Stamp, Window
from console.journal.events import MILESTONES

# name: (what it is called, from, to)
INTERVALS: Final[dict[str, tuple[str, str, str]]] = {
    "ttd": ("time to detect", "impact_start", "detected"),
    "ttdeclare": ("time to declare", "impact_start", "declared"),
    "tta": ("time to acknowledge", "detected", "acknowledged"),
    "ttm": ("time to mitigate", "impact_start", "mitigated"),
    "ttr": ("time to resolve", "impact_start", "resolved"),
}
_LAST: Final = frozenset({"mitigated", "resolved", "impact_end"})
_ROUGH: Final = frozenset({"approx", "hour", "day"})


class Milestone(Struct, frozen=True, kw_only=True):
    """One milestone: the stamp that counts, and how many there are. ``event`` "" = an edge of an impact window."""

    name: str
    at: datetime
    precision: str
    event: str = ""
    stamps: int = 1


class Interval(Struct, frozen=True, kw_only=True):
    """``to`` minus ``from``. ``seconds`` None = not recorded, see ``needs``; day-level ones are whole days."""

    name: str
    label: str
    start: str
    end: str
    seconds: float | None = None
    precision: str = "second"  # the coarser of the two ends
    needs: tuple[str, ...] = ()

    @property
    def approximate(self) -> bool:
        """Whether an end is known only roughly."""
        return self.precision in _ROUGH

    @property
    def negative(self) -> bool:
        """The record contradicts itself: ``end`` was before ``start``."""
        return self.seconds is not None and self.seconds < 0


class Metrics(Struct, frozen=True, kw_only=True):
    """All of it. ``impact_seconds`` counts windows that have both ends; ``impact_open`` says that one goes on."""

    milestones: dict[str, Milestone | None]
    marks: dict[str, Milestone]  # marks of an import that are no milestones of ours
    intervals: dict[str, Interval]
    impact_seconds: float | None
    impact_precision: str
    impact_open: bool
    impact_open_since: datetime | None
    impact_needs: tuple[str, ...]
    reopened: int
    drill: bool


def compute(incident: Incident) -> Metrics:
    """The metrics of one incident."""
    stamps = incident.milestones()
    windows = incident.impact_windows()
    milestones: dict[str, Milestone | None] = {name: _pick(name, stamps.get(name, ())) for name in MILESTONES}
    if windows:
        milestones["impact_start"] = milestones["impact_start"] or _edge("impact_start", windows)
        milestones["impact_end"] = milestones["impact_end"] or _edge("impact_end", windows)
    marks = {name: found for name in stamps if name not in MILESTONES and (found := _pick(name, stamps[name]))}
    intervals = {name: interval(name, label, start, end, milestones) for name, (label, start, end) in INTERVALS.items()}
    seconds, precision, since, needs = _impact(windows, milestones, incident.is_open)
    return Metrics(
        milestones=milestones,
        marks=marks,
        intervals=intervals,
        impact_seconds=seconds,
        impact_precision=precision,
        impact_open=since is not None,
        impact_open_since=since,
        impact_needs=needs,
        reopened=incident.reopened,
        drill=incident.drill,
    )


def interval(name: str, label: str, start: str, end: str, milestones: dict[str, Milestone | None]) -> Interval:
    """The interval from *start* to *end*, whatever of it is recorded."""
    first, last = milestones.get(start), milestones.get(end)
    if first is None or last is None:
        needs = tuple(which for which, found in ((start, first), (end, last)) if found is None)
        return Interval(name=name, label=label, start=start, end=end, needs=needs)
    precision = coarser(first.precision, last.precision)
    return Interval(
        name=name,
        label=label,
        start=start,
        end=end,
        seconds=_between(first.at, last.at, precision),
        precision=precision,
    )


def coarser(*precisions: str) -> str:
    """The least precise of *precisions*."""
    order = ("microsecond", "second", "minute", "approx", "hour", "day")
    return max(precisions, key=lambda each: order.index(each) if each in order else len(order))


def _between(first: datetime, last: datetime, precision: str) -> float:
    if precision == "day":
        return float((last.date() - first.date()).days * 86400)
    return (last - first).total_seconds()


def _pick(name: str, stamps: Sequence[Stamp]) -> Milestone | None:
    if not stamps:
        return None
    stamp = stamps[-1] if name in _LAST else stamps[0]
    return Milestone(name=name, at=stamp.at, precision=stamp.precision, event=stamp.event, stamps=len(stamps))


def _edge(name: str, windows: Sequence[Window]) -> Milestone | None:
    precision = coarser(*(window.precision for window in windows))
    if name == "impact_start":
        return Milestone(name=name, at=min(window.start for window in windows), precision=precision)
    ends = [window.end for window in windows if window.end is not None]
    if len(ends) < len(windows):
        return None
    return Milestone(name=name, at=max(ends), precision=precision)


def _impact(
    windows: Sequence[Window], milestones: dict[str, Milestone | None], is_open: bool
) -> tuple[float | None, str, datetime | None, tuple[str, ...]]:
    """``(seconds, precision, open since, needs)``."""
    start, end, resolved = milestones["impact_start"], milestones["impact_end"], milestones["resolved"]
    if not windows:
        if start is None:
            return None, "second", None, ("impact_start",) if end else ("impact_start", "impact_end")
        if end is None:
            # Over without a word on when impact ended: not ongoing, and not known either.
            return None, "second", start.at if is_open and resolved is None else None, ("impact_end",)
        precision = coarser(start.precision, end.precision)
        return _between(start.at, end.at, precision), precision, None, ()
    closed: list[tuple[datetime, datetime]] = []
    since: datetime | None = None
    for window in windows:
        stop = window.end
        if stop is None and end is not None and end.at >= window.start:
            stop = end.at
        if stop is None:
            since = window.start if since is None else min(since, window.start)
        else:
            closed.append((window.start, stop))
    precision = coarser(*(window.precision for window in windows))
    if not closed:
        return None, precision, since, ("impact_end",)
    total = sum(_between(first, last, precision) for first, last in union(closed))
    return total, precision, since, ()


def union(windows: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """*windows* with overlaps merged, in order."""
    merged: list[tuple[datetime, datetime]] = []
    for start, end in sorted(windows):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────


def duration(seconds: float, precision: str) -> str:
    """``24h11m``, ``4m10s``, ``~20m``, ``-23m``, ``13d``: no more units than the precision carries."""
    sign = "-" if seconds < 0 else ""
    whole = int(abs(seconds))
    if precision == "day":
        return f"{sign}{whole // 86400}d"
    about = "~" if precision in _ROUGH else ""
    hours, rest = divmod(whole, 3600)
    minutes, secs = divmod(rest, 60)
    if precision in ("microsecond", "second") and secs:
        text = f"{hours}h{minutes:02d}m{secs:02d}s" if hours else f"{minutes}m{secs:02d}s" if minutes else f"{secs}s"
    elif hours:
        text = f"{hours}h{minutes:02d}m" if minutes else f"{hours}h"
    else:
        text = f"{minutes}m"
    return about + sign + text


def value_words(found: Interval) -> str:
    """The value in words: a duration, with ⚠ when it is negative, or what is missing."""
    if found.seconds is None:
        return f"not recorded (needs: {', '.join(found.needs)})"
    text = duration(found.seconds, found.precision)
    return f"{text} ⚠ {found.end} is before {found.start}" if found.negative else text


def moment_words(milestone: Milestone | None) -> str:
    """``2018-10-21 22:52 UTC``, ``~…`` or a date; ``not recorded``."""
    if milestone is None:
        return "not recorded"
    if milestone.precision == "day":
        return f"{milestone.at:%Y-%m-%d}"
    seconds = milestone.precision in ("second", "microsecond") and milestone.at.second
    clock = f"{milestone.at:%H:%M:%S}" if seconds else f"{milestone.at:%H:%M}"
    about = "~" if milestone.precision in _ROUGH else ""
    return f"{about}{milestone.at:%Y-%m-%d} {clock} UTC"


def impact_words(metrics: Metrics) -> str:
    """The impact in words."""
    known = None if metrics.impact_seconds is None else duration(metrics.impact_seconds, metrics.impact_precision)
    if known is not None and metrics.impact_seconds is not None and metrics.impact_seconds < 0:
        known += " ⚠ impact_end is before impact_start"
    if metrics.impact_open_since is not None:
        since = f"ongoing since {metrics.impact_open_since:%Y-%m-%d %H:%M} UTC"
        return since if known is None else f"{known}, and {since}"
    return f"not recorded (needs: {', '.join(metrics.impact_needs)})" if known is None else known


def as_json(metrics: Metrics) -> dict[str, Any]:
    """The document of ``vigie metrics --json``; times are RFC 3339 UTC, durations seconds."""
    return {
        "milestones": {name: rfc3339(found.at) if found else None for name, found in metrics.milestones.items()},
        "precisions": {name: found.precision for name, found in metrics.milestones.items() if found},
        "stamps": {name: found.stamps for name, found in metrics.milestones.items() if found},
        "marks": {name: rfc3339(found.at) for name, found in metrics.marks.items()},
        "intervals": {
            name: {
                "label": found.label,
                "seconds": _number(found.seconds),
                "from": found.start,
                "to": found.end,
                "approximate": found.approximate,
                "negative": found.negative,
                "needs": list(found.needs),
                "text": value_words(found),
            }
            for name, found in metrics.intervals.items()
        },
        "impact_seconds": _number(metrics.impact_seconds),
        "impact_open": metrics.impact_open,
        "impact_open_since": rfc3339(metrics.impact_open_since) if metrics.impact_open_since else None,
        "impact_needs": list(metrics.impact_needs),
        "impact_text": impact_words(metrics),
        "reopened": metrics.reopened,
        "drill": metrics.drill,
    }


def _number(seconds: float | None) -> float | int | None:
    return int(seconds) if seconds is not None and seconds.is_integer() else seconds


# ── across incidents ─────────────────────────────────────────────────────────────────────────────────────────────


class Spread(Struct, frozen=True, kw_only=True):
    """One interval over many incidents. No mean: durations are skewed. ``left_out`` lacked data or were negative."""

    name: str
    label: str
    n: int
    left_out: int
    drills: int
    median: float | None = None
    low: float | None = None  # quartiles; the extremes when there are fewer than four
    high: float | None = None


def across(found: Sequence[Metrics]) -> dict[str, Spread]:
    """n, median and spread of each interval; drills are left out, and counted."""
    real = [metrics for metrics in found if not metrics.drill]
    result = {}
    for name, (label, _, _) in INTERVALS.items():
        values = [
            seconds
            for metrics in real
            if (seconds := metrics.intervals[name].seconds) is not None and not metrics.intervals[name].negative
        ]
        low, high = _spread(values)
        result[name] = Spread(
            name=name,
            label=label,
            n=len(values),
            left_out=len(real) - len(values),
            drills=len(found) - len(real),
            median=median(values) if values else None,
            low=low,
            high=high,
        )
    return result


def _spread(values: Sequence[float]) -> tuple[float | None, float | None]:
    if not values:
        return None, None
    if len(values) < 4:
        return min(values), max(values)
    low, _, high = quantiles(values, n=4, method="inclusive")
    return low, high
