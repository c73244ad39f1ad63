"""A simulated link between a program and its person: delay and rate in both directions, and what a network may hold.

Ten bits a byte, as on a serial line. Times are seconds of the caller's clock; nothing here waits.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

_HOLDS: Final = 32_768  # bytes on their way before the program's writes block
_SHORT: Final = 16  # bytes that arrive together on the slowest link


@dataclass(frozen=True)
class Link:
    """``bits`` a second (0: as fast as it goes) and the round trip in seconds."""

    name: str
    bits: float = 0.0
    rtt: float = 0.0

    @property
    def rate(self) -> float:
        """Bytes a second."""
        return self.bits / 10


NONE: Final = Link("no link")
MBIT: Final = Link("1 Mbit/s, 300 ms", 1_000_000, 0.3)
MODEM: Final = Link("56 kbit/s, 300 ms", 56_000, 0.3)
SERIAL: Final = Link("9,600 bit/s, 300 ms", 9_600, 0.3)


class Wire:
    """What is on its way over a :class:`Link`, down to the person and up to the program."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._down: deque[tuple[float, bytes]] = deque()
        self._up: deque[tuple[float, bytes]] = deque()
        self._down_free = self._up_free = 0.0
        self._held = 0

    @property
    def has_room(self) -> bool:
        """Whether the program may write."""
        return self._held < _HOLDS

    def send_down(self, now: float, data: bytes) -> None:
        """The program wrote *data*."""
        rate = self._link.rate
        step = max(_SHORT, int(rate / 50)) if rate else len(data)
        for start in range(0, len(data), step):
            piece = data[start : start + step]
            self._down_free = max(now, self._down_free) + (len(piece) / rate if rate else 0.0)
            self._down.append((self._down_free + self._link.rtt / 2, piece))
        self._held += len(data)

    def send_up(self, now: float, data: bytes) -> None:
        """The person typed *data*, or the terminal answered."""
        rate = self._link.rate
        self._up_free = max(now, self._up_free) + (len(data) / rate if rate else 0.0)
        self._up.append((self._up_free + self._link.rtt / 2, data))

    def arrived(self, now: float) -> list[tuple[float, bytes]]:
        """What has come to the person by *now*, with the time it came."""
        found = _due(self._down, now)
        self._held -= sum(len(data) for _, data in found)
        return found

    def reached(self, now: float) -> bytes:
        """What has come to the program by *now*."""
        return b"".join(data for _, data in _due(self._up, now))

    def next(self) -> float | None:
        """When something comes to either; None while nothing is on its way."""
        return min((queue[0][0] for queue in (self._down, self._up) if queue), default=None)


def _due(queue: deque[tuple[float, bytes]], now: float) -> list[tuple[float, bytes]]:
    found = []
    while queue and queue[0][0] <= now:
        found.append(queue.popleft())
    return found
