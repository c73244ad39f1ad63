"""``vigie maintenance``: problems of a service are expected for a while, without an editor and without a restart."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from console.clock import parse_span, rfc3339
from console.commands.context import Context, fail


@click.command()
@click.argument("names", metavar="[SERVICE|SERVICE/CHECK…]", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Of everything that is watched.")
@click.option(
    "--for", "for_", metavar="SPAN", default="1h", show_default=True, help="How long, such as 30m; 7d at most."
)
@click.option("--reason", default="", help="Why; required. Whoever finds it reads it.")
@click.option("--end", "end", is_flag=True, help="It is over now.")
@click.option("--list", "list_", is_flag=True, help="Those that are open.")
@click.pass_obj
def maintenance(
    ctx: Context, names: tuple[str, ...], everything: bool, for_: str, reason: str, end: bool, list_: bool
) -> int:
    """Problems are expected: everything is still checked and recorded, nobody is alerted. Begins now, ends by itself.

    What comes again belongs into vigie.yaml (maintenance:). Exit 1 when --end finds none that is open.
    """
    from console.sanitize import one_line
    from console.watch import asked

    now = ctx.clock.now()
    if list_:
        return _list(ctx, now)
    if bool(names) == everything:
        fail("expected a service, a service/check, or --all; --list shows what is open")
    if end:
        return _end(ctx, names, one_line(reason), now)
    if not reason.strip():
        fail("--reason: maintenance needs one: whoever finds it reads it")
    try:
        seconds = parse_span(for_)
    except ValueError as error:
        fail(f"--for: {error}")
    if not 0 < seconds <= asked.LONGEST.total_seconds():
        fail("--for: expected more than 0s and at most 7d")
    meant = _checks(ctx, names)
    until = (now + timedelta(seconds=seconds)).replace(microsecond=0)
    with ctx.journal() as journal:
        journal.append_watch([asked.began(names, now=now, until=until, reason=one_line(reason))])
    ctx.echo(f"{asked.name_of(names)} until {rfc3339(until)}")
    ctx.note(f"{meant} {'check' if meant == 1 else 'checks'}; `vigie maintenance --end` ends it sooner")
    return 0


def _checks(ctx: Context, names: tuple[str, ...]) -> int:
    """How many checks *names* mean; a name that nothing has ends the command."""
    from console.sanitize import one_line
    from console.watch import asked
    from console.watch.checks import checks_of

    keys = [check.key for check in checks_of(ctx.config, ctx.config_file)]
    wrong = asked.unknown(names, keys)
    if wrong:
        fail(f"no service and no check is named {one_line(wrong[0], 80)!r}; `vigie status` lists them")
    return sum(not names or key in names or key.partition("/")[0] in names for key in keys)


def _end(ctx: Context, names: tuple[str, ...], reason: str, now: datetime) -> int:
    from console.sanitize import one_line
    from console.watch import asked

    name = asked.name_of(names)
    with ctx.journal() as journal:
        window = asked.windows(journal, now).get(name)
        if window is None or window.open_at(now) is None:
            fail(f"no maintenance of {one_line(name, 80)} is open that was begun by hand; --list shows all", 1)
        journal.append_watch([asked.ended(window, now=now, reason=reason)])
    ctx.echo(f"{name} is over")
    return 0


def _list(ctx: Context, now: datetime) -> int:
    from console.sanitize import one_line
    from console.watch import asked
    from console.watch.plan import plan_of

    found = list(plan_of(ctx.config, ctx.config_file).windows)
    if ctx.paths.database.exists():
        with ctx.reader() as journal:
            found += asked.windows(journal, now).values()
    for window in found:
        once = window.open_at(now)
        if once is not None:
            whence = "by hand" if window.asked else "vigie.yaml"
            reason = f": {window.reason}" if window.reason else ""
            ctx.echo(one_line(f"{window.name} until {rfc3339(once.end)} ({whence}){reason}", 300))
    return 0
