"""The command line: a contract. Every command lives in a file of its own and is imported when it is called.

stdout is data, stderr is for people. Exit 0: fine; 1: the answer is "no" or "not healthy"; 2: usage or configuration,
in one line. No traceback reaches an operator: what goes wrong inside is written to the log beside the database.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final

import click

from console import streams
from console.commands.context import Context, Fail, Options

# name → (module:attribute, one line of help)
COMMANDS: Final = {
    "ack": ("ack:ack", "Acknowledge an alert's episode, here, with a reason."),
    "attach": ("attach:attach", "Keep files as evidence, byte for byte, with their SHA-256."),
    "backup": ("backup:backup", "Copy the database safely into a new file."),
    "beat": ("beat:beat", "Say that a job is alive; its silence is an alarm."),
    "config": ("config:config", "Show the configuration, its keys, and every path in use."),
    "declare": ("declare:declare", "Declare an incident in one line; prints its id."),
    "demo": ("demo:demo", "The console over a simulated outage; headless without a terminal."),
    "doctor": ("doctor:doctor", "Check this installation: database, disk, terminal, watch."),
    "exec": ("exec_:exec_", "Run a command and record it, its output and its exit code."),
    "export": ("export:export", "The postmortem, most of it already written."),
    "import": ("import_:import_", "Read events from JSON, CSV or lines: all or nothing."),
    "incidents": ("incidents:incidents", "List incidents."),
    "maintenance": ("maintenance:maintenance", "Problems of a service are expected for a while: nobody is alerted."),
    "metrics": ("metrics:metrics", "Milestones and intervals, honest about what is missing."),
    "note": ("note:note", "Write a line on the timeline, in scribe grammar."),
    "recheck": ("recheck:recheck", "Have the watch run checks now, and tell what they found."),
    "runbooks": ("runbooks:runbooks", "List, show, check, write and run runbooks."),
    "silence": ("silence:silence", "Silence alerts in their Alertmanager; list, extend and end silences."),
    "sitrep": ("sitrep:sitrep", "Conditions, actions, needs; or a handoff report."),
    "status": ("status:status", "One pass over every check and source."),
    "timeline": ("timeline:timeline", "The events of an incident."),
    "verify": ("verify:verify", "Recompute the hash chain."),
    "watch": ("watch:watch", "Poll and record without a screen."),
}


_UNWRITABLE: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called; the list needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry[0].partition(":")
        command: click.Command = getattr(import_module(f"console.commands.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_line) for name, (_, help_line) in sorted(COMMANDS.items())])


def _version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"vigie {version()}")
        ctx.exit()


def version() -> str:
    """The installed version."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("vigie")
    except PackageNotFoundError:
        return "0+unknown"


@click.group(cls=LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["--help", "-h"]})
@click.option("--config", "config", metavar="FILE", help="The configuration (VIGIE_CONFIG).")
@click.option("--db", metavar="FILE", help="The database (VIGIE_DB).")
@click.option("--actor", metavar="NAME", help="Who acts (VIGIE_ACTOR; else the user).")
@click.option("--read-only", is_flag=True, help="Look, and change nothing.")
@click.option("--runbooks", "runbooks", multiple=True, metavar="DIR", help="A folder of runbooks; may be repeated.")
@click.option("--pack", "packs", multiple=True, metavar="NAME", help="A pack of runbooks and rules; may be repeated.")
@click.option(
    "--link", type=click.Choice(["auto", "slow", "fast"]), help="How the console takes the link to you (VIGIE_LINK)."
)
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Print the version."
)
@click.pass_context
def cli(
    ctx: click.Context,
    config: str | None,
    db: str | None,
    actor: str | None,
    read_only: bool,
    runbooks: tuple[str, ...],
    packs: tuple[str, ...],
    link: str | None,
) -> int | None:
    """Vigie, the incident console: what is broken, what to do, what was done, what to write down afterwards.

    Without a command it opens the full-screen console.
    """
    options = Options(config=config, db=db, actor=actor, read_only=read_only, runbooks=runbooks, packs=packs, link=link)
    ctx.obj = Context(options, ctx.obj)
    if packs:
        raise Fail(f"no pack is named {packs[0]!r}: this version ships none yet, --runbooks DIR adds a folder")
    if ctx.invoked_subcommand is None:
        return int(ctx.obj.open_console())
    return None


def main(argv: Sequence[str] | None = None, *, open_console: Callable[[Options], int] | None = None) -> int:
    """Run ``vigie`` with *argv* (the process's own by default); *open_console* opens the screens. Returns the exit code."""
    streams.make_ready()
    out, err = sys.stdout, sys.stderr
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        try:
            result = cli.main(arguments, prog_name="vigie", standalone_mode=False, obj=open_console)
        except click.exceptions.Exit as leaving:
            result = leaving.exit_code
        sys.stdout.flush()
    except click.Abort:
        return 130
    except click.ClickException as error:
        where = getattr(error, "ctx", None)
        hint = f" ({where.command_path} --help)" if where is not None else ""
        _say(f"{error.format_message()}{hint}")
        return 2
    except Fail as error:
        _say(str(error))
        return error.code
    except BrokenPipeError:
        return _nobody_reads()
    except SystemExit:
        if sys.stdout is out:
            raise
        sys.stdout, sys.stderr = out, err  # click's own way out of a broken pipe is to wrap them and exit 1
        return _nobody_reads()
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # the promise: no traceback ever reaches an operator
        return _unexpected(error)
    return result if isinstance(result, int) else 0


def _say(line: str) -> None:
    from console.sanitize import one_line

    try:
        sys.stderr.write(f"vigie: {one_line(line)}\n")
    except OSError:
        pass


def _is_lost() -> bool:
    try:
        os.getcwd()  # noqa: PTH109 - asked for its error
    except OSError:
        return True
    return False


def _nobody_reads() -> int:
    _drop_stdout()
    return 128 + signal.SIGPIPE  # what a shell says of a program whose reader went away


def _drop_stdout() -> None:
    # Python flushes stdout once more at exit and would complain; give it somewhere to go.
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)


def _unexpected(error: Exception) -> int:
    from console.config import ConfigError
    from console.journal.errors import JournalError
    from console.safe_yaml import YamlError

    if isinstance(error, JournalError | ConfigError | YamlError):
        _say(str(error))
        return 2
    if isinstance(error, OSError) and error.filename is not None:
        _say(f"{error.filename}: {error.strerror}")
        return 2
    if isinstance(error, FileNotFoundError) and _is_lost():
        _say("the folder that you are in is gone: cd to one that is there")
        return 2
    if isinstance(error, OSError) and error.errno in _UNWRITABLE:  # files of ours bring their names
        _drop_stdout()
        _say(f"stdout can't be written ({error.strerror}): what was to be shown is incomplete")
        return 2
    if os.environ.get("VIGIE_DEBUG"):
        raise error
    _say(f"something went wrong inside: {type(error).__name__}: {error}{_logged(error)}")
    return 2


def _logged(error: Exception) -> str:
    """Write the traceback where whoever mends Vigie finds it; says where, or nothing."""
    import tempfile
    import traceback

    try:
        handle, name = tempfile.mkstemp(prefix="vigie-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as log:
            traceback.print_exception(error, file=log)
    except OSError:
        return ""
    return f" (details in {name})"


def run(argv: Sequence[str] | None = None, **how: Any) -> None:
    """:func:`main`, ending the process with its code."""
    sys.exit(main(argv, **how))
