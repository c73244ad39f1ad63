"""Commands on the Runbook screen: only what the terminal has shown runs, and it is ended and found again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.screens.runbooks import OTHER, answer, answer_foot, at_step, declared, opened, recorded, started


async def test_x_typed_ahead_runs_nothing(place: Any, books: Path) -> None:
    stream = declared(place)
    started(place, stream, books, host="db1")
    async with place.open():
        view = await opened(place)
        await place.press("x", "x", "x")
        assert "nothing was run" in place.text()
        await answer(place)
        await place.press("j", "k", "x")  # away and back: another showing, not answered for
        await place.pilot.pause(0.3)
        assert "command_started" not in [kind for kind, _ in recorded(place, stream)]
        await answer(place)
        await place.press("enter", "escape", "enter")  # never Enter
        await answer(place)
        assert "command_started" not in [kind for kind, _ in recorded(place, stream)]
        assert view.arming.armed


async def test_a_key_behind_the_answer_runs_what_was_shown_and_the_end_is_told(place: Any, books: Path) -> None:
    stream = declared(place)
    started(place, stream, books, host="db one")
    async with place.open(size=(120, 40)):
        view = await opened(place)
        assert 'echo "age of db one is 7"' in place.text()
        await answer(place)
        assert view.arming.armed
        await place.press("x")
        await place.until(lambda: view.execution is not None and view.execution.finish is not None, "the end")
        await place.until(lambda: "finished, exit 0" in place.text())
        assert "age of db one is 7" in view.output.lines
        assert "Expected: an age under 60." in place.text()
        assert not view.arming.armed  # one showing, one run
        kinds = [kind for kind, _ in recorded(place, stream)]
        assert kinds.count("command_started") == kinds.count("command_finished") == 1


async def test_without_a_value_it_refuses_and_says_which(place: Any, books: Path) -> None:
    stream = declared(place)
    started(place, stream, books)
    async with place.open():
        view = await opened(place)
        assert "needs host" in place.text()
        await place.press("x")
        assert "no value for host" in place.text()
        await place.press("e")
        if view._looking.runbook.params[1:]:
            await place.type("host")
            await place.press("enter")
        await place.type("it's; reboot")
        await place.press("enter")
        await place.until(lambda: "it's; reboot" in place.text() or "reboot" in place.text())
        await answer(place)
        await place.press("x")
        await place.until(lambda: view.execution is not None and view.execution.finish is not None, "the end")
        await place.until(lambda: "age of it's; reboot is 7" in view.output.lines)


async def test_what_destroys_wants_a_word_first(place: Any, books: Path, tmp_path: Path) -> None:
    stream = declared(place)
    started(place, stream, books, host="db1")
    (tmp_path / "cache-of-db1").mkdir()
    async with place.open(size=(120, 40)):
        view = await opened(place)
        await at_step(place, "2.1")
        assert "DESTRUCTIVE" in place.text()
        await answer(place)
        await place.press("x")
        assert "type db1 to run it>" in place.text()
        await place.type("db1")
        await place.press("enter")  # typed blind: the terminal has not shown the question
        assert "typed before" in place.text() or "nothing was done" in place.text()
        assert (tmp_path / "cache-of-db1").exists()
        await answer_foot(place)
        await place.press("enter")
        await place.type("db2")
        await place.press("enter")
        assert "nothing ran" in place.text() and (tmp_path / "cache-of-db1").exists()
        await place.press("ctrl+u")
        await place.type("db1")
        await place.press("enter")
        await place.until(lambda: view.execution is not None and view.execution.finish is not None)
        assert not (tmp_path / "cache-of-db1").exists()


async def test_a_running_command_is_ended_with_all_that_belongs_to_it(place: Any, books: Path) -> None:
    stream = declared(place)
    started(place, stream, books, host="db1")
    async with place.open():
        view = await opened(place)
        await at_step(place, "1.3")
        await answer(place)
        await place.press("x")
        await place.until(lambda: "begun" in view.output.lines, "its output")
        assert "X ends it" in place.text()
        await place.press("x")
        assert "running already" in place.text()
        await place.press("X", "y", "enter")  # in one burst: nobody has seen what it asks
        assert view.execution.finish is None
        await answer_foot(place)
        await place.press("enter")
        assert view.execution.finish is None
        await place.press("y", "enter")
        await place.until(lambda: view.execution.finish is not None, "its end")
        assert view.execution.finish.outcome == "cancelled"


async def test_a_new_console_finds_the_place_and_the_running_command_with_its_output(place: Any, books: Path) -> None:
    stream = declared(place)
    started(place, stream, books, host="db1")
    started(place, stream, books, "The queue is long")
    async with place.open():
        view = await opened(place)
        await place.press("left_square_bracket")
        await at_step(place, "1.3")
        await answer(place)
        await place.press("x")
        await place.until(lambda: "begun" in view.output.lines, "its output")
        run, step = view.chosen, view.table.key
        assert place.app.desk.drafts.flush()
    async with place.open(size=(200, 60)):
        view = await opened(place)
        assert (view.chosen, view.table.key) == (run, step)
        await place.until(lambda: "begun" in view.output.lines, "its output again")
        assert "running" in place.text() and not view.arming.armed
        await place.press("X")
        await answer_foot(place)
        await place.type("yes")
        await place.press("enter")
        await place.until(lambda: view.execution.finish is not None, "its end")


async def test_a_flood_is_shown_at_its_end_with_its_size_and_keys_still_work(place: Any, books: Path) -> None:
    flood = OTHER.replace("echo 12 wait", "yes abcdefgh | head -c 40000000; echo the last line")
    (books / "flood.md").write_text(flood.replace("The queue", "The flood"), encoding="utf-8")
    stream = declared(place)
    started(place, stream, books, "The flood is long")
    async with place.open(size=(120, 40)):
        view = await opened(place)
        await answer(place)
        await place.press("x")
        await place.until(lambda: view.execution is not None)
        await place.press("v", "escape", "i", "escape")
        await place.until(lambda: "the last line" in str(view.output.lines[-1:]), "the end of the flood")
        assert len(view.output.lines) <= 1000
        await place.press("v")
        await place.until(lambda: "40,000,014 bytes in" in place.text())
        assert str(place.paths.spool) in place.text()


async def test_copy_hands_over_the_resolved_text(place: Any, books: Path) -> None:
    stream = declared(place)
    started(place, stream, books, host="db1")
    async with place.open():
        await opened(place)
        await place.press("c")
        assert place.app.clipboard == 'echo "age of db1 is 7"'
