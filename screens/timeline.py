"""Timeline: what has been done. Every event of the incident, the newest at the bottom, a window of it at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual import on
from textual.app import ComposeResult

from console.clock import rfc3339
from screens import actions
from screens.desk import Desk
from screens.errands import ShowEvent
from screens.performs import Performs
from screens.room import Room
from screens.widgets.pages import Pages
from screens.widgets.table import Column, ListRows, Table
from screens.widgets.text import Span, Words, wrap

if TYPE_CHECKING:
    from console.incident.timeline import Line
    from console.journal.events import Event
    from console.journal.store import Journal
    from screens.incident_now import IncidentNow
    from screens.timeline_window import Window

_COLUMNS: Final = (
    Column(width=10, align="right"),
    Column(width=8, from_width=60),
    Column(width=1),
    Column(width=10),
    Column(flex=1, least=16),
    Column(width=10, from_width=100),
)
_TONES: Final = {
    "decision": "title",
    "finding": "accent",
    "declared": "title",
    "severity": "degraded",
    "closed": "ok",
    "alert": "degraded",
    "command": "code",
    "check": "degraded",
}


class TimelineRoom(Room):
    """See the module."""

    where: ClassVar[str] = "timeline"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.table = Table(desk, _COLUMNS, empty=(("  reading", "dim"),), windowed=True, id="events")
        self.pages = Pages(desk, id="event")
        self.open = False
        self._window: Window | None = None
        self._rows: list[tuple[str, Line | None]] = []  # (key, line); None is the heading of a date
        self._lines: dict[str, Line] = {}
        self._following = True
        self._new = 0  # arrived at the end while it was not looked at
        self._words = ""
        self._busy = False
        self._wanted = ""  # an event to put the cursor on
        self._visible = True
        self._stale = False

    def compose(self) -> ComposeResult:
        yield self.table
        yield self.pages

    def on_mount(self) -> None:
        self.pages.display = False
        self.desk.incident_changed.subscribe(self, self._incident, immediate=True)
        self.desk.events_arrived.subscribe(self, self._events, immediate=True)
        self._reload()

    # ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _read(self, work: Callable[[Any, Journal, IncidentNow], Window], *, to: str = "") -> None:
        incident = self.desk.incident
        if incident is None:
            self._window = None
            self._show(None)
            return
        self._busy = True

        def read(journal: Journal) -> Window:
            from screens import timeline_window

            return work(timeline_window, journal, incident)

        def came(window: Window) -> None:
            self._busy = False
            if self.desk.incident is not None and window.stream == self.desk.incident.stream:
                self._show(window, to=to)

        def failed(line: str) -> None:
            self._busy = False
            self.desk.say(line, "error")

        self.desk.read(read, came, failed, key="timeline")

    def _reload(self) -> None:
        if self._words:
            self._read(lambda module, journal, now: module.found(journal, now, self._words), to="$end")
        elif self._wanted:
            wanted, self._wanted = self._wanted, ""
            self._following = False
            self._read(lambda module, journal, now: module.around(journal, now, wanted), to=wanted)
        elif self._window is None or self._window.stream != getattr(self.desk.incident, "stream", ""):
            self._read(lambda module, journal, now: module.newest(journal, now), to="$end")
        else:
            window = self._window
            self._read(
                lambda module, journal, now: module.again(journal, now, window), to="$end" if self._following else ""
            )

    def _incident(self, _: IncidentNow | None) -> None:
        incident = self.desk.incident
        if incident is None or self._window is None or self._window.stream != incident.stream:
            self._window = None
            self._following = True
            self._reload()

    def _events(self, events: tuple[Event, ...]) -> None:
        incident = self.desk.incident
        if incident is None:
            return
        mine = [event for event in events if event.stream == incident.stream or event.stream.startswith("watch")]
        if not mine:
            return
        if not self._following:
            self._new += sum(1 for event in mine if event.stream == incident.stream)
        if self._visible:
            self._reload()
        else:
            self._stale = True  # read when it is looked at

    # ── what is shown ───────────────────────────────────────────────────────────────────────────────────────────

    def _show(self, window: Window | None, *, to: str = "") -> None:
        if window is None:
            self.table.empty = (("  no incident is open: D declares one, : switch incident opens another", "dim"),)
            self._rows, self._lines = [], {}
            self.table.show(ListRows((), lambda index: ()))
            return
        if not self._words:
            self._window = window
        self._lines = {line.id: line for line in window.lines}
        self._rows = []
        date = ""
        for line in window.lines:
            if line.date != date:
                date = line.date
                self._rows.append((f"date:{date}", None))
            self._rows.append((line.id, line))
        rows = self._rows
        self.table.empty = ((f"  nothing matches /{self._words}; esc shows all", "dim"),) if self._words else ""
        self.table.pinned = False
        self.table.show(ListRows([key for key, _ in rows], lambda index: self._cells(*rows[index])), to=to)
        if self.open:
            self._show_detail()

    def _cells(self, key: str, line: Line | None) -> tuple[Words, ...]:
        look = self.desk.look
        if line is None:
            return (((key.removeprefix("date:"), "title"),), (("UTC", "faint"),))
        quiet = line.undone or line.redacted or line.watch
        text: list[Span] = [(line.text, "faint" if quiet else "text")]
        if line.undone:
            text.insert(0, ("undone: ", "soft"))
        if line.notes:
            text.append((f"  ({'; '.join(line.notes)})", "soft"))
        star = ((look.sign("star"), "star"),) if line.starred else ""
        return (
            ((line.clock_seconds, "dim"),),
            ((line.t, "dim"),),
            star,
            ((line.kind, _TONES.get(line.kind, "dim")),),
            tuple(text),
            (("watch" if line.watch else f"@{line.actor}", "faint"),),
        )

    def header_notice(self) -> tuple[Span, ...]:
        spans: list[Span] = []
        if self._new and not self._following:
            spans.append((f"+{self._new} new (F)", "accent"))
        if self._words:
            spans.append((("  " if spans else "") + f"/{self._words}", "accent"))
        elif self._following:
            spans.append(("following", "dim"))
        return tuple(spans)

    @on(Table.Moved)
    def _moved(self, event: Table.Moved) -> None:
        event.stop()
        at_end = self.table.at_end and self._window is not None and self._window.newest
        if at_end != self._following and not self._words:
            self._following = at_end
            if at_end:
                self._new = 0

    @on(Table.Edge)
    def _edge(self, event: Table.Edge) -> None:
        event.stop()
        window = self._window
        if window is None or self._words or (self._busy and abs(event.way) == 1):
            return
        if event.way == -2 and not window.oldest:
            self._read(lambda module, journal, now: module.oldest(journal, now), to="$start")
        elif event.way == 2 and not window.newest:
            self._read(lambda module, journal, now: module.newest(journal, now), to="$end")
        elif event.way == -1 and not window.oldest:
            self._read(lambda module, journal, now: module.before(journal, now, window))
        elif event.way == 1 and not window.newest:
            self._read(lambda module, journal, now: module.after(journal, now, window))

    # ── the room ────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def line(self) -> Line | None:
        """The line under the cursor."""
        return self._lines.get(self.table.key)

    def situation(self) -> actions.Situation:
        line = self.line
        facts = frozenset(("own",)) if line is not None and not line.watch else frozenset[str]()
        return self.desk.situation("event" if line is not None else "", facts)

    def is_filled(self) -> bool:
        return self._window is not None or self.desk.incident is None

    def keys_to(self) -> Performs:
        return self.pages if self.open else self.table

    def covered(self) -> frozenset[str] | None:
        return frozenset({"detail"}) if self.open else None

    def place(self) -> str:
        if self.open:
            return self.pages.place
        incident, line = self.desk.incident, self.line
        if incident is None or line is None or line.watch:
            return ""
        return f"{line.seq:,}/{incident.count:,}"

    def shown(self) -> None:
        self._visible = True
        if self._stale:
            self._stale = False
            self._reload()

    def hidden(self) -> None:
        self._visible = False

    def visit(self, message: Any) -> None:
        if isinstance(message, ShowEvent):
            self._wanted = message.event
            if message.stream and message.stream != getattr(self.desk.incident, "stream", ""):
                self.desk.choose(message.stream)
            else:
                self._reload()

    def back(self) -> bool:
        if self.open:
            self.open = False
            self.pages.display = False
            self.table.display = True
            return True
        return False

    def filter_words(self) -> str:
        return self._words

    def set_filter(self, words: str) -> None:
        before, self._words = self._words, words.strip()
        if before != self._words:
            if not self._words and self.line is not None:
                self._wanted = self.table.key  # out of the search, stay with what was found
            self._reload()

    # ── actions ─────────────────────────────────────────────────────────────────────────────────────────────────

    def do_detail(self) -> None:
        self.open = True
        self.table.display = False
        self.pages.display = True
        self._show_detail(top=True)

    def _show_detail(self, *, top: bool = False) -> None:
        line = self.line
        if line is not None:
            self.pages.show(event_lines(line, self.desk, max(self.size.width, 40)), top=top)

    def do_star(self) -> None:
        from console.incident.actions import star

        line, incident = self.line, self.desk.incident
        if line is None or incident is None:
            return
        words = "no longer part of the story" if line.starred else "part of the story"
        self.desk.write(incident.stream, [star(line.id, not line.starred)], lambda _: self.desk.say(words))

    def do_follow(self) -> None:
        self._following = True
        self._new = 0
        self._words = ""
        self._window = None
        self._reload()


def event_lines(line: Line, desk: Desk, width: int) -> list[Words]:
    """The whole event, for reading."""
    event = line.event
    found: list[Words] = [((f" {line.kind}", "title"), (f"  #{event.seq} of {event.stream}", "dim")), ""]
    found += [((f"   {text}", "text"),) for text in wrap(line.text, width - 6, desk.look)]
    found.append("")
    origin = event.origin
    facts = [
        ("happened", f"{rfc3339(line.at)}  ({line.precision}){'  ' + line.t if line.t else ''}"),
        ("recorded", rfc3339(event.recorded_at)),
        ("by", f"@{event.actor}, {origin.program} on {origin.host or '?'} {origin.tty}, uid {origin.uid}"),
        ("notes", "; ".join(line.notes)),
        ("tags", " ".join(f"#{tag}" for tag in getattr(event.body, "tags", ()))),
        ("milestones", ", ".join(getattr(event.body, "marks", ()))),
        ("id", event.id),
        ("hash", event.hash),
    ]
    for name, value in facts:
        if not value:
            continue
        for number, text in enumerate(wrap(value, width - 16, desk.look)):
            found.append(((f"   {name if not number else '':<11} ", "dim"), (text, "text")))
    output = getattr(event.body, "head", "")
    if output:
        found += ["", ((" output", "title"), (f"  {getattr(event.body, 'size', 0):,} bytes", "dim"))]
        found += [((f"   {text}", "code"),) for text in wrap(output, width - 6, desk.look)]
        tail = getattr(event.body, "tail", "")
        if tail:
            found += [(("   …", "dim"),), *(((f"   {text}", "code"),) for text in wrap(tail, width - 6, desk.look))]
    return found
