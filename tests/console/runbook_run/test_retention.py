"""Output is kept for so long, and so much of it; never is that of a running command touched."""

from __future__ import annotations

import os
import time
from pathlib import Path

from console.runbook import handle as handles
from console.runbook import status
from console.runbook.retention import prune

from .conftest import Desk, until

DAY = 86_400.0


def ended(desk: Desk, days: float, text: str) -> str:
    handle = desk.start(f"echo {text}")
    desk.end(handle)
    until((desk.spool / f"{handle.command}.done").exists, "its last status")
    when = time.time() - days * DAY
    os.utime(desk.spool / f"{handle.command}.done", (when, when))
    return handle.command


def test_the_old_goes_and_the_young_stays(desk: Desk) -> None:
    old, young = ended(desk, 100, "old"), ended(desk, 10, "young")
    assert prune(desk.spool, total=10**9, age_s=90 * DAY, now=time.time()) == [old]
    assert not list(desk.spool.glob(f"{old}*"))
    assert (desk.spool / f"{young}.out").read_text() == "young\n"
    assert [finish.head for finish in desk.finishes()] == ["old", "young"]  # the record has its lines


def test_the_oldest_goes_until_the_rest_fits(desk: Desk) -> None:
    commands = [ended(desk, days, "x" * 100) for days in (4, 3, 2, 1)]
    each = sum(path.stat().st_size for path in desk.spool.glob(f"{commands[0]}*"))
    assert prune(desk.spool, total=each * 2 + 50, age_s=90 * DAY, now=time.time()) == commands[:2]
    assert prune(desk.spool, total=each * 2 + 50, age_s=90 * DAY, now=time.time()) == []


def test_never_of_a_running_one(desk: Desk) -> None:
    handle = desk.start("echo here; sleep 60")
    assert prune(desk.spool, total=0, age_s=0, now=time.time() + DAY) == []
    assert handle.output.exists()
    handles.cancel(handle, "ana")
    desk.end(handle)
    until((desk.spool / f"{handle.command}.done").exists, "its last status")
    until(lambda: not status.is_looked_after(str(handle.output)), "nobody there")
    assert prune(desk.spool, total=0, age_s=0, now=time.time() + DAY) == [handle.command]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert prune(tmp_path / "none", total=0, age_s=0, now=0) == []


def test_the_supervisor_of_a_later_command_prunes(desk: Desk) -> None:
    """No console and no watch is needed for it; its own output stays."""
    old, young = ended(desk, 100, "old"), ended(desk, 10, "young")
    handle = desk.start("echo new", keep=(10**9, 90 * DAY))
    desk.end(handle)
    until(lambda: not list(desk.spool.glob(f"{old}*")), "the old one to go")
    assert (desk.spool / f"{young}.out").exists()
    assert handle.output.read_text() == "new\n"
