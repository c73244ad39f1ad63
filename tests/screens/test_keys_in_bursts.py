"""Keys typed faster than the screen follows: each means what it would mean after a look."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Any

import pytest
from textual import events

from console.journal.events import Declared, New, Noted
from console.snapshot import StatusSnapshot
from tests.screens.conftest import check


def at_once(console: Any, *keys: str) -> None:
    for key in keys:
        console.app.post_message(events.Key(key, key if len(key) == 1 else None))


def body(console: Any) -> list[str]:
    return [line[:40] for line in console.lines()[3:-2]]  # without ages


KEYS = (("3",), ("4",), ("5",), ("question_mark",), ("3", "1"), ("4", "question_mark", "3"), ("3", "enter"), ("enter",))


@pytest.mark.parametrize("keys", KEYS, ids="-".join)
async def test_a_page_is_a_page_also_of_a_room_that_was_not_laid_out_yet(
    console: Any, keys: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("screens.typed_ahead._LAID_OUT_S", 20)  # a machine may be busy
    stream = console.declare([New(body=Declared(title="the gate is stuck"))])
    with console.journal() as journal:
        journal.append(stream, [New(body=Noted(text=f"line {number}")) for number in range(100)])
    checks = tuple(check("api", f"port-{number}", "DOWN") for number in range(100))

    async def look(burst: bool) -> list[str]:
        async with console.open():
            await console.until(lambda: console.app.desk.incident is not None)
            console.show(StatusSnapshot(taken_at=datetime.now(UTC), checks=checks))
            await console.pilot.pause()
            if burst:
                at_once(console, *keys, "pagedown")
                await console.until(lambda: not console.app.bridge.ahead.waiting)
            else:
                for key in (*keys, "pagedown"):
                    await console.press(key)
                    await console.until(lambda: console.app.bridge.room.is_filled())
            await console.pilot.pause()
            return body(console)

    assert await look(burst=True) == await look(burst=False)


async def test_what_is_pasted_and_what_the_terminal_answers_stay_behind_the_keys_before_them(console: Any) -> None:
    """An answer that overtook a key would arm it: see screens.arming."""
    async with console.open():
        await console.until(lambda: console.app.desk.drafts is not None)
        order: list[str] = []
        bridge, desk = console.app.bridge, console.app.desk
        desk.terminal_answered.subscribe(
            bridge, lambda _: order.append(f"answer, line {bridge.foot.typing}"), immediate=True
        )
        at_once(console, "4", "D")
        console.app.post_message(events.CursorPosition(3, 3))
        console.app.post_message(events.Paste("the gate"))
        at_once(console, "!")
        await console.until(lambda: "the gate!" in console.text())
        assert bridge.mode == "timeline"
        assert order == ["answer, line True"]


async def test_keys_before_the_first_results_are_for_the_rows_that_come(
    console: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("screens.typed_ahead._READY_S", 60)  # a machine may be busy
    with console.journal():
        pass
    other = sqlite3.connect(console.paths.database, isolation_level=None, timeout=30)
    other.execute("BEGIN EXCLUSIVE")  # the record, and with it "there is nothing", is not to be had
    try:
        async with console.open():
            at_once(console, "j", "j")
            await console.until(lambda: len(console.app.bridge.ahead.waiting) == 2)
            console.show(
                StatusSnapshot(
                    taken_at=datetime.now(UTC), checks=tuple(check("api", f"c{n}", "DOWN") for n in range(5))
                )
            )
            other.execute("ROLLBACK")
            await console.until(lambda: not console.app.bridge.ahead.waiting)
            await console.until(lambda: console.app.bridge.room.table.index == 2)
    finally:
        other.close()
