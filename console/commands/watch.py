"""``vigie watch``: poll and record without a screen."""

from __future__ import annotations

import click

from console.commands.context import Context, fail


@click.command()
@click.option(
    "--once", is_flag=True, help="Run every check once, record what changed, and end: exit 1 if not all is OK."
)
@click.option("--systemd-unit", is_flag=True, help="Print a hardened unit for systemd that runs this watch, and end.")
@click.pass_obj
def watch(ctx: Context, once: bool, systemd_unit: bool) -> int:
    """Watch the configured services (or this host), and record every change in the journal.

    Several may run: one leads, the others stand by. SIGTERM and SIGINT end it cleanly. SIGHUP, or a change of the
    configuration's files, makes it read them again; one that is wrong changes nothing, and the watch says so.
    """
    if systemd_unit:
        return _print_unit(ctx)
    from console.daemon import make_watch, run_watch, say_on_stderr

    if ctx.options.read_only:
        fail("watching writes to the journal, and --read-only says not to; `vigie status` only looks")
    made = make_watch(ctx, stays=True, say=say_on_stderr)
    if not once:
        return run_watch(made)

    import asyncio

    from console.snapshot import OK
    from console.watch.loop import WatchLoop
    from console.watch.status_reader import StatusReader

    with asyncio.Runner(loop_factory=WatchLoop) as runner:
        snapshot = runner.run(made.once())
    if snapshot is None:
        say_on_stderr("another watch leads; this is what it says")
        reader = StatusReader(ctx.paths.status_db, ctx.clock)
        snapshot = reader.poll()
        reader.close()
    if snapshot is None:
        fail("another watch leads, and has not published anything yet", 1)
    say_on_stderr(f"{snapshot.overall}: {', '.join(f'{n} {word}' for word, n in snapshot.counts().items() if n)}")
    return int(snapshot.overall != OK)


def _print_unit(ctx: Context) -> int:
    import os
    import shutil
    import sys
    from pathlib import Path

    from console import systemd

    found = shutil.which("vigie", path=str(Path(sys.executable).parent)) or shutil.which("vigie")
    if found is None:
        fail("no vigie on the PATH: install it where a service can start it")
    named = bool(ctx.options.db or os.environ.get("VIGIE_DB") or ctx.config.database)
    config = ctx.config_file.absolute() if ctx.config_file is not None else None
    ctx.echo(systemd.unit(Path(found), config, ctx.paths.database if named else None).rstrip())
    return 0
