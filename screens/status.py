"""Status: what is broken. Checks and alerts in one list, worst first; the healthy are a number."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

from textual import on
from textual.app import ComposeResult

from screens import actions, status_detail, status_rows
from screens.asks import Ask
from screens.desk import Desk
from screens.errands import RunbookFor
from screens.performs import Performs
from screens.room import Room
from screens.status_rows import FOLD, HINT, Entry, View
from screens.widgets.pages import Pages
from screens.widgets.table import ListRows, Table
from screens.widgets.text import Span, Words

if TYPE_CHECKING:
    from console.journal.store import Journal
    from console.snapshot import StatusSnapshot
    from screens.look import Look
    from screens.start import Deps

MANY: Final = 2000  # entries from which on they are put in order beside the keys
Wanted: TypeAlias = tuple[str, bool, bool, View | None]
_BELL: Final = timedelta(seconds=30)  # between two rings
_HOLD: Final = timedelta(seconds=20)  # after the last move of the cursor the order is taken up again


class StatusRoom(Room):
    """See the module."""

    where: ClassVar[str] = "status"
    has_problems: ClassVar[bool] = True

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.table = Table(desk, (), empty=(("  waiting for the first results", "dim"),), id="problems")
        self.pages = Pages(desk, id="detail")
        self.open: str = ""  # key of the entry whose detail lies open
        self._entries: list[Entry] = []
        self._view = View((), {})
        self._waiting: StatusSnapshot | None = None  # the newest one, not ordered yet
        self._again = self._ordering = False
        self._to = ""  # where the cursor goes when they are ordered
        self._words = ""
        self._problems = False
        self._unfolded = False
        self._moved_at = desk.now() - _HOLD
        self._visible = True
        self._beat = 0
        self._critical: frozenset[str] | None = None  # keys; None before the first status
        self._rang_at = desk.now() - _BELL

    def compose(self) -> ComposeResult:
        yield self.table
        yield self.pages

    def on_mount(self) -> None:
        self.pages.display = False
        self.desk.status_changed.subscribe(self, self._arrived, immediate=True)
        self.desk.became_ready.subscribe(self, self._ready, immediate=True)
        self.set_interval(1.0, self._tick)
        if self.desk.status is not None:
            self._arrived(self.desk.status)

    # ── what is shown ───────────────────────────────────────────────────────────────────────────────────────────

    def _arrived(self, snapshot: StatusSnapshot) -> None:
        if len(snapshot.checks) + len(snapshot.alerts) > MANY:
            self._order(snapshot)
            return
        self._waiting = None
        self._entries = status_rows.entries(snapshot, self._entries)
        self._ring(status_rows.critical(self._entries))
        self._show()
        if self.open:
            self._show_detail()

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
                wanted = self._wanted(to)
                entries, critical, view = await asyncio.to_thread(
                    _ordered, snapshot, self._entries, wanted, self.desk.look
                )
                if snapshot is not None and self._waiting is None:
                    self._entries = entries
                    self._ring(critical)
                now = self._wanted(to)
                if now[:3] != wanted[:3] or (now[3] is None) != (wanted[3] is None):
                    self._again = True  # another filter meanwhile, or the operator moved: the order is held
                    self._to = self._to or to
                    continue
                self._display(view, to)
                if self.open:
                    self._show_detail()
        finally:
            self._ordering = False

    def _wanted(self, to: str = "") -> Wanted:
        """What the list should show: the filter's words, problems only, the healthy too, the order that is held."""
        held = self._view if self._holding() and self._view.keys and not to else None
        return self._words, self._problems, self._unfolded, held

    def _ring(self, critical: frozenset[str]) -> None:
        """The bell, once for what is new, hard, critical and nobody's yet; never twice within half a minute."""
        fresh = self._critical is not None and critical - self._critical
        self._critical = critical
        deps, now = self.desk.deps, self.desk.now()
        if fresh and deps is not None and deps.config.bell and now - self._rang_at >= _BELL:
            self._rang_at = now
            self.app.bell()

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
            self._display(_view(self._entries, self._wanted(to)), to)

    def _display(self, view: View, to: str = "") -> None:
        self._view = view
        tail = [FOLD] if self._view.healthy else []
        deps = self.desk.deps
        if deps is not None and not deps.config.services and not self._words:
            tail.append(HINT)
        keys = (*self._view.keys, *tail)
        self.table.empty = self._empty()
        self._shape()
        self.table.show(ListRows(keys, lambda index: self._cells(keys[index])), to=to)

    def _shape(self) -> None:
        # Before the room has its size: it will be as wide as the screen, and what is painted first is to stay.
        width = self.size.width or self.app.size.width
        self.table.shape(status_rows.columns(self._view, width, self.desk.look))

    def on_resize(self) -> None:
        self._shape()
        if self.open:
            self._show_detail()

    def _empty(self) -> Words:
        if self._words:
            return ((f"  nothing matches /{self._words}; esc shows all", "dim"),)
        if self._entries and self._problems:
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
        return status_rows.cells(self._view.entries[key], self.desk.now(), look)

    def header_notice(self) -> tuple[Span, ...]:
        """For the header's third line: what is new, and what the filter hides."""
        spans: list[Span] = []
        if self._view.new:
            spans.append((f"+{self._view.new} new (Home)", "degraded"))
        if self._words:
            spans.append((("  " if spans else "") + f"/{self._words}", "accent"))
            if self._view.hidden_critical:
                spans.append((f" hides {self._view.hidden_critical} critical", "down"))
        elif self._problems:
            spans.append((("  " if spans else "") + "problems only", "accent"))
        return tuple(spans)

    @on(Table.Moved)
    def _moved(self, event: Table.Moved) -> None:
        event.stop()
        self._moved_at = self.desk.now()

    # ── the room ────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def entry(self) -> Entry | None:
        """What is under the cursor, or lies open."""
        return self._view.entries.get(self.open or self.table.key)

    def situation(self) -> actions.Situation:
        entry = self.entry
        target = ""
        if entry is not None:
            target = "alert" if entry.alert is not None else "check"
        elif self.table.key == FOLD:
            target = "fold"
        facts = frozenset({"check"}) if entry is not None and entry.check is not None else frozenset[str]()
        return self.desk.situation(target, facts)

    def keys_to(self) -> Performs:
        return self.pages if self.open else self.table

    def covered(self) -> frozenset[str] | None:
        return frozenset({"detail", "healthy"}) if self.open else None

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
            self.pages.display = False
            self.table.display = True
            return True
        if self._problems and not self._words:
            self.toggle_problems()
            return True
        return False

    def filter_words(self) -> str:
        return self._words

    def set_filter(self, words: str) -> None:
        self._words = words.strip()
        self.table.pinned = True
        self._show()

    def toggle_problems(self) -> None:
        self._problems = not self._problems
        self._show(to=self.table.key)

    def declare_ask(self) -> Ask | None:
        """The declare line for what is under the cursor, with its labels; None for a blank one."""
        from screens import scribe

        entry = self._take()
        if entry is None:
            return None
        kind = f"check {entry.key}" if entry.check is not None else f"alert {entry.key.partition('@')[0]}"
        service = entry.check.service if entry.check is not None else entry.labels.get("service", "")
        since = ""
        if entry.since is not None and entry.problem:
            minutes = int((self.desk.now() - entry.since).total_seconds() // 60)
            since = f" -{minutes}m" if 0 < minutes < 24 * 60 else ""
        name = entry.alert.name if entry.alert is not None else entry.name
        words = f"{name}: {entry.detail}"[:120].strip(" :")
        return scribe.declare(
            self.desk,
            text=f"{words}{since}",
            labels=entry.labels,
            source=kind,
            services=(service,) if service else (),
        )

    # ── actions ─────────────────────────────────────────────────────────────────────────────────────────────────

    def do_detail(self) -> None:
        if self.table.key == FOLD:
            self.do_healthy()
            return
        self._take()
        self.open = self.table.key
        self.table.display = False
        self.pages.display = True
        self._show_detail(top=True)
        status_detail.history(self.desk, self.entry, self._history_came)

    def _show_detail(self, history: Any = None, *, top: bool = False) -> None:
        entry = self.entry
        if entry is None:
            return
        self._history = history if history is not None else (self._history if not top else None)
        width = max(self.size.width, 40)
        self.pages.show(status_detail.lines(entry, self._history, self.desk, width), top=top)

    _history: Any = None

    def _history_came(self, history: Any) -> None:
        if self.open == history.key:
            self._show_detail(history)

    def do_runbook(self) -> None:
        entry = self._take()
        if entry is None:
            return
        self.desk.go(
            "runbook",
            RunbookFor(
                name=entry.alert.name if entry.alert is not None else entry.name,
                labels=entry.labels,
                annotations=entry.alert.annotations if entry.alert is not None else {},
                named=entry.runbook,
                severity=entry.severity or (entry.alert.severity if entry.alert is not None else ""),
                starts_at=entry.since.timestamp() if entry.since is not None else None,
            ),
        )

    def do_ack(self) -> None:
        entry = self._take()
        if entry is None or entry.alert is None:
            return
        alert = entry.alert

        def submit(reason: str) -> str | None:
            if not reason.strip():
                return "a reason, please: it is what the next one reads"
            status_detail.acknowledge(self.desk, alert, reason.strip())
            return None

        self.desk.ask(
            Ask(
                id="ack",
                label="ack, because>",
                submit=submit,
                draft=f"ack:{alert.episode}",
                hint=f"{entry.name}: say why; Enter acknowledges, esc leaves",
            )
        )

    def do_healthy(self) -> None:
        self._unfolded = not self._unfolded
        self._show(to=self.table.key)

    def do_silence(self) -> None:
        """Off until live alerts are connected: the registry says so."""

    def do_recheck(self) -> None:
        entry = self._take()
        deps = self.desk.deps
        if entry is None or entry.check is None or deps is None:
            return
        key = entry.check.key

        def ask(_: Journal) -> str:
            from console.watch.status_reader import ask_for

            return ask_for(deps.paths.status_db, key, deps.clock)

        def asked(why: str) -> None:
            self.desk.say(
                f"not asked: {why}" if why else f"asked the watch to check {key} now", "error" if why else "notice"
            )

        self.desk.read(ask, asked, key="recheck")


def _view(entries: Sequence[Entry], wanted: Wanted) -> View:
    words, problems, unfolded, held = wanted
    return status_rows.view(entries, words=words, problems=problems, unfolded=unfolded, held=held)


def _ordered(
    snapshot: StatusSnapshot | None, before: list[Entry], wanted: Wanted, look: Look
) -> tuple[list[Entry], frozenset[str], View]:
    """Runs in a thread."""
    entries = before if snapshot is None else status_rows.entries(snapshot, before)
    view = _view(entries, wanted)
    view.longest, view.handlings(look)
    return entries, status_rows.critical(entries), view
