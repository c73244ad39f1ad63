"""Arming over a real terminal: one that answers late, and one that never answers."""

from __future__ import annotations

import re
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from console.config import Paths
from console.incident import actions as incidents
from console.journal.events import Origin
from console.journal.store import Journal
from console.runbook import actions as runs
from console.runbook.library import load_library
from tests.e2e.keys import ARMED
from tests.e2e.terminal import Terminal

BOOK = """# Two commands

## Actions

1. The harmless one

   ```bash
   echo harmless >> ran.txt
   ```

2. The other one

   ```bash
   echo other >> ran.txt
   ```
"""
PROGRAM = """
import sys
from dataclasses import replace
from screens.opening import run
from screens.start import Start, deps_from
start = Start(db=sys.argv[1], actor="ann")
sys.exit(run(start, lambda: replace(deps_from(start), watching=False)))
"""


@pytest.fixture
def prepared(database: Path, home: Path, tmp_path: Path) -> list[str]:
    """An incident with a run of two commands; the way to open a console on it."""
    (tmp_path / "two.md").write_text(BOOK, encoding="utf-8")
    entry = load_library([tmp_path / "two.md"], shipped=False).entries[0]
    with Journal.open(database, actor="bob", origin=Origin(program="cli", host="here")) as journal:
        stream = journal.declare(incidents.declare("two"))[0]
        runs.append(journal, stream, runs.start_run(entry.runbook, {}))
    return [sys.executable, "-P", "-c", textwrap.dedent(PROGRAM), str(database)]


def ran(tmp_path: Path) -> list[str]:
    path = tmp_path / "ran.txt"
    return path.read_text().split() if path.exists() else []


def settled(database: Path) -> None:
    """Wait until no command of this database is looked after any more."""
    from console.runbook.recover import running

    deadline = time.monotonic() + 20
    while running(Paths(database)) and time.monotonic() < deadline:
        time.sleep(0.05)


@pytest.mark.parametrize(
    "bandwidth", [pytest.param(0.0, id="wide"), pytest.param(960.0, id="9600 bit/s", marks=pytest.mark.slow)]
)
def test_keys_typed_ahead_on_a_slow_link_run_nothing_that_was_not_shown(
    bandwidth: float, prepared: list[str], database: Path, tmp_path: Path
) -> None:
    with Terminal(prepared, cwd=tmp_path, rtt=0.3, bandwidth=bandwidth) as terminal:
        terminal.wait_for("INC-1")
        terminal.press("3", "x", "j", "x", "x", "k", "x")  # one burst: nobody has seen a command yet
        terminal.wait_for("harmless >> ran.txt")
        terminal.wait_for("x runs it")
        terminal.wait_quiet(0.7)
        assert ran(tmp_path) == []
        terminal.press("j", "x")  # j brings another command: its x was typed before it was there
        terminal.wait_for("other >> ran.txt")
        terminal.wait_quiet(0.7)
        assert ran(tmp_path) == []
        terminal.press("x")
        terminal.wait_for("finished, exit 0")
        settled(database)
        assert ran(tmp_path) == ["other"]
        assert terminal.model.asked["DSR 6"] >= 2
        terminal.press("q")
        assert terminal.wait_exit() == 0


def test_the_frames_own_answer_arms(prepared: list[str], database: Path, tmp_path: Path) -> None:
    """Our driver asks behind each frame anyway: no second question is sent."""
    with Terminal(prepared, cwd=tmp_path, rtt=0.2) as terminal:
        terminal.wait_for("INC-1")
        terminal.press("3")
        terminal.wait_for("harmless >> ran.txt")
        terminal.wait_for(ARMED)
        assert not re.search(rb"\x1b7\x1b\[\d+;\d+H\x1b\[6n", terminal.raw)
        terminal.press("x")
        terminal.wait_for("finished, exit 0")
        settled(database)
        assert ran(tmp_path) == ["harmless"]


@pytest.mark.parametrize("driver", ["diff", "stock"])
def test_a_confirmation_typed_ahead_is_dropped(
    driver: str, prepared: list[str], database: Path, tmp_path: Path
) -> None:
    (tmp_path / "gone").write_text("here")
    book = BOOK.replace("echo harmless >> ran.txt", f"rm -rf {tmp_path}/gone")
    (tmp_path / "away.md").write_text(book.replace("Two commands", "Away with it"), encoding="utf-8")
    entry = load_library([tmp_path / "away.md"], shipped=False).entries[0]
    with Journal.open(database, actor="bob", origin=Origin(program="cli", host="here")) as journal:
        runs.append(journal, journal.incidents()[0].stream, runs.start_run(entry.runbook, {}))
    with Terminal(prepared, cwd=tmp_path, size=(120, 40), rtt=0.3, env={"VIGIE_DRIVER": driver}) as terminal:
        terminal.wait_for("INC-1")
        terminal.press("3")
        terminal.wait_for(ARMED)
        word = "gone"
        terminal.press("x", *word, "enter")  # as one who knows what it will ask
        asked = terminal.wait_for(r"^type (\S+) to run it>")
        terminal.wait_for("typed before the question|nothing was done")
        terminal.wait_quiet(0.7)
        assert (tmp_path / "gone").exists()
        terminal.press("ctrl+u")
        terminal.type(asked[1] + "\n")
        terminal.wait_for("finished, exit 0")
        settled(database)
        assert not (tmp_path / "gone").exists()


def test_a_terminal_that_never_answers_wants_the_key_twice(prepared: list[str], database: Path, tmp_path: Path) -> None:
    with Terminal(prepared, cwd=tmp_path, mute=True) as terminal:
        terminal.wait_for("INC-1")
        terminal.press("3")
        terminal.wait_for("harmless >> ran.txt")
        terminal.press("x")
        terminal.wait_for("nothing was run")
        deadline = time.monotonic() + 30
        while "does not say what it shows" not in terminal.screen:
            assert time.monotonic() < deadline, terminal.screen
            terminal.press("x", "x", "x")
            time.sleep(0.3)  # a key that changes nothing sends nothing: there is nothing to wait for
        assert ran(tmp_path) == []
        while not ran(tmp_path):
            assert time.monotonic() < deadline, terminal.screen
            terminal.wait_quiet(0.7)
            time.sleep(0.7)  # the rule is about time without a key
            terminal.press("x")
        terminal.wait_for("finished, exit 0")
        settled(database)
        assert ran(tmp_path) == ["harmless"]


def test_a_console_killed_while_a_command_runs_neither_ends_nor_loses_it(
    prepared: list[str], database: Path, tmp_path: Path
) -> None:
    import signal

    (tmp_path / "slow.md").write_text(
        BOOK.replace(
            "echo harmless >> ran.txt",
            "for i in 1 2 3 4 5 6 7 8; do echo tick $i; sleep 0.5; done; echo whole >> ran.txt",
        ),
        encoding="utf-8",
    )
    entry = load_library([tmp_path / "slow.md"], shipped=False).entries[0]
    with Journal.open(database, actor="bob", origin=Origin(program="cli", host="here")) as journal:
        stream = journal.incidents()[0].stream
        runs.append(journal, stream, runs.start_run(entry.runbook, {}))
    with Terminal(prepared, cwd=tmp_path) as terminal:
        terminal.wait_for("INC-1")
        terminal.press("3")
        terminal.wait_for("x runs it$|x runs it *\n")
        terminal.wait_quiet(0.5)
        terminal.press("x")
        terminal.wait_for("tick 2")
        terminal.signal(signal.SIGKILL)
        terminal.wait_exit()
    with Terminal(prepared, cwd=tmp_path) as terminal:
        terminal.wait_for("INC-1")
        terminal.press("3")
        terminal.wait_for("tick 1")  # with its output, from the beginning
        terminal.wait_for("finished, exit 0")
        settled(database)
        assert ran(tmp_path) == ["whole"]
        terminal.press("q")
        terminal.wait_exit()


def test_what_is_written_to_the_terminal_is_only_ours(prepared: list[str], tmp_path: Path) -> None:
    with Terminal(prepared, cwd=tmp_path, size=(120, 40)) as terminal:
        terminal.wait_for("INC-1")
        terminal.press("3")
        terminal.wait_for("harmless >> ran.txt")
        terminal.press("c", "i", "esc", "a", "esc", "2", "i", "esc", "5", "g", "esc")
        terminal.wait_quiet(0.5)
        strange: list[Any] = [one for one in terminal.model.strange if not one.startswith(("OSC 22", "OSC 52"))]
        assert strange == []
        terminal.press("q")
        terminal.wait_exit()
