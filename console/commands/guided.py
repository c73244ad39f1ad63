"""The guided run, line by line: for a terminal that can't do more, and for scripts that answer from a file."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from console.clock import span
from console.commands.following import LineSink, follow
from console.journal.events import New
from console.journal.folds import fold_stream
from console.journal.store import Journal
from console.runbook import actions, processes, progress
from console.runbook.actions import Refused
from console.runbook.launch import CommandRequest, LaunchError, start_command
from console.runbook.model import Command, Param, Runbook, Step
from console.runbook.progress import RunView, StepView
from console.runbook.ready import refusal, request_for
from console.runbook.recover import Places
from console.runbook.resolve import Place, Resolved, commands_of, resolve
from console.runbook.run import RunsFold
from console.sanitize import one_line, visible

KEYS = "enter tick · x run · o observe · s skip · f fail · d decide · u undo · j jump · p set · e end · q leave"
_GLYPH = {progress.OPEN: " ", progress.DONE: "x", "skipped": "-", "failed": "!"}


class Talk(Struct, frozen=True):
    """How the operator is reached. ``ask`` gives None when there is no more answer to come."""

    say: Callable[[str], None]
    ask: Callable[[str], str | None]
    ask_secret: Callable[[str], str | None]


class Desk(Struct, frozen=True):
    """Where the run happens."""

    journal: Journal
    paths: Places
    stream: str
    cwd: Path
    cap_bytes: int
    file_mode: int


class GuidedRun:
    """One operator walking through one run. Others may work on it at the same time: it is read anew at every turn."""

    def __init__(self, desk: Desk, runbook: Runbook, run: str, secrets: dict[str, str], talk: Talk) -> None:
        self._desk, self._runbook, self._run, self._talk = desk, runbook, run, talk
        self._secrets = dict(secrets)
        self._shown: dict[str, Resolved] = {}  # key → what it would run, as it was last shown
        self._params: dict[str, Param] = {param.name: param for param in runbook.params}
        self._keys: dict[str, Callable[[RunView, Step, str], None]] = {
            "": self._tick,
            "x": self._execute,
            "o": self._observe,
            "s": self._skip,
            "f": self._fail,
            "d": self._decide,
            "u": self._undo,
            "j": self._jump,
            "p": self._set,
            "e": self._end,
        }

    def walk(self) -> bool:
        """Until the run is ended (True) or left (False: the next call goes on where this one stopped)."""
        shown = ""
        while True:
            view = self._view()
            if view.end is not None:
                self._talk.say(f"{view.end.outcome}: {view.settled} of {len(view.steps)} steps settled")
                return True
            step = self._runbook.step(view.current) or Step(id="", kind="note", title="")
            if view.current != shown:
                self._show(view, step)
                shown = view.current
            answer = self._talk.ask("> ")
            if answer is None or answer.strip() == "q":
                self._talk.say(f"left at {one_line(step.title) or 'the end'}; the same command goes on here")
                return False
            key, _, rest = answer.strip().partition(" ")
            act = self._keys.get(key)
            if act is None:
                self._talk.say(KEYS)
                continue
            if not step.id and key not in ("e", "u", "j", "p"):
                self._talk.say("every step is settled: e ends the run, u takes a step back, j goes to one")
                continue
            try:
                act(view, step, rest.strip())
            except (Refused, LaunchError) as error:
                self._talk.say(str(error))
                shown = ""  # somebody else may have moved the run

    # ── what is shown ────────────────────────────────────────────────────────────────────────────────────────────

    def _view(self) -> RunView:
        found = progress.view(fold_stream(self._desk.journal, self._desk.stream, RunsFold()), self._run)
        if found is None:
            raise Refused("this run is not in the journal")
        return found

    def _show(self, view: RunView, step: Step) -> None:
        say = self._talk.say
        if not step.id:
            say("")
            for number, one in enumerate(view.steps, 1):
                say(_line(number, one))
            say("every step is settled: e ends the run")
            return
        number = next(number for number, one in enumerate(view.steps, 1) if one.id == step.id)
        state = view.steps[number - 1]
        say("")
        say(f"[{number}/{len(view.steps)}] {one_line(step.title)}  ({one_line(state.phase)})")
        if state.state != progress.OPEN:
            say(f"  {state.state} by {state.by}: {one_line(state.text)}")
        for text in (*step.notes, step.body, f"expected: {step.expect}" if step.expect else ""):
            for line in visible(text).splitlines():
                say(f"  {line}")
        for option, answer in enumerate(step.options, 1):
            say(f"  d {option}  {one_line(answer.answer)}")
        self._shown = {key: self._resolved(view, step, command) for key, command in self._commands(step)}
        for key, resolved in self._shown.items():
            self._show_command(key, resolved)
        for seen in state.observed:
            say(f"  seen by {seen.by}: {one_line(seen.text)}")
        say(KEYS)

    def _show_command(self, key: str, resolved: Resolved) -> None:
        say, ready = self._talk.say, resolved.ready
        for line in visible(ready.shown).splitlines():
            say(f"  {key}  $ {line}")
            key = " " * len(key)
        where = f"as {resolved.place.user}@{resolved.place.host} in {one_line(str(ready.cwd))}"
        if ready.why_not:
            say(f"       copy it: {one_line(ready.why_not)}")
        elif ready.missing:
            say(f"       needs {', '.join(map(one_line, ready.missing))}")
        else:
            say(f"       {where}")
        for warning in resolved.warnings:
            say(f"       careful: {one_line(warning)}")

    @staticmethod
    def _commands(step: Step) -> list[tuple[str, Command]]:
        many = len(step.commands) > 1
        names = [f"x {number}" if many else "x" for number in range(1, len(step.commands) + 1)]
        return list(zip([*names, "x all"], commands_of(step), strict=False))

    def _resolved(self, view: RunView, step: Step, command: Command) -> Resolved:
        place = Place(socket.gethostname(), processes.user_name(), self._desk.cwd)
        return resolve(command, step, self._params, {**view.values, **self._secrets}, place)

    # ── what is done ─────────────────────────────────────────────────────────────────────────────────────────────

    def _append(self, news: list[New]) -> None:
        actions.append(self._desk.journal, self._desk.stream, news)

    def _words(self, rest: str, question: str) -> str:
        return rest or self._talk.ask(question) or ""

    def _tick(self, view: RunView, step: Step, rest: str) -> None:
        if step.kind == "decide" and step.options:
            raise Refused("this step asks for a decision: d and its number")
        self._append(actions.tick(view, step.id, rest))

    def _observe(self, view: RunView, step: Step, rest: str) -> None:
        self._append(actions.observe(view, step.id, self._words(rest, "seen: ")))

    def _skip(self, view: RunView, step: Step, rest: str) -> None:
        self._append(actions.skip(view, step.id, self._words(rest, "why: ")))

    def _fail(self, view: RunView, step: Step, rest: str) -> None:
        self._append(actions.fail(view, step.id, rest))

    def _decide(self, view: RunView, step: Step, rest: str) -> None:
        names = {str(number): option for number, option in enumerate(step.options, 1)}
        names |= {option.answer.casefold(): option for option in step.options}
        option = names.get(self._words(rest, "answer: ").casefold())
        if option is None:
            raise Refused("not one of the answers" if step.options else "this step is no decision")
        self._append(actions.decide(view, step.id, option))

    def _undo(self, view: RunView, step: Step, rest: str) -> None:
        self._append(actions.undo(view, self._named(view, rest) if rest else self._last(view)))

    @staticmethod
    def _last(view: RunView) -> str:
        settled = [one for one in view.steps if one.at is not None]
        if not settled:
            raise Refused("there is nothing to take back")
        return max(settled, key=lambda one: one.at or view.at).id

    def _jump(self, view: RunView, step: Step, rest: str) -> None:
        if not rest:
            for number, one in enumerate(view.steps, 1):
                self._talk.say(_line(number, one))
        self._append(actions.jump(view, self._named(view, self._words(rest, "to step: "))))

    @staticmethod
    def _named(view: RunView, name: str) -> str:
        if name.isdecimal() and 1 <= int(name) <= len(view.steps):
            return view.steps[int(name) - 1].id
        if view.step(name) is None:
            raise Refused(f"no step {one_line(name, 60)}: a number from 1 to {len(view.steps)}")
        return name

    def _set(self, view: RunView, step: Step, rest: str) -> None:
        name, equals, value = rest.partition("=")
        if not equals:
            raise Refused(
                "p NAME=VALUE sets a parameter: " + (", ".join(map(one_line, self._params)) or "there is none")
            )
        self._give(view, name.strip(), value.strip())
        self._show(self._view(), step)

    def _give(self, view: RunView, name: str, value: str) -> None:
        param = self._params.get(name)
        if why := refusal(param, value):
            raise Refused(f"{one_line(name)}: {why}")
        secret = param is not None and param.secret
        if secret:
            self._secrets[name] = value
        self._append(actions.set_param(view, name, value, secret=secret))

    def _end(self, view: RunView, step: Step, rest: str) -> None:
        left = [one for one in view.steps if one.state in (progress.OPEN, "failed")]
        if left and not rest:
            raise Refused(f"{len(left)} steps are open: e and a reason abandons the run")
        self._append(actions.end(view, "abandoned" if left else "done", rest))

    # ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _execute(self, view: RunView, step: Step, rest: str) -> None:
        key = f"x {rest}" if rest else "x"
        command = dict(self._commands(step)).get(key)
        if command is None and not step.commands:
            raise Refused("nothing to run here")
        if command is None:
            raise Refused(f"no command {one_line(rest, 20)} here" if rest else "several commands: x and a number")
        resolved = self._resolved(view, step, command)
        ready = resolved.ready
        if key not in self._shown or self._shown[key].subject != resolved.subject:
            raise Refused("it reads differently now: look again, then x")
        if ready.why_not:
            raise Refused(f"copy it: {ready.why_not}")
        if ready.missing:
            self._fill(view, ready.missing)
            self._show(self._view(), step)  # now it reads differently: it runs after another x
            return
        if resolved.confirm and self._talk.ask(f"type {one_line(resolved.confirm)} to run it: ") != resolved.confirm:
            raise Refused("not confirmed: nothing was started")
        desk = self._desk
        request = request_for(
            ready,
            view,
            step,
            stream=desk.stream,
            cap_bytes=desk.cap_bytes,
            file_mode=desk.file_mode,
        )
        self._watch(request)

    def _fill(self, view: RunView, names: tuple[str, ...]) -> None:
        for name in names:
            secret = name in self._params and self._params[name].secret
            value = (self._talk.ask_secret if secret else self._talk.ask)(f"{one_line(name)} = ")
            if not value:
                raise Refused(f"no value for {one_line(name)}")
            self._give(view, name, value)

    def _watch(self, request: CommandRequest) -> None:
        say = self._talk.say
        handle = start_command(self._desk.journal, self._desk.paths, request)
        finish = follow(handle, LineSink("  | "), self._desk.journal.actor, say)
        if finish is None:
            say("  its supervisor is gone without a word; the outcome is unknown")
            return
        how = f"signal {finish.signal}" if finish.signal is not None else f"exit {finish.exit_code}"
        say(f"  {finish.outcome}, {how}, after {_took(finish.duration_ms)}; {finish.size} bytes in {handle.output}")
        if finish.error:
            say(f"  {one_line(finish.error)}")


def _took(milliseconds: int) -> str:
    return f"{milliseconds} ms" if milliseconds < 1000 else span(milliseconds / 1000)


def _line(number: int, step: StepView) -> str:
    words = f"  {one_line(step.text)}" if step.text else ""
    return f"  [{_GLYPH[step.state]}] {number:>2} {one_line(step.title)}{words}"
