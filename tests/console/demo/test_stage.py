"""However a demo ends, no process of it and nothing of its folder is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from console.demo.director import marked
from console.demo.home import Home
from console.demo.lifeline import Dependant
from console.demo.stage import stage

PATIENCE = 60.0


def until(holds: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"not seen: {what}"
        time.sleep(0.05)


def gone(home: Home) -> bool:
    return not home.folder.exists() and not [p for p in marked(home) if p.status() != psutil.STATUS_ZOMBIE]


# A host for a demo: prints the demo's folder, then waits to be ended in some way.
HOST = """
import sys, time
from console.demo.stage import stage
with stage(5.0, 1) as home:
    print(home.folder, flush=True)
    time.sleep(600)
"""


def test_it_leaves_nothing_and_gives_the_environment_back() -> None:
    before = dict(os.environ)
    with stage(5.0, 1) as home:
        assert os.environ["TERN_HOME"] == str(home.folder)
        # What an operator starts in it belongs to it, whatever session it hides in.
        stray = subprocess.Popen(["setsid", "--fork", "sleep", "600"], start_new_session=True)
        stray.wait()
        until(lambda: any(p.name() == "sleep" for p in marked(home)), "the stray process")
        assert len(marked(home)) == 6  # four services, the watch, the stray
    assert dict(os.environ) == before
    assert gone(home)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_its_host_dies(how: signal.Signals) -> None:
    host = subprocess.Popen([sys.executable, "-c", HOST], stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL)
    assert host.stdout is not None
    with host.stdout:
        home = Home(Path(host.stdout.readline().strip()))
        assert home.folder.is_dir()
        host.send_signal(how)
        host.wait(PATIENCE)
    until(lambda: gone(home), "an empty stage")


def test_its_director_is_killed() -> None:
    with stage(5.0, 1) as home:
        directors = [p for p in psutil.Process().children() if "console.demo.director" in p.cmdline()]
        assert len(directors) == 1
        directors[0].kill()
    until(lambda: gone(home), "an empty stage")


def test_a_dependant_that_says_nothing_is_not_waited_for() -> None:
    silent = Dependant("this")  # prints the Zen, whose first line is not ours to judge; then ends
    try:
        assert silent.first_line(PATIENCE)
    finally:
        silent.let_go()
        silent.wait(PATIENCE)
    missing = Dependant("no.such.module")
    try:
        assert missing.first_line(PATIENCE) == ""
    finally:
        missing.let_go()
        missing.wait(PATIENCE)
