"""What works everywhere: modes, help, the palette, themes, choosing an incident, leaving."""

from __future__ import annotations

from typing import Any

import pytest
from textual.events import Resize
from textual.geometry import Size

from console.incident import actions
from screens.asks import Choice
from screens.palette import matching
from screens.widgets.table import Table


async def test_digits_are_modes_and_rooms_are_built_when_visited(console: Any) -> None:
    async with console.open():
        bridge = console.app.bridge
        assert list(bridge.rooms) == ["status"]
        for digit, mode in zip("42351", ("timeline", "incident", "runbook", "report", "status"), strict=True):
            await console.press(digit)
            assert bridge.mode == mode
            assert [room.display for name, room in bridge.rooms.items() if name != mode] == [False] * (
                len(bridge.rooms) - 1
            )
        first = bridge.rooms["timeline"]
        await console.press("4")
        assert bridge.rooms["timeline"] is first


async def test_help_is_about_where_one_is(console: Any) -> None:
    async with console.open():
        await console.press("question_mark")
        assert console.lines()[3].strip() == "Status" and "Say that you have seen it" in console.text()
        assert console.app.bridge.mode == "status"
        await console.press("escape")
        await console.press("4", "question_mark", "end")
        assert "unknown or stale" in console.text()
        await console.press("question_mark")
        assert console.app.bridge.help is None
        await console.press("question_mark", "1")
        assert console.app.bridge.help is None and console.app.bridge.mode == "status"


async def test_the_palette_finds_by_words_and_says_why_not(console: Any) -> None:
    async with console.open():
        await console.press("colon")
        await console.type("ack")
        assert "acknowledge" in console.text() and "select" in console.text()
        await console.press("escape")
        assert "acknowledge" not in console.text()
        await console.press("colon")
        await console.type("timel")
        await console.press("enter")
        assert console.app.bridge.mode == "timeline"
        await console.press("colon")
        await console.type("no such thing at all")
        await console.press("enter")
        assert "nothing fits" in console.lines()[-1]


async def test_choices_are_rows_of_the_one_table_by_key(console: Any) -> None:
    async with console.open(size=(120, 40)):
        await console.press("colon")
        foot = console.app.bridge.foot
        table = foot.choices
        await console.until(lambda: table.size.height == 8)
        keys = list(foot._offered)
        assert isinstance(table, Table) and table.count == len(keys) > 8 and table.key == keys[0]
        await console.press("up")  # around, and what is marked is in sight
        assert table.key == keys[-1] and foot._offered[keys[-1]].words[1][0].strip() in console.text()
        await console.press("down", "tab")
        assert table.key == keys[1]
        await console.type("zzz")
        assert not table.display
        await console.press("ctrl+c")
        assert table.display and table.key == keys[0]
        await console.press("escape")
        assert not table.display and not foot.typing


async def test_a_theme_is_shown_chosen_and_kept(console: Any, home: Any) -> None:
    async with console.open():
        for key in ("escape", "enter"):
            await console.press("colon")
            await console.type("theme")
            await console.press("enter")
            await console.until(lambda: console.app.bridge.foot.current.id == "theme")
            await console.type("light")
            assert console.app.desk.look.theme.name == "light"
            await console.press(key)
            assert console.app.desk.look.theme.name == ("dark" if key == "escape" else "light")
        assert "theme: Light" in console.lines()[-1]
    from screens.theming import first_look

    assert first_look(256, False).theme.name == "light"


async def test_a_bad_theme_in_the_configuration_is_a_line(console: Any) -> None:
    from dataclasses import replace

    from msgspec.structs import replace as changed

    console.deps = replace(console.deps, config=changed(console.deps.config, theme="neon"))
    async with console.open():
        assert "theme neon: there is none of that name" in console.lines()[-1]
        assert console.app.desk.look.theme.name == "dark"


async def test_switch_incident(console: Any) -> None:
    first = console.declare(actions.declare("the first"))
    console.declare(actions.declare("the second"))
    async with console.open():
        await console.until(lambda: console.app.desk.incident is not None)
        assert console.app.desk.incident.title == "the second"
        await console.press("colon")
        await console.type("switch")
        await console.press("enter")
        await console.until(lambda: "the first" in console.text())
        await console.type("first")
        await console.press("enter")
        await console.until(lambda: console.app.desk.incident.stream == first)
        assert "INC-1" in console.lines()[1]


async def test_another_process_declares_and_it_is_seen(console: Any) -> None:
    async with console.open():
        assert "no incident" in console.lines()[1]
        console.declare(actions.declare("from a shell", severity="SEV1"))
        await console.until(lambda: "INC-1 SEV1" in console.lines()[1])


async def test_the_hint_line_follows_an_incident_that_came_by_itself(console: Any) -> None:
    async with console.open():
        bridge = console.app.bridge
        await console.press("2")
        await console.until(lambda: ("s", "faint") in bridge._hints())
        console.declare(actions.declare("from a shell", severity="SEV1"))
        await console.until(lambda: "INC-1 SEV1" in console.lines()[1])
        assert ("s", "accent") in bridge._hints()
        await console.until(lambda: bridge.foot.hint._words[0][0] == bridge._hints())


async def test_q_leaves(console: Any) -> None:
    async with console.open():
        await console.press("q")
        assert console.app.return_code == 0


async def test_an_action_that_fails_is_a_line(console: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with console.open():

        def broken() -> None:
            raise RuntimeError("no luck")

        monkeypatch.setattr(console.app.bridge, "do_problems", broken)
        monkeypatch.setattr(type(console.app), "is_headless", False)  # as on a terminal: tests would raise
        await console.press("p")
        assert "that went wrong: RuntimeError: no luck" in console.lines()[-1]
        monkeypatch.undo()
        assert console.app.is_running


@pytest.mark.parametrize("size", [(40, 10), (80, 24), (200, 60)])
async def test_sizes(console: Any, given: Any, size: tuple[int, int]) -> None:
    async with console.open(size=size):
        console.show(given.snapshot(*[given.check(f"s{n:03}", "tcp", "DOWN", detail="x" * 200) for n in range(90)]))
        for key in ("end", "4", "1", "question_mark", "escape", "colon", "escape"):
            await console.press(key)
            assert len(console.lines()) == size[1]
            assert all(len(line) <= size[0] for line in console.lines())
        assert console.lines()[0].startswith(" prod-ba") and "DOWN 90" in console.lines()[0]
        assert console.lines()[-2].startswith("n>")


async def test_too_small_is_said(console: Any) -> None:
    async with console.open(size=(30, 8)):
        assert "too small: 30x8, needs 40x10" in console.text()
        await console.pilot.resize_terminal(80, 24)
        await console.until(lambda: "1 Status" in console.text())


def test_matching() -> None:
    choices = [Choice("a", "declare an incident"), Choice("b", "incident", "clocks"), Choice("c", "leave")]
    assert [choice.key for choice in matching("inc", choices)] == ["b", "a"]
    assert [choice.key for choice in matching("clo inc", choices)] == ["b"]
    assert [choice.key for choice in matching("", choices)] == ["a", "b", "c"]
    assert matching("zzz", choices) == []


async def test_sizes_that_came_at_once_do_not_follow_each_other_for_ever(console: Any, monkeypatch: Any) -> None:
    """A window that is dragged, or a tiling one that is made large right after it was opened."""
    laid_out: list[Size] = []
    async with console.open():
        bridge = console.app.bridge
        reflow = bridge._compositor.reflow

        def count(parent: Any, size: Size) -> Any:
            laid_out.append(size)
            assert len(laid_out) < 50, laid_out
            return reflow(parent, size)

        monkeypatch.setattr(bridge._compositor, "reflow", count)
        await console.pilot.resize_terminal(110, 33)
        for size in (Size(60, 20), Size(90, 40), Size(110, 33)):  # what was on its way
            bridge.post_message(Resize(size, size))
            bridge.call_later(lambda: None)  # adjacent ones would be taken for one
        await console.pilot.pause()
        await console.until(bridge._message_queue.empty)
        assert set(laid_out) == {Size(110, 33)} == {bridge.size}
