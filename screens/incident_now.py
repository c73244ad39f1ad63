"""The current incident as the screens see it: a frozen extract, and a copy of the fold that nobody else changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from console.commands.context import newest_open
from console.incident.clocks import Zero, zero_of
from console.incident.fold import IncidentFold
from console.incident.metrics import compute
from console.journal.folds import fold_stream

if TYPE_CHECKING:
    from console.incident.state import Incident
    from console.journal.events import Event
    from console.journal.store import Journal


@dataclass(frozen=True)
class IncidentNow:
    """The current incident at one moment. ``state`` is for reading alone."""

    stream: str
    alias: str
    title: str
    severity: str
    open: bool
    count: int
    zero: Zero | None  # T+0, and which milestone that is
    ended: datetime | None  # where its clock stopped: closed, or resolved
    state: Incident = field(compare=False, repr=False)
    _folding: Incident = field(compare=False, repr=False)


def read(journal: Journal, chosen: str) -> IncidentNow | None:
    """The incident *chosen*, or with "" the newest open one; None when there is none."""
    stream = chosen or newest_open(journal)
    if not stream:
        return None
    return _extract(journal.alias(stream), fold_stream(journal, stream, IncidentFold()))


def follow(journal: Journal, chosen: str, before: IncidentNow | None, events: Sequence[Event]) -> IncidentNow | None:
    """The current incident after *events* (of any stream); *before* itself when they change nothing."""
    opened = any(event.kind in ("declared", "closed", "reopened") for event in events)
    if opened and not chosen:
        stream = newest_open(journal)
        if stream is None and before is not None:
            stream = before.stream  # just closed: stay with it until there is another
        if stream is not None and (before is None or stream != before.stream):
            return read(journal, stream)
    if before is None:
        return None
    mine = [event for event in events if event.stream == before.stream and event.seq > before.count]
    if not mine:
        return before
    if mine[0].seq != before.count + 1:  # something was missed: fold again from the checkpoint
        return read(journal, before.stream)
    folding, state = IncidentFold(), before._folding
    for event in mine:
        state = folding.apply(state, event)
    return _extract(before.alias, state)


def _extract(alias: str, folding: Incident) -> IncidentNow:
    import msgspec

    # The fold changes its state in place, in the reader's thread: what the screens get is a copy.
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(folding), type=type(folding))
    metrics = compute(state)
    resolved = metrics.milestones["resolved"]
    ended = state.closed_at if not state.is_open else (resolved.at if resolved is not None else None)
    return IncidentNow(
        stream=state.stream,
        alias=alias,
        title=state.title,
        severity=state.severity,
        open=state.is_open,
        count=state.count,
        zero=zero_of(metrics),
        ended=ended,
        state=state,
        _folding=folding,
    )
