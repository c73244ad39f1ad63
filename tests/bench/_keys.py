"""Keys pressed one after the other, and what each of them cost: bytes, and the time until the screen stood again."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tests.bench._replay import Replay, settled_after
from tests.bench._tty import Meter

# What changes by itself in the console: the clocks at the right of the two upper lines, the ages of the sources.
CLOCKS: Final = ((0, 1, -45, 2), (-13, 0, 0, 2))


@dataclass(frozen=True)
class Pressed:
    """What a kind of key cost: one entry a press. ``settled`` in milliseconds; presses without an effect are left out."""

    settled: tuple[float, ...]
    bytes: tuple[int, ...]
    idle: int  # presses that changed nothing

    @property
    def p50(self) -> float:
        return statistics.median(self.settled)

    @property
    def p95(self) -> float:
        return sorted(self.settled)[min(len(self.settled) - 1, int(len(self.settled) * 0.95))]

    @property
    def cost(self) -> float:
        """Bytes, the median."""
        return statistics.median(self.bytes)


def press_each(
    meter: Meter,
    keys: Sequence[str],
    *,
    ignored: Iterable[tuple[int, int, int, int]] = (),
    wait: Callable[[], None] | None = None,
    quiet: float = 0.08,
    limit: float = 2.0,
) -> Pressed:
    """Press *keys*, each when the last one's answer stands (or *wait* says so), and read the costs off the recording.

    An answer stands when nothing has come for *quiet* seconds; *limit* seconds are enough for any.
    """
    pressed: list[float] = []
    for key in keys:
        pressed.append(meter.press(key))
        if wait is None:
            meter.quiet(quiet, limit)
        else:
            wait()
    found = settled_after(Replay(meter.size, ignored), meter.chunks, pressed, meter.now())
    return Pressed(
        settled=tuple(at * 1000 for at, _ in found if at is not None),
        bytes=tuple(size for at, size in found if at is not None),
        idle=sum(at is None for at, _ in found),
    )


def paced(meter: Meter, seed: int) -> Callable[[], None]:
    """For a screen that is never quiet: a pause of 120 to 220 ms, off the beat of whatever ticks in the program."""
    chance = random.Random(seed)
    return lambda: meter.run(chance.uniform(0.12, 0.22))
