"""The ``vigie`` script. Opening the console with nothing but global options goes a short way: no click, no config yet."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import Any, Final

from console import streams
from screens.start import Start

_VALUES: Final = {"--config": "config", "--db": "db", "--actor": "actor"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``vigie``; returns the exit code."""
    streams.make_ready()
    arguments = list(sys.argv[1:] if argv is None else argv)
    start = short_way(arguments)
    if start is not None:
        return open_console(start)
    from console.cli import main as command_line

    return command_line(arguments, open_console=open_console)


def short_way(arguments: Sequence[str]) -> Start | None:
    """The options, when there is no command and nothing unusual; None leaves it to the command line's own parser."""
    fields: dict[str, Any] = {}
    runbooks: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.partition("=")
        if argument == "--read-only":
            fields["read_only"] = True
        elif name in _VALUES or name == "--runbooks":
            if not equals:
                value = next(rest, "")
            if not value:
                return None
            if name == "--runbooks":
                runbooks.append(value)
            else:
                fields[_VALUES[name]] = value
        else:
            return None
    return Start(**fields, runbooks=tuple(runbooks))


def open_console(options: Any) -> int:
    """Open the screens with *options* (fields of :class:`Start`). Returns the exit code; 2 where there is no terminal."""
    refusal = no_terminal()
    if refusal:
        sys.stderr.write(f"vigie: {refusal}\n")
        return 2
    gc.disable()  # a sixth of the start would go into looking for garbage among imports; opening.py turns it on again
    start = Start(
        config=options.config,
        db=options.db,
        actor=options.actor,
        read_only=options.read_only,
        runbooks=tuple(options.runbooks),
        packs=tuple(options.packs),
    )
    from screens.opening import run

    return run(start)


def no_terminal(environ: dict[str, str] | None = None) -> str:
    """Why no screen can be drawn here, in one line; "" when it can."""
    term = (os.environ if environ is None else environ).get("TERM", "")
    if not all(stream and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):  # Textual draws on stderr
        return "the console needs a terminal; `vigie status`, `vigie timeline` and the other commands work without one"
    if term in ("dumb", "", "unknown"):
        return (
            f"the console can't draw on TERM={term or '(not set)'}; `vigie status`, `vigie timeline` and the other "
            "commands work here"
        )
    return ""


if __name__ == "__main__":
    sys.exit(main())
