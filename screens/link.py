"""The link to the operator's terminal, as it is felt: how long an answer takes, how much goes through, and what steps down.

The driver asks for the cursor's position behind each frame (``term/pace.py``); how long the answer took, with how many
bytes on their way, comes here about once a second. A link is *slow* from :data:`SLOW_S` there and back, or below
:data:`SLOW_BYTES` a second; it is fast again a good while below :data:`FAST_S`. Nothing measured says nothing: a
terminal that never answers, and Textual's own driver, count as fast.

On a slow link, by themselves: clocks show minutes, ages are coarser and change together every :data:`BEAT_S`, what only
repeats itself is drawn every :data:`BEAT_S` (a state that changed is always drawn at once), and nothing moves for show.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from math import inf
from typing import Final

from console.clock import span

MODES: Final = ("auto", "slow", "fast")
SLOW_S: Final = 0.150  # there and back, from which on it is said, and things step down
FAST_S: Final = 0.100  # below it the link is fast again
SLOW_BYTES: Final = 8_000  # bytes a second: 64 kbit/s
FAST_BYTES: Final = 16_000
CALM_S: Final = 10.0  # it must have been fast for so long, so that nothing flickers
BEAT_S: Final = 10  # seconds between the beats of a slow link
ASK_S: Final = 10.0  # a link that steps down is asked after so long without a frame: four bytes and six for the answer
AWAY_S: Final = 300.0  # no key for so long: nobody is asked for
_SMALL: Final = 256  # bytes on their way, up to which an answer tells the way and not the load
_LARGE: Final = 400  # bytes from which on it tells the load
_AMISS_S: Final = 0.15  # so much sooner than expected, and the link is no longer that narrow
_WAIT_S: Final = 0.1  # beyond the way itself
_SAMPLES: Final = 5


def _median(values: Iterable[float]) -> float:
    found = sorted(values)  # the module that has one costs every start some milliseconds
    return found[len(found) // 2]


class Link:
    """What is known of the link. Times are seconds of a monotonic clock; *mode* is one of :data:`MODES`."""

    def __init__(self, mode: str = "auto") -> None:
        self.mode = mode
        self.trip: float | None = None  # seconds there and back: the median of the last answers
        self.rate: float | None = None  # bytes a second, where enough was under way to tell
        self.narrow: float | None = (
            None  # the same from the last answer that took its time, for as long as none belies it
        )
        self._trips: deque[float] = deque(maxlen=_SAMPLES)
        self._loads: deque[tuple[float, int]] = deque(maxlen=3)
        self._felt_slow = False
        self._calm_since: float | None = None
        self._asked = self._heard = self._touched = float("-inf")

    @property
    def slow(self) -> bool:
        """Whether things step down."""
        return self.mode == "slow" or (self.mode == "auto" and self._felt_slow)

    @property
    def felt_slow(self) -> bool:
        """Whether the link is slow by what was measured, whatever the mode."""
        return self._felt_slow

    def take(self, trips: Iterable[tuple[float, int]], now: float) -> bool:
        """Take what was measured: ``(seconds, bytes on their way)``. Whether the link became slow, or fast, by it."""
        before = self.slow
        found = False
        loads: list[tuple[float, int]] = []
        way_known = self.trip is not None
        for seconds, size in trips:
            found = True
            if size <= _SMALL:
                self._trips.append(seconds)
                continue
            loads.append((seconds, size))
            if size >= _LARGE:
                self._loads.append((seconds, size))
        if found:
            self._heard = now
            if self._touched == float("-inf"):  # whoever opened it is there
                self._touched = now
        # One answer alone may have waited for something else: a terminal that starts, a machine that swaps.
        if len(self._trips) > 1:
            self.trip = _median(self._trips)
        if len(self._loads) > 1 and self.trip is not None:
            # Only what an operator waits for: a quick answer says that there is enough, not how much.
            waits = [(seconds - self.trip, size) for seconds, size in self._loads]
            rate = _median(size / seconds if seconds >= _WAIT_S else inf for seconds, size in waits)
            self.rate = None if rate == inf else rate
        # What came before the way was known is measured by it now.
        for seconds, size in loads if way_known else self._loads:
            self._squeeze(seconds, size)
        if found:
            self._judge(now)
        return self.slow != before

    def _squeeze(self, seconds: float, size: int) -> None:
        wait = seconds - (self.trip or 0.0)
        if self.trip is not None and wait >= _WAIT_S:
            self.narrow = size / wait
        elif self.narrow is not None and size / self.narrow - wait > _AMISS_S:
            self.narrow = None

    def _judge(self, now: float) -> None:
        trip, rate = self.trip, self.rate
        if (trip is not None and trip >= SLOW_S) or (rate is not None and rate < SLOW_BYTES):
            self._felt_slow, self._calm_since = True, None
        elif (trip is not None and trip >= FAST_S) or (rate is not None and rate < FAST_BYTES):
            self._calm_since = None  # neither: it stays what it was
        elif self._felt_slow:
            self._calm_since = now if self._calm_since is None else self._calm_since
            self._felt_slow = now - self._calm_since < CALM_S

    def touch(self, now: float) -> None:
        """A key was pressed: somebody is there."""
        self._touched = now

    def wants_answer(self, now: float) -> bool:
        """Whether the terminal should be asked now: it has answered before, but nothing was sent for a while."""
        pause = 1.0 if self.trip is None else ASK_S
        if self._heard == float("-inf") or now - self._touched > AWAY_S or now - max(self._heard, self._asked) < pause:
            return False
        self._asked = now
        return True

    def words(self) -> str:
        """What the header says: ``link 310 ms``, ``link 0.9 kB/s``; "" while there is nothing to be said."""
        if not self._felt_slow:
            return "link slow" if self.mode == "slow" else ""
        trip, rate = self.trip, self.rate
        if trip is not None and trip >= FAST_S:
            # Two digits are enough, and cost fewer frames than three.
            return f"link {float(f'{trip * 1000:.2g}'):.0f} ms" if trip < 10 else f"link {trip:.0f} s"
        return f"link {rate / 1000:.1f} kB/s" if rate is not None else "link slow"

    # ── what steps down ─────────────────────────────────────────────────────────────────────────────────────────

    def beat(self, now: datetime) -> int:
        """Changes once a second; once in :data:`BEAT_S` on a slow link, for everything at the same moment."""
        return int(now.timestamp()) // (BEAT_S if self.slow else 1)

    def age(self, seconds: float) -> str:
        """An age in words, coarser on a slow link: ``<10s``, tens of seconds, minutes, hours."""
        if not self.slow or seconds < 0:
            return span(seconds)
        if seconds < 60:
            return f"{int(seconds) // 10 * 10}s" if seconds >= 10 else "<10s"
        return span(int(seconds) // 60 * 60)

    def time(self, moment: datetime) -> str:
        """The time of day: ``14:05:09Z``, ``14:05Z`` on a slow link."""
        return f"{moment:%H:%M}Z" if self.slow else f"{moment:%H:%M:%S}Z"
