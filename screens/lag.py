"""How long the event loop was away: between two looks at what has come, nothing is read, drawn or answered.

Every stretch is measured, at the selector, where the loop looks: two readings of a clock each time, no timer, nothing
while the console is idle. A sampling timer would miss most of what blocks, and would wake an idle console for ever.
"""

from __future__ import annotations

import time
from asyncio import AbstractEventLoop
from collections.abc import Callable
from itertools import accumulate
from math import log2
from typing import Any, Final

WINDOW_S: Final = 60.0
_SLOT_S: Final = 5.0
_SLOTS: Final = int(WINDOW_S / _SLOT_S)
_LEAST_S: Final = 20e-6  # the first bin
_BINS: Final = 80  # four to an octave: a fifth wide, up to 20 s


class LoopLag:
    """The stretches of the last minute. One event loop; *clock* is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._slots = [(-1, [0] * _BINS, [0.0]) for _ in range(_SLOTS)]  # (number, counts, [worst])
        self._back: float | None = None  # when the loop came back from looking; None while it looks
        self._selector: Any = None

    def install(self, loop: AbstractEventLoop) -> bool:
        """Measure *loop* from now on. False where its selector can't be reached."""
        selector = getattr(loop, "_selector", None)  # asyncio has no public way to its selector
        if selector is None or self._selector is not None:
            return False
        look = selector.select

        def select(timeout: float | None = None) -> Any:
            if self._back is not None:
                self.add(self._clock() - self._back)
            self._back = None
            found = look(timeout)
            self._back = self._clock()
            return found

        selector.select = select
        self._selector = selector
        return True

    def uninstall(self) -> None:
        """Leave the loop as it was."""
        if self._selector is not None:
            del self._selector.select  # ours hides the class's own
            self._selector = None

    def add(self, seconds: float) -> None:
        """The loop was away for *seconds*."""
        number = int(self._clock() / _SLOT_S)
        slot = self._slots[number % _SLOTS]
        if slot[0] != number:
            slot = self._slots[number % _SLOTS] = (number, [0] * _BINS, [0.0])
        slot[1][min(int(4 * log2(seconds / _LEAST_S)), _BINS - 1) if seconds > _LEAST_S else 0] += 1
        if seconds > slot[2][0]:
            slot[2][0] = seconds

    def away(self) -> float:
        """Seconds for which the loop has been away now; 0 while it waits. For other threads."""
        back = self._back
        return 0.0 if back is None else self._clock() - back

    def _recent(self) -> list[tuple[int, list[int], list[float]]]:
        oldest = int(self._clock() / _SLOT_S) - _SLOTS
        return [slot for slot in self._slots if slot[0] > oldest]

    def share(self, *shares: float) -> list[float]:
        """For each share (0–1): how long, in seconds, so many of the last minute's stretches were at the most."""
        counts = [sum(column) for column in zip(*(slot[1] for slot in self._recent()), strict=True)]
        total = sum(counts)
        found = []
        for wanted in shares:
            at = next((at for at, seen in enumerate(accumulate(counts)) if seen >= wanted * total), 0)
            found.append(min(_LEAST_S * 2 ** ((at + 1) / 4), self.worst()) if total else 0.0)
        return found

    def worst(self) -> float:
        """The longest stretch of the last minute, in seconds."""
        return max((slot[2][0] for slot in self._recent()), default=0.0)
