"""An interactive program in the foreground of our terminal: a job of its own, as a shell would run it.

Job control is that of POSIX.1-2017, XBD 11.1 and XSH ``tcsetpgrp``; the order of things follows "Implementing a Job Control
Shell" of the GNU C library's manual. Nothing here waits but :meth:`Guest.wait`, which has a thread.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import termios
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

_NOT_FOUND: Final = 127  # what shells exit with
_NOT_EXECUTABLE: Final = 126


@dataclass(frozen=True)
class Program:
    """What is to get the terminal. ``name`` is what the operator is told it is; one stopped (ctrl-Z) is found by it again."""

    argv: Sequence[str]
    name: str = ""
    cwd: str | None = None
    env: Mapping[str, str] | None = None  # None: the console's own
    pass_fds: Sequence[int] = ()  # descriptors it inherits, a script for example: /dev/fd/N
    before: str = ""  # a line above what it writes
    pause: bool = False  # when it has ended, a key is waited for: what it wrote can be read

    @property
    def title(self) -> str:
        """Its name, or that of its file."""
        return self.name or Path(self.argv[0]).name


@dataclass(frozen=True)
class Outcome:
    """How it went. ``code`` is as a shell says it: 128 + signal for one that was killed, 126 and 127 when it did not start;
    None while it is ``stopped`` (ctrl-Z): hand it the terminal again to go on."""

    code: int | None
    stopped: bool = False
    refusal: str = ""  # one line: why it did not start


class NotStarted(Exception):
    """``str()`` is one line, ``code`` 126 or 127."""

    def __init__(self, line: str, code: int) -> None:
        super().__init__(line)
        self.code = code


@dataclass
class Guest:
    """One program that was started. ``tty`` is a descriptor of the terminal, which is our controlling one or is not ours."""

    program: Program
    tty: int
    pid: int = 0
    settings: list[Any] | None = None  # of the terminal, as it left them when it was stopped
    _process: subprocess.Popen[bytes] | None = None
    _news: asyncio.Queue[Outcome] = field(default_factory=asyncio.Queue)
    ended: bool = False

    def start(self) -> None:
        """Start it in a process group of its own. :class:`NotStarted` where that can't be."""
        program = self.program
        try:
            self._process = subprocess.Popen(
                list(program.argv),
                cwd=program.cwd,
                env=dict(program.env) if program.env is not None else None,
                pass_fds=tuple(program.pass_fds),
                process_group=0,
            )
        except FileNotFoundError as error:
            raise NotStarted(f"{error.filename}: not found", _NOT_FOUND) from error
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise NotStarted(f"{program.argv[0]}: {why}", _NOT_EXECUTABLE) from error
        self.pid = self._process.pid
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._watch, args=(loop,), name="guest", daemon=True).start()

    def to_foreground(self) -> None:
        """Give it the terminal, and let it go on. It may have been stopped for reading before it was its turn."""
        if self.settings is not None:
            with suppress(termios.error):
                termios.tcsetattr(self.tty, termios.TCSANOW, self.settings)
        with suppress(OSError):
            os.tcsetpgrp(self.tty, self.pid)
        self.signal(signal.SIGCONT)

    async def wait(self) -> Outcome:
        """Its end, or that it was stopped."""
        return await self._news.get()

    def signal(self, number: int) -> None:
        """Send *number* to the whole job: to its process group, and to whatever of it has the terminal now (a shell's own
        job)."""
        if self.ended:
            return
        groups = {self.pid}
        with suppress(OSError):
            group = os.tcgetpgrp(self.tty)
            if self._began(group):
                groups.add(group)
        for group in groups:
            with suppress(OSError):
                os.killpg(group, number)

    def _began(self, pid: int) -> bool:
        """Whether *pid* comes from it. Nobody else's job is ever ours to signal."""
        with suppress(OSError):
            while pid > 1 and pid != self.pid:
                pid = _parent(pid)
        return pid == self.pid

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """In a thread: every change of state, until the end."""
        while True:
            try:
                _, status = os.waitpid(self.pid, os.WUNTRACED)
            except ChildProcessError:
                status = 0
            if os.WIFSTOPPED(status):
                news = Outcome(None, stopped=True)
            else:
                code = os.waitstatus_to_exitcode(status)
                self.ended = True
                if self._process is not None:
                    self._process.returncode = code  # it is reaped: nobody must wait for its number again
                news = Outcome(code if code >= 0 else 128 - code)
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self._news.put_nowait, news)
            if self.ended:
                return


@contextmanager
def unstopped() -> Iterator[None]:
    """In here the terminal may be touched from the background, without being stopped for it (SIGTTOU)."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTTOU,))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def take_back(tty: int, settings: list[Any] | None) -> None:
    """Make our own process group the one in the foreground, with the terminal's *settings*. What was typed for somebody
    else is thrown away."""
    with unstopped():
        with suppress(OSError):
            os.tcsetpgrp(tty, os.getpgrp())
        with suppress(termios.error):
            if settings is not None:
                termios.tcsetattr(tty, termios.TCSANOW, settings)
            termios.tcflush(tty, termios.TCIFLUSH)


def in_foreground(tty: int) -> bool:
    """Whether our process group has the terminal; True also where there is no such thing."""
    try:
        return os.tcgetpgrp(tty) == os.getpgrp()
    except OSError:
        return True


def has_job_control() -> bool:
    """Whether somebody is there who could continue us after a stop: a parent of our process group in our session, outside
    the group (otherwise the group is *orphaned*, and POSIX lets nothing stop it from the keyboard)."""
    group, session = os.getpgrp(), os.getsid(0)
    pid = os.getppid()
    while pid > 0:
        try:
            if os.getsid(pid) != session:
                return False
            if os.getpgid(pid) != group:
                return True
            pid = _parent(pid)
        except OSError:
            return False
    return False


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
