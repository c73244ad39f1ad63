"""Folds: what a stream of events amounts to, computed by pure functions.

A fold over a long stream starts from a disposable checkpoint (stream, seq, fold version). The property that holds, and is
tested: a checkpoint and the tail give the same state as the whole stream.
"""

from __future__ import annotations

from typing import Any, Final, Protocol, TypeVar

import msgspec

from console.journal.errors import JournalError
from console.journal.events import Event
from console.journal.store import Journal

S = TypeVar("S", bound=msgspec.Struct)
EVERY: Final = 1000  # a fold that read more than this many events leaves a checkpoint


class Fold(Protocol[S]):
    """How a state grows. ``version`` changes whenever ``apply`` or the state's shape does."""

    name: str
    version: int

    def initial(self) -> S:
        """The state before the first event."""
        ...

    def apply(self, state: S, event: Event) -> S:
        """The state after *event*; may change *state* in place and return it."""
        ...


def fold_stream(journal: Journal, stream: str, fold: Fold[S], *, checkpoint: bool = True) -> S:
    """The state of *fold* over the whole of *stream*; a long read leaves a checkpoint behind when it may write."""
    state, seq = _load(journal, stream, fold) if checkpoint else (fold.initial(), 0)
    started = seq
    for event in journal.all(stream, after_seq=seq):
        state = fold.apply(state, event)
        seq = event.seq
    if checkpoint and seq - started > EVERY:
        _save(journal, stream, fold, seq, state)
    return state


def _load(journal: Journal, stream: str, fold: Fold[S]) -> tuple[S, int]:
    rows = journal.rows(
        "SELECT seq, state FROM checkpoints WHERE stream = ? AND fold = ? AND version = ?",
        (stream, fold.name, fold.version),
    )
    fresh = fold.initial()
    if not rows:
        return fresh, 0
    try:
        return msgspec.msgpack.decode(rows[0][1], type=type(fresh)), int(rows[0][0])
    except msgspec.MsgspecError:
        return fresh, 0  # disposable: fold again from the start


def _save(journal: Journal, stream: str, fold: Fold[S], seq: int, state: S) -> None:
    blob: bytes = msgspec.msgpack.encode(state)

    def work(db: Any) -> None:
        db.execute(
            "INSERT INTO checkpoints (stream, fold, version, seq, state) VALUES (?, ?, ?, ?, ?) ON CONFLICT (stream, fold) "
            "DO UPDATE SET version = excluded.version, seq = excluded.seq, state = excluded.state "
            "WHERE excluded.version > version OR (excluded.version = version AND excluded.seq > seq)",
            (stream, fold.name, fold.version, seq, blob),
        )

    try:
        journal.transact(work)
    except JournalError:
        return  # read-only, locked or full: the next reader pays again, nothing is lost
