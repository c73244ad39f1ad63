"""Incident: the first-60-seconds screen. How bad, for whom, how long, who does what, what is due; and the list to switch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult

from screens import actions, incident_asks, incident_list
from screens.desk import Desk
from screens.incident_board import AFTER, HEAD, Changes, Facts, board, head, nothing
from screens.incident_list import IncidentList
from screens.performs import Performs
from screens.room import Room
from screens.widgets.line import Lines
from screens.widgets.steps_text import TextPane
from screens.widgets.table import ListRows, Table
from screens.widgets.text import Span

if TYPE_CHECKING:
    from console.config import SeverityConfig
    from console.journal.events import Event
    from console.journal.store import Journal
    from screens.asks import Ask
    from screens.incident_now import IncidentNow


class IncidentRoom(Room):
    """See the module."""

    where: ClassVar[str] = "incident"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.head = Lines(lambda: desk.look, height=HEAD, id="incident-head")
        self.pane = TextPane(desk, id="incident-board")
        self.table = Table(desk, incident_list.COLUMNS, empty=(("  reading the incidents", "dim"),), id="incidents")
        self._list = IncidentList(desk, self._list_changed)
        self._listing = False
        self._visible = False
        self._beat = 0
        self._words = ""
        self._facts: Facts | None = None
        self._changes: Changes | None = None
        self._asked_changes: tuple[str, Any] | None = None

    def compose(self) -> ComposeResult:
        yield self.head
        yield self.pane
        yield self.table

    def on_mount(self) -> None:
        self.table.display = False
        self.desk.incident_changed.subscribe(self, self._incident_changed, immediate=True)
        self.desk.became_ready.subscribe(self, lambda _: self._incident_changed(self.desk.incident), immediate=True)
        self.set_interval(1.0, self._tick)
        self._incident_changed(self.desk.incident)

    # ── what is shown ───────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _severities(self) -> tuple[SeverityConfig, ...]:
        return self.desk.deps.config.severities if self.desk.deps is not None else ()

    def _incident_changed(self, incident: IncidentNow | None) -> None:
        self._facts = None if incident is None else Facts.of(incident.alias, incident.state, self._severities)
        if incident is not None:
            self._look_before(incident)
        if self._listing and self._visible:
            self._list.read()
        self._draw()

    def _look_before(self, incident: IncidentNow) -> None:
        """Ask for what the watch saw before T+0; once for each T+0."""
        if incident.zero is None or self._asked_changes == (incident.stream, incident.zero):
            return
        self._asked_changes = (incident.stream, incident.zero)
        zero, services = incident.zero.at, tuple(incident.state.services)

        def read(journal: Journal) -> Changes:
            from console.incident.timeline import overlay

            return Changes.of(incident.stream, overlay(journal, zero, zero + AFTER, services))

        self.desk.read(read, self._changes_came, key="incident-before")

    def _changes_came(self, changes: Changes) -> None:
        self._changes = changes
        self._draw()

    def _tick(self) -> None:
        beat = self.desk.link.beat(self.desk.now())
        if self._visible and not self._listing and beat != self._beat:
            self._beat = beat
            self._draw()

    def _draw(self) -> None:
        if not self.is_mounted or not self._visible:
            return
        facts, now, look = self._facts, self.desk.now(), self.desk.look
        self.head.display = facts is not None and not self._listing
        width = max(self.size.width, 40)
        if facts is None:
            self.pane.show(nothing())
            return
        for number, (left, right) in enumerate(head(facts, now, coarse=self.desk.link.slow)):
            self.head.put(left, right, line=number)
        self.pane.show(board(facts, self._changes, now, width, look))

    def on_resize(self) -> None:
        self._draw()

    def redraw(self) -> None:
        super().redraw()
        self._draw()

    # ── the list ────────────────────────────────────────────────────────────────────────────────────────────────

    def _list_changed(self) -> None:
        rows = [row for row in self._list.rows if incident_list.matches(row, self._words)]
        by_key = {row.stream: row for row in rows}
        current = self.desk.incident.stream if self.desk.incident is not None else ""
        levels = tuple(level.name for level in self._severities)
        if self._list.reading:
            self.table.empty = (("  reading the incidents", "dim"),)
        elif self._words:
            self.table.empty = ((f"  nothing matches /{self._words}; esc shows all", "dim"),)
        else:
            self.table.empty = (("  there is no incident yet: D declares one", "dim"),)
        keys = list(by_key)
        self.table.show(ListRows(keys, lambda index: incident_list.cells(by_key[keys[index]], current, levels)))

    def _show_list(self, on: bool) -> None:
        self._listing = on
        self.table.display = on
        self.pane.display = not on
        self.head.display = not on and self._facts is not None
        if on:
            self._list.read()
        else:
            self._draw()

    # ── the room ────────────────────────────────────────────────────────────────────────────────────────────────

    def keys_to(self) -> Performs:
        return self.table if self._listing else self.pane

    def situation(self) -> actions.Situation:
        incident = self.desk.incident
        facts = set()
        if incident is not None:
            facts.add("open incident" if incident.open else "closed incident")
            if incident.state.open_tasks():
                facts.add("open task")
        return self.desk.situation("incident" if self._listing and self.table.key else "", frozenset(facts))

    def shown(self) -> None:
        self._visible = True
        self.call_later(self._draw)
        if self._listing:
            self._list.read()

    def hidden(self) -> None:
        self._visible = False

    def place(self) -> str:
        return self.table.place if self._listing else self.pane.place

    def header_notice(self) -> tuple[Span, ...]:
        if not self._listing:
            return ()
        return (
            ((f"/{self._words}  ", "accent"), ("Enter switches", "dim"))
            if self._words
            else (("Enter switches", "dim"),)
        )

    def back(self) -> bool:
        if self._listing:
            if self._words:
                return False
            self._show_list(False)
            return True
        return False

    def filter_words(self) -> str | None:
        return self._words if self._listing else None

    def set_filter(self, words: str) -> None:
        self._words = words.strip()
        self._list_changed()

    # ── actions ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _asks(self, ask: Ask | None) -> None:
        self.desk.ask(ask)

    def do_choose(self) -> None:
        stream = self.table.key
        if self._listing and stream:
            self._show_list(False)
            self.desk.choose(stream)

    def do_list(self) -> None:
        self._show_list(not self._listing)

    def do_severity(self) -> None:
        if self.desk.incident is not None:
            self._asks(incident_asks.severity(self.desk, self.desk.incident))

    def do_milestone(self) -> None:
        if self.desk.incident is not None:
            self._asks(incident_asks.milestone(self.desk, self.desk.incident))

    def do_title(self) -> None:
        if self.desk.incident is not None:
            self._asks(incident_asks.title(self.desk, self.desk.incident))

    def do_summary(self) -> None:
        if self.desk.incident is not None:
            self._asks(incident_asks.summary(self.desk, self.desk.incident))

    def do_role(self) -> None:
        if self.desk.incident is not None:
            self._asks(incident_asks.role(self.desk, self.desk.incident))

    def do_task(self) -> None:
        if self.desk.incident is not None:
            self._asks(incident_asks.task_done(self.desk, self.desk.incident))

    def do_close(self) -> None:
        if self.desk.incident is not None:
            self._asks(incident_asks.close(self.desk, self.desk.incident, self._is_closed_now))

    def _is_closed_now(self, event: Event) -> None:
        from console.journal.events import Closed

        body = event.body
        if isinstance(body, Closed):
            self.desk.say(f"closed after {body.count:,} events, chain head {body.head}: keep it elsewhere")

    def do_reopen(self) -> None:
        if self.desk.incident is not None:
            self._asks(incident_asks.reopen(self.desk, self.desk.incident))
