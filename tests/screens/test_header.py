"""The three header lines: words for every state, nothing green without evidence."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from console.config import Config
from console.incident import actions
from console.journal.events import Origin
from console.journal.store import Journal
from console.snapshot import Ack, Source, StatusSnapshot
from screens import incident_now
from screens.header import elapsed, incident_words, severity_token, short_place, source_words, sources_line, verdict
from screens.widgets.text import Span

NOW = datetime(2026, 11, 21, 14, 5, 9, tzinfo=UTC)


def text(spans: tuple[Span, ...]) -> str:
    return "".join(part for part, _ in spans)


def test_counts_in_words(given: Any) -> None:
    snapshot = given.snapshot(
        given.check("a", "x", "DOWN"), given.check("b", "x"), given.check("c", "x", overlays=("STALE",))
    )
    assert text(verdict(snapshot)).split("  ")[:4] == ["DOWN 1", "DEGRADED 0", "UNKNOWN 1", "OK 1"]
    tones = dict(verdict(snapshot))
    assert tones["DOWN 1"] == "down" and tones["DEGRADED 0"] == "faint"
    assert text(verdict(None)) == "no status yet"
    assert ("OK 0", "faint") in verdict(given.snapshot())


def test_unacknowledged_alerts_are_counted(given: Any) -> None:
    mine = given.alert("b", ack=Ack(actor="ann", at=NOW, reason="x"))
    assert text(verdict(given.snapshot(given.alert("a"), mine))).endswith("UNACKED 1")
    assert text(verdict(given.snapshot(mine))).endswith("ALERTS 1, all handled")


def test_sources_with_their_age() -> None:
    fine = Source(name="am-a", kind="alertmanager", last_ok=NOW - timedelta(seconds=3))
    stale = Source(name="prom-1", kind="prometheus", state="stale", last_ok=NOW - timedelta(minutes=4, seconds=7))
    never = Source(name="prom-2", kind="prometheus", state="lost")
    assert text(source_words(fine, NOW)) == "am-a 3s ok"
    assert source_words(stale, NOW) == (("prom-1 ", "dim"), ("STALE 4m", "unknown"))
    assert text(source_words(never, NOW)) == "prom-2 LOST never"
    snapshot = StatusSnapshot(taken_at=NOW, sources=(fine, stale))
    assert text(sources_line(snapshot, NOW)) == "prom-1 STALE 4m | am-a 3s ok"


def test_a_watch_that_fell_silent_is_said() -> None:
    snapshot = StatusSnapshot(taken_at=NOW - timedelta(minutes=2))
    assert text(sources_line(snapshot, NOW)).startswith("watch SILENT 2m")


def test_the_worst_severity_has_the_colour_of_down() -> None:
    known = tuple(level.name for level in Config().severities)
    assert [severity_token(name, known) for name in ("SEV1", "sev2", "SEV3")] == ["down", "degraded", "soft"]
    assert severity_token("critical", known) == "down"
    assert severity_token("P0", ("P0", "P1")) == "down"
    assert severity_token("whatever") == "soft"


def test_the_clock_of_an_incident(database: Any, home: Any) -> None:
    with Journal.open(database, actor="ann", origin=Origin(program="cli")) as journal:
        stream = journal.declare(
            actions.declare("x", severity="SEV2", impact_start=NOW - timedelta(minutes=12, seconds=44), declared_at=NOW)
        )[0]
        now = incident_now.read(journal, "")
        assert now is not None and elapsed(now, NOW) == "T+00:12:44"
        assert text(incident_words(now)) == "INC-1 SEV2"
        assert elapsed(now, NOW + timedelta(hours=100)) == "T+100:12:44"
        journal.append(stream, [actions.mark("resolved", at=NOW + timedelta(minutes=1))])
        journal.append(stream, [actions.close(*journal.head(stream))])
        closed = incident_now.read(journal, stream)
        assert closed is not None and not closed.open
        assert text(incident_words(closed)) == "INC-1 SEV2 closed"
        assert elapsed(closed, NOW + timedelta(days=9)) == elapsed(closed, NOW + timedelta(days=8))
    assert text(incident_words(None)) == "no incident" and elapsed(None, NOW) == ""
    assert text(incident_words(None, known=False)) == "reading the record"


def test_following_equals_reading(database: Any, home: Any) -> None:
    """The incident kept up to date event by event is the one read from the start."""
    with Journal.open(database, actor="ann", origin=Origin(program="cli")) as journal:
        stream = journal.declare(actions.declare("x"))[0]
        followed = incident_now.read(journal, "")
        for new in (actions.set_severity("SEV1"), actions.note("n", kind="finding"), actions.set_title("y")):
            position = journal.last_pos()
            journal.append(stream, [new])
            followed = incident_now.follow(journal, "", followed, journal.since(position))
        read = incident_now.read(journal, "")
        assert followed == read and followed is not None and read is not None
        assert followed.state == read.state and followed.title == "y"
        position = journal.last_pos()
        other = journal.declare(actions.declare("another"))[0]
        followed = incident_now.follow(journal, "", followed, journal.since(position))
        assert followed is not None and followed.stream == other
        chosen = incident_now.read(journal, stream)
        assert incident_now.follow(journal, stream, chosen, journal.since(position)) is chosen


async def test_sixty_columns_cut_no_word_of_the_modes(console: Any, given: Any) -> None:
    async with console.open(size=(60, 15)):
        console.show(given.snapshot(given.check("api", "http", "DOWN"), given.check("db", "tcp", "PENDING")))
        await console.pilot.pause()
        first, _, third = console.lines()[:3]
        assert "DOWN 1  OK 0  PENDING 1" in first and "…" not in first
        assert " 1 Status  2 " in third and "…" not in third
        await console.press("p")  # what is said beside them takes room too
        assert "problems only" in console.lines()[2] and "…" not in console.lines()[2]


def test_a_place_among_very_many_is_not_cut() -> None:
    assert short_place("4,212/9,999") == "4,212/9,999"
    assert short_place("99,891/100,001") == "99,891/100k"
    assert short_place("1,234,567/2,000,000") == "1,234,567"
    assert short_place("1.2 of 15") == "1.2 of 15"


@pytest.mark.parametrize(
    "title", ["fra-07-" * 18, "北京机房" * 30, "bastion\u202e\x1b[2J" * 12], ids=["ascii", "wide", "hostile"]
)
async def test_a_long_name_gives_way_to_the_verdict(console: Any, given: Any, title: str) -> None:
    console.deps = replace(console.deps, config=Config(title=title))
    for width in (60, 80, 120):
        async with console.open(size=(width, 24)):
            console.show(given.snapshot(given.check("a", "x", "DOWN"), given.check("b", "x"), given.alert("a")))
            await console.pilot.pause()
            head = console.lines()[0]
            assert "DOWN 1" in head and "OK 1" in head and "UNACKED 1" in head, head
            assert head.startswith(" " + title[:4]), head
