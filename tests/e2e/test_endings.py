"""Every way a console can end: in time, the terminal given back as far as it takes words, and not a word lost."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import termios
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from tests.e2e import keys
from tests.e2e.site import Site, eventually
from tests.e2e.sshd import sshd
from tests.e2e.terminal import Terminal

LIMIT = 5.0  # seconds: what is promised

# A console whose loop hangs for good at one key: what the watchdog is for.
HANGING = """
import sys, time
from dataclasses import replace
from screens.opening import run
from screens.start import Start, deps_from
from screens.bridge import Bridge

def hang(self):
    time.sleep(3600)

Bridge.do_repaint = hang
start = Start(db=sys.argv[1])
sys.exit(run(start, lambda: replace(deps_from(start), watching=False)))
"""


def at_work(terminal: Terminal, here: Site) -> None:
    """An incident, a note that is saved, a line half typed."""
    keys.declare(terminal)
    terminal.wait_for("INC-1 SEV2")
    keys.note(terminal, "saved before the end")
    eventually(lambda: here.texts()[-1:] == ["saved before the end"], "the note on disk")
    terminal.press("n")
    terminal.type("half a line")
    terminal.wait_for("^n> half a line")


def nothing_is_lost(here: Site) -> None:
    assert here.texts()[-1:] == ["saved before the end"]
    drafts = sqlite3.connect(here.paths.drafts)
    assert drafts.execute("SELECT text FROM drafts WHERE key = 'scribe'").fetchone() == ("half a line",)
    drafts.close()
    with here.journal() as journal:  # closed as it should be: nothing is left to be recovered, no lock is held
        assert journal.verify(journal.incidents()[0].stream).ok


def stalled(terminal: Terminal) -> None:
    """The terminal takes nothing any more, and the kernel's buffer is full."""
    terminal.stall()

    def is_full() -> bool:
        for _ in range(20):  # frames wait for answers that don't come, and the longer the fewer keys are pressed
            terminal.press("ctrl+l")
        return _waiting(terminal.master) > 2000

    eventually(is_full, "a full buffer")


def _waiting(master: int) -> int:
    import array
    import fcntl

    count = array.array("i", [0])
    fcntl.ioctl(master, termios.FIONREAD, count)
    return count[0]


_RARER = pytest.mark.slow  # each costs seconds, and differs little from its neighbour


@pytest.mark.parametrize(
    "how",
    [
        "TERM",
        pytest.param("HUP", marks=_RARER),
        pytest.param("both", marks=_RARER),
        "again and again",
        "stalled",
        pytest.param("stalled, stock", marks=_RARER),
        "closed",
    ],
)
def test_it_is_gone_in_time_with_nothing_lost(how: str, here: Site) -> None:
    env = {"VIGIE_DRIVER": "stock" if "stock" in how else "diff"}
    with here.console(env=env) as terminal:
        before = terminal.settings
        at_work(terminal, here)
        if "stalled" in how:
            stalled(terminal)
        began = time.monotonic()
        match how:
            case "closed":
                terminal.hang_up()
            case "HUP":
                terminal.signal(signal.SIGHUP)
            case "both":
                terminal.signal(signal.SIGTERM)
                terminal.signal(signal.SIGHUP)
            case "again and again":
                while terminal.process.poll() is None and time.monotonic() - began < LIMIT:
                    terminal.signal(signal.SIGTERM)
                    time.sleep(0.005)
            case _:
                terminal.signal(signal.SIGTERM)
        code = terminal.wait_exit()
        assert time.monotonic() - began < LIMIT
        assert code == 129 if how in ("HUP", "closed") else 143
        if how != "closed":
            assert termios.tcgetattr(terminal.master) == before
            terminal.resume()
            terminal.wait_until(lambda _: not terminal.model.cells.alternate, what="the main screen")
            assert terminal.model.modes[25]
            assert not [mode for mode in (1004, 2004, 2048) if terminal.model.modes.get(mode)]
    nothing_is_lost(here)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_an_answer_that_does_not_come_is_not_awaited_for_ever(number: signal.Signals, here: Site) -> None:
    """It closes everything itself; the watchdog would leave its vitals behind."""
    with here.console(env={"VIGIE_DRIVER": "diff"}) as terminal:
        at_work(terminal, here)
        eventually(lambda: list(here.paths.folder.glob("live-*")), "its vitals")
        terminal.stall()
        terminal.press("ctrl+l")
        eventually(lambda: _waiting(terminal.master), "a frame that nobody answers")
        terminal.signal(number)
        assert terminal.wait_exit() == 128 + number
        assert not list(here.paths.folder.glob("live-*"))
    nothing_is_lost(here)


def test_killed_outright_nothing_is_lost(here: Site) -> None:
    with here.console() as terminal:
        at_work(terminal, here)
        with sqlite3.connect(here.paths.drafts) as drafts:
            eventually(
                lambda: ("half a line",) in drafts.execute("SELECT text FROM drafts").fetchall(), "the draft on disk"
            )
        drafts.close()
        terminal.signal(signal.SIGKILL)
        terminal.wait_exit()
    nothing_is_lost(here)


def test_one_that_hangs_is_ended_by_its_watchdog(database: Path, home: Path) -> None:
    argv = [sys.executable, "-P", "-c", textwrap.dedent(HANGING), os.fspath(database)]
    with Terminal(argv) as terminal:
        before = terminal.settings
        terminal.wait_for("D declare|no incident")
        terminal.wait_quiet()
        terminal.press("ctrl+l")
        eventually(lambda: _sleeps(terminal.process.pid), "the hanging loop")
        began = time.monotonic()
        terminal.signal(signal.SIGTERM)
        assert terminal.wait_exit() == 143
        assert time.monotonic() - began < LIMIT
        assert termios.tcgetattr(terminal.master) == before
        terminal.wait_until(lambda _: not terminal.model.cells.alternate and terminal.model.modes[25], what="our words")


def _sleeps(pid: int) -> bool:
    return "nanosleep" in Path(f"/proc/{pid}/wchan").read_text()


def _console(here: Site) -> psutil.Process:
    found = [one for one in here.processes() if "--actor" in one.cmdline() and "vigie" in " ".join(one.cmdline()[:3])]
    assert found, here.processes()
    return found[0]


@pytest.mark.parametrize(
    "how",
    ["the client is killed", pytest.param("the server's session is killed", marks=_RARER), "frozen, SIGTERM"],
)
def test_over_ssh_it_ends_with_its_link(how: str, here: Site, tmp_path: Path) -> None:
    with sshd(tmp_path / "ssh") as server, Terminal(server.client(here.argv()), env=here.env) as terminal:
        at_work(terminal, here)
        console = _console(here)
        if how.startswith("the client"):
            terminal.process.kill()
        elif how.startswith("the server"):
            session = next(one for one in console.parents() if one.name().startswith("sshd"))
            session.kill()
        else:
            server.link.freeze()
            for _ in range(100):
                terminal.press("ctrl+l")
            console.terminate()
        began = time.monotonic()
        psutil.wait_procs([console], timeout=30)
        assert not console.is_running()
        assert time.monotonic() - began < LIMIT
    nothing_is_lost(here)
