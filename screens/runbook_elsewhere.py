"""Looking at the rest of a run: the step whole, its output, what else the runbook says, its rollback, the other runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from screens import runbook_asks
from screens.performs import Performs
from screens.runbook_base import INFO, OUTPUT, STEP, WHOLE, RunKeys
from screens.runbook_info import info_lines
from screens.runbook_list import PHASE, phase_of

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
        if self.table.key.startswith(PHASE) and self.mode == STEP:
            at = int(self.table.key.removeprefix(PHASE))
            self._fold({at} ^ self._folded_here)
            return
        if self.mode in (STEP, WHOLE):
            self.show_mode(STEP if self.mode == WHOLE else WHOLE)

    def do_fold(self) -> None:
        """All phases but the one with the current step; again: none."""
        looking = self._looking
        if looking is None or looking.runbook is None or self.mode != STEP:
            return
        every = set(range(1, len(looking.runbook.phases) + 1))
        here = phase_of(looking.runbook, looking.view.current)
        if len(every) < 2:
            self.desk.say("this runbook has one phase only")
            return
        self._fold(set() if self._folded_here else every - {here})

    @property
    def _folded_here(self) -> set[int]:
        return {at for run, at in self.folded if run == self.chosen}

    def _fold(self, phases: set[int]) -> None:
        """Fold these phases of the run; a step under the cursor that is hidden by it gives way to its heading."""
        looking, key = self._looking, self.table.key
        if looking is None:
            return
        self.folded = {one for one in self.folded if one[0] != self.chosen} | {(self.chosen, at) for at in phases}
        inside = phase_of(looking.runbook, key)
        self._show_steps(f"{PHASE}{inside}" if inside in phases else key)

    def _unfold(self, step: str) -> bool:
        """Make sure that a step can be seen; whether it could not."""
        looking = self._looking
        at = phase_of(looking.runbook, step) if looking is not None and step else 0
        if (self.chosen, at) not in self.folded:
            return False
        self.folded.discard((self.chosen, at))
        return True

    def _show_steps(self, to: str) -> None:
        raise NotImplementedError

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
