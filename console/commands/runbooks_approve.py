"""``vigie runbooks approve``: the word of another person, from their own login, on a step that waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from console.commands.context import Context, fail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.journal.store import Journal
    from console.runbook.model import Runbook, Step
    from console.runbook.progress import RunView, StepView

    Waiting = tuple[RunView, Runbook, StepView, Step]


@click.command("approve")
@click.argument("run", required=False, metavar="RUN")
@click.argument("step", required=False, metavar="STEP")
@click.option("--reason", default="", metavar="TEXT", help="What you looked at, and why it may be done.")
@click.option("--incident", metavar="ID", help="The incident that the run belongs to.")
@click.option("--json", "as_json", is_flag=True, help="What waits, as one JSON document.")
@click.pass_obj
def approve(ctx: Context, run: str | None, step: str | None, reason: str, incident: str | None, as_json: bool) -> int:
    """Approve a step of somebody else's run; without RUN and STEP, list what waits for approval.

    RUN and STEP are those of the list (the end of a run's id is enough). Who runs it can't approve it: what counts is the
    uid of this login. Exit 1: nothing waits, or it was refused.
    """
    from console.runbook import actions, gates, subjects
    from console.runbook.actions import Refused
    from console.runbook.gates import Who

    if run is not None and step is None:
        fail("vigie runbooks approve RUN STEP; without both it lists what waits")
    with ctx.reader() if run is None else ctx.journal(create=False) as journal:
        stream = ctx.incident(journal, incident)
        waiting = [] if stream is None else list(_waiting(journal, stream))
        if run is None:
            return _list(ctx, waiting, as_json)
        found = next((one for one in waiting if one[0].run.endswith(run.upper()) and one[2].id == step), None)
        if stream is None or found is None:
            ctx.note(f"vigie: nothing waits for approval as {run} {step}; `vigie runbooks approve` lists what does")
            return 1
        view, runbook, state, _ = found
        who = Who.here(ctx.actor)
        try:
            why = gates.not_by(view, runbook, state.id, who)
            subject = subjects.subject(view, runbook, state.id)
            news = actions.approve(view, state.id, who.uid, reason, subject=subject, blocked=why)
            actions.append(journal, stream, news)
        except Refused as refused:
            ctx.note(f"vigie: {refused}")
            return 1
        ctx.echo(f"approved: {state.title}, as {ctx.actor} (uid {who.uid})")
        for line in _behind(view, runbook, state.id):
            ctx.echo(f"         {line}")
    return 0


def _waiting(journal: Journal, stream: str) -> Iterator[Waiting]:
    from console.journal.folds import fold_stream
    from console.runbook import gates, progress
    from console.runbook.run import RunsFold

    runs = fold_stream(journal, stream, RunsFold())
    for view in progress.views(runs):
        runbook = progress.runbook_of(runs.runs[view.run])
        if view.end is None and runbook is not None:
            for state, step in gates.waiting_for(view, runbook):
                yield view, runbook, state, step


def _list(ctx: Context, waiting: list[Waiting], as_json: bool) -> int:
    from console.runbook import gates

    if as_json:
        rows = [
            {
                "run": view.run,
                "runbook": view.runbook,
                "title": view.title,
                "step": state.id,
                "what": step.ask or state.title,
                "runs_it": view.by,
                "wanted": step.approvals,
                "given": [{"by": act.by, "uid": act.uid} for act in gates.approved(view, runbook, state)],
                "commands": _behind(view, runbook, state.id),
            }
            for view, runbook, state, step in waiting
        ]
        ctx.json({"waiting": rows})
    for view, runbook, state, step in waiting if not as_json else ():
        given = len(gates.approved(view, runbook, state))
        ctx.echo(f"{view.run[-8:]} {state.id}  {step.ask or state.title}")
        ctx.echo(f"         {view.title}, run by {view.by}; {given} of {step.approvals} so far")
        for line in _behind(view, runbook, state.id):
            ctx.echo(f"         {line}")
    return 0 if waiting else 1


def _behind(view: RunView, runbook: Runbook, step_id: str) -> list[str]:
    """The commands that the approval lets pass, as they would run now; secrets and what is not known yet stay names."""
    from console.runbook import subjects
    from console.runbook.params import display
    from console.sanitize import one_line

    found = []
    for step in subjects.behind(runbook, step_id):
        where = f" on {step.host}" if step.host else ""
        found += [f"$ {one_line(display(command.text, view.values), 200)}{where}" for command in step.commands]
        found += [f"runbook {one_line(name)}" for name in step.calls]
    return found
