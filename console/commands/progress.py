"""Long work tells a person at a terminal how far it is, and ctrl-C ends it with one line and exit code 130.

On stderr, and only where that is a terminal: nothing for the first second, then one line that is written over itself; on
a terminal that can't go back (``TERM=dumb``) a line every few seconds. The line is gone when the work is done.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TextIO

from console.commands.context import Fail

FIRST_S: Final = 1.0  # shorter work says nothing
_AGAIN_S: Final = 0.5
_DUMB_S: Final = 5.0
INTERRUPTED: Final = 130  # what a shell says of a program that SIGINT ended


class Progress:
    """How far it is: *what* is being done, and so many of a *total* (0: not known)."""

    def __init__(self) -> None:
        self._what = ""
        self._done = self._total = 0

    def phase(self, what: str, total: int = 0) -> None:
        """From now on *what* is done."""
        self._what, self._done, self._total = what, 0, total

    def step(self, number: int = 1) -> None:
        """*number* more are done."""
        self._done += number

    def words(self) -> str:
        """``importing x.json: 43,210 of 100,001 (43 %)``."""
        from console.sanitize import one_line

        what, done, total = one_line(self._what, 60), self._done, self._total
        if not total:
            return what + (f": {done:,}" if done else " …")
        return f"{what}: {min(done, total):,} of {total:,} ({min(done, total) * 100 // total} %)"


@contextmanager
def shown(out: TextIO | None = None) -> Iterator[Progress]:
    """A :class:`Progress` that a person can see while the block runs."""
    stream = sys.stderr if out is None else out
    progress = Progress()
    if not stream.isatty():
        yield progress
        return
    over = threading.Event()
    showing = threading.Thread(target=_show, args=(progress, stream, over), name="progress", daemon=True)
    showing.start()
    try:
        yield progress
    finally:
        over.set()
        showing.join()


def _show(progress: Progress, stream: TextIO, over: threading.Event) -> None:
    dumb = os.environ.get("TERM", "dumb") in ("dumb", "", "unknown")
    width = 0
    pause = FIRST_S
    try:
        while not over.wait(pause):
            pause = _DUMB_S if dumb else _AGAIN_S
            text = progress.words()[: max(shutil.get_terminal_size().columns - 1, 10)]
            text = text.encode(stream.encoding or "ascii", "replace").decode(stream.encoding or "ascii")
            stream.write(f"{text}\n" if dumb else f"\r{text:<{width}}")
            stream.flush()
            width = len(text)
        if width and not dumb:
            width = min(
                width + 2, shutil.get_terminal_size().columns - 1
            )  # the terminal may have echoed a ^C behind it
            stream.write(f"\r{'':<{width}}\r")
            stream.flush()
    except (OSError, ValueError):  # the terminal is gone: the work goes on
        pass


@contextmanager
def cancellable(left: str) -> Iterator[None]:
    """Ctrl-C in here ends the command with the line ``cancelled: <left>``."""
    try:
        yield
    except KeyboardInterrupt:
        raise Fail(f"cancelled: {left}", INTERRUPTED) from None


@contextmanager
def to_the_end() -> Iterator[None]:
    """What was done is made to count in here: ctrl-C comes too late, so that nobody is told otherwise."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
