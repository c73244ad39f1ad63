"""How far a run is: what its acts amount to, step by step, and which step comes next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final

from msgspec import MsgspecError, Struct

from console.runbook import model
from console.runbook.run import (
    APPROVED,
    CHANGES,
    DECIDED,
    FAILED,
    JUMPED,
    MARKS,
    OBSERVED,
    SKIPPED,
    TICKED,
    UNDONE,
    WAIT_CUT,
    WAITING,
    Act,
    Command,
    End,
    Run,
    Runs,
)

OPEN: Final = "open"
DONE: Final = "done"
# SKIPPED and FAILED are the other two states of a step.
_STATE: Final = {TICKED: DONE, DECIDED: DONE, SKIPPED: SKIPPED, FAILED: FAILED}

END: Final = "end"  # where a runbook may say to go: nothing is left to do


class StepView(Struct, frozen=True, kw_only=True):
    """One step as it stands. ``by``, ``at`` and ``text`` are of the act that settled it: an observed value, a reason, an
    answer. ``changes`` counts its changes of state, for the dedupe key of the next one."""

    id: str
    title: str
    kind: str = ""
    phase: str = ""
    state: str = OPEN
    by: str = ""
    at: datetime | None = None
    text: str = ""
    observed: tuple[Act, ...] = ()
    commands: tuple[Command, ...] = ()
    changes: int = 0
    approvals: tuple[Act, ...] = ()  # by whomever; console.runbook.gates says which count
    waiting: Act | None = None  # the wait that was begun last, unless it was cut short

    @property
    def failed_as(self) -> str:
        """What the runbook says follows the failure of its last command: ``ask``, ``stop``…; "" when it did not fail, or
        somebody has settled the step since."""
        finish = self.commands[-1].finish if self.commands else None
        if finish is None or finish.verdict != "failed" or self.state in (DONE, SKIPPED):
            return ""
        return finish.then or "ask"


class Origin(Struct, frozen=True):
    """Where the value of a parameter is from: who gave it and when; *source* in words, or of a captured one the step."""

    by: str
    at: datetime
    source: str = ""
    captured: bool = False


class RunView(Struct, frozen=True, kw_only=True):
    """A run as it stands. ``current`` is the id of the step that is next, "" when none is."""

    run: str
    runbook: str
    title: str
    path: str
    why: str
    by: str
    at: datetime
    steps: tuple[StepView, ...]
    current: str
    values: Mapping[str, str]
    secrets: frozenset[str] = frozenset()  # parameters that were given, and whose values nobody keeps
    uid: int = -1  # who started it, for the operating system
    captured: frozenset[str] = frozenset()  # values that were taken from a command's output
    origins: Mapping[str, Origin] = {}  # parameter → where its value is from
    confirmed: Mapping[str, Act] = {}  # phase → who confirmed what it asks before
    confirmations: Mapping[str, int] = {}  # phase → how often that was done, also where it was taken back
    roles: Mapping[str, str] = {}  # of the incident: role → who holds it
    end: End | None = None
    ends: int = 0  # how often it was ended, also where that was taken back
    problem: str = ""

    @property
    def settled(self) -> int:
        """How many steps are done or skipped."""
        return sum(step.state in (DONE, SKIPPED) for step in self.steps)

    def step(self, step_id: str) -> StepView | None:
        """The step called *step_id*."""
        return next((step for step in self.steps if step.id == step_id), None)


def runbook_of(run: Run) -> model.Runbook | None:
    """The runbook as it was when the run started; None when it can't be read any more."""
    return _decoded(run.content)


@lru_cache(maxsize=16)
def _decoded(content: str) -> model.Runbook | None:
    try:
        return model.from_json(content) if content else None
    except MsgspecError:
        return None


def view(runs: Runs, run_id: str) -> RunView | None:
    """The run *run_id* as it stands; None when there is none."""
    run = runs.runs.get(run_id)
    if run is None:
        return None
    content = runs.words(run.event, run.content)
    runbook = _decoded(content)
    acts = [act for act in run.acts if runs.counts(act.event)]
    steps = _steps(runs, run, runbook, acts)
    values = {
        name: kept[-1]
        for name, given in run.values.items()
        if (kept := [one for one in given if runs.counts(one.event) and one.event not in runs.redacted])
    }
    return RunView(
        run=run.run,
        runbook=run.runbook,
        title=runs.words(run.event, run.title) or run.runbook or run.run,
        path=run.path,
        why=runs.words(run.event, run.why),
        by=run.by,
        at=run.at,
        steps=steps,
        current=current_step([step.id for step in steps], acts),
        values={name: one.value for name, one in values.items() if not one.secret},
        secrets=frozenset(name for name, one in values.items() if one.secret),
        uid=run.uid,
        captured=frozenset(name for name, one in values.items() if one.captured),
        origins={name: Origin(one.by, one.at, one.source, one.captured) for name, one in values.items()},
        confirmations=dict(Counter(act.step for act in run.confirmed)),
        confirmed={act.step: act for act in run.confirmed if runs.counts(act.event)},
        roles={role: person for role, person in runs.roles.items() if person},
        end=next((end for end in reversed(run.ends) if runs.counts(end.event)), None),
        ends=len(run.ends),
        problem="" if runbook is not None else "the runbook's text of that time can't be read; what was done is below",
    )


def views(runs: Runs) -> list[RunView]:
    """Every run, in the order in which they were started."""
    return [found for run in runs.runs if (found := view(runs, run)) is not None]


def current_step(order: Sequence[str], acts: Sequence[Act]) -> str:
    """Which step is next: *order* are the steps in file order, *acts* those that count, in the order in which they happened.

    A jump or an undo goes to its step. Settling the current step goes on to the next open one, after it or else before it;
    settling another one, as a second operator may, moves nobody. A failed step stays current: to retry, skip or jump is a
    person's choice. "" when nothing is left.
    """
    state = dict.fromkeys(order, OPEN)
    current = order[0] if order else ""
    for act in acts:
        if act.kind == JUMPED and act.step == END:
            current = ""
        if act.step not in state:
            continue
        if act.kind in (JUMPED, UNDONE):
            current = act.step
        elif act.kind in MARKS:
            state[act.step] = _STATE[act.kind]
            if state[act.step] == FAILED:
                current = current or act.step
            elif act.step == current:
                current = _next_open(order, state, current)
    return current


def _next_open(order: Sequence[str], state: Mapping[str, str], after: str) -> str:
    place = order.index(after)
    ahead = (*order[place + 1 :], *order[: place + 1])
    return next((step for step in ahead if state[step] in (OPEN, FAILED)), "")


def _steps(runs: Runs, run: Run, runbook: model.Runbook | None, acts: Sequence[Act]) -> tuple[StepView, ...]:
    by_step: dict[str, list[Act]] = {}
    for act in acts:
        by_step.setdefault(act.step, []).append(act)
    changes: dict[str, int] = {}
    for act in run.acts:
        changes[act.step] = changes.get(act.step, 0) + (act.kind in CHANGES)
    commands: dict[str, list[Command]] = {}
    for command in runs.commands.values():
        if command.run == run.run:
            commands.setdefault(command.step, []).append(command)

    def one(step: str, title: str, kind: str = "", phase: str = "") -> StepView:
        done = by_step.get(step, ())
        mark = next((act for act in reversed(done) if act.kind in MARKS), None)
        return StepView(
            id=step,
            title=title,
            kind=kind,
            phase=phase,
            state=OPEN if mark is None else _STATE[mark.kind],
            by="" if mark is None else mark.by,
            at=None if mark is None else mark.at,
            text="" if mark is None else runs.words(mark.event, mark.text),
            observed=tuple(act for act in done if act.kind == OBSERVED and act.event not in runs.redacted),
            commands=tuple(commands.get(step, ())),
            changes=changes.get(step, 0),
            approvals=tuple(act for act in done if act.kind == APPROVED),
            waiting=_waiting(done),
        )

    found: dict[str, StepView] = {}
    for phase in runbook.phases if runbook is not None else ():
        for step in phase.steps:
            found[step.id] = one(step.id, step.title, step.kind, phase.title)
    for act in run.acts:  # steps that the runbook of that time does not have: still part of the record
        if act.step not in found and act.step != END:
            found[act.step] = one(act.step, act.title or act.step)
    return tuple(found.values())


def _waiting(acts: Sequence[Act]) -> Act | None:
    last = next((act for act in reversed(acts) if act.kind in (WAITING, WAIT_CUT, UNDONE)), None)
    return last if last is not None and last.kind == WAITING else None
