"""Maintenance that somebody began by hand: an event in the watch stream. Whoever leads opens the window a second later.

The record is all there is of it: the next leader reads it there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from console.clock import to_us
from console.journal.events import Event, Maintenance, New
from console.watch.maintenance import Occurrence, Window

if TYPE_CHECKING:
    from console.journal.store import Journal

LONGEST: Final = timedelta(days=7)
_SUBJECT: Final = "asked"  # how the dedupe keys of these events begin: they are found by them


def name_of(covers: Iterable[str]) -> str:
    """What a window over *covers* is called."""
    return ", ".join(sorted(set(covers))) or "everything"


def began(covers: Iterable[str], *, now: datetime, until: datetime, reason: str) -> New:
    """The event to append: problems of *covers* (services and service/check; none: everything) are expected."""
    body = Maintenance(
        name=name_of(covers),
        began=True,
        services=tuple(sorted(set(covers))),
        until=until,
        reason=reason,
        asked=True,
    )
    return New(body=body, dedupe=f"{_SUBJECT}:{body.name}:begin:{to_us(now)}")


def ended(window: Window, *, now: datetime, reason: str = "") -> New:
    """The event to append: *window* is over before its time."""
    body = Maintenance(name=window.name, began=False, services=tuple(sorted(window.covers)), reason=reason, asked=True)
    return New(body=body, dedupe=f"{_SUBJECT}:{window.name}:end:{to_us(now)}")


def told(windows: Mapping[str, Window], body: Maintenance, at: datetime) -> dict[str, Window]:
    """*windows* by name after *body*, which came at *at*. One of the same name gives way to the newer."""
    found = {name: window for name, window in windows.items() if name != body.name}
    if body.began and body.until is not None:
        once = Occurrence(begin=at, end=min(body.until, at + LONGEST))
        found[body.name] = Window(
            name=body.name, covers=frozenset(body.services), reason=body.reason, once=once, asked=True
        )
    return found


def fold(events: Iterable[Event]) -> dict[str, Window]:
    """The windows that *events*, oldest first, leave; some of them are over by the clock."""
    windows: dict[str, Window] = {}
    for event in events:
        if isinstance(event.body, Maintenance) and event.body.asked:
            windows = told(windows, event.body, event.occurred_at)
    return windows


def windows(journal: Journal, now: datetime) -> dict[str, Window]:
    """Those that the record knows of, by name: open, or over by the clock since a week."""
    from console.journal.watch_log import about

    return fold(about(journal, (_SUBJECT,), start=now - LONGEST, end=now + timedelta(minutes=1)))


def unknown(names: Sequence[str], known: Iterable[str]) -> list[str]:
    """Those of *names* that are neither a service nor a service/check among *known* (service/check)."""
    keys = set(known)
    services = {key.partition("/")[0] for key in keys}
    return [name for name in names if name not in keys and name not in services]
