"""How a console ends: signals, a closed window, a stalled terminal. Cleanly, soon, and with nothing lost."""

from __future__ import annotations

import signal
import subprocess
import termios
import time

import pytest

from tests.e2e.site import Site, eventually
from tests.e2e.terminal import Terminal

READY = r"1 Status.*2 Incident"


def open_incident(terminal: Terminal, line: str = "sev2 checkout answers 5xx -8m #payments") -> None:
    terminal.wait_for(READY)
    terminal.press("D")
    terminal.wait_for("declare>")
    terminal.type(line + "\n")
    terminal.wait_for("INC-1")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_it_cleanly_and_gives_the_terminal_back(here: Site, number: signal.Signals, code: int) -> None:
    with here.console() as terminal:
        before = terminal.settings
        open_incident(terminal)
        assert termios.tcgetattr(terminal.master) != before
        started = time.monotonic()
        terminal.signal(number)
        assert terminal.wait_exit() == code
        assert time.monotonic() - started < 20  # three seconds on a free machine
        terminal.wait_until(lambda _: not terminal.model.cells.alternate, what="the main screen")
        assert termios.tcgetattr(terminal.master) == before
        assert terminal.model.modes[25], "the cursor stays hidden"
        assert not [mode for mode in (1000, 1002, 1003, 1006, 2004) if terminal.model.modes.get(mode)]
    assert len(here.events("declared")) == 1


def test_a_closed_window_ends_it(here: Site) -> None:
    with here.console() as terminal:
        open_incident(terminal)
        terminal.hang_up()
        assert terminal.wait_exit() in (129, -signal.SIGHUP)
    assert len(here.events("declared")) == 1
    consoles = [one for one in here.processes() if one not in here.watches()]
    eventually(lambda: not [one for one in consoles if one.is_running()], "no console left behind")


def test_a_stalled_terminal_does_not_keep_it_from_ending(here: Site) -> None:
    with here.console() as terminal:
        open_incident(terminal)
        terminal.stall()
        for _ in range(200):
            terminal.press("ctrl+l")
        terminal.signal(signal.SIGTERM)
        assert terminal.wait_exit() == 143


def test_q_leaves(here: Site) -> None:
    with here.console() as terminal:
        terminal.wait_for(READY)
        terminal.press("q")
        assert terminal.wait_exit() == 0
        terminal.wait_until(lambda _: not terminal.model.cells.alternate, what="the main screen")


def test_ctrl_c_never_quits(here: Site) -> None:
    with here.console() as terminal:
        open_incident(terminal)
        terminal.press("n")
        terminal.type("half a thought")
        terminal.wait_for("n> ?half a thought")
        terminal.press("ctrl+c", "ctrl+c", "ctrl+c")
        terminal.wait_gone("half a thought")
        assert terminal.process.poll() is None


def test_a_killed_console_keeps_the_half_typed_line(here: Site) -> None:
    with here.console() as terminal:
        open_incident(terminal)
        terminal.press("n")
        terminal.type("the switch in rack four is")
        terminal.wait_for("the switch in rack four is")
        terminal.wait_quiet()
        terminal.process.kill()
        terminal.wait_exit()
    with here.console() as again:
        again.wait_for("INC-1")
        again.press("n")
        again.wait_for("the switch in rack four is")
        again.type(" on fire\n")
        eventually(lambda: here.texts() and here.texts()[-1] == "the switch in rack four is on fire", "the whole line")


@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
def test_without_a_terminal_it_refuses_in_one_line(here: Site, term: str) -> None:
    if term == "dumb":
        with here.console(term="dumb") as terminal:
            assert terminal.wait_exit() == 2
            screen = terminal.screen.strip()
            assert "TERM=dumb" in screen
            assert "\x1b" not in terminal.raw.decode()
        return
    done = subprocess.run(
        [str(part) for part in here.argv()], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("vigie: ")
    assert done.stderr.count("\n") == 1


def test_it_follows_a_storm_of_resizes(here: Site) -> None:
    with here.console() as terminal:
        terminal.wait_for(READY)
        for columns, lines in ((200, 60), (100, 30), (40, 10), (1, 1), (80, 24), (120, 40), (80, 24)):
            terminal.resize(columns, lines)
        terminal.wait_for(r"1 Status .*5 Report")
        assert terminal.process.poll() is None
        terminal.resize(200, 60)
        terminal.wait_until(lambda screen: "q leave" in screen.split("\n")[59] or "help" in screen.split("\n")[59])
        terminal.resize(80, 24)
        terminal.wait_until(lambda screen: "help" in screen.split("\n")[23], what="the hint line at the bottom")
