"""Any event as a line: all kinds, unknown ones, edits, order, overlay, hostile text."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
import pytest

from console.clock import FixedClock
from console.incident import actions
from console.incident.annotations import Annotations, of_events, of_stream
from console.incident.clocks import Zero
from console.incident.timeline import as_json, in_order, line, lines, plain
from console.incident.wording import words
from console.journal.events import KINDS, Body, Origin, Redacted, Unknown
from console.journal.store import Journal
from console.sanitize import is_clean
from tests.console.incident.making import START, events

ZERO = Zero(at=START, basis="impact_start")
NOBODY = Annotations()
BAD = "\x1b]0;x\x07\u202e[/red] {x}"


def sample(kind: type[Body]) -> Body:
    """A body of *kind* with hostile text wherever text may stand."""

    def value(of: Any) -> Any:
        if of is str:
            return BAD
        if of is int:
            return 7
        if of is bool:
            return True
        if of is datetime:
            return START
        if get_origin(of) is tuple:
            return (value(get_args(of)[0]),)
        if get_args(of) and type(None) in get_args(of):
            return value(next(arg for arg in get_args(of) if arg is not type(None)))
        return {BAD: BAD}

    fields = msgspec.structs.fields(kind)
    return kind(**{field.name: value(field.type) for field in fields if field.name not in ("nonce",)})


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_kind_has_words_and_none_are_hostile(name: str) -> None:
    (event,) = events([sample(KINDS[name])])
    kind, text = words(event)
    assert kind
    assert text
    shown = line(event, NOBODY, ZERO)
    assert is_clean(plain(shown))
    assert "\n" not in plain(shown)
    assert is_clean(shown.kind + shown.text + shown.actor)
    json.dumps(as_json(shown, "INC-1"))


def test_every_kind_with_only_what_it_must_have() -> None:
    for kind in KINDS.values():
        required = {field.name: field for field in msgspec.structs.fields(kind) if field.required}
        values = {
            name: START if field.type is datetime else 1 if field.type is int else ""
            for name, field in required.items()
        }
        values = {name: () if get_origin(required[name].type) is tuple else value for name, value in values.items()}
        (event,) = events([kind(**values)])
        assert words(event)[0]


def test_an_unknown_kind_is_shown_with_its_fields() -> None:
    (event,) = events([actions.note("x")])
    event = msgspec.structs.replace(
        event, kind="levitated", body=Unknown(kind="levitated", fields={"height": 3, "x": BAD})
    )
    shown = line(event, NOBODY, ZERO)
    assert shown.kind == "levitated"
    assert '"height": 3' in shown.text
    assert is_clean(shown.text)


def test_times_and_lag() -> None:
    def shown(at: datetime, precision: str, recorded: datetime, program: str = "cli") -> str:
        (event,) = events([actions.note("x", at=at, precision=precision)], start=recorded, program=program)
        return plain(line(event, NOBODY, ZERO))

    five = timedelta(minutes=5)
    assert shown(START, "second", START + five) == "13:00 T+00:00 [note] x — @ann"
    assert shown(START, "minute", START + five + timedelta(seconds=59)) == "13:00 T+00:00 [note] x — @ann"
    assert shown(START, "minute", START + 2 * five).endswith("(recorded 13:10, 10m later)")
    assert shown(START - five, "approx", START + timedelta(days=1)) == (
        "~12:55 T−00:05 [note] x — @ann (approximate) (recorded 2024-03-11 13:00, 1d later)"
    )
    assert shown(datetime(2024, 3, 23, tzinfo=UTC), "day", START) == "day T+13d [note] x — @ann"
    assert shown(START, "minute", START + timedelta(days=900), "import") == "13:00 T+00:00 [note] x — @ann"


def test_without_t_zero_there_is_no_t() -> None:
    (event,) = events([actions.note("x")])
    assert plain(line(event, NOBODY, None)) == "13:00 [note] x — @ann"


def test_annotations_change_what_is_shown() -> None:
    stream = events(
        [
            actions.note("old", kind="finding"),
            actions.revise("e1", text="new", kind="decision", at=START - timedelta(hours=1)),
            actions.star("e1"),
            actions.undo("e1", "no"),
            actions.undo("e4"),
        ]
    )
    before = line(stream[0], Annotations(stream[:4]), ZERO)
    assert (before.text, before.kind, before.starred, before.undone) == ("new", "decision", True, True)
    assert before.notes == ("edited ×1", "undone by @ann: no", "recorded 13:00, 1h later")
    after = line(stream[0], Annotations(stream), ZERO)
    assert not after.undone


def test_bookkeeping_is_left_out_unless_all_is_asked_for() -> None:
    stream = events([actions.note("x"), actions.star("e1"), Redacted(target="e1")])
    notes = Annotations(stream)
    assert [shown.seq for shown in lines(stream, notes, ZERO)] == [1]
    assert [shown.seq for shown in lines(stream, notes, ZERO, everything=True)] == [1, 2, 3]


def test_order_follows_edited_times_over_many_pages(database: Path) -> None:
    clock = FixedClock(START)
    with Journal.open(database, actor="ann", origin=Origin(program="cli"), clock=clock) as journal:
        stream, _, _ = journal.declare(actions.declare("x"))
        news = [actions.note(str(n), at=START + timedelta(seconds=(n * 7919) % 1201)) for n in range(1201)]
        made = journal.append(stream, news)
        moved = [made[3], made[700]]
        journal.append(stream, [actions.revise(each.id, at=START - timedelta(days=1)) for each in moved])
        notes = of_stream(journal, stream)
        ordered = list(in_order(journal, stream, notes))
        keys = [(notes.when(event)[0], event.seq) for event in ordered]
        assert keys == sorted(keys)
        assert len(ordered) == 1 + 1201 + 2
        assert [event.id for event in ordered[:2]] == [event.id for event in moved]
        window = of_events(journal, moved)
        assert all(window.when(event)[0] == START - timedelta(days=1) for event in moved)


def test_as_known_at(database: Path) -> None:
    clock = FixedClock(START)
    with Journal.open(database, actor="ann", origin=Origin(program="cli"), clock=clock) as journal:
        stream, _, _ = journal.declare(actions.declare("x"))
        (first,) = journal.append(stream, [actions.note("what we thought")])
        known = clock.now()
        clock.advance(600)
        journal.append(stream, [actions.revise(first.id, text="what it was"), actions.note("backdated", at=START)])
        notes = of_stream(journal, stream, as_known_at=known)
        texts = [line(event, notes, None).text for event in in_order(journal, stream, notes, as_known_at=known)]
    assert texts == ["x", "what we thought"]


def test_json_has_the_documented_fields() -> None:
    (event,) = events([actions.note("x", tags=["db"], marks=["mitigated"], starred=True)])
    document = as_json(line(event, NOBODY, ZERO), "INC-1")
    wanted = (
        "id incident seq recorded_at occurred_at precision actor origin kind text tags starred marks dedupe_key hash"
    ).split()
    assert set(wanted) <= set(document)
    assert (document["incident"], document["origin"], document["kind"]) == ("INC-1", "cli", "milestone")
    assert (document["tags"], document["marks"], document["starred"]) == (["db"], ["mitigated"], True)
    assert document["recorded_at"] == "2024-03-10T13:00:00Z"
