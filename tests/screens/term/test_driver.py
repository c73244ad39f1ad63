"""The console on our driver beside the same console on Textual's own: what the terminals show is equal, cell for cell."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Final

import pytest

from screens import driver
from screens.term.pace import BYTES
from screens.term.portions import LEAST
from tests.e2e.screen_model import visible_cells
from tests.e2e.terminal import PATIENCE, Terminal
from tests.screens.term.twins import Twins, console, make_database, walk


@pytest.fixture
def database(home: Path, tmp_path: Path) -> Path:
    return make_database(tmp_path / "one" / "vigie.db")


@pytest.fixture
def twins(database: Path, request: pytest.FixtureRequest) -> Iterator[Twins]:
    made = Twins(database, request.param)
    try:
        for each in made.both:
            each.wait_for("DOWN 50")
            each.wait_for("INC-1")
        yield made
    finally:
        made.close()


SIZES: Final = ((80, 24), (120, 40), (200, 60))
SEEDS: Final = int(os.environ.get("VIGIE_TWIN_SEEDS", "5"))


@pytest.mark.parametrize("twins", SIZES, indirect=True)
def test_a_walk_through_all_screens_shows_the_same(twins: Twins) -> None:
    walk(twins, 0)
    assert len(twins.ours.raw) * 3 < len(twins.stock.raw)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, SEEDS))
@pytest.mark.parametrize("twins", SIZES, indirect=True)
def test_many_walks_show_the_same(twins: Twins, seed: int) -> None:
    walk(twins, seed)


@pytest.mark.parametrize("twins", [(120, 40)], indirect=True)
def test_a_stalled_terminal_holds_up_nothing_and_is_repainted(twins: Twins) -> None:
    _stalled(twins, 2.0)


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("twins", [(120, 40)], indirect=True)
def test_a_terminal_that_is_stalled_for_a_minute(twins: Twins) -> None:
    _stalled(twins, 60.0)


def _stalled(twins: Twins, seconds: float) -> None:
    twins.alike("the start")
    ours = twins.ours
    ours.stall()
    ends = time.monotonic() + seconds
    # No Esc, and nothing whose effect depends on what was read by then: nobody waits for anything here.
    walk = ["4", "3", "1", "2", "5", "1"]
    while time.monotonic() < ends:
        for each in twins.both:
            each.press(*walk)
        time.sleep(0.3)  # as fast as a hand, or the console would only have the keyboard's queue to answer
    for each in twins.both:
        each.press("1", "n", *"while it hung", "enter")
    with sqlite3.connect(ours.process.args[-1]) as lines:  # type: ignore[index,arg-type]  # a list of ours
        deadline = time.monotonic() + PATIENCE
        while "while it hung" not in str(lines.execute("SELECT * FROM events ORDER BY rowid DESC LIMIT 1").fetchall()):
            assert time.monotonic() < deadline, "nothing is written while the terminal takes nothing"
            time.sleep(0.02)
    lines.close()
    ours.resume()
    twins.press("4", "1")
    twins.alike("after the stall")


@pytest.mark.parametrize("twins", [(120, 40)], indirect=True)
def test_stop_and_come_back_shows_the_same(twins: Twins) -> None:
    twins.press("4", "pgup")
    for each in twins.both:
        each.signal(signal.SIGSTOP)
        each.wait_until(lambda _, pid=each.process.pid: _state(pid) == "T", what="the process to stop")
        os.kill(each.process.pid, signal.SIGCONT)
    twins.alike("after")
    twins.press("home")


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_terminal_that_forgot_is_repainted_by_a_key(database: Path) -> None:
    with console(database, stock=False, size=(100, 30)) as terminal:
        terminal.wait_for("DOWN 50")
        terminal.wait_for("INC-1")
        terminal.press("ctrl+l")
        terminal.wait_for("n note")
        terminal.wait_until(lambda _: terminal.raw.count(b"\x1b[2J") > 1, what="a whole frame")
        terminal.wait_quiet()
        before = visible_cells(terminal.model)
        with terminal._changed:
            terminal.model.feed(b"\x1b[2J\x1b[Hjunk")
        terminal.press("ctrl+l")
        terminal.wait_until(lambda _: visible_cells(terminal.model) == before, what="the screen as it was")


def test_what_another_program_wrote_is_painted_over(database: Path) -> None:
    """``wall`` and the like: the next answer of the terminal gives it away."""
    with console(database, stock=False, size=(100, 30)) as terminal:
        terminal.wait_for("DOWN 50")
        terminal.wait_for("INC-1")
        terminal.press("j")
        terminal.wait_for("2/77")
        terminal.press("k")
        terminal.wait_for("1/77")
        terminal.wait_quiet()
        before = visible_cells(terminal.model)
        with terminal._changed:
            terminal.model.feed(b"\x1b[5;7H\x1b[0mBroadcast message from root\r\n\r\nreboot in 5 minutes\r\n")
        terminal.wait_until(lambda _: time.monotonic() - terminal._last_delivery > 0.6, what="a pause")
        terminal.press("j", "k")
        terminal.wait_until(lambda _: visible_cells(terminal.model) == before, what="the screen as it was")


def test_a_terminal_that_never_answers_is_usable(database: Path) -> None:
    with console(database, stock=False, size=(80, 24), mute=True) as terminal:
        terminal.wait_for("DOWN 50")
        terminal.wait_for("INC-1")
        for key, words in (("4", "line 79"), ("pgup", "line 5"), ("1", "p problems"), ("j", "2/77"), ("j", "3/77")):
            terminal.press(key)
            terminal.wait_for(words)
        terminal.press("q")
        assert terminal.wait_exit() == 0


def test_bytes_under_way_are_bounded(database: Path) -> None:
    """On a link of 9,600 bit/s, keys held down: never more under way than what may be unanswered, and one frame."""
    with console(database, stock=False, size=(120, 40), rtt=0.3, bandwidth=1200) as terminal:
        terminal.wait_for("DOWN 50")
        terminal.wait_for("INC-1")
        terminal.wait_quiet(0.7)
        most = 0

        def watch(screen: str) -> bool:
            nonlocal most
            most = max(most, terminal._in_flight)
            return "line 79" in screen

        for keys in (["4", "1", "pgdn", "2", "3", "5"] * 3, ["4"]):
            terminal.press(*keys)
        terminal.wait_until(watch, what="the last state")
        frames = bytes(terminal.raw).split(b"\x1b[6n")
        assert len(frames) < 60
        assert 0 < most <= BYTES + max(map(len, frames)) + 64


def test_a_stalled_terminal_finds_a_frame_or_two_and_no_queue(database: Path) -> None:
    with console(database, stock=False, size=(120, 40)) as terminal:
        terminal.wait_for("DOWN 50")
        terminal.wait_for("INC-1")
        terminal.wait_quiet()
        terminal.stall()
        ends = time.monotonic() + 2
        while time.monotonic() < ends:
            terminal.press("4", "1", "2", "5", "1", "pgdn")
            time.sleep(0.1)
        before = len(terminal.raw)
        terminal.model.mute = True  # or it would be given the newest at once
        terminal.resume()
        terminal.wait_until(lambda _: len(terminal.raw) > before, what="what was under way")
        terminal.wait_quiet()
        assert 0 < len(terminal.raw) - before <= BYTES + 8000


def test_no_queue_on_a_slow_link(database: Path) -> None:
    """Held PgDn and then another screen: what is sent meanwhile is bounded, because frames are left out."""
    with console(database, stock=False, size=(120, 40), rtt=0.3, bandwidth=7000) as terminal:
        terminal.wait_for("DOWN 50")
        terminal.wait_for("INC-1")
        terminal.wait_quiet(0.7)
        before, asked = len(terminal.raw), terminal.model.asked["DSR 6"]
        terminal.press(*["pgdn", "pgup"] * 40, "4")
        terminal.wait_for("line 79")
        frames = terminal.model.asked["DSR 6"] - asked
        assert frames < 40 and len(terminal.raw) - before < 40 * 1000


def test_a_key_need_not_wait_for_the_rest_of_a_screen(database: Path) -> None:
    """Once a link of 9,600 bit/s is felt, never more is under way than a few portions; what stands in the end is what a
    repaint shows."""
    with console(database, stock=False, size=(120, 40), felt=True, rtt=0.3, bandwidth=960) as terminal:
        terminal.wait_for("DOWN 50")
        terminal.wait_for("INC-1")
        for key, seen in (("4", "line 79"), ("1", "api 9/health")):
            terminal.wait_quiet(0.7)
            terminal.press(key)
            terminal.wait_until(lambda screen, seen=seen: re.search(seen, screen), what=seen)
        terminal.wait_for("link ")
        terminal.wait_quiet(1.5)
        most = 0

        def watch(screen: str) -> bool:
            nonlocal most
            most = max(most, terminal._in_flight)
            return "line 79" in screen

        terminal.press("4")
        terminal.wait_until(watch, what="the timeline")
        terminal.wait_until(lambda screen: watch(screen) and "line 52" in screen, what="its oldest row")
        assert 0 < most <= 4 * LEAST
        terminal.wait_quiet(1.5)
        before = visible_cells(terminal.model)[3:]  # the header says how slow the link is
        terminal.press("ctrl+l")
        terminal.wait_quiet(1.5)
        assert visible_cells(terminal.model)[3:] == before


def test_only_our_sequences_leave(database: Path) -> None:
    """Whatever is written past the frames is dropped unless it is one of ours."""
    ours = driver._OURS
    for text in ("\x1b[?1049h", "\x1b[?25l", "\x1b[>25u", "\x07", "\x1b]52;c;YWJj\x07", "\x1b[?2026$p"):
        assert ours.fullmatch(text)
    for text in (
        "\x1b]0;title\x07",
        "\x1b]52;c;?\x07",
        "\x1b[2J",
        "\x9b2J",
        "text",
        "\x1b]22;pointer\x07",
        "\x1bc",
        "\x1b[6n",
    ):
        assert not ours.fullmatch(text)
    with console(database, stock=False, size=(120, 40)) as terminal:
        terminal.wait_for("DOWN 50")
        terminal.press("4", "1", "3", "q")
        assert terminal.wait_exit() == 0
        assert terminal.model.strange == []
        assert terminal.model.modes[1049] is False and terminal.model.modes[25] is True


# The window gets its last size while the console asks for the one before.
_OVERTAKEN: Final = """
import fcntl, struct, sys, termios
from dataclasses import replace
from screens.driver import CellDriver
from screens.opening import run
from screens.start import Start, deps_from

def asked(self, ask=CellDriver._get_terminal_size):
    size = ask(self)
    if size == (100, 30):
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    return size

CellDriver._get_terminal_size = asked
start = Start(db=sys.argv[1])
sys.exit(run(start, lambda: replace(deps_from(start), watching=False)))
"""


def test_the_newest_size_counts_though_its_signal_comes_within_the_one_before(database: Path) -> None:
    with Terminal([sys.executable, "-P", "-c", _OVERTAKEN, database]) as terminal:
        terminal.wait_for("INC-1")
        terminal.resize(100, 30)
        with terminal._changed:
            terminal.model.resize(120, 40)
        terminal.wait_until(lambda screen: len(screen.split("\n")[0]) == 119 and "n>" in screen.split("\n")[38])


def test_the_installed_textual_is_one_that_the_driver_knows() -> None:
    """Another version: read what changed in ``drivers/linux_driver.py``, ``App._display`` and ``_compositor.py``, run
    these tests, and add it to ``KNOWN``."""
    assert version("textual") in driver.KNOWN
    assert driver.is_known()


def test_an_unknown_textual_and_a_wish_get_the_stock_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    assert driver.choose({"VIGIE_DRIVER": "stock"}) is None
    monkeypatch.setattr(driver, "KNOWN", ("8.2.7",))
    assert driver.choose({"VIGIE_DRIVER": "diff"}) is None
