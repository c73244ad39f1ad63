"""A run of a runbook, and commands, as the fold of an incident's events.

The state keeps what was done, in order; what that amounts to – which steps are done, which one is next – is worked out when
it is read (:mod:`console.runbook.progress`), so that an undo can itself be undone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from console.journal.events import (
    AnyBody,
    CommandFinished,
    CommandStarted,
    Erased,
    Event,
    ParamSet,
    PauseConfirmed,
    Redacted,
    RoleSet,
    RunEnded,
    RunStarted,
    RunSwitched,
    StepApproved,
    StepDecided,
    StepFailed,
    StepJumped,
    StepObserved,
    StepSkipped,
    StepTicked,
    StepUndone,
    StepWaitCut,
    StepWaiting,
    Undone,
    Unknown,
)
from console.runbook.redacted import skeleton

TICKED: Final = "ticked"
SKIPPED: Final = "skipped"
FAILED: Final = "failed"
DECIDED: Final = "decided"
UNDONE: Final = "undone"
OBSERVED: Final = "observed"
JUMPED: Final = "jumped"
APPROVED: Final = "approved"
WAITING: Final = "waiting"
WAIT_CUT: Final = "wait cut"
MARKS: Final = frozenset({TICKED, SKIPPED, FAILED, DECIDED})  # what settles a step
CHANGES: Final = MARKS | {UNDONE}  # what counts up the number in a step's dedupe keys


class Act(Struct, kw_only=True):
    """One thing that somebody did at a step. ``target``: the act that an undo takes back; ``uid``: who it was for the
    operating system, -1 when that is not known; ``until``: when a wait is over."""

    event: str
    kind: str
    step: str
    title: str = ""
    text: str = ""
    by: str
    at: datetime
    target: str = ""
    uid: int = -1
    subject: str = ""
    until: datetime | None = None


class Value(Struct, kw_only=True):
    """A parameter's value from here on; a secret's is never kept."""

    event: str
    value: str
    secret: bool = False
    captured: bool = False  # taken from a command's output, not given by a person
    by: str
    at: datetime
    source: str = ""
    """Where it is from: words, or of a captured one the step."""


class Command(Struct, kw_only=True):
    """A command that was started; ``finish`` is None as long as the journal knows of no end."""

    event: str
    command: str
    text: str = ""
    run: str = ""
    step: str = ""
    title: str = ""
    host: str = ""
    user: str = ""
    cwd: str = ""
    params: Mapping[str, str] = {}
    boot_id: str = ""
    spool: str = ""
    tty: str = ""
    by: str
    at: datetime
    uid: int = -1
    finish: CommandFinished | None = None
    ended_at: datetime | None = None


class End(Struct, kw_only=True):
    """The run was ended, abandoned or switched away from."""

    event: str
    outcome: str  # done | abandoned | switched
    text: str = ""
    to_run: str = ""
    by: str
    at: datetime


class Run(Struct, kw_only=True):
    """One runbook being followed. ``content`` is the runbook as it was then, as JSON."""

    event: str
    run: str
    runbook: str = ""
    title: str = ""
    path: str = ""
    sha256: str = ""
    content: str = ""
    why: str = ""
    by: str
    at: datetime
    uid: int = -1
    values: dict[str, list[Value]] = {}
    acts: list[Act] = []
    ends: list[End] = []
    confirmed: list[Act] = []  # pauses before phases; ``step`` is the phase's title


class Runs(Struct, kw_only=True):
    """Every run and command of a stream."""

    runs: dict[str, Run] = {}
    commands: dict[str, Command] = {}
    undos: dict[str, list[str]] = {}  # event → the undos of it
    redacted: dict[str, bool] = {}
    roles: dict[str, str] = {}  # of the incident: role → who holds it
    unknown: int = 0  # events of kinds that this version does not know: the state is partial

    def counts(self, event: str) -> bool:
        """Whether *event* was not taken back; an undo that was itself undone does not take back."""
        undos = self.undos.get(event)
        return not undos or not any(undo != event and self.counts(undo) for undo in undos)

    def words(self, event: str, text: str) -> str:
        """*text* of *event*, unless it was redacted."""
        return "" if event in self.redacted else text


class RunsFold:
    """The fold for :func:`console.journal.folds.fold_stream`."""

    name = "runs"
    version = 3

    def initial(self) -> Runs:
        """No run, no command."""
        return Runs()

    def apply(self, state: Runs, event: Event) -> Runs:
        """*state* after *event*; changed in place."""
        body: AnyBody | None = event.body
        if isinstance(body, Unknown):
            state.unknown += 1
            return state
        if isinstance(body, Erased):
            state.redacted[event.id] = True
            body = skeleton(event)
        handler = _HANDLERS.get(type(body))
        if handler is not None:
            handler(state, event, body)
        return state


def _act(kind: str, words: str) -> Callable[[Runs, Event, Any], None]:
    def handle(state: Runs, event: Event, body: Any) -> None:
        text = getattr(body, words) if words else ""
        _run(state, event, body.run).acts.append(
            Act(
                event=event.id,
                kind=kind,
                step=body.step,
                title=body.title,
                text=text,
                by=event.actor,
                at=event.occurred_at,
                uid=event.origin.uid,
                subject=getattr(body, "subject", ""),
                until=getattr(body, "until", None),
            )
        )

    return handle


def _run(state: Runs, event: Event, run: str) -> Run:
    """The run; an empty one when its start is not known, because nothing that was done may be lost."""
    found = state.runs.get(run)
    if found is None:
        found = state.runs[run] = Run(event=event.id, run=run, by=event.actor, at=event.occurred_at)
    return found


def _started(state: Runs, event: Event, body: RunStarted) -> None:
    earlier = state.runs.get(body.run)
    state.runs[body.run] = run = Run(
        event=event.id,
        run=body.run,
        runbook=body.runbook,
        title=body.title,
        path=body.path,
        sha256=body.sha256,
        content=body.content,
        why=body.why,
        by=event.actor,
        at=event.occurred_at,
        uid=event.origin.uid,
    )
    for name, value in body.params.items():
        run.values[name] = [
            Value(event=event.id, value=value, by=event.actor, at=event.occurred_at, source=body.sources.get(name, ""))
        ]
    if earlier is not None:  # an import may bring acts before the start
        run.acts, run.ends, run.confirmed = earlier.acts, earlier.ends, earlier.confirmed
        for name, values in earlier.values.items():
            run.values.setdefault(name, []).extend(values)


def _param(state: Runs, event: Event, body: ParamSet) -> None:
    run = _run(state, event, body.run)
    value = "" if body.secret else body.value
    one = Value(event=event.id, value=value, secret=body.secret, by=event.actor, at=event.occurred_at)
    run.values.setdefault(body.name, []).append(one)


def _step_undone(state: Runs, event: Event, body: StepUndone) -> None:
    run = _run(state, event, body.run)
    marks = (act for act in reversed(run.acts) if act.step == body.step and act.kind in MARKS)
    last = next((act for act in marks if state.counts(act.event)), None)
    target = "" if last is None else last.event
    run.acts.append(
        Act(
            event=event.id,
            kind=UNDONE,
            step=body.step,
            title=body.title,
            by=event.actor,
            at=event.occurred_at,
            target=target,
        )
    )
    if target:
        state.undos.setdefault(target, []).append(event.id)


def _undone(state: Runs, event: Event, body: Undone) -> None:
    state.undos.setdefault(body.target, []).append(event.id)


def _redacted(state: Runs, event: Event, body: Redacted) -> None:
    state.redacted[body.target] = True


def _ended(state: Runs, event: Event, body: RunEnded) -> None:
    end = End(event=event.id, outcome=body.outcome, text=body.text, by=event.actor, at=event.occurred_at)
    _run(state, event, body.run).ends.append(end)


def _switched(state: Runs, event: Event, body: RunSwitched) -> None:
    end = End(
        event=event.id, outcome="switched", text=body.reason, to_run=body.to_run, by=event.actor, at=event.occurred_at
    )
    _run(state, event, body.run).ends.append(end)


def _confirmed(state: Runs, event: Event, body: PauseConfirmed) -> None:
    act = Act(
        event=event.id,
        kind="confirmed",
        step=body.phase,
        text=body.text,
        by=event.actor,
        at=event.occurred_at,
        uid=event.origin.uid,
    )
    _run(state, event, body.run).confirmed.append(act)


def _role_set(state: Runs, event: Event, body: RoleSet) -> None:
    state.roles[body.role] = body.person


def _command_started(state: Runs, event: Event, body: CommandStarted) -> None:
    earlier = state.commands.get(body.command)
    state.commands[body.command] = Command(
        event=event.id,
        command=body.command,
        text=body.text,
        run=body.run,
        step=body.step,
        title=body.title,
        host=body.host,
        user=body.user,
        cwd=body.cwd,
        params=dict(body.params),
        boot_id=body.boot_id,
        spool=body.spool,
        tty=body.tty,
        by=event.actor,
        at=event.occurred_at,
        uid=event.origin.uid,
        finish=None if earlier is None else earlier.finish,
        ended_at=None if earlier is None else earlier.ended_at,
    )


def _command_finished(state: Runs, event: Event, body: CommandFinished) -> None:
    command = state.commands.get(body.command)
    if command is None:
        command = Command(
            event="", command=body.command, run=body.run, step=body.step, by=event.actor, at=event.occurred_at
        )
        state.commands[body.command] = command
    if command.finish is not None:
        return  # the first word on it stands
    if command.run:
        run = _run(state, event, command.run)
        for name, value in body.captured.items():
            run.values.setdefault(name, []).append(
                Value(
                    event=event.id,
                    value=value,
                    captured=True,
                    by=event.actor,
                    at=event.occurred_at,
                    source=command.step,
                )
            )
        to = body.then.removeprefix("goto:")
        if to != body.then:  # the runbook says where to go on when this fails
            run.acts.append(Act(event=event.id, kind=JUMPED, step=to, by=event.actor, at=event.occurred_at))
    if not command.run:  # what it printed is one look-up away, and nothing of a run needs it here
        body = msgspec.structs.replace(body, head="", tail="")
    command.finish, command.ended_at = body, event.occurred_at


_HANDLERS: Final[dict[type, Callable[[Runs, Event, Any], None]]] = {
    RunStarted: _started,
    ParamSet: _param,
    StepTicked: _act(TICKED, "text"),
    StepSkipped: _act(SKIPPED, "reason"),
    StepFailed: _act(FAILED, "text"),
    StepDecided: _act(DECIDED, "answer"),
    StepApproved: _act(APPROVED, "text"),
    StepWaiting: _act(WAITING, ""),
    StepWaitCut: _act(WAIT_CUT, "text"),
    PauseConfirmed: _confirmed,
    RoleSet: _role_set,
    StepObserved: _act(OBSERVED, "text"),
    StepJumped: _act(JUMPED, ""),
    StepUndone: _step_undone,
    Undone: _undone,
    Redacted: _redacted,
    RunEnded: _ended,
    RunSwitched: _switched,
    CommandStarted: _command_started,
    CommandFinished: _command_finished,
}
