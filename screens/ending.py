"""Ending well: SIGHUP, SIGTERM and a terminal that is gone end the process within five seconds, with nothing lost.

A Python signal handler runs in the main thread even while that waits for a terminal that takes no output, where a
handler of the event loop would not; and whatever hangs then, a watchdog thread ends the process.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

LIMIT_S: Final = 4.0
# What a console does to a terminal, undone; CAN ends a sequence that was cut off.
_LAST_WORDS: Final = b"\x18\x1b[m\x1b[r\x1b[?2026l\x1b[?2004l\x1b[?1004l\x1b[?7h\x1b[<u\x1b[?1049l\x1b[?25h"
_SIGNALS: Final = (signal.SIGHUP, signal.SIGTERM)


class Ending:
    """Listens for the signals while a console runs; :attr:`code` is 128 + the signal once one has come."""

    def __init__(self, leave: Callable[[int], object], settings: list[Any] | None = None) -> None:
        """*leave* asks the application to end with a code; it may be called from any thread, and more than once.
        *settings* are the terminal's, where they have been changed already."""
        self._leave = leave
        self.code = 0
        self._settings = settings
        self._over = threading.Event()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Ending:
        if self._settings is None:
            try:
                self._settings = termios.tcgetattr(0)
            except termios.error:
                pass
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._come)
        threading.Thread(target=self._await_hangup, name="hangup", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for number, before in self._before.items():
            signal.signal(number, before)

    def watch_exit(self) -> None:
        """Whatever still hangs after this (a resolver, a dead terminal), the process ends in time."""
        threading.Thread(target=self._watchdog, name="watchdog", daemon=True).start()

    def _come(self, number: int, frame: FrameType | None) -> None:
        if not self.code:  # the first one counts
            self.code = 128 + number
            self.watch_exit()
        self._leave(self.code)

    def _watchdog(self) -> None:
        if self._over.wait(LIMIT_S):
            return
        try:
            self._give_back()
        finally:
            os._exit(self.code or 1)

    def _give_back(self) -> None:
        """The terminal as it was, unless it is so already. Nothing here waits, or is stopped for touching it (SIGTTOU)."""
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTTOU,))
        try:
            if self._settings is None or termios.tcgetattr(0) == self._settings:
                return
            termios.tcsetattr(0, termios.TCSANOW, self._settings)
            tty = os.open(os.ttyname(0), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
            os.write(tty, _LAST_WORDS)
        except (termios.error, OSError):
            pass
        os._exit(self.code or 1)

    def _await_hangup(self) -> None:
        """A closed terminal without a SIGHUP (ignored, or not our controlling one) is noticed all the same."""
        try:
            poll = select.poll()
            poll.register(sys.__stdin__.fileno() if sys.__stdin__ is not None else 0, 0)
            while not self._over.is_set():
                if any(event & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, event in poll.poll(1000)):
                    if not self.code:
                        self.code = 128 + signal.SIGHUP
                        self.watch_exit()
                    self._leave(self.code)
                    return
        except (OSError, ValueError):
            return
