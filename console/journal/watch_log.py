"""What the watch recorded about one check or alert, found without reading what it recorded about thousands of others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from console.clock import to_us
from console.journal.codec import COLUMNS, decode_row
from console.journal.events import Acknowledged, Event

if TYPE_CHECKING:
    from console.journal.store import Journal

_BY_KEY: Final = "events_dedupe"
_BY_TIME: Final = "events_occurred"
LIMIT: Final = 200  # events of one kind of subject, in one segment


def about(
    journal: Journal, subjects: Sequence[str], fingerprint: str = "", *, start: datetime, end: datetime
) -> list[Event]:
    """Events of the watch segments between *start* and *end*, oldest first, the newest :data:`LIMIT` of each.

    *subjects* are how their dedupe keys begin (``check:api/http``, ``raised:00aa…``): the watch writes them so, and they
    are indexed. With *fingerprint*, acknowledgements of it, too.
    """
    found: list[Event] = []
    for info in journal.streams():
        if info.alias:
            continue  # an incident
        span = (info.stream, to_us(start), to_us(end))
        for subject in subjects:
            # The rows whose key begins with "subject:", as a range of the index: ";" comes after ":".
            found += _read(journal, _BY_KEY, "dedupe >= ? AND dedupe < ?", (*span, f"{subject}:", f"{subject};"))
        if fingerprint:
            seen = _read(journal, _BY_TIME, "kind = ?", (*span, "acknowledged"))
            found += [one for one in seen if isinstance(one.body, Acknowledged) and one.body.fingerprint == fingerprint]
    return sorted(found, key=lambda event: (event.occurred_at, event.pos))


def _read(journal: Journal, index: str, where: str, parameters: tuple[object, ...]) -> Iterator[Event]:
    sql = (
        f"SELECT {COLUMNS} FROM events INDEXED BY {index} "  # noqa: S608 - texts of this file
        f"WHERE stream = ? AND occurred_at BETWEEN ? AND ? AND {where} ORDER BY occurred_at DESC, seq DESC LIMIT ?"
    )
    return map(decode_row, journal.rows(sql, (*parameters, LIMIT)))
