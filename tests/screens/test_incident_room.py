"""The Incident screen: the first sixty seconds, the keys that change an incident, the list to switch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from console.incident import actions as incidents
from console.incident.fold import fold
from console.journal.events import CheckChanged, Closed, New, SeveritySet
from screens.incident_board import Changes, Facts, board, head, long_span
from screens.look import Look

NOW = datetime(2026, 11, 21, 14, 5, 9, tzinfo=UTC)


def text(lines: Any) -> str:
    """Lines of spans as one text."""
    return "\n".join(line if isinstance(line, str) else "".join(part for part, _ in line) for line in lines)


def facts_of(console: Any, stream: str) -> Facts:
    with console.journal() as journal:
        return Facts.of(journal.alias(stream), fold(journal.all(stream)), console.deps.config.severities)


def busy(console: Any) -> str:
    """An incident with a bit of everything, T+0 twelve minutes before :data:`NOW`."""
    stream: str = console.declare(
        incidents.declare(
            "checkout answers 5xx",
            severity="SEV2",
            services=("api", "checkout"),
            impact_start=NOW - timedelta(minutes=12),
            declared_at=NOW - timedelta(minutes=9),
        )
    )
    with console.journal() as journal:
        at = NOW - timedelta(minutes=8)
        journal.append(
            stream,
            [
                incidents.set_role("ic", "ann"),
                incidents.note("pause webhooks", kind="decision", at=at),
                incidents.note("status page: investigating", kind="comms", at=at),
                incidents.note("who changed the balancer", question=True, at=at),
                New(
                    body=incidents.open_task("look at the queue", owner="bob", check_back_ms=300_000).body,
                    occurred_at=at,
                ),
                New(body=incidents.open_task("nobody has this").body, occurred_at=at),
            ],
        )
    return stream


def test_both_clocks_are_there_with_their_names_and_what_they_count_from(console: Any) -> None:
    facts = facts_of(console, busy(console))
    lines = text([(*left, ("  ", ""), *right) for left, right in head(facts, NOW)])
    assert "impact    00:12:00  running" in lines and "declared  00:09:00  running" in lines
    assert "T+0 is impact_start" in lines and "since 2026-11-21 13:53:09Z" in lines
    assert "SEV2 degraded for many" in lines and "api, checkout" in lines and "OPEN" in lines


def test_what_is_missing_is_said_and_never_invented(console: Any) -> None:
    stream = console.declare(incidents.declare("something"))
    facts = facts_of(console, stream)
    now = datetime.now(UTC)
    lines = text([(*left, ("  ", ""), *right) for left, right in head(facts, now)])
    assert "no severity yet" in lines and "no service named" in lines
    assert "impact   not recorded" in lines and "T+0 is declared" in lines
    shown = text(board(facts, None, now, 80, Look()))
    assert "ic nobody" in shown and "none sent yet" in shown and "no decision recorded" in shown
    assert "trigger, impact_start, detected, acknowledged, mitigated, resolved, impact_end" in shown


def test_timers_count_down_and_then_say_so(console: Any) -> None:
    facts = facts_of(console, busy(console))
    shown = text(board(facts, None, NOW, 100, Look()))
    assert "@bob BACK 3m AGO look at the queue" in shown and "unassigned" in shown
    assert "last 13:57Z, 8m ago   next due in 52m" in shown
    assert "pause webhooks" in shown and "who changed the balancer" in shown
    later = text(board(facts, None, NOW + timedelta(hours=2), 100, Look()))
    assert "next OVERDUE by 1h" in later


def test_what_changed_before_is_told_or_that_nothing_did(console: Any) -> None:
    stream = busy(console)
    with console.journal() as journal:
        changed = CheckChanged(service="api", check="http", kind="http", old="OK", new="DOWN", detail="http 503")
        journal.append_watch([New(body=changed, occurred_at=NOW - timedelta(minutes=13))] * 12)
        found = [
            event for event in journal.watch_between(NOW - timedelta(hours=1), NOW) if event.kind == "check_changed"
        ]
    facts = facts_of(console, stream)
    shown = text(board(facts, Changes.of(stream, found), NOW, 100, Look()))
    assert "13:52:09Z api/http OK → DOWN: http 503" in shown and "and 4 more" in shown
    assert "the watch saw no change" in text(board(facts, Changes.of(stream, []), NOW, 100, Look()))


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "00:00:00"), (764, "00:12:44"), (90_061, "1d 01:01:01"), (-61, "-00:01:01")]
)
def test_long_spans(seconds: float, words: str) -> None:
    assert long_span(seconds) == words


async def test_with_no_incident_it_says_how_to_declare(console: Any) -> None:
    async with console.open():
        await console.press("2")
        await console.until(lambda: "No incident is open" in console.text())
        assert "sev2 checkout answers 5xx" in console.text()
        await console.press("s")
        assert "no incident is open: D declares one" in console.text()


async def test_the_keys_of_an_incident(console: Any) -> None:
    stream = console.declare(incidents.declare("checkout answers 5xx"))
    async with console.open():
        await console.until(lambda: console.app.desk.incident is not None)
        await console.press("2")
        await console.until(lambda: "no severity yet" in console.text())
        await console.press("s")
        await console.type("sev1")
        await console.press("enter")
        await console.until(lambda: "SEV1 down, or data at risk" in console.text())
        await console.press("m")
        await console.type("impact_start")
        await console.press("enter")
        await console.type("-5m")
        assert "T" in console.text() and "impact_start>" in console.text()
        await console.press("enter")
        await console.until(lambda: "T+0 is impact_start" in console.text())
        await console.press("t", "ctrl+u")
        await console.type("nobody can pay")
        await console.press("enter")
        await console.until(lambda: "nobody can pay" in console.text())
        await console.press("r")
        await console.type("ic")
        await console.press("enter")
        await console.until(lambda: "ic ann" in console.text())
        await console.press("r")
        await console.type("ops @bob")
        assert "ops: nobody -> bob" in console.text()
        await console.press("enter")
        await console.until(lambda: "ops bob" in console.text())
        await console.press("y")
        await console.type("All payments failed")
        await console.press("enter")
        await console.until(lambda: console.app.desk.incident.state.summary == "All payments failed")
        await console.press("c", "enter")
        assert "a reason, please" in console.text()
        await console.type("paying works again")
        await console.press("enter")
        await console.until(lambda: not console.app.desk.incident.open)
        await console.until(lambda: "CLOSED" in console.text() and "chain head" in console.text())
        await console.press("O")
        await console.type("it came back")
        await console.press("enter")
        await console.until(lambda: console.app.desk.incident.open)
    with console.journal() as journal:
        found = list(journal.all(stream))
        assert journal.verify(stream).ok
    closed = next(event for event in found if event.kind == "closed")
    assert isinstance(closed.body, Closed)
    before = next(event for event in found if event.seq == closed.seq - 1)
    assert (closed.body.count, closed.body.head) == (before.seq, before.hash)
    assert [event.body.severity for event in found if isinstance(event.body, SeveritySet)] == ["SEV1"]


async def test_a_task_is_done(console: Any) -> None:
    busy(console)
    async with console.open():
        await console.until(lambda: console.app.desk.incident is not None)
        await console.press("2", "d")
        await console.type("queue")
        await console.press("enter")
        await console.until(lambda: len(console.app.desk.incident.state.open_tasks()) == 1)


async def test_the_list_shows_open_and_closed_ones_and_switches(console: Any) -> None:
    first = console.declare(incidents.declare("the first of all", severity="SEV3"))
    with console.journal() as journal:
        journal.append(first, [incidents.close(*journal.head(first), "over")])
    second = console.declare(incidents.declare("the second of all"))
    async with console.open():
        await console.until(
            lambda: console.app.desk.incident is not None and console.app.desk.incident.stream == second
        )
        await console.press("2", "i")
        await console.until(lambda: "the first of all" in console.text() and "closed" in console.text())
        await console.press("slash")
        await console.type("first")
        await console.until(lambda: "the second of all" not in console.text())
        await console.press("enter", "enter")
        await console.until(lambda: console.app.desk.incident.stream == first)
        await console.until(lambda: "CLOSED" in console.text())


async def test_what_others_write_is_seen(console: Any) -> None:
    stream = console.declare(incidents.declare("quiet"))
    async with console.open():
        await console.until(lambda: console.app.desk.incident is not None)
        await console.press("2")
        with console.journal() as journal:
            journal.append(stream, [incidents.note("roll it back", kind="decision"), incidents.set_role("ic", "bob")])
        await console.until(lambda: "roll it back" in console.text() and "ic bob" in console.text())


@pytest.mark.parametrize("size", [(80, 24), (200, 60), (44, 12)])
async def test_ascii_only_every_size_and_hostile_words(console: Any, size: tuple[int, int]) -> None:
    bad = "[@click=app.quit]x[/] \x1b]0;x\x07 a\u202eb " + "y" * 10_000
    stream = console.declare(incidents.declare(bad, severity=bad[:30], services=(bad,), summary=bad))
    with console.journal() as journal:
        journal.append(stream, [incidents.note(bad, kind="decision"), incidents.open_task(bad, owner=bad)])
        journal.append(stream, [incidents.set_role("ic", bad), incidents.note(bad, question=True)])
    async with console.open(size=size, look=Look(ascii_only=True)):
        await console.until(lambda: console.app.desk.incident is not None)
        for key in ("2", "G", "i", "enter", "s", "escape", "m", "escape", "d", "escape", "t", "escape"):
            await console.press(key)
            assert console.text().isascii(), console.text()
            assert "\x1b" not in console.text()
        await console.press("home")
        assert "[@click=app.quit]x[/]" in console.text() or size[0] < 80
