"""A terminal that takes nothing holds up nobody: reads, writes, timers and signals go on, and then it is painted anew."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from console.incident import actions
from tests.e2e import keys
from tests.e2e.jobs import is_stopped
from tests.e2e.screen_model import visible_cells
from tests.e2e.site import Site, eventually
from tests.e2e.terminal import Terminal

SOON = 20.0  # seconds: a write or a poll is "on time" within this, on a machine that is busy with other tests


def vitals(here: Site, terminal: Terminal) -> dict[str, Any]:
    """What the console wrote last about itself, which it does from a poll to a poll."""
    path = here.paths.folder / f"live-{terminal.process.pid}.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.mark.parametrize(
    "seconds", [pytest.param(0.0, id="a moment"), pytest.param(60.0, id="a minute", marks=pytest.mark.slow)]
)
@pytest.mark.timeout(240)
def test_while_the_terminal_is_stalled_everything_else_goes_on(seconds: float, here: Site) -> None:
    with here.console(size=(120, 40), env={"VIGIE_DRIVER": "diff"}) as terminal:
        keys.declare(terminal)
        terminal.wait_for("INC-1 SEV2")
        terminal.press("4")
        terminal.wait_for("declared")
        eventually(lambda: (here.paths.folder / f"live-{terminal.process.pid}.json").exists(), "its vitals")
        terminal.stall()
        began, rounds = time.monotonic(), 0
        frames = set()
        while rounds < 3 or time.monotonic() - began < seconds:
            rounds += 1
            terminal.press("1", "4", "ctrl+l", "1", "2", "4")
            # What is typed is saved; a write of somebody else is not held up by ours; a poll is made.
            terminal.press("n", *f"typed blind {rounds}", "enter")
            eventually(lambda n=rounds: f"typed blind {n}" in here.texts(), "the note on disk", SOON)
            with here.journal(read_only=False) as journal:
                journal.append(journal.incidents()[0].stream, [actions.note(f"from elsewhere {rounds}")])
            before = vitals(here, terminal)["at"]
            eventually(lambda was=before: vitals(here, terminal)["at"] != was, "the next poll", SOON)
            frames.add(vitals(here, terminal)["frames"])
        assert len(frames) < rounds or rounds < 4  # nothing is sent, nothing piles up
        # A signal's handler is heard: continued, it would take the terminal again; it only must not hang.
        terminal.signal(signal.SIGSTOP)
        eventually(lambda: is_stopped(terminal.process.pid), "the stop")
        before = vitals(here, terminal)["at"]
        terminal.signal(signal.SIGCONT)
        # What is typed before the console has noticed is thrown away with what was typed while it was stopped.
        eventually(lambda: vitals(here, terminal)["at"] != before, "a sign of life", SOON)
        terminal.press("n", *"after a stop", "enter")
        eventually(lambda: "after a stop" in here.texts(), "the note on disk", SOON)
        terminal.resume()
        terminal.press("4")
        terminal.wait_for(f"from elsewhere {rounds}")
        terminal.wait_for("after a stop")
        _equals_a_whole_frame(terminal)


def _equals_a_whole_frame(terminal: Terminal) -> None:
    """What the terminal shows is what a console that draws everything anew shows; but for the header, whose clock ticks."""
    terminal.wait_quiet(0.3)
    after = visible_cells(terminal.model)[3:]
    wholes = terminal.raw.count(b"\x1b[2J")
    terminal.press("ctrl+l")
    terminal.wait_until(lambda _: terminal.raw.count(b"\x1b[2J") > wholes, what="a whole frame")
    terminal.wait_until(lambda _: visible_cells(terminal.model)[3:] == after, what="the same cells")


@pytest.mark.slow
def test_a_long_stall_is_not_paid_for_later(here: Site, tmp_path: Path) -> None:
    """What was not shown is never sent: after the stall comes one frame, not a queue of them."""
    with here.console(size=(120, 40), env={"VIGIE_DRIVER": "diff"}) as terminal:
        keys.declare(terminal)
        terminal.wait_for("INC-1 SEV2")
        terminal.stall()
        for _ in range(60):
            terminal.press("1", "2", "4", "5")
        terminal.press("n", *"the last word", "enter")
        eventually(lambda: "the last word" in here.texts(), "the note on disk")
        sent = len(terminal.raw)
        terminal.resume()
        terminal.press("4")
        terminal.wait_for("the last word")
        terminal.wait_quiet(0.3)
        assert len(terminal.raw) - sent < 40_000
