"""The whole story in the demo, at 80×24, by keyboard alone: status, runbook, wrong runbook, commands, notes, report."""

from __future__ import annotations

import re
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from console.demo.director import marked
from console.demo.home import Home
from tests.e2e import keys
from tests.e2e.site import VIGIE, eventually
from tests.e2e.sshd import sshd
from tests.e2e.terminal import Terminal


def at_step(terminal: Terminal, number: str, of: int) -> None:
    terminal.wait_for(rf"  {re.escape(number)} of {of} ")


def tick(terminal: Terminal, here: str, then: str, of: int) -> None:
    at_step(terminal, here, of)
    terminal.press("space")
    at_step(terminal, then, of)


@pytest.fixture(params=["here", "over ssh"])
def reach(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[list[str]], list[str]]]:
    """How the operator comes to the program: what to run for a command line."""
    if request.param == "here":
        yield list
        return
    with sshd(tmp_path / "ssh") as server:
        yield server.client


@pytest.mark.timeout(300)
def test_the_story_by_keyboard(reach: Callable[[list[str]], list[str]], tmp_path: Path) -> None:
    report = tmp_path / "report.md"
    # A command is armed only when all of it stands on the screen, its folder too: paths must be short at 80 columns.
    out = Path(tempfile.mkdtemp(prefix="v-", dir="/tmp"))
    argv = [
        "env",
        "-C",
        str(out),
        f"TMPDIR={out}",
        str(VIGIE),
        "--actor",
        "ann",
        "demo",
        "--speed",
        "20",
        "--seed",
        "3",
    ]
    with Terminal(reach(argv), size=(80, 24)) as terminal:
        # Status: everything is well, and then it is not.
        terminal.wait_for(keys.READY)
        terminal.wait_for(r"DOWN 3", timeout=120)
        keys.select(terminal, "D forecast-api")

        # Seen: acknowledged with a reason, and declared with its labels and words.
        terminal.press("a")
        terminal.wait_for(r"^ack, because>")
        terminal.type("on it\n")
        terminal.wait_for(r"UNACKED 2")
        terminal.press("D")
        terminal.wait_for(r"^declare> .")
        terminal.press("ctrl+c")
        terminal.wait_for(r"^declare>$")
        terminal.type("sev2 tide forecasts fail -2m\n")
        terminal.wait_for(r"INC-1 SEV2  T\+00:02")
        terminal.wait_for(r"Record .*check forecast-api/errors")

        # Its runbook in one key; it is the wrong one.
        terminal.press("1")
        terminal.wait_for(r"forecast-api/err")
        keys.select(terminal, "D forecast-api")
        terminal.press("r")
        terminal.wait_for(r"▌Forecast API answers with errors")
        terminal.press("s")
        at_step(terminal, "1.1", 4)
        keys.run(terminal)
        terminal.wait_for(r"readings are|last_error")
        terminal.press("o")
        terminal.wait_for(r"^seen>")
        terminal.type("old readings, the API is the messenger\n")
        terminal.wait_for(r"seen \d\d:\d\d ann: old readings")
        tick(terminal, "1.1", "1.2", 4)
        terminal.press("w")
        terminal.wait_for(r"instead of Forecast API answers with err")
        terminal.press("/")
        terminal.type("readings volume\n")
        terminal.wait_for(r"▌Readings volume is full")
        terminal.press("s")
        terminal.wait_for(r"because>|of 10")
        if "because>" in terminal.screen:
            terminal.type("the feed can't write\n")

        # The right one: look, decide, mend.
        at_step(terminal, "1.1", 10)
        keys.run(terminal)
        tick(terminal, "1.1", "1.2", 10)
        terminal.wait_for(r"volume-dir = /tmp/")  # filled from the alert's label
        terminal.wait_for(r"ls -lS\b")
        keys.run(terminal)
        terminal.wait_for(r"root root|capt")
        tick(terminal, "1.2", "1.3", 10)
        terminal.wait_for(r"DECIDE")
        tick(terminal, "1.3", "2.1", 10)
        for step, then in (("2.1", "2.2"), ("2.2", "2.3"), ("2.3", "3.1"), ("3.1", "3.2"), ("3.2", "3.3")):
            at_step(terminal, step, 10)
            keys.run(terminal)
            tick(terminal, step, then, 10)
        keys.note(terminal, "+mitigated capture off, files removed, feed resumed")
        tick(terminal, "3.3", "4.1", 10)
        terminal.press("s")
        terminal.wait_for(r"^skip, because>")
        terminal.type("nobody asked for the capture\n")
        terminal.wait_for(r"all 10 settled")

        # It helped: the watch says so by itself.
        terminal.press("1")
        terminal.wait_for(r"DOWN 0  DEGRADED 0  UNKNOWN 0  OK 4", timeout=120)
        keys.note(terminal, "+resolved forecasts answer again")
        keys.note(terminal, "! #finding the debug capture filled the volume")

        # The timeline has all of it, newest at the bottom.
        terminal.press("4")
        terminal.wait_for(r"★ finding|\* *finding|finding .*the debug capture filled")
        terminal.wait_for("nobody asked")

        # The report, and its file.
        terminal.press("5")
        terminal.wait_for(r"INC-1 postmortem")
        terminal.press("w")
        terminal.wait_for(r"^write to> .")
        terminal.press("ctrl+c")
        terminal.wait_for(r"^write to>$")
        terminal.type(f"{report}\n")
        terminal.wait_for(r"written: ")
        terminal.press("q")
        assert terminal.wait_exit() == 0
        assert not terminal.model.cells.alternate
        assert [entry for entry in terminal.model.strange if not entry.startswith("OSC 22")] == []

    out.rmdir()  # which it would refuse if anything were left
    text = report.read_text()
    for piece in (
        'title: "tide forecasts fail"',
        "ternctl capture off",
        "[finding] the debug capture filled the volume",
        "Skipped Give the capture back: nobody asked for the capture",
        "Chain head",
    ):
        assert piece in text, piece
    assert oct(report.stat().st_mode & 0o777) == "0o600"


@pytest.mark.parametrize("how", ["window closed", "killed", "told to end"])
def test_a_demo_on_a_terminal_leaves_nothing_however_it_ends(how: str, tmp_path: Path) -> None:
    argv = [str(VIGIE), "demo", "--speed", "10"]
    with Terminal(argv, size=(80, 24), env={"TMPDIR": str(tmp_path)}, cwd=tmp_path) as terminal:
        terminal.wait_for(r"checks \d+s ok")
        home = Home(next(tmp_path.glob("vigie-demo-*")))
        assert len(marked(home)) >= 5
        if how == "window closed":
            terminal.hang_up()
        elif how == "killed":
            terminal.process.kill()
        else:
            terminal.signal(signal.SIGTERM)
        terminal.wait_exit()
    eventually(lambda: not home.folder.exists() and not marked(home), "an empty stage")
