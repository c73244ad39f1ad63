"""What is typed before the screen can say what it means: it waits, in the order typed.

Keys mean what the screen says, also when a kept one stands there: they wait for the room, for its place on the screen, for
the incident and the drafts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from textual import events
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget

from screens.desk import Desk
from screens.room import Room

_READY_S = 2.0  # keys wait no longer for what they may need
_LAID_OUT_S = 0.5  # nor for a room to have its place and something in it
_LOOK_S = 1 / 60

Input = events.Key | events.Paste | events.CursorPosition


class TypedAhead:
    """*here* gives the room that is looked at; *go_on* is called when something that waited has to wait no longer."""

    def __init__(
        self, screen: Screen[None], desk: Desk, here: Callable[[], Room | None], go_on: Callable[[], object]
    ) -> None:
        self._screen = screen
        self._desk = desk
        self._here = here
        self._go_on = go_on
        self._missing = {"room", "incident", "drafts"}  # keys wait for these
        self._waiting: list[Input] = []
        self._patience: Timer | None = None  # for the room that is being laid out

    def keeps(self, event: Input) -> bool:
        """Whether *event* has to wait; then it does so here."""
        if self._waiting or (self._missing and not isinstance(event, events.CursorPosition)):
            self._waiting.append(event)
            return True
        return False

    @property
    def can_go_on(self) -> bool:
        """Whether something that waited has to wait no longer."""
        return bool(self._waiting) and not self._missing

    @property
    def waiting(self) -> Sequence[Input]:
        """What waits, in the order typed."""
        return self._waiting

    def put_back(self, event: Input, what: str) -> None:
        """*event* waits for *what*, before all else."""
        self._waiting.insert(0, event)
        self._missing.add(what)

    def next(self) -> Input:
        """What has waited longest; it waits no longer."""
        return self._waiting.pop(0)

    def lacks(self, what: str) -> None:
        """From here on keys wait for *what*."""
        self._missing.add(what)

    def has(self, *what: str) -> None:
        """Keys wait for *what* no longer."""
        self._missing.difference_update(what)
        if self.can_go_on:
            self._go_on()

    def await_desk(self) -> None:
        """Wait for the incident and the drafts, a while."""
        desk, screen = self._desk, self._screen
        desk.became_ready.subscribe(screen, lambda deps: self.has("drafts") if deps.read_only else None, immediate=True)
        desk.incident_changed.subscribe(screen, lambda _: self.has("incident"), immediate=True)
        desk.drafts_loaded.subscribe(screen, lambda _: self.has("drafts"), immediate=True)
        screen.set_timer(_READY_S, lambda: self.has("incident", "drafts"))

    def await_layout(self, room: Room) -> None:
        """What is typed goes to *room* once it has its place, and something in it: before, a page of it is no line."""
        self._missing.add("layout")
        room.placed = lambda: self._await_filling(room)
        if self._patience is not None:
            self._patience.stop()
        # None of it may ever be visible: the terminal is too small.
        patience = _LAID_OUT_S if self._desk.incident_known else _READY_S  # at the start everything takes longer
        self._patience = self._screen.set_timer(patience, lambda: self.has("layout"))

    def _await_filling(self, room: Room) -> None:
        if room is not self._here() or "layout" not in self._missing:
            return
        if room.is_filled():
            self.has("layout")
        else:
            self._screen.set_timer(_LOOK_S, lambda: self._await_filling(room))

    def await_pane(self) -> None:
        """The same for a text that was just opened inside the room: a page of it is known when it has its place."""
        room = self._here()
        keys = room.keys_to() if room is not None else None
        scrolls = getattr(keys, "scrolls", None)
        pane = scrolls() if scrolls is not None else keys
        if isinstance(pane, Widget) and pane.display and not pane.size.height and "layout" not in self._missing:
            self._missing.add("layout")
            until = time.monotonic() + _LAID_OUT_S
            self._screen.set_timer(_LOOK_S, lambda: self._await_size(pane, until))

    def _await_size(self, pane: Widget, until: float) -> None:
        if pane.size.height or not pane.display or time.monotonic() >= until:
            self.has("layout")
        else:
            self._screen.set_timer(_LOOK_S, lambda: self._await_size(pane, until))
