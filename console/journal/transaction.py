"""Inside an append's transaction: sequence numbers, chain heads, ids. Every function here runs under the write lock."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from console.clock import to_us
from console.journal import chain
from console.journal.codec import COLUMNS, canonical, decode_row, encode_body
from console.journal.events import PRECISIONS, WATCH, Body, Event, New, Origin
from console.sanitize import one_line, visible

# Fields of bodies that hold words people search for; a run's frozen content and output are left out.
_WORDY: Final = (
    "title text evidence reason answer detail name service check runbook person role owner alias severity note".split()
)


class Stamp(NamedTuple):
    """Who writes, when, and from where."""

    now: datetime
    actor: str
    origin: Origin


def new_id(now: datetime) -> str:
    """A ULID for *now* (https://github.com/ulid/spec): sorts by time, 80 random bits."""
    from ulid import ULID

    return str(ULID.from_datetime(now))


def count_and_head(db: sqlite3.Connection, stream: str) -> tuple[int, str]:
    """The last ``(seq, hash)`` of *stream*; ``(0, "")`` when it is empty."""
    row = db.execute("SELECT seq, hash FROM events WHERE stream = ? ORDER BY seq DESC LIMIT 1", (stream,)).fetchone()
    return (row[0], row[1]) if row else (0, "")


def last_segment(db: sqlite3.Connection) -> str:
    """The newest watch segment; "" if there is none."""
    row = db.execute("SELECT max(stream) FROM streams WHERE stream GLOB ?", (f"{WATCH}:*",)).fetchone()
    return str(row[0] or "")


def drop_segments(db: sqlite3.Connection, before: str, now: datetime) -> list[str]:
    """Delete the watch segments that sort before *before* (``watch:2026-08``), the newest excepted; returns them."""
    newest = last_segment(db)
    rows = db.execute(
        "SELECT stream FROM streams WHERE stream GLOB ? AND stream < ?", (f"{WATCH}:*", before)
    ).fetchall()
    gone = sorted(stream for (stream,) in rows if stream != newest)
    for stream in gone:
        count, head = count_and_head(db, stream)
        anchor = (stream, count, head, to_us(now))
        db.execute("INSERT OR REPLACE INTO dropped_segments VALUES (?, ?, ?, ?)", anchor)
        db.execute("DELETE FROM words WHERE pos IN (SELECT pos FROM events WHERE stream = ?)", (stream,))
        db.execute("DELETE FROM checkpoints WHERE stream = ?", (stream,))
        db.execute("DELETE FROM events WHERE stream = ?", (stream,))
        db.execute("DELETE FROM streams WHERE stream = ?", (stream,))
    if gone:
        db.execute("INSERT INTO events_fts (events_fts) VALUES ('rebuild')")
    return gone


def new_incident(db: sqlite3.Connection, stamp: Stamp, wanted: str = "") -> tuple[str, str]:
    """A stream for a new incident and its alias; asking twice with the same *wanted* event id gives the first one."""
    if wanted:
        row = db.execute(
            "SELECT s.stream, s.alias FROM events AS e JOIN streams AS s ON s.stream = e.stream WHERE e.id = ?",
            (wanted,),
        ).fetchone()
        if row:
            return row[0], row[1]
    number = db.execute("SELECT coalesce(max(number), 0) + 1 FROM streams").fetchone()[0]
    stream, alias = new_id(stamp.now), f"INC-{number}"
    db.execute(
        "INSERT INTO streams (stream, alias, number, created_at) VALUES (?, ?, ?, ?)",
        (stream, alias, number, to_us(stamp.now)),
    )
    return stream, alias


def insert(db: sqlite3.Connection, stamp: Stamp, stream: str, news: Sequence[New]) -> list[Event]:
    """Append *news* to *stream*; one whose id or dedupe key is there already is returned as it was recorded."""
    known = db.execute("SELECT 1 FROM streams WHERE stream = ?", (stream,)).fetchone()
    if known is None:
        if not stream.startswith(f"{WATCH}:"):
            raise LookupError(f"no incident {one_line(stream, 60)}")
        db.execute("INSERT INTO streams (stream, created_at) VALUES (?, ?)", (stream, to_us(stamp.now)))
    seq, head = count_and_head(db, stream)
    result = []
    for new in news:
        earlier = _earlier(db, stream, new)
        if earlier is not None:
            result.append(earlier)
            continue
        seq += 1
        event = _insert_one(db, stamp, stream, seq, head, new)
        head = event.hash
        result.append(event)
    return result


def searchable(kind: str, actor: str, body: Body) -> str:
    """The words that an event is found by."""
    parts = [actor, kind]
    parts += [value for field in _WORDY if isinstance(value := getattr(body, field, None), str)]
    for field in ("tags", "services", "marks"):
        parts += getattr(body, field, ())
    return visible(" ".join(part for part in parts if part))


def _earlier(db: sqlite3.Connection, stream: str, new: New) -> Event | None:
    row = None
    if new.id:
        row = db.execute(f"SELECT {COLUMNS} FROM events WHERE id = ?", (new.id,)).fetchone()  # noqa: S608 - a constant
    if row is None and new.dedupe is not None:
        row = db.execute(
            f"SELECT {COLUMNS} FROM events WHERE stream = ? AND dedupe = ?",  # noqa: S608 - a constant
            (stream, new.dedupe),
        ).fetchone()
    return decode_row(row) if row else None


def _insert_one(db: sqlite3.Connection, stamp: Stamp, stream: str, seq: int, head: str, new: New) -> Event:
    if new.precision not in PRECISIONS:
        raise ValueError(f"not a precision: {new.precision!r}")
    kind, body = encode_body(msgspec.structs.replace(new.body, nonce=secrets.token_hex(8)))
    recorded_at = to_us(stamp.now)
    occurred_at = recorded_at if new.occurred_at is None else to_us(new.occurred_at)
    identity = new.id or new_id(stamp.now)
    actor = one_line(new.actor or stamp.actor, 200)
    origin = canonical(msgspec.structs.asdict(stamp.origin))
    body_hash = chain.body_hash(body)
    digest = chain.event_hash(
        version=chain.VERSION,
        stream=stream,
        seq=seq,
        id=identity,
        recorded_at=recorded_at,
        occurred_at=occurred_at,
        precision=new.precision,
        actor=actor,
        origin=origin,
        kind=kind,
        dedupe=new.dedupe,
        body_hash=body_hash,
        previous=head,
    )
    target = getattr(new.body, "target", None)
    row = (
        identity,
        stream,
        seq,
        recorded_at,
        occurred_at,
        new.precision,
        actor,
        origin,
        kind,
        chain.VERSION,
        new.dedupe,
    )
    cursor = db.execute(
        "INSERT INTO events (id, stream, seq, recorded_at, occurred_at, precision, actor, origin, kind, version, dedupe, "
        "body, body_hash, hash, target) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*row, body, body_hash, digest, target),
    )
    words = (cursor.lastrowid, searchable(kind, actor, new.body))
    db.execute("INSERT INTO words (pos, words) VALUES (?, ?)", words)
    db.execute("INSERT INTO events_fts (rowid, words) VALUES (?, ?)", words)
    return decode_row((cursor.lastrowid, *row, body, body_hash, digest))
