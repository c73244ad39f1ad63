"""Processes that must not outlive the one that started them: each holds a pipe, and when that closes it ends."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final

GRACE_S: Final = 3.0  # from the polite end to the hard one
_LONGEST_LINE: Final = 10_000


def hold(descriptor: int = 0) -> None:
    """From now on, end this process when the other side of *descriptor* closes, by whatever death."""
    threading.Thread(target=_wait, args=(os.dup(descriptor),), name="lifeline", daemon=True).start()


def until_closed(descriptor: int) -> None:
    """Return when the other side of *descriptor* is closed."""
    try:
        while os.read(descriptor, 4096):
            pass
    except OSError:
        pass


def _wait(descriptor: int) -> None:
    until_closed(descriptor)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(1)


class Dependant:
    """A Python module running in a process and a session of its own, which ends when we let go of it or die."""

    def __init__(
        self,
        module: str,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        errors: IO[str] | int = subprocess.DEVNULL,
    ) -> None:
        theirs, self._line = os.pipe()
        self._said, says = os.pipe()
        try:
            self.process = subprocess.Popen(
                # -P: the folder somebody stands in must not shadow our modules.
                [sys.executable, "-P", "-m", module, *arguments],
                stdin=theirs,
                stdout=says,
                stderr=errors,
                env=env,
                cwd=cwd,
                start_new_session=True,
            )
        except BaseException:
            os.close(self._line)
            os.close(self._said)
            raise
        finally:
            os.close(theirs)
            os.close(says)

    def first_line(self, timeout: float) -> str:
        """The first line it prints, within *timeout* seconds; "" when it ends or is late."""
        deadline = time.monotonic() + timeout
        text = b""
        while b"\n" not in text and len(text) < _LONGEST_LINE:
            ready, _, _ = select.select([self._said], [], [], max(0.0, deadline - time.monotonic()))
            piece = os.read(self._said, 4096) if ready else b""
            if not piece:
                return ""
            text += piece
        return text.decode(errors="replace").partition("\n")[0]

    def let_go(self) -> None:
        """Close the lifeline: it will end. Once is enough."""
        os.close(self._line)
        os.close(self._said)

    def wait(self, timeout: float) -> None:
        """Wait for its end, and make one when *timeout* seconds have passed."""
        try:
            self.process.wait(max(0.0, timeout))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
