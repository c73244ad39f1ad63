"""The harness itself: it must see what a terminal shows, answer what programs ask, and delay as a link does."""

from __future__ import annotations

import os
import re
import signal
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tests.e2e.screen_model import ScreenModel
from tests.e2e.terminal import Terminal, encode_key
from tests.tools import servers


def script(tmp_path: Path, source: str) -> list[str]:
    file = tmp_path / "program.py"
    file.write_text(
        "import os, sys, select, signal, time, tty\nw = lambda s: os.write(1, s.encode())\n" + textwrap.dedent(source)
    )
    return [sys.executable, "-S", "-E", os.fspath(file)]


@pytest.mark.parametrize("cut", [1, 3, 1000])
def test_screen_model_reads_what_pyte_alone_does_not(cut: int) -> None:
    model = ScreenModel(20, 6)
    data = (
        "main\x1b[?1049h\x1b[HA\x1b[9b\x1b[2;1Htwo\x1b[3;1Hthree\x1b[1S\x1b[>1u\x1b[<u\x1b[=0;1u"
        "\x1bPjunk\x1b\\\x1b_Gx\x1b\\\x1b[38:2:1:2:3mC\x1b[0m\x1b[5;1H€"
    ).encode()
    for start in range(0, len(data), cut):
        model.feed(data[start : start + cut])
    lines = model.text().split("\n")
    assert lines[0] == "two"
    assert lines[1].startswith("three")
    assert lines[4] == "€"
    assert "junk" not in model.text()
    model.feed(b"\x1b[?1049l")
    assert model.text().split("\n")[0] == "main"


def test_screen_model_answers_and_names_what_it_was_asked() -> None:
    model = ScreenModel(80, 24)
    model.feed(b"\x1b[3;5H\x1b[6n\x1b[c\x1b[?2026$p\x1b[?9999$p\x1b[18t")
    assert model.replies == [b"\x1b[3;5R", b"\x1b[?62;22c", b"\x1b[?2026;2$y", b"\x1b[?9999;0$y", b"\x1b[8;24;80t"]
    assert model.asked["DSR 6"] == 1
    mute = ScreenModel(80, 24, mute=True)
    mute.feed(b"\x1b[6n")
    assert mute.replies == []
    assert mute.asked["DSR 6"] == 1


def test_screen_model_reports_what_should_never_come_through() -> None:
    model = ScreenModel(80, 24)
    model.feed(b"\x1b]52;c;aGk=\x07\x1b]0;owned\x07\xc2\x9b31m\x1b[31mfine\x1b[0m")
    assert len(model.strange) == 3
    assert model.title == "owned"
    assert "fine" in model.text()


def test_keys() -> None:
    assert encode_key("ctrl+l") == b"\x0c"
    assert encode_key("é") == "é".encode()
    assert encode_key("alt+x") == b"\x1bx"
    with pytest.raises(ValueError, match="no key called"):
        encode_key("hyper+q")


def test_less_by_keyboard_resize_and_quit(tmp_path: Path) -> None:
    less = servers.require("less")
    text = tmp_path / "lines.txt"
    text.write_text("".join(f"line {n} of the file\n" for n in range(1, 501)))
    with Terminal([less, text], env={"LESS": "", "LESSHISTFILE": "-"}) as terminal:
        terminal.wait_for("line 23 of")
        terminal.press("G")
        terminal.wait_for("line 500 of")
        terminal.press("g", "/")
        terminal.type("line 250\n")
        terminal.wait_for("^line 250 of")
        terminal.resize(60, 10)
        # Which line less keeps in sight depends on how far it had drawn; that it draws for ten lines is what counts.
        terminal.wait_until(
            lambda screen: len(screen.split("\n")) == 10 and re.search(r"^line 2\d\d of.*\n:?$", screen, re.M)
        )
        # A key that comes while less still draws for the new size is sometimes swallowed.
        for _ in range(6):
            terminal.press("q")
            try:
                assert terminal.wait_exit(5) == 0
                break
            except AssertionError as late:
                if "still running" not in str(late):
                    raise
        assert terminal.process.poll() == 0


def test_an_unmet_wait_fails_and_shows_the_screen(tmp_path: Path) -> None:
    with (
        Terminal(script(tmp_path, "w('hello'); time.sleep(60)")) as terminal,
        pytest.raises(AssertionError, match="hello"),
    ):
        terminal.wait_for("hello")
        terminal.wait_for("never", timeout=0.3)


def test_an_ended_program_fails_a_wait_at_once(tmp_path: Path) -> None:
    started = time.monotonic()
    with Terminal(script(tmp_path, "w('bye'); sys.exit(3)")) as terminal:
        with pytest.raises(AssertionError, match="rc 3"):
            terminal.wait_for("never", timeout=60)
        assert terminal.wait_exit() == 3
        assert "bye" in terminal.screen
    assert time.monotonic() - started < 60


ECHO = """
tty.setraw(0)
w('\\x1b[2J\\x1b[HREADY')
n = 0
while True:
    keys = os.read(0, 100)
    if b'q' in keys: break
    n += len(keys)
    w('\\x1b[2;1Hkeys %d' % n)
"""


def test_a_link_delays_both_ways_and_keeps_what_was_typed_ahead(tmp_path: Path) -> None:
    with Terminal(script(tmp_path, ECHO), rtt=0.3) as terminal:
        terminal.wait_for("READY")
        pressed = time.monotonic()
        terminal.type("abc")
        assert "keys" not in terminal.screen
        terminal.wait_for("keys 3")
        assert time.monotonic() - pressed >= 0.3
        terminal.press("q")
        assert terminal.wait_exit() == 0


def test_a_narrow_link_takes_its_time_and_loses_nothing(tmp_path: Path) -> None:
    source = "w('\\x1b[H' + 'x' * 5000 + '\\x1b[2J\\x1b[HEND'); time.sleep(60)"
    started = time.monotonic()
    with Terminal(script(tmp_path, source), bandwidth=10_000) as terminal:
        terminal.wait_for("END")
        assert time.monotonic() - started >= 0.5
        assert len(terminal.raw) >= 5000


def test_closing_the_window_hangs_up_on_the_program(tmp_path: Path) -> None:
    witness = tmp_path / "hup"
    source = f"""
    signal.signal(signal.SIGHUP, lambda *a: (open({os.fspath(witness)!r}, 'w').close(), os._exit(7)))
    w('READY')
    while True: time.sleep(1)
    """
    with Terminal(script(tmp_path, source)) as terminal:
        terminal.wait_for("READY")
        terminal.hang_up()
        assert terminal.wait_exit() == 7
    assert witness.exists()


def test_a_stalled_terminal_blocks_the_writer_until_it_reads_again(tmp_path: Path) -> None:
    source = """
    w('READY')
    os.read(0, 1)
    for n in range(200): w('%06d' % n + '.' * 994)
    w('\\x1b[2J\\x1b[HDONE')
    time.sleep(60)
    """
    with Terminal(script(tmp_path, source)) as terminal:
        terminal.wait_for("READY")
        terminal.stall()
        terminal.press("enter")
        with pytest.raises(AssertionError):
            terminal.wait_for("DONE", timeout=0.5)
        terminal.resume()
        terminal.wait_for("DONE")
        terminal.signal(signal.SIGTERM)
        assert terminal.wait_exit() == -signal.SIGTERM


TEXTUAL = """
from textual.app import App
from textual.widgets import Input, Static

class Tiny(App):
    BINDINGS = [("f2", "flip", "Flip")]
    def compose(self):
        yield Static("waiting", id="out")
        yield Input()
    def on_input_submitted(self, event):
        self.query_one("#out").update("got " + event.value)
    def action_flip(self):
        self.query_one("#out").update(f"size {self.size.width}x{self.size.height}")

Tiny().run()
"""


def test_a_textual_app_works_in_it(tmp_path: Path) -> None:
    file = tmp_path / "tiny.py"
    file.write_text(TEXTUAL)
    with Terminal([sys.executable, file]) as terminal:
        terminal.wait_for("waiting")
        terminal.type("hello\n")
        terminal.wait_for("got hello")
        terminal.press("esc", "f2")
        terminal.wait_for("size 80x24")
        terminal.resize(100, 30)
        terminal.wait_until(lambda screen: len(screen.split("\n")) == 30)
        terminal.press("f2")
        terminal.wait_for("size 100x30")
        assert terminal.model.cells.alternate
        terminal.press("ctrl+q")
        assert terminal.wait_exit() == 0
        assert not terminal.model.cells.alternate


def test_a_running_clock_does_not_keep_a_screen_from_being_settled(tmp_path: Path) -> None:
    source = """
        for n in range(200):
            w(f"\\x1b[H12:00:{n % 60:02}Z  T+00:{n % 60:02}  checks {n}s ok  {'done' if n > 8 else n}")
            time.sleep(0.05)
    """
    with Terminal(script(tmp_path, source)) as terminal:
        terminal.wait_for("done")
        terminal.wait_quiet(0.4, timeout=5)
    with Terminal(script(tmp_path, source.replace("'done' if n > 8 else n", "n"))) as terminal:
        terminal.wait_for("checks")
        with pytest.raises(AssertionError, match="a settled screen"):
            terminal.wait_quiet(0.4, timeout=2)
