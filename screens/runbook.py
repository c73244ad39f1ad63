"""Runbook: what to do. With no run, the choice of one; with one, its steps, the current one large."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from msgspec.structs import replace
from textual.app import ComposeResult

from console.runbook import actions as runs
from screens import actions, runbook_asks
from screens.desk import Desk
from screens.errands import RunbookFor
from screens.performs import Performs
from screens.room import Room
from screens.runbook_follow import Following
from screens.runbook_picker import Beginning, PickerView
from screens.runbook_runs import RunsFeed, RunsNow
from screens.widgets.text import Span

if TYPE_CHECKING:
    from console.journal.events import Event, New
    from console.journal.store import Journal
    from screens.asks import Ask
    from screens.incident_now import IncidentNow


class RunbookRoom(Room):
    """See the module. It holds the two views, and the runs that both speak of."""

    where: ClassVar[str] = "list"  # the views have contexts of their own: picker, run

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.runs = RunsFeed(desk, self._runs_changed)
        self.picker = PickerView(desk, self._begin, self._told)
        self.following = Following(desk, self._pick_again)
        self._picking = True
        self._asked_for = False  # the operator asked for the choice: arriving runs don't take it away
        self._switching = False  # the choice is for leaving the run that is looked at
        self._pending: Beginning | None = None  # to be started once an incident is declared
        self._again = ""  # a runbook that is followed already: s again starts it a second time
        self._open_next = ""  # a run that is being started here
        self._looked_at = False
        self._reconciled = ""

    def compose(self) -> ComposeResult:
        yield self.picker
        yield self.following

    def on_mount(self) -> None:
        self.following.display = False
        self.desk.incident_changed.subscribe(self, self._incident_changed, immediate=True)
        self.desk.events_arrived.subscribe(self, self._events_arrived, immediate=True)
        self.desk.drafts_loaded.subscribe(self, lambda _: self.runs.read(), immediate=True)
        self.runs.read()

    # ── the runs ────────────────────────────────────────────────────────────────────────────────────────────────

    def _incident_changed(self, incident: IncidentNow | None) -> None:
        if incident is None or incident.stream != self.runs.now.stream:
            self.runs.read()
        if incident is not None and incident.open and self._pending is not None:
            pending, self._pending = self._pending, None
            self._begin(pending)
            self.desk.go("runbook")

    def _events_arrived(self, events: tuple[Event, ...]) -> None:
        self.runs.events_arrived(events)

    def _runs_changed(self, now: RunsNow) -> None:
        self.following.take(now)
        if self._open_next and now.run(self._open_next) is not None:
            run, self._open_next = self._open_next, ""
            self.following.open_run(run)
            self._show_picker(False)
        elif not now.runs:
            self._show_picker(True)
        elif not self._asked_for:
            self._show_picker(False)
        self._reconcile(now)
        self._told()

    def _told(self) -> None:
        """The place and the keys that work may be others now."""
        after = getattr(self.screen, "after_key", None) if self._looked_at else None
        if after is not None:
            after()

    def _reconcile(self, now: RunsNow) -> None:
        """Once for each incident: commands whose supervisor is gone get their end recorded, as far as it is known."""
        unfinished = now.unfinished()
        if not now.stream or self._reconciled == now.stream or self.desk.read_only:
            return
        if not self._reconciled:
            self._prune()
        self._reconciled = now.stream
        if not unfinished or self.desk.deps is None:
            return
        paths = self.desk.deps.paths
        events = {command.command: command.event for command in unfinished}

        def work(journal: Journal) -> list[Event]:
            from console.journal.events import CommandStarted
            from console.runbook.recover import reconcile

            starts = {}
            for command, event_id in events.items():
                event = journal.get(event_id)
                if event is not None and isinstance(event.body, CommandStarted):
                    starts[command] = (event.stream, event.body)
            return reconcile(journal, paths, starts)

        self.desk.work(work)

    def _prune(self) -> None:
        """Once in a console: output that is older, or more, than is kept."""
        deps = self.desk.deps
        if deps is None:
            return
        folder, config, now = deps.paths.spool, deps.config, self.desk.now().timestamp()

        def work(_: Journal) -> list[str]:
            from console.runbook.retention import prune

            return prune(folder, total=config.output_total_bytes, age_s=config.output_keep, now=now)

        self.desk.read(work, lambda gone: None)

    def _show_picker(self, on: bool) -> None:
        self._picking = on
        if not on:
            self._asked_for = False
            self._switching = False
        self.picker.display = on
        self.following.display = not on
        self.following.in_sight(not on and self._looked_at)

    # ── starting ────────────────────────────────────────────────────────────────────────────────────────────────

    def _begin(self, chosen: Beginning) -> None:
        """Start the chosen runbook, in the incident; declare one first when there is none."""
        incident, runbook = self.desk.incident, chosen.runbook
        if incident is None or not incident.open:
            self._pending = chosen
            ask = self._declare_first()
            self.desk.ask(replace(ask, left=self._not_declared))
            self.desk.say(f"a run belongs to an incident: declare one, and {runbook.title} starts in it")
            return
        followed = [run for run in self.runs.now.going if run.runbook == runbook.id]
        if followed and self._again != runbook.id and not self._switching:
            self._again = runbook.id
            self.desk.say(
                f"{followed[-1].by} follows it since {followed[-1].at:%H:%M}Z: esc goes there; s again starts it once more"
            )
            return
        self._again = ""
        view = self.following.view
        if self._switching and view is not None and view.end is None:
            left = view
            self.desk.ask(
                runbook_asks.line(
                    "switch",
                    "switch, because>",
                    f"why not {left.title[:40]} (Enter alone is fine); its record stays",
                    lambda reason: self._append(
                        incident.stream, runs.switch(left, runbook, chosen.values, reason, chosen.sources)
                    ),
                )
            )
            return
        refusal = self._append(
            incident.stream, runs.start_run(runbook, chosen.values, why=chosen.why, sources=chosen.sources)
        )
        if refusal:
            self.desk.say(refusal, "error")

    def _append(self, stream: str, news: list[New]) -> str | None:
        from console.journal.events import RunStarted

        started = next(new.body for new in news if isinstance(new.body, RunStarted))
        self._open_next = started.run

        def failed(why: str) -> None:
            self._open_next = ""
            self.desk.say(f"not started: {why}", "error")

        self.desk.work(
            lambda journal: runs.append(journal, stream, news),
            lambda _: self.desk.say(f"following {started.title}; nothing runs by itself"),
            failed,
        )
        return None

    def _declare_first(self) -> Ask:
        from screens import scribe

        errand = self.picker.errand
        if errand is None:
            return scribe.declare(self.desk)
        service = errand.labels.get("service", "")
        summary = errand.annotations.get("summary", "")
        words = f"{errand.name}: {summary}" if summary else errand.name
        return scribe.declare(
            self.desk,
            text=words[:120],
            labels=errand.labels,
            source=f"alert {errand.name}",
            services=(service,) if service else (),
        )

    def _not_declared(self) -> None:
        self._pending = None

    # ── the room ────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _view(self) -> PickerView | Following:
        return self.picker if self._picking else self.following

    def is_filled(self) -> bool:
        return not self._picking or self.picker.is_settled

    def keys_to(self) -> Performs:
        return self._view

    def situation(self) -> actions.Situation:
        return self._view.situation()

    def covered(self) -> frozenset[str] | None:
        return self._view.covered()

    def shown(self) -> None:
        self._looked_at = True
        self.following.in_sight(not self._picking)

    def hidden(self) -> None:
        self._looked_at = False
        self.following.in_sight(False)

    def visit(self, message: Any) -> None:
        if isinstance(message, RunbookFor):
            self.pick(message)

    def _pick_again(self, switching: bool) -> None:
        view = self.following.view
        if switching and view is not None:
            self.pick(purpose=f"instead of {view.title[:40]}, which runbook", switching=True)
        else:
            self.pick(purpose="another runbook besides")

    def pick(self, errand: RunbookFor | None = None, purpose: str = "", *, switching: bool = False) -> None:
        """Show the choice."""
        self._asked_for = True
        self._switching = switching
        self._again = ""
        self.picker.open_for(errand, purpose)
        self.picker.load()
        self._show_picker(True)

    def place(self) -> str:
        return self._view.place()

    def back(self) -> bool:
        if self._picking:
            if self.picker.close_preview():
                return True
            if self.picker.words or not self.runs.now.runs:
                return False
            self._show_picker(False)
            return True
        return self.following.back()

    def filter_words(self) -> str | None:
        return self.picker.words if self._picking and not self.picker.previewed else None

    def set_filter(self, words: str) -> None:
        self.picker.set_words(words)

    def header_notice(self) -> tuple[Span, ...]:
        words = self.picker.words
        return ((f"/{words}", "accent"),) if self._picking and words else ()

    def declare_ask(self) -> Ask | None:
        if self._picking and self.picker.errand is not None:
            return self._declare_first()
        return None

    def redraw(self) -> None:
        super().redraw()
        self.picker.redraw_all()
        self.following.redraw_all()

    # ── keys of lists and texts, for whichever is in front ──────────────────────────────────────────────────────

    def do_down(self) -> None:
        self._scroll("down")

    def do_up(self) -> None:
        self._scroll("up")

    def do_page_down(self) -> None:
        self._scroll("page_down")

    def do_page_up(self) -> None:
        self._scroll("page_up")

    def do_first(self) -> None:
        self._scroll("first")

    def do_last(self) -> None:
        self._scroll("last")

    def _scroll(self, way: str) -> None:
        getattr(self._view.scrolls(), f"do_{way}")()
