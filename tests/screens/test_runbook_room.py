"""The Runbook screen: choosing, following, and running only what the terminal has shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual import events

from console.incident import actions as incidents
from console.runbook import actions as runs
from console.runbook.library import load_library
from console.runbook.run import RunsFold
from screens import runbook_shelf
from screens.errands import RunbookFor
from screens.look import Look

BOOK = """---
title: The feed is silent
match: {alertname: FeedSilent}
owner: team-feed
---

# The feed is silent

## Symptoms

- No quote for a minute; the page shows old prices.

## Diagnosis

1. Ask the feed for its age

   The age is in seconds. Above sixty it is stale.

   ```bash
   echo "age of <host> is 7"
   ```

   Expected: an age under 60.

2. Write down what the market shows

3. Follow its log

   ```bash
   echo begun; while true; do sleep 0.2; done
   ```

## Mitigation

1. Throw the old data away

   ```bash
   rm -rf ./cache-of-<host>
   ```

2. If prices move again, stop here; otherwise call the market desk.

3. Ask with the token

   ```bash
   test -n "$FEED_TOKEN" && echo token works
   ```

## Rollback

1. Put the old data back

   ```bash
   echo back again
   ```

## Escalation

After 15 minutes call the market desk.
"""

OTHER = """# The queue is long

## Actions

1. Count what waits

   ```bash
   echo 12 wait
   ```
"""


@pytest.fixture
def books(tmp_path: Path) -> Path:
    folder = tmp_path / "books"
    folder.mkdir()
    (folder / "feed.md").write_text(BOOK, encoding="utf-8")
    (folder / "queue.md").write_text(OTHER, encoding="utf-8")
    return folder


@pytest.fixture
def place(console: Any, books: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A console with two runbooks, working in a folder of its own; whatever it started has ended afterwards."""
    monkeypatch.chdir(tmp_path)
    console.deps = replace(console.deps, runbook_paths=(books,))
    yield console
    from console.runbook.handle import cancel
    from console.runbook.recover import running

    for handle in running(console.paths):
        cancel(handle, "test")
    deadline = time.monotonic() + 20
    while running(console.paths) and time.monotonic() < deadline:
        time.sleep(0.05)


def declared(console: Any, labels: dict[str, str] | None = None) -> str:
    stream: str = console.declare(incidents.declare("the feed is silent", severity="SEV2", labels=labels))
    return stream


def started(console: Any, stream: str, books: Path, name: str = "The feed is silent", **values: str) -> str:
    """Another operator starts a run; its id."""
    entry = load_library([books], shipped=False).get(name)
    assert entry is not None
    with console.journal() as journal:
        news = runs.start_run(entry.runbook, values)
        runs.append(journal, stream, news)
    return str(news[0].body.run)


def room(console: Any) -> Any:
    return console.app.bridge.rooms["runbook"]


def following(console: Any) -> Any:
    return room(console).following


async def opened(console: Any) -> Any:
    """The Runbook screen with the run that there is."""
    await console.until(lambda: console.app.desk.incident is not None)
    await console.press("3")
    await console.until(lambda: following(console).view is not None and following(console).table.key, "the run")
    return following(console)


async def answer(console: Any) -> None:
    """Answer as a terminal does: for every question, in order."""
    arming = following(console).arming
    await console.until(lambda: arming.is_framed, "the frame")
    for row, column in list(arming._asked):
        console.app.post_message(events.CursorPosition(column - 1, row - 1))
    await console.pilot.pause()


async def answer_foot(console: Any) -> None:
    """The same for a question in the prompt line."""
    foot = console.app.bridge.foot
    if foot._arming is not None:
        await console.until(lambda: foot._arming.is_framed, "the frame")
        for row, column in list(foot._arming._asked):
            console.app.post_message(events.CursorPosition(column - 1, row - 1))
        await console.pilot.pause()


async def at_step(console: Any, number: str) -> None:
    view = following(console)
    step = view._looking.numbers.find(number)
    assert step, number
    view.go_to(step)
    await console.until(lambda: view.table.key == step)
    await console.pilot.pause()


def recorded(console: Any, stream: str) -> list[tuple[str, str]]:
    with console.journal() as journal:
        return [(event.kind, event.actor) for event in journal.all(stream)]


# ── choosing ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_all_runbooks_searched_as_one_types(place: Any) -> None:
    async with place.open():
        await place.press("3")
        await place.until(lambda: "The queue is long" in place.text() and "The feed is silent" in place.text())
        await place.press("slash")
        await place.type("market old prices")
        await place.until(lambda: "The queue is long" not in place.text())
        assert "The feed is silent" in place.text()
        await place.press("enter", "enter")
        await place.until(lambda: "Ask the feed for its age" in place.text())
        assert 'echo "age of <host> is 7"' in place.text()
        assert "host = ? (asked for before use)" in place.text()
        await place.press("escape", "escape")
        await place.until(lambda: "The queue is long" in place.text())


async def test_a_broken_one_is_in_the_list_with_its_line_and_an_overdue_review_is_seen(place: Any, books: Path) -> None:
    (books / "bad.runbook.yaml").write_text("title: Zebra\nsteps:\n- {title: S, timeuot: 5s, run: ls}\n")
    (books / "worse.runbook.yaml").write_text("title: [\n")
    (books / "old.runbook.yaml").write_text("title: Zoo\nreviewed: 2020-01-01\nreview_every: 1y\nsteps: [x]\n")
    async with place.open():
        await place.press("3")
        await place.until(lambda: "broken: line 3" in place.text() and "broken: line 2" in place.text())
        assert "d overdue" in place.text()
        await place.press("slash")
        await place.type("worse")
        await place.until(lambda: room(place).picker.offer.card.id == "worse")
        await place.press("enter", "s")
        await place.until(lambda: "it has no steps: line 2" in place.text())


async def test_for_an_alert_the_likely_ones_come_first_with_the_reason(place: Any) -> None:
    async with place.open(size=(120, 40)):
        place.app.desk.go("runbook", RunbookFor(name="FeedSilent", labels={"host": "db1"}))
        await place.until(lambda: "FeedSilent" in place.text() and room(place).picker.table.count > 1)
        picker = room(place).picker
        assert picker.offer.card.title == "The feed is silent"
        assert picker.offer.why and picker.offer.why in place.text()
        await place.press("enter")
        await place.until(lambda: "host = db1" in place.text())


async def test_starting_without_an_incident_declares_one_first(place: Any) -> None:
    async with place.open():
        place.app.desk.go("runbook", RunbookFor(name="FeedSilent", labels={"host": "db1", "service": "feed"}))
        await place.until(lambda: place.app.bridge.mode == "runbook" and room(place).picker.table.count > 1)
        await place.press("s")
        assert "declare>" in place.text()
        await place.press("enter")
        await place.until(lambda: "runbook" in place.app.bridge.rooms and following(place).view is not None, "the run")
        await place.until(lambda: place.app.bridge.mode == "runbook")
        assert following(place).view.values["host"] == "db1"
        assert place.app.desk.incident.state.labels["service"] == "feed"
    with place.journal() as journal:
        kinds = [event.kind for event in journal.all(journal.incidents()[0].stream)]
    assert kinds.count("run_started") == 1 and kinds.count("declared") == 1


async def test_leaving_the_declare_line_starts_nothing(place: Any) -> None:
    async with place.open():
        await place.press("3")
        await place.until(lambda: room(place).picker.table.count > 1)
        await place.press("s", "escape")
        declared(place)
        await place.until(lambda: place.app.desk.incident is not None)
        await place.pilot.pause(0.2)
        assert following(place).view is None


async def test_a_start_typed_ahead_of_the_list_starts_nothing(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = declared(place)
    async with place.open():
        await place.until(lambda: place.app.desk.incident is not None)
        await place.press("3")
        await place.until(lambda: room(place).picker.table.count > 1)
        found, may_go_on = runbook_shelf.find, threading.Event()

        def slow(*about: Any) -> Any:
            assert may_go_on.wait(30)
            return found(*about)

        monkeypatch.setattr(runbook_shelf, "find", slow)
        await place.press("slash")
        await place.type("queue is long")
        await place.press("enter", "s")
        await place.until(lambda: "still changing" in place.text())
        may_go_on.set()
        await place.until(lambda: room(place).picker.table.count == 1)
        await place.press("s")
        await place.until(lambda: following(place).view is not None)
        assert following(place).view.title == "The queue is long"
    with place.journal() as journal:
        assert [event.kind for event in journal.all(stream)].count("run_started") == 1


async def test_the_place_at_the_top_comes_with_the_list_that_was_found(
    place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with place.open():
        await place.press("3")
        await place.until(lambda: room(place).picker.table.count > 1)
        found, may_go_on = runbook_shelf.find, threading.Event()

        def slow(*about: Any) -> Any:
            assert may_go_on.wait(30)
            return found(*about)

        monkeypatch.setattr(runbook_shelf, "find", slow)
        await place.press("slash")
        await place.type("queue is long")
        header = place.app.bridge.header
        drawn: list[str] = []
        draw = header.draw
        monkeypatch.setattr(header, "draw", lambda: (drawn.append(room(place).place()), draw())[1])
        may_go_on.set()
        await place.until(lambda: room(place).picker.table.count == 1)
        assert "1/1" in drawn


# ── following ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_run_from_its_first_key_to_its_last(place: Any, books: Path) -> None:
    stream = declared(place)
    async with place.open():
        await place.until(lambda: place.app.desk.incident is not None)
        await place.press("3")
        await place.until(lambda: room(place).picker.table.count > 1)
        await place.press("slash")
        await place.type("feed is silent")
        await place.press("enter")
        await place.until(lambda: room(place).picker.offer.card.title == "The feed is silent")
        await place.press("s")
        await place.until(lambda: following(place).view is not None)
        view = following(place)
        assert "1.1 of 7" in place.text() and "→ 1.1" in place.text() and "Ask the feed for its age" in place.text()
        await place.press("o")
        await place.type("age 61")
        await place.press("enter")
        await place.until(lambda: "age 61" in place.text())
        await place.press("space")
        await place.until(lambda: view.step.id != view.view.steps[0].id, "the next step")
        assert view.view.steps[0].state == "done" and view.step.id == view.view.current
        await place.press("s", "enter")
        assert "a reason, please" in place.text()
        await place.type("nobody can see it")
        await place.press("enter")
        await place.until(lambda: view.view.steps[1].state == "skipped")
        await place.press("f")
        await place.type("hangs")
        await place.press("enter")
        await place.until(lambda: view.view.steps[2].state == "failed")
        assert view.step.id == view.view.steps[2].id  # a failed step: the operator chooses
        await place.press("u")
        await place.until(lambda: view.view.steps[2].state == "open")
        await place.press("g")
        await place.type("2.2")
        await place.press("enter")
        await place.until(lambda: view.view.current == view.step.id == view.view.steps[4].id)
        assert "DECIDE" in place.text()
        await place.press("d")
        await place.type("prices move")
        await place.press("enter")
        await place.until(lambda: view.view.steps[4].state == "done")
        await place.press("R")
        await place.until(lambda: "Put the old data back" in place.text())
        await place.press("i")
        await place.until(lambda: "the page shows old prices" in place.text())
        assert place.lines()[-1].startswith(" esc back")
        ticked = [step.state for step in view.view.steps]
        await place.press("space", "x")  # a text lies over the step: nothing is done to what can't be seen
        assert "esc goes back to the step first" in place.lines()[-1]
        assert [step.state for step in view.view.steps] == ticked
        await place.press("escape", "z")
        await place.type("aban")
        await place.press("enter")
        await place.until(lambda: view.view.end is not None)
        assert "ABANDONED" in place.text()
        await place.press("space")
        await place.until(lambda: "ended this run" in place.text())
    kinds = [kind for kind, _ in recorded(place, stream)]
    assert kinds.count("step_ticked") == 1 and kinds.count("step_undone") == 1 and kinds.count("run_ended") == 1


async def test_the_other_operators_ticks_are_seen_and_the_second_is_told_who_was_first(place: Any, books: Path) -> None:
    stream = declared(place)
    run = started(place, stream, books)
    async with place.open():
        view = await opened(place)
        first = view.view.steps[0].id
        with place.journal() as journal:
            from console.journal.folds import fold_stream
            from console.runbook.progress import view as view_of

            other = view_of(fold_stream(journal, stream, RunsFold()), run)
            assert other is not None
            stale = view.view  # what stands on the screen while bob's tick is on its way
            began = time.monotonic()
            runs.append(journal, stream, runs.tick(other, first))
        await place.until(lambda: view.view.steps[0].state == "done")
        assert time.monotonic() - began < 5  # far above the second that is aimed at: this is no benchmark
        assert view.table.key == first  # his tick does not move my cursor
        view._looking = replace(view._looking, view=stale)
        await place.press("space")
        await place.until(lambda: "bob ticked this step at" in place.text())


async def test_runs_side_by_side_and_leaving_the_wrong_one(place: Any, books: Path) -> None:
    stream = declared(place)
    started(place, stream, books)
    second = started(place, stream, books, "The queue is long")
    async with place.open():
        view = await opened(place)
        assert view.chosen == second and "run 2/2" in place.text()
        await place.press("left_square_bracket")
        await place.until(lambda: "The feed is silent" in place.text() and view.chosen != second)
        await place.press("w")
        await place.until(lambda: "instead of The feed is silent" in place.text())
        await place.press("slash")
        await place.type("the queue is long")
        await place.press("enter")
        await place.until(lambda: room(place).picker.table.count == 1)
        await place.press("s", "enter")
        await place.until(lambda: len(room(place).runs.now.runs) == 3)
        ended = room(place).runs.now.runs[0].end
        assert ended is not None and ended.outcome == "switched"
        await place.until(lambda: view.chosen == room(place).runs.now.runs[2].run)


# ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────────


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


# ── looks ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [(80, 24), (200, 60), (44, 12)])
async def test_ascii_only_and_every_size(place: Any, books: Path, size: tuple[int, int]) -> None:
    stream = declared(place)
    started(place, stream, books, host="db1")
    async with place.open(size=size, look=Look(ascii_only=True)):
        view = await opened(place)
        for key in ("j", "k", "enter", "i", "escape", "E", "escape", "R", "a"):
            await place.press(key)
            assert place.text().isascii(), place.text()
        await place.press("escape")
        await place.pilot.resize_terminal(100, 30)
        await at_step(place, "1.1")
        await place.until(lambda: "Ask the feed for its age" in place.text())
        assert view.page.size.width > 20


HOSTILE = """# [@click=app.quit]x[/] \x1b]0;owned\x07 a\u202eb

## Actions

1. [bold red]step[/] \x1b[2J a\u202eb {long}

   Body [/ [link=x] \x07 {long}

   ```bash
   echo "[@click=app.quit]x[/]" '\u202e' \x1b]52;c;eA==\x07
   ```

   ```bash
   echo fine {long}
   ```
"""


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_a_hostile_runbook_is_literal_and_does_not_run(place: Any, books: Path, size: tuple[int, int]) -> None:
    (books / "feed.md").unlink()
    (books / "queue.md").unlink()
    (books / "bad.md").write_text(HOSTILE.replace("{long}", "z" * 10_000), encoding="utf-8")
    entries = load_library([books], shipped=False).entries
    stream = declared(place)
    started(place, stream, books, entries[0].id)
    async with place.open(size=size):
        view = await opened(place)
        seen = ""
        for keys in (
            ("enter",),
            ("G",),
            ("escape",),
            ("tab",),
            ("i",),
            ("escape",),
            ("a",),
            ("enter",),
            ("escape", "escape"),
        ):
            await place.press(*keys)
            seen += place.text()
        assert "\x1b" not in seen and "\x07" not in seen and "\u202e" not in seen
        assert "[@click=app.quit]x[/]" in seen and "<ESC>" in seen
        view.command_at = 0
        view.draw()
        await place.press("x")
        assert "not run" in place.text()
        assert "command_started" not in [kind for kind, _ in recorded(place, stream)]


async def test_a_command_longer_than_the_screen_must_be_seen_whole(place: Any, books: Path) -> None:
    lines = "\n".join(f"   echo line {number}" for number in range(60))
    (books / "long.md").write_text(
        f"# Long\n\n## Actions\n\n1. Many\n\n   ```bash\n{lines}\n   ```\n", encoding="utf-8"
    )
    stream = declared(place)
    started(place, stream, books, "Long")
    async with place.open():
        view = await opened(place)
        if len(view._model(view._looking, view.table.key)[1].commands) > 1:
            await place.press("shift+tab")  # the whole block
        await place.pilot.pause(0.3)
        assert not view.arming.is_framed
        await place.press("x")
        assert "Enter shows it whole" in place.text()
        await place.press("enter")
        for _ in range(8):
            await place.press("pagedown")
        await place.until(lambda: view.arming.is_framed, "all of it was seen")
        await answer(place)
        await place.press("x")
        await place.until(lambda: view.execution is not None, "the run")
