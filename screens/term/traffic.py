"""What goes to the terminal, counted: frames sent, held and dropped, and the bytes of the last minute."""

from __future__ import annotations

from collections import deque
from typing import Final

WINDOW_S: Final = 60.0
_SLOT_S: Final = 5.0


class Traffic:
    """Counts of one driver. Times are seconds of a monotonic clock; nothing runs between two frames."""

    def __init__(self) -> None:
        self.frames = 0  # sent
        self.held = 0  # frames that had to wait for the terminal's answers
        self.dropped = 0  # frames that a newer one replaced before they were sent
        self.bytes = 0
        self._since: float | None = None
        self._waiting = False
        self._held = False
        self._slots: deque[tuple[float, int]] = deque(maxlen=int(WINDOW_S / _SLOT_S) + 1)  # (begin, bytes)

    def made(self) -> None:
        """A frame was drawn."""
        self.dropped += self._waiting
        self._waiting, self._held = True, False

    def wait(self) -> None:
        """The newest frame may not be sent yet."""
        if self._waiting and not self._held:
            self._held = True
            self.held += 1

    def sent(self, now: float, size: int, *, frame: bool, whole: bool = True) -> None:
        """*size* bytes were written; with *frame* the newest frame is among them, the last of it when it is *whole*."""
        self._waiting = self._waiting and not whole
        self.frames += frame
        self.bytes += size
        if self._since is None:
            self._since = now
        if size:
            if not self._slots or now - self._slots[-1][0] >= _SLOT_S:
                self._slots.append((now, 0))
            begin, before = self._slots[-1]
            self._slots[-1] = (begin, before + size)

    def rate(self, now: float) -> float:
        """Bytes a second over the last minute, or since the first frame."""
        if self._since is None:
            return 0.0
        span = min(max(now - self._since, 1.0), WINDOW_S)
        return sum(size for begin, size in self._slots if now - begin <= span) / span
