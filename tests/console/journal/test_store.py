"""Append, read, follow, search."""

import sqlite3
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.clock import FixedClock, to_us
from console.journal.errors import Refused
from console.journal.events import (
    Declared,
    Erased,
    New,
    Noted,
    Redacted,
    SegmentOpened,
    SourceLost,
    Unknown,
)
from console.journal.store import PAGE, Journal

Open = Callable[..., Journal]


def texts(events: object) -> list[str]:
    return [event.body.text for event in events if isinstance(event.body, Noted)]  # type: ignore[attr-defined]


def note(text: str, **how: object) -> New:
    return New(body=Noted(text=text), **how)  # type: ignore[arg-type]


def test_incidents_are_numbered_from_one(journal: Journal) -> None:
    made = [journal.declare([New(body=Declared(title=f"t{n}"))])[1] for n in range(3)]
    assert made == ["INC-1", "INC-2", "INC-3"]
    assert [info.alias for info in journal.incidents()] == ["INC-3", "INC-2", "INC-1"]


@pytest.mark.parametrize("name", ["INC-1", "inc-1", "1", " 1 "])
def test_an_incident_is_found_by_its_names(journal: Journal, stream: str, name: str) -> None:
    assert journal.resolve(name) == stream
    assert journal.resolve(stream) == stream
    assert journal.resolve("INC-2") is None
    assert journal.resolve("nonsense") is None
    assert journal.alias(stream) == "INC-1"


def test_an_event_comes_back_as_it_went_in(journal: Journal, stream: str, opened: Open) -> None:
    when = datetime(2026, 3, 10, 13, 0, tzinfo=UTC)
    body = Noted(
        text="pool at 100 %", note="finding", tags=("db",), marks=("detected",), starred=True, extra={"a": 1.5}
    )
    (written,) = journal.append(stream, [New(body=body, occurred_at=when, precision="minute")])
    (read,) = opened().window(stream, after_seq=1)
    assert read == written
    assert (read.seq, read.actor, read.origin.tty, read.precision, read.occurred_at) == (
        2,
        "ann",
        "pts/3",
        "minute",
        when,
    )
    assert isinstance(read.body, Noted)
    assert (read.body.text, read.body.marks, read.body.extra) == ("pool at 100 %", ("detected",), {"a": "1.5"})
    assert len(read.body.nonce) == 16


def test_text_is_made_visible_on_the_way_in(journal: Journal, stream: str) -> None:
    (event,) = journal.append(stream, [note("\x1b]0;x\x07 a\u202eb \ud800")])
    assert isinstance(event.body, Noted)
    assert event.body.text == "<ESC>]0;x<BEL> a<U+202E>b <U+D800>"
    assert texts(journal.window(stream)) == [event.body.text]


def test_unknown_kinds_and_unreadable_bodies_are_kept_and_shown(journal: Journal, stream: str, db: Path) -> None:
    class Later(Noted, tag="later_kind", frozen=True, kw_only=True):
        mood: str = ""

    journal.append(stream, [New(body=Later(text="from the future", mood="calm"))])
    (event,) = journal.window(stream, after_seq=1)
    assert event.kind == "later_kind"
    assert isinstance(event.body, Unknown)
    assert event.body.fields["mood"] == "calm"
    assert journal.verify(stream).ok


def test_a_newer_field_of_a_known_kind_does_not_hurt(journal: Journal, stream: str) -> None:
    class Newer(Noted, tag="noted", frozen=True, kw_only=True):
        mood: str = ""

    journal.append(stream, [New(body=Newer(text="hello", mood="calm"))])
    assert texts(journal.window(stream)) == ["hello"]
    assert "calm" in journal.rows("SELECT body FROM events WHERE seq = 2")[0][0]


def test_the_same_dedupe_key_or_id_is_appended_once(journal: Journal, stream: str) -> None:
    first = journal.append(stream, [note("a", dedupe="k"), note("b", id="01HXAAAAAAAAAAAAAAAAAAAAAA")])
    again = journal.append(stream, [note("other", dedupe="k"), note("other", id="01HXAAAAAAAAAAAAAAAAAAAAAA")])
    assert again == first
    assert texts(journal.window(stream)) == ["a", "b"]


def test_declaring_twice_with_one_id_makes_one_incident(journal: Journal) -> None:
    new = New(body=Declared(title="once"), id="01HXAAAAAAAAAAAAAAAAAAAAAB")
    assert journal.declare([new])[:2] == journal.declare([new])[:2]
    assert len(journal.incidents()) == 1


def test_appending_to_no_incident_is_an_error(journal: Journal) -> None:
    with pytest.raises(LookupError, match="no incident"):
        journal.append("nowhere", [note("x")])


def test_windows_page_by_seq_both_ways(journal: Journal, stream: str) -> None:
    journal.append(stream, [note(str(n)) for n in range(2, 31)])
    assert [event.seq for event in journal.window(stream, limit=3)] == [28, 29, 30]
    assert [event.seq for event in journal.window(stream, before_seq=28, limit=3)] == [25, 26, 27]
    assert [event.seq for event in journal.window(stream, after_seq=28, limit=3)] == [29, 30]


def test_the_timeline_is_in_the_order_of_what_happened(journal: Journal, stream: str, clock: FixedClock) -> None:
    now = clock.now()
    journal.append(
        stream,
        [note("late", occurred_at=now + timedelta(minutes=2)), note("early", occurred_at=now - timedelta(minutes=5))],
    )
    assert texts(journal.timeline(stream)) == ["early", "late"]
    page = journal.timeline(stream, limit=1)
    assert texts(page) == ["late"]
    before = journal.timeline(stream, before=(page[0].occurred_at, page[0].seq), limit=2)
    assert [event.kind for event in before] == ["noted", "declared"]
    assert texts(journal.timeline(stream, after=(before[0].occurred_at, before[0].seq))) == ["late"]


def test_all_reads_every_page_and_as_known_at_cuts_by_recording_time(
    journal: Journal, stream: str, clock: FixedClock
) -> None:
    journal.append(stream, [note(str(n)) for n in range(PAGE + 10)])
    known = clock.now()
    clock.advance(60)
    journal.append(stream, [note("backdated", occurred_at=known - timedelta(hours=1))])
    assert len(list(journal.all(stream))) == PAGE + 12
    assert len(list(journal.all(stream, as_known_at=known))) == PAGE + 11


def test_another_process_is_noticed_by_data_version(opened: Open, stream: str) -> None:
    reader, writer = opened(read_only=True), opened()
    assert reader.changed()
    assert not reader.changed()
    pos = reader.last_pos()
    writer.append(stream, [note("from next door")])
    assert reader.changed()
    assert texts(reader.since(pos)) == ["from next door"]
    assert not reader.changed()


def test_search_finds_words_prefixes_and_accents(journal: Journal, stream: str) -> None:
    journal.append(stream, [note('Redémarré le service "crypto-rebal"'), note("nothing here")])
    assert texts(journal.search("redemarre crypto")) == ['Redémarré le service "crypto-rebal"']
    assert texts(journal.search("REDÉM")) == ['Redémarré le service "crypto-rebal"']
    assert journal.search("") == []
    assert journal.search('" OR NEAR(') == []
    assert [event.kind for event in journal.search("checkout", stream=stream)] == ["declared"]
    assert journal.search("checkout", stream="elsewhere") == []


def test_a_guard_refuses_inside_the_transaction(journal: Journal, stream: str) -> None:
    def refuse(_db: sqlite3.Connection) -> None:
        raise Refused("the lease was lost")

    with pytest.raises(Refused):
        journal.append(stream, [note("x")], guard=refuse)
    assert journal.head(stream)[0] == 1


def test_watch_segments_are_tied_by_month(journal: Journal, clock: FixedClock) -> None:
    journal.append_watch([New(body=SourceLost(source="am-a"))])
    march = journal.head("watch:2026-03")
    clock.advance(31 * 86400)
    journal.append_watch([New(body=SourceLost(source="am-b"))])
    opening = journal.window("watch:2026-04")[0].body
    assert isinstance(opening, SegmentOpened)
    assert (opening.previous, opening.count, opening.head) == ("watch:2026-03", *march)
    found = journal.watch_between(clock.now() - timedelta(days=40), clock.now())
    assert [event.kind for event in found] == ["segment_opened", "source_lost"] * 2


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE events SET actor = 'mallory' WHERE seq = 1",
        "UPDATE events SET body = '{}' WHERE seq = 1",
        "UPDATE events SET body = NULL WHERE seq = 1",
        "DELETE FROM events WHERE seq = 1",
        "INSERT OR REPLACE INTO events SELECT * FROM events WHERE seq = 1",
    ],
)
def test_rows_can_not_be_changed(journal: Journal, stream: str, db: Path, sql: str) -> None:
    before = journal.rows("SELECT * FROM events")
    other = sqlite3.connect(db)
    with pytest.raises(sqlite3.IntegrityError, match="events are never"):
        other.execute(sql)
    other.close()
    assert journal.rows("SELECT * FROM events") == before


def test_redaction_erases_the_text_everywhere_and_the_chain_still_holds(
    journal: Journal, stream: str, db: Path
) -> None:
    secret = "hunter2hunter2"
    (event,) = journal.append(stream, [note(f"the password is {secret}")])
    assert journal.search(secret)
    journal.redact(event.id, "a password")
    found = journal.get(event.id)
    assert found is not None
    assert isinstance(found.body, Erased)
    assert (found.seq, found.hash) == (event.seq, event.hash)
    assert journal.search(secret) == []
    assert journal.verify(stream).ok
    last = journal.window(stream)[-1].body
    assert isinstance(last, Redacted)
    assert last.reason == "a password"
    journal.close()
    assert secret.encode() not in db.read_bytes()  # no connection is open any more


def test_redacting_nothing_is_an_error(journal: Journal) -> None:
    with pytest.raises(LookupError):
        journal.redact("01HXAAAAAAAAAAAAAAAAAAAAAA", "x")


def test_the_file_is_private_unless_a_group_is_named(opened: Open, db: Path, tmp_path: Path) -> None:
    opened()
    assert stat.S_IMODE(db.stat().st_mode) == 0o600
    assert stat.S_IMODE(db.parent.stat().st_mode) == 0o700
    shared = tmp_path / "group" / "vigie.db"
    Journal.open(shared, actor="a", origin=opened().origin, file_mode=0o660).close()
    assert stat.S_IMODE(shared.stat().st_mode) == 0o660
    assert shared.parent.stat().st_mode & stat.S_ISGID


def test_a_backup_is_a_whole_private_copy_and_never_overwrites(
    journal: Journal, stream: str, tmp_path: Path, opened: Open
) -> None:
    target = tmp_path / "copy.db"
    journal.copy_into(target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with Journal.open(target, actor="a", origin=journal.origin, read_only=True) as copy:
        assert copy.verify(stream) == journal.verify(stream)
    with pytest.raises(Exception, match="exists"):
        journal.copy_into(target)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["copy.db", "data"]


def test_times_are_whole_microseconds(journal: Journal, stream: str, clock: FixedClock) -> None:
    assert journal.rows("SELECT recorded_at FROM events")[0][0] == to_us(clock.now())
