"""What all keys of a run share: which run and step are looked at, and how something is recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from console.runbook import actions as runs
from console.runbook.gates import Who, blocked
from console.runbook.model import Param, Phase, Runbook, Step
from console.runbook.progress import RunView, StepView
from console.runbook.resolve import Resolved
from console.runbook.run import Command as Execution
from screens.arming import Arming
from screens.performs import Performs
from screens.runbook_list import Numbers
from screens.runbook_output import OutputFeed
from screens.runbook_runs import RunsNow
from screens.widgets.steps_text import TextPane
from screens.widgets.table import Table

if TYPE_CHECKING:
    from console.journal.events import Event, New
    from console.runbook.launch import CommandRequest

STEP: Final = "step"
WHOLE: Final = "whole"
OUTPUT: Final = "output"
INFO: Final = "info"


@dataclass(frozen=True)
class Looking:
    """The run that is looked at, made anew at each change."""

    view: RunView
    runbook: Runbook | None
    numbers: Numbers


class RunKeys(Performs):
    """The base of the mixins that carry out the actions ``run.*``; :class:`screens.runbook_follow.Following` is the whole."""

    where: ClassVar[str] = "run"
    table: Table
    page: TextPane
    output: TextPane
    reading: TextPane
    arming: Arming
    feed: OutputFeed
    mode: str
    chosen: str  # which run
    folded: set[tuple[str, int]]  # (run, phase) whose steps are not listed
    instruction: bool  # commands are copied and ticked by hand, never run
    command_at: int  # which of the step's commands is selected
    secrets: dict[tuple[str, str], str]  # (run, name) -> value: in memory alone, never kept
    _now: RunsNow
    _looking: Looking | None
    _resolved: Resolved | None
    _me: Who | None = None
    _open_when_there: str = ""  # a run that was started here, to be looked at as soon as it is read
    _advance: tuple[str, str] | None  # (run, step) whose settling takes the cursor along

    def draw(self, *, top: bool = False) -> None:
        """Draw what changed."""
        raise NotImplementedError

    def catch_up(self) -> None:
        """Take in where the cursor is now, before anything is done there."""
        raise NotImplementedError

    def show_mode(self, mode: str) -> None:
        """Change between the step, the step whole, its output, and what else the runbook says."""
        raise NotImplementedError

    def offer_choices(self, param: Param) -> None:
        """The values of a parameter that a command lists, on request."""
        raise NotImplementedError

    def _give(self, param: Param, value: str) -> str | None:
        """Give a parameter this value; why not, when it can't be taken."""
        raise NotImplementedError

    def _lend(self, asked: CommandRequest, title: str) -> None:
        """Hand the terminal to a command."""
        raise NotImplementedError

    def go_to(self, step: str) -> None:
        """Put the cursor on a step."""
        raise NotImplementedError

    @property
    def view(self) -> RunView | None:
        """The run that is looked at."""
        return self._looking.view if self._looking is not None else None

    @property
    def step(self) -> StepView | None:
        """The step that is looked at; None on a phase's heading."""
        view = self.view
        return view.step(self.table.key) if view is not None else None

    @property
    def execution(self) -> Execution | None:
        """The last command that was run at this step."""
        step = self.step
        return step.commands[-1] if step is not None and step.commands else None

    def _values(self, looking: Looking) -> dict[str, str]:
        """Every value of the run, the secrets that this console was given among them."""
        run = looking.view.run
        return {**looking.view.values, **{name: value for (one, name), value in self.secrets.items() if one == run}}

    def _model(self, looking: Looking, key: str) -> tuple[Phase | None, Step | None]:
        for phase in looking.runbook.phases if looking.runbook is not None else ():
            for step in phase.steps:
                if step.id == key:
                    return phase, step
        return None, None

    @property
    def who(self) -> Who:
        """Who sits here."""
        if self._me is None:
            self._me = Who.here(self.desk.deps.actor if self.desk.deps is not None else "")
        return self._me

    def _blocked(self, step_id: str) -> str:
        """Why whoever sits here can't do the step now."""
        looking = self._looking
        return "" if looking is None else blocked(looking.view, looking.runbook, step_id, self.who)

    def _is_running(self, step: StepView) -> bool:
        last = step.commands[-1] if step.commands else None
        if last is None or last.finish is not None:
            return False
        found = self.feed.now
        return found is None or found.command != last.command or not (found.is_lost or found.finish is not None)

    def _record(self, make: Callable[[RunView], list[New]], said: str = "", *, advance: bool = False) -> str | None:
        """Record what *make* gives for this run; why not, when it can't be done at all."""
        view, stream = self.view, self._now.stream
        if view is None:
            return "no run is open here"
        try:
            news = make(view)
        except runs.Refused as refused:
            return str(refused)
        if advance and self.step is not None:
            self._advance = (view.run, self.step.id)

        def done(_: list[Event]) -> None:
            if said:
                self.desk.say(said)

        def failed(why: str) -> None:
            self._advance = None
            self.desk.say(f"not recorded: {why}", "error")

        self.desk.work(lambda journal: runs.append(journal, stream, news), done, failed)
        return None

    def _tell(self, refusal: str | None) -> None:
        if refusal:
            self.desk.say(refusal, "error")
