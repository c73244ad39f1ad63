"""Status: what is broken. Checks and alerts in one list, worst first; the healthy are a number."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from msgspec.structs import replace
from textual import on
from textual.app import ComposeResult
from textual.widget import Widget

from screens import actions, status_detail, status_entries, status_feed, status_notice, status_rows, status_view
from screens.asks import Ask
from screens.desk import Desk
from screens.performs import Performs
from screens.room import Room
from screens.status_entries import Entry
from screens.status_notice import Bell
from screens.status_view import FOLD, HINT, View, Wanted
from screens.widgets.line import Lines
from screens.widgets.pages import Pages
from screens.widgets.table import ListRows, Table
from screens.widgets.text import Span, Words

if TYPE_CHECKING:
    from console.snapshot import StatusSnapshot
    from console.status_filter import Filter
    from screens.look import Look
    from screens.start import Deps

MANY: Final = 2000  # entries from which on they are put in order beside the keys
SIDE_FROM: Final = 120  # columns from which on the detail stands beside the list
_HOLD: Final = timedelta(seconds=20)  # after the last move of the cursor the order is taken up again
_AGAIN: Final = timedelta(seconds=2)  # between two looks at what the status does not carry, and …
_SHARE: Final = 20  # … so many times as long as the last one took
_MODES: Final = 34  # columns of the header's third line for the modes and the place
_BAD: Final = ("DOWN", "DEGRADED", "UNKNOWN")


class Panes(Widget, inherit_bindings=False):
    """The list, and the detail beside it or in its place."""

    DEFAULT_CSS = """
    Panes { width: 100%; height: 1fr; layout: horizontal; }
    Panes > Table { width: 1fr; }
    Panes > #detail { width: 100%; }
    Panes.-side > #detail { width: 40%; margin-left: 2; }
    """


class StatusRoom(Room):
    """See the module."""

    where: ClassVar[str] = "status"
    has_problems: ClassVar[bool] = True

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.table = Table(desk, (), empty=(("  waiting for the first results", "dim"),), id="problems")
        self.pages = Pages(desk, id="detail")
        self.panes = Panes()
        self.common = Lines(lambda: desk.look, id="common", tone="faint")
        self.open: str = ""  # key of the entry whose detail lies open, over everything
        self._beside = False  # whether the detail of what is under the cursor is wanted beside the list
        self._entries: list[Entry] = []
        self._view = View((), {})
        self._snapshot: StatusSnapshot | None = None  # the newest one that is in order
        self._waiting: StatusSnapshot | None = None  # the newest one, not ordered yet
        self._again = self._ordering = False
        self._to = ""  # where the cursor goes when they are ordered
        self._words = ""  # the filter as it is typed
        self._filter: Filter | None = None  # the last one that could be read
        self._wanted = Wanted()  # all but the order that is held
        self._feed = status_feed.FeedSearch(desk, self._found_more)
        self._looked_at = desk.now()
        self._trends: dict[str, str] = {}
        self._told: tuple[Span, ...] = ()  # what the header was told
        self._moved_at = desk.now() - _HOLD
        self._visible = True
        self._beat = 0
        self._bell = Bell()
        self._history: status_detail.History | None = None

    def compose(self) -> ComposeResult:
        with self.panes:
            yield self.table
            yield self.pages
        yield self.common

    def on_mount(self) -> None:
        self.pages.display = self.common.display = False
        self.desk.status_changed.subscribe(self, self._arrived, immediate=True)
        self.desk.became_ready.subscribe(self, self._ready, immediate=True)
        self.set_interval(1.0, self._tick)
        if self.desk.status is not None:
            self._arrived(self.desk.status)

    def is_filled(self) -> bool:
        return self._snapshot is not None or (self.desk.status is None and self.desk.incident_known)

    # ── what is shown ───────────────────────────────────────────────────────────────────────────────────────────

    def _arrived(self, snapshot: StatusSnapshot) -> None:
        if self._feed_wanted(snapshot) and self.desk.now() - self._looked_at > max(_AGAIN, _SHARE * self._feed.took):
            self._look_further(snapshot, keep=True)
        if len(snapshot.checks) + len(snapshot.alerts) + len(self._feed.found.entries) > MANY:
            self._order(snapshot)
            return
        self._waiting = None
        self._snapshot = snapshot
        self._entries = status_entries.entries(snapshot, self._entries, self._feed.found.entries)
        self._ring(status_entries.critical(self._entries))
        self._show()

    def _order(self, snapshot: StatusSnapshot | None, to: str = "") -> None:
        """Order very many in a thread: of *snapshot*, or of what is there. Keys are not held up by it; the newest counts."""
        self._waiting = snapshot or self._waiting
        self._to = to or self._to
        self._again = True
        if not self._ordering:
            self._ordering = True
            self.run_worker(self._order_apart(), group="order")

    async def _order_apart(self) -> None:
        try:
            while self._again:
                snapshot, self._waiting, self._again = self._waiting, None, False
                to, self._to = self._to, ""
                wanted = self._now_wanted(to)
                entries, critical, view = await asyncio.to_thread(
                    self._ordered, snapshot, self._entries, wanted, self.desk.look
                )
                if snapshot is not None and self._waiting is None:
                    self._entries, self._snapshot = entries, snapshot
                    self._ring(critical)
                now = self._now_wanted(to)
                if replace(now, held=None) != replace(wanted, held=None) or (now.held is None) != (wanted.held is None):
                    self._again = True  # another filter meanwhile, or the operator moved: the order is held
                    self._to = self._to or to
                    continue
                self._display(view, to)
        finally:
            self._ordering = False

    def _ordered(
        self, snapshot: StatusSnapshot | None, before: list[Entry], wanted: Wanted, look: Look
    ) -> tuple[list[Entry], frozenset[str], View]:
        """Runs in a thread."""
        entries = before
        if snapshot is not None:
            entries = status_entries.entries(snapshot, before, self._feed.found.entries)
        view = self._made(entries, wanted, snapshot or self._snapshot)
        view.longest, status_rows.handlings(view, look)
        return entries, status_entries.critical(entries), view

    def _made(self, entries: list[Entry], wanted: Wanted, snapshot: StatusSnapshot | None) -> View:
        groups = snapshot.groups if snapshot is not None else ()
        unread = 0
        if groups:
            there = sum(1 for entry in entries if entry.check is None)
            unread = max(sum(group.count for group in groups) - there, 0)
        return status_view.view(entries, wanted, self.desk.now(), groups, unread=unread)

    def _now_wanted(self, to: str = "") -> Wanted:
        """What the list should show now, with the order that is held."""
        held = self._view if self._holding() and self._view.keys and not to else None
        return replace(self._wanted, held=held) if held is not None else self._wanted

    def _want(self, wanted: Wanted, to: str = "") -> None:
        self._wanted = wanted
        self._show(to=to)

    # ── what the status does not carry ──────────────────────────────────────────────────────────────────────────

    def _feed_wanted(self, snapshot: StatusSnapshot | None) -> bool:
        """Whether there are alerts that only status.db has, and they may have to be shown."""
        if snapshot is None or not snapshot.groups or not (self._filter or self._wanted.inside.startswith("$alert:")):
            return False
        return snapshot.foreign > sum(1 for alert in snapshot.alerts if alert.source != "vigie")

    def _look_further(self, snapshot: StatusSnapshot | None, *, keep: bool = False) -> None:
        if self._feed_wanted(snapshot):
            self._looked_at = self.desk.now()
            inside = self._wanted.inside
            self._feed.look(self._filter, inside.partition(":")[2] if inside.startswith("$alert:") else "", keep=keep)
        elif self._feed.found.entries or self._feed.going:
            self._feed.stop()
            self._found_more(self._feed.found)

    def _found_more(self, _: status_feed.Found) -> None:
        snapshot = self._waiting or self._snapshot
        if snapshot is not None:
            self._arrived(snapshot)

    def _ring(self, critical: frozenset[str]) -> None:
        if self._filter or self._wanted.inside:  # what was read besides is not new
            critical = critical.difference(entry.key for entry in self._feed.found.entries)
        deps = self.desk.deps
        if self._bell.rings(critical, self.desk.now()) and deps is not None and deps.config.bell:
            self.app.bell()

    def do_mute(self) -> None:
        self._bell.muted = not self._bell.muted
        self.desk.say("the bell is off; m turns it on again" if self._bell.muted else "the bell is on")

    # ── drawing ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _ready(self, _: Deps) -> None:
        self._show()

    def _tick(self) -> None:
        beat = self.desk.link.beat(self.desk.now())
        if beat == self._beat:
            return
        self._beat = beat
        if self._visible and not self.open:
            if self._view.new and not self._holding():
                self._show()
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

    def _show(self, *, to: str = "") -> None:
        if len(self._entries) > MANY:
            self._order(None, to)
        else:
            self._display(self._made(self._entries, self._now_wanted(to), self._snapshot), to)

    def _display(self, view: View, to: str = "") -> None:
        self._view = view
        tail = [FOLD] if view.healthy else []
        deps = self.desk.deps
        if deps is not None and not deps.config.services and not self._filter:
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
        if self.open or self._side:
            self._show_detail()
            if status_detail.outdated(self._history, self.entry):
                status_detail.history(self.desk, self.entry, self._history_came)

    def _say_common(self, view: View) -> None:
        words = status_notice.foot(view, self._snapshot.sources if self._snapshot is not None else ())
        self.common.display = bool(words)
        self.common.put(words or "")

    @property
    def _width(self) -> int:
        """Of the room. Before it has its size: it will be as wide as the screen, and what is painted first is to stay."""
        return self.size.width or self.app.size.width

    @property
    def _side(self) -> bool:
        return self._beside and self._width >= SIDE_FROM

    def _shape(self) -> None:
        width = self._width - (self._width * 2 // 5 + 2 if self._side and not self.open else 0)
        trends = self._with_trends(width)
        self.table.shape(status_rows.columns(self._view, width, self.desk.look, trends=trends))

    def _with_trends(self, width: int) -> bool:
        return not self.desk.link.slow and status_rows.trends_fit(self._view, width)

    def _read_trends(self) -> None:
        """The last latencies of the checks on the screen, where these are few."""
        keys = [key for key, entry in self._view.entries.items() if entry.check is not None]
        if not keys or not self._with_trends(self._width) or self._side:
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
        """The list, the detail, or both side by side."""
        side = self._side and not self.open
        self.panes.set_class(side, "-side")
        self.table.display = not self.open
        self.pages.display = bool(self.open) or side
        self._shape()
        if self.open or side:
            self._show_detail()
        self.table.changed()

    def _empty(self) -> Words:
        if self._feed.going:
            return (("  looking…", "dim"),)
        if self._filter:
            return ((f"  nothing matches /{self._words}; esc shows all", "dim"),)
        if self._entries and self._wanted.problems:
            return ((f"  {self.desk.look.sign('ok')} no problems among {len(self._entries):,}", "ok"),)
        return (("  waiting for the first results", "dim"),)

    def _cells(self, key: str) -> tuple[Words, ...]:
        look = self.desk.look
        if key == FOLD:
            return (
                ((f"{look.sign('ok')} K", "ok"),),
                ((f"{self._view.healthy:,} OK", "ok"),),
                (("H shows them", "faint"),),
            )
        if key == HINT:
            return ("", (("only this host", "dim"),), ((status_detail.how_to_add(self.desk), "faint"),))
        view = self._view
        trends = self._trends if len(self.table.columns) > 5 else None
        return status_rows.cells(view.entries[key], self.desk.now(), look, view.shared, trends)

    def header_notice(self) -> tuple[Span, ...]:
        """For the header's third line: what is new, what is left out and hidden, how it is sorted."""
        words = self._words if self._filter else ""
        parts = status_notice.parts(
            self._view, self._wanted, self._feed.found, words, self._feed.going, self._bell.muted
        )
        return status_notice.fitted(parts, self._width - _MODES, self.desk.look)

    @on(Table.Moved)
    def _moved(self, event: Table.Moved) -> None:
        event.stop()
        self._moved_at = self.desk.now()
        if self._side and not self.open:
            self._show_detail(top=True)
            status_detail.history(self.desk, self.entry, self._history_came)

    # ── the room ────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def entry(self) -> Entry | None:
        """What is under the cursor, or lies open."""
        return self._view.entries.get(self.open or self.table.key)

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
        return self.pages if self.open else self.table

    def covered(self) -> frozenset[str] | None:
        return frozenset({"detail", "healthy", "group"}) if self.open else None

    def place(self) -> str:
        return self.pages.place if self.open else self.table.place

    def shown(self) -> None:
        self._visible = True
        self.table.changed()

    def hidden(self) -> None:
        self._visible = False

    def back(self) -> bool:
        if self.open:
            self.open = ""
            self._lay_out()
        elif self._side:
            self._beside = False
            self._lay_out()
        elif self._wanted.inside and not self._words:
            key = self._wanted.inside
            self._wanted = replace(self._wanted, inside="")
            self._look_further(self._snapshot)
            self._show(to=key)
        elif self._wanted.problems and not self._words:
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
        if found == (self._filter or parse("")):
            return None
        self._filter = found or None
        self.table.pinned = True
        self._wanted = replace(self._wanted, filter=self._filter)
        self._look_further(self._snapshot)
        self._show()
        return None

    def toggle_problems(self) -> None:
        self._want(replace(self._wanted, problems=not self._wanted.problems), self.table.key)

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
        if self._width >= SIDE_FROM and not self._beside:
            self._beside = True
        else:
            self.open = self.table.key
        self._lay_out()
        self._show_detail(top=True)
        status_detail.history(self.desk, entry, self._history_came)

    def _enter(self, group: Entry) -> None:
        self.table.pinned = True
        self._wanted = replace(self._wanted, inside=group.key)
        self._look_further(self._snapshot)
        self._show()

    def _show_detail(self, *, top: bool = False) -> None:
        entry = self.entry
        if entry is None:
            self.pages.show((), top=True)
            return
        width = self._width * 2 // 5 if self._side and not self.open else max(self._width, 40)
        self.pages.show(status_detail.lines(entry, self._history, self.desk, width), top=top)

    def _history_came(self, history: status_detail.History) -> None:
        self._history = history
        entry = self.entry
        if entry is not None and entry.key == history.key and (self.open or self._side):
            self._show_detail()

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
        self._want(replace(self._wanted, unfolded=not self._wanted.unfolded), self.table.key)

    def do_group(self) -> None:
        self._want(replace(self._wanted, grouped=not self._view.grouped), self.table.key)

    def do_sort_worst(self) -> None:
        self._sort("worst")

    def do_sort_newest(self) -> None:
        self._sort("newest")

    def do_sort_name(self) -> None:
        self._sort("name")

    def do_sort_slowest(self) -> None:
        self._sort("slowest")

    def _sort(self, how: str) -> None:
        self._want(replace(self._wanted, sort=how), "" if self.table.pinned else self.table.key)

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
