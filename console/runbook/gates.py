"""What stands between an operator and a step: a role, a pause, an approval, an earlier step, a failure that stops the run.

Pure, and the only place that says so: the screen, the guided run and ``vigie runbooks approve`` ask here. To skip a step
with a reason, to mark it as failed and to go elsewhere are always possible. Who somebody is comes from the operating system
(:meth:`Who.here`); the journal's file permissions are what keeps others out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from console.runbook import subjects
from console.runbook.actions import target
from console.runbook.model import Phase, Runbook, Step
from console.runbook.progress import DONE, OPEN, RunView, StepView
from console.runbook.run import Act


@dataclass(frozen=True)
class Who:
    """One person: as the journal calls them, and as the operating system does."""

    actor: str
    uid: int
    user: str = ""
    groups: frozenset[str] = frozenset()

    @classmethod
    def here(cls, actor: str) -> Who:
        """Whoever runs this process."""
        import grp

        from console.runbook.processes import user_name

        names = set()
        for gid in {*os.getgroups(), os.getegid()}:
            try:
                names.add(grp.getgrgid(gid).gr_name)
            except KeyError:
                continue
        return cls(actor, os.getuid(), user_name(), frozenset(names))


def blocked(view: RunView, runbook: Runbook | None, step_id: str, who: Who) -> str:
    """Why *who* can't do the step *step_id* now, in one line; "" when nothing is in the way."""
    if runbook is None:
        return ""
    phase, step = _find(runbook, step_id)
    found = view.step(step_id)
    if phase is None or step is None or found is None:
        return ""
    if step.role and step.kind != "approve" and (why := not_in_role(step.role, view, runbook, who)):
        return why
    if phase.pause and phase.title not in view.confirmed:
        return f"first confirm: {phase.pause}"
    for earlier in view.steps:
        failed = earlier.failed_as
        if failed == "stop" and earlier.id != step_id:
            return f"stopped at {_name(earlier)}: it failed, and the runbook says stop; settle that step first"
    if step.kind == "approve" and (why := _lacks(view, runbook, found, step, who)):
        return why
    for earlier, model in _before(view, runbook, step_id):
        if model.kind == "approve":
            if why := _lacks(view, runbook, earlier, model, who, step_id):
                return f"{_name(earlier)} {why}"
        elif earlier.state not in (DONE, "skipped"):
            what = "a pause" if model.kind == "pause" else "required"
            return f"first {_name(earlier)} ({what}); s there skips it, with a reason"
    return ""


def not_in_role(role: str, view: RunView, runbook: Runbook, who: Who) -> str:
    """Why *who* does not hold *role*; "" when they do. A role with users or groups in the runbook is the operating system's
    business; any other is held by the group of that name, or by whom the incident gave it to."""
    named = runbook.role(role)
    if named is not None and (named.users or named.groups):
        if who.user in named.users or who.groups & set(named.groups):
            return ""
        members = ", ".join([*named.users, *(f"group {group}" for group in named.groups)])
        return f"for {role} only ({members}); you are {who.user or who.uid}"
    if role in who.groups or (view.roles.get(role) or "") == who.actor:
        return ""
    holder = view.roles.get(role)
    return f"for {role} only" + (
        f", and that is {holder}" if holder else ": nobody holds that role yet (r on Incident takes it)"
    )


def not_by(view: RunView, runbook: Runbook | None, step_id: str, who: Who) -> str:
    """Why *who* can't approve the step: the one who runs it never can, nor somebody without the role that it asks for."""
    if runbook is None:
        return "this run's runbook can't be read"
    _, step = _find(runbook, step_id)
    if step is None or step.kind != "approve":
        return "this step asks for no approval"
    if who.uid < 0 or who.uid in runners(view):
        return "who runs this can't approve it: another person has to, from their own login"
    return not_in_role(step.role, view, runbook, who) if step.role else ""


def runners(view: RunView) -> frozenset[int]:
    """The uids that started this run, ran a command of it, or settled a step."""
    found = {view.uid}
    for step in view.steps:
        found |= {command.uid for command in step.commands}
    return frozenset(found - {-1})


def approved(view: RunView, runbook: Runbook, step: StepView, who: Who | None = None, go: str = "") -> list[Act]:
    """The approvals of an ``approve`` step that count: one a person, none by a runner, none by *who* is about to act, none of
    something else than what is to be done now – the step *go*, or all that the approval lets pass."""
    others: dict[int, Act] = {}
    mine = {view.uid} | ({who.uid} if who is not None else set())
    for act in step.approvals:
        if act.uid >= 0 and act.uid not in mine and subjects.covers(act.subject, view, runbook, step.id, go):
            others.setdefault(act.uid, act)
    return list(others.values())


def waiting_for(view: RunView, runbook: Runbook) -> Iterator[tuple[StepView, Step]]:
    """The ``approve`` steps of a run that lack approvals, next ones first."""
    for _, step in _steps(runbook):
        found = view.step(step.id)
        if step.kind != "approve" or found is None or found.state != OPEN:
            continue
        if len(approved(view, runbook, found)) < step.approvals:
            yield found, step


def _lacks(view: RunView, runbook: Runbook, found: StepView, model: Step, who: Who, go: str = "") -> str:
    given = approved(view, runbook, found, who, go)
    if len(given) >= model.approvals:
        return ""
    if len(approved(view, runbook, found, None, go)) >= model.approvals:
        return "you approved it, so another one runs what comes after"
    have = f", {len(given)} so far" if given else ""
    people = "one person" if model.approvals == 1 else f"{model.approvals} people"
    others = {act.uid: act for act in found.approvals if act.uid >= 0 and act.uid not in (view.uid, who.uid)}
    if len(others) > len(given):
        last = list(others.values())[-1]
        return (
            f"reads differently now than when {last.by} approved it: needs {people}{have} again: vigie runbooks approve"
        )
    return f"needs the approval of {people} besides who runs it{have}: vigie runbooks approve"


def _name(step: StepView) -> str:
    return f"“{step.title[:50]}”" if step.title else step.id


def _find(runbook: Runbook, step_id: str) -> tuple[Phase | None, Step | None]:
    return next(((phase, step) for phase, step in _steps(runbook) if step.id == step_id), (None, None))


def _steps(runbook: Runbook) -> Iterator[tuple[Phase, Step]]:
    for phase in runbook.phases:
        for step in phase.steps:
            yield phase, step


def _before(view: RunView, runbook: Runbook, step_id: str) -> Iterator[tuple[StepView, Step]]:
    """The steps before *step_id* that it waits for: pauses, approvals, required ones – but not those that a decision, a
    ``next`` or a failure's ``goto`` has led past."""
    order = [step.id for _, step in _steps(runbook)]
    place = {step: at for at, step in enumerate(order)}
    past: set[str] = set()
    for _, step in _steps(runbook):
        found = view.step(step.id)
        to = target(view, _led_to(step, found)) if found is not None else ""
        if to in place and place[to] > place[step.id]:
            past.update(order[place[step.id] + 1 : place[to]])
    for _, step in _steps(runbook):
        if step.id == step_id:
            return
        found = view.step(step.id)
        if found is not None and step.id not in past and (step.required or step.kind in ("pause", "approve")):
            yield found, step


def _led_to(step: Step, found: StepView | None) -> str:
    if found is None:
        return ""
    finish = found.commands[-1].finish if found.commands else None
    if finish is not None and finish.then.startswith("goto:"):
        return finish.then.removeprefix("goto:")
    if found.state != DONE:
        return ""
    if step.kind == "decide":
        return next((option.goto for option in step.options if option.answer == found.text), "")
    return step.next or ""
