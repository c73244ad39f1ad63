"""``vigie metrics``: milestones and intervals of one incident, or the spread over all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from console.commands.context import Context
from console.commands.reading import chosen, folded, open_journal

if TYPE_CHECKING:
    from console.incident.metrics import Metrics
    from console.incident.state import Incident


@click.command()
@click.argument("incident", required=False, metavar="[ID]")
@click.option("--all", "everything", is_flag=True, help="Median and spread over every incident; drills left out.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def metrics(ctx: Context, incident: str | None, everything: bool, as_json: bool) -> None:
    """Milestones and intervals with their endpoints. What is not recorded is said to be so, never guessed."""
    from console.incident import metrics as measured

    with open_journal(ctx) as journal:
        if everything:
            found = [measured.compute(folded(journal, info.stream, checkpoint=False)) for info in journal.incidents()]
            _across(ctx, found, as_json)
            return
        stream = chosen(ctx, journal, incident)
        state = folded(journal, stream, checkpoint=False)
        alias = journal.alias(stream)
    values = measured.compute(state)
    if as_json:
        ctx.json({"incident": alias, "title": state.title, **measured.as_json(values)})
    else:
        _show(ctx, alias, state, values)


def _show(ctx: Context, alias: str, state: Incident, values: Metrics) -> None:
    from console.incident import metrics as measured
    from console.sanitize import one_line

    ctx.echo(one_line(f"{alias}: {state.title}"))
    for name, milestone in [*values.milestones.items(), *values.marks.items()]:
        several = f"  ({milestone.stamps} stamps)" if milestone and milestone.stamps > 1 else ""
        ctx.echo(f"  {one_line(name):<16} {measured.moment_words(milestone)}{several}")
    ctx.echo("")
    for found in values.intervals.values():
        ends = f"{found.start} → {found.end}"
        ctx.echo(f"  {found.label:<20} {ends:<28} {measured.value_words(found)}")
    ctx.echo(f"  {'impact':<20} {'union of windows':<28} {measured.impact_words(values)}")
    if values.reopened:
        ctx.echo(f"  {'reopened':<20} {values.reopened}×; resolved is the last stamp")
    if state.partial:
        ctx.note(state.partial)


def _across(ctx: Context, found: list[Metrics], as_json: bool) -> None:
    import msgspec

    from console.incident import metrics as measured

    spreads = measured.across(found)
    if as_json:
        ctx.json({"incidents": len(found), "intervals": msgspec.to_builtins(spreads)})
        return
    for spread in spreads.values():
        if spread.median is None or spread.low is None or spread.high is None:
            value = "not recorded"
        else:
            low, middle, high = (measured.duration(each, "minute") for each in (spread.low, spread.median, spread.high))
            value = f"median {middle}, spread {low}–{high}"
        ctx.echo(f"{spread.label:<20} n={spread.n}  {value}  ({spread.left_out} left out: no data)")
    if found:
        ctx.note(f"{next(iter(spreads.values())).drills} drills left out")
