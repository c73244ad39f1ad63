"""One command under its supervisor, with real processes."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from console.journal.events import CommandStarted
from console.runbook import handle as handles
from console.runbook import launch, processes, recover, status

from .conftest import Desk, until


def test_what_is_recorded(desk: Desk, tmp_path: Path) -> None:
    handle = desk.start(
        "echo out; echo err >&2; exit 3", cwd=tmp_path, run="R", step="s1", title="Look", params={"host": "db1"}
    )
    finish = desk.end(handle)
    started = desk.events()[1]
    assert isinstance(started.body, CommandStarted)
    assert started.body.cwd == str(tmp_path)
    assert started.body.params == {"host": "db1"}
    assert started.body.boot_id == processes.boot_id()
    assert started.body.spool == str(handle.output)
    assert (finish.run, finish.step, finish.exit_code, finish.signal, finish.outcome) == ("R", "s1", 3, None, "exited")
    assert (finish.size, finish.kept, finish.head, finish.tail, finish.error) == (8, 8, "out\nerr", "", "")
    assert finish.sha256 == hashlib.sha256(b"out\nerr\n").hexdigest()
    assert handle.output.read_bytes() == b"out\nerr\n"
    ended = desk.events()[2]
    assert (ended.origin.program, ended.origin.host, ended.origin.tty, ended.actor) == (
        "supervisor",
        "here",
        "pts/1",
        "ana",
    )
    assert ended.dedupe == f"run:{handle.command}:finished"
    assert handle.finish is not None and handle.finish.exit_code == 3
    assert not handle.is_running
    assert {path.stat().st_mode & 0o777 for path in desk.spool.iterdir()} == {0o600}
    assert desk.spool.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("script", "outcome", "exit_code", "number"),
    [
        ("true", "exited", 0, None),
        ("exit 255", "exited", 255, None),
        ("kill -9 $$", "signalled", None, 9),
        ("kill -TERM $$", "signalled", None, 15),
        ("if then", "exited", 2, None),
        ("no_such_program_at_all", "exited", 127, None),
        ("cat; echo after", "exited", 0, None),  # its input is /dev/null: nothing waits for a key
        ("read x < /dev/tty", "exited", 1, None),  # nor can it reach for the operator's terminal
        ("yes | head -1", "exited", 0, None),
        ("trap '' HUP; kill -HUP $PPID; sleep 0.1", "exited", 0, None),
    ],
)
def test_how_it_ends(desk: Desk, script: str, outcome: str, exit_code: int | None, number: int | None) -> None:
    finish, _ = desk.run(script)
    assert (finish.outcome, finish.exit_code, finish.signal) == (outcome, exit_code, number)


@pytest.mark.parametrize(
    ("how", "error", "code"),
    [
        ({"argv": ("no-such-shell",)}, "no-such-shell: not found", 127),
        ({"argv": ("/proc/self/status",)}, "/proc/self/status: Permission denied", 126),
        ({"cwd": Path("/no/such/folder")}, "can't start in /no/such/folder: No such file or directory", 126),
    ],
)
def test_what_can_not_start_is_recorded_as_such(desk: Desk, how: dict[str, object], error: str, code: int) -> None:
    finish, output = desk.run("true", **how)
    assert (finish.outcome, finish.error, finish.exit_code, output) == ("not_started", error, code, "")


def test_pkill_in_a_command_does_not_hit_its_own_run(desk: Desk) -> None:
    finish, output = desk.run('pkill -f "a pattern of this very text"; echo survived')
    assert (finish.outcome, finish.exit_code, output) == ("exited", 0, "survived\n")


def test_the_same_text_in_an_argument_list_would_be_hit(desk: Desk) -> None:
    """The control: this is what would happen without the descriptor."""
    finish, output = desk.run(None, argv=("bash", "-c", 'pkill -f "another pattern of this text"; echo survived'))
    assert (finish.outcome, finish.signal, output) == ("signalled", 15, "")


def test_signals_that_it_sends_to_its_supervisor_do_not_end_it(desk: Desk) -> None:
    """As ``pkill python`` in a runbook would: from the command itself, and from a child that is gone at once."""
    finish, output = desk.run(
        "kill -TERM $PPID; env kill -TERM $PPID; kill -INT $PPID; kill -HUP $PPID; kill -USR1 $PPID; kill -USR2 $PPID; "
        "sleep 1.2; echo survived"
    )
    assert (finish.outcome, finish.exit_code, output) == ("exited", 0, "survived\n")


def test_nothing_of_it_stands_in_an_argument_list(desk: Desk) -> None:
    marker = "very_unlikely_words_of_a_script"
    handle = desk.start(f": {marker}; sleep 30", title=marker, env={"VIGIE_P_x": marker}, params={"x": marker})
    until(lambda: (status.read(str(desk.spool), handle.command) or {}).get("child"), "its start")
    seen = [
        path.read_bytes()
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if path.parent.name not in (str(os.getpid()), "self") and path.exists()
    ]
    assert any(b"supervise.py" in line for line in seen)
    assert not [line for line in seen if marker.encode() in line]
    handles.cancel(handle, "ana")
    desk.end(handle)


def test_the_supervisor_is_light_until_the_command_runs() -> None:
    """Nothing of the journal is loaded before: that is what makes the start quick."""
    code = "import sys; sys.path.append(sys.argv[1]); import console.runbook.supervisor; print(*sorted(sys.modules))"
    root = str(Path(launch.__file__).parents[2])
    out = subprocess.run([sys.executable, "-I", "-S", "-c", code, root], capture_output=True, text=True, check=True)
    loaded = set(out.stdout.split())
    assert not loaded & {
        "msgspec",
        "sqlite3",
        "subprocess",
        "pathlib",
        "hashlib",
        "typing_extensions",
        "console.journal",
    }


# ── environment ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_command_knows_its_incident(desk: Desk) -> None:
    _, output = desk.run("echo $VIGIE_INCIDENT $VIGIE_ACTOR $VIGIE_DB; [ -t 0 ] || echo no terminal")
    assert output == f"{desk.stream} ana {desk.journal.path}\nno terminal\n"


def test_signals_are_as_a_program_expects_them(desk: Desk) -> None:
    """Python ignores SIGPIPE, and nohup SIGHUP; a command must not inherit that, nor what the supervisor blocks."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        _, output = desk.run("grep -E 'Sig(Blk|Ign)' /proc/self/status")
    finally:
        signal.signal(signal.SIGHUP, before)
    libc_own = 0b11 << 31  # 32 and 33 are glibc's: no program can change them, and some starters leave them ignored
    assert [int(line.split()[1], 16) & ~libc_own for line in output.splitlines()] == [0, 0]


def test_no_descriptor_leaks(desk: Desk) -> None:
    _, output = desk.run('for fd in /proc/self/fd/*; do readlink "$fd"; done')
    links = [line for line in output.splitlines() if not line.startswith("pipe:") and line != "/dev/null"]
    assert [line for line in links if "script" not in line and "/proc/" not in line] == []


def test_a_script_may_use_any_descriptor(desk: Desk) -> None:
    _, output = desk.run('for n in 3 4 5 6 7 8 9; do eval "exec $n>/dev/null"; done; echo still here')
    assert output == "still here\n"


def test_a_pseudo_terminal(desk: Desk) -> None:
    finish, output = desk.run("[ -t 1 ] && stty size <&1; echo $PAGER; read x </dev/tty", pty=(33, 101))
    assert output.splitlines()[:2] == ["33 101", "cat"]
    assert finish.exit_code == 1
    assert finish.head.splitlines()[:2] == ["33 101", "cat"]


def test_input_from_a_descriptor(desk: Desk) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"from here\n")
    os.close(writer)
    handle = desk.start("cat", stdin=reader)
    os.close(reader)
    desk.end(handle)
    assert handle.output.read_text() == "from here\n"


def test_secrets_are_masked_in_the_record(desk: Desk) -> None:
    handle = desk.start(
        'echo "token=$VIGIE_P_token"', env={"VIGIE_P_token": "s3cr3t-value"}, secrets={"token": "s3cr3t-value"}
    )
    assert desk.end(handle).head == "token=[secret token]"
    desk.journal.close()
    found = [
        path.name
        for path in desk.journal.path.parent.rglob("*")
        if path.is_file() and b"s3cr3t-value" in path.read_bytes()
    ]
    assert found == []  # not even in the spool: it outlives the night


@pytest.mark.parametrize("name", ["PATH", "LD_PRELOAD", "BASH_ENV", "IFS", "a b", "", "x=y", "1x", "PYTHONPATH"])
def test_a_label_can_not_set_a_variable_that_changes_what_runs(desk: Desk, name: str) -> None:
    with pytest.raises(launch.LaunchError, match="can't be the name"):
        desk.start("true", env={name: "x"})
    assert len(desk.events()) == 1


def test_nul_bytes_are_refused(desk: Desk) -> None:
    for script, how in (("true", {"env": {"X": "a\0b"}}), ("echo a\0b", {}), (None, {"argv": ("a\0",)})):
        with pytest.raises(launch.LaunchError, match="NUL"):
            desk.start(script, **how)
    assert len(desk.events()) == 1
    assert not desk.spool.exists()


def test_a_keypress_that_waited_too_long_starts_nothing(desk: Desk) -> None:
    import time

    with pytest.raises(launch.LaunchError, match="too long ago"):
        desk.start("touch /tmp/never", asked=time.monotonic() - launch.EXPIRES_S - 1)
    assert len(desk.events()) == 1


def test_two_operators_start_it_once(desk: Desk) -> None:
    first = desk.start("sleep 0.1", dedupe="run:R:step:s1:command:0")
    with pytest.raises(launch.AlreadyStarted, match="ana started this command") as caught:
        desk.start("sleep 0.1", dedupe="run:R:step:s1:command:0")
    assert isinstance(caught.value.event.body, CommandStarted)
    assert caught.value.event.body.command == first.command
    desk.end(first)
    assert len(list(desk.spool.glob("*.out"))) == 1


# ── ending it ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_its_time_limit(desk: Desk) -> None:
    finish, _ = desk.run("sleep 60", timeout_s=0.2)
    assert (finish.outcome, finish.signal, finish.error) == ("timed_out", 15, "ended after 0.2 s, its time limit")


STUBBORN = {
    "ignores SIGTERM": "trap '' TERM; echo up; while :; do sleep 1; done",
    "a child in a session of its own": "setsid sleep 600 & echo up; sleep 600",
    "a double fork": "(setsid sh -c 'trap \"\" TERM; sleep 600 & sleep 600' &) ; echo up; sleep 600",
    "is stopped": "echo up; kill -STOP $$",
    "a child that holds its output": "(trap '' TERM INT HUP; sleep 600) & echo up; sleep 600",
    "new sessions all the time": "echo up; while :; do setsid sleep 600 & sleep 0.005; done",
    "never the same process for long": "export -f hop; hop & echo up; sleep 600",
    "many children": "for i in $(seq 30); do (trap '' TERM; sleep 600) & done; echo up; wait",
}


@pytest.mark.parametrize("script", STUBBORN.values(), ids=STUBBORN)
def test_cancel_ends_everything_that_belongs_to_it(desk: Desk, script: str) -> None:
    hop = "hop() { trap '' TERM; sleep 0.05; setsid bash -c hop & exit; }; "
    handle = desk.start(hop + script if "hop" in script else script, grace_s=0.3)
    until(lambda: handle.output.read_bytes().startswith(b"up\n"), "its first line")
    (supervisor,) = [found["pid"] for found in status.unrecorded(str(desk.spool))]
    family = processes.descendants(supervisor)
    handles.cancel(handle, "bob")
    finish = desk.end(handle)
    assert (finish.outcome, finish.error) == ("cancelled", "cancelled by bob")
    assert not [pid for pid in family if processes.exists(pid)]
    until(lambda: not processes.exists(supervisor), "the end of the supervisor")
    assert not list(desk.spool.glob("*.control"))


def test_a_follow_is_ended_and_not_cancelled(desk: Desk) -> None:
    """It would go on for ever: that somebody ends it is its ordinary end."""
    handle = desk.start("echo up; exec sleep 600", tty="follow", expect={})
    until(lambda: handle.output.read_bytes() == b"up\n", "its first line")
    handles.cancel(handle, "bob")
    finish = desk.end(handle)
    assert (finish.outcome, finish.error, finish.verdict) == ("stopped", "ended by bob", "")


def test_cancel_lets_it_clean_up(desk: Desk) -> None:
    handle = desk.start("trap 'echo tidied; exit 4' TERM; echo up; sleep 600 & wait")
    until(lambda: handle.output.read_bytes() == b"up\n", "its first line")
    handles.cancel(handle, "bob")
    finish = desk.end(handle)
    assert (finish.outcome, finish.exit_code, finish.head) == ("cancelled", 4, "up\ntidied")


def test_interrupt(desk: Desk) -> None:
    handle = desk.start("trap 'echo interrupted; exit 130' INT; echo up; while :; do sleep 0.05; done")
    until(lambda: handle.output.read_bytes() == b"up\n", "its first line")
    handles.interrupt(handle, "ana")
    finish = desk.end(handle)
    assert (finish.outcome, finish.exit_code, finish.tail or finish.head) == ("exited", 130, "up\ninterrupted")


def test_sigterm_from_outside_ends_it_and_says_so(desk: Desk) -> None:
    handle = desk.start("echo up; sleep 600")
    until(lambda: handle.output.read_bytes() == b"up\n", "its first line")
    (found,) = status.unrecorded(str(desk.spool))
    os.kill(found["pid"], signal.SIGTERM)
    finish = desk.end(handle)
    assert finish.outcome == "cancelled"
    assert f"SIGTERM from process {os.getpid()}" in finish.error


def test_a_service_that_it_started_lives_on(desk: Desk, tmp_path: Path) -> None:
    """It is neither waited for, nor ended, nor killed by writing to where nobody reads."""
    alive, go = tmp_path / "alive", tmp_path / "go"
    script = f"(while [ ! -e {go} ]; do echo noise; sleep 0.02; done; echo last words; touch {alive}) & echo started"
    finish, output = desk.run(script)
    assert finish.outcome == "exited"
    assert "started" in output
    assert finish.error.startswith("started by it and still running: bash (")
    assert recover.running(desk) == []
    go.touch()
    until(alive.exists, "the service's last line")


# ── journal ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_it_records_when_the_database_is_free_again(desk: Desk) -> None:
    import sqlite3

    handle = desk.start("echo done")
    blocker = sqlite3.connect(desk.journal.path, isolation_level=None, timeout=10)
    try:
        blocker.execute("BEGIN IMMEDIATE")
        until(lambda: handle.finish is not None, "its end")
        until(lambda: "problem" in (status.read(str(desk.spool), handle.command) or {}), "a refusal by the journal")
        assert not handle.is_recorded
        assert "another process holds the database" in (status.read(str(desk.spool), handle.command) or {})["problem"]
        blocker.execute("ROLLBACK")
    finally:
        blocker.close()
    assert desk.end(handle).head == "done"


def test_outside_an_incident_it_is_recorded_in_the_watch_stream(desk: Desk) -> None:
    handle = desk.start("echo hi", stream=None)
    until(lambda: handle.is_recorded, "its end")
    (watch,) = [info for info in desk.journal.streams() if not info.alias]
    kinds = [event.kind for event in desk.journal.all(watch.stream)]
    assert kinds == ["segment_opened", "command_started", "command_finished"]
