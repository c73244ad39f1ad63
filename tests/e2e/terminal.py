"""A person at a terminal: a program on a real PTY, its screen, its keys, and the link in between.

``Terminal`` waits for conditions, never for a time. A slow link (``rtt``, ``bandwidth``) delays both directions: the
screen is what the person has been shown *so far*, and a key reaches the program half a round trip after it is pressed.
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
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from tests.e2e.screen_model import ScreenModel

PATIENCE: Final = 30.0  # seconds; generous: the machine may be busy, a passing test never waits this long
# A terminal program tells the Esc key from the start of a sequence by the pause after it.
_AFTER_ESC: Final = 0.15
# What changes by itself, every second: the clock, an incident's time, an age.
_RUNNING: Final = re.compile(r"\d\d:\d\d:\d\dZ?|T\+[\d:]+|\b(?:\d+[dhms])+\b")
_LINK_BUFFER: Final = 32_768  # bytes a simulated link holds before the program's writes block

_KEYS: Final = {
    "enter": b"\r",
    "esc": b"\x1b",
    "tab": b"\t",
    "shift+tab": b"\x1b[Z",
    "space": b" ",
    "backspace": b"\x7f",
    "delete": b"\x1b[3~",
    "up": b"\x1b[A",
    "down": b"\x1b[B",
    "right": b"\x1b[C",
    "left": b"\x1b[D",
    "home": b"\x1b[H",
    "end": b"\x1b[F",
    "pgup": b"\x1b[5~",
    "pgdn": b"\x1b[6~",
    **{f"f{n}": code for n, code in enumerate((b"\x1bOP", b"\x1bOQ", b"\x1bOR", b"\x1bOS", b"\x1b[15~"), 1)},
}


def encode_key(key: str) -> bytes:
    """The bytes a terminal sends for *key*: a character, a name of the table, ``ctrl+x`` or ``alt+x``."""
    if key in _KEYS:
        return _KEYS[key]
    modifier, _, rest = key.partition("+")
    if modifier == "ctrl" and len(rest) == 1:
        return bytes([ord(rest.upper()) & 0x1F])
    if modifier == "alt" and len(rest) == 1:
        return b"\x1b" + rest.encode()
    if len(key) == 1:
        return key.encode()
    raise ValueError(f"no key called {key!r}")


class Terminal:
    """Runs *argv* on a PTY of its own, as the leader of its own session. Use as a context manager.

    ``rtt`` is in seconds, ``bandwidth`` in bytes a second (0 = unlimited). ``mute`` makes a terminal that answers no
    query.
    """

    def __init__(
        self,
        argv: Sequence[str | os.PathLike[str]],
        *,
        size: tuple[int, int] = (80, 24),
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        rtt: float = 0.0,
        bandwidth: float = 0.0,
        mute: bool = False,
        term: str = "xterm-256color",
    ) -> None:
        self.model = ScreenModel(*size, mute=mute)
        self.raw = bytearray()  # everything the program wrote
        self.rtt = rtt
        self.bandwidth = bandwidth
        self.stalled = False  # the person's terminal reads nothing
        self._changed = threading.Condition()
        self._down: deque[tuple[float, bytes]] = deque()
        self._up: deque[tuple[float, bytes]] = deque()
        self._in_flight = 0
        self._down_free = self._up_free = 0.0
        self._last_delivery = time.monotonic()
        self._gone = False  # the program's side is closed
        self._stop = False
        self.master, slave = pty.openpty()
        self._set_size(*size)
        self.settings = termios.tcgetattr(self.master)  # as the program found them
        environment = {
            k: v for k, v in os.environ.items() if k not in ("COLORTERM", "NO_COLOR", "TMUX", "COLUMNS", "LINES")
        }
        environment |= {"TERM": term, "LANG": "C.UTF-8", **(env or {})}
        try:
            # setsid -c makes the PTY the controlling terminal and keeps the pid; no code runs between fork and exec.
            self.process = subprocess.Popen(
                ["setsid", "-c", *(os.fspath(part) for part in argv)],
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env=environment,
                cwd=cwd,
                close_fds=True,
            )
        except BaseException:
            os.close(self.master)
            raise
        finally:
            os.close(slave)
        os.set_blocking(self.master, False)
        self._wake_r, self._wake_w = os.pipe()
        os.set_blocking(self._wake_w, False)
        self._thread = threading.Thread(target=self._pump, name="terminal", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ── what the person sees ─────────────────────────────────────────────────────────────────────────────────────

    @property
    def screen(self) -> str:
        """The screen as text, as far as it has been delivered."""
        with self._changed:
            return self.model.text()

    def line(self, number: int) -> str:
        """One line of the screen, from 0; negative counts from the bottom."""
        return self.screen.split("\n")[number]

    def line_with(self, pattern: str) -> str:
        """The first line on the screen that matches *pattern*."""
        return next(line for line in self.screen.split("\n") if re.search(pattern, line))

    def wait_until(self, holds: Callable[[str], Any], timeout: float = PATIENCE, what: str = "a condition") -> str:
        """Wait until *holds(screen)* is true and return the screen; ``AssertionError`` with the screen otherwise.

        The condition is looked at on every change of the screen and, for conditions on the world outside it, a few
        times a second.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                screen = self.model.text()
                if holds(screen):
                    return screen
                left = deadline - time.monotonic()
                if left <= 0 or (self._gone and not self._down and self.process.poll() is not None):
                    why = f"after {timeout:g} s" if left <= 0 else f"the program ended (rc {self.process.returncode})"
                    raise AssertionError(f"not seen: {what} ({why}); the screen:\n{self.framed(screen)}")
                self._changed.wait(min(left, 0.2))

    def wait_for(self, pattern: str, timeout: float = PATIENCE) -> re.Match[str]:
        """Wait until *pattern* (multi-line) is on the screen."""
        compiled = re.compile(pattern, re.MULTILINE)
        screen = self.wait_until(compiled.search, timeout, f"/{pattern}/")
        match = compiled.search(screen)
        assert match is not None
        return match

    def wait_gone(self, pattern: str, timeout: float = PATIENCE) -> None:
        """Wait until *pattern* is no longer on the screen."""
        compiled = re.compile(pattern, re.MULTILINE)
        self.wait_until(lambda screen: not compiled.search(screen), timeout, f"/{pattern}/ to go away")

    def wait_quiet(self, quiet: float = 0.3, timeout: float = PATIENCE) -> str:
        """Wait until nothing but clocks, counters and ages has changed for *quiet* seconds from now."""
        still: tuple[str | None, float] = (None, 0.0)

        def settled(screen: str) -> bool:
            nonlocal still
            shown = _RUNNING.sub("", screen)
            if shown != still[0] or self._down:
                still = (shown, time.monotonic())
            return time.monotonic() - still[1] >= quiet

        return self.wait_until(settled, timeout, "a settled screen")

    def framed(self, screen: str | None = None) -> str:
        """The screen in a frame, for messages."""
        lines = (self.screen if screen is None else screen).split("\n")
        width = self.model.cells.columns
        return "\n".join(["┌" + "─" * width + "┐", *(f"│{line:<{width}}│" for line in lines), "└" + "─" * width + "┘"])

    # ── what the person does ─────────────────────────────────────────────────────────────────────────────────────

    def press(self, *keys: str) -> None:
        """Press keys one after the other, as fast as the keyboard goes."""
        for key in keys:
            self._send(encode_key(key), pause=_AFTER_ESC if key == "esc" else 0.0)

    def type(self, text: str) -> None:
        """Type *text*; each character is a key."""
        self.press(*("enter" if character == "\n" else character for character in text))

    def paste(self, text: str) -> None:
        """Paste as a terminal does, bracketed where the program asked for it."""
        body = text.encode()
        self._send(b"\x1b[200~" + body + b"\x1b[201~" if self.model.modes.get(2004) else body)

    def resize(self, columns: int, lines: int) -> None:
        """Another window size; the program gets SIGWINCH."""
        with self._changed:
            self.model.resize(columns, lines)
        self._set_size(columns, lines)

    def stall(self) -> None:
        """Stop reading what the program writes, as a hung link does."""
        self.stalled = True

    def resume(self) -> None:
        """Read again."""
        self.stalled = False
        self._wake()

    def hang_up(self) -> None:
        """Close the terminal window: the program's session gets SIGHUP, its tty is gone."""
        self._shut()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program (not to its children)."""
        self.process.send_signal(number)

    def wait_exit(self, timeout: float = PATIENCE) -> int:
        """Wait for the program's end; its return code, negative for a signal as in ``subprocess``."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout:g} s; the screen:\n{self.framed()}") from None

    def close(self) -> None:
        """End the program (HUP, then KILL) and free everything."""
        self._shut()
        if self.process.poll() is None:
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        os.close(self._wake_r)
        os.close(self._wake_w)

    # ── the link ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def _send(self, data: bytes, pause: float = 0.0) -> None:
        with self._changed:
            now = time.monotonic()
            at = max(now + self.rtt / 2, self._up_free)
            self._up_free = at + pause
            self._up.append((at, data))
        self._wake()

    def _wake(self) -> None:
        try:
            os.write(self._wake_w, b"!")
        except (BlockingIOError, OSError):
            pass

    def _shut(self) -> None:
        if self._stop:
            return
        self._stop = True
        self._wake()
        self._thread.join()
        os.close(self.master)

    def _pump(self) -> None:
        while not self._stop:
            now = time.monotonic()
            self._deliver(now)
            self._transmit(now)
            due = [queue[0][0] for queue in (self._down, self._up) if queue]
            readers: list[int] = [self._wake_r]
            if not self._gone and not self.stalled and self._in_flight < _LINK_BUFFER:
                readers.append(self.master)
            timeout = max(0.0, min(due) - now) if due else None
            try:
                ready, _, _ = select.select(readers, [], [], timeout)
            except OSError:
                return
            if self._wake_r in ready:
                os.read(self._wake_r, 4096)
            if self.master in ready:
                self._receive()

    def _receive(self) -> None:
        try:
            data = os.read(self.master, 65_536)
        except BlockingIOError:
            return
        except OSError:  # EIO: the last holder of the slave is gone
            data = b""
        if not data:
            self._gone = True
            with self._changed:
                self._changed.notify_all()
            return
        now = time.monotonic()
        # In pieces, so that a narrow link delivers a frame gradually as a real one would.
        step = max(64, int(self.bandwidth / 50)) if self.bandwidth else len(data)
        for start in range(0, len(data), step):
            piece = data[start : start + step]
            self._down_free = max(now, self._down_free) + (len(piece) / self.bandwidth if self.bandwidth else 0.0)
            self._down.append((self._down_free + self.rtt / 2, piece))
            self._in_flight += len(piece)

    def _deliver(self, now: float) -> None:
        if not self._down or self._down[0][0] > now:
            return
        with self._changed:
            pieces = []
            while self._down and self._down[0][0] <= now:
                pieces.append(self._down.popleft()[1])
            data = b"".join(pieces)
            self._in_flight -= len(data)
            self.raw += data
            self.model.feed(data)
            replies, self.model.replies = self.model.replies, []
            for reply in replies:
                self._up.append((max(now + self.rtt / 2, self._up_free), reply))
            self._last_delivery = now
            self._changed.notify_all()

    def _transmit(self, now: float) -> None:
        while self._up and self._up[0][0] <= now:
            _, data = self._up[0]
            try:
                written = os.write(self.master, data)
            except BlockingIOError:
                self._up[0] = (now + 0.01, data)
                return
            except OSError:
                self._up.clear()
                return
            with self._changed:
                at, data = self._up.popleft()
                if written < len(data):
                    self._up.appendleft((at, data[written:]))
