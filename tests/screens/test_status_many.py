"""The Status screen with more than fits: groups, alerts that only status.db has, the detail beside the list, other orders."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from console.journal.events import Acknowledged
from console.snapshot import Ack, Alert, Availability, Report, SilenceState, Source
from console.watch.changes import Kept
from console.watch.feeds import FeedBoard
from console.watch.lease import boot_id
from console.watch.status_db import StatusDb
from console.watch.status_file import Leader
from screens import status_feed

LATE = "the late one"


@pytest.fixture
def crowd(console: Any, given: Any) -> Any:
    """1,200 alerts of two names in status.db, 500 of them in the status; 300 of the last ones are critical."""
    now = datetime.now(UTC)
    alerts = [
        Alert(
            fingerprint=f"{number:016x}",
            name="QueueDeep" if number % 2 else "DiskFull",
            severity="critical" if number >= 900 else "warning",
            level=0 if number >= 900 else 2,
            starts_at=now - timedelta(minutes=number + 1),
            labels={"alertname": "x", "instance": f"node{number}", "zone": "north"},
            annotations={"summary": LATE} if number == 899 else {},
            source="am-a",
        )
        for number in range(1200)
    ]
    board = FeedBoard(Kept())
    board.take(Report(sources=(Source(name="am-a", kind="alertmanager"),), alerts=tuple(alerts)), now)
    console.paths.status_db.parent.mkdir(parents=True, exist_ok=True)
    with StatusDb.open(console.paths.status_db) as db:
        db.take_lead(Leader(epoch=1, holder="x", boot_id=boot_id(), config_hash="", beat_ms=1), "first")
        db.write(1, board.drain(), beat_ms=1)
    shown, groups = board.shown()
    from msgspec.structs import replace

    return replace(given.snapshot(given.check("api", "http", "DOWN"), *shown), groups=groups)


async def test_alerts_beyond_the_status_are_counted_found_and_opened(console: Any, crowd: Any) -> None:
    async with console.open():
        console.show(crowd)
        await console.pilot.pause()
        assert "UNACKED 1,200" in console.lines()[0]
        rows = [line for line in console.lines() if "×600" in line]
        assert len(rows) == 2 and all("▸" in row for row in rows)
        # Two searches: what only status.db has, and what is critical and hidden there.
        await console.press("slash")
        await console.type('"' + LATE)
        await console.until(lambda: "1 of 1,201" in console.lines()[2] and "…" not in console.lines()[2])
        assert "filter hides 301 critical" in console.lines()[2]
        assert "node899" in console.lines()[3]
        await console.press("enter", "escape")
        await console.until(lambda: len([line for line in console.lines() if "×600" in line]) == 2)
        # A group, opened: all of it, not what the status happens to have.
        while "QueueDeep" not in next(line for line in console.lines() if line.startswith("▌")):
            await console.press("down")
        await console.press("enter")
        await console.until(lambda: "600 of 600  in QueueDeep" in console.lines()[2])
        assert "all alerts: zone=north" in console.text() and "zone=north" not in console.lines()[3]
        await console.press("end")
        assert "600/600" in console.lines()[2] and "node899" in console.lines()[-4]
        await console.press("escape")
        assert "▸ QueueDeep" in next(line for line in console.lines() if line.startswith("▌"))


async def test_a_filter_within_a_group_and_out_again(console: Any, crowd: Any) -> None:
    async with console.open():
        console.show(crowd)
        while "QueueDeep" not in next(line for line in console.lines() if line.startswith("▌")):
            await console.press("down")
        await console.press("enter")
        await console.until(lambda: "/600" in console.lines()[2])
        await console.press("slash")
        await console.type("@severity=critical")
        await console.until(lambda: "150 of 600" in console.lines()[2])
        await console.press("enter", "escape")
        await console.until(lambda: "600 of 600" in console.lines()[2])
        await console.press("escape")
        await console.until(lambda: "in QueueDeep" not in console.lines()[2])
        assert console.app.bridge.room.filter_words() == ""


async def test_what_is_too_much_to_show_is_counted(console: Any, crowd: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_feed, "KEPT", 100)
    async with console.open():
        console.show(crowd)
        await console.press("slash")
        await console.type("zone=north")
        await console.until(lambda: "1,200 of 1,201" in console.lines()[2])


async def test_while_a_filter_is_typed_what_is_wrong_is_said_and_nothing_moves(console: Any, given: Any) -> None:
    async with console.open():
        console.show(given.snapshot(given.check("api", "http", "DOWN"), given.check("db", "tcp", "DEGRADED")))
        await console.press("slash")
        assert "@age>1h" in console.lines()[-1]
        await console.type("@down")
        assert console.lines()[3].startswith("▌✗ D api/http") and "db/tcp" not in console.text()
        await console.type(" @age>1")
        assert "@age>1: a duration, please: 30s" in console.lines()[-1]
        assert "api/http" in console.lines()[3] and "db/tcp" not in console.text()
        await console.press("enter")
        assert "a duration, please" in console.lines()[-1] and console.lines()[-2].startswith("/ @down @age>1")
        await console.type("s")
        await console.press("enter")
        assert "/@down @age>1s" in console.lines()[2] and "1 of 2" in console.lines()[2]


async def test_the_detail_stands_beside_the_list_where_there_is_room(console: Any, given: Any) -> None:
    since = datetime.now(UTC) - timedelta(minutes=3)
    checks = [given.check(f"s{n}", "http", "DOWN", detail=f"refused {n}", since=since) for n in range(4)]
    async with console.open(size=(120, 30)):
        console.show(given.snapshot(*checks))
        await console.press("enter")
        await console.until(lambda: "no change recorded" in console.text())
        assert console.lines()[3].startswith("▌✗ D s0/http") and console.lines()[3].endswith("s0/http")
        await console.press("down")
        await console.until(lambda: "no change recorded" in console.text())
        assert console.lines()[3].endswith("s1/http") and console.lines()[4].startswith("▌✗ D s1/http")
        await console.press("enter")  # the whole screen
        assert console.lines()[3].startswith(" ✗ D  s1/http") and "s0/http" not in console.text()
        await console.press("escape")
        assert console.lines()[4].startswith("▌✗ D s1/http")
        await console.pilot.resize_terminal(80, 24)
        await console.pilot.pause()
        assert console.lines()[3].rstrip().endswith("3m")  # no room: the list alone
        await console.pilot.resize_terminal(120, 30)
        await console.press("escape")
        assert not console.lines()[3].endswith("/http")


async def test_everything_that_is_known_of_a_check(console: Any, given: Any) -> None:
    from console.config import Config
    from console.services import CheckConfig, ServiceConfig

    config = CheckConfig(kind="http", name="http", conditions=("[STATUS] < 400",), recover_when=("[STATUS] == 200",))
    object.__setattr__(console.deps, "config", Config(services=(ServiceConfig(name="api", checks=(config,)),)))
    known = Availability(window_s=3600, share=0.99, known_s=3600)
    check = given.check(
        "api", "http", "DOWN", latency_ms=31.0, p50_ms=20.0, p95_ms=80.0, availability=(known,), soft=(1, 2), raw="OK"
    )
    async with console.open():
        console.show(given.snapshot(check))
        await console.press("enter")
        await console.until(lambda: "no change recorded" in console.text())
        text = console.text()
        for words in ("p50 20 ms, p95 80 ms", "1h: 99 %", "[STATUS] < 400", "[STATUS] == 200", "soft 1 of 2"):
            assert words in text, words


async def test_who_silenced_and_what_inhibits(console: Any, given: Any) -> None:
    from msgspec.structs import replace

    now = datetime.now(UTC)
    major = given.alert("Major", fingerprint="00000000000000aa")
    quiet = given.alert(
        "Quiet",
        fingerprint="00000000000000bb",
        state="suppressed",
        silenced_by=("s-1",),
        inhibited_by=("00000000000000aa",),
        ack=Ack(actor="bob", at=now - timedelta(hours=1), reason="known", expires=now + timedelta(hours=1)),
    )
    silence = SilenceState(
        id="s-1", source="am-a", matchers=(), author="eve", comment="moving house", starts_at=now, ends_at=now
    )
    async with console.open():
        console.show(replace(given.snapshot(major, quiet), silences=(silence,)))
        await console.press("down", "enter")
        await console.until(lambda: "no change recorded" in console.text())
        text = console.text()
        assert "by eve: moving house; ends in" in text and "by Major" in text
        assert "by bob at" in text and "1h" in text and "known; until" in text


async def test_acknowledge_for_a_time_and_what_raised_no_alert(console: Any, given: Any) -> None:
    async with console.open():
        console.show(given.snapshot(given.check("mail", "smtp", "UNKNOWN")))
        await console.press("a")
        await console.type("resolver is being moved for 2h")
        assert "until 20" in console.lines()[-1] and "resolver is being moved" in console.lines()[-1]
        await console.press("enter")
        await console.until(lambda: "acknowledged: mail/smtp for 2h" in console.text())
        with console.journal() as journal:
            (body,) = [event.body for event in journal.since(0) if isinstance(event.body, Acknowledged)]
        assert body.reason == "resolver is being moved" and body.expires is not None
        assert timedelta(minutes=119) < body.expires - datetime.now(UTC) <= timedelta(hours=2)


async def test_other_orders_groups_and_the_bell(console: Any, given: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with console.open():
        rung: list[int] = []
        monkeypatch.setattr(console.app, "bell", lambda: rung.append(1))
        now = datetime.now(UTC)
        old = given.check("b", "x", "DOWN", since=now - timedelta(hours=3))
        young = given.check("a", "x", "DEGRADED", since=now - timedelta(minutes=1))
        console.show(given.snapshot(old, young))
        await console.press("A")
        assert console.lines()[3].startswith("▌! W a/x") and "newest first" in console.lines()[2]
        await console.press("N")
        assert console.lines()[3].startswith("▌! W a/x") and "by name" in console.lines()[2]
        await console.press("W")
        assert console.lines()[3].startswith("▌✗ D b/x") and "first" not in console.lines()[2]
        await console.press("m")
        assert "bell off" in console.lines()[2]
        console.show(given.snapshot(old, young, given.check("b", "y", "DOWN")))
        assert rung == []
        await console.press("g")
        assert any("▸ b" in line and "2 DOWN" in line for line in console.lines())
        await console.press("m", "g")
        console.show(given.snapshot(old, young, given.check("b", "y", "DOWN"), given.check("c", "y", "DOWN")))
        assert rung == [1]


async def test_few_checks_show_how_quick_they_were(console: Any, given: Any) -> None:
    from console.watch.changes import Sample

    async with console.open(size=(110, 30)):
        samples = [Sample(at=datetime.now(UTC), state="OK", latency_ms=float(n)) for n in range(1, 9)]
        monkey = console.app.desk.reader
        monkey.samples = lambda key: samples
        console.show(given.snapshot(given.check("api", "http", "DEGRADED", p95_ms=210.0)))
        await console.until(lambda: "█" in console.lines()[3])
        assert "210ms" in console.lines()[3]
        console.app.desk.link.mode = "slow"
        console.show(console.app.desk.status)
        await console.pilot.pause()
        assert "█" not in console.lines()[3]
