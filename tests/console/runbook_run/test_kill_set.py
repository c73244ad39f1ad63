"""What may happen to a running command's surroundings: a full disk, a locked journal, a database that is taken away, a spool
that is. The command runs on, its end is told as far as it is known, and nothing is run twice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from console.journal.events import CommandFinished, Declared, New, Origin
from console.journal.store import Journal
from console.runbook import processes, recover, status
from tests.tools.servers import MISSING

from .conftest import Desk, until

SCRIPT = Path(__file__).with_name("full_disk.py")


def test_a_disk_that_fills_up_during_the_run(tmp_path: Path) -> None:
    """A real small disk for spool and journal: what fits is kept, the rest is counted; the end is recorded once there is room."""
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-rm", "true"], check=False).returncode != 0:
        pytest.skip(f"{MISSING}user namespaces (unshare -rm), for a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    done = subprocess.run(
        [unshare, "-rm", sys.executable, str(SCRIPT), str(disk)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(Path(recover.__file__).parents[2])},
    )
    assert done.returncode == 0, done.stderr + done.stdout
    told = json.loads(done.stdout)
    assert (told["outcome"], told["exit_code"], told["size"], told["before"]) == ("exited", 0, 20_000_008, 0)
    assert 1_000_000 < told["kept"] == told["file"] < 6_000_000
    assert told["error"] == f"the disk is full: output after byte {told['kept']} was not kept"
    assert told["tail"].endswith("the end")  # what was not kept is remembered all the same


def begun(desk: Desk, go: Path) -> str:
    handle = desk.start(f"echo begun; while [ ! -e {go} ]; do sleep 0.02; done; echo ended; exit 4")
    until(lambda: handle.output.read_bytes() == b"begun\n", "its first line")
    return handle.command


def ended(desk: Desk, command: str) -> dict[str, object]:
    def gone() -> bool:
        return not status.is_looked_after(str(desk.spool / f"{command}.out"))

    until(gone, "the supervisor's end")
    return status.read(str(desk.spool), command) or {}


def test_the_database_is_taken_away_and_comes_back(desk: Desk, tmp_path: Path) -> None:
    command = begun(desk, tmp_path / "go")
    path = desk.journal.path
    away = path.with_name("away")
    away.mkdir()
    desk.journal.close()
    for one in path.parent.glob(path.name + "*"):
        one.rename(away / one.name)
    (tmp_path / "go").touch()
    found = ended(desk, command)
    assert found["state"] == status.FINISHED  # the word is kept beside the place where the journal was
    assert not path.exists()  # no new, empty database was made in its place
    for one in away.iterdir():
        one.rename(path.parent / one.name)
    with Journal.open(path, actor="bob", origin=Origin(program="cli")) as journal:
        (event,) = recover.reconcile(journal, desk)
        assert isinstance(event.body, CommandFinished)
        assert (event.body.outcome, event.body.exit_code, event.body.head) == ("exited", 4, "begun\nended")
        assert event.actor == "ana"
        assert recover.reconcile(journal, desk) == []


def test_another_database_in_its_place_is_told_nothing(desk: Desk, tmp_path: Path) -> None:
    """It has no such incident: the end stays in the spool, and nobody stumbles over it."""
    command = begun(desk, tmp_path / "go")
    path = desk.journal.path
    desk.journal.close()
    for one in path.parent.glob(path.name + "*"):
        one.unlink()
    with Journal.open(path, actor="bob", origin=Origin(program="cli")) as journal:
        journal.declare([New(body=Declared(title="another"))])
        assert [one.command for one in recover.running(desk)] == [command]  # it still shows
        (tmp_path / "go").touch()
        until(lambda: (status.read(str(desk.spool), command) or {}).get("state") == status.FINISHED, "its end")
        recover.reconcile(journal, desk)
        kinds = [event.kind for info in journal.streams() for event in journal.all(info.stream)]
        assert kinds == ["declared"]
    supervisor = (status.read(str(desk.spool), command) or {})["pid"]
    if processes.exists(supervisor):
        os.kill(supervisor, signal.SIGKILL)


def test_the_spool_is_taken_away(desk: Desk, tmp_path: Path) -> None:
    """Somebody tidied up: the output is gone, but not the record of the end."""
    command = begun(desk, tmp_path / "go")
    shutil.rmtree(desk.spool)
    (tmp_path / "go").touch()
    until(lambda: desk.finishes(), "the record of its end")
    (finish,) = desk.finishes()
    assert (finish.command, finish.outcome, finish.exit_code) == (command, "exited", 4)


def test_a_killed_supervisor_is_not_taken_for_a_running_command_by_its_number(desk: Desk) -> None:
    """The pid may belong to somebody else by now: the lock says who lives, not the number."""
    handle = desk.start("exec sleep 600")
    until(lambda: "child" in (status.read(str(desk.spool), handle.command) or {}), "its start")
    found = status.read(str(desk.spool), handle.command) or {}
    os.kill(found["pid"], signal.SIGKILL)
    until(lambda: not handle.is_running, "its end")
    status.write(str(desk.spool), {**found, "pid": os.getpid()})
    assert recover.running(desk) == []
    (event,) = recover.reconcile(desk.journal, desk)
    assert isinstance(event.body, CommandFinished) and event.body.outcome == "unknown"
    os.kill(found["child"], signal.SIGKILL)
