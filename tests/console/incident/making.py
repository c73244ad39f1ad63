"""Events made by hand for tests of pure code."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from console.journal.events import Body, Event, New, Origin

START = datetime(2024, 3, 10, 13, 0, tzinfo=UTC)


def events(news: Iterable[New | Body], *, program: str = "cli", start: datetime = START, first: int = 1) -> list[Event]:
    """*news* as a stream would hold them: seq, ids ``e1``…, recorded a minute apart."""
    made = []
    for seq, item in enumerate(news, first):
        new = item if isinstance(item, New) else New(body=item)
        recorded = start + timedelta(minutes=seq - 1)
        made.append(
            Event(
                id=new.id or f"e{seq}",
                stream="s",
                seq=seq,
                recorded_at=recorded,
                occurred_at=new.occurred_at or recorded,
                precision=new.precision,
                actor=new.actor or "ann",
                origin=Origin(program=program),
                kind=str(new.body.__struct_config__.tag),
                body=new.body,
                dedupe=new.dedupe,
                hash=f"h{seq}",
            )
        )
    return made
