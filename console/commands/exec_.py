"""``vigie exec [--incident ID] -- CMD…``: run it, record it, exit with its code."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Final

import click

from console.commands.context import Context, fail

OURS: Final = 125  # the exit code of failures of ours; 126 and 127 are "can't run it" and "not found", as in a shell


@click.command("exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option(
    "--incident", metavar="ID", help="The incident it belongs to; else VIGIE_INCIDENT, or the newest open one."
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="-- CMD…")
@click.pass_obj
def exec_(ctx: Context, incident: str | None, command: tuple[str, ...]) -> int:
    """Run a command and record it, its output and its exit code.

    It goes on if this terminal is lost; ctrl-C interrupts it, a second one ends it. Its output (stdout and stderr
    together) goes to stdout, and is kept beside the database. Of what names itself a secret (--password=…, TOKEN=…, a
    password in a URL, an Authorization header) the record says only that it was there.
    """
    from console.commands.following import LineSink, RawSink, exit_code, follow
    from console.journal.errors import JournalError
    from console.runbook import processes
    from console.runbook.hush import hushed
    from console.runbook.launch import CommandRequest, LaunchError, start_command
    from console.runbook.pace import Follower
    from console.runbook.recover import reconcile

    if not command:
        raise click.UsageError("nothing to run: vigie exec -- CMD…")
    ctx.forgive()
    if tuple(sys.orig_argv[-len(command) :]) == command:
        processes.hide_arguments(len(sys.orig_argv) - len(command))
    raw = not sys.stdout.isatty()  # a pipe or a file gets every byte; a terminal that stands still holds up nothing
    pace = Follower() if raw else None
    try:
        with ctx.journal() as journal:
            reconcile(journal, ctx.paths)
            stream = ctx.incident(journal, incident)
            if stream is None:
                ctx.note("vigie: no incident is open, so it is recorded in the watch stream")
            request = CommandRequest(
                text=shlex.join(hushed(command)),
                argv=command,
                stream=stream,
                cwd=_cwd(),
                stdin=_input(),
                pace=pace.handle if pace else None,
                cap_bytes=ctx.config.output_cap_bytes,
                keep=ctx.config.output_kept,
                file_mode=ctx.file_mode,
            )
            handle = start_command(journal, ctx.paths, request)
            if pace is not None:
                pace.handed_over()
    except (LaunchError, JournalError) as error:
        fail(str(error), OURS)
    sys.stdout.flush()
    sink = RawSink() if raw else LineSink()
    finish = follow(handle, sink, ctx.actor, lambda line: ctx.note(f"vigie: {line}"), pace)
    if finish is None:
        ctx.note("vigie: its supervisor is gone without a word; the outcome is unknown")
    elif finish.error:
        ctx.note(f"vigie: {finish.error}")
    return exit_code(finish)


def _cwd() -> Path:
    try:
        return Path.cwd()
    except OSError:
        fail("the folder that you are in is gone: cd to one that is there", OURS)


def _input() -> int | None:
    """Our stdin for the command, unless it is a terminal: that is another session's, and would be refused."""
    try:
        return None if os.isatty(0) or os.fstat(0) is None else 0
    except OSError:
        return None
