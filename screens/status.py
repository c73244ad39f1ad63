"""Status: what is broken. Checks and alerts in one list, worst first; the healthy are a number."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from msgspec.structs import replace
from textual import on
from textual.app import ComposeResult

from screens import actions, status_detail, status_notice, status_rows
from screens.asks import Ask
from screens.desk import Desk
from screens.performs import Performs
from screens.room import Room
from screens.status_entries import Entry
from screens.status_notice import Bell
from screens.status_order import Order
from screens.status_panes import Panes
from screens.status_view import FOLD, HINT, View
from screens.widgets.line import Lines
from screens.widgets.table import ListRows, Table
from screens.widgets.text import Span, Words

if TYPE_CHECKING:
    from screens.start import Deps

_HOLD: Final = timedelta(seconds=20)  # after the last move of the cursor the order is taken up again
_MODES: Final = 34  # columns of the header's third line for the modes and the place
_BAD: Final = ("DOWN", "DEGRADED", "UNKNOWN")


class StatusRoom(Room):
    """See the module."""

    where: ClassVar[str] = "status"
    has_problems: ClassVar[bool] = True

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.table = Table(desk, (), empty=(("  waiting for the first results", "dim"),), id="problems")
        self.panes = Panes(desk, self.table, lambda: self.entry)
        self.common = Lines(lambda: desk.look, id="common", tone="faint")
        self._words = ""  # the filter as it is typed
        self._trends: dict[str, str] = {}
        self._told: tuple[Span, ...] = ()  # what the header was told
        self._moved_at = desk.now() - _HOLD
        self._visible = True
        self._beat = 0
        self._bell = Bell()
        self.order = Order(
            desk,
            holding=self._holding,
            begin=lambda work: self.run_worker(work, group="order"),
            show=self._display,
            ring=self._ring,
        )

    def compose(self) -> ComposeResult:
        yield self.panes
        yield self.common

    def on_mount(self) -> None:
        self.common.display = False
        self.desk.status_changed.subscribe(self, self.order.arrived, immediate=True)
        self.desk.became_ready.subscribe(self, self._ready, immediate=True)
        self.set_interval(1.0, self._tick)
        if self.desk.status is not None:
            self.order.arrived(self.desk.status)

    def is_filled(self) -> bool:
        return self.order.snapshot is not None or (self.desk.status is None and self.desk.incident_known)

    # ── the bell ──────────────────────────────────────────────────────────────────────────────────────────────

    def _ring(self, critical: frozenset[str]) -> None:
        deps = self.desk.deps
        if self._bell.rings(critical, self.desk.now()) and deps is not None and deps.config.bell:
            self.app.bell()

    def do_mute(self) -> None:
        self._bell.muted = not self._bell.muted
        self.desk.say("the bell is off; m turns it on again" if self._bell.muted else "the bell is on")

    # ── drawing ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _ready(self, _: Deps) -> None:
        self.order.again()

    def _tick(self) -> None:
        beat = self.desk.link.beat(self.desk.now())
        if beat == self._beat:
            return
        self._beat = beat
        if self._visible and not self.panes.open:
            if self.order.view.new and not self._holding():
                self.order.again()
            else:
                self.table.changed()  # ages

    def _holding(self) -> bool:
        return not self.table.pinned and self.desk.now() - self._moved_at < _HOLD

    def _take(self) -> Entry | None:
        """What is under the cursor, to do something with it: from here on it is the operator's place, also on top."""
        if self.entry is not None:
            self.table.pinned = False
            self._moved_at = self.desk.now()
        return self.entry

    def _display(self, to: str) -> None:
        view = self.order.view
        tail = [FOLD] if view.healthy else []
        deps = self.desk.deps
        if deps is not None and not deps.config.services and not self.order.wanted.filter:
            tail.append(HINT)
        keys = (*view.keys, *tail)
        self.table.empty = self._empty()
        self._say_common(view)
        self._shape()
        self._read_trends()
        self.table.show(ListRows(keys, lambda index: self._cells(keys[index])), to=to)
        notice = self.header_notice()
        if notice != self._told:
            self._told = notice
            self.post_message(self.Noticed())
        self.panes.refreshed()

    def _say_common(self, view: View) -> None:
        snapshot = self.order.snapshot
        words = status_notice.foot(view, snapshot.sources if snapshot is not None else ())
        self.common.display = bool(words)
        self.common.put(words or "")

    def _shape(self) -> None:
        width = self.panes.list_width
        trends = self._with_trends(width)
        self.table.shape(status_rows.columns(self.order.view, width, self.desk.look, trends=trends))

    def _with_trends(self, width: int) -> bool:
        return not self.desk.link.slow and status_rows.trends_fit(self.order.view, width)

    def _read_trends(self) -> None:
        """The last latencies of the checks on the screen, where these are few."""
        keys = [key for key, entry in self.order.view.entries.items() if entry.check is not None]
        if not keys or not self._with_trends(self.panes.width) or self.panes.side:
            return
        ascii_only = self.desk.look.ascii_only

        def read(_: Any) -> dict[str, str]:
            found = {}
            for key in keys:
                values = [
                    one.latency_ms for one in self.desk.reader.samples(key)[-status_rows.TREND :] if one.latency_ms
                ]
                found[key] = status_rows.spark(values, status_rows.TREND, ascii_only)
            return found

        def came(found: dict[str, str]) -> None:
            self._trends = found
            self.table.changed()

        self.desk.read(read, came, lambda _: None, key="trends")

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        self.panes.lay_out()
        self._shape()
        self.table.changed()

    def _empty(self) -> Words:
        if self.order.feed.going:
            return (("  looking…", "dim"),)
        if self.order.wanted.filter:
            return ((f"  nothing matches /{self._words}; esc shows all", "dim"),)
        if self.order.entries and self.order.wanted.problems:
            return ((f"  {self.desk.look.sign('ok')} no problems among {len(self.order.entries):,}", "ok"),)
        return (("  waiting for the first results", "dim"),)

    def _cells(self, key: str) -> tuple[Words, ...]:
        look = self.desk.look
        if key == FOLD:
            return (
                ((f"{look.sign('ok')} K", "ok"),),
                ((f"{self.order.view.healthy:,} OK", "ok"),),
                (("H shows them", "faint"),),
            )
        if key == HINT:
            return ("", (("only this host", "dim"),), ((status_detail.how_to_add(self.desk), "faint"),))
        view = self.order.view
        trends = self._trends if len(self.table.columns) > 5 else None
        return status_rows.cells(view.entries[key], self.desk.now(), look, view.shared, trends)

    def header_notice(self) -> tuple[Span, ...]:
        """For the header's third line: what is new, what is left out and hidden, how it is sorted."""
        order = self.order
        words = self._words if order.wanted.filter else ""
        parts = status_notice.parts(
            order.view, order.wanted, order.feed.found, words, order.feed.going, self._bell.muted
        )
        return status_notice.fitted(parts, self.panes.width - _MODES, self.desk.look)

    @on(Table.Moved)
    def _moved(self, event: Table.Moved) -> None:
        event.stop()
        self._moved_at = self.desk.now()
        self.panes.moved()

    # ── the room ────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def entry(self) -> Entry | None:
        """What is under the cursor, or lies open."""
        return self.order.view.entries.get(self.panes.open or self.table.key)

    def situation(self) -> actions.Situation:
        entry = self.entry
        target = ""
        facts: set[str] = set()
        if entry is not None:
            check, alert = entry.check, entry.alert
            target = "group" if entry.group is not None else "alert" if alert is not None else "check"
            if check is not None or (alert is not None and alert.source != "vigie"):
                facts.add("source")
            if entry.service:
                facts.add("checked")
            if alert is not None and alert.source not in ("vigie", "rules"):
                facts.add("foreign")
            if alert is not None or (check is not None and check.state in _BAD and check.since is not None):
                facts.add("episode")
        elif self.table.key == FOLD:
            target = "fold"
        if self.desk.deps is not None and self.desk.deps.config.alertmanagers:
            facts.add("alertmanager")
        return self.desk.situation(target, frozenset(facts))

    def keys_to(self) -> Performs:
        return self.panes.pages if self.panes.open else self.table

    def covered(self) -> frozenset[str] | None:
        return frozenset({"detail", "healthy", "group"}) if self.panes.open else None

    def place(self) -> str:
        return self.panes.pages.place if self.panes.open else self.table.place

    def shown(self) -> None:
        self._visible = True
        self.table.changed()

    def hidden(self) -> None:
        self._visible = False

    def back(self) -> bool:
        wanted = self.order.wanted
        if self.panes.close():
            self._lay_out()
        elif wanted.inside and not self._words:
            self.order.want(replace(wanted, inside=""), wanted.inside)
        elif wanted.problems and not self._words:
            self.toggle_problems()
        else:
            return False
        return True

    def filter_words(self) -> str:
        return self._words

    def filter_says(self, words: str) -> Words:
        """While *words* are typed: what is wrong with them, or what else can be asked for."""
        from console.status_filter import FilterError, parse

        try:
            parse(words)
        except FilterError as error:
            return ((str(error), "error"),)
        return (("words  !not  /regex  @down @state=… @age>1h @severity=…  label=value label=~regex", "dim"),)

    def set_filter(self, words: str) -> str | None:
        """Show what fits *words*; what can't be read changes nothing. Returns why it can't."""
        from console.status_filter import FilterError, parse

        try:
            found = parse(words)
        except FilterError as error:
            return str(error)
        self._words = words.strip()
        if found == (self.order.wanted.filter or parse("")):
            return None
        self.table.pinned = True
        self.order.want(replace(self.order.wanted, filter=found or None))
        return None

    def toggle_problems(self) -> None:
        wanted = self.order.wanted
        self.order.want(replace(wanted, problems=not wanted.problems), self.table.key)

    def declare_ask(self) -> Ask | None:
        """The declare line for what is under the cursor, with its labels; None for a blank one."""
        from screens import status_asks

        entry = self._take()
        return status_asks.declare(self.desk, entry) if entry is not None else None

    # ── actions ─────────────────────────────────────────────────────────────────────────────────────────────────

    def do_detail(self) -> None:
        if self.table.key == FOLD:
            self.do_healthy()
            return
        entry = self._take()
        if entry is None:
            return
        if entry.group is not None:
            self._enter(entry)
            return
        self.panes.open_detail()
        self._lay_out()
        self.panes.show_detail(top=True)
        self.panes.read_history()

    def _enter(self, group: Entry) -> None:
        self.table.pinned = True
        self.order.want(replace(self.order.wanted, inside=group.key))

    def do_runbook(self) -> None:
        from screens import status_asks

        entry = self._take()
        if entry is not None:
            self.desk.go("runbook", status_asks.runbook(entry))

    def do_ack(self) -> None:
        from screens import status_asks

        entry = self._take()
        ask = status_asks.acknowledge(self.desk, entry) if entry is not None else None
        if ask is not None:
            self.desk.ask(ask)

    def do_healthy(self) -> None:
        wanted = self.order.wanted
        self.order.want(replace(wanted, unfolded=not wanted.unfolded), self.table.key)

    def do_group(self) -> None:
        self.order.want(replace(self.order.wanted, grouped=not self.order.view.grouped), self.table.key)

    def do_sort_worst(self) -> None:
        self._sort("worst")

    def do_sort_newest(self) -> None:
        self._sort("newest")

    def do_sort_name(self) -> None:
        self._sort("name")

    def do_sort_slowest(self) -> None:
        self._sort("slowest")

    def _sort(self, how: str) -> None:
        self.order.want(replace(self.order.wanted, sort=how), "" if self.table.pinned else self.table.key)

    def do_silence(self) -> None:
        from screens import silencing

        entry = self._take()
        if entry is not None and entry.alert is not None:
            silencing.begin(self.desk, entry.alert)

    def do_maintenance(self) -> None:
        from screens import status_asks

        entry = self._take()
        if entry is not None and entry.service:
            window = entry.check.maintenance if entry.check is not None else ""
            self.desk.ask(status_asks.maintenance(self.desk, entry.service, window))

    def do_recheck(self) -> None:
        from screens import status_asks

        entry = self._take()
        if entry is not None:
            status_asks.recheck(self.desk, entry)
