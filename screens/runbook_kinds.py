"""What the kinds of steps need: waits, approvals, pauses, other runbooks, a parameter's choices from a command, the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.clock import span
from console.runbook import actions as runs
from console.runbook import gates, subjects
from console.runbook.model import Param, Step
from console.runbook.ready import request_for
from console.runbook.resolve import Place, resolve
from screens import runbook_asks, runbook_step
from screens.runbook_base import RunKeys

if TYPE_CHECKING:
    from console.journal.events import Event
    from console.journal.store import Journal
    from console.runbook.launch import CommandRequest, Hosted
    from screens.term.guest import Outcome

_CHOICES_S = 30.0
_MOST = 500


class KindKeys(RunKeys):
    """See the module."""

    def kind_facts(self) -> set[str]:
        """What the registry is told of the step: "wait", "approval", "pause", "call"."""
        looking, step = self._looking, self.step
        if looking is None or step is None:
            return set()
        phase, model = self._model(looking, step.id)
        if model is None:
            return set()
        facts = {"approve": {"approval"}, "call": {"call"}}.get(model.kind, set())
        facts = facts | ({"wait"} if model.wait_s is not None else set()) | ({"call"} if model.calls else set())
        if phase is not None and phase.pause and phase.title not in looking.view.confirmed:
            facts = facts | {"pause"}
        return set(facts)

    # ── waits ───────────────────────────────────────────────────────────────────────────────────────────────────

    def do_timer(self) -> None:
        looking, step = self._looking, self.step
        if looking is None or step is None:
            return
        _, model = self._model(looking, step.id)
        if model is None or model.wait_s is None:
            self.desk.say("this step does not wait for any time")
            return
        seconds, now = model.wait_s, self.desk.now()
        left = runbook_step.wait_left(step, now)
        if left <= 0:
            self._tell(
                self._record(
                    lambda view: runs.start_wait(view, step.id, seconds, now),
                    f"waiting {span(seconds)}; it goes on without this console, and nothing happens by itself after it",
                )
            )
            return
        self.desk.ask(
            runbook_asks.line(
                "cut",
                "cut it short, because>",
                f"{span(left)} are left (Enter alone is fine)",
                lambda text: self._record(
                    lambda view: runs.cut_wait(view, step.id, self.desk.now(), text), "cut short"
                ),
            )
        )

    # ── approvals and pauses ────────────────────────────────────────────────────────────────────────────────────

    def do_approve(self) -> None:
        looking, step = self._looking, self.step
        if looking is None or step is None:
            return
        why = gates.not_by(looking.view, looking.runbook, step.id, self.who)
        if why:
            self.desk.say(why, "error")
            return
        uid = self.who.uid
        # As it is seen now: what is changed while the reason is typed is not approved with it.
        what = subjects.subject(looking.view, looking.runbook, step.id) if looking.runbook is not None else ""
        self.desk.ask(
            runbook_asks.line(
                "approve",
                "approved, because>",
                f"{step.title[:50]}: what you looked at; your word counts as uid {uid}",
                lambda text: self._record(
                    lambda view: runs.approve(view, step.id, uid, text, subject=what), "approved"
                ),
                armed=True,
            )
        )

    def do_confirm(self) -> None:
        looking, step = self._looking, self.step
        if looking is None:
            return
        phase, _ = self._model(looking, step.id) if step is not None else (None, None)
        if phase is None or not phase.pause:
            self.desk.say("nothing is to be confirmed here")
            return
        title = phase.title
        self.desk.ask(
            runbook_asks.line(
                "confirm-pause",
                "confirmed>",
                f"{phase.pause[:70]}: what you saw",
                lambda text: self._record(lambda view: runs.confirm(view, title, text), "confirmed"),
                needed="say what you saw; esc leaves it open",
                armed=True,
            )
        )

    # ── other runbooks ──────────────────────────────────────────────────────────────────────────────────────────

    def do_call(self) -> None:
        looking, step, deps = self._looking, self.step, self.desk.deps
        if looking is None or step is None or deps is None or looking.runbook is None:
            return
        caller = looking.runbook
        _, model = self._model(looking, step.id)
        if model is None or not model.calls:
            self.desk.say("this step calls no other runbook")
            return
        if why := self._blocked(step.id):
            self.desk.say(why, "error")
            return
        name, known, stream = model.calls[0], self._values(looking), self._now.stream

        def work(journal: Journal) -> str:
            from console.runbook.calls import find_called, start_called

            called = find_called(name, caller, list(deps.runbook_paths))
            if called is None:
                return ""
            news, secrets = start_called(called, caller, model, known)
            run: str = getattr(news[0].body, "run", "")
            self.secrets.update({(run, key): value for key, value in secrets.items()})
            runs.append(journal, stream, news)
            return run

        def then(run: str) -> None:
            if run:
                self._open_when_there = run
                self.desk.say(f"following {name}: [ goes back to {caller.title[:40]}; nothing runs by itself")
            else:
                self.desk.say(f"there is no runbook {name[:60]} with steps here", "error")

        self.desk.work(work, then)

    # ── instruction mode ────────────────────────────────────────────────────────────────────────────────────────

    def do_instruction(self) -> None:
        self.instruction = not self.instruction
        self.arming.show("")
        self.draw()
        self.desk.say(
            "instruction mode: nothing runs from here; c copies, space ticks"
            if self.instruction
            else "commands run from here again, each at its key"
        )

    # ── a parameter's choices ───────────────────────────────────────────────────────────────────────────────────

    def offer_choices(self, param: Param) -> None:
        """Ask whether the command that lists the values is to be run; it never is by itself."""
        looking, deps = self._looking, self.desk.deps
        if looking is None or deps is None or param.choices_from is None:
            return
        params = {one.name: one for one in looking.runbook.params} if looking.runbook is not None else {}
        asking = Step(id=f"choices:{param.name}", kind="run", title=f"choices of {param.name}")
        resolved = resolve(param.choices_from, asking, params, self._values(looking), Place.here())
        if not resolved.runs or self.desk.read_only or self.instruction:
            why = resolved.ready.why_not or ", ".join(resolved.ready.missing) or "nothing runs from this console"
            self.desk.say(f"its values can't be listed: {why}")
            return
        request = request_for(
            resolved.ready, looking.view, asking, stream=self._now.stream, file_mode=deps.file_mode, loose=True
        )
        self.desk.ask(runbook_asks.list_choices(param, resolved.ready.shown, lambda: self._list(param, request)))

    def _list(self, param: Param, request: CommandRequest) -> None:
        deps = self.desk.deps
        if deps is None:
            return

        def work(journal: Journal) -> tuple[list[str], str]:
            import time

            from console.runbook.launch import start_command
            from console.runbook.output import display_lines

            handle = start_command(journal, deps.paths, request)
            limit = time.monotonic() + _CHOICES_S
            while handle.finish is None and time.monotonic() < limit:
                time.sleep(0.02)
            finish = handle.finish
            if finish is None or finish.exit_code != 0:
                return [], "it is still running" if finish is None else f"exit {finish.exit_code}"
            lines = [line.strip() for line in display_lines(handle.output.read_bytes(), _MOST)]
            return [line for line in lines if line], ""

        def then(found: tuple[list[str], str]) -> None:
            choices, problem = found
            if problem or not choices:
                self.desk.say(f"no values for {param.name}: {problem or 'it printed nothing'}", "error")
                return
            self.desk.ask(runbook_asks.choose_value(param, choices, lambda value: self._give(param, value)))

        self.desk.say("listing the values")
        self.desk.work(work, then)

    # ── the terminal ────────────────────────────────────────────────────────────────────────────────────────────

    def _lend(self, asked: CommandRequest, title: str) -> None:
        """Announce it, then hand the terminal over; it records its own end."""
        from console.runbook.launch import host_command
        from screens.term.guest import Program

        deps = self.desk.deps
        if deps is None:
            return

        def then(hosted: Hosted) -> None:
            def back(outcome: Outcome) -> None:
                if not outcome.stopped:
                    hosted.close()
                if outcome.refusal:
                    self.desk.say(f"not run: {outcome.refusal}", "error")
                    self._settle()
                else:
                    self.desk.say(f"the terminal is back: exit {outcome.code}")

            program = Program(list(hosted.argv), name=title[:60], pass_fds=hosted.handed, pause=True, before=asked.text)
            self.desk.lend(program, back)

        self.desk.work(lambda journal: host_command(journal, deps.paths, asked), then)

    def _settle(self) -> None:
        """It never got the terminal: the record says so."""
        deps = self.desk.deps
        if deps is None:
            return

        def work(journal: Journal) -> list[Event]:
            from console.runbook.recover import reconcile

            return reconcile(journal, deps.paths)

        self.desk.work(work)
