"""Events on their way to the journal, as status.db keeps them."""

from __future__ import annotations

from datetime import datetime
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

from console.journal.events import (
    AlertRaised,
    AlertResolved,
    CheckChanged,
    CheckFlapping,
    Maintenance,
    New,
    Silenced,
    SourceBack,
    SourceLost,
)

_Recorded: TypeAlias = (
    CheckChanged | CheckFlapping | Maintenance | AlertRaised | AlertResolved | SourceLost | SourceBack | Silenced
)


class _Outgoing(Struct, frozen=True, kw_only=True):
    """An event on its way to the journal, with the id that makes a second attempt harmless."""

    body: _Recorded
    id: str
    occurred_at: datetime | None = None
    dedupe: str | None = None


_encode: Final = msgspec.msgpack.Encoder().encode
_outgoing: Final = msgspec.msgpack.Decoder(_Outgoing)


def stored(new: New) -> bytes:
    """*new* with an id, so that a second attempt to record it is harmless."""
    from ulid import ULID

    if not isinstance(new.body, _Recorded):
        raise TypeError(f"the watch does not record {type(new.body).__name__}")
    moment = new.occurred_at
    return _encode(_Outgoing(body=new.body, id=new.id or str(ULID()), occurred_at=moment, dedupe=new.dedupe))


def restored(data: bytes) -> New:
    """The inverse of :func:`stored`."""
    outgoing = _outgoing.decode(data)
    return New(body=outgoing.body, id=outgoing.id, occurred_at=outgoing.occurred_at, dedupe=outgoing.dedupe)
