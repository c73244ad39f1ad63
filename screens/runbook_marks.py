"""What an operator does at a step: tick, observe, skip, fail, undo, decide, go elsewhere; and its values."""

from __future__ import annotations

from typing import Any

from console.clock import span
from console.runbook import actions as runs
from console.runbook.model import Option, Param
from console.runbook.progress import StepView
from console.runbook.ready import refusal
from console.runbook.resolve import commands_of
from screens import runbook_asks, runbook_step
from screens.runbook_base import RunKeys


class StepKeys(RunKeys):
    """Each key becomes events of the run, or a question whose answer does."""

    def do_tick(self) -> None:
        looking, step = self._looking, self.step
        if looking is None or step is None:
            return
        _, model = self._model(looking, step.id)
        if model is not None and model.kind == "decide" and model.options:
            self.do_decide()  # ticked off it would go nowhere
            return
        left = runbook_step.wait_left(step, self.desk.now())
        if model is not None and model.kind == "wait" and left > 0:
            self.desk.say(f"{span(left)} left: t cuts it short")
            return
        goto = model.next or "" if model is not None else ""
        why = self._blocked(step.id)
        self._tell(self._record(lambda view: runs.tick(view, step.id, goto=goto, blocked=why), advance=True))

    def do_observe(self) -> None:
        step = self.step
        if step is None:
            return
        self.desk.ask(
            runbook_asks.line(
                "observe",
                "seen>",
                f"{step.title[:50]}: what you see, the value itself; it goes on the timeline",
                lambda text: self._record(lambda view: runs.observe(view, step.id, text), "noted"),
                draft=f"observe:{self.chosen}:{step.id}",
                needed="what did you see? esc leaves",
            )
        )

    def do_skip(self) -> None:
        step = self.step
        if step is None:
            return
        self.desk.ask(
            runbook_asks.line(
                "skip",
                "skip, because>",
                f"{step.title[:50]}: why it is left out",
                lambda text: self._record(lambda view: runs.skip(view, step.id, text), advance=True),
                draft=f"skip:{self.chosen}:{step.id}",
                needed="a reason, please: it is what the next one reads",
            )
        )

    def do_fail(self) -> None:
        step = self.step
        if step is None:
            return
        self.desk.ask(
            runbook_asks.line(
                "fail",
                "failed>",
                f"{step.title[:50]}: what happened (Enter alone is fine); you stay here",
                lambda text: self._record(
                    lambda view: runs.fail(view, step.id, text), "marked as failed: retry, s skips, g goes on"
                ),
                draft=f"fail:{self.chosen}:{step.id}",
            )
        )

    def do_undo(self) -> None:
        step = self.step
        if step is not None:
            self._tell(self._record(lambda view: runs.undo(view, step.id), "taken back; the record keeps both"))

    def do_decide(self) -> None:
        looking, step = self._looking, self.step
        if looking is None or step is None:
            return
        _, model = self._model(looking, step.id)
        options = model.options if model is not None else ()
        self.desk.ask(
            runbook_asks.decide(
                step,
                options,
                lambda goto: runbook_step.goto_words(looking.runbook, looking.numbers.by_step, goto),
                lambda option: self._decided(step, option),
            )
        )

    def _decided(self, step: StepView, option: Option) -> str | None:
        why = self._blocked(step.id)
        return self._record(
            lambda view: runs.decide(view, step.id, option, blocked=why), f"decided: {option.answer}", advance=True
        )

    def do_jump(self) -> None:
        looking, here = self._looking, self.step
        if looking is None:
            return

        def go(step: str) -> None:
            self._tell(self._record(lambda view: runs.jump(view, step)))
            self.go_to(step)

        self.desk.ask(runbook_asks.jump(looking.view, dict(looking.numbers.by_step), here.id if here else "", go))

    def do_finish(self) -> None:
        view = self.view
        if view is not None:
            self.desk.ask(
                runbook_asks.end(
                    view, lambda outcome: self._record(lambda one: runs.end(one, outcome), f"the run is {outcome}")
                )
            )

    # ── parameters ──────────────────────────────────────────────────────────────────────────────────────────────

    def do_edit(self) -> None:
        looking = self._looking
        if looking is None or looking.runbook is None or not looking.runbook.params:
            self.desk.say("this runbook has no values to fill in")
            return
        params = list(looking.runbook.params)
        key = self.table.key
        _, step = self._model(looking, key)
        commands = commands_of(step) if step is not None else ()
        wanted = commands[self.command_at].params if commands else ()
        missing = self._resolved.ready.missing if self._resolved is not None else ()
        params.sort(key=lambda param: (param.name not in missing, param.name not in wanted))
        if len(params) == 1:
            self._edit(params[0].name)
            return

        def shown(param: Any) -> str:
            if param.secret:
                return "(secret, given)" if (looking.view.run, param.name) in self.secrets else "(secret)"
            return looking.view.values.get(param.name, "") or "?"

        self.desk.ask(runbook_asks.which_param(params, shown, self._edit))

    def _edit(self, name: str) -> None:
        looking = self._looking
        runbook = looking.runbook if looking is not None else None
        one = runbook.param(name) if runbook is not None else None
        if looking is None or runbook is None or one is None:
            return

        def take(text: str) -> str | None:
            if text.strip() == "?" and one.choices_from is not None:
                self.offer_choices(one)
                return None
            return self._give(one, text.strip("\n"))

        self.desk.ask(runbook_asks.param(one, looking.view.values.get(name, ""), take))

    def _give(self, param: Param, value: str) -> str | None:
        view = self.view
        refused = refusal(param, value) if value else ""
        if refused or view is None:
            return refused or "no run is open here"
        if param.secret:
            self.secrets[view.run, param.name] = value
            if not value:
                del self.secrets[view.run, param.name]
        result = self._record(lambda one: runs.set_param(one, param.name, value, secret=param.secret))
        self.draw()
        return result
