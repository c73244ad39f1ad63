"""``vigie doctor --live``: how the consoles that run on this database keep up, and the watch behind them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import Struct, to_builtins

from console import live as alive
from console.clock import rfc3339, span
from console.commands.context import Context
from console.live import Live
from console.sanitize import one_line


class WatchLive(Struct, frozen=True, kw_only=True):
    """The watch: how late the last run of each check started, in milliseconds."""

    heard_s: float | None = None  # None: nobody leads
    holder: str = ""
    checks: int = 0
    late_p50_ms: float | None = None
    late_p99_ms: float | None = None
    late_worst_ms: float | None = None
    published_s: float | None = None  # since the last status


def live(ctx: Context, as_json: bool) -> int:
    """Print it. Exit 0; 1 when no console runs, or one hangs."""
    consoles, closed = alive.read(ctx.paths.folder)
    watch = _watch(ctx)
    now = ctx.clock.boottime()
    if as_json:
        ctx.json(
            {
                "consoles": [{**to_builtins(one), "hangs": bool(_hangs(one, now))} for one in consoles],
                "unreadable": [str(path) for path in closed],
                "watch": to_builtins(watch),
            }
        )
    else:
        for one in consoles:
            _print(ctx, one, now)
        _print_watch(ctx, watch)
    for path in closed:
        ctx.note(one_line(f"vigie: {path}: the console of another user; only they can look at it"))
    if not consoles and not closed:
        ctx.note(
            f"vigie: no console runs on {one_line(str(ctx.paths.database))} (a read-only one does not say that it does)"
        )
    return int(not consoles or any(_hangs(one, now) for one in consoles))


def _hangs(one: Live, now: float) -> str:
    """Why a console is taken to hang; "" when it is well."""
    unheard = now - one.boottime
    if unheard > alive.OLD_S:
        return f"HANGS or is stopped: not heard for {span(unheard)}"
    if one.away_ms >= alive.STUCK_S * 1000:
        return f"HANGS: its event loop was away for {one.away_ms / 1000:.1f} s when it last said so"
    return ""


def _print(ctx: Context, one: Live, now: float) -> None:
    where = f" on {one.tty}" if one.tty else ""
    head = f"pid {one.pid}, {one.actor}{where}, since {rfc3339(one.since.replace(microsecond=0))}"
    ctx.echo(f"console    {one_line(head)}")
    for name, text in (
        ("state", _hangs(one, now)),
        ("loop", alive.loop_words(one)),
        ("terminal", alive.terminal_words(one)),
        ("link", alive.link_words(one)),
    ):
        if text:
            ctx.echo(f"  {name:<9}{one_line(text)}")


def _print_watch(ctx: Context, watch: WatchLive) -> None:
    if watch.heard_s is None:
        ctx.echo("watch      nobody leads")
        return
    ctx.echo(f"watch      {one_line(watch.holder)}, heard {span(watch.heard_s)} ago")
    if watch.late_p99_ms is None:
        ctx.echo("  checks   no result yet")
        return
    ctx.echo(
        f"  checks   {watch.checks:,}: the last runs started {alive.number(watch.late_p50_ms or 0)} ms late p50, "
        f"{alive.number(watch.late_p99_ms)} ms p99, {alive.number(watch.late_worst_ms or 0)} ms at the worst"
    )


def _watch(ctx: Context) -> WatchLive:
    from console.watch.status_reader import StatusReader

    path: Path = ctx.paths.status_db
    if not path.exists():
        return WatchLive()
    reader = StatusReader(path, ctx.clock)
    try:
        heard = reader.heard()
        if not heard.alive or heard.age_s is None or heard.leader is None:
            return WatchLive()
        snapshot = reader.poll()
    finally:
        reader.close()
    late = sorted(check.lateness_ms for check in snapshot.checks if check.lateness_ms is not None) if snapshot else []
    found: dict[str, Any] = {"heard_s": round(heard.age_s, 3), "holder": heard.leader.holder}
    if snapshot is not None:
        taken: datetime = snapshot.taken_at
        found["published_s"] = round(max((ctx.clock.now() - taken).total_seconds(), 0), 1)
    if late:
        at = [late[min(int(share * len(late)), len(late) - 1)] for share in (0.5, 0.99)]
        found |= {"checks": len(late), "late_p50_ms": at[0], "late_p99_ms": at[1], "late_worst_ms": late[-1]}
    return WatchLive(**found)
