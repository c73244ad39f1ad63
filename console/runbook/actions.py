"""What an operator does on a run, as events; and who was first when two do it at once.

Each function gives the events of one keypress. :func:`append` records them in one transaction, or raises :class:`Beaten`
with the other operator's event: a step's n-th change of state has one dedupe key, so it has one winner.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from console.journal.events import (
    Body,
    Event,
    New,
    ParamSet,
    PauseConfirmed,
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
)
from console.journal.store import Journal
from console.runbook.model import Option, Runbook
from console.runbook.progress import DONE, END, OPEN, RunView, StepView
from console.runbook.run import SKIPPED

_DID = {
    "step_ticked": "ticked this step",
    "step_skipped": "skipped this step",
    "step_failed": "marked this step as failed",
    "step_decided": "decided this step",
    "step_approved": "approved this step",
    "step_waiting": "started this wait",
    "step_wait_cut": "cut this wait short",
    "pause_confirmed": "confirmed this pause",
    "step_undone": "took this step back",
    "run_ended": "ended this run",
    "run_switched": "switched this run to another runbook",
    "command_started": "started this command",
}


class Refused(Exception):
    """That can't be done now; ``str()`` is one line that says why."""


class Beaten(Refused):
    """Another operator was first; ``event`` is what they did."""

    def __init__(self, event: Event) -> None:
        did = _DID.get(event.kind, "changed this run")
        super().__init__(f"{event.actor} {did} at {event.occurred_at:%H:%M:%S}Z")
        self.event = event


def append(journal: Journal, stream: str, news: Sequence[New]) -> list[Event]:
    """Record *news* all together, or raise :class:`Beaten` and record nothing. The same events again, after an answer that
    was lost on the way, are given back as recorded."""
    first: list[str] = []

    def guard(db: sqlite3.Connection) -> None:
        for new in news:
            row = db.execute(
                "SELECT id FROM events WHERE stream = ? AND dedupe = ? AND id <> ?", (stream, new.dedupe, new.id)
            ).fetchone()
            if row is not None:
                first.append(row[0])
                raise Refused

    try:
        return journal.append(stream, news, guard=guard)
    except Refused:
        event = journal.get(first[0])
        assert event is not None  # noqa: S101 - events are never deleted
        raise Beaten(event) from None


def start_run(
    runbook: Runbook,
    values: Mapping[str, str],
    *,
    why: str = "",
    sha256: str = "",
    run: str = "",
    sources: Mapping[str, str] | None = None,
) -> list[New]:
    """Follow *runbook* from here on, its content frozen; secrets among *values* are named, not kept. *sources* says in words
    where values are from."""
    run = run or _new_id()
    secret = {param.name for param in runbook.params if param.secret}
    body = RunStarted(
        run=run,
        runbook=runbook.id,
        title=runbook.title,
        path=runbook.path,
        sha256=sha256 or runbook.hash,
        content=json.dumps(json.loads(runbook.to_json()), ensure_ascii=True, separators=(",", ":")),
        params={name: value for name, value in values.items() if name not in secret},
        why=why,
        sources={name: words for name, words in (sources or {}).items() if name in values},
    )
    given = [ParamSet(run=run, name=name, secret=True) for name in values if name in secret]
    return [_new(body, f"run:{run}:started"), *(_new(one) for one in given)]


def set_param(run: RunView, name: str, value: str, *, secret: bool = False) -> list[New]:
    """*name* has this value from here on; a secret's value is not part of the event."""
    _still_going(run)
    return [_new(ParamSet(run=run.run, name=name, value="" if secret else value, secret=secret))]


def tick(run: RunView, step: str, text: str = "", *, goto: str = "", blocked: str = "") -> list[New]:
    """The step was done; *text* is what was observed, *goto* where the runbook goes on. *blocked* is why it can't be done
    yet (``gates.blocked``)."""
    found = _settle(run, step)
    if blocked:
        raise Refused(blocked)
    news = [_change(run, found, StepTicked(run=run.run, step=step, title=found.title, text=text.strip()))]
    return news + _went_to(run, goto)


def approve(run: RunView, step: str, uid: int, text: str = "", *, subject: str = "", blocked: str = "") -> list[New]:
    """The person *uid* says that the step may be done; once each. *blocked*: why this one can't (``gates.not_by``)."""
    _still_going(run)
    found = _step(run, step)
    if blocked:
        raise Refused(blocked)
    if any(act.uid == uid and act.subject == subject for act in found.approvals):
        raise Refused("you have approved this step already")
    event = _new_id()
    body = StepApproved(run=run.run, step=step, title=found.title, text=text.strip(), subject=subject)
    return [New(body=body, dedupe=f"run:{run.run}:step:{step}:approved-{event}", id=event)]


def start_wait(run: RunView, step: str, seconds: float, now: datetime) -> list[New]:
    """The wait of the step begins; it is over at a time of day, whoever looks then."""
    found = _settle(run, step)
    if found.waiting is not None and found.waiting.until is not None and found.waiting.until > now:
        raise Refused(f"{found.waiting.by} started this wait at {found.waiting.at:%H:%M:%S}Z")
    until = now + timedelta(seconds=seconds)
    body = StepWaiting(run=run.run, step=step, title=found.title, until=until, wait_ms=int(seconds * 1000))
    before = "first" if found.waiting is None else found.waiting.event
    return [_new(body, f"run:{run.run}:step:{step}:waiting-{found.changes}-{before}")]


def cut_wait(run: RunView, step: str, now: datetime, text: str = "") -> list[New]:
    """The wait of the step is cut short."""
    found = _settle(run, step)
    if found.waiting is None or found.waiting.until is None or found.waiting.until <= now:
        raise Refused("no wait goes on at this step")
    left = int((found.waiting.until - now).total_seconds() * 1000)
    body = StepWaitCut(run=run.run, step=step, title=found.title, text=text.strip(), left_ms=left)
    return [_new(body, f"run:{run.run}:step:{step}:cut-{found.waiting.event}")]


def confirm(run: RunView, phase: str, text: str = "") -> list[New]:
    """What is to be confirmed before *phase* is confirmed."""
    _still_going(run)
    if phase in run.confirmed:
        raise Refused(f"{run.confirmed[phase].by} confirmed this at {run.confirmed[phase].at:%H:%M:%S}Z")
    before = run.confirmations.get(phase, 0)  # confirmed, and taken back
    key = f"run:{run.run}:pause:{phase}" + (f":{before}" if before else "")
    return [_new(PauseConfirmed(run=run.run, phase=phase, text=text.strip()), key)]


def skip(run: RunView, step: str, reason: str) -> list[New]:
    """The step is left out, for a *reason*."""
    found = _settle(run, step)
    if not reason.strip():
        raise Refused("a skipped step needs a reason")
    return [_change(run, found, StepSkipped(run=run.run, step=step, title=found.title, reason=reason.strip()))]


def fail(run: RunView, step: str, text: str = "") -> list[New]:
    """The step was tried and did not work."""
    found = _settle(run, step)
    return [_change(run, found, StepFailed(run=run.run, step=step, title=found.title, text=text.strip()))]


def decide(run: RunView, step: str, option: Option, *, blocked: str = "") -> list[New]:
    """The decision was answered; the run goes where the answer says."""
    found = _settle(run, step)
    if blocked:
        raise Refused(blocked)
    news = [_change(run, found, StepDecided(run=run.run, step=step, title=found.title, answer=option.answer))]
    return news + _went_to(run, option.goto)


def undo(run: RunView, step: str) -> list[New]:
    """The last tick, skip, fail or answer of the step is taken back."""
    _still_going(run)
    found = _step(run, step)
    if found.state == OPEN:
        raise Refused("there is nothing to take back at this step")
    return [_change(run, found, StepUndone(run=run.run, step=step, title=found.title))]


def observe(run: RunView, step: str, text: str) -> list[New]:
    """One line of what was seen at the step. Any number of them, also at a step that is done."""
    found = _step(run, step)
    if not text.strip():
        raise Refused("nothing was written")
    event = _new_id()
    body = StepObserved(run=run.run, step=step, title=found.title, text=text.strip())
    return [New(body=body, dedupe=f"run:{run.run}:step:{step}:seen-{event}", id=event)]


def jump(run: RunView, step: str) -> list[New]:
    """Go to another step."""
    _still_going(run)
    found = _step(run, step)
    return [_new(StepJumped(run=run.run, step=step, title=found.title))]


def end(run: RunView, outcome: str = "done", text: str = "") -> list[New]:
    """The operator is through with this runbook: ``done`` or ``abandoned``."""
    _still_going(run)
    if outcome not in ("done", "abandoned"):
        raise Refused(f"a run ends as done or abandoned, not as {outcome}")
    return [_new(RunEnded(run=run.run, outcome=outcome, text=text.strip()), _end_key(run))]


def switch(
    run: RunView,
    runbook: Runbook,
    values: Mapping[str, str],
    reason: str = "",
    sources: Mapping[str, str] | None = None,
) -> list[New]:
    """Wrong runbook: go on in a new run of *runbook*; this one's record stays."""
    _still_going(run)
    to_run = _new_id()
    left = _new(RunSwitched(run=run.run, to_run=to_run, reason=reason.strip()), _end_key(run))
    return [left, *start_run(runbook, values, why=f"switched from {run.title}", run=to_run, sources=sources)]


def command_key(run: RunView, step: str) -> str:
    """The dedupe key of the next command that is started at *step*: two operators start it once."""
    return f"run:{run.run}:step:{step}:command-{len(_step(run, step).commands)}"


def _settle(run: RunView, step: str) -> StepView:
    """The step, if there is anything left to settle: somebody else may have done so a moment ago, in sight or not. One that
    the run has gone back to may be settled anew."""
    _still_going(run)
    found = _step(run, step)
    if found.state in (DONE, SKIPPED) and found.id != run.current and found.at is not None:
        did = "skipped" if found.state == SKIPPED else "decided" if found.kind == "decide" else "ticked"
        raise Refused(f"{found.by} {did} this step at {found.at:%H:%M:%S}Z; u takes that back")
    return found


def _still_going(run: RunView) -> None:
    if run.end is not None:
        raise Refused(f"{run.end.by} ended this run at {run.end.at:%H:%M:%S}Z; start it again to go on")


def _step(run: RunView, step: str) -> StepView:
    found = run.step(step)
    if found is None:
        raise Refused(f"this runbook has no step {step!r}")
    return found


def _target(run: RunView, goto: str) -> StepView | None:
    """The step that a decision leads to: a step's id, or the first step of the phase with that title."""
    return run.step(goto) or next((step for step in run.steps if step.phase == goto), None)


def target(run: RunView, goto: str) -> str:
    """The id of the step that *goto* names – an id, a phase's title, ``end`` –; "" when there is none."""
    found = _target(run, goto)
    return END if goto == END else found.id if found is not None else ""


def _went_to(run: RunView, goto: str) -> list[New]:
    if goto == END:
        return [_new(StepJumped(run=run.run, step=END, title="the end"))]
    found = _target(run, goto) if goto else None
    return [] if found is None else [_new(StepJumped(run=run.run, step=found.id, title=found.title))]


def _change(run: RunView, step: StepView, body: Body) -> New:
    return _new(body, f"run:{run.run}:step:{step.id}:{step.changes}")


def _end_key(run: RunView) -> str:
    return f"run:{run.run}:ended-{run.ends}"


def _new(body: Body, dedupe: str | None = None) -> New:
    return New(body=body, dedupe=dedupe, id=_new_id())


def _new_id() -> str:
    from ulid import ULID

    return str(ULID())
