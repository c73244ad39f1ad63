"""The terminal in other hands: an interactive program gets it for a while (an editor, ``psql``, a shell), or ctrl-Z gives it
back to the shell that we came from.

For rooms there is one call, ``desk.lend(Program(...), then)`` (:class:`screens.term.guest.Program`, ``Outcome``)::

    desk.lend(Program(["psql", "shop"], name="psql", pause=True), then)

    def then(outcome: Outcome) -> None:       # on the UI thread, when the console has the terminal again
        if outcome.stopped: ...               # ctrl-Z in it: lend the same Program again, and it goes on
        elif outcome.refusal: ...             # it did not start: one line why; code is 126 or 127
        else: outcome.code                    # as a shell says it, 128 + signal when it was killed

It returns at once. Meanwhile the console's loop goes on: polls, writes, commands that are watched; nothing is drawn. The
program is a job of its own (process group, foreground by ``tcsetpgrp``), with the terminal's settings as they were before
the console. When it ends or stops, keys that it did not read are thrown away, and the whole screen is drawn, at the size
that it has by then. One at a time; a second one is refused. When the console must leave meanwhile (SIGHUP, SIGTERM, the
terminal gone), the program gets that signal, then SIGHUP, then SIGKILL, within a second, and *then* is called all the same.

A program that belongs to the record (a step) needs its own record of start and end: the console may be killed while it
runs. Nothing of it should stand in an argument list: scripts go in by ``pass_fds``, values by ``env``.

It does what Textual's ``App.suspend`` does, which holds up the loop and hangs when something is drawn meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import termios
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from textual.driver import Driver

    from screens.app import VigieApp
    from screens.term.guest import Guest, Outcome, Program

_ANSWERS_S: Final = 1.0  # for answers of the terminal that are on their way: nobody else could make sense of them
_ANSWERS_MOST_S: Final = 3.0
_SECOND_S: Final = 0.35  # after it was asked to end, SIGHUP
_LAST_S: Final = 0.9  # and then SIGKILL
_STILL_S: Final = 1.0  # for writes that are under way, before the whole process stops
# What a program may have left behind: mouse, application keys, margins, origin, insert, charset, and the bracketed paste.
_AFTER_OTHERS: Final = "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1l\x1b>\x1b[r\x1b[?6l\x1b[4l\x1b(B\x0f\x1b[m"


class Lending:
    """Who has the terminal of *app*. Everything here is called on the UI thread."""

    def __init__(self, app: VigieApp) -> None:
        self._app = app
        self._tty = -1
        self._settings: list[Any] | None = None  # the terminal's, as they were before the console
        self._out: Guest | None = None
        self._stopped: list[Guest] = []
        self._task: asyncio.Task[None] | None = None
        self._leaving: Callable[[], object] | None = None
        self._pressed = asyncio.Event()  # a key, where one is waited for
        self._away = False  # the terminal is not ours
        self._undrawn = ExitStack()  # while it is not

    # ── programs ────────────────────────────────────────────────────────────────────────────────────────────────

    def lend(self, program: Program, then: Callable[[Outcome], None]) -> None:
        """See the module."""
        from screens.term.guest import Outcome

        driver = self._app._driver
        if self._task is not None or self._leaving is not None:
            then(Outcome(126, refusal="another program has the terminal"))
        elif driver is None or driver.is_headless or not driver.can_suspend:
            then(Outcome(126, refusal="there is no terminal to hand over"))
        else:
            self._task = asyncio.get_running_loop().create_task(self._lend(driver, program, then), name="guest")

    def stopped(self) -> list[str]:
        """The titles of what was stopped and waits to go on: it ends with the console."""
        return [guest.program.title for guest in self._stopped if not guest.ended]

    async def _lend(self, driver: Driver, program: Program, then: Callable[[Outcome], None]) -> None:
        from screens.term.guest import Outcome

        outcome = Outcome(126, refusal="it was not started")
        try:
            await self._give(driver)
            try:
                if self._leaving is None:
                    outcome = await self._host(program)
            except asyncio.CancelledError:
                self.close()
                raise
            finally:
                self._take()
        except (OSError, ValueError, RuntimeError) as error:  # whatever it was, the console must come back
            outcome = Outcome(126, refusal=f"{type(error).__name__}: {error}")
        finally:
            self._task, self._out = None, None
        leaving = self._leaving
        if leaving is None:
            self._come_back(driver)
        try:
            then(outcome)
        except Exception as error:  # a fault of whoever asked
            self._app.desk.say(f"that went wrong: {type(error).__name__}: {error}", "error")
        if leaving is not None:
            leaving()

    async def _host(self, program: Program) -> Outcome:
        """Run it, or let it go on, until it has ended or stopped."""
        from screens.term.guest import Guest, NotStarted, Outcome, take_back

        guest = next((one for one in self._stopped if one.program.title == program.title), None)
        if guest is not None:
            self._stopped.remove(guest)
        else:
            guest = Guest(program, self._tty)
            if program.before:
                self._print(program.before)
            try:
                guest.start()
            except NotStarted as error:
                return Outcome(error.code, refusal=str(error))
        self._out = guest
        # From here to the end we are in the background. Whatever ends the console must still be able to set the terminal
        # right, and not be stopped for it.
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        guest.to_foreground()
        if self._leaving is not None:  # a signal came while it was started
            guest.signal(signal.SIGHUP)
        outcome = await guest.wait()
        if outcome.stopped and self._leaving is None:
            with suppress(termios.error):
                guest.settings = termios.tcgetattr(self._tty)
            self._stopped.append(guest)
        while not guest.ended and self._leaving is not None:
            outcome = await guest.wait()
        if program.pause and not outcome.stopped and self._leaving is None:
            take_back(self._tty, self._settings)
            await self._pause(f"[{program.title} has ended, exit {outcome.code}; a key goes back to the console]")
        return outcome

    async def _pause(self, line: str) -> None:
        """Show *line* and wait for a key."""
        loop, pressed = asyncio.get_running_loop(), self._pressed
        pressed.clear()
        try:
            settings = termios.tcgetattr(self._tty)
            settings[3] &= ~(termios.ICANON | termios.ECHO)
            termios.tcsetattr(self._tty, termios.TCSANOW, settings)
            self._print(line)
            loop.add_reader(self._tty, pressed.set)
        except (termios.error, OSError):
            return
        try:
            await pressed.wait()
        finally:
            loop.remove_reader(self._tty)

    def _print(self, line: str) -> None:
        from console.sanitize import one_line

        text = f"\r\n{one_line(line)}\r\n".encode("utf-8", "replace")
        with suppress(OSError):
            fd = os.open(os.ttyname(self._tty), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
            with suppress(BlockingIOError):  # a terminal that takes nothing shows nothing
                os.write(fd, text)
            os.close(fd)

    # ── giving and taking ───────────────────────────────────────────────────────────────────────────────────────

    async def _give(self, driver: Driver) -> None:
        """The terminal as it was before the console; nothing of ours reads it or writes to it."""
        deadline = time.monotonic() + self.patience
        # They come in another thread.
        while awaits_answers(driver) and time.monotonic() < deadline and self._leaving is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        thread = getattr(driver, "_key_thread", None)
        stop = getattr(driver, "exit_event", None)
        if (
            thread is not None and stop is not None
        ):  # it looks up every tenth of a second: the loop does not wait for that
            stop.set()
            await asyncio.get_running_loop().run_in_executor(None, thread.join)
            stop.clear()
        self._leave_screen(driver)

    def _leave_screen(self, driver: Driver) -> None:
        self._away = True
        self._undrawn.enter_context(self._app.batch_update())
        self._tty = sys.__stdin__.fileno() if sys.__stdin__ is not None else 0
        driver.suspend_application_mode()
        with suppress(termios.error):
            self._settings = termios.tcgetattr(self._tty)

    def _take(self) -> None:
        from screens.term.guest import take_back

        take_back(self._tty, self._settings)
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)

    def _come_back(self, driver: Driver) -> None:
        self._away = False
        driver.resume_application_mode()
        getattr(driver, "write_raw", driver.write)(_AFTER_OTHERS)
        self._undrawn.close()
        self._app.repaint()

    # ── leaving ─────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def patience(self) -> float:
        """Seconds for answers of the terminal that are on their way when it is given back."""
        trip = self._app.desk.link.trip
        return min(max(_ANSWERS_S, 2 * trip if trip is not None else 0.0), _ANSWERS_MOST_S)

    @property
    def away(self) -> bool:
        """Whether somebody else has the terminal."""
        return self._away

    def recall(self, number: int, then: Callable[[], object]) -> None:
        """The console leaves because of the signal *number* (0: for another reason): whoever has the terminal must end;
        *then* is called when it is ours again, after a second at most."""
        for guest in self._stopped:
            guest.signal(number or signal.SIGHUP)
            guest.signal(signal.SIGHUP)
            guest.signal(signal.SIGCONT)
        if self._task is None:
            then()
            return
        first = self._leaving is None
        self._leaving = then
        self._pressed.set()
        if first:
            loop = asyncio.get_running_loop()
            self._ask_to_end(number or signal.SIGHUP)
            loop.call_later(_SECOND_S, self._ask_to_end, signal.SIGHUP)
            loop.call_later(_LAST_S, self._ask_to_end, signal.SIGKILL)

    def _ask_to_end(self, number: int) -> None:
        if self._out is not None:
            self._out.signal(number)
            self._out.signal(signal.SIGCONT)

    def close(self) -> None:
        """The loop is over: nothing that we started keeps the terminal."""
        if self._out is None and not self._stopped:
            return
        from screens.term.guest import take_back

        for guest in (*self._stopped, *((self._out,) if self._out is not None else ())):
            guest.signal(signal.SIGHUP)
            guest.signal(signal.SIGCONT)
        if self._out is not None:
            self._out.signal(signal.SIGKILL)
            take_back(self._tty, self._settings)

    # ── to the shell and back ───────────────────────────────────────────────────────────────────────────────────

    def listen(self) -> None:
        """Take SIGTSTP, SIGCONT and SIGINT from Textual's driver, which would start itself twice at a SIGCONT that nobody
        expected, and would stop for ever where nobody can continue it."""
        signal.signal(signal.SIGTSTP, self._stop_came)
        signal.signal(signal.SIGCONT, self._continue_came)
        for number in (signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, self._interrupt_came)

    def _interrupt_came(self, number: int, frame: FrameType | None) -> None:
        if self._away:
            self._app.call_from_signal(lambda: self._pass_on(number))
        else:
            self._app.call_from_signal(lambda: self._app.end(128 + number))

    def _stop_came(self, number: int, frame: FrameType | None) -> None:
        self._app.call_from_signal((lambda: self._pass_on(number)) if self._away else self.stop)

    def _pass_on(self, number: int) -> None:
        """A key that was typed for whoever has the terminal, a moment before that one had it; or to have it back."""
        if self._out is not None and not self._out.ended:
            self._out.signal(number)
        self._pressed.set()

    def _continue_came(self, number: int, frame: FrameType | None) -> None:
        self._app.call_from_signal(self._continued)

    def stop(self) -> None:
        """Ctrl-Z: back to the shell, until it says ``fg``. Where nobody could say that, the operator is told so."""
        from screens.term.guest import has_job_control, take_back

        driver = self._app._driver
        if self._away or driver is None or driver.is_headless or not driver.can_suspend:
            return
        if not has_job_control():
            self._app.desk.say("ctrl-Z: no shell is here to come back from; q leaves the console")
            return
        deadline = time.monotonic() + self.patience
        while awaits_answers(driver) and time.monotonic() < deadline:
            time.sleep(0.01)  # nothing else is to happen any more
        with self._app.desk.held_still(_STILL_S):  # stopped in the middle of a write, we would lock everybody out
            self._leave_screen(driver)
            self._sleep()
        take_back(self._tty, self._settings)
        self._come_back(driver)

    def _sleep(self) -> None:
        """Stop the whole job, as the terminal would; returns when it goes on in the foreground."""
        signal.signal(signal.SIGCONT, lambda *_: None)
        try:
            before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
            os.kill(0, signal.SIGTSTP)
            signal.signal(signal.SIGTSTP, before)
            self._await_foreground()
        finally:
            self.listen()

    def _await_foreground(self) -> None:
        """Return when the job is in the foreground. In the background (``bg``) it is stopped: as one that wants the terminal.

        Asking for the foreground is what stops it (SIGTTOU, by the kernel, which looks and stops in one); where we have it,
        that does nothing. So no ``fg`` can come between a look and a stop.
        """
        from screens.term.guest import in_foreground

        while True:
            deadline = time.monotonic() + 0.2  # some shells continue first, and give the terminal then
            while not in_foreground(self._tty) and time.monotonic() < deadline:
                time.sleep(0.01)
            try:
                os.tcsetpgrp(self._tty, os.getpgrp())
            except InterruptedError:  # continued
                continue
            except OSError:  # nobody is there who could continue us: then nothing stops us either
                pass
            return

    def _continued(self) -> None:
        """Continued after a stop that we did not see coming (SIGSTOP): the terminal may be set otherwise by now."""
        from screens.term.guest import has_job_control, in_foreground, take_back, unstopped

        driver = self._app._driver
        if self._away or driver is None or driver.is_headless or not driver.can_suspend:
            return
        self._tty = sys.__stdin__.fileno() if sys.__stdin__ is not None else 0
        if not in_foreground(self._tty):
            if not has_job_control():
                return
            signal.signal(signal.SIGCONT, lambda *_: None)
            with self._app.desk.held_still(_STILL_S):
                self._await_foreground()
            self.listen()
        with unstopped():
            self._leave_screen(driver)
        take_back(self._tty, self._settings)
        self._come_back(driver)


def awaits_answers(driver: Driver | None) -> bool:
    """Whether answers of the terminal are on their way, which nobody but us could make sense of. Nothing more is asked from
    here on, until the driver is started again."""
    finish = getattr(driver, "finish", None)  # the stock driver asks nothing
    return bool(finish()) if finish is not None else False
