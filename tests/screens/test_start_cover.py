"""The first moments of a console on a real terminal: the kept screen, keys typed meanwhile, and what goes wrong."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.screen_model import ScreenModel
from tests.e2e.terminal import Terminal

CONFIG = """
title: yard
services:
  - name: gate
    checks: [{kind: tcp, name: port, host: 127.0.0.1, port: 9, interval: 20s, fail_threshold: 1}]
"""
# The script's way in, without a watch of its own; {before} comes after the terminal was taken and before anything else.
PROGRAM = """
import os, sys
import screens.main as main
from screens import cover
def lay(self, environ, lay=cover.Cover.lay):
    lay(self, environ)
    {before}
    import screens.last_screen, screens.opening
    from dataclasses import replace
    screens.last_screen.LOOK_S = 0.1
    screens.opening._FIRST_S = 20
    deps = screens.opening.deps_from
    screens.opening.deps_from = lambda start: replace(deps(start), watching=False)
cover.Cover.lay = lay
sys.exit(main.main())
"""
WAIT = "open(os.environ['GATE']).read()"  # a FIFO: the start stands still until the test opens it


class Yard:
    """A database with one check that fails, and consoles over it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "vigie.yaml"
        self.config.write_text(CONFIG)
        self.gate = folder / "gate"
        os.mkfifo(self.gate)
        self.env = {"HOME": str(folder), "XDG_CACHE_HOME": str(folder / ".cache"), "TZ": "UTC", "GATE": str(self.gate)}
        self.options = ["--config", str(self.config), "--db", str(folder / "vigie.db")]

    def start(
        self, before: str = "pass", *more: str, size: tuple[int, int] = (80, 24), shell: bool = False, **env: str
    ) -> Terminal:
        """A console; with *shell* from a shell, which stays and says how it was left."""
        argv = [sys.executable, "-P", "-c", PROGRAM.format(before=before), *self.options, *more]
        if shell:
            argv = ["sh", "-c", '"$@"; echo "left with $?"; cat', "sh", *argv]
        return Terminal(argv, size=size, env={**self.env, **env})

    def open_gate(self) -> None:
        self.gate.write_text("")

    @property
    def kept(self) -> list[Path]:
        return sorted((self.folder / ".cache" / "vigie" / "frames").glob("*"))

    def keep(self, size: tuple[int, int] = (80, 24)) -> None:
        """One console that is opened and left."""
        with self.start(size=size) as terminal:
            terminal.wait_for("gate/port")
            terminal.press("q")
            assert terminal.wait_exit() == 0


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Yard:
    yard = Yard(tmp_path_factory.mktemp("yard"))
    command = [sys.executable, "-P", "-m", "screens.main", *yard.options, "watch", "--once"]
    subprocess.run(command, env={**os.environ, **yard.env}, capture_output=True, timeout=60, check=False)
    return yard


@pytest.fixture
def yard(watched: Yard) -> Iterator[Yard]:
    for file in watched.kept:
        file.unlink()
    yield watched


def modes(terminal: Terminal) -> bool:
    flags = termios.tcgetattr(terminal.master)[3]
    return bool(flags & termios.ECHO) and bool(flags & termios.ICANON)


def test_the_next_start_shows_what_the_last_one_showed(yard: Yard) -> None:
    yard.keep()
    assert [file.stat().st_mode & 0o777 for file in yard.kept] == [0o600]
    with yard.start(WAIT) as terminal:
        terminal.wait_for(r"kept screen, .* old - opening")
        assert "gate/port" in terminal.screen and "port" in terminal.screen
        assert not modes(terminal)
        yard.open_gate()
        terminal.wait_gone("kept")
        terminal.wait_for("gate/port")
        raw = bytes(terminal.raw)
        terminal.press("q")
        assert terminal.wait_exit() == 0
        assert modes(terminal)
    assert raw.count(b"\x1b[?1049h") == 1  # entering it again would erase it


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one processor: the first frame waits for nothing")
def test_the_first_live_frame_shows_what_the_watch_and_the_record_say(yard: Yard) -> None:
    with yard.start() as terminal:
        terminal.wait_for("gate/port")
        terminal.wait_for("no incident")
        for blank in (b"no status yet", b"waiting for", b"reading the record"):
            assert blank not in terminal.raw
        terminal.press("D")
        terminal.wait_for(">")


def test_after_the_kept_screen_nothing_of_it_is_left(yard: Yard) -> None:
    """Cell for cell: the same console with a kept screen before it, and without."""
    screens = []
    for before in ("off", ""):
        yard.keep()
        with yard.start(VIGIE_KEPT=before) as terminal:
            screen = terminal.wait_until(
                lambda screen: "enter detail" in screen and "no incident" in screen and "kept" not in screen
            )
            screens.append([line[:60] for line in screen.split("\n")[3:]])
            terminal.press("q")
            assert terminal.wait_exit() == 0
    assert screens[0] == screens[1]


def test_trying_whether_the_terminal_repeats_blanks_nothing_of_the_kept_screen(yard: Yard) -> None:
    yard.keep()
    with yard.start() as terminal:
        terminal.wait_for("no incident")
        terminal.wait_gone("kept screen")
        raw = bytes(terminal.raw)
    tried = re.search(rb"\x1b\[\d+;\d+H \x1b\[b\x1b\[6n", raw)
    assert tried is not None
    before, after = ScreenModel(80, 24), ScreenModel(80, 24)
    before.feed(raw[: tried.start()])
    after.feed(raw[: tried.end()])
    assert "gate/port" in before.text() and after.text() == before.text()


def test_the_first_start_ever_shows_nothing_old(yard: Yard) -> None:
    with yard.start(WAIT) as terminal:
        terminal.wait_until(lambda _: not modes(terminal))
        assert terminal.screen.strip() == ""
        yard.open_gate()
        terminal.wait_for("gate/port")
        assert b"kept" not in terminal.raw


@pytest.mark.parametrize("kept", [False, True])
def test_keys_typed_meanwhile_reach_the_console_and_are_not_echoed(yard: Yard, kept: bool) -> None:
    if kept:
        yard.keep()
    with yard.start(WAIT) as terminal:
        terminal.wait_until(lambda _: not modes(terminal))
        terminal.type("Dthe gate is stuck")
        yard.open_gate()
        terminal.wait_for(r"the gate is stuck")
        assert ">" in terminal.line_with("the gate is stuck")
        assert b"Dthe" not in terminal.raw
        terminal.press("esc")


def test_enter_typed_before_the_terminal_is_taken_is_enter(yard: Yard) -> None:
    """The kernel has made a line feed of it by then."""
    argv = ["sh", "-c", 'cat "$GATE"; exec "$@"', "sh", sys.executable, "-P", "-c", PROGRAM.format(before="pass")]
    with Terminal([*argv, *yard.options], env=yard.env) as terminal:
        terminal.type("/gate")
        terminal.wait_for("/gate")  # echoed by the shell's terminal
        terminal.press("enter", "?")
        terminal.wait_for(r"^\?")
        yard.open_gate()
        terminal.wait_for("Say that you have seen it")  # the help


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_during_the_start_gives_the_terminal_back(yard: Yard, number: signal.Signals) -> None:
    yard.keep()
    with yard.start(f"os.kill(os.getpid(), {int(number)})", shell=True) as terminal:
        terminal.wait_for(rf"^left with {128 + number}")
        assert modes(terminal)
        assert b"kept screen" in terminal.raw and b"Traceback" not in terminal.raw


def test_a_console_that_cannot_be_opened_says_so_on_the_shell_s_screen(yard: Yard) -> None:
    yard.keep()
    with yard.start("raise ImportError('no module named textual')") as terminal:
        assert terminal.wait_exit() == 2
        terminal.wait_for(r"^vigie: the console can't be opened: ImportError: no module named textual")
        assert modes(terminal) and b"Traceback" not in terminal.raw
        assert terminal.raw.index(b"\x1b[?1049l") < terminal.raw.index(b"vigie: the console")


def test_a_broken_configuration_is_told_on_the_shell_s_screen(yard: Yard, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("servces: []\n")
    with yard.start("pass", "--config", str(broken), size=(200, 24)) as terminal:
        assert terminal.wait_exit() == 2
        terminal.wait_for(r"^vigie: .*broken.yaml:1")
        assert modes(terminal)


def test_a_console_that_is_killed_leaves_its_screen(yard: Yard) -> None:
    with yard.start() as terminal:
        terminal.wait_for("gate/port")
        terminal.wait_until(lambda _: len(yard.kept) == 1)
        terminal.signal(signal.SIGKILL)
        terminal.wait_exit()
    with yard.start(WAIT) as terminal:
        terminal.wait_for("kept screen")
        yard.open_gate()
        terminal.wait_gone("kept screen")


def test_a_line_being_typed_is_not_kept(yard: Yard) -> None:
    with yard.start() as terminal:
        terminal.wait_for("gate/port")
        terminal.wait_until(lambda _: len(yard.kept) == 1)
        terminal.type("Dthe password is swordfish")
        terminal.wait_for("swordfish")
        terminal.signal(signal.SIGTERM)
        assert terminal.wait_exit() == 128 + signal.SIGTERM
    assert "swordfish" not in yard.kept[0].read_text()


def test_a_read_only_console_keeps_nothing(yard: Yard) -> None:
    with yard.start("pass", "--read-only") as terminal:
        terminal.wait_for("gate/port")
        terminal.press("q")
        assert terminal.wait_exit() == 0
    assert yard.kept == []


def test_another_size_shows_it_too_and_an_ascii_terminal_only_ascii(yard: Yard) -> None:
    yard.keep((120, 40))
    for size in ((80, 24), (60, 12)):
        with yard.start(WAIT, size=size) as terminal:
            terminal.wait_for("kept screen")
            yard.open_gate()
            terminal.wait_gone("kept")
            terminal.wait_for("gate/port")
    with yard.start(WAIT, LANG="C", PYTHONIOENCODING="ascii") as terminal:
        terminal.wait_until(lambda _: not modes(terminal))
        assert b"kept" not in terminal.raw
        yard.open_gate()
        terminal.wait_for("gate/port")


def test_a_stalled_terminal_does_not_hold_up_the_start(yard: Yard) -> None:
    yard.keep()
    with yard.start("open(os.environ['GATE'], 'w').write('here')") as terminal:
        terminal.stall()
        assert yard.gate.read_text() == "here"
        terminal.resume()
        terminal.wait_for("gate/port")
        terminal.press("q")
        assert terminal.wait_exit() == 0
