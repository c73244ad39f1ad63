"""Commands on another host, by the system's ssh over a real sshd: nothing of them in any argument list, quoting that holds."""

from __future__ import annotations

import fcntl
import getpass
import os
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.journal.events import CommandFinished, Declared, New, Origin
from console.journal.store import Journal
from console.runbook import handle as handles
from console.runbook import remote
from console.runbook.handle import CommandHandle
from console.runbook.launch import CommandRequest, LaunchError, host_command, start_command
from tests.e2e.site import QUIET, site
from tests.e2e.sshd import Sshd, sshd
from tests.tools import servers


class Far:
    """Starts commands on the other side."""

    def __init__(self, server: Sshd, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.config = folder / "ssh_config"
        self.config.write_text(
            f"Host far\n  HostName 127.0.0.1\n  Port {server.link.port}\n  User {getpass.getuser()}\n"
            f"  IdentityFile {server.folder}/client\n  IdentitiesOnly yes\n  LogLevel ERROR\n"
            f"  UserKnownHostsFile {folder}/known\n  StrictHostKeyChecking accept-new\n"
            f"Host nobody\n  HostName 127.0.0.1\n  Port {server.link.port}\n  IdentityFile /dev/null\n"
            f"  IdentitiesOnly yes\n  UserKnownHostsFile {folder}/known\n  StrictHostKeyChecking accept-new\n"
        )
        self.journal = Journal.open(folder / "vigie.db", actor="ana", origin=Origin(program="cli"))
        self.stream, _, _ = self.journal.declare([New(body=Declared(title="far away"))])
        self.spool = folder / "spool"

    def start(self, script: str, host: str = "far", **how: object) -> CommandHandle:
        fields: dict[str, object] = {
            "text": script,
            "script": script,
            "stream": self.stream,
            "host": host,
            "ssh_config": str(self.config),
            **how,
        }
        return start_command(self.journal, self, CommandRequest(**fields))  # type: ignore[arg-type]  # test kwargs

    def end(self, handle: CommandHandle) -> tuple[CommandFinished, str]:
        limit = time.monotonic() + 60
        while not handle.is_recorded:
            assert time.monotonic() < limit, "no end"
            time.sleep(0.01)
        finish = handle.finish
        assert finish is not None
        return finish, handle.output.read_text(errors="replace")

    def run(self, script: str, host: str = "far", **how: object) -> tuple[CommandFinished, str]:
        return self.end(self.start(script, host, **how))


class Seat:
    """The operator's terminal on this side, for a step that has it on the other."""

    def __init__(self, far: Far, script: str, host: str = "far", **how: object) -> None:
        fields: dict[str, object] = {
            "text": script,
            "script": script,
            "stream": far.stream,
            "host": host,
            "tty": "yes",
            "ssh_config": str(far.config),
            **how,
        }
        hosted = host_command(far.journal, far, CommandRequest(**fields))  # type: ignore[arg-type]  # test kwargs
        self.handle = hosted.handle
        self.master, slave = os.openpty()
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 101, 0, 0))
        self.seen = b""
        self.process = subprocess.Popen(
            hosted.argv, stdin=slave, stdout=slave, stderr=slave, pass_fds=hosted.handed, start_new_session=True
        )
        hosted.close()
        os.close(slave)
        limit = time.monotonic() + 30
        while termios.tcgetattr(self.master)[3] & termios.ISIG:  # until then a ctrl-C is no key
            assert time.monotonic() < limit
            time.sleep(0.01)

    def read(self, seconds: float) -> bool:
        """More of what it writes; False once nobody has the other side."""
        if select.select([self.master], [], [], seconds)[0]:
            try:
                self.seen += os.read(self.master, 65536)
            except OSError:
                return False
        return True

    def until(self, words: bytes) -> None:
        limit = time.monotonic() + 30
        while words not in self.seen:
            assert time.monotonic() < limit and self.read(0.1), self.seen

    def type(self, text: bytes) -> None:
        os.write(self.master, text)

    def end(self) -> int:
        limit = time.monotonic() + 30
        while self.process.poll() is None:
            assert time.monotonic() < limit, self.seen
            self.read(0.05)
        while self.read(0.05) and select.select([self.master], [], [], 0)[0]:
            pass
        os.close(self.master)
        return self.process.returncode


@pytest.fixture
def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Far]:
    ssh = servers.require("ssh")
    for name, value in servers.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{Path(ssh).parent}:{servers.environment().get('PATH', '')}")
    with sshd(tmp_path / "sshd") as server:
        made = Far(server, tmp_path)
        yield made
        made.journal.close()


def test_it_runs_there_with_values_that_are_only_strings(far: Far, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    payloads = [
        f"$(touch {canary})",
        f"'; touch {canary} #",
        f'"; touch {canary}; "',
        f"`touch {canary}`",
        "two\nlines",
        "-rf",
        "’‘“”",
        "a  b\tc",
        "\\",
        "!!",
        "%s",
        "",
    ]
    env = {f"VIGIE_P_x{number}": payload for number, payload in enumerate(payloads)}
    script = "\n".join(f"printf '%s\\0' \"${name}\"" for name in env)
    finish, output = far.run(script, env=env)
    assert (finish.outcome, finish.exit_code, finish.error) == ("exited", 0, "")
    assert output.split("\0")[:-1] == payloads
    assert not canary.exists()


def test_nothing_of_it_stands_in_an_argument_list(far: Far) -> None:
    marker = "an_unlikely_word_of_a_far_script"
    # In brackets, so that grep would not find itself; the far side is this very host.
    looked_for = f"{marker[0]}[{marker[1]}]{marker[2:]}"
    lines = 'for p in /proc/[0-9]*; do tr "\\0" " " 2>/dev/null < $p/cmdline; echo; done'
    script = f'{lines} | grep -c "{looked_for}"; : {marker}'
    finish, output = far.run(script, env={"VIGIE_P_x": marker})
    assert (output.strip(), finish.exit_code) == ("0", 0), finish


def test_values_have_whatever_names_and_stay_values(far: Far) -> None:
    """A value called as a variable of ours would have become the script, or what is killed."""
    names = "a c r s t v w x HOST".split()
    env = {name: f"echo not {name}" for name in names} | {"w": "999999999"}
    finish, output = far.run("\n".join(f'printf "%s\\n" "${name}"' for name in names), env=env)
    assert (finish.exit_code, output.splitlines()) == (0, list(env.values()))
    with pytest.raises(LaunchError, match="can't be the name"):
        far.start("true", env={"__vigie_s": "echo no"})


@pytest.mark.parametrize(
    ("script", "code", "output"),
    [
        ("exit 7", 7, ""),
        ("cat; echo its input is empty", 0, "its input is empty\n"),
        ("cd /; pwd; (exit 3)", 3, "/\n"),
        ("if then", 2, None),
        ("kill -9 $BASHPID", 137, None),
    ],
)
def test_how_it_ends(far: Far, script: str, code: int, output: str | None) -> None:
    finish, found = far.run(script)
    assert (finish.outcome, finish.exit_code) == ("exited", code)
    assert output is None or found == output


def test_folder_and_values_of_the_step(far: Far, tmp_path: Path) -> None:
    where = tmp_path / "it's here"
    where.mkdir()
    _, output = far.run("pwd; echo $COLOUR", remote_cwd=str(where), env={"COLOUR": "dark blue"})
    assert output == f"{where}\ndark blue\n"
    finish, output = far.run("pwd", remote_cwd="/no/such/folder")
    assert finish.exit_code == 126
    assert "No such file" in output


def test_cancelling_ends_it_on_the_far_side(far: Far, tmp_path: Path) -> None:
    handle = far.start(f"(trap '' TERM; echo $BASHPID > {tmp_path}/pid; while :; do sleep 0.1; done) & wait")
    limit = time.monotonic() + 30
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
        assert time.monotonic() < limit
        time.sleep(0.01)
    pid = int((tmp_path / "pid").read_text())
    handles.cancel(handle, "ana")
    finish, _ = far.end(handle)
    assert finish.outcome == "cancelled"
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < limit + 30
        time.sleep(0.05)


def test_what_ssh_itself_says(far: Far) -> None:
    finish, output = far.run("true", host="nobody")
    assert finish.exit_code == 255
    assert finish.error.startswith("exit 255 is what ssh itself ends with when it can't reach nobody")
    assert "Permission denied" in output  # asked for no password: nobody could have typed one


def test_a_link_that_is_lost_is_told_and_what_runs_there_goes_on(far: Far, tmp_path: Path) -> None:
    handle = far.start(
        f"touch {tmp_path}/begun; until test -e {tmp_path}/go; do sleep 0.05; done; touch {tmp_path}/done"
    )
    limit = time.monotonic() + 30
    while not (tmp_path / "begun").exists():
        assert time.monotonic() < limit
        time.sleep(0.01)
    far.server.link.cut()
    finish, _ = far.end(handle)
    assert (finish.exit_code, finish.error[:8]) == (255, "exit 255")
    (tmp_path / "go").touch()
    while not (tmp_path / "done").exists():
        assert time.monotonic() < limit + 30
        time.sleep(0.05)


# ── the terminal there ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_terminal_there_and_what_is_typed_goes_to_it(far: Far) -> None:
    seat = Seat(far, 'tty; stty size; read -p "who? " name; echo "hello $name"; exit 3')
    seat.type(b"an")  # before there is anybody to read it
    seat.until(b"who? ")
    seat.type(b"a\r")
    seat.until(b"hello ana")
    assert seat.end() == 3
    finish, output = far.end(seat.handle)
    assert (finish.outcome, finish.exit_code, finish.error) == ("exited", 3, "")
    assert "/dev/pts/" in output and "33 101" in output
    assert "takes the script" not in seat.seen.decode() and "hello ana" in output


def test_values_there_are_only_strings_and_are_not_shown_on_their_way(far: Far, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    values = [
        f"$(touch {canary})",
        f"'; touch {canary} #",
        "two\nlines",
        "~.",
        "\n~.\n~?",
        "\x03\x1a\x04\x11",  # keys of a terminal
        "’‘“”",
        "a  b\tc",
        "\\0101%s",
        ":x:",
        "é" * 5000,  # more than a terminal takes in a line
        "",
    ]
    env = {f"VIGIE_P_x{number}": value for number, value in enumerate(values)} | {"s": "echo not this", "t": "kept"}
    out = tmp_path / "out"
    script = "\n".join(f"printf '%s\\0' \"${name}\" >>{out}" for name in env) + "\necho '~.' done"
    seat = Seat(far, script, env=env, secrets={"x": values[0]})
    assert seat.end() == 0, seat.seen
    assert out.read_text().split("\0")[:-1] == list(env.values())
    assert not canary.exists()
    assert seat.seen.split() == [b"~.", b"done"]  # nothing else was on the screen


def test_nothing_of_it_stands_in_an_argument_list_there_either(far: Far) -> None:
    marker = "an_unlikely_word_of_a_far_script"
    looked_for = f"{marker[0]}[{marker[1]}]{marker[2:]}"
    lines = 'for p in /proc/[0-9]*; do tr "\\0" " " 2>/dev/null < $p/cmdline; echo; done'
    seat = Seat(far, f'{lines} | grep -c "{looked_for}"; : {marker}', env={"VIGIE_P_x": marker})
    seat.end()
    assert seat.seen.split() == [b"0"], seat.seen


def test_ctrl_c_there_is_the_commands_own_and_a_large_script_arrives(far: Far) -> None:
    long = "\n".join(f"a{number}='{'x' * 100}'" for number in range(2000))
    seat = Seat(far, f"{long}\ntrap 'echo caught ${{#a1999}}; exit 7' INT; echo ready; while :; do sleep 0.05; done")
    seat.until(b"ready")
    seat.type(b"\x03")
    seat.until(b"caught 100")
    assert seat.end() == 7


def test_ctrl_c_while_it_logs_in_ends_that(far: Far) -> None:
    far.server.link.freeze()
    seat = Seat(far, "echo began")
    seat.type(b"typed ahead\x03")
    seat.end()
    far.server.link.thaw()
    finish, output = far.end(seat.handle)
    assert (finish.outcome, finish.error, output) == ("cancelled", "ctrl-C before it began there", "")


def test_the_terminal_is_lost_and_what_runs_there_is_told(far: Far, tmp_path: Path) -> None:
    seat = Seat(far, f"trap 'touch {tmp_path}/told; exit' HUP; echo ready; while :; do sleep 0.05; done")
    seat.until(b"ready")
    os.close(seat.master)
    finish, _ = far.end(seat.handle)
    assert finish.outcome == "cancelled" and "terminal is gone" in finish.error
    limit = time.monotonic() + 30
    while not (tmp_path / "told").exists():
        assert time.monotonic() < limit
        time.sleep(0.02)
    seat.process.wait(10)


def test_a_terminal_there_asks_for_no_password_and_names_what_ssh_said(far: Far) -> None:
    seat = Seat(far, "true", host="nobody")
    assert seat.end() == 255
    assert b"Permission denied" in seat.seen
    assert far.end(seat.handle)[0].error.startswith("exit 255 is what ssh itself ends with")


@pytest.mark.parametrize("host", ["-oProxyCommand=touch x", "", "a b", "db1;id", "db1\n", "$(id)", "a@-b", "-"])
def test_what_is_no_host(host: str) -> None:
    assert not remote.is_host(host)


@pytest.mark.parametrize("host", ["db1", "deploy@db-1.example.net", "10.0.0.1", "::1", "fe80::1%eth0", "[::1]", "a"])
def test_what_is_one(host: str) -> None:
    assert remote.is_host(host)


def test_a_host_that_is_none_starts_nothing(far: Far) -> None:
    with pytest.raises(LaunchError, match="can't be the name of a host"):
        far.start("true", host="-oProxyCommand=true")
    assert len(list(far.journal.all(far.stream))) == 1


@pytest.mark.slow
def test_the_console_hands_the_terminal_over_to_the_other_host_and_has_the_record(far: Far, tmp_path: Path) -> None:
    books = tmp_path / "books"
    books.mkdir()
    (books / "far.runbook.yaml").write_text(
        'title: Ask there\nparams: {who: {default: "o\'neil; $(id)"}}\nphases:\n- title: P\n  steps:\n'
        '  - {title: Ask, kind: run, host: far, tty: yes, run: \'read -p "$who? " x; echo "it is $x"; stty size; exit 4\'}\n'
    )
    with site(tmp_path / "site", f"{QUIET}ssh_config: {far.config}\n") as here:
        with here.console(
            "--runbooks", str(books), env={"PATH": os.environ["PATH"], **servers.environment()}
        ) as terminal:
            terminal.wait_for(r"1 Status.*2 Incident")
            terminal.press("D")
            terminal.wait_for("declare>")
            terminal.type("sev2 the drill\n")
            terminal.wait_for("INC-1")
            terminal.press("3", "/")
            terminal.type("ask there\n")
            terminal.wait_for(r"/ask there +1/\d")
            terminal.wait_for("▌Ask there")
            terminal.wait_quiet()
            terminal.press("s")
            terminal.wait_for("by ssh on far in ~")
            terminal.wait_for(r"x runs it; it gets this terminal until it ends")  # armed
            terminal.press("x")
            terminal.wait_for(r"(?m)^o'neil; \$\(id\)\?")
            terminal.type("well\n")
            terminal.wait_for("it is well")
            terminal.wait_for("24 80")
            terminal.wait_for("has ended, exit 4; a key goes back")
            terminal.press("enter")
            terminal.wait_for("the terminal is back: exit 4")
        (finish,) = [event.body for event in here.events("command_finished")]
        assert isinstance(finish, CommandFinished) and (finish.outcome, finish.exit_code) == ("exited", 4)
        (start,) = [event.body for event in here.events("command_started")]
        assert getattr(start, "host", "") == "far"
