"""When checks run: due times on a grid spread by hash, bounded concurrency, late runs left out, lateness measured.

The grid lies on CLOCK_BOOTTIME, so it is the same in every process of a host and survives a change of leader. A check
is never run twice at once: its next due time is found when a run has ended, and what was missed meanwhile is skipped
and counted, never made up for in a burst.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import zlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from msgspec.structs import replace

from console.clock import Clock
from console.watch.checks import Check
from console.watch.places import Places
from console.watch.state import Result

_FIRST_RUNS_S: Final = 3.0  # the first run of every check comes within this time
_FIRST_RATE: Final = 200  # unless there would be more of them in a second
_REMEMBERED: Final = 1000  # runs whose lateness is kept
_LATE_MS: Final = 1000  # from here on it is worth saying


def place_on_grid(key: str) -> float:
    """Where in its interval a check is due: a fraction from 0 to 1 that depends on its key alone."""
    return zlib.crc32(key.encode()) / 2**32


def next_due(now: float, interval: float, fraction: float) -> float:
    """The first grid point after *now*."""
    due = (math.floor(now / interval - fraction) + 1 + fraction) * interval
    return due if due > now else due + interval


def missed(due: float, now: float, interval: float) -> int:
    """How many grid points after *due* have passed by *now*."""
    return max(0, math.floor((now - due) / interval))


class Punctuality:
    """How late runs start, and how many were left out. Times in seconds on CLOCK_BOOTTIME."""

    def __init__(self) -> None:
        self._late: deque[float] = deque(maxlen=_REMEMBERED)
        self._skips: deque[tuple[float, int]] = deque(maxlen=_REMEMBERED)

    def ran(self, lateness_s: float) -> None:
        """A run started *lateness_s* after it was due."""
        self._late.append(lateness_s)

    def skipped(self, count: int, now: float) -> None:
        """*count* runs were left out."""
        if count:
            self._skips.append((now, count))

    def percentile_ms(self, share: float) -> float:
        """The lateness that *share* of the last runs did not exceed, in milliseconds."""
        late = sorted(self._late)
        return 1000 * late[min(len(late) - 1, int(share * len(late)))] if late else 0.0

    def words(self, now: float) -> str:
        """What is to be said of it: runs left out or late in the last minute; "" when there is nothing to say."""
        skipped = self.skipped_since(now - 60)
        late_ms = self.percentile_ms(0.99)
        if skipped:
            return f"{skipped:,} {'run' if skipped == 1 else 'runs'} left out in the last minute"
        return f"checks start {late_ms / 1000:.1f}s late" if late_ms >= _LATE_MS else ""

    def skipped_since(self, start: float) -> int:
        """Runs left out after *start*."""
        return sum(count for at, count in self._skips if at > start)


class Scheduler:
    """Runs *checks* for ever. *run* measures; *take* gets the result and may ask for the next run in so many seconds."""

    def __init__(
        self,
        checks: Sequence[Check],
        run: Callable[[Check], Awaitable[Result]],
        take: Callable[[Check, Result], float | None],
        clock: Clock,
        *,
        places: Places | None = None,
    ) -> None:
        self._run_check = run
        self._take = take
        self._clock = clock
        self._places = places or Places(check.probe.host for check in checks)
        self._heap: list[tuple[float, str]] = []
        self._checks = {check.key: check for check in checks}
        self._fractions = {key: place_on_grid(key) for key in self._checks}
        self._woken = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self.punctuality = Punctuality()

    async def run(self) -> None:
        """Run until cancelled; then what is running is cancelled too."""
        start = self._clock.boottime()
        within = max(_FIRST_RUNS_S, len(self._checks) / _FIRST_RATE)
        for key, check in self._checks.items():
            spread = min(within, check.policy.interval) * self._fractions[key]
            heapq.heappush(self._heap, (start + spread, key))
        try:
            while True:
                await self._wait()
                now = self._clock.boottime()
                while self._heap and self._heap[0][0] <= now:
                    due, key = heapq.heappop(self._heap)
                    task = asyncio.create_task(self._one(self._checks[key], due))
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)
        finally:
            for task in self._running:
                task.cancel()

    def hurry(self, key: str) -> None:
        """Run the check *key* now, out of its turn; one that is running already is not run twice."""
        waiting = [entry for entry in self._heap if entry[1] != key]
        if len(waiting) == len(self._heap):
            return
        self._heap = [(self._clock.boottime(), key), *waiting]
        heapq.heapify(self._heap)
        self._woken.set()

    async def _wait(self) -> None:
        """Sleep until the next check is due, or one is put before it."""
        self._woken.clear()
        delay = self._heap[0][0] - self._clock.boottime() if self._heap else None
        if delay is not None and delay <= 0:
            return
        try:
            async with asyncio.timeout(delay):
                await self._woken.wait()
        except TimeoutError:
            pass

    async def _one(self, check: Check, due: float) -> None:
        pause: float | None = None
        try:
            async with self._places.place(check.probe.host):
                started = self._clock.boottime()
                if started - due < check.policy.interval:
                    self.punctuality.ran(started - due)
                    result = await self._run_check(check)
                    pause = self._take(check, replace(result, lateness_ms=round((started - due) * 1000, 1)))
        finally:  # whatever went wrong with this run, the check is never forgotten
            self._again(check, due, pause)

    def _again(self, check: Check, due: float, pause: float | None) -> None:
        now = self._clock.boottime()
        interval = check.policy.interval
        self.punctuality.skipped(missed(due, now, interval), now)
        again = now + pause if pause is not None else next_due(now, interval, self._fractions[check.key])
        heapq.heappush(self._heap, (again, check.key))
        if self._heap[0][1] == check.key:
            self._woken.set()


async def run_once(
    checks: Sequence[Check], run: Callable[[Check], Awaitable[Result]], take: Callable[[Check, Result], object]
) -> None:
    """Every check once, as many at a time as the schedule would run."""
    places = Places(check.probe.host for check in checks)

    async def one(check: Check) -> None:
        async with places.place(check.probe.host):
            take(check, await run(check))

    await asyncio.gather(*(one(check) for check in checks))
