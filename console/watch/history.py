"""How a check has been: for how long it was up in the last hour, day and week, and how fast it answered.

Each result speaks for the time until the next one, but not for longer than it may be believed: what nobody looked at is
not known, and counts neither as up nor as down. The time is kept in minutes for an hour and in hours for a week, in
rings, so that a thousand checks cost a few megabytes, here and in status.db.
"""

from __future__ import annotations

import math
from array import array
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from console.snapshot import DEGRADED, OK, UNKNOWN, Availability

MINUTE: Final = 60
HOUR: Final = 3600
RINGS: Final = {MINUTE: 60, HOUR: 168}  # seconds that a slot covers → how many slots are kept
WINDOWS: Final = (3600, 24 * 3600, 7 * 24 * 3600)
LATENCIES: Final = 360  # results that the percentiles are of
_ENOUGH: Final = 20  # of them, before those of the last leader are left


class Rollup(Struct, frozen=True, kw_only=True):
    """One slot of a ring: *span* seconds from *at* (seconds of the epoch)."""

    span: int
    at: int
    up_s: float = 0.0  # OK or DEGRADED
    bad_s: float = 0.0  # DOWN
    blind_s: float = 0.0  # UNKNOWN: looked, and could not tell
    p50_ms: float | None = None
    p95_ms: float | None = None
    value: float | None = None  # the mean


def percentile(numbers: Sequence[float], share: float) -> float | None:
    """The smallest of *numbers*, sorted, that *share* of them do not exceed (nearest rank); None of none."""
    return numbers[max(0, math.ceil(share * len(numbers)) - 1)] if numbers else None


class _Ring:
    """Up and known seconds by slot."""

    __slots__ = ("_at", "_known", "_up", "size", "span")

    def __init__(self, span: int) -> None:
        self.span, self.size = span, RINGS[span]
        self._at = array("q", [-1]) * self.size
        self._up = array("f", [0.0]) * self.size
        self._known = array("f", [0.0]) * self.size

    @property
    def columns(self) -> tuple[array[int], array[float], array[float]]:
        return self._at, self._up, self._known

    def put(self, at: int, up_s: float, known_s: float) -> None:
        slot = at // self.span % self.size
        if self._at[slot] <= at:
            self._at[slot], self._up[slot], self._known[slot] = at, up_s, known_s

    def sums(self, since: float) -> tuple[float, float]:
        up = known = 0.0
        for slot, at in enumerate(self._at):
            if at >= since:
                up += self._up[slot]
                known += self._known[slot]
        return up, known

    def rows(self) -> Iterable[Rollup]:
        for slot, at in enumerate(self._at):
            if at >= 0:
                up, known = self._up[slot], self._known[slot]
                yield Rollup(span=self.span, at=at, up_s=up, bad_s=known - up)


class _Open:
    """The slot that time is put into now."""

    __slots__ = ("at", "bad_s", "blind_s", "count", "span", "total", "up_s")

    def __init__(self, span: int, at: int) -> None:
        self.span, self.at = span, at
        self.up_s = self.bad_s = self.blind_s = self.total = 0.0
        self.count = 0

    def add(self, seconds: float, state: str, value: float | None) -> None:
        if state in (OK, DEGRADED):
            self.up_s += seconds
        elif state == UNKNOWN:
            self.blind_s += seconds
        else:
            self.bad_s += seconds
        if value is not None:
            self.total += value
            self.count += 1


class History:
    """The history of one check."""

    __slots__ = ("_before", "_latencies", "_open", "_percentiles", "_rings", "_windows")

    def __init__(self) -> None:
        self._rings = {span: _Ring(span) for span in RINGS}
        self._open: dict[int, _Open] = {}
        self._latencies: deque[float] = deque(maxlen=LATENCIES)
        self._before: tuple[float | None, float | None] = (None, None)
        self._windows: tuple[Availability, ...] = ()
        self._percentiles: tuple[float | None, float | None] | None = None

    def slots(self, span: int) -> tuple[array[int], array[float], array[float]]:
        """The ring of *span* seconds, to be filled with what was stored: beginning, up and known seconds by slot."""
        return self._rings[span].columns

    def restore(self, row: Rollup) -> None:
        """A slot as the last leader left it; the newest of a span, which is gone on with, comes last."""
        self._rings[row.span].put(row.at, row.up_s, row.up_s + row.bad_s)
        slot = self._open[row.span] = _Open(row.span, row.at)
        slot.up_s, slot.bad_s, slot.blind_s = row.up_s, row.bad_s, row.blind_s
        if row.value is not None:
            slot.total, slot.count = row.value, 1
        if row.span == HOUR and row.p50_ms is not None:
            self._before = (row.p50_ms, row.p95_ms)

    def add(
        self, now: float, seconds: float, before: str, *, latency_ms: float | None = None, value: float | None = None
    ) -> list[Rollup]:
        """A result came at *now* (seconds of the epoch), and *before* is the state that held for *seconds* until then.

        Returns what has to be stored: once in a minute.
        """
        if latency_ms is not None:
            self._latencies.append(latency_ms)
            self._percentiles = None
        closed: list[Rollup] = []
        minute = self._open.get(MINUTE)
        if minute is not None and now >= minute.at + MINUTE:
            closed = self.flush()
        for span in RINGS:
            slot = self._open.get(span)
            if slot is None or now >= slot.at + span:
                if slot is not None:
                    self._settle(slot)
                slot = self._open[span] = _Open(span, int(now // span) * span)
            slot.add(seconds, before, value)
        if closed or not self._windows:
            self._windows = self._sums(now)
        return closed

    def _settle(self, slot: _Open) -> None:
        self._rings[slot.span].put(slot.at, slot.up_s, slot.up_s + slot.bad_s)

    def flush(self) -> list[Rollup]:
        """The slots that are filled now, to be stored."""
        p50, p95 = self.latency
        for slot in self._open.values():
            self._settle(slot)
        return [
            Rollup(
                span=slot.span,
                at=slot.at,
                up_s=slot.up_s,
                bad_s=slot.bad_s,
                blind_s=slot.blind_s,
                p50_ms=p50,
                p95_ms=p95,
                value=slot.total / slot.count if slot.count else None,
            )
            for slot in self._open.values()
        ]

    def rows(self) -> list[Rollup]:
        """All that is known, for a new status.db: without the latencies of the slots that are over."""
        flushed = self.flush()
        now = {(row.span, row.at) for row in flushed}
        kept = [row for ring in self._rings.values() for row in ring.rows() if (row.span, row.at) not in now]
        return sorted([*kept, *flushed], key=lambda row: (row.span, row.at))

    @property
    def latency(self) -> tuple[float | None, float | None]:
        """p50 and p95 of the last results, in milliseconds."""
        if self._percentiles is None:
            if len(self._latencies) < _ENOUGH and self._before[0] is not None:
                return self._before
            numbers = sorted(self._latencies)
            self._percentiles = (percentile(numbers, 0.5), percentile(numbers, 0.95))
        return self._percentiles

    @property
    def availability(self) -> tuple[Availability, ...]:
        """Over each of :data:`WINDOWS`, as it was at the last full minute; empty before there is a result."""
        return self._windows

    def measure(self, now: float) -> tuple[Availability, ...]:
        """The same as it is at *now*."""
        for slot in self._open.values():
            self._settle(slot)
        self._windows = self._sums(now)
        return self._windows

    def _sums(self, now: float) -> tuple[Availability, ...]:
        for slot in self._open.values():
            self._settle(slot)
        found = []
        for window in WINDOWS:
            ring = self._rings[MINUTE if window <= HOUR else HOUR]
            up, known = ring.sums(now - window)
            share = min(1.0, up / known) if known > 0 else None
            found.append(Availability(window, share, round(min(known, float(window)), 1)))
        return tuple(found)
