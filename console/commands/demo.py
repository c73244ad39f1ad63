"""``vigie demo``: the console over a simulated outage; without a terminal, the story played by itself."""

from __future__ import annotations

import signal
import sys
from types import FrameType

import click

from console.commands.context import Context, fail

TTY_SPEED = 2.0  # time to look around
HEADLESS_SPEED = 8.0  # the whole story in half a minute


@click.command()
@click.option("--speed", type=click.FloatRange(0.2, 50), metavar="N", help="Simulated seconds in a real one.")
@click.option(
    "--seed", type=int, default=1, show_default=True, metavar="N", help="Another outage, the same every time."
)
@click.option("--headless", is_flag=True, help="Play the story also where there is a terminal.")
@click.pass_obj
def demo(ctx: Context, speed: float | None, seed: int, headless: bool) -> int:
    """The console over a simulated outage: real services on loopback, real checks, real runbooks, a database of its own.

    Everything is in a temporary folder and goes away at the end. Without a terminal the story plays by itself and
    prints the timeline and the postmortem.
    """
    from console.demo.stage import StageError, stage

    if ctx.options.config or ctx.options.db:
        fail("the demo has a configuration and a database of its own: leave --config and --db away")
    interactive = not headless and sys.stdin.isatty() and sys.stdout.isatty()
    _end_politely()
    ctx.note("starting the demo's services…")
    try:
        with stage(speed or (TTY_SPEED if interactive else HEADLESS_SPEED), seed) as home:
            inside = ctx.elsewhere(config=home.config, database=home.database)
            if interactive:
                return inside.open_console()
            from console.demo.story import play

            return play(inside)
    except StageError as error:
        fail(str(error))


def _end_politely() -> None:
    # SIGTERM and SIGHUP unwind like any other way out, so that nothing of the demo is left; the screens set their own.
    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
