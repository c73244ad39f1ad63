"""The SSH harness itself: a program on the far side, a link that freezes, a link that is cut."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from tests.e2e.sshd import sshd
from tests.e2e.terminal import Terminal

PROGRAM = """
import os, signal, sys, time
def hup(*_):
    open(sys.argv[1], "w").close()
    os._exit(0)
signal.signal(signal.SIGHUP, hup)
print("far side, tty", os.isatty(0), "rows", os.get_terminal_size().lines, flush=True)
for line in sys.stdin:
    print("heard", line.strip(), flush=True)
"""


def test_a_program_over_ssh_whose_link_freezes_and_then_breaks(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    witness = tmp_path / "hup"
    with (
        sshd(tmp_path / "ssh") as server,
        Terminal(server.client([sys.executable, program, witness]), size=(80, 24)) as terminal,
    ):
        terminal.wait_for("far side, tty True rows 24")
        terminal.type("one\n")
        terminal.wait_for("heard one")
        server.link.freeze()
        terminal.type("two\n")
        with pytest.raises(AssertionError):
            terminal.wait_for("heard two", timeout=0.5)
        server.link.thaw()
        terminal.wait_for("heard two")
        server.link.cut()
        assert terminal.wait_exit() == 255
        deadline = time.monotonic() + 30
        while not witness.exists():
            assert time.monotonic() < deadline, "the far side was not hung up on"
            time.sleep(0.01)
