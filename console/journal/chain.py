"""The hash chain of a stream: tamper-evident, not tamper-proof.

``hash = SHA-256(canonical JSON of the envelope, with the body's hash and the hash before)``; ``body_hash = SHA-256`` over
the stored body with a domain prefix. Whoever may write the file can rebuild the whole chain, and the loss of the newest
rows is invisible without an anchor: that is why closing an incident and the postmortem print count and head.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Container, Iterable
from typing import Any, Final

from msgspec import Struct

VERSION: Final = 1


def body_hash(body: str) -> str:
    """Hex SHA-256 of a stored body."""
    return hashlib.sha256(b"vigie/body/1\n" + body.encode()).hexdigest()


def event_hash(
    *,
    version: int,
    stream: str,
    seq: int,
    id: str,
    recorded_at: int,
    occurred_at: int,
    precision: str,
    actor: str,
    origin: str,
    kind: str,
    dedupe: str | None,
    body_hash: str,
    previous: str,
) -> str:
    """Hex SHA-256 of an envelope; times in microseconds, *previous* is ``""`` for the first event of a stream."""
    envelope: dict[str, Any] = {
        "actor": actor,
        "body": body_hash,
        "dedupe": dedupe,
        "id": id,
        "kind": kind,
        "occurred_at": occurred_at,
        "origin": origin,
        "precision": precision,
        "previous": previous,
        "recorded_at": recorded_at,
        "seq": seq,
        "stream": stream,
        "version": version,
    }
    text = json.dumps(envelope, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(b"vigie/event/1\n" + text.encode()).hexdigest()


class Verdict(Struct, frozen=True, kw_only=True):
    """What checking a stream found. ``bad_seq`` is the first event that does not fit, or None."""

    stream: str
    count: int
    head: str
    bad_seq: int | None = None
    problem: str = ""

    @property
    def ok(self) -> bool:
        """Whether the whole chain fits."""
        return self.bad_seq is None


def check_rows(
    stream: str, rows: Iterable[sqlite3.Row | tuple[Any, ...]], redacted: Container[str] = frozenset()
) -> Verdict:
    """Recompute the chain over *rows* (columns of ``codec.COLUMNS``, ascending by seq).

    *redacted* holds the ids that a redaction names: an empty body is in order for those alone.
    """
    count, previous = 0, ""
    for row in rows:
        (
            _pos,
            id_,
            in_stream,
            seq,
            recorded,
            occurred,
            precision,
            actor,
            origin,
            kind,
            version,
            dedupe,
            body,
            stored,
            hash_,
        ) = row
        problem = ""
        if seq != count + 1:
            problem = f"expected seq {count + 1}, found {seq}: events are missing"
        elif in_stream != stream:
            problem = "belongs to another stream"
        elif body is not None and body_hash(body) != stored:
            problem = "its text is not what was recorded"
        elif body is None and id_ not in redacted:
            problem = "its text was erased without a redaction"
        elif hash_ != event_hash(
            version=version,
            stream=in_stream,
            seq=seq,
            id=id_,
            recorded_at=recorded,
            occurred_at=occurred,
            precision=precision,
            actor=actor,
            origin=origin,
            kind=kind,
            dedupe=dedupe,
            body_hash=stored,
            previous=previous,
        ):
            problem = "its envelope (time, actor, kind, place) is not what was recorded"
        if problem:
            return Verdict(stream=stream, count=count, head=previous, bad_seq=min(seq, count + 1), problem=problem)
        count, previous = seq, hash_
    return Verdict(stream=stream, count=count, head=previous)
