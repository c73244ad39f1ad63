"""A run being followed: its steps on the left, the step one looks at in the large, its command's output below."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from console.runbook.progress import OPEN, RunView
from console.runbook.resolve import Place, Resolved
from screens import actions, clipboard, runbook_list
from screens.arming import Arming, write_question
from screens.desk import Desk
from screens.runbook_base import INFO, OUTPUT, STEP, WHOLE, Looking
from screens.runbook_drawing import Drawing, list_width
from screens.runbook_elsewhere import ElsewhereKeys
from screens.runbook_keys import CommandKeys
from screens.runbook_kinds import KindKeys
from screens.runbook_list import PHASE, Numbers
from screens.runbook_marks import StepKeys
from screens.runbook_output import Output, OutputFeed
from screens.runbook_place import Stand, first_run, first_step, keep, kept
from screens.runbook_runs import RunsNow
from screens.start import Deps
from screens.widgets.line import Lines
from screens.widgets.steps_text import TextPane
from screens.widgets.table import Column, ListRows, Table
from screens.widgets.text import Words

_ABOUT_THE_STEP: Final = frozenset(
    {"tick", "run", "skip", "fail", "undo", "decide", "timer", "approve", "confirm", "call"}
)
_COLUMNS = (Column(width=1), Column(width=4), Column(flex=1, least=8), Column(width=14, from_width=44))
_ALONE = 64  # narrower screens show the step without the list


class Following(StepKeys, KindKeys, CommandKeys, ElsewhereKeys, Drawing, Widget, inherit_bindings=False):
    """See the module. The room hands it the runs; it asks the desk to record what is done."""

    DEFAULT_CSS = """
    Following { width: 100%; height: 1fr; layout: vertical; }
    Following > Horizontal { width: 100%; height: 1fr; }
    Following #steps { width: 30; }
    Following #bar { width: 1; }
    Following Vertical { width: 1fr; height: 100%; }
    """
    where: ClassVar[str] = "run"

    def __init__(self, desk: Desk, pick: Callable[[bool], None]) -> None:
        """*pick* shows the choice of a runbook: to leave this run for it (True), or to follow it besides."""
        super().__init__()
        self.desk = desk
        self._pick = pick
        self.head = Lines(lambda: desk.look, height=1, id="run-head")
        self.table = Table(desk, _COLUMNS, empty=(("  no steps", "dim"),), bar=False, marker="title", id="steps")
        self.bar = TextPane(desk, tone="faint", id="bar")
        self.page = TextPane(desk, id="step")
        self.output_head = Lines(lambda: desk.look, height=1, id="output-head")
        self.output = TextPane(desk, follow=True, tone="code", id="output")
        self.reading = TextPane(desk, id="reading")
        self.mode = STEP
        self.chosen = ""  # run
        self.command_at = 0
        self.arming = Arming(counter=desk.questions)
        self.secrets: dict[tuple[str, str], str] = {}  # (run, name) -> value: in memory alone, never kept
        self.folded: set[tuple[str, int]] = set()  # (run, phase)
        self.instruction = False  # commands are copied and ticked by hand, never run
        self.feed = OutputFeed(desk, self._output_came)
        self._now = RunsNow("")
        self._looking: Looking | None = None
        self._resolved: Resolved | None = None
        self._place: Place | None = None
        self._advance: tuple[str, str] | None = None  # (run, step) whose settling takes the cursor along
        self._in_sight = False
        self._ticks = 0
        self._beat = 0
        self._page_height: int | str = "1fr"
        self._caught_up = ""  # the row that everything else is about
        self._resolving: tuple[Any, ...] = ()  # what the command was last resolved from
        self._arrived = False  # at a run that was called from here
        self._restored = ""  # the stream whose place was taken up again

    def compose(self) -> ComposeResult:
        yield self.head
        with Horizontal():
            yield self.table
            yield self.bar
            with Vertical():
                yield self.page
                yield self.output_head
                yield self.output
        yield self.reading

    def on_mount(self) -> None:
        self.reading.display = False
        self.output_head.display = False
        self.output.display = False
        self.desk.terminal_answered.subscribe(self, self._terminal_answered, immediate=True)
        self.desk.became_ready.subscribe(self, self._ready, immediate=True)
        if self.desk.deps is not None:  # this room is often built after that
            self._ready(self.desk.deps)
        self.set_interval(0.25, self._tick)

    def _ready(self, deps: Deps) -> None:
        self.instruction = deps.config.instruction

    # ── the runs ────────────────────────────────────────────────────────────────────────────────────────────────

    def take(self, now: RunsNow) -> None:
        """The runs changed."""
        self._now = now
        if self._restored != now.stream:
            self.chosen = ""
        if self._open_when_there and now.run(self._open_when_there) is not None:
            self.chosen, self._open_when_there = self._open_when_there, ""
            self.table.pinned = False
            self._arrived = True
        stand = kept(self.desk.drafts, now.stream)
        view = now.run(self.chosen) or first_run(now, stand)
        if view is None:
            self._looking = None
            return
        runbook = now.runbooks.get(view.run)
        changed, self._arrived = view.run != self.chosen or self._arrived, False
        self.chosen = view.run
        self._looking = Looking(view, runbook, Numbers.of(runbook, view))
        to = ""
        if self._restored != now.stream:
            self._restored = now.stream
            to = first_step(view, stand)
        elif changed:
            to = view.current
        elif self._advance is not None and self._advance[0] == view.run:
            settled = view.step(self._advance[1])
            if settled is not None and settled.state != OPEN:
                if settled.state != "failed":
                    to = view.current
                self._advance = None
                self._tell_end(view)
        self._show_steps(to)

    def _tell_end(self, view: RunView) -> None:
        """Said once, when the last open step is settled: nobody should look for what comes next."""
        if view.end is None and all(step.state != OPEN for step in view.steps):
            failed = sum(step.state == "failed" for step in view.steps)
            said = f"every step is settled, {failed} of them failed" if failed else "every step is settled"
            self.desk.say(f"{said}: z ends this run, a follows another runbook")

    def _keep_place(self) -> None:
        if self._now.stream and self.chosen and not self.table.key.startswith(PHASE):
            keep(self.desk.drafts, self._now.stream, Stand(self.chosen, self.table.key))

    def open_run(self, run: str) -> None:
        """Look at another run."""
        view = self._now.run(run)
        if run == self.chosen or view is None:
            return
        self.chosen = run
        self.command_at = 0
        runbook = self._now.runbooks.get(run)
        self._looking = Looking(view, runbook, Numbers.of(runbook, view))
        self._show_steps(view.current)

    def go_to(self, step: str) -> None:
        """Put the cursor on a step."""
        if self._unfold(step):
            self._show_steps("")
        index = next((at for at, key in enumerate(self._keys()) if key == step), None)
        if index is not None:
            self.table.pinned = False
            self.table.go(index)

    def _keys(self) -> list[str]:
        looking = self._looking
        if looking is None:
            return []
        folded = {at for run, at in self.folded if run == looking.view.run}
        return runbook_list.keys_of(looking.runbook, looking.view, folded)

    def _show_steps(self, to: str) -> None:
        looking = self._looking
        if looking is None:
            return
        self._unfold(to)
        keys = self._keys()
        self.table.pinned = False
        self.table.show(ListRows(keys, lambda index: self._cells(keys[index])), to=to if to in keys else "")
        self._step_changed()

    def _cells(self, key: str) -> tuple[Words, ...]:
        looking = self._looking
        if looking is None:
            return ()
        view, runbook = looking.view, looking.runbook
        if key.startswith(PHASE) and runbook is not None:
            at = int(key.removeprefix(PHASE))
            folded = (view.run, at) in self.folded
            return runbook_list.phase_cells(runbook.phases[at - 1], at, view, folded=folded, look=self.desk.look)
        step = view.step(key)
        if step is None:
            return ()
        running = bool(step.commands) and step.commands[-1].finish is None
        return runbook_list.step_cells(step, looking.numbers.by_step.get(key, ""), view, running, self.desk.look)

    @on(Table.Moved)
    def _moved(self, event: Table.Moved) -> None:
        event.stop()
        self.catch_up()
        self._keep_place()

    def catch_up(self) -> None:
        if self._caught_up != self.table.key:
            self._caught_up = self.table.key
            self.command_at = 0
            self._step_changed(top=True)

    def _step_changed(self, *, top: bool = False) -> None:
        self.feed.follow(self.execution)
        self._layout()
        self.draw(top=top)

    # ── drawing ─────────────────────────────────────────────────────────────────────────────────────────────────

    def in_sight(self, on: bool) -> None:
        """Whether the operator can see this view. A command out of sight is never armed."""
        self._in_sight = on
        if on:
            self.call_later(self._come)
        else:
            self.arming.show("")
            self.page.await_nothing()

    def _come(self) -> None:
        self.draw()
        self.call_after_refresh(self.draw)  # what lies below the window is known once that has its place

    def _layout(self) -> None:
        """Which parts are there, and how much room each has."""
        width, height = self.extent
        reading = self.mode == INFO
        self.reading.display = reading
        self.table.parent.display = not reading  # type: ignore[union-attr]  # the Horizontal, mounted with it
        alone = self.mode != STEP or width < _ALONE
        self.table.display = not alone
        self.bar.display = not alone
        self.table.styles.width = list_width(width)
        out = self.execution is not None and self.mode != WHOLE
        self.output_head.display = out
        self.output.display = out
        self.page.display = self.mode != OUTPUT
        self._share(height)

    def _share(self, height: int) -> None:
        """With output below it, the step takes the lines that it has, and no more than leaves the output a third."""
        wanted: int | str = "1fr"
        if self.output.display and self.mode == STEP:
            most = max(height - 2 - max(height // 3, 3), 4)
            wanted = min(max(len(self.page.lines), 4), most)
        if self._page_height != wanted:
            self._page_height = wanted
            self.page.styles.height = wanted

    def _output_came(self, _: Output) -> None:
        if self._in_sight:
            self._draw_output()

    def _tick(self) -> None:
        if not self._in_sight or self._looking is None:
            return
        self._ticks += 1
        if self.feed.live and (self._ticks % 4 == 0 or not self.desk.link.slow):
            self.feed.look()
        beat = self.desk.link.beat(self.desk.now())
        if beat != self._beat:  # clocks: once a second is enough
            self._beat = beat
            self.draw()

    def on_resize(self, event: events.Resize) -> None:
        self.arming.rows, self.arming.columns = self.app.size.height, self.app.size.width
        self.arming.show("")  # what was shown is gone; the new frame is asked about
        self._layout()
        if self.mode == INFO:
            self._draw_info()
        self.call_after_refresh(self.draw)

    def redraw_all(self) -> None:
        """The look changed."""
        self.arming.show("")
        self.draw()

    def ask_terminal(self, place: tuple[int, int]) -> None:
        write_question(self.app, place)

    def copy_text(self, text: str) -> None:
        clipboard.copy(self.app, text)

    # ── the room asks ───────────────────────────────────────────────────────────────────────────────────────────

    def place(self) -> str:
        """Where one is."""
        if self.mode == INFO:
            return self.reading.place
        if self.mode == OUTPUT:
            return self.output.place
        return self.page.place if self.mode == WHOLE else ""  # the step's number stands beside it, once

    def covered(self) -> frozenset[str] | None:
        """What is about the step, while a text lies over it: nothing is done to what can't be seen."""
        if self.mode in (INFO, OUTPUT):
            return _ABOUT_THE_STEP
        return frozenset({"whole"}) if self.mode == WHOLE else None

    async def perform(self, action: actions.Action, situation: actions.Situation | None = None) -> None:
        if action.name in (self.covered() or ()) and action.name != "whole":
            if action.keys[0] == "space":  # in a text that is: a page down
                self.scrolls().do_page_down()  # type: ignore[attr-defined]  # both texts have it
            else:
                self.desk.say(f"{action.words}: esc goes back to the step first")
            return
        await super().perform(action, situation)

    def situation(self) -> actions.Situation:
        self.catch_up()
        facts: set[str] = set()
        view, step, resolved = self.view, self.step, self._resolved
        if view is not None and view.end is None:
            facts.add("going")
        if resolved is not None:
            facts.add("command")
        facts |= self.kind_facts()
        if step is not None and self._is_running(step):
            facts.add("running command")
        if self.execution is not None:
            facts.add("output")
        if len(self._now.runs) > 1:
            facts.add("other run")
        return self.desk.situation("step" if step is not None else "", frozenset(facts))

    def show_mode(self, mode: str) -> None:
        self.mode = mode
        self.arming.show("")
        self._layout()
        self.call_after_refresh(self.draw)
