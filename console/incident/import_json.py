"""Import of JSON: one incident, several under ``cases``, or a list of them. Failures carry the line in the file."""

from __future__ import annotations

import json
import json.decoder
import json.scanner
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any, Final, TypeAlias

from console.incident.metrics import coarser
from console.incident.records import Case, Item, Reader
from console.sanitize import one_line, visible

_CASE_KEYS: Final = frozenset({"title", "tz", "events", "impact_windows", "severity", "services", "summary", "drill"})
_ITEM_KEYS: Final = frozenset(
    {"at", "precision", "kind", "text", "marks", "actor", "tags", "starred", "question", "evidence"}
)
_BIG: Final = 2**63
_Path: TypeAlias = tuple[str | int, ...]


def read(text: str, reader: Reader, title: str) -> list[Case]:
    """The cases of a JSON text; what is wrong goes to ``reader.failures``."""
    try:
        document = json.loads(
            text, parse_int=_integer, parse_float=str, parse_constant=_refuse, object_pairs_hook=_object
        )
    except json.JSONDecodeError as error:
        reader.fail(error.lineno, f"not JSON: {error.msg}")
        return []
    except RecursionError:
        reader.fail(1, "not JSON that can be read: nested too deep")
        return []
    except ValueError as error:
        reader.fail(1, f"not JSON that can be read: {error}")
        return []
    reading = _Reading(text, reader)
    if isinstance(document, dict) and isinstance(document.get("cases"), list):
        shared = {key: value for key, value in document.items() if key not in ("cases", "title")}
        name = str(document.get("title") or title)
        return _cases(document["cases"], ("cases",), reading, name, shared)
    if isinstance(document, list) and document and all(isinstance(entry, dict) and "at" in entry for entry in document):
        return [_case({"events": document}, (), reading, title, {}, event_path=())]
    if isinstance(document, list):
        return _cases(document, (), reading, title, {})
    return [_case(document, (), reading, title, {})]


def _cases(entries: list[Any], path: _Path, reading: _Reading, name: str, shared: Mapping[str, Any]) -> list[Case]:
    if not entries:
        reading.fail(path, "no incident in it")
    return [
        _case(entry, (*path, index), reading, f"{name}: {_name(entry, index + 1)}", shared)
        for index, entry in enumerate(entries)
    ]


def _name(entry: Any, number: int) -> str:
    return str(entry.get("id") or number) if isinstance(entry, dict) else str(number)


def _integer(text: str) -> int | str:
    value = int(text) if len(text) < 25 else _BIG
    return value if -_BIG < value < _BIG else text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object, and only one could be kept")
    return found


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON value")


class _Reading:
    """Failures with line numbers: where an object begins is looked up only when something is wrong with it."""

    def __init__(self, text: str, reader: Reader) -> None:
        self.text = text
        self.reader = reader
        self._lines: dict[_Path, int] | None = None

    def fail(self, path: _Path, problem: str) -> None:
        if self._lines is None:
            self._lines = line_index(self.text)
        line, at = 0, path
        while not line and at:
            line, last = self._lines.get(at, 0), at[-1]
            # A bare value has no place of its own: the nearest object before it in the list is where to look.
            at = (*at[:-1], last - 1) if isinstance(last, int) and last > 0 else at[:-1]
        self.reader.fail(line or self._lines.get((), 1), problem)


def _case(
    entry: Any,
    path: _Path,
    reading: _Reading,
    title: str,
    shared: Mapping[str, Any],
    event_path: _Path | None = None,
) -> Case:
    if not isinstance(entry, dict):
        reading.fail(path, f"expected an incident as an object, got {_kind(entry)}")
        return Case(title=title)
    zone = reading.reader.zone_named(_text(entry, "tz", path, reading) or str(shared.get("tz") or ""))
    raw = entry.get("events", [])
    events_at = (*path, "events") if event_path is None else event_path
    if not isinstance(raw, list):
        reading.fail(path, f"events: expected a list, got {_kind(raw)}")
        raw = []
    items = [_item(each, (*events_at, index), reading, zone) for index, each in enumerate(raw)]
    facts = {key: value for key, value in {**shared, **entry}.items() if key not in _CASE_KEYS}
    for key in facts:
        reading.reader.keep(f"key {key!r}")
    own = _text(entry, "title", path, reading)
    return Case(
        title=one_line(own or title),
        tz=str(entry.get("tz") or shared.get("tz") or ""),
        severity=_text(entry, "severity", path, reading),
        services=_words(entry, "services", path, reading),
        summary=visible(_text(entry, "summary", path, reading)),
        drill=_flag(entry, "drill", path, reading),
        items=tuple(item for item in items if item is not None),
        windows=tuple(_windows(entry.get("impact_windows") or [], (*path, "impact_windows"), reading, zone)),
        facts=facts,
    )


def _item(entry: Any, path: _Path, reading: _Reading, zone: tzinfo) -> Item | None:
    if not isinstance(entry, dict):
        reading.fail(path, f"expected an event as an object, got {_kind(entry)}")
        return None
    at = entry.get("at")
    if not isinstance(at, str):
        reading.fail(path, "at: expected a time as text" + ("" if at is None else f", got {_kind(at)}"))
        return None
    try:
        moment = reading.reader.time(at, zone)
        precision = reading.reader.precision(_text(entry, "precision", path, reading), moment.precision)
    except ValueError as error:
        reading.fail(path, str(error))
        return None
    extra = {key: value for key, value in entry.items() if key not in _ITEM_KEYS}
    for key in extra:
        reading.reader.keep(f"event key {key!r}")
    marks = tuple(reading.reader.mark(word) for word in _words(entry, "marks", path, reading))
    item = Item(
        at=moment.at,
        precision=precision,
        kind=one_line(_text(entry, "kind", path, reading)) or "note",
        text=visible(_text(entry, "text", path, reading)),
        marks=marks,
        tags=_words(entry, "tags", path, reading),
        actor=one_line(_text(entry, "actor", path, reading)),
        starred=_flag(entry, "starred", path, reading),
        question=_flag(entry, "question", path, reading),
        evidence=visible(_text(entry, "evidence", path, reading)),
        extra=extra,
    )
    if not (item.text or item.marks or item.evidence):
        reading.fail(path, "an event needs text or marks")
    return item


def _windows(entry: Any, path: _Path, reading: _Reading, zone: tzinfo) -> list[tuple[datetime, datetime | None, str]]:
    if not isinstance(entry, list):
        reading.fail(path[:-1], f"impact_windows: expected a list of [start, end], got {_kind(entry)}")
        return []
    found = []
    for index, pair in enumerate(entry):
        here = (*path, index)
        ends = pair if isinstance(pair, list) and len(pair) == 2 else None
        if ends is None or not isinstance(ends[0], str) or not (ends[1] is None or isinstance(ends[1], str)):
            reading.fail(here, "impact_windows: expected [start, end], end null while it goes on")
            continue
        try:
            start = reading.reader.time(ends[0], zone)
            end = None if ends[1] is None else reading.reader.time(ends[1], zone)
        except ValueError as error:
            reading.fail(here, str(error))
            continue
        if end is not None and end.at < start.at:
            reading.fail(here, f"impact_windows: ends ({ends[1]}) before it starts ({ends[0]})")
            continue
        precision = start.precision if end is None else coarser(start.precision, end.precision)
        found.append((start.at, None if end is None else end.at, precision))
    return found


def _text(entry: Mapping[str, Any], key: str, path: _Path, reading: _Reading) -> str:
    value = entry.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        reading.fail(path, f"{key}: expected text, got {_kind(value)}")
        return ""
    return value


def _words(entry: Mapping[str, Any], key: str, path: _Path, reading: _Reading) -> tuple[str, ...]:
    value = entry.get(key)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        reading.fail(path, f"{key}: expected a list of words, got {_kind(value)}")
        return ()
    return tuple(dict.fromkeys(one_line(word) for word in value if word.strip()))


def _flag(entry: Mapping[str, Any], key: str, path: _Path, reading: _Reading) -> bool:
    value = entry.get(key, False)
    if not isinstance(value, bool):
        reading.fail(path, f"{key}: expected true or false, got {_kind(value)}")
        return False
    return value


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def line_index(text: str) -> dict[_Path, int]:
    """The 1-based line of every object and array in a JSON text, by path (keys and indexes from the root)."""
    spots: dict[int, int] = {}  # id of a parsed object → where it starts
    alive: list[Any] = []  # keeps ids unique while parsing
    decoder = json.JSONDecoder()
    make_object, make_array = json.decoder.JSONObject, json.decoder.JSONArray  # type: ignore[attr-defined]  # undocumented but stable since 2.7

    def parse_object(state: tuple[str, int], *rest: Any) -> Any:
        value, end = make_object(state, *rest)
        spots[id(value)] = state[1] - 1
        alive.append(value)
        return value, end

    def parse_array(state: tuple[str, int], *rest: Any) -> Any:
        value, end = make_array(state, *rest)
        spots[id(value)] = state[1] - 1
        alive.append(value)
        return value, end

    decoder.parse_object, decoder.parse_array = parse_object, parse_array  # type: ignore[attr-defined]  # as above
    decoder.scan_once = json.scanner.py_make_scanner(decoder)  # type: ignore[attr-defined]  # the scanner that calls them
    root = decoder.decode(text)
    starts = [0]
    for offset, character in enumerate(text):
        if character == "\n":
            starts.append(offset + 1)
    found: dict[_Path, int] = {}
    _walk(root, (), spots, starts, found)
    return found


def _walk(
    value: Any,
    path: _Path,
    spots: Mapping[int, int],
    starts: list[int],
    found: dict[_Path, int],
) -> None:
    if not isinstance(value, dict | list):
        return
    found[path] = bisect_right(starts, spots[id(value)])
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in inner:
        _walk(item, (*path, key), spots, starts, found)
