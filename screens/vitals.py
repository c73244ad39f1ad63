"""What this console knows of itself, put together: for its file beside the database, and for the help screen."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from console.live import Live, link_words, loop_words, started, terminal_words
from screens.widgets.text import Words

if TYPE_CHECKING:
    from screens.desk import Desk
    from screens.lag import LoopLag


class Vitals:
    """Reads the loop's lag, the driver's counts and the link. May be called from any thread."""

    def __init__(self, desk: Desk, lag: LoopLag) -> None:
        self._desk = desk
        self._lag = lag
        self._since = desk.now()
        self._started = started(os.getpid())

    def now(self) -> Live:
        """As it is now."""
        desk, deps = self._desk, self._desk.deps
        if deps is None:
            raise RuntimeError("there are none before the configuration has been read")
        p50, p99 = self._lag.share(0.5, 0.99)
        traffic = getattr(desk.terminal, "traffic", None)
        counts: dict[str, Any] = {}
        if traffic is not None:
            counts = {name: getattr(traffic, name) for name in ("frames", "held", "dropped", "bytes")}
            counts["bytes_per_s"] = round(traffic.rate(deps.clock.monotonic()), 1)
        link = desk.link
        return Live(
            pid=os.getpid(),
            started=self._started,
            actor=deps.actor,
            tty=deps.origin.tty,
            since=self._since,
            at=desk.now(),
            boottime=deps.clock.boottime(),
            driver="stock" if traffic is None else "cells",
            lag_p50_ms=_ms(p50),
            lag_p99_ms=_ms(p99),
            lag_worst_ms=_ms(self._lag.worst()),
            away_ms=_ms(self._lag.away()),
            round_trip_ms=None if link.trip is None else _ms(link.trip),
            link_bytes_per_s=None if link.rate is None else round(link.rate),
            link=link.mode,
            slow=link.slow,
            **counts,
        )


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)


def words(live: Live) -> list[Words]:
    """The help screen's lines about this console."""
    rows = [("loop", loop_words(live)), ("terminal", terminal_words(live)), ("link", link_words(live))]
    return [((f"   {name:<14} ", "accent"), (text, "dim")) for name, text in rows]
