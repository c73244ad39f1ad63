"""What both written forms share once their steps are read: ids, references, parameters, and what is broken can't run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from console.runbook.commands import SHELL, Scope
from console.runbook.ids import slug
from console.runbook.keys import NOT_THERE, STRAY, Findings
from console.runbook.model import Command, Document, Effect, Param, Phase, Problem, Runbook, Step
from console.runbook.params import PREFIX, env_name, is_secret
from console.runbook.values import nearest

_RANK: Final[dict[Effect, int]] = {"read": 0, "change": 1, "destructive": 2}
_TOLERATED: Final = frozenset((NOT_THERE, "R003", "R004"))
END: Final = "end"


@dataclass(frozen=True)
class Keys:
    """Where keys stand: ``line_of(runbook number, step number, key)``; and what the file's commands ask for."""

    line_of: Callable[[int, int, str], int]
    scope: Scope


def said(problem: Problem) -> str:
    """A problem as ``Runbook.broken`` has it."""
    return f"line {problem.line}: {problem.message}" if problem.line else problem.message


def outfit(commands: Sequence[Command], found: Mapping[str, Any]) -> tuple[Command, ...]:
    """*commands* as the step's keys want them. An effect can be told, but what destroys stays destructive; what ``env``
    sets is no parameter."""
    own = found.get("env", {})
    return tuple(_outfitted(one, found, own) if one.lang == SHELL else one for one in commands)


def _outfitted(command: Command, found: Mapping[str, Any], own: Mapping[str, str]) -> Command:
    told: Effect = found.get("effect", command.effect)
    effect = command.effect if command.effect == "destructive" and _RANK[told] < 2 else told
    params = tuple(name for name in command.params if env_name(name).removeprefix(PREFIX) not in own)
    return msgspec.structs.replace(command, effect=effect, params=params, tty=found.get("tty", command.tty))


def settle(document: Document, findings: Findings, keys: Keys) -> Document:
    """The document with every step named, every reference looked up, all parameters known, and its problems."""
    runbooks = []
    for number, runbook in enumerate(document.runbooks):
        named = _named(runbook, number, findings, keys)
        found = _with_params(_waiting(named), keys.scope)
        _References(found, number, findings, keys).check()
        runbooks.append(found)
    problems = sorted({*document.problems, *findings.problems}, key=lambda one: (one.line, one.code, one.message))
    fatal = next((one for one in problems if one.level == "error" and not _tolerable(one)), None)
    if fatal is not None:
        runbooks = [_broken(runbook, said(fatal)) for runbook in runbooks]
    return Document(document.path, tuple(runbook.sealed() for runbook in runbooks), tuple(problems))


def _tolerable(problem: Problem) -> bool:
    """Whether a run can cope: a step that leads nowhere asks the operator; a check or a name to type that is not there
    can't be made up."""
    return problem.code in _TOLERATED and not problem.message.startswith(("confirm:", "until:"))


def _broken(runbook: Runbook, why: str) -> Runbook:
    def sealed(command: Command) -> Command:
        why_not = command.why_not or f"the runbook is broken: {why}"
        return msgspec.structs.replace(command, runnable=False, why_not=why_not)

    def step(one: Step) -> Step:
        whole = None if one.whole is None else sealed(one.whole)
        return msgspec.structs.replace(one, commands=tuple(map(sealed, one.commands)), whole=whole)

    return msgspec.structs.replace(runbook, phases=_each(runbook.phases, step), broken=why)


def _each(phases: Sequence[Phase], change: Callable[[Step], Step]) -> tuple[Phase, ...]:
    return tuple(msgspec.structs.replace(phase, steps=tuple(map(change, phase.steps))) for phase in phases)


# ── names


def _named(runbook: Runbook, number: int, findings: Findings, keys: Keys) -> Runbook:
    """The runbook with an id for each step: its own, or one made from its title."""
    taken: dict[str, int] = {}
    for place, step in enumerate(runbook.steps()):
        if step.id and step.id in taken:
            line = keys.line_of(number, place, "id")
            findings.problems.append(
                Problem(line, "error", STRAY, f"id: {step.id} names another step already (line {taken[step.id]})")
            )
        elif step.id:
            taken[step.id] = keys.line_of(number, place, "id")
    used = set(taken)
    counts: dict[str, int] = {}

    def name(step: Step) -> Step:
        if step.id and taken.pop(step.id, None) is not None:
            return step
        base = step.id or slug(step.title) or "step"
        found = base
        while found in used:
            counts[base] = counts.get(base, 1) + 1
            found = f"{base}-{counts[base]}"
        used.add(found)
        return msgspec.structs.replace(step, id=found)

    return msgspec.structs.replace(runbook, phases=_each(runbook.phases, name))


def _waiting(runbook: Runbook) -> Runbook:
    """A wait for a check polls what the check runs."""

    def join(step: Step) -> Step:
        check = runbook.step(step.until) if step.until else None
        if check is None or step.commands or check is step:
            return step
        return msgspec.structs.replace(
            step,
            commands=check.commands,
            check=step.check or check.check,
            retry=step.retry or check.retry,
            env={**check.env, **step.env},
            host=step.host or check.host,
            cwd=step.cwd or check.cwd,
        )

    return msgspec.structs.replace(runbook, phases=_each(runbook.phases, join))


def _with_params(runbook: Runbook, scope: Scope) -> Runbook:
    """The runbook with a parameter for each name that its commands use or its steps capture."""
    known = {env_name(param.name): param for param in runbook.params}
    for step in runbook.steps():
        for command in (*step.commands, *((step.whole,) if step.whole else ())):
            for name in command.params:
                source, line = scope.sources.get(name, ("", command.line))
                known.setdefault(env_name(name), Param(name, None, is_secret(name), source, line))
    for step in runbook.steps():
        for name in step.capture:
            declared = known.get(env_name(name))
            if declared is None or declared.source.startswith("$"):
                was = declared.name if declared is not None else name
                known[env_name(name)] = Param(was, None, is_secret(name), "captured", step.line)
    return msgspec.structs.replace(runbook, params=tuple(known.values()))


# ── references


class _References:
    """Looks up what steps name: other steps, phases, parameters, roles."""

    def __init__(self, runbook: Runbook, number: int, findings: Findings, keys: Keys) -> None:
        self.runbook = runbook
        self.number = number
        self.findings = findings
        self.keys = keys
        self.steps = {step.id for step in runbook.steps()}
        self.phases = {phase.title for phase in runbook.phases}
        self.params = {env_name(param.name) for param in runbook.params}

    def check(self) -> None:
        for place, step in enumerate(self.runbook.steps()):
            for key, message in self._step(step):
                line = self.keys.line_of(self.number, place, key)
                self.findings.problems.append(Problem(line, "error", NOT_THERE, f"{key}: {message}"))

    def _step(self, step: Step) -> Iterator[tuple[str, str]]:
        targets = [("next", step.next or "")]
        targets += [("options", option.goto) for option in step.options]
        for key, target in targets:
            if target and target != END and target not in self.steps and target not in self.phases:
                yield key, f"no step or phase is called {target!r}{nearest(target, self.steps | self.phases)}"
        if step.undo and re.fullmatch(r"\S+", step.undo) and step.undo not in self.steps:
            yield "undo", f"no step is called {step.undo!r}{nearest(step.undo, self.steps)}"
        after = step.on_fail.removeprefix("goto:")
        if after != step.on_fail and after not in self.steps:
            yield "on_fail", f"no step is called {after!r}{nearest(after, self.steps)}"
        if step.until:
            check = self.runbook.step(step.until)
            if check is None or check.id == step.id:
                yield "until", f"no other step is called {step.until!r}{nearest(step.until, self.steps)}"
            elif not check.commands:
                yield "until", f"the step {step.until!r} has no command to look again with"
        if step.confirm and step.confirm != "enter":
            name = step.confirm.removeprefix("type-")
            if env_name(name) not in self.params:
                names = [param.name for param in self.runbook.params]
                yield "confirm", f"no parameter is called {name!r}{nearest(name, names)}"
        if step.role and self.runbook.roles and self.runbook.role(step.role) is None:
            yield (
                "role",
                f"no role is called {step.role!r}{nearest(step.role, [one.name for one in self.runbook.roles])}",
            )
        for key, text in (("host", step.host or ""), *(("with", value) for value in step.call_params.values())):
            if text.startswith("$") and env_name(text.strip("${}")) not in self.params:
                yield key, f"no parameter is called {text.strip('${}')!r}"
