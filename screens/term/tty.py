"""A way to the terminal and back that never waits: open file descriptions of its own, and one frame in hand at most."""

from __future__ import annotations

import asyncio
import os
import select
import termios
import threading
import time
from collections.abc import Callable
from typing import Final

_LIMIT: Final = 1 << 20  # bytes in hand; a frame of the largest terminals is far below
_CANCEL: Final = b"\x18"  # CAN ends a sequence that was cut off


_LOOK_S: Final = 0.1


def open_tty(fd: int, way: int = os.O_WRONLY) -> int:
    """A non-blocking descriptor of the terminal behind *fd*, apart from the one that other processes share. OSError."""
    return os.open(os.ttyname(fd), way | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)


def listen(tty: int, over: threading.Event, took: Callable[[bytes], object]) -> None:
    """Hand what is typed to *took* until *over*; b"" when nothing was for a moment. Runs in a thread of its own.

    *tty* is one of :func:`open_tty`: between seeing that something is there and reading it the process may be stopped, and a
    shell takes it. A read that waited then would wait for ever, and with it whoever joins this thread.
    """
    poll = select.poll()
    poll.register(tty, select.POLLIN)
    while not over.is_set():
        if not poll.poll(_LOOK_S * 1000):
            took(b"")
            continue
        try:
            data = os.read(tty, 4096)
        except BlockingIOError:
            continue
        except OSError:  # hung up, which is somebody else's to notice
            data = b""
        if data:
            took(data)
        else:
            over.wait(_LOOK_S)


class Tty:
    """Bytes to the terminal behind *fd*. ``drained`` is called on the loop when everything in hand has gone."""

    def __init__(self, fd: int, loop: asyncio.AbstractEventLoop, drained: Callable[[], object]) -> None:
        self._behind = fd
        self._loop = loop
        self._drained = drained
        self._held = bytearray()
        self._fd = -1
        self._watching = False
        self._output: int | None = None  # the terminal's output flags as they were
        self.gone = False

    def open(self) -> None:
        """Begin; after :meth:`close` again. A terminal that can't be opened is ``gone``."""
        self._held.clear()
        self.gone = False
        try:
            self._fd = open_tty(self._behind)
        except OSError:
            self._fd, self.gone = -1, True

    def keep_line_feeds(self) -> bool:
        """From here to :meth:`close` a line feed is only that (OPOST off): one byte down instead of four. Whether it is."""
        try:
            settings = termios.tcgetattr(self._fd)
            self._output = settings[1]
            settings[1] &= ~termios.OPOST
            termios.tcsetattr(self._fd, termios.TCSANOW, settings)
        except (OSError, termios.error):
            self._output = None
        return self._output is not None

    def _restore(self) -> None:
        if self._output is None:
            return
        try:
            settings = termios.tcgetattr(self._fd)
            settings[1], self._output = self._output, None
            termios.tcsetattr(self._fd, termios.TCSANOW, settings)
        except (OSError, termios.error):
            pass

    @property
    def is_busy(self) -> bool:
        """Whether the terminal has not taken everything yet."""
        return bool(self._held)

    def write(self, data: bytes) -> None:
        """Send *data* now, or as soon as the terminal takes it. What goes beyond all bounds is dropped."""
        if self.gone or self._fd < 0 or len(self._held) + len(data) > _LIMIT:
            return
        self._held += data
        self._push()

    def _push(self) -> None:
        while self._held and self._fd >= 0:
            try:
                done = os.write(self._fd, self._held)
            except BlockingIOError:
                break
            except OSError:  # the terminal is gone; who listens for hang-ups ends the program
                self.gone = True
                self._held.clear()
                break
            del self._held[:done]
        self._watch(bool(self._held))

    def _watch(self, wanted: bool) -> None:
        if wanted == self._watching:
            return
        self._watching = wanted
        try:
            if wanted:
                self._loop.add_writer(self._fd, self._ready)
            else:
                self._loop.remove_writer(self._fd)
        except (OSError, ValueError, RuntimeError):  # the loop is closed, or can't watch this file
            self._watching = False

    def _ready(self) -> None:
        self._push()
        if not self._held:
            self._drained()

    def close(self, last_words: bytes, limit: float, *, unread: bool = True) -> None:
        """Send what is in hand and *last_words* within *limit* seconds. A terminal that takes nothing loses what it has
        not read, and gets the last words alone; also without *unread*: questions that it would answer to somebody else
        (as far as the kernel takes them back)."""
        if self._fd < 0:
            return
        self._watch(False)
        self._held += last_words
        if not (unread and self._drain(limit)) and not self.gone:
            try:
                termios.tcflush(self._fd, termios.TCOFLUSH)
            except termios.error:
                pass
            self._held[:] = _CANCEL + last_words
            self._drain(limit)
        self._held.clear()
        self._restore()
        fd, self._fd = self._fd, -1
        os.close(fd)

    def _drain(self, limit: float) -> bool:
        deadline = time.monotonic() + limit
        poll = select.poll()
        poll.register(self._fd, select.POLLOUT)
        while self._held and not self.gone:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            poll.poll(left * 1000)
            self._push_once()
        return True

    def _push_once(self) -> None:
        try:
            done = os.write(self._fd, self._held)
        except BlockingIOError:
            return
        except OSError:
            self.gone = True
            return
        del self._held[:done]
