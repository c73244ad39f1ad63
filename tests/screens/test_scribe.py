"""The scribe line: no word is lost, and what the screen says is saved is on disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from textual import events

from console.incident import actions
from console.journal.events import Noted, TaskOpened


def _notes(console: Any, stream: str) -> list[str]:
    with console.journal() as journal:
        return [event.body.text for event in journal.window(stream) if isinstance(event.body, Noted)]


async def test_a_note_with_preview(console: Any) -> None:
    stream = console.declare(actions.declare("checkout", severity="SEV2"))
    async with console.open():
        await console.until(lambda: console.app.desk.incident is not None)
        await console.press("n")
        assert "todo @ann 10m text" in console.lines()[-1]
        await console.type("-5m~ restarted the feeder #action")
        assert console.lines()[-2].startswith("n> -5m~ restarted the feeder #action")
        assert "UTC" in console.lines()[-1] and "action" in console.lines()[-1] and "approximate" in console.lines()[-1]
        await console.press("enter")
        await console.until(lambda: console.app.desk.unsaved == 0)
        with console.journal() as journal:
            note = journal.window(stream)[-1]
        assert isinstance(note.body, Noted)
        assert (note.body.note, note.body.text, note.precision) == ("action", "restarted the feeder #action", "approx")
        assert 290 < (note.recorded_at - note.occurred_at).total_seconds() < 360
        assert console.app.desk.drafts.get("scribe") == ""


async def test_a_line_that_can_not_be_read_stays_and_says_why(console: Any) -> None:
    stream = console.declare(actions.declare("checkout"))
    async with console.open():
        await console.until(lambda: console.app.desk.incident is not None)
        await console.press("n")
        await console.type("+resolvd now")
        await console.press("enter")
        assert "did you mean +resolved" in console.lines()[-1]
        assert console.lines()[-2].startswith("n> +resolvd now")
        assert _notes(console, stream) == []


async def test_printable_keys_are_text(console: Any) -> None:
    console.declare(actions.declare("checkout"))
    async with console.open():
        await console.until(lambda: console.app.desk.incident is not None)
        await console.press("n")
        await console.type("1 D q : / ? p")
        assert console.lines()[-2].startswith("n> 1 D q : / ? p")
        assert console.app.bridge.mode == "status"
        await console.press("ctrl+c")
        assert console.lines()[-2].rstrip() == "n>"
        assert console.app.is_running


async def test_ctrl_c_never_quits(console: Any) -> None:
    async with console.open():
        await console.press("ctrl+c")
        assert console.app.is_running
        assert "q leaves" in console.lines()[-1]


async def test_a_draft_is_kept_at_every_key_and_comes_back(console: Any) -> None:
    console.declare(actions.declare("checkout"))
    async with console.open():
        await console.until(lambda: console.app.desk.incident is not None)
        await console.press("n")
        await console.type("the queue is ")
        assert console.app.desk.drafts.flush()
        kept = sqlite3.connect(console.paths.drafts)
        assert kept.execute("SELECT text FROM drafts WHERE key = 'scribe'").fetchone() == ("the queue is ",)
        kept.close()
        await console.press("escape")
        assert "the queue is   (draft)" in console.lines()[-2]
    async with console.open():  # another console, after a crash for all it knows
        await console.until(lambda: "(draft)" in console.lines()[-2])
        await console.until(lambda: console.app.desk.incident is not None)
        await console.press("n")
        assert console.lines()[-2].startswith("n> the queue is")


async def test_typing_survives_what_arrives(console: Any, given: Any) -> None:
    stream = console.declare(actions.declare("checkout"))
    async with console.open():
        await console.until(lambda: console.app.desk.incident is not None)
        await console.press("n")
        await console.type("half a li")
        console.show(given.snapshot(given.check("a", "x", "DOWN")))
        console.app.desk.say("something else went wrong", "error")
        with console.journal() as journal:
            journal.append(stream, [actions.note("from the other one")])
        await console.until(lambda: console.app.desk.incident.count == 2)
        assert console.lines()[-2].startswith("n> half a li")
        assert "something else" not in console.lines()[-2]
        await console.type("ne")
        assert console.lines()[-2].startswith("n> half a line")


async def test_while_the_journal_is_locked_lines_wait_in_order(console: Any) -> None:
    stream = console.declare(actions.declare("checkout"))
    async with console.open():
        await console.until(lambda: console.app.desk.incident is not None)
        lock = sqlite3.connect(console.paths.database, isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        try:
            for text in ("first", "second"):
                await console.press("n")
                await console.type(text)
                await console.press("enter")
            await console.until(lambda: "unsaved (2)" in console.lines()[2], "unsaved (2)")
            assert _notes(console, stream) == []
        finally:
            lock.execute("ROLLBACK")
            lock.close()
        await console.until(lambda: console.app.desk.unsaved == 0)
        assert _notes(console, stream) == ["first", "second"]
        await console.until(lambda: "unsaved" not in console.lines()[2])


async def test_what_a_killed_console_could_not_save_is_saved_once(console: Any) -> None:
    stream = console.declare(actions.declare("checkout"))
    async with console.open():
        await console.until(lambda: console.app.desk.incident is not None)
        lock = sqlite3.connect(console.paths.database, isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        for text in ("todo @bob 10m look", "the second"):
            await console.press("n")
            await console.type(text)
            await console.press("enter")
        assert console.app.desk.drafts.flush()
        kept = sqlite3.connect(console.paths.drafts)
        rows = kept.execute("SELECT key, text, saved_at FROM drafts WHERE key LIKE 'unsaved:%'").fetchall()
        assert len(rows) == 2
        lock.execute("ROLLBACK")
        lock.close()
        await console.until(lambda: console.app.desk.unsaved == 0 and not console.app.desk.drafts.keys("unsaved:"))
        assert console.app.desk.drafts.flush()
        kept.executemany("INSERT INTO drafts VALUES (?, ?, ?)", rows)  # as if it had been killed just then
        kept.commit()
        kept.close()
    async with console.open():
        await console.until(lambda: "an earlier console could not save" in console.text())
        await console.until(lambda: not console.app.desk.drafts.keys("unsaved:"))
    with console.journal() as journal:
        bodies = [event.body for event in journal.window(stream)]
    assert [body.text for body in bodies if isinstance(body, TaskOpened)] == ["look"]
    assert [body.text for body in bodies if isinstance(body, Noted)] == ["the second"]


async def test_a_paste_is_text_never_keys(console: Any) -> None:
    from textual.events import Paste

    console.declare(actions.declare("checkout"))
    async with console.open():
        await console.until(lambda: console.app.desk.incident is not None)
        console.app.post_message(Paste("q\rD3"))
        await console.pilot.pause()
        assert console.app.is_running and console.app.bridge.mode == "status"
        await console.press("n")
        console.app.post_message(Paste("one\ntwo\x1b[31m"))
        await console.until(lambda: "two" in console.lines()[-2])
        assert console.lines()[-2].startswith("n> one↵two<ESC>[31m")


async def test_a_paste_of_lines_as_terminals_send_it(console: Any) -> None:
    """Inside a bracketed paste the ends of lines arrive as carriage returns."""
    from textual.events import Paste

    stream = console.declare(actions.declare("checkout"))
    async with console.open():
        await console.until(lambda: console.app.desk.incident is not None)
        await console.press("n")
        console.app.post_message(Paste("one\rtwo\r\nthree\r"))
        await console.until(lambda: "three" in console.lines()[-2])
        assert console.lines()[-2].startswith("n> one↵two↵three")
        await console.press("enter")
        await console.until(lambda: _notes(console, stream) == ["one\ntwo\nthree"])


async def test_a_paste_that_does_not_fit_says_so(console: Any) -> None:
    from textual.events import Paste

    console.declare(actions.declare("checkout"))
    async with console.open():
        await console.until(lambda: console.app.desk.incident is not None)
        await console.press("n")
        console.app.post_message(Paste("x" * 30_000))
        await console.until(lambda: "only 20,000 characters" in console.lines()[-1])


async def test_the_count_of_unsaved_lines_goes_while_another_is_typed(console: Any) -> None:
    console.declare(actions.declare("checkout"))
    async with console.open():
        await console.until(lambda: console.app.desk.incident is not None)
        other = sqlite3.connect(console.paths.database, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        await console.press("n")
        await console.type("first")
        await console.press("enter", "n")
        await console.type("half")
        await console.until(lambda: "unsaved (1)" in console.lines()[-1])
        other.execute("ROLLBACK")
        other.close()
        await console.until(lambda: "unsaved" not in console.text())
        assert console.lines()[-2].startswith("n> half")


async def test_keys_typed_ahead_land_in_the_line(console: Any) -> None:
    """Sent in one go, as a slow link delivers them: not one may be taken for a command."""
    from textual.events import Key

    stream = console.declare(actions.declare("checkout"))
    async with console.open():
        await console.until(lambda: console.app.desk.incident is not None)
        for char in "nDq rollback 3":
            console.app.post_message(Key("space" if char == " " else char, char))
        console.app.post_message(Key("enter", "\r"))
        console.app.post_message(Key("4", "4"))
        await console.until(lambda: _notes(console, stream) == ["Dq rollback 3"])
        assert console.app.bridge.mode == "timeline"


async def test_a_future_time_asks_first(console: Any) -> None:
    stream = console.declare(actions.declare("checkout"))
    async with console.open():
        await console.until(lambda: console.app.desk.incident is not None)
        await console.press("n")
        await console.type("@2099-01-01 12:00 planned")
        await console.press("enter")
        assert "Enter again saves it" in console.lines()[-1]
        await console.press("enter")
        await console.until(lambda: _notes(console, stream) == ["planned"])


async def test_a_database_that_is_removed_is_not_made_anew(console: Any) -> None:
    console.declare(actions.declare("checkout"))
    async with console.open():
        await console.until(lambda: console.app.desk.incident is not None)
        console.paths.database.unlink()
        await console.until(lambda: "database gone" in console.lines()[2])
        assert "was removed or replaced" in console.lines()[-1]
        await console.press("n")
        await console.type("typed after")
        await console.press("enter")
        await console.until(lambda: "not saved" in console.lines()[-1])
        assert console.app.desk.drafts.get("scribe") == "typed after"
    assert not console.paths.database.exists()


@contextmanager
def locked(console: Any) -> Iterator[None]:
    """Another process holds the database so that not even reading is possible."""
    other = sqlite3.connect(console.paths.database, isolation_level=None, timeout=30)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


async def test_a_line_typed_while_the_record_is_locked_from_the_start_is_text_and_is_saved_later(
    console: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("screens.typed_ahead._READY_S", 0.05)
    stream = console.declare(actions.declare("checkout"))
    async with console.open():
        pass
    with locked(console):
        async with console.open():
            await console.until(lambda: "journal" in console.app.desk.troubles)
            for text in ("q1 D: quiet here", "and again"):
                await console.press("n")
                await console.type(text)
                assert console.lines()[-2].startswith(f"n> {text}")
                await console.press("enter")
            assert console.app.is_running and console.app.bridge.mode == "status"
            assert console.app.desk.unsaved == 2 and "saved as soon as" in console.lines()[-1]
    async with console.open():  # as after a kill: the next console has them from the drafts
        await console.until(lambda: console.app.desk.incident_known and console.app.desk.unsaved == 0)
        await console.until(lambda: _notes(console, stream) == ["q1 D: quiet here", "and again"])
        assert console.app.desk.drafts.keys("unsaved:") == []


async def test_the_record_becomes_readable_while_the_console_is_open(
    console: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("screens.typed_ahead._READY_S", 0.05)
    stream = console.declare(actions.declare("checkout"))
    with ExitStack() as lock:
        lock.enter_context(locked(console))
        async with console.open():
            await console.until(lambda: "journal" in console.app.desk.troubles)
            await console.press("n")
            await console.type("what nobody saw")
            await console.press("enter")
            lock.close()
            await console.until(lambda: _notes(console, stream) == ["what nobody saw"])
            await console.until(lambda: console.app.desk.unsaved == 0)


async def test_a_line_for_which_there_was_no_incident_comes_back_as_a_draft(
    console: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("screens.typed_ahead._READY_S", 0.05)
    with console.journal():
        pass
    with ExitStack() as lock:
        lock.enter_context(locked(console))
        async with console.open():
            await console.until(lambda: "journal" in console.app.desk.troubles)
            for text in ("one", "two"):
                await console.press("n")
                await console.type(text)
                await console.press("enter")
            lock.close()
            await console.until(lambda: console.app.desk.incident_known)
            assert console.app.desk.drafts.get("scribe") == "one\ntwo"
            assert "no incident was open (n has the line)" in console.text()


async def test_without_an_incident_the_line_opens_and_stays_a_draft(console: Any) -> None:
    async with console.open():
        await console.until(lambda: console.app.desk.incident_known)
        await console.press("n")
        assert "no incident is open: D declares one" in console.lines()[-1]
        await console.type("q the lights went out")
        await console.press("enter")
        assert "no incident is open" in console.lines()[-1] and console.app.is_running
        assert console.app.desk.drafts.get("scribe") == "q the lights went out"


async def test_words_for_a_line_that_is_refused_are_no_commands(console: Any) -> None:
    console.declare(actions.declare("checkout"))
    console.deps = replace(console.deps, read_only=True)
    async with console.open():
        await console.until(lambda: console.app.desk.incident is not None)
        for key in ("n", "4", "space", "q", "enter"):
            console.app.post_message(events.Key(key, " " if key == "space" else key if len(key) == 1 else None))
        await console.until(lambda: "read-only; what is typed after it is dropped" in console.lines()[-1])
        await console.pilot.pause()
        assert console.app.is_running and console.app.bridge.mode == "status"
        await console.press("4")  # behind Enter keys are keys again
        assert console.app.bridge.mode == "timeline"


async def test_a_key_by_itself_behind_a_refused_line_is_carried_out(console: Any, given: Any) -> None:
    async with console.open():
        console.show(given.snapshot(*[given.check(f"s{n}", "tcp", "DOWN") for n in range(5)]))
        room = console.app.bridge.room
        await console.press("S")
        assert "no Alertmanager is connected" in console.lines()[-1]
        await console.press("j")
        assert "j: done in a second if nothing follows" in console.lines()[-1] and room.table.index == 0
        await console.until(lambda: room.table.index == 1)
        assert "no Alertmanager" not in console.lines()[-1]


async def test_the_first_of_words_is_no_command_however_slowly_the_second_comes(
    console: Any, given: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("screens.refused_words._WORDS_S", 60.0)
    async with console.open():
        console.show(given.snapshot(*[given.check(f"s{n}", "tcp", "DOWN") for n in range(5)]))
        bridge = console.app.bridge
        order: list[str] = []
        console.app.desk.terminal_answered.subscribe(bridge, lambda _: order.append("answer"), immediate=True)
        await console.press("S", "j")
        console.app.post_message(events.CursorPosition(3, 3))
        await console.until(lambda: len(bridge.ahead.waiting) == 2)
        assert order == []  # an answer that overtook the key would arm it
        await console.press("4")
        assert "what is typed after it is dropped" in console.lines()[-1]
        assert bridge.mode == "status" and bridge.room.table.index == 0 and order == ["answer"]
        console.app.desk.say("something else")
        await console.press("S")  # still words
        assert not bridge.ahead.waiting and not bridge.foot.typing
        await console.press("down", "4")  # no word has an arrow in it
        assert bridge.rooms["status"].table.index == 1 and bridge.mode == "timeline"
