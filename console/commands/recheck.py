"""``vigie recheck``: have the watch run checks now, and tell what they found."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import click

from console.commands.context import Context, fail

if TYPE_CHECKING:
    from console.snapshot import CheckState, StatusSnapshot
    from console.watch.status_reader import StatusReader

_LOOK_S: Final = 0.2
_SLACK_S: Final = 3.0  # the watch looks for requests once a second


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
@click.pass_obj
def recheck(ctx: Context, names: tuple[str, ...]) -> int:
    """Run checks out of their turn: NAME is a service, or service/check. Waits for the results; exit 1 if not all are OK.

    The watch that leads runs them, so its thresholds count and the record has what changes.
    """
    from console.watch.status_reader import StatusReader

    if ctx.options.read_only:
        fail("asking the watch writes beside the journal, and --read-only says not to")
    reader = StatusReader(ctx.paths.status_db, ctx.clock)
    try:
        if not reader.heard().alive:
            fail("no watch is running; `vigie status` runs every check here and now")
        snapshot = reader.poll()
        if snapshot is None:
            fail("the watch has not published anything yet", 1)
        meant = _meant(snapshot, names)
        return _wait(ctx, reader, meant)
    finally:
        reader.close()


def _meant(snapshot: StatusSnapshot, names: tuple[str, ...]) -> dict[str, CheckState]:
    found: dict[str, CheckState] = {}
    for name in names:
        some = {check.key: check for check in snapshot.checks if name in (check.key, check.service)}
        if not some:
            fail(f"no service and no check is named {name!r}; `vigie status` lists them")
        found |= some
    return found


def _wait(ctx: Context, reader: StatusReader, meant: dict[str, CheckState]) -> int:
    from console.watch.status_reader import ask_for

    for key in meant:
        problem = ask_for(ctx.paths.status_db, key, ctx.clock)
        if problem:
            fail(problem)
    deadline = time.monotonic() + max(check.timeout_s for check in meant.values()) + _SLACK_S
    waiting = dict(meant)
    answers: dict[str, CheckState] = {}
    while waiting and time.monotonic() < deadline:
        time.sleep(_LOOK_S)
        snapshot = reader.poll()
        for check in snapshot.checks if snapshot is not None else ():
            before = waiting.get(check.key)
            if before is not None and check.last_at != before.last_at:
                del waiting[check.key]
                answers[check.key] = check
    for key in meant:
        if key not in answers:
            ctx.echo(f"no answer  {key}")
            continue
        check = answers[key]
        soft = f" ({check.raw} {check.soft[0]}/{check.soft[1]})" if check.soft else ""
        ctx.echo(f"{check.state}{soft}  {key}  {check.detail}")
    return int(bool(waiting) or any(check.counts_as != "OK" or check.raw != "OK" for check in answers.values()))
