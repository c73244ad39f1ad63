"""Bodies to canonical JSON and back.

Decoding is two-stage: the kind is looked up first, then the body is decoded into its struct. What is not understood
becomes :class:`~console.journal.events.Unknown` with all its fields; unknown fields of a known kind are ignored by the
struct and stay in the row.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from console.clock import from_us, rfc3339
from console.journal.events import KINDS, AnyBody, Body, Erased, Event, Origin, Unknown
from console.sanitize import visible

COLUMNS = "pos, id, stream, seq, recorded_at, occurred_at, precision, actor, origin, kind, version, dedupe, body, body_hash, hash"

_decoders: dict[str, msgspec.json.Decoder[Any]] = {}
_origin = msgspec.json.Decoder(Origin)


def canonical(value: Any) -> str:
    """Canonical JSON: sorted keys, no spaces, UTF-8, no floats (they become strings), no lone surrogates."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Mapping):
        return {visible(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return visible(str(value))


def encode_body(body: Body) -> tuple[str, str]:
    """``(kind, canonical JSON)`` of *body*; text is made visible on the way in (rule 1)."""
    fields = msgspec.structs.asdict(body)
    defaults = dict(zip(reversed(body.__struct_fields__), reversed(body.__struct_defaults__), strict=False))
    kept = {name: value for name, value in fields.items() if name not in defaults or value != defaults[name]}
    return str(body.__struct_config__.tag), canonical(kept)


def decode_body(kind: str, text: str) -> AnyBody:
    """The struct for *kind*, or :class:`Unknown` with its fields."""
    struct = KINDS.get(kind)
    if struct is None:
        return Unknown(kind=kind, fields=_fields(text), problem="a kind that this version does not know")
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(struct)
    try:
        body: Body = decoder.decode(text)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        return Unknown(kind=kind, fields=_fields(text), problem=str(error))
    return body


def _fields(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {"text": text}
    return value if isinstance(value, dict) else {"value": value}


def decode_row(row: sqlite3.Row | tuple[Any, ...]) -> Event:
    """An event from a row of :data:`COLUMNS`."""
    (
        pos,
        id_,
        stream,
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
        body_hash,
        hash_,
    ) = row
    try:
        where = _origin.decode(origin)
    except msgspec.MsgspecError:
        where = Origin(program="unknown")
    return Event(
        id=id_,
        stream=stream,
        seq=seq,
        recorded_at=from_us(recorded),
        occurred_at=from_us(occurred),
        precision=precision,
        actor=actor,
        origin=where,
        kind=kind,
        body=Erased() if body is None else decode_body(kind, body),
        version=version,
        dedupe=dedupe,
        body_hash=body_hash,
        hash=hash_,
        pos=pos,
    )
