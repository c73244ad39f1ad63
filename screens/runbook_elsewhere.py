"""Looking at the rest of a run: the step whole, its output, what else the runbook says, its rollback, the other runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from screens import runbook_asks
from screens.performs import Performs
from screens.runbook_base import INFO, OUTPUT, STEP, WHOLE, RunKeys
from screens.runbook_info import info_lines

if TYPE_CHECKING:
    from textual.geometry import Size


class ElsewhereKeys(RunKeys):
    """See the module."""

    _pick: Callable[[bool], None]

    if TYPE_CHECKING:

        @property
        def size(self) -> Size: ...

        def call_after_refresh(self, callback: Callable[..., Any], *args: Any) -> bool: ...

    def open_run(self, run: str) -> None:
        """Look at another run."""
        raise NotImplementedError

    def scrolls(self) -> Performs:
        """What the arrows move."""
        if self.mode == INFO:
            return self.reading
        if self.mode == OUTPUT:
            return self.output
        return self.page if self.mode == WHOLE else self.table

    def back(self) -> bool:
        """Esc."""
        if self.mode != STEP:
            self.show_mode(STEP)
            return True
        return False

    def do_whole(self) -> None:
        if self.mode in (STEP, WHOLE):
            self.show_mode(STEP if self.mode == WHOLE else WHOLE)

    def do_output(self) -> None:
        self.show_mode(STEP if self.mode == OUTPUT else OUTPUT)

    def do_info(self) -> None:
        if self.mode == INFO:
            self.show_mode(STEP)
            return
        self.show_mode(INFO)
        self._draw_info()

    def do_escalation(self) -> None:
        self.show_mode(INFO)
        where = self._draw_info()
        line = where.get("escalation", where.get("contacts"))
        if line is None:
            self.desk.say("this runbook names nobody to call; the whole of what it says is here")
        else:
            self.call_after_refresh(self.reading.scroll_to_line, line)

    def _draw_info(self) -> dict[str, int]:
        looking = self._looking
        if looking is None or looking.runbook is None:
            return {}
        lines, where = info_lines(looking.runbook, max(self.size.width, 40), self.desk.look)
        self.reading.show(lines, top=True)
        return where

    def do_rollback(self) -> None:
        looking = self._looking
        if looking is None or looking.runbook is None:
            return
        steps = [step.id for phase in looking.runbook.phases if phase.kind == "rollback" for step in phase.steps]
        undo = self.step
        if undo is not None:
            _, model = self._model(looking, undo.id)
            if model is not None and model.undo and looking.runbook.step(model.undo) is not None:
                steps = [model.undo, *(step for step in steps if step != model.undo)]
        if not steps:
            self.desk.say("this runbook has no rollback; i shows all that it says")
            return
        here = self.table.key
        target = steps[(steps.index(here) + 1) % len(steps)] if here in steps else steps[0]
        self.show_mode(STEP)
        self.go_to(target)

    def do_switch(self) -> None:
        self._pick(True)

    def do_another(self) -> None:
        self._pick(False)

    def do_runs(self) -> None:
        self.desk.ask(runbook_asks.which_run(self._now.runs, self.open_run))

    def do_next_run(self) -> None:
        self._other_run(1)

    def do_previous_run(self) -> None:
        self._other_run(-1)

    def _other_run(self, by: int) -> None:
        names = [run.run for run in self._now.runs]
        if self.chosen in names and len(names) > 1:
            self.open_run(names[(names.index(self.chosen) + by) % len(names)])
