"""The terminal driver: it sends the cells that changed, never waits for the terminal, and lets nothing else through.

- Frames come from Textual's compositor as strips and become cells (:mod:`screens.term.frames`, ``cells``); what differs
  from what the terminal shows is sent (``diff``). Equal frames send nothing.
- Frames go at the pace of the terminal's answers (``pace``), over a non-blocking description of the tty (``tty``). A
  terminal that takes nothing holds up nobody: the frame in hand is all there ever is, and the next one is the newest.
- The only other sequences that leave are those of :data:`_OURS`.

It takes from Textual's own driver how the tty is set up, read and given back. That is Textual's inside: on a version that
is not in :data:`KNOWN` (``tests/screens/term/test_driver.py`` looks at the one installed), where the tty can't be opened
again, and with ``VIGIE_DRIVER=stock``, the console runs on Textual's own driver.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import threading
import time
from codecs import getincrementaldecoder
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import textual
from msgspec.structs import replace
from textual import events
from textual._ansi_sequences import SYNC_END, SYNC_START
from textual._compositor import CompositorUpdate
from textual._xterm_parser import XTermParser
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Size
from textual.message import Message

from screens.term.abilities import of_term
from screens.term.cells import Grid
from screens.term.diff import Pen
from screens.term.frames import take
from screens.term.pace import BYTES, Pace, Place, Trip
from screens.term.portions import next_portion, portion_for, unasked
from screens.term.traffic import Traffic
from screens.term.tty import Tty, listen, open_tty

if TYPE_CHECKING:
    from textual.app import App
    from textual.screen import Screen

KNOWN: Final = ("8.2.8",)
_PAUSE_S: Final = 0.5  # others may have written meanwhile
_HEAL_AGAIN_S: Final = 60.0  # at the longest, where a terminal is astray again and again
_LAST_WORDS_S: Final = 0.4  # for what is still to be said when the terminal is given back
_SYNC_FROM: Final = 512  # a frame below this goes out in one piece anyway
# Modes on and off, the questions about them, kitty's keyboard, the bell, and the clipboard with nothing but base64.
_OURS: Final = re.compile(
    r"(?:\x1b\[\?(?:7|25|1004|1049|2004|2048)[hl]|\x1b\[\?(?:2026|2048)\$p|\x1b\[>\d+u|\x1b\[<u|\x07"
    r"|\x1b\]52;c;[A-Za-z0-9+/=]*\x07|\x1bPtmux;\x1b\x1b\]52;c;[A-Za-z0-9+/=]*\x07\x1b\\"
    r"|\x1bP(?:\x1b\]52;c;)?[A-Za-z0-9+/=]*\x07?\x1b\\)+"
)
_QUESTION: Final = re.compile(r"\x1b7\x1b\[(\d+);(\d+)H\x1b\[6n\x1b8")  # screens.arming
_TRIED_AT: Final = 8  # cells from the right edge, where most rows are blank
_KEYLIKE: Final = 16  # a report of the first row up to this column could be a key: modifiers and F3


def choose(environ: dict[str, str] | None = None) -> type[Driver] | None:
    """The driver class for this terminal and this Textual; None for Textual's own."""
    wanted = (os.environ if environ is None else environ).get("VIGIE_DRIVER", "")
    if wanted == "stock" or not is_known():
        return None
    if sys.__stderr__ is None:
        return None
    try:
        os.close(open_tty(sys.__stderr__.fileno()))
    except (OSError, ValueError):
        return None
    return CellDriver


def is_known() -> bool:
    """Whether the Textual that is installed is one of :data:`KNOWN`."""
    # Its folder of metadata is looked for by name: reading the version itself costs more than opening the journal.
    beside = Path(textual.__file__).parent.parent
    return any((beside / f"textual-{version}.dist-info").is_dir() for version in KNOWN)


class _NoThread:
    """Stands where Textual's driver puts the thread that writes for it."""

    def start(self) -> None:
        """Nothing to start."""


class CellDriver(LinuxDriver):
    """See the module. All of it runs on the event loop, but :meth:`process_message` (the input thread)."""

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        encoding = (getattr(self._file, "encoding", None) or "ascii").lower().replace("-", "")
        self._ascii_only = encoding != "utf8"
        self._can = of_term(os.environ.get("TERM", ""))
        self._trying: Place | None = None  # where it is tried whether the terminal repeats; its first answer tells
        self._thread = threading.get_ident()
        self._tty = Tty(sys.stderr.fileno() if self._file is None else self._file.fileno(), self._loop, self._send)
        self._pace = Pace()
        self.traffic = Traffic()
        self._wanted: Grid | None = None
        self._shown: Grid | None = None  # None: the terminal may show anything
        self._pen = Pen()
        self._questions: list[Place] = []  # for behind the next frame
        self._apart: set[Place] = set()  # those among them that a frame's own answer can't answer
        self._timer: asyncio.TimerHandle | None = None
        self._limit: int | None = None  # bytes of a portion; None: frames go out whole
        self._rest = False  # of a frame that somebody waits for, something is still to be sent
        self.first: Callable[[], Sequence[int]] = tuple  # rows that are looked at: ahead of the others on a slow link
        self._last_frame = 0.0
        self._heal_from = 0.0
        self._heal_pause_s = 1.0
        self._over = True  # the terminal is not ours (yet, any more)
        self._last_words: list[bytes] | None = None
        # Where the compositor's update is still made of cells. Textual calls this for every frame, and nothing else does.
        app._display = self._display  # type: ignore[method-assign]  # there is no public way to take frames

    # ── frames ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        """In the place of ``App._display``."""
        app = self._app
        try:
            if renderable is None or app._batch_count or not app._running or app._closed:
                return
            if isinstance(renderable, CompositorUpdate):
                try:
                    self._wanted = take(self._wanted, renderable, app.console, ascii_only=self._ascii_only)
                except Exception as error:  # as Textual does: a widget that can't be drawn is a fault of the program
                    app._handle_exception(error)
                else:
                    self.traffic.made()
                    self._send()
        finally:
            app.post_display_hook()

    def forget(self) -> None:
        """The terminal may show anything now: the next frame is a whole one."""
        self._shown = None
        self._pen = Pen()

    def shows(self, rows: Sequence[str], size: tuple[int, int]) -> None:
        """The terminal shows *rows* already, faint, the first and the last otherwise: the next frame goes over them, and
        nothing is erased before."""
        width, height = size
        grid = Grid(width, height)
        for y, row in enumerate(rows[:height]):
            # Where a terminal may count cells otherwise than we do, nothing is known.
            known = row.isascii() and 0 < y < height - 1
            grid.chars[y] = list(f"{row:<{width}}"[:width]) if known else ["\0"] * width
            grid.looks[y] = ["2"] * width
        self._shown, self._pen = grid, Pen()

    def cells(self) -> Sequence[Sequence[str]] | None:
        """The newest frame's cells, row by row; None before the first."""
        return self._wanted.chars if self._wanted is not None else None

    def _send(self) -> None:
        """Send the newest frame, if the terminal may have another one, and the questions behind it."""
        wanted = self._wanted
        if wanted is None or self._over or self._tty.is_busy or self._tty.gone:
            self.traffic.wait()
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = time.monotonic()
        hold = self._pace.hold(now, rest=self._rest)
        if hold > 0:
            self.traffic.wait()
            self._timer = self._loop.call_later(hold, self._send)
            return
        check = self._check(now)
        asked_for = self._rest or self._pace.is_asked_for(now)
        limit = None if self._pace.in_vain else self._limit  # who answers nothing gets what there is
        limit = limit if limit is None or asked_for else unasked(limit)
        frame, after = next_portion(self._shown, wanted, self._pen, self._can, limit, self.first())
        whole = after.chars == wanted.chars and after.looks == wanted.looks
        self._rest = asked_for and not whole
        self._shown = after
        data = ""
        if frame:
            if check is not None:
                self._pace.checked(now, check)
                data = "\x1b[6n"
            data += self._in_sync(frame) + self._to_certain_place() + "\x1b[6n"
            self._last_frame = now
            self._pace.sent(now, len(data), ((self._pen.row or 0) + 1, (self._pen.column or 0) + 1))
        # What is asked about is on the screen when all of the frame is.
        for place in self._questions if whole else ():
            if place in self._apart or not self._pace.asked_with_frame(place):
                from screens.arming import question  # rarely, and never for the first frame

                data += question(place)
                self._pace.asked(now, place)
        if whole:
            self._questions.clear()
            self._apart.clear()
        self.traffic.sent(now, len(data), frame=bool(frame) and whole, whole=whole)
        if data:
            self._tty.write(self._encoded(data))
        if not whole:
            self._loop.call_soon(self._send)

    def _check(self, now: float) -> Place | None:
        """After a pause, where the cursor should be before the next frame: it is not there if another program wrote
        (``wall``)."""
        pen = self._pen
        if now - self._last_frame < _PAUSE_S or not self._pace.answers or self._shown is None:
            return None
        if pen.row is None or pen.column is None or not self._is_plain(pen):
            return None
        return pen.row + 1, pen.column + 1

    def _in_sync(self, frame: str) -> str:
        # On a slow link it would hide what has come until the rest has.
        if len(frame) >= _SYNC_FROM and self._app._sync_available and self._limit is None:
            return f"{SYNC_START}{frame}{SYNC_END}"
        return frame

    def _to_certain_place(self) -> str:
        """The cursor to where it certainly is, below the first row: its report must not look like a key (shift+F3)."""
        pen = self._pen
        if not self._is_plain(pen) and self._wanted is not None and self._wanted.height > 1:
            pen.row, pen.column = 1, 0
            return "\x1b[2H"
        if pen.column is None:
            pen.column = 0
            return "\r"
        return ""

    @staticmethod
    def _is_plain(pen: Pen) -> bool:
        """Whether a report of where *pen* is can't be taken for a key."""
        return bool(pen.row) or (pen.column or 0) >= _KEYLIKE

    def _encoded(self, data: str) -> bytes:
        return data.encode("ascii" if self._ascii_only else "utf-8", "replace")

    # ── measuring ───────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def answers(self) -> bool:
        """Whether the terminal has ever answered."""
        return self._pace.answers

    def trips(self) -> list[Trip]:
        """What was measured since the last call: seconds from a frame to the terminal's answer, bytes on their way."""
        found = []
        while self._pace.trips:
            found.append(self._pace.trips.popleft())
        return found

    def go_easy(self, trip: float | None, rate: float | None) -> None:
        """Send frames in portions for a link of *rate* bytes a second; None: whole."""
        if trip is None or rate is None:
            self._limit, self._pace.bytes = None, BYTES
        else:
            self._limit = portion_for(trip, rate)
            self._pace.bytes = int(trip * rate) + self._limit // 2  # the link is full, and stays so

    def ask(self) -> None:
        """Ask for the cursor without a frame: four bytes, and only where the terminal owes no answer."""
        pen = self._pen
        if self._over or self._shown is None or self._tty.is_busy or self._tty.gone or not self._pace.idle:
            return
        if pen.row is None or pen.column is None or not self._is_plain(pen):
            return
        now = time.monotonic()
        self._pace.sent(now, 4, (pen.row + 1, pen.column + 1))
        self.traffic.sent(now, 4, frame=False)
        self._tty.write(b"\x1b[6n")

    # ── everything else that Textual writes ─────────────────────────────────────────────────────────────────────

    def write(self, data: str) -> None:
        """Modes and questions of ours; whatever else comes here is dropped."""
        asked = _QUESTION.fullmatch(data)
        if asked is not None:
            self._questions.append((int(asked[1]), int(asked[2])))
            self._send()
        elif _OURS.fullmatch(data):
            if threading.get_ident() != self._thread:
                self._later(self.write, data)
            elif self._last_words is not None:
                self._last_words.append(data.encode())
            else:
                self._tty.write(data.encode())

    def write_raw(self, data: str) -> None:
        """Sequences of ours that are not among those that Textual may write."""
        self._tty.write(data.encode("ascii"))

    def finish(self) -> bool:
        """Send no more frames until the next start. Whether answers to those that were sent are on their way."""
        self._over = True
        return self._pace.awaits() and not self._tty.is_busy and not self._tty.gone

    def run_input_thread(self) -> None:
        """In the place of Textual's, which may wait for ever (:func:`screens.term.tty.listen`)."""
        try:
            tty = open_tty(self.fileno, os.O_RDONLY)
        except OSError:
            super().run_input_thread()
            return
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode  # what is no text is no fault of ours

        def took(data: bytes) -> None:
            text = decode(data)
            for message in (*(parser.feed(text) if text else ()), *parser.tick()):  # "" would be the end of all
                self.process_message(message)

        try:
            listen(tty, self.exit_event, took)
        finally:
            os.close(tty)

    def process_message(self, message: Message) -> None:
        """Runs in the input thread: answers that are not ours go on in their place among the keys."""
        if isinstance(message, events.CursorPosition):
            place = (message.y + 1, message.x + 1)
            if self._trying is not None:
                (row, column), self._trying = self._trying, None
                if place == (row, column + 2):
                    self._can = replace(self._can, rep=True)
                if place in ((row, column + 1), (row, column + 2)):
                    self._pace.answers = True
                    return
            foreign = self._pace.answered(place, time.monotonic())
            told, unsure = self._pace.told()
            for name in told:
                super().process_message(events.CursorPosition(name[1] - 1, name[0] - 1))
            for name in unsure:
                self._later(self._ask_apart, name)
            self._later(self._healed if self._pace.astray else self._send)
            if not foreign:
                return
        elif isinstance(message, (events.Key, events.Paste)):
            self._pace.heard(time.monotonic())
        super().process_message(message)

    def _healed(self) -> None:
        """The cursor was not where we left it: another program wrote on this terminal (``wall``), so paint it whole. Rarer
        each time: there may be terminals that always say something else."""
        now = time.monotonic()
        if self._pace.astray and now >= self._heal_from:
            self._heal_pause_s = min(self._heal_pause_s * 2, _HEAL_AGAIN_S)
            self._heal_from = now + self._heal_pause_s
            self.forget()
        self._pace.astray = False
        self._send()

    def _ask_apart(self, place: Place) -> None:
        self._questions.append(place)
        self._apart.add(place)
        self._send()

    def _later(self, call: Any, *arguments: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:  # the loop is closed: nothing is written any more
            pass

    # ── beginning and ending ────────────────────────────────────────────────────────────────────────────────────

    @property
    def _writer_thread(self) -> Any:
        """Textual's driver starts a thread that writes, blocking; nothing of ours goes that way."""
        return _NoThread()

    @_writer_thread.setter
    def _writer_thread(self, thread: Any) -> None:
        pass

    def start_application_mode(self) -> None:
        """Take the terminal, for the first time or again after a stop."""
        self._tty.open()
        self._pace.forget()
        self._last_words = None
        self._over = False
        self._pace.heard(time.monotonic())  # whoever starts it waits for it
        self.forget()
        super().start_application_mode()  # type: ignore[no-untyped-call]  # Textual's has no annotations
        signal.signal(signal.SIGWINCH, lambda *_: self._later(self._resized))
        self._can = replace(self._can, lf=self._tty.keep_line_feeds(), rep=False)
        self._loop.call_soon(self._try_rep)  # when it is known what stands there
        self._loop.call_soon(self._send)  # after a stop: what stood there before

    def _resized(self) -> None:
        """The terminal has another size. It is asked for here: of two signals the second may be handled within the handling
        of the first, and a size that was taken there would arrive behind the newer one."""
        if not self._in_band_window_resize:
            size = Size(*self._get_terminal_size())
            self._app.post_message(events.Resize(size, size))

    def _try_rep(self) -> None:
        """A blank and its repetition: where the cursor is behind it says whether the terminal repeats. Where blanks stand, if
        that is known, so that nothing is seen of it."""
        shown = self._shown
        row, column = 2, 1
        if shown is not None:
            x = shown.width - _TRIED_AT
            blank = [y for y in range(1, shown.height) if x > 0 and shown.chars[y][x : x + 2] == [" ", " "]]
            if blank:
                row, column = blank[-1] + 1, x + 1
            else:
                shown.chars[1][:2] = ["\0"] * min(shown.width, 2)
        self._trying = row, column
        self._tty.write(f"\x1b[{row};{column}H \x1b[b\x1b[6n".encode())

    def stop_application_mode(self) -> None:
        """Give the terminal back, as far as it takes words; :meth:`close` says them."""
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._last_words is None:
            self._last_words = [b"\x1b[m"]
        super().stop_application_mode()

    def close(self) -> None:
        """Say the last words, within a fraction of a second."""
        self._tty.close(b"".join(self._last_words or ()), _LAST_WORDS_S, unread=not self._pace.awaits())
        self._last_words = None
