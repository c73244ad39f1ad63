"""A shell with job control around a program, on a test's terminal: ctrl-Z, fg and bg as an operator knows them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from tests.e2e.site import Site

# Each line typed is a command, as in any shell; "shell: N" says how the last one ended.
_SHELL = """set -m; "$@"; echo "shell: $?"; while read -r line; do eval "$line"; echo "shell: $?"; done"""
STOPPED = r"^shell: 148"  # 128 + SIGTSTP


def under_shell(argv: Sequence[str | os.PathLike[str]]) -> list[str | os.PathLike[str]]:
    """The argv of a shell that runs *argv* as its first job."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash, for a shell with job control, is missing")
    return [bash, "--norc", "-c", _SHELL, "bash", *argv]


def console_in(here: Site) -> psutil.Process:
    """The one console that runs at *here*, whatever shell is around it."""
    found = [one for one in here.processes() if "--actor" in one.cmdline() and one.name() != "bash"]
    assert len(found) == 1, found
    return found[0]


def is_stopped(pid: int) -> bool:
    """Whether the process is stopped, all its threads are: before that its shell has not been told."""
    threads = Path(f"/proc/{pid}/task").glob("*/stat")
    return all(one.read_text().rpartition(")")[2].split()[0] == "T" for one in threads)
