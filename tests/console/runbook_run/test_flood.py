"""Output without end: bounded memory in the supervisor and the watcher, bounded disk, a true count."""

from __future__ import annotations

import hashlib
import os
import resource
import signal
from pathlib import Path

import pytest

from console.runbook import handle as handles
from console.runbook import spool, status
from console.runbook.tail import watch_output

from .conftest import Desk, until

GIGABYTE = 1 << 30


def resident_kb(pid: int) -> int:
    """The most that process *pid* ever held; 0 when it is gone."""
    try:
        words = Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()
    except OSError:
        return 0
    return int(words[0]) if words else 0


def spooled(folder: Path) -> int:
    """Bytes on disk; files come and go meanwhile."""
    total = 0
    for path in folder.glob("*.out*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total


def supervisor_of(desk: Desk, command: str) -> int:
    until(lambda: "child" in (status.read(str(desk.spool), command) or {}), "its start")
    return int((status.read(str(desk.spool), command) or {})["pid"])


@pytest.mark.parametrize(
    "size", [pytest.param(60_000_000, id="60 MB"), pytest.param(GIGABYTE, id="1 GB", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("source", ["yes 0123456", "cat /dev/zero"], ids=["lines", "no newline"])
def test_a_flood(desk: Desk, size: int, source: str) -> None:
    cap = 4_000_000
    handle = desk.start(f"echo first; {source} | head -c {size}; read x < /dev/null; exec sleep 0.5", cap_bytes=cap)
    supervisor = supervisor_of(desk, handle.command)
    before, mine = resident_kb(supervisor), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    window = watch_output(handle, limit=200)
    most, peak = 0, before
    while handle.is_running:
        window.poll()
        assert len(window.lines()) <= 201
        most = max(most, spooled(desk.spool))
        peak = max(peak, resident_kb(supervisor))
    window.poll()
    finish = desk.end(handle, 300)
    assert (finish.size, finish.kept) == (size + 6, cap)
    data = handle.output.read_bytes()
    assert len(data) == cap + len(spool.cut_line(size + 6 - cap))
    assert spool.cut_line(size + 6 - cap) in data
    assert data.startswith(b"first\n")
    assert hashlib.sha256(data).hexdigest() == finish.sha256
    assert window.size == size + 6
    assert most < 1.2 * cap
    assert peak - before < 20_000  # the journal's modules are loaded meanwhile: those are most of it
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - mine < 30_000
    assert finish.head.startswith("first\n")


def test_an_endless_flood_is_ended(desk: Desk) -> None:
    handle = desk.start("yes", cap_bytes=100_000, grace_s=0.2)
    window = watch_output(handle)
    until(lambda: window.poll() and window.size > 10_000_000, "ten megabytes")
    handles.cancel(handle, "ana")
    finish = desk.end(handle)
    assert (finish.outcome, finish.kept) == ("cancelled", 100_000)
    assert finish.size > 10_000_000


def test_a_flood_by_what_is_left_behind_is_not_waited_for(desk: Desk) -> None:
    """The background process would write for ever into the pipe that the command had."""
    finish, _ = desk.run("yes & exit 0", cap_bytes=100_000)
    assert finish.outcome == "exited"
    assert "still running: yes (" in finish.error
    os.kill(int(finish.error.rpartition("(")[2].rstrip(")")), signal.SIGKILL)
