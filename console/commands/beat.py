"""``vigie beat``: a job says that it ran. Its silence is what a ``heartbeat`` check tells."""

from __future__ import annotations

import click

from console.clock import rfc3339
from console.commands.context import Context, fail


@click.command()
@click.argument("name")
@click.option("--fail", "failed", is_flag=True, help="The job ran, and failed: the check is DOWN at once.")
@click.option("--message", "-m", default="", help="A few words that the check shows.")
@click.option("--at", "at", metavar="TIME", help="When it was, if not now (as `vigie note` takes times).")
@click.pass_obj
def beat(ctx: Context, name: str, failed: bool, message: str, at: str | None) -> int:
    """Say that the job NAME is alive. For the end of a script: `backup.sh && vigie beat backup`.

    Without a watch it is kept all the same. Exit 1 when a later heartbeat is known already.
    """
    from console.commands.scribe_args import moment
    from console.watch.beats import Beat, BeatError, keep

    if ctx.options.read_only:
        fail("this call would write, and --read-only says not to")
    now = ctx.clock.now()
    when = now if at is None else moment(ctx, at).at
    try:
        kept = keep(ctx.paths.beats, Beat(name=name, at=when, ok=not failed, message=message), now, ctx.file_mode)
    except BeatError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{ctx.paths.beats}: {error.strerror or error}")
    if not kept:
        fail(f"a later heartbeat of {name} is known already", 1)
    if at is not None:
        ctx.note(f"{name}: {rfc3339(when)}")
    return 0
