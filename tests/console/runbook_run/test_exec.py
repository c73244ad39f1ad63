"""``vigie exec`` as a person or a script calls it: a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.journal.events import CommandFinished, CommandStarted, Declared, New, Origin
from console.journal.store import Journal

from .conftest import until

ROOT = Path(__file__).parents[3]
VIGIE = [sys.executable, "-c", "from console.cli import run; run()"]


class Shell:
    """Calls ``vigie`` on one database."""

    def __init__(self, database: Path, home: Path) -> None:
        self.database = database
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT), "VIGIE_DB": str(database), "VIGIE_ACTOR": "ana"}
        self.home = home

    def start(self, *arguments: str, **how: object) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # type: ignore[call-overload,no-any-return]  # test kwargs
            [*VIGIE, *arguments],
            **{
                "env": self.environment,
                "cwd": self.home,
                "stdin": subprocess.DEVNULL,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE,
                **how,
            },
        )

    def run(self, *arguments: str, text: bytes | None = None) -> tuple[int, bytes, str]:
        with self.start(*arguments, stdin=subprocess.DEVNULL if text is None else subprocess.PIPE) as process:
            out, err = process.communicate(text, timeout=60)
        return process.returncode, out, err.decode()

    def bodies(self, kind: type, stream: str | None = None) -> list[object]:
        with Journal.open(self.database, actor="t", origin=Origin(program="cli"), read_only=True) as journal:
            streams = [stream] if stream else [info.stream for info in journal.streams()]
            return [event.body for one in streams for event in journal.all(one) if isinstance(event.body, kind)]

    def declare(self) -> str:
        with Journal.open(self.database, actor="ana", origin=Origin(program="cli")) as journal:
            return journal.declare([New(body=Declared(title="x"))])[0]


@pytest.fixture
def shell(database: Path, home: Path) -> Iterator[Shell]:
    yield Shell(database, home)


def test_it_exits_with_its_code_and_is_recorded(shell: Shell) -> None:
    stream = shell.declare()
    code, out, err = shell.run("exec", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (code, out, err) == (7, b"out\nerr\n", "")
    (started,) = shell.bodies(CommandStarted, stream)
    (finish,) = shell.bodies(CommandFinished, stream)
    assert isinstance(started, CommandStarted) and isinstance(finish, CommandFinished)
    assert started.text == "sh -c 'echo out; echo err >&2; exit 7'"
    assert started.cwd == str(shell.home)
    assert (finish.exit_code, finish.head) == (7, "out\nerr")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("true",), 0),
        (("false",), 1),
        (("sh", "-c", "exit 255"), 255),
        (("sh", "-c", "kill -KILL $$"), 137),
        (("no-such-program",), 127),
        (("/proc/self/status",), 126),
    ],
)
def test_exit_codes(shell: Shell, command: tuple[str, ...], code: int) -> None:
    assert shell.run("exec", *command)[0] == code


def test_output_is_byte_for_byte_into_a_pipe(shell: Shell) -> None:
    payload = bytes(range(256)) * 100
    (shell.home / "payload").write_bytes(payload)
    assert shell.run("exec", "cat", "payload")[1] == payload


def test_input_from_a_pipe(shell: Shell) -> None:
    assert shell.run("exec", "cat", text=b"from a pipe")[1] == b"from a pipe"


def test_options_of_the_command_are_its_own(shell: Shell) -> None:
    assert shell.run("exec", "echo", "--incident", "INC-9", "-n", "--", "x")[1] == b"--incident INC-9 -n -- x\n"


def test_the_incident_that_is_meant(shell: Shell) -> None:
    first, second = shell.declare(), shell.declare()
    shell.run("exec", "--incident", "INC-1", "--", "echo", "one")
    shell.run("exec", "--", "echo", "two")
    assert [body.text for body in shell.bodies(CommandStarted, first)] == ["echo one"]  # type: ignore[attr-defined]
    assert [body.text for body in shell.bodies(CommandStarted, second)] == ["echo two"]  # type: ignore[attr-defined]


def test_usage(shell: Shell) -> None:
    code, out, err = shell.run("exec")
    assert (code, out) == (2, b"")
    assert err.startswith("vigie: nothing to run")
    code, _, err = shell.run("exec", "--incident", "INC-9", "--", "true")
    assert (code, err) == (2, "vigie: no incident INC-9; `vigie incidents` lists them\n")


def test_failures_of_ours_are_125(shell: Shell) -> None:
    shell.declare()
    spool = shell.database.with_suffix(".d")
    spool.write_text("in the way")
    code, _, err = shell.run("exec", "--", "echo", "x")
    assert code == 125
    assert "Traceback" not in err and err.count("\n") == 1
    assert shell.bodies(CommandStarted) == []


def test_its_own_arguments_do_not_hold_the_command(shell: Shell) -> None:
    """``vigie exec -- pkill -f feeder`` must not end itself."""
    code, out, err = shell.run("exec", "--", "pkill", "-f", "a_word_that_stands_nowhere_else")
    assert (code, out) == (1, b""), err  # pkill: nothing matched


def test_ctrl_c_is_forwarded_and_recorded(shell: Shell) -> None:
    shell.declare()
    script = "trap 'echo stopped; exit 9' INT; echo up; while :; do sleep 0.02; done"
    with shell.start("exec", "--", "bash", "-c", script, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        os.killpg(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (9, b"stopped\n")
    (finish,) = shell.bodies(CommandFinished)
    assert isinstance(finish, CommandFinished) and finish.exit_code == 9


def test_a_second_ctrl_c_ends_what_ignores_the_first(shell: Shell) -> None:
    with shell.start(
        "exec", "--", "bash", "-c", "trap 'echo no' INT; echo up; while :; do sleep 0.02; done"
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == b"no\n"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 143
    (finish,) = shell.bodies(CommandFinished)
    assert isinstance(finish, CommandFinished)
    assert (finish.outcome, finish.signal, finish.error) == ("cancelled", 15, "cancelled by ana")


def test_a_lost_terminal_leaves_it_running(shell: Shell, tmp_path: Path) -> None:
    go = tmp_path / "go"
    script = f"echo up; while [ ! -e {go} ]; do sleep 0.02; done; echo ended"
    with shell.start("exec", "--", "sh", "-c", script, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        os.killpg(process.pid, signal.SIGHUP)
        process.wait(60)
    assert process.returncode == -signal.SIGHUP
    go.touch()
    until(lambda: shell.bodies(CommandFinished), "its end")
    (finish,) = shell.bodies(CommandFinished)
    assert isinstance(finish, CommandFinished)
    assert (finish.exit_code, finish.head) == (0, "up\nended")


def test_nobody_reads_on(shell: Shell) -> None:
    with shell.start("exec", "--", "yes") as process:
        assert process.stdout is not None
        process.stdout.read(10)
        process.stdout.close()
        process.wait(60)
    until(lambda: shell.bodies(CommandFinished), "its end")
    (finish,) = shell.bodies(CommandFinished)
    assert isinstance(finish, CommandFinished) and finish.outcome == "cancelled"


def test_on_a_terminal_output_is_made_visible(shell: Shell) -> None:
    master, slave = os.openpty()
    with shell.start(
        "exec", "--", "printf", r"\033]0;owned\007plain \033[31mred\033[0m\n50%%\r100%%\n\342\200\256x\n", stdout=slave
    ) as process:
        os.close(slave)
        seen = b""
        limit = time.monotonic() + 60
        while time.monotonic() < limit:
            try:
                chunk = os.read(master, 4096)
            except OSError:
                break
            if not chunk:
                break
            seen += chunk
        process.communicate()
    os.close(master)
    assert seen == b"plain red\r\n100%\r\n<U+202E>x\r\n"


def _capped(shell: Shell) -> None:
    config = shell.home / "small.yaml"
    config.write_text("output_cap: 400kB\n")
    shell.environment["VIGIE_CONFIG"] = str(config)


@pytest.mark.parametrize(
    "slow", ["cat", "(sleep 1; cat)", "(for i in 1 2 3 4 5 6; do head -c 900000; sleep 0.2; done; cat)"]
)
def test_a_pipe_gets_every_byte_however_little_is_kept(shell: Shell, slow: str) -> None:
    """The command waits for its reader, as in the shell's own pipe; the spool keeps what its cap allows."""
    shell.declare()
    _capped(shell)
    size = 6_888_896
    call = f'"$@" exec -- seq 1 1000000 | {slow} | wc -c'
    done = subprocess.run(
        ["bash", "-c", call, "bash", *VIGIE], env=shell.environment, cwd=shell.home, capture_output=True, timeout=100
    )
    assert (done.stdout.split(), done.stderr) == ([str(size).encode()], b"")
    (finish,) = shell.bodies(CommandFinished)
    assert isinstance(finish, CommandFinished)
    assert (finish.size, finish.kept) == (size, 400_000)


def test_a_reader_that_is_killed_holds_up_no_command(shell: Shell) -> None:
    shell.declare()
    _capped(shell)
    process = shell.start("exec", "--", "sh", "-c", "seq 1 1000000; echo done > finished")
    until(lambda: bool(list((shell.database.parent / "vigie.d" / "spool").glob("*.out.*"))), "output beyond the head")
    process.kill()
    with process:
        pass
    until((shell.home / "finished").exists, "the command's end")
    until(lambda: bool(shell.bodies(CommandFinished)), "its record")


def test_cancelling_a_command_that_waits_for_its_reader(shell: Shell) -> None:
    shell.declare()
    _capped(shell)
    process = shell.start("exec", "--", "yes")
    until(lambda: bool(list((shell.database.parent / "vigie.d" / "spool").glob("*.out.*"))), "output beyond the head")
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 143
    assert set(out) <= set(b"y\n")
    (finish,) = shell.bodies(CommandFinished)
    assert isinstance(finish, CommandFinished)
    assert finish.outcome == "cancelled"


def test_a_folder_that_is_gone_is_told(shell: Shell) -> None:
    shell.declare()
    call = 'mkdir gone; cd gone; rmdir ../gone; "$@" exec -- true; echo $?; "$@" attach .; echo $?'
    done = subprocess.run(
        ["bash", "-c", call, "bash", *VIGIE], env=shell.environment, cwd=shell.home, capture_output=True, timeout=60
    )
    assert done.stdout.split() == [b"125", b"2"]
    assert (
        done.stderr.decode().splitlines() == ["vigie: the folder that you are in is gone: cd to one that is there"] * 2
    )
