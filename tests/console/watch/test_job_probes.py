"""heartbeat, command, file and sqlite: on real jobs, files and databases."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from console.clock import SystemClock
from console.sanitize import is_clean
from console.snapshot import DEGRADED, DOWN, OK, UNKNOWN
from console.watch.beats import SOCKET, Beat, BeatError, keep, last, listening
from console.watch.checks import CheckError
from console.watch.perfdata import PerfFigure, figures, split
from console.watch.running import run
from console.watch.state import Machine, Policy, step
from tests.console.watch.checking import beside, check, result

# ── heartbeat ────────────────────────────────────────────────────────────────────────────────────────────────────


def beat(folder: Path, ago: float, **more: Any) -> None:
    now = datetime.now(UTC)
    assert keep(folder / "beats", Beat(name="backup", at=now - timedelta(seconds=ago), **more), now)


@pytest.mark.parametrize(
    ("ago", "more", "state", "detail"),
    [
        (60, {}, OK, "1m ago"),
        (60, {"message": "12 GB"}, OK, "1m ago: 12 GB"),
        (3600 + 120, {}, DEGRADED, "late by 2m, DOWN in "),
        (3600 + 900, {}, DOWN, "silent for 1h15m, expected every 1h"),
        (
            60,
            {"ok": False, "message": "disk \x1b[2J full"},
            DOWN,
            "the job said that it failed, 1m ago: disk <ESC>[2J full",
        ),
    ],
)
async def test_a_job_beats(tmp_path: Path, ago: float, more: dict[str, Any], state: str, detail: str) -> None:
    beat(tmp_path, ago, **more)
    found = await result("heartbeat", beat="backup", every="1h", grace="10m", place=beside(tmp_path))
    assert (found.state, found.detail[: len(detail)]) == (state, detail)


async def test_a_heartbeat_that_never_came_is_unknown(tmp_path: Path) -> None:
    found = await result("heartbeat", beat="backup", every="1h", place=beside(tmp_path))
    assert (found.state, found.detail) == (UNKNOWN, "no heartbeat yet: the job has to run `vigie beat backup`")
    (tmp_path / "beats").mkdir()
    (tmp_path / "beats" / "backup.json").write_text("nonsense")
    broken = await result("heartbeat", beat="backup", every="1h", place=beside(tmp_path))
    assert broken.state == UNKNOWN and "is not a heartbeat" in broken.detail


async def test_a_failure_that_was_told_is_believed_at_once(tmp_path: Path) -> None:
    beat(tmp_path, 5, ok=False)
    one = check("heartbeat", beat="backup", every="1h")
    found = await result("heartbeat", beat="backup", every="1h", place=beside(tmp_path))
    now, policy = datetime.now(UTC), Policy(fail_threshold=3)
    machine = step(Machine(hard=OK, since=now), found, now, 10.0, policy)[0]
    assert machine.hard == DOWN
    assert one.policy.fail_threshold == 3


def test_heartbeats_are_kept_in_order(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    assert keep(tmp_path, Beat(name="a", at=now), now)
    assert not keep(tmp_path, Beat(name="a", at=now - timedelta(hours=1), ok=False), now)
    found = last(tmp_path, "a")
    assert found is not None and found.ok and found.at == now
    assert (tmp_path / "a.json").stat().st_mode & 0o777 == 0o600
    with pytest.raises(BeatError, match="future"):
        keep(tmp_path, Beat(name="a", at=now + timedelta(hours=1)), now)
    for name in ("../a", "a/b", "", ".a", "a\nb", "é"):
        with pytest.raises(BeatError, match="expected a name"):
            keep(tmp_path, Beat(name=name, at=now), now)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.json"]


async def talk(folder: Path, line: bytes) -> str:
    reader, writer = await asyncio.open_unix_connection(folder / SOCKET)
    writer.write(line)
    writer.write_eof()
    said = (await reader.read()).decode()
    writer.close()
    return said


async def test_heartbeats_over_the_socket(tmp_path: Path) -> None:
    said: list[str] = []
    folder = tmp_path / "beats"
    async with listening(folder, SystemClock(), 0o600, said.append):
        assert (folder / SOCKET).stat().st_mode & 0o777 == 0o600
        assert await talk(folder, b"backup\n") == "ok\n"
        assert await talk(folder, b"nightly fail no room left\n") == "ok\n"
        for bad in (b"../x\n", b"backup maybe\n", b"", b"a" * 5000 + b"\n", b"\xff\xfe\n"):
            assert (await talk(folder, bad)).startswith("error: ")
    assert not (folder / SOCKET).exists()
    assert said == []
    nightly, backup = last(folder, "nightly"), last(folder, "backup")
    assert nightly is not None and (nightly.ok, nightly.message) == (False, "no room left")
    assert backup is not None and backup.ok


async def test_a_new_leader_takes_the_socket_over(tmp_path: Path) -> None:
    old = listening(tmp_path, SystemClock(), 0o600, print)
    await old.__aenter__()
    async with listening(tmp_path, SystemClock(), 0o600, print):
        await old.__aexit__(None, None, None)
        assert await talk(tmp_path, b"backup\n") == "ok\n"


async def test_a_socket_that_can_not_be_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    async with listening(tmp_path / ("x" * 120), SystemClock(), 0o600, said.append):
        assert len(said) == 1 and "no heartbeats over a socket" in said[0]


# ── command ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("script", "more", "state", "detail"),
    [
        ("echo fine", {}, OK, "exit 0: fine"),
        ("echo no >&2; exit 4", {}, DOWN, "exit 4: no"),
        ("exit 4", {"ok_codes": [0, 4]}, OK, "exit 4"),
        ("exit 127", {}, UNKNOWN, "exit 127"),
        ("kill -9 $$", {}, DOWN, "ended by signal 9"),
        ("echo 'LOAD OK - 0.1|load1=0.1;5;10;0'", {"nagios": True}, OK, "LOAD OK - 0.1"),
        ("echo 'LOAD WARNING'; exit 1", {"nagios": True}, DEGRADED, "LOAD WARNING"),
        ("echo 'LOAD CRITICAL'; exit 2", {"nagios": True}, DOWN, "LOAD CRITICAL"),
        ("echo 'no access'; exit 3", {"nagios": True}, UNKNOWN, "no access"),
        ("echo odd; exit 9", {"nagios": True}, UNKNOWN, "exit 9: odd"),
        ("printf '\\033]0;x\\007hello\\nmore'", {}, OK, "exit 0: <ESC>]0;x<BEL>hello"),
    ],
)
async def test_exit_codes(script: str, more: dict[str, Any], state: str, detail: str) -> None:
    found = await result("command", run=["sh", "-c", script], **more)
    assert (found.state, found.detail) == (state, detail)
    assert is_clean(found.detail)


async def test_a_command_s_figures_and_output() -> None:
    plugin = "echo \"DISK OK | '/ var'=42%;80;90;0;100 free=1.5GB\"; echo long; echo 'text | inodes=7%'"
    run = {"run": ["sh", "-c", plugin], "nagios": True}
    held = await result("command", "[PERF].inodes < 10", '[PERF]["/ var"] < 50', "[OUTPUT] == pat(DISK OK*)", **run)
    failed = await result("command", "[PERF].free > 2", **run)
    assert (held.state, held.value, held.unit) == (OK, 42.0, "%")
    assert (failed.state, failed.detail) == (DOWN, "DISK OK, perf.free is 1.5, expected above 2")


async def test_a_command_that_is_not_there_or_talks_for_ever(tmp_path: Path) -> None:
    gone = await result("command", run="/no/such/plugin -x")
    assert (gone.state, gone.detail) == (UNKNOWN, "/no/such/plugin can't be started: no such file or directory")
    loud = await result("command", run=["sh", "-c", "head -c 50000000 /dev/zero | tr '\\0' x"], timeout=20)
    assert loud.state == OK
    elsewhere = await result("command", run="pwd", place=beside(tmp_path))
    assert elsewhere.detail == f"exit 0: {tmp_path}"


def marked(mark: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            pass
    return found


async def until(condition: Any, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_the_whole_tree_is_killed_when_the_time_is_up() -> None:
    mark = f"31{os.getpid()}.5"
    # a child, one in a session of its own, and one whose parent is gone already
    script = f"sleep {mark} & setsid sleep {mark} & (setsid sh -c 'sleep {mark} & sleep {mark}' &) ; sleep {mark}"
    task = asyncio.create_task(result("command", run=["sh", "-c", script], timeout=1.5))
    await until(lambda: len(marked(mark)) >= 5)
    found = await task
    assert (found.state, found.detail) == (UNKNOWN, "could not measure within 1.5s")
    await until(lambda: not marked(mark))


async def test_what_a_command_leaves_behind_does_not_hold_it_up() -> None:
    mark = f"32{os.getpid()}.5"
    done = await run(["sh", "-c", f"echo here; sleep {mark} &"])
    assert (done.code, done.output) == (0, "here\n")
    await until(lambda: not marked(mark))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"run": ""}, "expected a program"),
        ({"run": "echo 'x"}, "no closing quotation"),
        ({"run": "x", "nagios": True, "ok_codes": [1]}, "codes have their meaning"),
        ({}, "missing required field"),
    ],
)
def test_command_keys(options: dict[str, Any], words: str) -> None:
    with pytest.raises(CheckError, match=words):
        check("command", **options)


def test_perfdata() -> None:
    text, measured = split("USERS OK | users=4;5;10;0\nmore\ntext | a=1s\nb=2ms;;;0")
    assert text == "USERS OK\nmore\ntext"
    assert figures(measured) == {"users": PerfFigure(4, ""), "a": PerfFigure(1, "s"), "b": PerfFigure(2, "ms")}
    assert figures("'it''s'=1,5% x=U y=-3e2c =4 z= 'open=1") == {
        "it's": PerfFigure(1.5, "%"),
        "y": PerfFigure(-300, "c"),
    }
    assert figures("x=1.2.3 y=.. " + "a=1 " * 10) == {"a": PerfFigure(1, "")}


# ── file ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def made(path: Path, ago: float, size: int = 1) -> Path:
    path.write_bytes(b"x" * size)
    os.utime(path, (time.time() - ago,) * 2)
    return path


async def test_a_backup_that_did_not_come(tmp_path: Path) -> None:
    place = beside(tmp_path)
    none = await result("file", path="*.dump", newest_within="26h", place=place)
    made(tmp_path / "monday.dump", 50 * 3600, 2000)
    late = await result("file", path="*.dump", newest_within="26h", min_size="1kB", place=place)
    made(tmp_path / "tuesday.dump", 3600, 10)
    small = await result("file", path="*.dump", newest_within="26h", min_size="1kB", place=place)
    made(tmp_path / "tuesday.dump", 3600, 5000)
    good = await result(
        "file", "[TOTAL] > 5kB", "[AGE] < 2h", path="*.dump", newest_within="26h", min_size="1kB", place=place
    )
    assert (none.state, none.detail) == (DOWN, "no file *.dump")
    assert (late.state, late.detail) == (DOWN, "monday.dump 2d2h old, 2.0 kB, expected one within 1d2h")
    assert (small.state, small.detail) == (DOWN, "2 files, the newest tuesday.dump 1h old, 10 B, expected at least 1kB")
    assert good.state == OK


async def test_a_lock_that_stayed(tmp_path: Path) -> None:
    place = beside(tmp_path)
    gone = await result("file", path="run.lock", oldest_within="10m", place=place)
    made(tmp_path / "run.lock", 60)
    short = await result("file", path="run.lock", oldest_within="10m", place=place)
    made(tmp_path / "run.lock", 3000)
    stayed = await result("file", path="run.lock", oldest_within="10m", place=place)
    assert (gone.state, gone.detail) == (OK, "none there")
    assert short.state == OK
    assert (stayed.state, stayed.detail) == (DOWN, "run.lock 50m old, 1 B, expected to go within 10m")


async def test_counts_sizes_and_what_can_not_be_read(tmp_path: Path) -> None:
    place = beside(tmp_path)
    for number in range(4):
        made(tmp_path / f"{number}.job", number * 60, 100 * (number + 1))
    (tmp_path / "a").mkdir()
    made(tmp_path / "a" / "9.job", 0)
    many = await result("file", path="*.job", max_count=3, place=place)
    deep = await result("file", "[COUNT] == 5", path="**/*.job", place=place)
    large = await result("file", path="*.job", max_size=350, place=place)
    total = await result("file", path="*.job", max_total="0.9kB", place=place)
    (tmp_path / "file").write_text("")
    within = await result("file", path="file/x", place=place)
    assert many.detail.endswith(", expected at most 3") and many.state == DOWN
    assert deep.state == OK
    assert large.detail.endswith("3.job has 400 B, expected at most 350")
    assert total.detail.endswith("1.0 kB in all, expected at most 0.9kB")
    assert within.state == DOWN


# ── sqlite ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def base(tmp_path: Path) -> Path:
    path = tmp_path / "jobs.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE job (id INTEGER, state TEXT, note BLOB)")
        database.executemany(
            "INSERT INTO job VALUES (?, ?, ?)", [(n, "stuck" if n < 7 else "done", b"\x00") for n in range(20)]
        )
    database.close()
    return path


async def test_a_query(base: Path) -> None:
    def asking(query: str, *conditions: str, **more: Any) -> Any:
        return result("sqlite", *conditions, path=str(base), query=query, **more)

    stuck = "SELECT count(*) AS stuck FROM job WHERE state = 'stuck'"
    good = await asking(stuck)
    warned = await asking(stuck, warn=5, fail=10)
    failed = await asking(stuck, "[VALUE] == 0")
    row = await asking(
        "SELECT id, state, note FROM job", "[ROW].state == stuck", "[ROWS] == 20", "[ROW].note == 1 bytes"
    )
    none = await asking("SELECT id FROM job WHERE 0", "[ROWS] == 0")
    missing = await asking("SELECT id FROM job WHERE 0", "[VALUE] < 5")
    assert (good.state, good.detail, good.value) == (OK, "stuck 7", 7.0)
    assert warned.state == DEGRADED
    assert (failed.state, failed.detail) == (DOWN, "stuck 7, value is 7, expected 0")
    assert row.state == none.state == OK
    assert (missing.state, missing.detail) == (DOWN, "id no row, value is missing")


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM job",
        "INSERT INTO job VALUES (1, 2, 3)",
        "ATTACH DATABASE '/etc/passwd' AS x",
        "PRAGMA journal_mode = DELETE",
        "CREATE TABLE x (y)",
        "SELECT load_extension('x')",
        "SELECT 1; DELETE FROM job",
        "SELECT nothing FROM nowhere",
    ],
)
async def test_a_query_only_reads(base: Path, query: str) -> None:
    before = base.read_bytes()
    found = await result("sqlite", path=str(base), query=query)
    assert found.state == UNKNOWN, found
    assert base.read_bytes() == before
    assert [one.name for one in base.parent.iterdir()] == [base.name]


async def test_a_query_without_end_ends_with_its_time(base: Path) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    cpu = time.process_time
    found = await result("sqlite", path=str(base), query=endless, timeout=0.3)
    assert (found.state, found.detail) == (UNKNOWN, "could not measure within 0.3s")
    started, began = cpu(), time.monotonic()
    await asyncio.sleep(0.3)
    assert cpu() - started < 0.8 * (time.monotonic() - began)  # nobody goes on counting


async def test_databases_in_trouble(base: Path, tmp_path: Path) -> None:
    asking = {"query": "SELECT count(*) FROM job"}
    gone = await result("sqlite", path=str(tmp_path / "gone.db"), **asking)
    (tmp_path / "text.db").write_text("not a database" * 100)
    text = await result("sqlite", path=str(tmp_path / "text.db"), **asking)
    held = sqlite3.connect(base, isolation_level=None)
    held.execute("BEGIN EXCLUSIVE")
    locked = await result("sqlite", path=str(base), **asking)
    held.execute("ROLLBACK")
    held.execute("PRAGMA journal_mode = WAL")
    held.execute("INSERT INTO job VALUES (99, 'x', NULL)")
    live = await result("sqlite", "[VALUE] == 21", path=str(base), **asking)
    held.close()
    shutil.copy(base, tmp_path / "copy.db")
    copy = await result("sqlite", "[VALUE] == 21", path=str(tmp_path / "copy.db"), immutable=True, **asking)
    assert not (tmp_path / "gone.db").exists()
    assert (gone.state, gone.detail) == (UNKNOWN, f"{tmp_path / 'gone.db'}: no such database")
    assert (text.state, text.detail) == (DOWN, "text.db is not a SQLite database")
    assert (locked.state, locked.detail) == (UNKNOWN, "jobs.db is locked by a writer")
    assert live.state == copy.state == OK
