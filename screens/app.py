"""The application: thin. It opens the desk, shows the bridge, hands over keys, and ends well.

How to add a screen (a *room*: one mode's body)
- A class in a file of its own, ``class IncidentRoom(Room)`` with ``where = "incident"``; :data:`screens.room.MODES` names
  it, and it is imported when it is first visited. It gets the :class:`~screens.desk.Desk` and nothing else.
- Its keys are lines in ``screens/actions.py`` with that ``where``; ``status.ack`` is carried out by ``do_ack`` (may be
  async). ``situation()`` says what is selected; the registry decides from it whether an action is off, and why.
  ``tests/screens/test_actions.py`` holds that every action has its method, and every key is unique where it works.
- Data: read ``desk.status``, ``desk.incident``; in ``on_mount`` subscribe ``desk.status_changed``, ``incident_changed``,
  ``events_arrived`` (``immediate=True``). More from the journal: ``desk.read(lambda journal: …, then)``, which runs in
  the reader's thread and calls ``then`` here; a ``key`` makes newer questions replace waiting ones.
  Write: ``desk.write(stream, [New(...)], then, failed)``; ``then`` means it is on disk.
- Words are ``str`` or spans ``(text, token)``; tokens are those of ``screens.look.TOKENS``. All text is literal and is
  made harmless when it is drawn; nothing is markup, ever.
- Widgets: :class:`~screens.widgets.table.Table` (``table.show(ListRows(keys, draw))``, selection by key),
  :class:`~screens.widgets.pages.Pages` (a text to read; ``screens.widgets.text.wrap`` breaks lines),
  :class:`~screens.widgets.line.Lines` (a few lines; ``put`` draws what changed). A room returns the one that has the
  keys from ``keys_to()``. None of them ever has Textual's focus: keys go by the registry.
- To run an interactive program on the terminal: ``desk.lend(Program(...), then)``, see ``screens/suspending.py``.
- A line from the operator: ``desk.ask(Ask(...))``, ``armed=True`` when its Enter runs or destroys something; a line to
  the operator: ``desk.say("…")``. To another mode: ``desk.go("runbook", message)``, which arrives at that room's
  ``visit(message)``.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, cast

from textual import events
from textual.app import App
from textual.filter import Monochrome, NoColor
from textual.screen import Screen
from textual.timer import Timer

from screens.bridge import Bridge
from screens.desk import Desk
from screens.look import Look
from screens.start import MakeDeps
from screens.suspending import Lending, awaits_answers

if TYPE_CHECKING:
    from screens.desk import Measured
    from screens.kept import Place
    from screens.last_screen import LastScreen
    from screens.launched import Launch

_ANSWERS_IN_HASTE_S: Final = 0.3  # when a signal wants us gone
_AFTER_RESIZE_S: Final = 1 / 30  # Textual gathers resizes for 1/120 s


class VigieApp(App[None], inherit_bindings=False):
    """The console. ``line`` is what the operator is told after it has gone."""

    ENABLE_COMMAND_PALETTE = False
    TITLE = "vigie"

    def __init__(self, make_deps: MakeDeps, look: Look) -> None:
        super().__init__()
        # Toasts would cover the line being typed, and tooltips need a mouse: nothing of either is ever made.
        self._disable_notifications = self._disable_tooltips = True
        if self.no_color:
            # Textual has not seen the theme yet, and would turn the terminal's own colours into black on black.
            self._filters = [NoColor() if isinstance(one, Monochrome) else one for one in self._filters]
        self.line = ""
        self._resized: Timer | None = None
        self._sized = False
        self.desk = Desk(self, self.call_later, make_deps, look)
        self.lending = Lending(self)
        self.desk.end, self.desk.repaint, self.desk.lend = self.end, self.repaint, self.lending.lend
        self.desk.stop, self.desk.stopped = self.lending.stop, self.lending.stopped
        self.bridge = Bridge(self.desk)
        self.keep_at: Place | None = None  # where what is shown is kept for the next start
        self.launch_at: Launch | None = None  # and for the launcher's
        self.last_screen: LastScreen | None = None
        self._wear(look)

    def _keep_screens(self, _: Any) -> None:
        cells = getattr(self._driver, "cells", None)
        if cells is None or self.keep_at is None:  # the stock driver knows none
            return
        from screens.last_screen import LOOK_S, LastScreen

        self.last_screen = LastScreen(self.keep_at, self.launch_at, self.desk, self.bridge, cells)
        self.set_interval(LOOK_S, self.last_screen.look)

    def get_default_screen(self) -> Screen[Any]:
        return self.bridge

    def on_mount(self) -> None:
        if hasattr(self._driver, "trips"):  # ours; Textual's own measures nothing
            self.desk.terminal = cast("Measured", self._driver)
            self.desk.terminal.first = self.bridge.looked_at
        if not self.is_headless:
            self.lending.listen()
        self.desk.look_changed.subscribe(self, self._look_changed, immediate=True)
        self.desk.drafts_loaded.subscribe(self, self._drafts_loaded, immediate=True)
        self.desk.became_ready.subscribe(self, self._ready_for_theme, immediate=True)
        self.desk.became_ready.subscribe(self, self._keep_screens, immediate=True)
        # The shell is painted before anything else is imported: configuration, journal and status follow in a thread.
        self.call_after_refresh(self.desk.open)

    async def on_event(self, event: events.Event) -> None:
        """What is typed, and the terminal's answers, go to the bridge, one after the other; everything else is Textual's."""
        if isinstance(event, events.CursorPosition) or (
            isinstance(event, (events.Key, events.Paste)) and not event.is_forwarded
        ):
            await self._safely(self.bridge.take(event))
        elif isinstance(event, events.Resize):
            await super().on_event(event)
            if not self._sized:  # the driver's first words: nothing was painted before them
                return
            # Away and back again, perhaps within Textual's own pause: the terminal has forgotten what it showed, and
            # Textual sees the size that it knows already.
            if self._resized is not None:
                self._resized.stop()
            self._resized = self.set_timer(_AFTER_RESIZE_S, self.repaint)
        elif isinstance(event, events.Ready):
            self._sized = True
            await super().on_event(event)
        else:
            await super().on_event(event)

    async def on_bridge_go_on(self, _: Bridge.GoOn) -> None:
        while self.bridge.ahead.can_go_on:
            await self._safely(self.bridge.go_on())

    async def _safely(self, action: Awaitable[None]) -> None:
        try:
            await action
        except Exception as error:  # one action failed: say so, and go on
            self._log_fault(error)
            self.desk.say(f"that went wrong: {type(error).__name__}: {error}", "error")
            if self.is_headless:
                raise

    def repaint(self) -> None:
        """Draw the whole screen again, on a terminal that may show anything."""
        forget = getattr(self._driver, "forget", None)  # the stock driver remembers nothing
        if forget is not None:
            forget()
        self.bridge.redraw()
        self.bridge.refresh(layout=True)

    def end(self, code: int, line: str = "") -> None:
        """Leave with *code* (128 + signal for a signal); *line* is printed once the terminal is itself again."""
        self.line = line
        wait = self.lending.patience if code < 128 else _ANSWERS_IN_HASTE_S
        self.lending.recall(max(code - 128, 0), partial(self._end, code, monotonic() + wait))

    def _end(self, code: int, deadline: float) -> None:
        """The terminal's answers would stand on the shell's command line: those on their way are awaited."""
        if awaits_answers(self._driver) and monotonic() < deadline:
            self.set_timer(0.01, partial(self._end, code, deadline))
        else:
            self.exit(return_code=code)

    def call_from_signal(self, call: Callable[[], object]) -> None:
        """Run *call* on the UI thread, from a signal handler or another thread; nothing happens once the loop is gone."""
        loop = self._loop

        def in_context() -> None:
            # A handler runs in whatever context it interrupts, a thread in one of its own: Textual's timers die there.
            with self._context():
                call()

        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(in_context)

    # ── look ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _wear(self, look: Look) -> None:
        from textual.theme import BUILTIN_THEMES, Theme

        theme = look.theme
        if theme.ansi:
            worn = replace(BUILTIN_THEMES["ansi-dark" if theme.dark else "ansi-light"], name="vigie")
        else:
            worn = Theme(
                name="vigie",
                primary=theme.foreground,
                foreground=theme.foreground,
                background=theme.background,
                surface=theme.background,
                panel=theme.background,
                dark=theme.dark,
            )
        self.register_theme(worn)
        if self.theme == "vigie":
            self._watch_theme("vigie")  # same name, other colours: Textual does not see that by itself
        else:
            self.theme = "vigie"

    def _look_changed(self, look: Look) -> None:
        self._wear(look)
        self.bridge.redraw()

    def _ready_for_theme(self, deps: Any) -> None:
        from screens.theming import chosen, load_look, problem_of

        look = self.desk.look
        ascii_only = look.ascii_only or deps.config.ascii
        wanted = deps.config.theme
        if not chosen() and wanted != "dark" and wanted != look.theme.name:
            problem = problem_of(wanted)
            if problem:
                self.desk.say(problem, "error")
            self.desk.set_look(load_look(wanted, ascii_only))
        elif ascii_only != look.ascii_only:
            self.desk.set_look(Look(look.theme, ascii_only=ascii_only))

    def _drafts_loaded(self, _: Any) -> None:
        from screens.scribe import save_again

        found = save_again(self.desk) if not self.desk.read_only else 0
        if found:
            self.desk.say(f"{found} line{'s' if found > 1 else ''} that an earlier console could not save: saving now")

    # ── faults ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _fatal_error(self) -> None:
        """A fault of ours: the traceback goes to the log, the operator gets a line, the terminal is given back."""
        error = self._exception
        where = self._log_fault(error) if error is not None else ""
        self.line = f"something went wrong inside: {type(error).__name__}: {error}{where}"
        self._close_messages_no_wait()

    def _log_fault(self, error: BaseException) -> str:
        import tempfile
        import traceback

        folder = str(self.desk.deps.paths.folder) if self.desk.deps is not None else None
        try:
            handle, name = tempfile.mkstemp(prefix="vigie-", suffix=".log", dir=folder)
            with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as log:
                traceback.print_exception(error, file=log)
        except OSError:
            return ""
        return f" (details in {name})"
