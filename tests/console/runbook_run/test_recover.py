"""Whoever dies, the command's end is recorded once, or said to be unknown; nothing is run again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from console.journal.events import CommandFinished, CommandStarted
from console.runbook import handle as handles
from console.runbook import launch, processes, recover, status

from .conftest import Desk, until

STARTER = Path(__file__).with_name("starter.py")


def status_of(desk: Desk, command: str) -> dict[str, object]:
    return status.read(str(desk.spool), command) or {}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP, signal.SIGTERM])
def test_a_killed_console_kills_neither_the_command_nor_its_record(desk: Desk, tmp_path: Path, number: int) -> None:
    """With a terminal's hangup too: the console leads a session with a terminal of its own, which is closed."""
    go, script = tmp_path / "go", tmp_path / "script"
    script.write_text(f"echo begun; while [ ! -e {go} ]; do sleep 0.02; done; echo ended")
    master, slave = os.openpty()
    console = subprocess.Popen(
        [sys.executable, str(STARTER), str(desk.journal.path), desk.stream, str(desk.spool), str(script)],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=slave,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(Path(launch.__file__).parents[2])},
    )
    os.close(slave)
    assert console.stdout is not None
    with console.stdout:
        command = console.stdout.readline().strip()
    os.killpg(console.pid, number)
    console.wait()
    os.close(master)

    (found,) = recover.running(desk)  # a new console finds it
    assert (found.command, found.text, found.actor, found.stream) == (command, "as shown", "bob", desk.stream)
    assert recover.reconcile(desk.journal, desk) == []
    go.touch()
    finish = desk.end(found)
    assert (finish.outcome, finish.exit_code, finish.head) == ("exited", 0, "begun\nended")
    assert recover.running(desk) == []
    assert recover.find(desk, command) == found


def kill_supervisor(desk: Desk, command: str) -> int:
    until(lambda: "child" in status_of(desk, command), "its start")
    found = status_of(desk, command)
    supervisor, child = found["pid"], found["child"]
    assert isinstance(supervisor, int) and isinstance(child, int)
    os.kill(supervisor, signal.SIGKILL)
    until(lambda: not processes.exists(supervisor), "the supervisor's end")
    return child


def test_a_killed_supervisor_leaves_the_outcome_unknown(desk: Desk) -> None:
    handle = desk.start("exec sleep 600")
    child = kill_supervisor(desk, handle.command)
    try:
        assert not handle.is_running
        (event,) = recover.reconcile(desk.journal, desk)
        assert isinstance(event.body, CommandFinished)
        assert (event.body.outcome, event.body.exit_code) == ("unknown", None)
        assert event.body.error.endswith(f"it may still be running as process {child}")
        assert recover.reconcile(desk.journal, desk) == []
        assert len(desk.finishes()) == 1
    finally:
        os.kill(child, signal.SIGKILL)


def restarted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "boot_id", lambda: "another boot")


def test_after_a_restart_of_the_host_the_outcome_is_unknown(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = desk.spool.parent.parent / "ran"
    handle = desk.start(f"echo once >> {ran}; exec sleep 600")
    until(ran.exists, "its first act")
    os.kill(kill_supervisor(desk, handle.command), signal.SIGKILL)
    restarted(desk, monkeypatch)
    assert recover.running(desk) == []
    (event,) = recover.reconcile(desk.journal, desk)
    assert isinstance(event.body, CommandFinished)
    assert (event.body.outcome, event.body.error) == ("unknown", "the host restarted before it ended")
    assert ran.read_text() == "once\n"


def test_after_a_restart_without_its_spool_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """/tmp may be emptied at boot, and a status file that was not synced is gone with the power."""
    handle = desk.start("exec sleep 600")
    os.kill(kill_supervisor(desk, handle.command), signal.SIGKILL)
    for path in desk.spool.iterdir():
        path.unlink()
    (start,) = [event.body for event in desk.events() if isinstance(event.body, CommandStarted)]
    unfinished = {handle.command: (desk.stream, start)}
    assert recover.reconcile(desk.journal, desk, unfinished) == []
    restarted(desk, monkeypatch)
    (event,) = recover.reconcile(desk.journal, desk, unfinished)
    assert isinstance(event.body, CommandFinished)
    assert event.body.outcome == "unknown"
    again = recover.reconcile(desk.journal, desk, unfinished)
    assert [one.id for one in again] == [event.id]
    assert len(desk.finishes()) == 1


def test_a_supervisor_that_could_not_write_leaves_it_to_the_next_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its journal is out of reach from the start, as if the database had been moved; then it is there again."""
    monkeypatch.setattr(
        type(desk.journal), "path", property(lambda self: self.__dict__["path"].with_name("moved.db")), raising=False
    )
    handle = desk.start("echo done; exit 5")
    monkeypatch.undo()
    until(lambda: handle.finish is not None, "its end")
    until(lambda: not status.is_looked_after(str(handle.output)), "the supervisor's end")
    assert desk.finishes() == []
    (event,) = recover.reconcile(desk.journal, desk)
    assert isinstance(event.body, CommandFinished)
    assert (event.body.exit_code, event.body.head) == (5, "done")
    assert handle.is_recorded
    assert recover.reconcile(desk.journal, desk) == []


def announced_only(desk: Desk, monkeypatch: pytest.MonkeyPatch, *, recorded: bool) -> None:
    """A console that dies right after (or right before) the start event."""

    class Died(BaseException):
        pass

    def die(*_: object, **__: object) -> None:
        raise Died

    if recorded:
        monkeypatch.setattr(launch, "_hand_over", die)
    else:
        monkeypatch.setattr(launch.record, "put", die)
        monkeypatch.setattr(handles.CommandHandle, "discard", lambda self: None)
    with pytest.raises(Died):
        desk.start("touch /tmp/never")
    monkeypatch.undo()


def test_announced_but_never_handed_over(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    announced_only(desk, monkeypatch, recorded=True)
    (event,) = recover.reconcile(desk.journal, desk)
    assert isinstance(event.body, CommandFinished)
    assert (event.body.outcome, event.body.error) == ("not_started", "Vigie ended before it could start it")


def test_never_announced_leaves_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    announced_only(desk, monkeypatch, recorded=False)
    assert list(desk.spool.iterdir())
    assert recover.reconcile(desk.journal, desk) == []
    assert list(desk.spool.iterdir()) == []
    assert len(desk.events()) == 1


def test_no_supervisor_can_be_started(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(launch.LaunchError, match="no supervisor could be started"):
        desk.start("true")
    (finish,) = desk.finishes()
    assert finish.outcome == "not_started"
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(launch.LaunchError, match="did not start"):
        desk.start("true")
    assert [one.outcome for one in desk.finishes()] == ["not_started"] * 2
    assert recover.running(desk) == []


def test_a_start_that_can_not_be_recorded_starts_nothing(desk: Desk, tmp_path: Path) -> None:
    from console.journal.errors import JournalError

    ran = tmp_path / "ran"
    desk.journal.close()
    with pytest.raises((JournalError, OSError)):
        desk.start(f"touch {ran}")
    assert list(desk.spool.iterdir()) == []
    assert not ran.exists()


@pytest.mark.slow
def test_consoles_killed_at_any_moment(desk: Desk, tmp_path: Path) -> None:
    """Every announced command ends once in the journal; none ran twice; one that "did not start" did not run."""
    import random
    import time
    from collections import Counter

    ran, script = tmp_path / "ran", tmp_path / "script"
    script.write_text(f'echo "$VIGIE_COMMAND" >> {ran}; sleep 0.$((RANDOM % 3))')
    chance = random.Random(7)
    for turn in range(25):
        consoles = [
            subprocess.Popen(
                [
                    sys.executable,
                    str(STARTER),
                    str(desk.journal.path),
                    desk.stream,
                    str(desk.spool),
                    str(script),
                    "many",
                ],
                stdout=subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": str(Path(launch.__file__).parents[2])},
            )
            for _ in range(2)
        ]
        before = len(list(desk.spool.glob("*.out")))
        until(lambda: len(list(desk.spool.glob("*.out"))) >= before + 3, "three more commands")  # noqa: B023 - now
        time.sleep(chance.random() * 0.1)  # the moment is what is being varied
        for console in consoles:
            os.killpg(console.pid, signal.SIGKILL)
            console.wait()
        if turn % 5 == 0:
            for found in status.unrecorded(str(desk.spool)):
                if chance.random() < 0.5 and isinstance(found.get("pid"), int) and processes.exists(found["pid"]):
                    os.kill(found["pid"], signal.SIGKILL)
        recover.reconcile(desk.journal, desk)
    until(lambda: not recover.running(desk), "the end of all commands")
    until(
        lambda: (
            not any(
                status.is_looked_after(str(desk.spool / f"{found['command']}.out"))
                for found in status.unrecorded(str(desk.spool))
            )
        ),
        "the record of all commands",
    )
    recover.reconcile(desk.journal, desk)
    started = {event.body.command for event in desk.events() if isinstance(event.body, CommandStarted)}
    finishes = {finish.command: finish for finish in desk.finishes()}
    times = Counter(ran.read_text().split())
    assert len(started) > 30
    assert set(finishes) == started
    assert len(desk.finishes()) == len(started)
    assert set(times.values()) == {1}
    for command, finish in finishes.items():
        if finish.outcome == "exited":
            assert times[command] == 1
        if finish.outcome == "not_started":
            assert times[command] == 0
    outcomes = Counter(finish.outcome for finish in finishes.values())
    assert outcomes["exited"] > 20 and outcomes["unknown"] >= 1
    assert status.unrecorded(str(desk.spool)) == []
    print(outcomes)
