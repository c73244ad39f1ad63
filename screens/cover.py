"""The terminal between the shell and the first live frame: keys are not echoed, the kept screen stands there.

Everything here happens before the console is imported, and is undone when it can't be opened. The standard library only.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # ``signal`` takes longer to import than all of this to run
import os
import select
import sys
import termios
import time

from screens import kept, launched

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Pieces = list[tuple[int, int, str]]

_LEAVE = b"\x18\x1b[m\x1b[?7h\x1b[?25h\x1b[?1049l"  # CAN first: a sequence may have been cut off
_ENTER = "\x1b[?1049h"  # as Textual's drivers write it
# As Textual sets it: keys one by one, not echoed, none of them a signal; input is not translated.
_LOCAL = termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG
_LAUNCHERS = (_signal.SIGINT, _signal.SIGQUIT, _signal.SIGTSTP, _signal.SIGTERM)  # what it had ignored
_INPUT = termios.IXON | termios.IXOFF | termios.ICRNL | termios.INLCR | termios.IGNCR


class Cover:
    """Holds the terminal until the driver takes it over, and until the end what it was like before."""

    def __init__(self, place: kept.Place | None, launch: launched.Launch | None = None) -> None:
        self.place = place
        self.launch = launch
        self.settings: list[Any] | None = None  # the terminal's, before anything of ours
        self.kept: kept.Kept | None = None  # what the last console left, shown or not
        self.rows: list[str] | None = None  # what stands on the terminal now, when the kept screen does
        self.size = (0, 0)
        self.is_taken = False
        self.is_entered = False  # the alternate screen is the terminal's already, and nothing is cut off on it
        self._alternate = False  # the driver has not said so itself yet
        self._before: dict[int, Any] = {}

    def lay(self, environ: Mapping[str, str]) -> None:
        """Take the terminal, and show what is kept for it. Nothing that fails here keeps a console from opening."""
        shown = launched.pieces_shown(environ)
        if shown is not None:
            self._alternate = self.is_entered = True
            for number in _LAUNCHERS:
                ours = _signal.default_int_handler if number == _signal.SIGINT else _signal.SIG_DFL
                _signal.signal(number, ours)
        try:
            if os.tcgetpgrp(0) != os.getpgrp():  # in the background: not ours now
                return
            self.settings = termios.tcgetattr(0)
        except (OSError, termios.error):
            return
        for number in (_signal.SIGHUP, _signal.SIGTERM):
            if _signal.getsignal(number) == _signal.SIG_DFL:
                self._before[number] = _signal.signal(number, self._end)
        raw = termios.tcgetattr(0)
        raw[0] &= ~_INPUT
        raw[3] &= ~_LOCAL
        raw[6][termios.VMIN] = 1
        try:
            termios.tcsetattr(0, termios.TCSANOW, raw)  # NOW: what is typed already stays
        except termios.error:
            return
        if shown is not None:
            self._go_on(shown)
            if self.place is not None:
                self.kept = kept.load(self.place, time.time())
        elif self.place is not None and environ.get("VIGIE_KEPT") != "off":
            self._paint(self.place)

    def _go_on(self, shown: Pieces) -> None:
        """The launcher has painted *shown*."""
        poll = select.poll()
        poll.register(0, select.POLLIN)
        if poll.poll(0) or not shown:  # what was typed was echoed: a line feed may have moved everything
            return
        try:
            columns, lines = os.get_terminal_size(2)
        except OSError:
            return
        self.rows, self.size = launched.rows_of(shown, columns, lines), (columns, lines)

    def _paint(self, place: kept.Place) -> None:
        now = time.time()
        self.kept = screen = kept.load(place, now)
        if screen is None:
            return
        try:
            columns, lines = os.get_terminal_size(2)
        except OSError:
            return
        encoding = (sys.stderr.encoding or "ascii").lower().replace("-", "")
        drawn = kept.drawing(screen, columns, lines, now, ascii_only=encoding != "utf8")
        if drawn is None:
            return
        data = drawn[0].encode("utf-8")
        sent = _send(data)
        self._alternate = sent > 0
        if sent == len(data):
            self.is_entered = True
            self.rows, self.size = drawn[1], (columns, lines)

    def taken(self) -> None:
        """The driver has the terminal now, and gives it back."""
        self.is_taken = True
        self._alternate = False
        self.rows = None

    def lift(self) -> None:
        """Give the terminal back as it was, whatever has happened. May be called again."""
        if self._alternate:
            self._alternate = False
            _send(_LEAVE)
        self.rows = None
        if self.settings is not None:
            try:
                termios.tcsetattr(0, termios.TCSANOW, self.settings)
            except termios.error:
                pass
            self.settings = None

    def _end(self, number: int, _: Any) -> None:
        """A signal before the console listens for it."""
        self.lift()
        _signal.signal(number, _signal.SIG_DFL)
        os.kill(os.getpid(), number)


def driver_over(cover: Cover, base: type[Any]) -> type[Any]:
    """The driver class *base*, made to take the terminal over from *cover*: the alternate screen is entered once, what
    stands there is painted over and not erased first, and the settings that it gives back are the shell's."""

    class Over(base):  # type: ignore[misc]  # whichever driver was chosen
        _entered = False

        def start_application_mode(self) -> None:
            if cover.is_taken:  # again, after a stop
                super().start_application_mode()
                return
            rows, size = cover.rows, cover.size
            self._entered = cover.is_entered
            super().start_application_mode()
            if cover.settings is not None:
                self.attrs_before = cover.settings
            if rows is not None and hasattr(self, "shows"):
                self.shows(rows, size)
            cover.taken()

        def write(self, data: str) -> None:
            if data == _ENTER and self._entered:
                self._entered = False
                return
            super().write(data)

    return Over


def _send(data: bytes) -> int:
    """How much of *data* the terminal took at once: one that takes nothing holds up nobody."""
    try:
        handle = os.open(os.ttyname(2), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        return os.write(handle, data)
    except OSError:
        return 0
    finally:
        os.close(handle)
