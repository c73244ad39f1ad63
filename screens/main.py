"""The ``vigie`` script. Opening the console with nothing but global options goes a short way: no click, no config yet.

Before anything of weight is imported, the terminal is taken and shows what the last console showed (:mod:`screens.cover`).
"""

from __future__ import annotations

import gc
import os
import sys

from console import streams

TYPE_CHECKING = False  # typing itself is imported after the first bytes are on the terminal
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

_VALUES = {"--config": "config", "--db": "db", "--actor": "actor", "--link": "link"}
_LINKS = ("auto", "slow", "fast")


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``vigie``; returns the exit code."""
    streams.make_ready()
    arguments = list(sys.argv[1:] if argv is None else argv)
    fields = short_way(arguments) if "_VIGIE_COMPLETE" not in os.environ else None  # a shell asks for words, by click
    if fields is not None:
        return open_covered(fields)
    from console.cli import main as command_line

    return command_line(arguments, open_console=open_console)


def short_way(arguments: Sequence[str]) -> dict[str, Any] | None:
    """The fields of :class:`screens.start.Start`, when there is no command and nothing unusual; None leaves it to the
    command line's own parser."""
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
            if not value or (name == "--link" and value not in _LINKS):
                return None
            if name == "--runbooks":
                runbooks.append(value)
            else:
                fields[_VALUES[name]] = value
        else:
            return None
    return {**fields, "runbooks": tuple(runbooks)}


def open_covered(fields: Mapping[str, Any]) -> int:
    """Take the terminal at once, then open the screens with these fields of :class:`screens.start.Start`."""
    refusal = no_terminal()
    if refusal:
        sys.stderr.write(f"vigie: {refusal}\n")
        return 2
    from screens import kept, launched
    from screens.cover import Cover

    cover = Cover(kept.place_of(fields, os.environ), launched.place_of(fields, os.environ))
    early = None
    line = ""
    try:
        cover.lay(os.environ)
        gc.disable()  # see open_console
        from screens.packed import pack

        pack.ease()
        from screens.early import begin

        early = begin(fields, cover.kept)
        from screens.opening import run
        from screens.start import Start

        return run(Start(**fields), cover=cover, early=early)
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # an import that fails, say: nobody is to find the terminal unusable for that
        line = f"the console can't be opened: {type(error).__name__}: {error}"
        return 2
    finally:
        if early is not None:
            early.close()
        cover.lift()
        if line:
            from console.sanitize import one_line

            sys.stderr.write(f"vigie: {one_line(line)}\n")


def open_console(options: Any) -> int:
    """Open the screens with *options* (fields of :class:`Start`). Returns the exit code; 2 where there is no terminal."""
    refusal = no_terminal()
    if refusal:
        sys.stderr.write(f"vigie: {refusal}\n")
        return 2
    gc.disable()  # a sixth of the start would go into looking for garbage among imports; opening.py turns it on again
    from screens.start import Start

    start = Start(
        config=options.config,
        db=options.db,
        actor=options.actor,
        read_only=options.read_only,
        runbooks=tuple(options.runbooks),
        packs=tuple(options.packs),
        link=options.link,
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
