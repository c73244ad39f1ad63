"""Running the command of a step, ending it, copying it. Nothing runs that the terminal has not shown."""

from __future__ import annotations

import time
from typing import Any

from console.runbook import actions as runs
from console.runbook.progress import RunView, StepView
from console.runbook.ready import request_for
from console.runbook.resolve import Resolved, commands_of
from screens import actions, runbook_asks
from screens.runbook_base import RunKeys


class CommandKeys(RunKeys):
    """See the module. The arming is in :mod:`screens.arming`; here its questions are asked and its answers taken."""

    def ask_terminal(self, place: tuple[int, int]) -> None:
        """Ask for a report of *place*, behind all that was written."""
        raise NotImplementedError

    def copy_text(self, text: str) -> None:
        """Hand *text* to the terminal's clipboard."""
        raise NotImplementedError

    def _frame_written(self) -> None:
        place = self.arming.framed(time.monotonic())
        if place is not None:
            self.ask_terminal(place)

    def _terminal_answered(self, place: tuple[int, int]) -> None:
        if self.arming.answered(place):
            self.draw()

    async def perform(self, action: actions.Action, situation: actions.Situation | None = None) -> None:
        """Every key of a run comes through here, in the order typed: first the cursor's last move is taken in, so that a key
        never meets what stood there before."""
        self.catch_up()
        if action.name != "run":
            self.arming.key(time.monotonic())
        await super().perform(action, self.situation())

    def do_next_command(self) -> None:
        self._other_command(1)

    def do_previous_command(self) -> None:
        self._other_command(-1)

    def _other_command(self, by: int) -> None:
        looking = self._looking
        _, step = self._model(looking, self.table.key) if looking is not None else (None, None)
        count = len(commands_of(step)) if step is not None else 0
        if count > 1:
            self.command_at = (self.command_at + by) % count
            self.draw()

    def do_run(self) -> None:
        """The one key that runs what is shown, once the terminal has shown it."""
        view, step, resolved = self.view, self.step, self._resolved
        if view is None or step is None or resolved is None:
            return
        if resolved.ready.why_not:
            self.desk.say(f"not run: {resolved.ready.why_not}; c copies it", "error")
            return
        if resolved.blocked:
            self.desk.say(f"not run: {resolved.blocked}", "error")
            return
        if resolved.ready.missing:
            self.desk.say(f"not run: no value for {', '.join(resolved.ready.missing)}; e gives it", "error")
            return
        if self._is_running(step):
            self.desk.say("it is running already: X ends it")
            return
        now = time.monotonic()
        self.arming.answers = self.arming.answers or self.desk.terminal_answers
        verdict = self.arming.press(now)
        if verdict == "asked":
            self.ask_terminal(self.arming.ask(now))
        if verdict in ("asked", "unseen"):
            hidden = self.page.awaited.stop > 0 and not self.page.seen_all and not self.page.holds(self.page.awaited)
            why = (
                "not all of it was on the screen: Enter shows it whole"
                if hidden
                else "the key came before the command was on the screen"
            )
            self.desk.say(f"nothing was run: {why}; x again")
        elif verdict == "again":
            self.desk.say("nothing was run yet: this terminal does not say what it shows; look, wait a second, x again")
        elif resolved.confirm:
            warning = "; ".join(resolved.warnings) or "this can't be taken back"
            self.desk.ask(runbook_asks.confirm(resolved.confirm, warning, lambda: self._launch(view, step, resolved)))
        else:
            self._launch(view, step, resolved)

    def _launch(self, view: RunView, step: StepView, resolved: Resolved) -> None:
        from console.runbook.launch import start_command

        looking, deps = self._looking, self.desk.deps
        if looking is None or deps is None or looking.view.run != view.run or self._resolved != resolved:
            self.desk.say("nothing was run: the command is another by now; look again", "error")
            return
        _, model = self._model(looking, step.id)
        if model is None:
            return
        try:
            asked = request_for(
                resolved.ready,
                looking.view,
                model,
                stream=self._now.stream,
                cap_bytes=deps.config.output_cap_bytes,
                keep=deps.config.output_kept,
                file_mode=deps.file_mode,
                ssh_config=deps.config.ssh_config,
                secret=[param.name for param in looking.runbook.params if param.secret] if looking.runbook else (),
                blocked=self._blocked(step.id),
            )
        except runs.Refused as refused:
            self.desk.say(f"not run: {refused}", "error")
            return
        self.arming.spent()
        if resolved.ready.tty == "yes":
            self._lend(asked, step.title)
            return
        self.desk.say("starting")
        self.desk.work(
            lambda journal: start_command(journal, deps.paths, asked),
            lambda _: self.desk.say("started: it goes on whatever happens to this console"),
        )

    def do_cancel(self) -> None:
        execution, deps = self.execution, self.desk.deps
        if execution is None or deps is None:
            return

        def go() -> None:
            from console.runbook.handle import cancel
            from console.runbook.recover import find

            def work(_: Any) -> bool:
                handle = find(deps.paths, execution.command)
                if handle is None or not handle.is_running:
                    return False
                cancel(handle, deps.actor)
                return True

            self.desk.read(
                work, lambda was: self.desk.say("asked it to end" if was else "it is not running here any more")
            )

        self.desk.ask(runbook_asks.cancel(execution.text, go))

    def do_copy(self) -> None:
        resolved = self._resolved
        if resolved is None:
            return
        self.copy_text(resolved.ready.shown)
        left_out = "; the secret is left out" if resolved.ready.secrets else ""
        self.desk.say(f"copied, if this terminal lets us{left_out}: tick the step when it is done")
