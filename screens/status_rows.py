"""How an entry of the status list looks: its cells and the columns they stand in. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from screens.glyphs import STATES
from screens.look import Look
from screens.status_entries import DEGRADED, HANDLED, OK, PENDING, Entry, alert_detail
from screens.status_view import View
from screens.widgets.table import Column, fitted
from screens.widgets.text import Span, Words, width_of

TREND: Final = 12  # cells for the latencies of a check, where there is room
_TREND_FROM: Final = 100
_SPARKS: Final = "▁▂▃▄▅▆▇█"
_SPARKS_ASCII: Final = "_.-=+*#@"
_LONGEST_AGE: Final = 59 * 60.0


def cells(
    entry: Entry,
    now: datetime,
    look: Look,
    shared: frozenset[tuple[str, str]] = frozenset(),
    trends: Mapping[str, str] | None = None,
) -> tuple[Words, ...]:
    """The row of *entry*: state, name, detail, age, what is being done about it. Labels in *shared* are said elsewhere;
    with *trends* there is a column for them."""
    handled = entry.rank in (HANDLED, OK, PENDING) or entry.gone
    letter, token = STATES[entry.state]
    if entry.gone:
        letter, token = "-", "faint"
    tone = "soft" if entry.rank == HANDLED else token
    mark = look.sign(STATES[entry.state][1]) if not entry.gone else " "
    age = _age((now - entry.since).total_seconds()) if entry.since is not None else ""
    detail = entry.detail
    if shared and entry.alert is not None and entry.check is None:
        detail = alert_detail(entry.alert, shared)
    name = f"{look.sign('folded')} {entry.name}" if entry.group is not None else entry.name
    trend: tuple[Words, ...] = ()
    if trends is not None:
        p95 = entry.check.p95_ms if entry.check is not None else None
        trend = (((trends.get(entry.key, ""), "accent"),), (((f"{p95:.0f}ms" if p95 is not None else ""), "dim"),))
    return (
        ((f"{mark} {letter}", tone),),
        ((name, "dim" if handled else "title"),),
        ((detail if not entry.gone else "no longer reported", "dim" if handled else "text"),),
        *trend,
        ((age, "dim"),),
        (_handling(entry, look, now),),
    )


def columns(view: View, width: int, look: Look, *, trends: bool = False) -> tuple[Column, ...]:
    """The list's columns at *width* cells: names as long as they are here, what is left goes to the detail."""
    names = max((width_of(name, look) for name in view.longest), default=0)
    if view.grouped:
        names += 2
    handled = max((width_of((words,), look) for words in handlings(view, look)), default=0)
    shown = (
        Column(width=3),
        fitted(names, 14, width * 2 // 7),
        Column(flex=1, least=10),
        *((Column(width=TREND), Column(width=7, align="right")) if trends else ()),
        Column(width=4, align="right"),
    )
    return (*shown, fitted(handled, 7, 12 if width < 100 else 26)) if width >= 70 else shown


def trends_fit(view: View, width: int) -> bool:
    """Whether there is room for the latencies: few rows, in full width."""
    return width >= _TREND_FROM and not view.grouped and 0 < len(view.keys) <= 30


def spark(values: list[float], width: int, ascii_only: bool) -> str:
    """The newest *values* as a line of bars."""
    values = values[-max(width, 8) :]
    if not values:
        return ""
    steps = _SPARKS_ASCII if ascii_only else _SPARKS
    top = max(values) or 1.0
    return "".join(steps[min(int(value / top * (len(steps) - 1)), len(steps) - 1)] for value in values)


def _age(seconds: float) -> str:
    """An age in one unit, ``40s``, ``3m``, ``6h``, ``13d``: it changes seldom, so that standing still costs no bytes."""
    for unit, name in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= unit:
            return f"{int(seconds // unit)}{name}"
    return f"{max(int(seconds // 5) * 5, 0)}s"


def handlings(view: View, look: Look) -> frozenset[Span]:
    """Every word in the last column."""
    found = view._handlings.get(look.ascii_only)
    if found is None:
        found = view._handlings[look.ascii_only] = frozenset(_handling(entry, look) for entry in view.entries.values())
    return found


def _handling(entry: Entry, look: Look, now: datetime | None = None) -> Span:
    """What is done about it. Without *now* the widest that it may become."""
    alert, check = entry.alert, entry.check
    if entry.gone:
        return ("", "dim")
    if entry.group is not None:
        return (f"{look.sign('times')}{entry.group.count:,}", "dim" if entry.rank >= HANDLED else "title")
    if alert is not None and alert.ack is not None:
        seconds = (now - alert.ack.at).total_seconds() if now is not None else _LONGEST_AGE
        return (f"ack {alert.ack.actor} {_age(seconds)}", "soft")
    if alert is not None and alert.silenced_by:
        return ("silenced", "soft")
    if alert is not None and alert.inhibited_by:
        return ("inhibited", "soft")
    if check is not None and "MAINT" in check.overlays:
        return ("maintenance", "soft")
    if check is not None and "SUPPRESSED" in check.overlays:
        return ("parent down", "soft")
    if entry.runbook:
        return (f"{look.sign('to')} {entry.runbook.rpartition('/')[2].removesuffix('.md')}", "dim")
    if alert is not None and alert.state == "firing":
        return ("unacked", "degraded" if entry.rank <= DEGRADED else "dim")
    return ("", "dim")
