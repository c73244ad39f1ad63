"""What the reading commands share: the journal, the incident that is meant, and its folded state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.commands.context import Context, fail

if TYPE_CHECKING:
    from console.incident.state import Incident
    from console.journal.store import Journal


def open_journal(ctx: Context) -> Journal:
    """The journal for reading: writable where it can be, so that a long fold may leave its checkpoint."""
    from console.journal.errors import Locked, ReadOnly

    if ctx.options.read_only:
        return ctx.reader()
    try:
        return ctx.journal(create=False)
    except (ReadOnly, Locked):
        return ctx.reader()


def chosen(ctx: Context, journal: Journal, named: str | None) -> str:
    """The stream that is meant: *named*, the current incident, or (none being open) the newest one."""
    stream = ctx.incident(journal, named)
    if stream is not None:
        return stream
    newest = journal.incidents()
    if not newest:
        fail("no incident yet; `vigie declare` makes one")
    ctx.note(f"no incident is open: {newest[0].alias}, the newest")
    return newest[0].stream


def folded(journal: Journal, stream: str, *, checkpoint: bool = True) -> Incident:
    """The incident's state, from its checkpoint where there is one; without *checkpoint* from the events alone, which is
    what the chain vouches for."""
    from console.incident.fold import IncidentFold
    from console.journal.folds import fold_stream

    return fold_stream(journal, stream, IncidentFold(), checkpoint=checkpoint)
