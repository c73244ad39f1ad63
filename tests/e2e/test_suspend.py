"""The terminal in other hands: an editor, and the shell after ctrl-Z; and back, with nothing lost and nothing hanging."""

from __future__ import annotations

import re
import signal
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.incident import actions
from tests.e2e import keys
from tests.e2e.jobs import STOPPED, console_in, is_stopped, under_shell
from tests.e2e.site import Site, eventually
from tests.e2e.sshd import sshd
from tests.e2e.terminal import Terminal

# Says what it is given, takes a line, and ends as that line says.
EDITOR = """#!{python} -ISu
import os, signal, sys, termios, tty

def heard(number, frame):
    with open("{witness}", "a") as witness:
        witness.write(f"got {{signal.Signals(number).name}}\\n")
    if number != signal.SIGINT:
        os._exit(1)

for one in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
    signal.signal(one, heard)
print("editing:", open(sys.argv[1]).read(), end="")
for line in sys.stdin:
    if line == "fail\\n":
        sys.exit(3)
    elif line == "raw\\n":
        tty.setraw(0)
        print("\\033[?1000h\\033[?1l\\033[3;5r\\033[?6h\\033[4h", end="")
        sys.exit(0)
    elif line == "deaf\\n":
        for one in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            signal.signal(one, signal.SIG_IGN)
        print("deaf")
    else:
        open(sys.argv[1], "w").write(line)
        sys.exit(0)
while True:
    signal.pause()
"""


@pytest.fixture
def witness(here: Site) -> Path:
    return here.folder / "witness"


@pytest.fixture
def env(here: Site, witness: Path) -> dict[str, str]:
    editor = here.folder / "ed.sh"
    editor.write_text(EDITOR.format(witness=witness, python=sys.executable))
    editor.chmod(0o755)
    return {"EDITOR": str(editor), "VISUAL": ""}


@pytest.fixture
def terminal(here: Site, env: dict[str, str]) -> Iterator[Terminal]:
    with here.console(env=env) as made:
        declare(made)
        yield made


def declare(terminal: Terminal) -> None:
    keys.declare(terminal)
    terminal.wait_for("INC-1 SEV2")


def half_a_line(terminal: Terminal, text: str = "half a line") -> None:
    terminal.press("n")
    terminal.wait_for(r"-5m text")
    terminal.type(text)
    terminal.wait_for(rf"^n> {text}")


def to_editor(terminal: Terminal, text: str = "half a line") -> None:
    terminal.press("ctrl+x")
    terminal.wait_for(rf"editing: {text}")
    assert not terminal.model.cells.alternate


def in_console(terminal: Terminal, pattern: str) -> None:
    terminal.wait_until(
        lambda screen: terminal.model.cells.alternate and re.search(pattern, screen, re.MULTILINE), what=pattern
    )


def test_a_line_is_written_in_the_editor(here: Site, terminal: Terminal, witness: Path) -> None:
    half_a_line(terminal)
    to_editor(terminal)
    terminal.press("ctrl+c")  # in the editor it is the editor's
    eventually(lambda: witness.exists() and "got SIGINT" in witness.read_text(), "the editor's own ctrl-C")
    terminal.resize(100, 30)
    terminal.type("written elsewhere\n")
    in_console(terminal, r"^n> written elsewhere")
    terminal.wait_until(lambda screen: "n> written" in screen.split("\n")[28], what="the new size")
    terminal.type(", and here\n")
    eventually(lambda: here.texts()[-1:] == ["written elsewhere, and here"], "the note")


@pytest.mark.parametrize(
    ("editor", "typed", "says"),
    [
        ("", "fail\n", r"ended with 3: the line is as it was"),
        ("/nowhere/ed", "", r"not edited: /nowhere/ed: not found"),
    ],
)
def test_an_editor_that_fails_leaves_the_line(
    editor: str, typed: str, says: str, here: Site, env: dict[str, str]
) -> None:
    with here.console(env={**env, "VISUAL": editor}) as terminal:
        declare(terminal)
        half_a_line(terminal)
        if editor:
            terminal.press("ctrl+x")
        else:
            to_editor(terminal)
        terminal.type(typed)
        in_console(terminal, says)
        terminal.wait_for("^n> half a line")


def test_an_editor_that_is_stopped_goes_on(terminal: Terminal) -> None:
    half_a_line(terminal)
    to_editor(terminal)
    terminal.press("ctrl+z")
    in_console(terminal, r"is stopped: ctrl-X goes on with it")
    terminal.type(" and more")
    terminal.wait_for("^n> half a line and more")
    terminal.press("ctrl+x")
    terminal.wait_until(lambda _: not terminal.model.cells.alternate, what="the editor")
    terminal.press("ctrl+z")
    in_console(terminal, r"is stopped: ctrl-X goes on with it")
    terminal.press("esc", "q")
    in_console(terminal, "stopped, and would end with the console; q again leaves")
    terminal.press("n", "ctrl+x")
    terminal.wait_until(lambda _: not terminal.model.cells.alternate, what="the editor")
    terminal.type("the end\n")
    in_console(terminal, r"^n> the end")


def test_keys_that_came_before_the_editor_had_the_terminal_are_the_editors(terminal: Terminal, witness: Path) -> None:
    """The terminal sends their signals to whoever has it: for a moment that is still the console."""
    half_a_line(terminal)
    to_editor(terminal)
    terminal.signal(signal.SIGINT)
    eventually(lambda: witness.exists() and "got SIGINT" in witness.read_text(), "the editor's ctrl-C")
    terminal.signal(signal.SIGTSTP)
    in_console(terminal, r"is stopped: ctrl-X goes on with it")


def test_what_the_editor_did_to_the_terminal_is_undone(terminal: Terminal) -> None:
    half_a_line(terminal)
    before = termios.tcgetattr(terminal.master)
    to_editor(terminal)
    cooked = termios.tcgetattr(terminal.master)
    assert cooked != before
    terminal.type("raw\n")
    in_console(terminal, r"^n> half a line")
    terminal.wait_until(lambda _: termios.tcgetattr(terminal.master) == before, what="our settings")
    assert not terminal.model.modes.get(1000)
    terminal.press("ctrl+u", "esc", "q")
    assert terminal.wait_exit() == 0
    assert termios.tcgetattr(terminal.master) == cooked


@pytest.mark.parametrize("how", ["TERM", "HUP", "deaf", "closed"])
def test_what_ends_the_console_ends_the_editor_too(how: str, here: Site, terminal: Terminal, witness: Path) -> None:
    half_a_line(terminal)
    before = len(here.processes())
    to_editor(terminal)
    cooked = termios.tcgetattr(terminal.master)
    if how == "deaf":
        terminal.type("deaf\n")
        terminal.wait_for("^deaf")
    assert len(here.processes()) > before
    began = time.monotonic()
    if how == "closed":
        terminal.hang_up()
    else:
        terminal.signal(signal.SIGHUP if how == "HUP" else signal.SIGTERM)
    assert terminal.wait_exit() == (143 if how in ("TERM", "deaf") else 129)
    assert time.monotonic() - began < 5
    if how != "closed":
        assert termios.tcgetattr(terminal.master) == cooked
    if how in ("TERM", "HUP"):  # one whose terminal is gone may see that first
        assert f"got SIG{'TERM' if how == 'TERM' else 'HUP'}" in witness.read_text()
    eventually(lambda: [one for one in here.processes() if one not in here.watches()] == [], "nothing left behind")
    with here.console() as again:
        again.wait_for("INC-1")
        again.press("n")
        again.wait_for("^n> half a line")


LENDER = """
import sys
from dataclasses import replace
from screens.bridge import Bridge
from screens.opening import run
from screens.start import Start, deps_from
from screens.term.guest import Program

def lend(self):
    def then(outcome):
        self.desk.say(f"outcome {outcome.code} {outcome.stopped} {outcome.refusal}")
    argv = ["sh", "-c", "echo its output; kill -9 $$"]
    self.desk.lend(Program(argv, name="it", before="here it comes", pause=True), then)
    self.desk.lend(Program(["true"]), lambda outcome: open(sys.argv[2], "w").write(outcome.refusal))

Bridge.do_theme = Bridge.do_repaint = lend
start = Start(db=sys.argv[1])
sys.exit(run(start, lambda: replace(deps_from(start), watching=False)))
"""


@pytest.mark.parametrize("driver", ["diff", "stock"])
def test_what_a_program_wrote_can_be_read_before_the_console_comes_back(
    driver: str, database: Path, home: Path, tmp_path: Path
) -> None:
    argv = [sys.executable, "-P", "-c", LENDER, database, tmp_path / "second"]
    with Terminal(argv, env={"VIGIE_DRIVER": driver}) as terminal:
        terminal.wait_for("no incident")
        terminal.press("ctrl+l")
        terminal.wait_for("^here it comes\n+its output\n+.it has ended, exit 137; a key goes back to the console")
        assert (tmp_path / "second").read_text() == "another program has the terminal"
        terminal.press("q")  # a key like any other: it is not taken for the console's
        in_console(terminal, "outcome 137 False")
        terminal.press("ctrl+l")
        terminal.wait_until(lambda _: not terminal.model.cells.alternate, what="the second time")
        terminal.wait_for("a key goes back")
        terminal.signal(signal.SIGTERM)  # while the key is waited for
        assert terminal.wait_exit() == 143


def test_ctrl_z_and_fg(here: Site, env: dict[str, str]) -> None:
    with Terminal(under_shell(here.argv()), env={**here.env, **env}, cwd=here.folder, rtt=0.2) as terminal:
        declare(terminal)
        half_a_line(terminal)
        raw = termios.tcgetattr(terminal.master)
        console = console_in(here).pid
        terminal.press("ctrl+z")
        terminal.wait_for(STOPPED)
        eventually(lambda: is_stopped(console), "the console to stop")
        assert not terminal.model.cells.alternate
        # Nobody is locked out, and the shell has what is typed: no answer of the terminal among it.
        with here.journal(read_only=False) as journal:
            journal.append(journal.incidents()[0].stream, [actions.note("written by another")])
        terminal.type("echo one; echo two\n")
        terminal.wait_for("^two\n")
        assert not re.search(r"\[\d+;\d+R|;\d+R", terminal.screen), terminal.framed()
        terminal.resize(100, 30)
        terminal.type("fg\nqqq")
        in_console(terminal, "^n> half a line")
        terminal.wait_until(lambda screen: len(screen.split("\n")) == 30 and "n> half" in screen.split("\n")[28])
        terminal.wait_quiet(0.5)
        assert termios.tcgetattr(terminal.master) == raw
        terminal.press("enter")  # the line, and whether q was taken for something: the console would be gone
        eventually(lambda: here.texts()[-1].startswith("half a line"), "the note")
        terminal.press("q")
        terminal.wait_for("^shell: 0")


def test_the_shell_gets_no_answers_that_were_on_their_way_when_it_left(here: Site) -> None:
    """Questions to the terminal are answered half a second later here: by then a shell would take them for a command."""
    with Terminal(under_shell(here.argv()), env=here.env, cwd=here.folder, rtt=0.5) as terminal:
        terminal.wait_for("OK 1")
        terminal.press("4", "1", "2", "q")  # each asks
        terminal.wait_for("^shell: 0")
        terminal.wait_quiet(0.8)
        terminal.type("echo one; echo two\n")
        terminal.wait_for("^two\n")
        assert not re.search(r"\[\d+;\d+R|;\d+R", terminal.screen), terminal.framed()


def test_ctrl_z_works_while_the_terminal_takes_nothing(here: Site) -> None:
    with Terminal(under_shell(here.argv()), env=here.env, cwd=here.folder) as terminal:
        declare(terminal)
        console = console_in(here).pid
        terminal.stall()
        terminal.press(*["ctrl+l"] * 200, "ctrl+z")
        eventually(lambda: is_stopped(console), "the console to stop", 15)
        terminal.resume()
        terminal.wait_for(STOPPED)
        terminal.wait_quiet(0.3)
        # Up to three questions lay in the kernel, where nobody can take them back: their answers are on the shell's line.
        terminal.press("ctrl+u")
        terminal.type("fg\n")
        in_console(terminal, "INC-1 SEV2")
        terminal.press("q")
        terminal.wait_for("^shell: 0")


def test_over_ssh_without_a_shell_ctrl_z_says_so_and_an_editor_works(
    here: Site, env: dict[str, str], tmp_path: Path
) -> None:
    wrapped = ["env", *(f"{name}={value}" for name, value in env.items()), *here.argv()]
    with sshd(tmp_path / "ssh") as server, Terminal(server.client(wrapped), env=here.env, rtt=0.1) as terminal:
        declare(terminal)
        terminal.press("ctrl+z")
        terminal.wait_for("no shell is here to come back from")
        half_a_line(terminal)
        to_editor(terminal)
        terminal.type("written far away\n")
        in_console(terminal, "^n> written far away")
        terminal.press("enter")
        eventually(lambda: here.texts()[-1:] == ["written far away"], "the note")


def test_continued_in_the_background_it_waits_for_the_foreground(here: Site) -> None:
    with Terminal(under_shell(here.argv()), env=here.env, cwd=here.folder) as terminal:
        declare(terminal)
        console = console_in(here).pid
        terminal.press("ctrl+z")
        terminal.wait_for(STOPPED)
        terminal.type("bg\n")
        terminal.wait_for("^shell: 0")
        eventually(lambda: is_stopped(console), "the console to stop again")
        assert not terminal.model.cells.alternate
        terminal.type("fg\n")
        in_console(terminal, "INC-1")
        terminal.press("q")
        terminal.wait_for("^shell: 0")


def test_where_nobody_could_continue_it_ctrl_z_says_so(terminal: Terminal) -> None:
    terminal.press("ctrl+z")
    terminal.wait_for("no shell is here to come back from")
    assert not is_stopped(terminal.process.pid)


@pytest.mark.parametrize("meanwhile", ["stty sane", "stty sane; bg; sleep 0.5"])
def test_stopped_and_continued_from_outside_it_repaints(meanwhile: str, here: Site) -> None:
    """A shell sets its terminal right while a job is stopped; the console finds it so and takes it again."""
    with Terminal(under_shell(here.argv()), env=here.env, cwd=here.folder) as terminal:
        declare(terminal)
        raw: list[Any] = termios.tcgetattr(terminal.master)
        console, mark = console_in(here), len(terminal.raw)
        terminal.press("4")
        terminal.wait_until(lambda _: len(terminal.raw) > mark, what="a frame")  # its answer comes as it is stopped
        console.send_signal(signal.SIGSTOP)
        # On the console's own screen, in raw mode: the words may lie beyond its edge.
        terminal.wait_until(lambda _: b"shell: 147" in terminal.raw, what="the shell to have its turn")
        # The terminal's answers to the last frames may stand on the shell's line: an empty command takes them away.
        terminal.press("ctrl+j")
        terminal.wait_until(lambda _: terminal.raw.count(b"shell: ") == 2, what="the shell to have done nothing")
        before = len(terminal.raw)
        terminal.press(*f"{meanwhile}; fg", "ctrl+j")
        # The screen from before still stands there.
        terminal.wait_until(lambda _: b"\x1b[?1049h" in terminal.raw[before:], what="the console to take the terminal")
        in_console(terminal, "INC-1 SEV2")
        terminal.wait_until(lambda _: termios.tcgetattr(terminal.master) == raw, what="our settings")
        half_a_line(terminal)
        terminal.press("ctrl+u", "esc", "q")
        terminal.wait_for("^shell: 0")
        terminal.wait_until(lambda _: termios.tcgetattr(terminal.master)[3] & termios.ECHO, what="the shell's settings")
