"""The one screen: header, the body with the room that is open, the line at the bottom; and what works everywhere.

Keys are looked up in the action registry from the inside out: the line being typed, the pane or table that has them, the
room, and then here. They are carried out one after the other, in the order typed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib import import_module
from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.geometry import Size
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

from screens import actions
from screens.asks import Ask
from screens.desk import Desk
from screens.foot import Foot
from screens.header import Header
from screens.performs import Performs
from screens.refused_words import RefusedWords
from screens.room import MODES, Mode, Room
from screens.typed_ahead import Input, TypedAhead
from screens.widgets.line import Lines
from screens.widgets.text import Span, Words, join, width_of

_BY_ID = {mode.id: mode for mode in MODES}
_LAST = ("app.help", "app.back")  # what the hint line shows to the last
_LINE_FEED = "ctrl+j"  # Enter, typed before the terminal was taken: the kernel made this of it
LEAST = Size(40, 10)  # smaller terminals are told so


class Body(Widget, inherit_bindings=False):
    """Where the rooms are."""

    DEFAULT_CSS = "Body { width: 100%; height: 1fr; layout: vertical; }"


class Bridge(Performs, Screen[None], inherit_bindings=False):
    """See the module."""

    DEFAULT_CSS = """
    Bridge { layout: vertical; layers: base over; overflow: hidden; }
    Bridge > #choices { layer: over; dock: bottom; offset: 0 -2; width: 100%; height: 8; }
    Bridge > #small { display: none; height: 1; width: 100%; }
    Bridge.-small > #small { display: block; }
    Bridge.-small > Header, Bridge.-small > Body, Bridge.-small > Foot { display: none; }
    """
    where: ClassVar[str] = actions.EVERYWHERE
    AUTO_FOCUS = None

    class GoOn(Message):
        """To the application: what was typed and had to wait can be carried out."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.mode = ""
        self.rooms: dict[str, Room] = {}
        self.help: Room | None = None
        self._told_stopped: list[str] = []
        self.header = Header(desk, lambda: self.mode or "status", self._place, self._notice)
        self.body = Body()
        self.foot = Foot(desk, self._hints)
        self.ahead = TypedAhead(self, desk, lambda: self.room, lambda: self.app.post_message(self.GoOn()))
        self.refused = RefusedWords(self, desk, self.foot, self.ahead)
        self._small = Lines(lambda: desk.look, id="small")

    def compose(self) -> ComposeResult:
        yield self.header
        with self.body:
            if self.desk.first is not None:  # there is something to show in it: it comes with the first frame
                yield from self._with_first_room()
        yield self.foot
        yield self._small

    def on_mount(self) -> None:
        self.desk.mode_wanted.subscribe(self, lambda _: self.ahead.lacks("room"), immediate=True)
        self.desk.mode_wanted.subscribe(self, self._wanted, immediate=False)
        self.ahead.await_desk()
        if self.mode:
            self.rooms[self.mode].shown()
            self.ahead.await_layout(self.rooms[self.mode])
            self.ahead.has("room")
        else:
            # Header and line are on the terminal before the first room is imported.
            self.call_after_refresh(self._first_room)

    async def go_on(self) -> None:
        """The next of what waited."""
        await self._carry_out(self.ahead.next())

    def _with_first_room(self) -> Iterator[Room]:
        room = _build(_BY_ID["status"], self.desk)
        if room is not None:
            self.mode, self.rooms["status"] = "status", room
            yield room

    async def _first_room(self) -> None:
        try:
            await self.show_mode("status")
        finally:
            self.ahead.has("room")

    # ── rooms ───────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def room(self) -> Room | None:
        """The room that is looked at: help, while it lies over one."""
        return self.help if self.help is not None else self.rooms.get(self.mode)

    async def show_mode(self, mode: str, message: Any = None) -> None:
        """Go to a mode; its room is built when it is first visited."""
        await self._close_help()
        room = self.rooms.get(mode)
        if room is None:
            room = _build(_BY_ID[mode], self.desk)
            if room is None:
                self.desk.say(f"{_BY_ID[mode].title}: this screen is not part of this build", "error")
                return
            self.rooms[mode] = room
            room.display = False
            await self.body.mount(room)
        before = self.rooms.get(self.mode)
        if room is not before:
            if before is not None:
                before.display = False
                before.hidden()
            self.mode = mode
            room.display = True
            room.shown()
            self.ahead.await_layout(room)
        if message is not None:
            room.visit(message)
        self.after_key()

    async def _wanted(self, wanted: tuple[str, Any]) -> None:
        try:
            await self.show_mode(*wanted)
        finally:
            self.ahead.has("room")

    async def _close_help(self) -> None:
        if self.help is not None:
            shut, self.help = self.help, None
            await shut.remove()
            room = self.rooms.get(self.mode)
            if room is not None:
                room.display = True
                self.ahead.await_layout(room)

    def looked_at(self) -> tuple[int, ...]:
        """Rows of the screen that should come first on a slow link: the line being typed, the modes, the cursor's row."""
        typing = (self.foot.region.y,) if self.foot.typing else ()
        keys = self.room.keys_to() if self.room is not None else None
        row = getattr(getattr(keys, "table", keys), "cursor_row", None)
        return (*typing, self.header.region.bottom - 1, *(() if row is None else (row,)))

    def _place(self) -> str:
        room = self.room
        return room.place() if room is not None else ""

    def _notice(self) -> tuple[Span, ...]:
        room = self.room
        return room.header_notice() if room is not None else ()

    @on(Room.Noticed)
    def _noticed(self, event: Room.Noticed) -> None:
        event.stop()
        self.after_key()

    def after_key(self) -> None:
        """Header and hint line follow what a key did."""
        self.header.draw()
        self.foot.draw_hint()
        self.call_after_refresh(self.header.draw)  # what was just laid out knows its place only then

    # ── keys ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def take(self, event: Input) -> None:
        """A key, a paste, an answer of the terminal, in the order in which they came (see screens.arming)."""
        if isinstance(event, events.Key):
            self.desk.link.touch(time.monotonic())
            if event.key == _LINE_FEED:
                event = events.Key("enter", "\r")
        self.refused.follow(event)
        if not self.ahead.keeps(event):
            await self._carry_out(event)

    async def _carry_out(self, event: Input) -> None:
        if isinstance(event, events.Key):
            await self._press(event)
        elif isinstance(event, events.Paste):
            self.paste(event.text)
        else:
            self.desk.terminal_answered_at((event.y + 1, event.x + 1))

    async def _press(self, event: events.Key) -> None:
        """One key, from the inside out."""
        if self.has_class("-small"):
            if event.key == "q":
                await self.perform(actions.BY_ID["app.quit"])
            return
        if self.foot.typing:
            await self.foot.key(event.key, event.character)
            self.header.draw()
            return
        if self.refused.takes(event):
            return
        for owner in self._owners():
            action = next((action for action in actions.of(owner.where) if event.key in action.keys), None)
            if action is not None:
                self.foot.hush()
                await owner.perform(action)
                if action.id in actions.LINES and not self.foot.typing:
                    self.refused.begin(event)
                self.ahead.await_pane()
                self.after_key()
                return

    def paste(self, text: str) -> None:
        """A paste is text or nothing: never keys."""
        if self.foot.typing:
            self.foot.paste(text)
        else:
            self.desk.say("pasted text goes into a line: open one first (n, D, /, :)")

    def _owners(self) -> list[Performs]:
        room = self.room
        inner = room.keys_to() if room is not None else None
        return [owner for owner in (inner, room, self) if owner is not None]

    def situation(self) -> actions.Situation:
        room = self.room
        return room.situation() if room is not None else self.desk.situation()

    def _expendable(self, action: actions.Action) -> tuple[bool, bool, int]:
        everywhere = action.where == self.where
        return action.id not in _LAST, everywhere, -action.hint if everywhere else action.hint

    def _hints(self) -> Words:
        room = self.room
        owners = self._owners()
        own = [action for owner in owners for action in actions.of(owner.where) if action.hint]
        if room is not None and not room.has_problems:
            own.remove(actions.BY_ID["app.problems"])
        covered = room.covered() if room is not None else None
        if covered is not None:  # a text lies open: what closes it, not what waits behind it
            own = [actions.BY_ID["app.back"], *(action for action in own if action.name not in covered)]
        situation = self.situation()
        look = self.desk.look
        shown = sorted(own, key=lambda action: action.hint)
        while True:
            spans: list[Words] = []
            for action in shown:
                keys = actions.key_words(action.keys[0], look.ascii_only)
                off = bool(action.off(situation))
                words = action.short or action.words
                spans.append(((keys, "faint" if off else "accent"), (" " + words, "faint" if off else "dim")))
            line = ((" ", "dim"), *join(spans))
            if width_of(line, look) <= self.size.width or len(shown) < 2:
                return line
            # Too narrow: what help tells anyway goes first; help itself stays to the last.
            shown.remove(max(shown, key=self._expendable))

    # ── what works everywhere ───────────────────────────────────────────────────────────────────────────────────

    async def do_mode_status(self) -> None:
        await self.show_mode("status")

    async def do_mode_incident(self) -> None:
        await self.show_mode("incident")

    async def do_mode_runbook(self) -> None:
        await self.show_mode("runbook")

    async def do_mode_timeline(self) -> None:
        await self.show_mode("timeline")

    async def do_mode_report(self) -> None:
        await self.show_mode("report")

    def do_note(self) -> None:
        from screens import scribe

        self.desk.ask(scribe.note(self.desk))

    def do_declare(self) -> None:
        from screens import scribe

        room = self.room
        self.desk.ask((room.declare_ask() if room is not None else None) or scribe.declare(self.desk))

    def do_palette(self) -> None:
        from screens import palette

        self.desk.ask(palette.commands(self._owners(), self.situation(), self.desk))

    def do_theme(self) -> None:
        from screens import palette

        self.desk.ask(palette.themes(self.desk))

    def do_switch(self) -> None:
        from screens import palette

        palette.ask_incident(self.desk)

    def do_filter(self) -> None:
        room = self.room
        words = room.filter_words() if room is not None else None
        if room is None or words is None:
            self.desk.say("filter: there is nothing to filter on this screen")
            return
        before = words

        def typed(text: str) -> None:
            room.set_filter(text)

        self.desk.ask(
            Ask(
                id="filter",
                label="/",
                text=words,
                submit=room.set_filter,
                typed=typed,
                preview=room.filter_says,
                left=lambda: typed(before),
                hint=room.filter_says(""),
            )
        )

    def do_problems(self) -> None:
        if self.room is not None:
            self.room.toggle_problems()

    async def do_help(self) -> None:
        from screens.help import HelpRoom

        if self.help is not None:
            await self._close_help()
            return
        here = [owner.where for owner in self._owners()]
        owners = sorted(here, key=lambda where: (where != self.mode, where == actions.EVERYWHERE))
        room = self.rooms.get(self.mode)
        if room is not None:
            room.display = False
        self.help = HelpRoom(self.desk, owners)
        self.ahead.await_layout(self.help)
        await self.body.mount(self.help)

    async def do_back(self) -> None:
        if self.help is not None:
            await self._close_help()
        elif self.room is not None and not self.room.back() and self.room.filter_words():
            self.room.set_filter("")

    def do_quit(self) -> None:
        stopped = self.desk.stopped()
        if stopped and stopped != self._told_stopped:
            self._told_stopped = stopped
            self.desk.say(f"{', '.join(stopped)}: stopped, and would end with the console; q again leaves")
            return
        self.desk.leave()

    def do_repaint(self) -> None:
        self.desk.repaint()

    def do_suspend(self) -> None:
        self.desk.stop()

    def do_clear(self) -> None:
        self.desk.say("ctrl-C clears a line being typed; q leaves")

    # ── size and look ───────────────────────────────────────────────────────────────────────────────────────────

    def _screen_resized(self, size: Size) -> None:
        """The terminal has another size. Textual's screen tells itself of each size it was laid out for: two that came at
        once would follow each other for ever. Laid out for the newest alone, the older ones change nothing."""
        super()._screen_resized(self.app.size)

    def on_resize(self, event: events.Resize) -> None:
        size = self.app.size
        small = size.width < LEAST.width or size.height < LEAST.height
        self.set_class(small, "-small")
        if small:
            self._small.put(f"too small: {size.width}x{size.height}, needs {LEAST.width}x{LEAST.height}")
        else:
            self.call_after_refresh(self.after_key)

    def redraw(self) -> None:
        """Draw everything again."""
        self.header.redraw()
        self.foot.redraw()
        for room in (*self.rooms.values(), *((self.help,) if self.help is not None else ())):
            room.redraw()


def _build(mode: Mode, desk: Desk) -> Room | None:
    module, _, name = mode.room.partition(":")
    try:
        room_class = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        return None
    room: Room = room_class(desk)
    return room
