"""A meter: a program on a PTY of its own, every byte it writes with the time it came, and nothing that slows it down.

What is measured is recorded; the screen is made of it afterwards (``_replay.py``), so that a terminal model in Python
does not stand between a key and its answer. Only the questions that programs ask a terminal are answered at once; where
the cursor is, is found by feeding a model what has come, once that has its time. With a link (``_link.py``) the times are
those at the person's end.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from tests.bench._link import NONE, Link, Wire
from tests.e2e.screen_model import ScreenModel
from tests.e2e.terminal import encode_key

_SEQUENCE: Final = re.compile(
    rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[PX^_](?:[^\x1b]|\x1b(?!\\))*\x1b\\"
    rb"|\x1b(?![\[\]PX^_])[ -/]*[0-~]"
)
# What a present-day terminal says when it is asked: synchronised output yes, the kitty keyboard no.
_REPLIES: Final = (
    (re.compile(rb"\x1b\[\?2026\$p"), b"\x1b[?2026;2$y"),
    (re.compile(rb"\x1b\[\?(\d+)\$p"), b"\x1b[?\\1;0$y"),
    (re.compile(rb"\x1b\[>0?q"), b"\x1bP>|meter(1)\x1b\\\\"),
    (re.compile(rb"\x1b\[>0?c"), b"\x1b[>0;10;1c"),
    (re.compile(rb"\x1b\[0?c"), b"\x1b[?62;22c"),
    (re.compile(rb"\x1b\]11;\?(?:\x07|\x1b\\)"), b"\x1b]11;rgb:1111/1111/1111\x1b\\\\"),
    (re.compile(rb"\x1b\]10;\?(?:\x07|\x1b\\)"), b"\x1b]10;rgb:dddd/dddd/dddd\x1b\\\\"),
)
_WHERE: Final = b"\x1b[6n"


def visible(data: bytes) -> str:
    """What of *data* is text: escape sequences taken out. Enough to see that a word has come, not where it stands."""
    return _SEQUENCE.sub(b"", data).decode("utf-8", "replace")


class Meter:
    """*argv* on a PTY. :attr:`chunks` holds ``(seconds since the start, bytes)`` for every read."""

    def __init__(
        self,
        argv: Sequence[str | os.PathLike[str]],
        *,
        size: tuple[int, int] = (80, 24),
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        link: Link = NONE,
    ) -> None:
        self.size = size
        self._wire = Wire(link) if link.rate or link.rtt else None
        self._model = ScreenModel(*size)
        self._unfed: list[bytes] = []  # of the model
        self.chunks: list[tuple[float, bytes]] = []
        self.gone = False
        self._tail = b""
        self.master, slave = pty.openpty()
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        leave_out = ("COLORTERM", "NO_COLOR", "TMUX", "LINES", "COLUMNS")
        environment = {k: v for k, v in os.environ.items() if k not in leave_out}
        environment |= {"TERM": "xterm-256color", "LANG": "C.UTF-8", **(env or {})}
        self.argv = [os.fspath(part) for part in argv]
        self.env = environment
        self._start = time.monotonic()
        try:
            # setsid -c makes the PTY the controlling terminal and keeps the pid.
            self.process = subprocess.Popen(
                ["setsid", "-c", *self.argv],
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env=environment,
                cwd=cwd,
            )
        finally:
            os.close(slave)
        os.set_blocking(self.master, False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def now(self) -> float:
        """Seconds since the program was started."""
        return time.monotonic() - self._start

    def press(self, key: str) -> float:
        """Send *key*; the time it was sent."""
        at = self.now()
        self._send(encode_key(key))
        return at

    @property
    def total(self) -> int:
        """Bytes that have come so far."""
        return sum(len(data) for _, data in self.chunks)

    def pump(self, enough: Callable[[], Any], timeout: float, what: str = "") -> None:
        """Read until *enough()*, which is asked after every read and every few milliseconds of silence.

        ``AssertionError`` after *timeout* seconds with a *what*; without one, time is simply up.
        """
        deadline = time.monotonic() + timeout
        while not enough():
            left = deadline - time.monotonic()
            if left <= 0 or self.gone:
                assert not what, f"not seen within {timeout:g} s: {what}; the last: {self.text()[-2000:]!r}"
                return
            self._read(min(left, 0.005))

    def until(self, pattern: str, timeout: float = 60.0, since: int = 0) -> float:
        """Read until *pattern* has been written (as text, from chunk *since* on); the time of the read that brought it."""
        compiled = re.compile(pattern)
        text = ""
        at = -1.0

        def found() -> bool:
            nonlocal since, text, at
            while since < len(self.chunks) and at < 0:
                when, data = self.chunks[since]
                text += visible(data)
                since += 1
                if compiled.search(text):
                    at = when
            return at >= 0

        self.pump(found, timeout, f"/{pattern}/")
        return at

    def quiet(self, seconds: float, timeout: float = 30.0) -> None:
        """Read until nothing has come for *seconds* (or *timeout* is over)."""
        started = self.now()

        def still() -> bool:
            last = max(self.chunks[-1][0] if self.chunks else 0.0, started)
            return self.now() - last >= seconds

        self.pump(still, timeout)

    def run(self, seconds: float) -> None:
        """Read for so long."""
        self.pump(lambda: False, seconds)

    def text(self) -> str:
        """Everything written so far, as text."""
        return visible(b"".join(data for _, data in self.chunks))

    def cpu(self) -> float:
        """Seconds of processor time that the program's threads have used."""
        total = 0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            try:
                total += int((task / "schedstat").read_text().split()[0])
            except OSError:
                continue
        return total / 1e9

    def close(self) -> None:
        """End the program: hang up, wait, and kill what has not gone."""
        os.close(self.master)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGHUP)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def _send(self, data: bytes) -> None:
        if self._wire is not None:
            self._wire.send_up(self.now(), data)
        else:
            os.write(self.master, data)

    def _read(self, timeout: float) -> None:
        wire = self._wire
        if wire is not None:
            due = wire.next()
            if due is not None:
                timeout = min(timeout, max(due - self.now(), 0.0))
        readable = [self.master] if wire is None or wire.has_room else []
        ready, _, _ = select.select(readable, [], [], timeout)
        if ready:
            data = self._take()
            if data and wire is not None:
                wire.send_down(self.now(), data)
            elif data:
                self._arrived(self.now(), data)
        if wire is not None:
            for at, data in wire.arrived(self.now()):
                self._arrived(at, data)
            data = wire.reached(self.now())
            if data:
                os.write(self.master, data)

    def _take(self) -> bytes:
        try:
            data = os.read(self.master, 1 << 20)
        except BlockingIOError:
            return b""
        except OSError:  # EIO: nobody has the other side open any more
            data = b""
        self.gone = not data
        return data

    def _arrived(self, at: float, data: bytes) -> None:
        self.chunks.append((at, data))
        self._unfed.append(data)
        if b"\x1b" in data or self._tail:
            self._answer(data)

    def _answer(self, data: bytes) -> None:
        data = self._tail + data
        cut = data.rfind(b"\x1b")
        # A question may be cut in two by the read.
        unfinished = cut >= 0 and not _SEQUENCE.match(data, cut)
        self._tail = data[cut:] if unfinished and len(data) - cut < 64 else b""
        if unfinished:
            data = data[:cut]
        if _WHERE in data:
            self._say_where()
        if b"$p" not in data and b"c" not in data and b"q" not in data and b"?" not in data:
            return
        for question, reply in _REPLIES:
            for match in question.finditer(data):
                self._send(match.expand(reply))
            data = question.sub(b"", data)

    def _say_where(self) -> None:
        self._model.feed(b"".join(self._unfed))
        self._unfed.clear()
        replies, self._model.replies = self._model.replies, []
        for reply in replies:
            if reply.endswith(b"R"):
                self._send(reply)
