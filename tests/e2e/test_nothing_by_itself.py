"""Attempts to have a command run that nobody asked for on what they saw: keys typed ahead, pasted, clicked; and coming back to a
check that was polling when its supervisor was killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.runbook import actions, status
from console.runbook.library import load_library
from tests.e2e.site import eventually, site
from tests.e2e.test_runs_of_two import Two

BOOK = """id: RB-POLL
title: Polls
params:
  who: {choices_from: "echo listed >> ran"}
phases:
  - title: P
    steps:
      - id: poll
        kind: check
        title: Is it up
        run: "echo look >> ran; exit 1"
        expect: {exit: 0}
        retry: {attempts: 500, every: 0.2s}
      - {id: with, kind: run, title: With a value, run: "echo $who >> ran"}
      - {id: other, kind: call, title: The other, runbook: RB-OTHER}
"""
OTHER = """id: RB-OTHER
title: The other
phases: [{title: P, steps: [{id: a, kind: run, title: Its step, run: "echo other >> ran"}]}]
"""


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    with site(tmp_path / "site") as here:
        made = Two(here)
        (here.folder / "other.runbook.yaml").write_text(OTHER)
        book = here.folder / "poll.runbook.yaml"
        book.write_text(BOOK)
        (entry,) = load_library([book], shipped=False).entries
        news = actions.start_run(entry.runbook, {})
        with here.journal(read_only=False) as journal:
            actions.append(journal, made.stream, [*actions.end(made.view()), *news])
        made.run = news[0].body.run  # type: ignore[attr-defined]  # a RunStarted
        yield made


def test_keys_typed_ahead_pasted_and_clicked(two: Two) -> None:
    here = two.here
    with here.console(actor="ann") as ann:
        ann.type("3xxxxxxxx")  # before anything is on the screen
        ann.wait_for(r"x runs it(?!.*waiting)")
        ann.wait_quiet(0.5)
        ann.paste("x")
        ann.paste("x\nx\n")
        for place in ("5;40", "8;40", "23;3"):  # a mouse, as a terminal would tell of it
            ann.type(f"\x1b[<0;{place}M\x1b[<0;{place}m")
        ann.wait_quiet(0.5)
        ann.press("esc", "esc")
        for key in ("down", "up", "pgdn", "pgup", "enter", "esc", "i", "esc", "]", "[", "1", "3"):
            ann.press(key)
        ann.wait_quiet(0.5)
    assert here.events("command_started") == []
    assert not (here.folder / "ran").exists()


def test_coming_back_to_a_check_that_polled(two: Two) -> None:
    """Its supervisor was killed: the end is unknown, and looking again is a person's choice."""
    here = two.here
    ran = here.folder / "ran"
    with here.console(actor="ann") as ann:
        ann.wait_for("INC-1")
        ann.press("3")
        ann.wait_for(r"x runs it(?!.*waiting)")
        ann.press("x")
        eventually(lambda: ran.exists() and ran.read_text().count("look") >= 2, "two looks")
        ann.signal(signal.SIGKILL)
        ann.wait_exit()
    (found,) = status.unrecorded(str(here.paths.spool))
    os.kill(found["pid"], signal.SIGKILL)
    before = eventually(
        lambda: None if status.is_looked_after(f"{here.paths.spool}/{found['command']}.out") else ran.read_text(),
        "its end",
    )
    with here.console(actor="ben") as ben:
        ben.wait_for("INC-1")
        ben.press("3")
        ben.wait_for("end unknown")
        for key in ("down", "down", "up", "up", "1", "3", "4", "3"):
            ben.press(key)
        ben.wait_quiet(1.0)
    assert len(here.events("command_started")) == 1
    assert [event.body.outcome for event in here.events("command_finished")] == ["unknown"]
    assert ran.read_text() in (before, before + "look\n")  # a look that was under way may have ended


@pytest.mark.slow
def test_a_run_that_calls_and_lists_starts_nothing_by_being_made(two: Two) -> None:
    here = two.here
    with here.journal(read_only=False) as journal:
        for step in ("with", "other"):
            actions.append(journal, two.stream, actions.jump(two.view(), step))
            with here.console(actor="ann") as ann:
                ann.wait_for("INC-1")
                ann.press("3")
                ann.wait_for("With a value" if step == "with" else "The other")
                ann.wait_quiet(0.5)
    assert not (here.folder / "ran").exists()
    assert here.events("command_started") == []
