"""``vigie backup``: the database as one consistent file, while others write."""

from __future__ import annotations

from pathlib import Path

import click

from console.commands.context import Context


@click.command()
@click.argument("file", metavar="FILE")
@click.pass_obj
def backup(ctx: Context, file: str) -> None:
    """Copy the database safely into a new FILE (mode 0600; never overwrites). Prints its path."""
    from console.sanitize import one_line

    target = Path(file).absolute()
    with ctx.reader() as journal:
        journal.copy_into(target)
    ctx.echo(str(target))
    for what, folder in (("attachments", ctx.paths.evidence), ("output of commands", ctx.paths.spool)):
        if folder.is_dir() and any(folder.iterdir()):
            ctx.note(one_line(f"not in it: {what}, copy {folder} too"))
    ctx.note("a later redaction does not reach a backup: it keeps what it holds")
