"""``vigie timeline``: the events of an incident, as lines or JSON, now or as known at a time, and as they come."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from console.commands.context import Context
from console.commands.reading import chosen, open_journal

if TYPE_CHECKING:
    from console.incident.annotations import Annotations
    from console.incident.clocks import Zero
    from console.incident.state import Incident
    from console.incident.timeline import Line
    from console.journal.events import Event
    from console.journal.store import Journal

_POLL_S = 0.2  # how often ``PRAGMA data_version`` is asked: no table is read until it moved


@click.command()
@click.argument("incident", required=False, metavar="[ID]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line; every event, bookkeeping too.")
@click.option("--follow", is_flag=True, help="Go on with what is recorded from now on.")
@click.option("--as-known-at", metavar="TIME", help="Only what had been recorded by then.")
@click.option(
    "--all", "everything", is_flag=True, help="Edits, stars, undos, redactions and parameters as lines of their own."
)
@click.pass_obj
def timeline(
    ctx: Context, incident: str | None, as_json: bool, follow: bool, as_known_at: str | None, everything: bool
) -> None:
    """The events of an incident in the order in which they happened, those of the watch in their places."""
    from console.commands.scribe_args import moment

    known = moment(ctx, as_known_at, "--as-known-at").at if as_known_at else None
    with open_journal(ctx) as journal:
        stream = chosen(ctx, journal, incident)
        show = _printer(as_json, journal.alias(stream))
        position = journal.last_pos()
        state = _state(journal, stream, known)
        notes, zero = _history(ctx, journal, state, known, everything or as_json, show)
        if follow:
            try:
                _follow(journal, state, position, notes, zero, everything or as_json, show)
            except KeyboardInterrupt:
                return


def _printer(as_json: bool, alias: str) -> Callable[[Line], None]:
    from console.incident.timeline import as_json as document
    from console.incident.timeline import plain

    date = ""

    def text(line: Line) -> None:
        nonlocal date
        if line.date != date:
            sys.stdout.write(f"{line.date} (UTC)\n")
            date = line.date
        sys.stdout.write(f"  {plain(line)}\n")

    def objects(line: Line) -> None:
        sys.stdout.write(json.dumps(document(line, alias), ensure_ascii=False) + "\n")

    return objects if as_json else text


def _history(
    ctx: Context,
    journal: Journal,
    state: Incident,
    known: datetime | None,
    everything: bool,
    show: Callable[[Line], None],
) -> tuple[Annotations, Zero | None]:
    from console.incident import annotations as about
    from console.incident import timeline as lines
    from console.incident.clocks import zero_of
    from console.incident.metrics import compute

    stream = state.stream
    zero = zero_of(compute(state))
    notes = about.of_stream(journal, stream, as_known_at=known)
    events: Iterator[Event] = lines.in_order(journal, stream, notes, as_known_at=known)
    start = min((at for at in (zero.at if zero else None, state.first_at) if at is not None), default=None)
    if start is not None:
        end = state.closed_at or known or ctx.clock.now()
        watch = lines.overlay(journal, start, end, state.services, as_known_at=known)
        events = lines.with_overlay(events, notes, watch)
    if zero is not None and sys.stdout.isatty():
        ctx.note(f"T+0 is {zero.basis}")
    for line in lines.lines(events, notes, zero, everything=everything):
        show(line)
    return notes, zero


def _state(journal: Journal, stream: str, known: datetime | None) -> Incident:
    from console.commands.reading import folded
    from console.incident.fold import fold

    return folded(journal, stream) if known is None else fold(journal.all(stream, as_known_at=known))


def _follow(
    journal: Journal,
    state: Incident,
    position: int,
    notes: Annotations,
    zero: Zero | None,
    everything: bool,
    show: Callable[[Line], None],
) -> None:
    from console.incident import annotations as about
    from console.incident import timeline as lines

    services = frozenset(state.services)
    sys.stdout.flush()
    while True:
        if journal.changed():
            while events := journal.since(position):
                position = events[-1].pos
                for event in events:
                    notes.add(event)
                mine = [event for event in events if event.stream == state.stream or lines.concerns(event, services)]
                # A new edit or undo is news here, though it is no line of the story.
                for event in mine:
                    if everything or event.kind not in lines.QUIET or event.kind in about.RECORD_KINDS:
                        show(lines.line(event, notes, zero))
            sys.stdout.flush()
        time.sleep(_POLL_S)
