"""The guided run, line by line: for a terminal that can't do more, a screen reader, and scripts that answer from a file."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from console.commands import guided_view
from console.commands.following import LineSink, follow
from console.commands.guided_kinds import Kinds, Mistyped
from console.journal.events import New
from console.journal.folds import fold_stream
from console.journal.store import Journal
from console.runbook import actions, gates, processes, progress
from console.runbook.actions import Refused
from console.runbook.asides import asides_of
from console.runbook.gates import Who
from console.runbook.handle import CommandHandle
from console.runbook.launch import CommandRequest, LaunchError, host_command, start_command
from console.runbook.model import Command, Param, Phase, Runbook, Step
from console.runbook.progress import RunView
from console.runbook.ready import refusal, request_for
from console.runbook.recover import Places
from console.runbook.resolve import Place, Resolved, commands_of, copy_only, resolve
from console.runbook.run import RunsFold
from console.sanitize import one_line

PROMPT = "> "


class Talk(Struct, frozen=True):
    """How the operator is reached. ``ask`` gives None when there is no more answer to come; ``wait`` sleeps for so many
    seconds at the most, and says whether the operator wants it to end."""

    say: Callable[[str], None]
    ask: Callable[[str], str | None]
    ask_secret: Callable[[str], str | None]
    wait: Callable[[float], bool] = lambda seconds: True
    strict: bool = False  # a mistyped answer ends the walk: nobody is there to see that it was refused


class Desk(Struct, frozen=True):
    """Where the run happens."""

    journal: Journal
    paths: Places
    stream: str
    cwd: Path
    cap_bytes: int
    file_mode: int
    find: Callable[[str], Runbook | None] = lambda name: None  # a runbook by its id or file
    ssh_config: str = ""
    instruction: bool = False
    keep: tuple[int, float] | None = None  # bytes, seconds


class GuidedRun(Kinds):
    """One operator walking through one run. Others may work on it at the same time: it is read anew at every turn."""

    def __init__(self, desk: Desk, runbook: Runbook, run: str, secrets: dict[str, str], talk: Talk) -> None:
        self._desk, self._runbook, self._run, self._talk = desk, runbook, run, talk
        self._secrets = dict(secrets)
        self._who = Who.here(desk.journal.actor)
        self._shown: dict[str, Resolved] = {}  # key → what it would run, as it was last shown
        self._params: dict[str, Param] = {param.name: param for param in runbook.params}
        self._keys: dict[str, Callable[[RunView, Step, str], None]] = {
            "": self._tick,
            "x": self._execute,
            "X": self._cancel,
            "v": self._output,
            "o": self._observe,
            "s": self._skip,
            "f": self._fail,
            "d": self._decide,
            "t": self._wait,
            "cut": self._cut,
            "a": self._approve,
            "y": self._confirm,
            "k": self._call,
            "c": self._choices,
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
            answer = self._talk.ask(PROMPT)
            if answer is None or answer.strip() == "q":
                self._talk.say(f"left at {one_line(step.title) or 'the end'}; the same command goes on here")
                return False
            key, _, rest = answer.strip().partition(" ")
            act = self._keys.get(key)
            if act is None and self._talk.strict:
                raise Mistyped(f"no key {one_line(key, 20)}: expected one of {guided_view.keys(step)}")
            if act is None:
                self._talk.say(guided_view.keys(step))
                continue
            if not step.id and key not in ("e", "u", "j", "p"):
                self._talk.say("nothing is left to do: e ends the run, u takes a step back, j goes to one")
                continue
            try:
                act(view, step, rest.strip())
            except (Refused, LaunchError) as error:
                if self._talk.strict and isinstance(error, Mistyped):
                    raise
                self._talk.say(str(error))
                shown = ""  # somebody else may have moved the run

    # ── what is shown ────────────────────────────────────────────────────────────────────────────────────────────

    def _view(self) -> RunView:
        found = progress.view(fold_stream(self._desk.journal, self._desk.stream, RunsFold()), self._run)
        if found is None:
            raise Refused("this run is not in the journal")
        return found

    def _phase(self, step: Step) -> Phase | None:
        return next((phase for phase in self._runbook.phases if step in phase.steps), None)

    def _blocked(self, step: Step) -> str:
        """As of now, not as it was shown: another one may have approved meanwhile."""
        return gates.blocked(self._view(), self._runbook, step.id, self._who)

    def _show(self, view: RunView, step: Step) -> None:
        say = self._talk.say
        if not step.id:
            guided_view.show_all(say, view)
            return
        now = self._desk.journal.clock.now()
        blocked, asides = self._blocked(step), asides_of(self._runbook)
        guided_view.show_step(say, view, self._phase(step), step, blocked, now, asides)
        self._shown = {key: self._resolved(view, step, command) for key, command in self._commands(step)}
        secret = frozenset(name for name, param in self._params.items() if param.secret)
        for (key, resolved), (_, command) in zip(self._shown.items(), self._commands(step), strict=True):
            guided_view.show_command(say, key, resolved)
            guided_view.show_values(say, command.params, view.values, secret)
        state = view.step(step.id)
        for seen in state.observed if state is not None else ():
            say(f"  seen by {seen.by}: {one_line(seen.text)}")
        last = state.commands[-1] if state is not None and state.commands else None
        if last is not None and last.finish is None:
            say(f"  started by {last.by} at {last.at:%H:%M:%S}Z, no end is known: v shows its output, X ends it")
        say(guided_view.keys(step))

    @staticmethod
    def _commands(step: Step) -> list[tuple[str, Command]]:
        many = len(step.commands) > 1
        names = [f"x {number}" if many else "x" for number in range(1, len(step.commands) + 1)]
        return list(zip([*names, "x all"], commands_of(step), strict=False))

    def _resolved(self, view: RunView, step: Step, command: Command) -> Resolved:
        place = Place(socket.gethostname(), processes.user_name(), self._desk.cwd)
        return resolve(
            command,
            step,
            self._params,
            {**view.values, **self._secrets},
            place,
            blocked=self._blocked(step),
            copy_only=copy_only(self._runbook, instruction=self._desk.instruction),
        )

    # ── what is done ─────────────────────────────────────────────────────────────────────────────────────────────

    def _append(self, news: list[New]) -> None:
        actions.append(self._desk.journal, self._desk.stream, news)

    def _words(self, rest: str, question: str) -> str:
        return rest or self._talk.ask(question) or ""

    def _tick(self, view: RunView, step: Step, rest: str) -> None:
        if step.kind == "decide" and step.options:
            raise Refused("this step asks for a decision: d and its number")
        self._not_waiting(view, step)
        self._append(actions.tick(view, step.id, rest, goto=step.next or "", blocked=self._blocked(step)))

    def _observe(self, view: RunView, step: Step, rest: str) -> None:
        self._append(actions.observe(view, step.id, self._words(rest, "seen: ")))

    def _skip(self, view: RunView, step: Step, rest: str) -> None:
        self._append(actions.skip(view, step.id, self._words(rest, "why: ")))

    def _fail(self, view: RunView, step: Step, rest: str) -> None:
        self._append(actions.fail(view, step.id, rest))

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
                self._talk.say(guided_view.line_of(number, one))
        self._append(actions.jump(view, self._named(view, self._words(rest, "to step: "))))

    @staticmethod
    def _named(view: RunView, name: str) -> str:
        if name.isdecimal() and 1 <= int(name) <= len(view.steps):
            return view.steps[int(name) - 1].id
        if view.step(name) is None:
            raise Mistyped(f"no step {one_line(name, 60)}: a number from 1 to {len(view.steps)}")
        return name

    def _set(self, view: RunView, step: Step, rest: str) -> None:
        name, equals, value = rest.partition("=")
        if not equals:
            raise Mistyped(
                "p NAME=VALUE sets a parameter: " + (", ".join(map(one_line, self._params)) or "there is none")
            )
        self._give(view, name.strip(), value.strip())
        self._show(self._view(), step)

    def _give(self, view: RunView, name: str, value: str) -> None:
        param = self._params.get(name)
        if why := refusal(param, value):
            raise Mistyped(f"{one_line(name)}: {why}")
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
            raise Refused("nothing to run here" + (": k follows the runbook that it calls" if step.calls else ""))
        if command is None:
            raise Mistyped(f"no command {one_line(rest, 20)} here" if rest else "several commands: x and a number")
        resolved = self._resolved(view, step, command)
        ready = resolved.ready
        if key not in self._shown or self._shown[key].subject != resolved.subject:
            raise Refused("it reads differently now: look again, then x")
        if resolved.blocked:
            raise Refused(resolved.blocked)
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
            keep=desk.keep,
            file_mode=desk.file_mode,
            ssh_config=desk.ssh_config,
            secret=[name for name, param in self._params.items() if param.secret],
            blocked=resolved.blocked,
        )
        if ready.tty == "yes":
            self._lend(request)
        elif ready.tty == "follow":
            start_command(desk.journal, desk.paths, request)
            self._talk.say("  started: it runs until X ends it; v shows what it wrote, enter goes on")
        else:
            self._watch(start_command(desk.journal, desk.paths, request))

    def _fill(self, view: RunView, names: tuple[str, ...]) -> None:
        for name in names:
            secret = name in self._params and self._params[name].secret
            value = (self._talk.ask_secret if secret else self._talk.ask)(f"{one_line(name)} = ")
            if not value:
                raise Mistyped(f"no value for {one_line(name)}")
            self._give(view, name, value)

    def _watch(self, handle: CommandHandle) -> None:
        say = self._talk.say
        finish = follow(handle, LineSink("  | "), self._desk.journal.actor, say)
        if finish is None:
            say("  its supervisor is gone without a word; the outcome is unknown")
        else:
            guided_view.say_end(say, finish, handle.output)

    def _lend(self, request: CommandRequest) -> None:
        """The terminal is the command's until it ends."""
        if not sys.stdin.isatty():
            raise Refused("it wants a terminal, and there is none here")
        hosted = host_command(self._desk.journal, self._desk.paths, request)
        try:
            subprocess.run(hosted.argv, pass_fds=hosted.handed, check=False)
        finally:
            hosted.close()
        finish = hosted.handle.finish
        if finish is None:
            self._talk.say("  it ended without a word; the outcome is unknown")
        else:
            guided_view.say_end(self._talk.say, finish, hosted.handle.output)
