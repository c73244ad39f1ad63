"""A question that runs or destroys something takes no key from before the terminal has shown it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from textual import events

from screens.asks import Ask


def _asked(console: Any, taken: list[str]) -> Any:
    def submit(text: str) -> None:
        taken.append(text)

    console.app.desk.ask(Ask(id="sure", label="sure? y>", submit=submit, armed=True))
    return console.app.bridge.foot


async def _answer(console: Any, foot: Any) -> None:
    await console.until(lambda: foot._arming.is_framed, "the frame")
    for row, column in list(foot._arming._asked):
        console.app.post_message(events.CursorPosition(column - 1, row - 1))
    await console.pilot.pause()


async def test_what_is_typed_before_is_dropped_and_said_so(console: Any) -> None:
    async with console.open():
        taken: list[str] = []
        foot = _asked(console, taken)
        await console.press("y")
        assert foot.text == "" and "typed before the question was on the screen" in console.text()
        await console.press("enter")
        assert taken == [] and "nothing was done" in console.text()
        console.app.bridge.paste("y")
        assert foot.text == ""
        await _answer(console, foot)
        await console.press("y", "enter")
        assert taken == ["y"]


async def test_an_answer_to_another_question_arms_nothing(console: Any) -> None:
    async with console.open():
        taken: list[str] = []
        foot = _asked(console, taken)
        await console.until(lambda: foot._arming.is_framed, "the frame")
        others = next(iter(foot._arming._asked))
        console.app.desk.ask(None)
        again = _asked(console, taken)
        await console.until(lambda: again._arming.is_framed, "the frame")
        console.app.post_message(events.CursorPosition(others[1] - 1, others[0] - 1))
        await console.press("y", "enter")
        assert taken == []


async def test_esc_leaves_it_at_any_time(console: Any) -> None:
    async with console.open():
        foot = _asked(console, [])
        await console.press("escape")
        assert not foot.typing


async def test_a_terminal_that_never_answers_wants_enter_twice(console: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("screens.arming.SILENT_S", 0.0)
    monkeypatch.setattr("screens.arming.STILL_S", 0.2)
    async with console.open():
        taken: list[str] = []
        foot = _asked(console, taken)
        await console.until(lambda: foot._arming.is_framed, "the frame")
        await console.press("y", "enter")
        assert taken == [] and "does not say what it shows" in console.text()
        await console.press("enter")  # held down: not yet
        assert taken == []
        await asyncio.sleep(0.3)  # the rule is about time without a key
        await console.press("enter")
        assert taken == ["y"]
