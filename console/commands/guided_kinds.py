"""What the kinds of steps need in the guided run: decisions, waits, approvals, pauses, other runbooks, choices, output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.clock import span
from console.commands import guided_view
from console.journal.events import New
from console.runbook import actions, gates, subjects
from console.runbook.actions import Refused
from console.runbook.calls import start_called
from console.runbook.handle import CommandHandle, cancel
from console.runbook.model import Param, Phase, Runbook, Step
from console.runbook.progress import RunView
from console.runbook.ready import request_for
from console.runbook.recover import find
from console.runbook.resolve import Place, resolve
from console.sanitize import one_line

if TYPE_CHECKING:
    from console.commands.guided import Desk, Talk

_SHOWN = 40  # lines of output, and of choices


class Mistyped(Refused):
    """The answer fits nothing. A person is asked again; a file of answers is wrong from there on."""


class Kinds:
    """The base of :class:`console.commands.guided.GuidedRun`."""

    _desk: Desk
    _talk: Talk
    _runbook: Runbook
    _secrets: dict[str, str]
    _params: dict[str, Param]
    _who: gates.Who

    def _view(self) -> RunView:
        raise NotImplementedError

    def _append(self, news: list[New]) -> None:
        raise NotImplementedError

    def _words(self, rest: str, question: str) -> str:
        raise NotImplementedError

    def _phase(self, step: Step) -> Phase | None:
        raise NotImplementedError

    def _blocked(self, step: Step) -> str:
        raise NotImplementedError

    def _give(self, view: RunView, name: str, value: str) -> None:
        raise NotImplementedError

    def _show(self, view: RunView, step: Step) -> None:
        raise NotImplementedError

    def _watch(self, handle: CommandHandle) -> None:
        raise NotImplementedError

    # ── decide, wait ─────────────────────────────────────────────────────────────────────────────────────────────

    def _decide(self, view: RunView, step: Step, rest: str) -> None:
        names = {str(number): option for number, option in enumerate(step.options, 1)}
        names |= {option.answer.casefold(): option for option in step.options}
        option = names.get(self._words(rest, "answer: ").casefold())
        if option is None:
            raise Mistyped("not one of the answers" if step.options else "this step is no decision")
        self._append(actions.decide(view, step.id, option, blocked=self._blocked(step)))

    def _wait(self, view: RunView, step: Step, rest: str) -> None:
        """Start the wait, or join one that goes on; it is over at its time, whoever waits."""
        if step.wait_s is None:
            raise Refused("this step waits for no time" + (": x looks until it holds" if step.commands else ""))
        clock, say = self._desk.journal.clock, self._talk.say
        state = view.step(step.id)
        if state is None or state.waiting is None:
            self._append(actions.start_wait(view, step.id, step.wait_s, clock.now()))
        while True:
            state = self._view().step(step.id)
            waiting = state.waiting if state is not None else None
            if waiting is None or waiting.until is None:
                say("  the wait was cut short")
                return
            left = (waiting.until - clock.now()).total_seconds()
            if left <= 0:
                say(f"  the {span(step.wait_s)} are over: enter goes on")
                return
            say(
                f"  waiting until {waiting.until:%H:%M:%S}Z, {span(left)} left; a line (or ctrl-C) stops looking, cut cuts it short"
            )
            if self._talk.wait(min(left, 60.0)):
                return

    def _cut(self, view: RunView, step: Step, rest: str) -> None:
        self._append(actions.cut_wait(view, step.id, self._desk.journal.clock.now(), rest))
        self._talk.say("  cut short: enter goes on")

    def _not_waiting(self, view: RunView, step: Step) -> None:
        state = view.step(step.id)
        waiting = state.waiting if state is not None else None
        if step.kind != "wait" or waiting is None or waiting.until is None:
            return
        left = (waiting.until - self._desk.journal.clock.now()).total_seconds()
        if left > 0:
            raise Refused(f"{span(left)} left: t waits for it, cut cuts it short")

    # ── approve, pause ───────────────────────────────────────────────────────────────────────────────────────────

    def _approve(self, view: RunView, step: Step, rest: str) -> None:
        why = gates.not_by(view, self._runbook, step.id, self._who)
        subject = subjects.subject(view, self._runbook, step.id)
        self._append(actions.approve(view, step.id, self._who.uid, rest, subject=subject, blocked=why))
        self._show(self._view(), step)

    def _confirm(self, view: RunView, step: Step, rest: str) -> None:
        phase = self._phase(step)
        if phase is None or not phase.pause:
            raise Refused("nothing is to be confirmed here")
        self._append(actions.confirm(view, phase.title, rest))
        self._show(self._view(), step)

    # ── other runbooks ───────────────────────────────────────────────────────────────────────────────────────────

    def _call(self, view: RunView, step: Step, rest: str) -> None:
        from console.commands.guided import GuidedRun

        if not step.calls:
            raise Refused("this step calls no other runbook")
        if why := self._blocked(step):
            raise Refused(why)
        name = step.calls[int(rest) - 1] if rest.isdecimal() and 0 < int(rest) <= len(step.calls) else step.calls[0]
        called = self._desk.find(name)
        if called is None or not called.phases:
            raise Refused(f"there is no runbook {one_line(name, 60)} to follow here")
        news, inner = start_called(called, self._runbook, step, {**view.values, **self._secrets})
        self._append(news)
        run = getattr(news[0].body, "run", "")
        self._talk.say(f"following {one_line(called.title)}")
        GuidedRun(self._desk, called, run, inner, self._talk).walk()
        self._talk.say(f"back in {one_line(self._runbook.title)}")
        self._show(self._view(), step)

    # ── choices, output, ending ──────────────────────────────────────────────────────────────────────────────────

    def _choices(self, view: RunView, step: Step, rest: str) -> None:
        """The values that a parameter may have, from its command, which runs when asked for and never else."""
        param = self._params.get(rest)
        if param is None:
            raise Mistyped(
                "c NAME offers a parameter's values: " + (", ".join(map(one_line, self._params)) or "there is none")
            )
        choices = list(param.choices)
        if param.choices_from is not None:
            choices = self._listed(view, param)
        if not choices:
            raise Refused(f"{one_line(param.name)} has no choices: p {one_line(param.name)}=VALUE gives it")
        for number, choice in enumerate(choices[:_SHOWN], 1):
            self._talk.say(f"  {number:>2} {one_line(choice)}")
        answer = (self._talk.ask("which: ") or "").strip()
        if not answer.isdecimal() or not 1 <= int(answer) <= len(choices):
            raise Mistyped("not one of them")
        self._give(self._view(), param.name, choices[int(answer) - 1])
        self._show(self._view(), step)

    def _listed(self, view: RunView, param: Param) -> list[str]:
        assert param.choices_from is not None  # noqa: S101 - the caller looked
        asking = Step(id=f"choices:{param.name}", kind="run", title=f"choices of {param.name}")
        values = {**view.values, **self._secrets}
        resolved = resolve(param.choices_from, asking, self._params, values, Place.here())
        guided_view.show_command(self._talk.say, "x", resolved)
        if not resolved.runs:
            raise Refused(resolved.ready.why_not or f"no value for {', '.join(resolved.ready.missing)}")
        if (self._talk.ask("x runs it: ") or "").strip() != "x":
            raise Refused("nothing was run")
        from console.runbook.launch import start_command
        from console.runbook.output import display_lines

        desk = self._desk
        request = request_for(
            resolved.ready,
            view,
            asking,
            stream=desk.stream,
            cap_bytes=desk.cap_bytes,
            keep=desk.keep,
            file_mode=desk.file_mode,
            loose=True,
        )
        handle = start_command(desk.journal, desk.paths, request)
        self._watch(handle)
        finish = handle.finish
        if finish is None or finish.exit_code != 0:
            return []
        return [line.strip() for line in display_lines(handle.output.read_bytes()) if line.strip()]

    def _last_command(self, view: RunView, step: Step) -> CommandHandle:
        state = view.step(step.id)
        last = state.commands[-1] if state is not None and state.commands else None
        handle = find(self._desk.paths, last.command) if last is not None else None
        if handle is None:
            raise Refused("nothing was run at this step" if last is None else "its output is not here any more")
        return handle

    def _output(self, view: RunView, step: Step, rest: str) -> None:
        from console.runbook.tail import watch_output

        handle = self._last_command(view, step)
        window = watch_output(handle, _SHOWN)
        window.poll()
        for line in window.lines():
            self._talk.say(f"  | {line}")
        self._talk.say(
            f"  {'it is running' if handle.is_running else 'it has ended'}; {window.size} bytes in {handle.output}"
        )

    def _cancel(self, view: RunView, step: Step, rest: str) -> None:
        handle = self._last_command(view, step)
        if not handle.is_running:
            raise Refused("it is not running")
        try:
            cancel(handle, self._desk.journal.actor)
        except OSError as error:
            raise Refused(f"can't ask it to end: {error.strerror}") from None
        self._watch(handle)
