"""The real watch, as ``vigie watch`` runs it, with a lifeline: it ends with the demo's director."""

from __future__ import annotations

import sys

from console.demo import lifeline


def main(config: str, database: str) -> int:
    """Watch until told to stop."""
    from console.commands.context import Context, Options
    from console.daemon import make_watch, run_watch, say_on_stderr

    ctx = Context(Options(config=config, db=database))
    return run_watch(make_watch(ctx, stays=True, say=say_on_stderr))


if __name__ == "__main__":
    lifeline.hold()
    sys.exit(main(sys.argv[1], sys.argv[2]))
