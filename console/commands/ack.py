"""``vigie ack``: I have seen it. Local, for one episode; it silences nobody else."""

from __future__ import annotations

import click

from console.clock import parse_span
from console.commands.context import Context, fail

_MOST = 100_000  # alerts among which one is looked for


@click.command()
@click.argument("named", metavar="FINGERPRINT|NAME")
@click.option("--reason", default="", help="Why it needs nobody else now.")
@click.option(
    "--for", "for_", metavar="SPAN", help="For so long at most, such as 30m; it ends with its episode anyway."
)
@click.pass_obj
def ack(ctx: Context, named: str, reason: str, for_: str | None) -> int:
    """Acknowledge what is failing: an alert by its fingerprint or name, a check (service/check), or a whole service.

    Exit 1 when nothing of that name is failing.
    """
    from msgspec.structs import replace

    from console.sanitize import one_line
    from console.watch import acknowledge
    from console.watch.status_reader import StatusReader

    try:
        seconds = parse_span(for_) if for_ is not None else None
    except ValueError as error:
        fail(f"--for: {error}")
    reader = StatusReader(ctx.paths.status_db, ctx.clock)
    try:
        snapshot = reader.poll()
        if snapshot is not None:  # a snapshot carries the first of the others' alerts only
            ours = [alert for alert in snapshot.alerts if alert.source == "vigie"]
            snapshot = replace(snapshot, alerts=(*ours, *reader.alerts(limit=_MOST)))
        alive = reader.heard().alive
    finally:
        reader.close()
    if snapshot is None:
        fail("nothing is known to be failing: no watch has run here yet (`vigie watch`, or the console, starts one)", 1)
    found = acknowledge.find(snapshot, named)
    if not found:
        going_on = ", ".join(one.name for one in acknowledge.targets(snapshot)[:10])
        fail(f"nothing named {one_line(named, 80)} is failing; failing: {going_on or 'nothing'}", 1)
    if not alive:
        ctx.note("no watch is running: what is failing is known from the last one")
    expires = acknowledge.until(ctx.clock.now(), seconds)
    with ctx.journal() as journal:
        journal.append_watch([acknowledge.event(one, reason=one_line(reason), expires=expires) for one in found])
    for one in found:
        ctx.echo(f"{one.fingerprint} {one.name}")
    return 0
