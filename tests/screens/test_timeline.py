"""The timeline: windows from the store, the newest at the bottom, the operator's place kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from console.incident import actions
from console.journal.events import CheckChanged, New, Starred
from screens import timeline_window

START = datetime(2026, 11, 21, 10, tzinfo=UTC)


def _long(console: Any, count: int) -> str:
    stream: str = console.declare(actions.declare("a long one", services=["api"], declared_at=START))
    with console.journal() as journal:
        news = [
            actions.note(f"line {number:06d}", at=START + timedelta(seconds=number)) for number in range(1, count + 1)
        ]
        for first in range(0, count, 500):
            journal.append(stream, news[first : first + 500])
    return stream


def _body(console: Any) -> list[str]:
    return [line for line in console.lines()[3:-2] if line.strip()]


async def _timeline(console: Any) -> None:
    await console.until(lambda: console.app.desk.incident is not None)
    await console.press("4")
    await console.until(lambda: _body(console) and "reading" not in console.text())


async def test_it_opens_at_the_newest_and_follows(console: Any) -> None:
    stream = _long(console, 1500)
    async with console.open():
        await _timeline(console)
        assert "line 001500" in _body(console)[-1] and _body(console)[-1].startswith("▌")
        assert "following" in console.lines()[2]
        with console.journal() as journal:
            journal.append(stream, [actions.note("and another", at=START + timedelta(hours=2))])
        await console.until(lambda: "and another" in _body(console)[-1])
        assert _body(console)[-1].startswith("▌")


async def test_only_a_window_is_held(console: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline_window, "PAGE", 60)
    monkeypatch.setattr(timeline_window, "MOST", 150)
    _long(console, 600)
    async with console.open():
        await _timeline(console)
        table = console.app.bridge.room.table
        for _ in range(60):
            await console.press("pageup")
            await console.until(lambda: not console.app.bridge.room._busy)
            assert table.count <= 152  # and the headings of two dates
            if "line 000001" in console.text():
                break
        assert "line 000001" in console.text()
        await console.press("end")
        await console.until(lambda: "line 000600" in _body(console)[-1])
        await console.press("home")
        await console.until(lambda: "line 000001" in console.text())
        assert "declared" in console.text() and "2026-11-21" in _body(console)[0]
        for _ in range(12):
            await console.press("pagedown")
            await console.until(lambda: not console.app.bridge.room._busy)
        assert "line 0002" in console.text()


async def test_what_arrives_does_not_move_the_place(console: Any) -> None:
    stream = _long(console, 400)
    async with console.open():
        await _timeline(console)
        await console.press("pageup", "pageup", "up")
        before = _body(console)
        with console.journal() as journal:
            journal.append(stream, [actions.note("news", at=START + timedelta(hours=3))])
        await console.until(lambda: "+1 new" in console.lines()[2])
        assert _body(console) == before
        await console.press("F")
        await console.until(lambda: "news" in _body(console)[-1])


async def test_star_and_undo_show_at_once(console: Any) -> None:
    stream = _long(console, 5)
    async with console.open():
        await _timeline(console)
        await console.press("up", "asterisk")
        await console.until(lambda: "★" in console.text())
        with console.journal() as journal:
            star = journal.window(stream)[-1]
            assert isinstance(star.body, Starred) and star.actor == "ann"
            target = next(event for event in journal.window(stream) if event.seq == 6)
            journal.append(stream, [actions.undo(target.id, "typo")])
        await console.until(lambda: "undone: line 000005" in console.text())
        await console.press("asterisk")
        await console.until(lambda: "★" not in console.text())


async def test_an_edited_time_moves_the_line(console: Any) -> None:
    stream = _long(console, 5)
    async with console.open():
        await _timeline(console)
        with console.journal() as journal:
            target = next(event for event in journal.window(stream) if event.seq == 6)
            journal.append(stream, [actions.revise(target.id, text="it was earlier", at=START + timedelta(seconds=1))])
        await console.until(lambda: "it was earlier" in console.text())
        lines = _body(console)
        where = next(index for index, line in enumerate(lines) if "it was earlier" in line)
        assert any("line 000004" in line for line in lines[where:])
        assert "edited ×1" in lines[where]


async def test_the_watch_stands_among_them(console: Any) -> None:
    _long(console, 3)
    with console.journal() as journal:
        for service in ("api", "mail"):
            body = CheckChanged(service=service, check="http", kind="http", old="OK", new="DOWN", detail="503")
            journal.append_watch([New(body=body, occurred_at=START - timedelta(minutes=5))])
    async with console.open():
        await _timeline(console)
        assert "api" in console.text() and "503" in console.text()
        assert "mail" not in console.text()


async def test_search(console: Any) -> None:
    _long(console, 1000)
    async with console.open():
        await _timeline(console)
        await console.press("slash")
        await console.type("000123")
        await console.until(lambda: len(_body(console)) == 2)
        assert "line 000123" in _body(console)[-1]
        await console.press("enter", "enter")
        assert "happened" in console.text() and "hash" in console.text()
        await console.press("escape", "escape")
        await console.until(lambda: "line 000124" in console.text(), "back among the others")
        assert any(line.startswith("▌") and "line 000123" in line for line in console.lines())


async def test_no_incident_says_what_to_do(console: Any) -> None:
    async with console.open():
        await console.press("4")
        await console.until(lambda: "D declares one" in console.text())


async def test_what_came_while_nobody_looked_is_there(console: Any) -> None:
    stream = _long(console, 20)
    async with console.open():
        await _timeline(console)
        await console.press("1")
        with console.journal() as journal:
            journal.append(stream, [actions.note("meanwhile", at=START + timedelta(hours=2))])
        await console.until(lambda: console.app.desk.incident.count == 22)
        await console.press("4")
        await console.until(lambda: "meanwhile" in _body(console)[-1])
