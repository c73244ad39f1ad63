"""Commands that have the operator's terminal: played here by a pseudo-terminal."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from pathlib import Path

from console.runbook import recover
from console.runbook.launch import CommandRequest, Hosted, host_command

from .conftest import Desk, until


class Played:
    """The terminal, and who sits at it."""

    def __init__(self, desk: Desk, script: str, **how: object) -> None:
        fields: dict[str, object] = {
            "text": script,
            "script": script,
            "stream": desk.stream,
            "cwd": Path("/"),
            "tty": "yes",
            **how,
        }
        self.desk = desk
        self.hosted: Hosted = host_command(desk.journal, desk, CommandRequest(**fields))  # type: ignore[arg-type]  # test
        self.master, slave = os.openpty()
        self.seen = b""
        self.process = subprocess.Popen(
            self.hosted.argv,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            pass_fds=self.hosted.handed,
            start_new_session=True,
        )
        self.hosted.close()
        os.close(slave)

    def until(self, words: bytes) -> None:
        limit = time.monotonic() + 30
        while words not in self.seen:
            assert time.monotonic() < limit, self.seen
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    self.seen += os.read(self.master, 4096)
                except OSError:
                    break
        assert words in self.seen, self.seen

    def type(self, text: bytes) -> None:
        os.write(self.master, text)

    def end(self) -> int:
        code = self.process.wait(30)
        os.close(self.master)
        return code


def test_it_has_a_terminal_and_is_recorded(desk: Desk) -> None:
    played = Played(desk, 'tty; read -p "who? " name </dev/tty; echo "hello $name"; exit 3')
    played.until(b"who? ")
    played.type(b"ana\r")
    played.until(b"hello ana")
    assert played.end() == 3
    finish = desk.end(played.hosted.handle)
    assert (finish.outcome, finish.exit_code, finish.error) == ("exited", 3, "")
    output = played.hosted.handle.output.read_bytes()
    assert output.startswith(b"/dev/pts/") and b"who? ana" in output and b"hello ana" in output


def test_a_password_is_not_in_the_transcript_and_a_secret_is_masked(desk: Desk) -> None:
    script = 'read -s -p "password: " p </dev/tty; echo; echo "token $VIGIE_P_t"; test "$p" = hush-hush'
    played = Played(desk, script, env={"VIGIE_P_t": "tok-123456"}, secrets={"t": "tok-123456"})
    played.until(b"password: ")
    played.type(b"hush-hush\r")
    played.until(b"token tok-123456")  # the operator's own screen shows what the program prints
    assert played.end() == 0
    finish = desk.end(played.hosted.handle)
    assert finish.masked == 1
    output = played.hosted.handle.output.read_bytes()
    assert b"hush-hush" not in output and b"tok-123456" not in output and b"token [secret t]" in output


def test_ctrl_c_is_the_commands_own(desk: Desk) -> None:
    played = Played(desk, "trap 'echo caught; exit 7' INT; echo ready; while :; do sleep 0.05; done")
    played.until(b"ready")
    played.type(b"\x03")
    played.until(b"caught")
    assert played.end() == 7
    assert desk.end(played.hosted.handle).exit_code == 7


def test_a_terminal_that_is_lost_ends_it_and_that_is_recorded(desk: Desk) -> None:
    played = Played(desk, "echo ready; sleep 600")
    played.until(b"ready")
    os.close(played.master)
    finish = desk.end(played.hosted.handle)
    assert finish.outcome == "cancelled"
    assert "terminal is gone" in finish.error
    assert played.process.wait(30) != 0


def test_killed_outright_its_end_is_unknown(desk: Desk) -> None:
    played = Played(desk, "echo ready; sleep 600")
    played.until(b"ready")
    played.process.send_signal(signal.SIGKILL)
    played.process.wait(10)
    os.close(played.master)
    until(lambda: not played.hosted.handle.is_running, "nobody to look after it")
    (event,) = recover.reconcile(desk.journal, desk)
    assert getattr(event.body, "outcome", "") == "unknown"


def test_what_can_not_start(desk: Desk) -> None:
    played = Played(desk, "true", cwd=Path("/no/such/folder"))
    assert played.end() == 126
    finish = desk.end(played.hosted.handle)
    assert (finish.outcome, finish.error) == (
        "not_started",
        "can't start in /no/such/folder: No such file or directory",
    )
