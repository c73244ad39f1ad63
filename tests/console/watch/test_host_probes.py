"""log, systemd, port, swap, fds and crontab, on real files, sockets and processes."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from console.sanitize import is_clean
from console.snapshot import DEGRADED, DOWN, OK, UNKNOWN
from console.watch import follow
from console.watch.checks import CheckError
from console.watch.follow import Follower
from console.watch.measure import measure
from console.watch.probing import Remembering, Tools
from console.watch.state import Result
from tests.console.watch.checking import beside, check, result

# ── log ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def add(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


async def test_matching_lines_are_counted_as_they_come(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("ERROR of yesterday\n" * 5)
    one = check("log", path=str(log), pattern="ERROR|FATAL", exclude="harmless", warn=1, fail=3)
    async with Tools() as tools:
        first = await measure(one, tools)
        add(log, "fine\nERROR harmless\nERROR one\nERR")
        second = await measure(one, tools)
        add(log, "OR two \x1b]0;x\x07\nFATAL three\n")
        third = await measure(one, tools)
    assert (first.state, first.detail) == (OK, "reading from here on")
    assert (second.state, second.detail) == (DEGRADED, "1 of 3 lines match in 5m, last: ERROR one")
    assert (third.state, third.detail) == (DOWN, "3 of 5 lines match in 5m, last: FATAL three")
    assert is_clean(third.detail)


async def test_a_log_is_followed_through_rotation(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("")
    one = check("log", "[MATCHES] < 100", path=str(log), pattern="E", fail=None)
    async with Tools() as tools:
        await measure(one, tools)
        add(log, "E1\n")
        log.rename(tmp_path / "app.log.1")
        add(tmp_path / "app.log.1", "E2\nE3 unfinished")  # the program still has the old file open
        between = await measure(one, tools)
        log.write_text("E4\nx\n")
        moved = await measure(one, tools)
        add(log, "E5\n")
        shutil.copy(log, tmp_path / "app.log.2")  # copytruncate
        log.write_text("")
        await measure(one, tools)
        add(log, "E6\n")
        truncated = await measure(one, tools)
        log.unlink()
        gone = await measure(one, tools)
        log.write_text("E7\n")
        back = await measure(one, tools)
    assert between.value == 2
    assert moved.value == 4
    assert truncated.value == 5  # E5 was cut away between two looks
    assert gone.state == OK  # the program may write on into what has no name any more
    assert back.value == 6


async def test_a_log_that_goes_quiet(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    missing = await result("log", path=str(log), pattern="E")
    log.write_text("")
    one = check("log", path=str(log), pattern="E", silent_for="100ms")
    async with Tools() as tools:
        await measure(one, tools)
        await asyncio.sleep(0.15)
        quiet = await measure(one, tools)
        add(log, "a line\n")
        speaks = await measure(one, tools)
    assert (missing.state, missing.detail) == (UNKNOWN, f"no file {log}")
    assert quiet.state == DOWN and quiet.detail.startswith("nothing written for ")
    assert speaks.state == OK


def test_following_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "MOST", 3000)
    monkeypatch.setattr(follow, "BLOCK", 1000)
    log = tmp_path / "app.log"
    log.write_text("")
    follower = Follower(log)
    assert list(follower.lines()) == []
    add(log, "a" * 2500 + "\nnext\n")
    lines = list(follower.lines())
    assert [len(line) for line in lines] == [1500, 4] or lines[-1] == "next"
    add(log, "".join(f"line {n}\n" for n in range(1000)))
    lines = list(follower.lines())
    assert lines[-1] == "line 999"
    assert len(lines) < 400
    assert follower.skipped > 4000
    add(log, "z" * 10)
    assert list(follower.lines()) == []
    follower.close()


async def again(log: Path, *memories: str, **more: Any) -> Result:
    """One look of a new watch that goes on from the last of *memories*."""
    one = check("log", path=str(log), pattern="E", warn=1, fail=None, **more)
    for memory in memories:
        assert isinstance(one.probe, Remembering)
        one.probe.resume(memory)
    async with Tools() as tools:
        return await measure(one, tools)


HEADING = "".join(f"a first line that tells this log from another, {n}\n" for n in range(3))


@pytest.mark.parametrize("how", ["written on", "renamed", "copied and truncated", "replaced", "cut"])
async def test_the_next_watch_goes_on_where_the_last_one_was(tmp_path: Path, how: str) -> None:
    log = tmp_path / "app.log"
    log.write_text(HEADING + "E of before\n")
    begun = await again(log)
    add(log, "E1\nx\nE not wh")
    first = await again(log, begun.memory)
    assert (first.state, first.value) == (DEGRADED, 1)
    add(log, "ole\nE2\n")  # while nobody watches
    expected = 3  # E1 of the window before, and two
    if how == "renamed":
        log.rename(tmp_path / "app.log.1")
        log.write_text("E3\n")
        expected += 1
    elif how == "copied and truncated":
        shutil.copy(log, tmp_path / "app.log-20261128")
        log.write_text("E3\nE4\n")
        expected += 2
    elif how == "replaced":
        log.unlink()
        log.write_text("another file\nE5\n")
        expected = 2
    elif how == "cut":
        log.write_text("E6\n")
        expected = 2
    second = await again(log, first.memory)
    assert (second.state, second.value) == (DEGRADED, expected)
    third = await again(log, first.memory, second.memory)
    assert third.value == expected  # nothing is counted twice


async def test_what_came_while_nobody_watched_is_said_to_be_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "app.log"
    log.write_text("")
    begun = await again(log, silent_for="1h")
    add(log, "E1\nE2\n")
    wall = time.time
    monkeypatch.setattr(time, "time", lambda: wall() + 7200)
    found = await again(log, begun.memory, silent_for="1h")
    assert found.detail == "2 of 2 lines match in 5m, last: E2, 2 of them came while nobody watched"
    log.write_text("")
    quiet = await again(log, begun.memory, silent_for="1h")  # a restart does not begin the silence anew
    assert (quiet.state, quiet.detail) == (DOWN, "nothing written for 2h, expected a line every 1h")
    assert (await again(log, "nonsense")).detail == "reading from here on"


async def test_a_log_that_is_gone_is_unknown_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "app.log"
    log.write_text("x\n")
    one = check("log", path=str(log), pattern="E")
    async with Tools() as tools:
        await measure(one, tools)
        log.unlink()
        rotating = await measure(one, tools)
        monkeypatch.setattr("console.watch.probes.log._GONE_S", 0.0)
        gone = await measure(one, tools)
        log.write_text("")
        back = await measure(one, tools)
    assert (rotating.state, gone.state, back.state) == (OK, UNKNOWN, OK)
    assert gone.detail.startswith(f"no file {log} any more, for ")


# ── systemd ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ``systemctl`` that answers what the test wrote: only one of a machine's own can be had, and not here."""
    said = tmp_path / "said"
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "systemctl"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\n. {said}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return said


@pytest.mark.parametrize(
    ("shown", "more", "state", "detail"),
    [
        ("LoadState=loaded ActiveState=active SubState=running NRestarts=0", {}, OK, "active (running)"),
        ("LoadState=loaded ActiveState=active SubState=running NRestarts=7", {"max_restarts": 3}, DEGRADED,
         "active (running), restarted 7 times, expected at most 3"),
        ("LoadState=loaded ActiveState=failed SubState=failed Result=oom-kill ExecMainStatus=9", {}, DOWN,
         "failed: oom-kill, exit 9"),
        ("LoadState=loaded ActiveState=activating SubState=auto-restart Result=exit-code ExecMainStatus=1", {}, DOWN,
         "activating (auto-restart): exit-code, exit 1"),
        ("LoadState=loaded ActiveState=activating SubState=start Result=success", {}, DEGRADED, "activating (start)"),
        ("LoadState=loaded ActiveState=inactive SubState=dead", {}, DOWN, "inactive (dead)"),
        ("LoadState=loaded ActiveState=inactive SubState=dead", {"active": ["active", "inactive"]}, OK, "inactive (dead)"),
        ("LoadState=not-found ActiveState=inactive SubState=dead", {}, DOWN, "no unit nginx"),
        ("LoadState=masked ActiveState=inactive SubState=dead", {}, DOWN, "masked"),
        ("LoadState=loaded ActiveState=active SubState=running NeedDaemonReload=yes", {}, OK,
         "active (running), its file changed since it was read"),
    ],
)  # fmt: skip
async def test_units(systemctl: Path, shown: str, more: dict[str, Any], state: str, detail: str) -> None:
    systemctl.write_text("".join(f"echo {one}\n" for one in shown.split()))
    found = await result("systemd", unit="nginx", **more)
    assert (found.state, found.detail) == (state, detail)
    asked = (systemctl.parent / "asked").read_text()
    assert asked.startswith("show --no-pager --property=LoadState,") and asked.endswith(" -- nginx\n")


async def test_a_host_without_systemd_is_unknown(systemctl: Path) -> None:
    systemctl.write_text("echo 'System has not been booted with systemd' >&2; exit 1\n")
    found = await result("systemd", unit="nginx")
    assert (found.state, found.detail) == (UNKNOWN, "systemctl: System has not been booted with systemd")


async def test_the_real_systemctl() -> None:
    if shutil.which("systemctl") is None:
        pytest.skip("no systemctl here")
    found = await result("systemd", unit="vigie-no-such-unit", timeout=20)
    assert (found.state, found.detail) == (DOWN, "no unit vigie-no-such-unit") or (
        found.state == UNKNOWN and found.detail.startswith("systemctl: ")
    )


@pytest.mark.parametrize("unit", ["", "--version", "a b", "a;b"])
def test_what_is_no_unit(unit: str) -> None:
    with pytest.raises(CheckError, match="expected the name of a unit"):
        check("systemd", unit=unit)


# ── port ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_listeners() -> None:
    me = Path(f"/proc/{os.getpid()}/comm").read_text().strip()
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        port = tcp.getsockname()[1]
        udp.bind(("127.0.0.1", 0))
        open_ = await result("port", "[LISTENERS] == 1", "[ADDRESS] == 127.0.0.1", port=port, program=me)
        other = await result("port", port=port, program="nginx")
        public = await result("port", port=port, address="192.0.2.1")
        expected_closed = await result("port", port=port, closed=True)
        datagram = await result("port", port=udp.getsockname()[1], protocol="udp")
    closed = await result("port", port=port)
    closed_well = await result("port", port=port, closed=True)
    assert (open_.state, open_.detail) == (OK, f"tcp {port} is open on 127.0.0.1 by {me}")
    assert (other.state, other.detail) == (DOWN, f"tcp {port} is open on 127.0.0.1 by {me}, expected nginx")
    assert (public.state, public.detail) == (DOWN, f"tcp {port} is open on 127.0.0.1 only, not on 192.0.2.1")
    assert expected_closed.state == DOWN
    assert datagram.state == OK
    assert (closed.state, closed.detail) == (DOWN, f"nothing listens on tcp {port}")
    assert closed_well.state == OK


# ── swap, file descriptors ───────────────────────────────────────────────────────────────────────────────────────


async def test_swap() -> None:
    found = await result("swap", "[PERCENT] <= 100", "[IN_RATE] >= 0", warn=101, fail=None)
    assert found.state == OK
    assert found.unit == "%"


async def test_file_descriptors(tmp_path: Path) -> None:
    host = await result("fds", "[OPEN] > 0", "[LIMIT] > 0")
    code = "import os, resource, time\nresource.setrlimit(resource.RLIMIT_NOFILE, (50, 50))\n"
    code += "kept = [os.open('/dev/null', 0) for _ in range(40)]\nprint(flush=True)\ntime.sleep(100)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        pidfile = tmp_path / "hungry.pid"
        pidfile.write_text(f"{process.pid}\n")
        near = await result("fds", pidfile=str(pidfile))
        process.kill()
    gone = await result("fds", pidfile=str(pidfile))
    pidfile.write_text("x")
    nonsense = await result("fds", pidfile=str(pidfile))
    assert host.state == OK
    assert near.state == DEGRADED
    assert near.detail.endswith(f" of 50 files open by hungry [{process.pid}]")
    assert (gone.state, gone.detail) == (DOWN, "hungry is not running")
    assert nonsense.state == UNKNOWN


# ── crontab ──────────────────────────────────────────────────────────────────────────────────────────────────────

CRONTAB = """# comment with backup.sh
MAILTO=ops
15 2 * * *  /usr/local/bin/backup.sh --all
@hourly /usr/local/bin/report.sh
"""


async def test_entries_of_a_crontab(tmp_path: Path) -> None:
    (tmp_path / "cron").write_text(CRONTAB)

    def asking(**options: Any) -> Any:
        return result("crontab", file="cron", place=beside(tmp_path), **options)

    there = await asking(pattern=r"backup\.sh")
    hourly = await asking(pattern="report", schedule="@hourly")
    moved = await asking(pattern="backup", schedule="15  3 * * *")
    lost = await asking(pattern="restore")
    setting = await asking(pattern="ops")
    missing = await result("crontab", file=str(tmp_path / "no"), pattern="x")
    assert (there.state, there.detail) == (OK, "there, 15 2 * * *")
    assert hourly.state == OK
    assert (moved.state, moved.detail) == (DOWN, "there at 15 2 * * *, expected 15 3 * * *")
    assert (lost.state, lost.detail) == (DOWN, "no entry with restore")
    assert setting.state == DOWN
    assert missing.state == UNKNOWN


async def test_a_user_s_crontab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "crontab"
    program.write_text(
        f'#!/bin/sh\n[ "$2" = ops ] && {{ echo "no crontab for ops" >&2; exit 1; }}\ncat {tmp_path}/cron\n'
    )
    program.chmod(0o755)
    (tmp_path / "cron").write_text(CRONTAB)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert (await result("crontab", user="-", pattern="backup")).state == OK
    none = await result("crontab", user="ops", pattern="backup")
    assert (none.state, none.detail) == (DOWN, "no entry with backup")
    program.unlink()
    if shutil.which("crontab") is None:
        assert (await result("crontab", user="-", pattern="backup")).state == UNKNOWN
