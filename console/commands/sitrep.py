"""``vigie sitrep``: what to say when somebody asks, and what to hand over."""

from __future__ import annotations

import click

from console.commands.context import Context
from console.commands.reading import chosen, folded, open_journal


@click.command()
@click.argument("incident", required=False, metavar="[ID]")
@click.option("--handoff", is_flag=True, help="The handoff report: situation, background, assessment, recommendation.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def sitrep(ctx: Context, incident: str | None, handoff: bool, as_json: bool) -> None:
    """Conditions, actions, needs, each with its age; what is older than 30 minutes is marked stale."""
    from console.report import sitrep as reports

    with open_journal(ctx) as journal:
        stream = chosen(ctx, journal, incident)
        state, alias = folded(journal, stream), journal.alias(stream)
    make = reports.handoff if handoff else reports.sitrep
    report = make(state, alias, ctx.clock.now())
    if as_json:
        ctx.json(reports.as_json(report))
    else:
        ctx.echo(reports.plain(report))
