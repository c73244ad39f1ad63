"""tcp, process, disk, memory, cpu, load and self, on what this machine really has."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.services import CheckConfig, ServiceConfig, Span, default_services
from console.snapshot import DEGRADED, DOWN, OK, UNKNOWN
from console.watch.checks import Check, compile_checks
from console.watch.measure import measure
from console.watch.probing import Tools, Vitals
from console.watch.sizes import bytes_text, parse_bytes
from console.watch.state import Result


def check(kind: str, *conditions: str, timeout: float = 5, **options: Any) -> Check:
    config = CheckConfig(
        kind=kind, interval=Span(30), timeout=Span(timeout), conditions=conditions or None, options=options
    )
    return compile_checks([ServiceConfig(name="s", checks=(config,))])[0]


async def result(kind: str, *conditions: str, **options: Any) -> Result:
    async with Tools() as tools:
        return await measure(check(kind, *conditions, **options), tools)


async def test_tcp() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        found = await result("tcp", host="127.0.0.1", port=port)
        assert found.state == OK
        assert found.latency_ms is not None
        there = await result("tcp", "[IP] == 127.0.0.1", "[RESPONSE_TIME] < 5s", host="127.0.0.1", port=port)
        assert there.state == OK
    closed = await result("tcp", host="127.0.0.1", port=port)
    assert (closed.state, closed.detail) == (DOWN, f"port {port}: connection refused")
    assert (await result("tcp", "[CONNECTED] == false", host="127.0.0.1", port=port)).state == OK


async def test_tcp_that_never_accepts() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:  # fill the backlog
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        found = await result("tcp", host="127.0.0.1", port=port, timeout=0.3)
        for one in waiting:
            one.close()
    assert (found.state, found.detail) == (DOWN, "timed out after 0.3s")


@pytest.fixture
def child(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    mark = f"vigie-test-{os.getpid()}-{tmp_path.name}"
    code = "import time; print(flush=True); time.sleep(300)"
    with subprocess.Popen([sys.executable, "-c", code, mark], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read(1)  # it has begun
        yield process
        process.kill()


async def test_process_by_pattern(child: subprocess.Popen[bytes], tmp_path: Path) -> None:
    mark = f"vigie-test-{os.getpid()}-{tmp_path.name}"
    found = await result("process", pattern=mark)
    assert found.state == OK
    assert found.detail.startswith("1 running, ")
    assert (await result("process", "[COUNT] == 1", "[MEMORY] > 1MB", pattern=mark)).state == OK
    few = await result("process", pattern=mark, min_count=2)
    assert (few.state, few.detail.endswith("expected at least 2")) == (DOWN, True)
    many = await result("process", pattern=mark, min_count=0, max_count=0)
    assert many.state == DOWN
    child.kill()
    child.wait()
    gone = await result("process", pattern=mark)
    assert (gone.state, gone.detail) == (DOWN, "not running")


async def test_a_zombie_does_not_run(child: subprocess.Popen[bytes], tmp_path: Path) -> None:
    mark = f"vigie-test-{os.getpid()}-{tmp_path.name}"
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, not reaped
    assert (await result("process", pattern=mark)).state == DOWN


async def test_process_by_pid_file_and_program(child: subprocess.Popen[bytes], tmp_path: Path) -> None:
    pidfile = tmp_path / "run.pid"
    assert (await result("process", pidfile=str(pidfile))).state == DOWN
    pidfile.write_text("soon")
    assert (await result("process", pidfile=str(pidfile))).state == UNKNOWN
    pidfile.write_text(f"{child.pid}\n")
    assert (await result("process", pidfile=str(pidfile))).state == OK
    assert (await result("process", program=Path(sys.executable).name)).state == OK
    assert (await result("process", program="no-such-program")).state == DOWN


async def test_disk(tmp_path: Path) -> None:
    found = await result("disk", path=str(tmp_path), warn=None, fail=None)
    assert (found.state, found.unit) == (OK, "%")
    usage = os.statvfs(tmp_path)
    free = usage.f_bavail * usage.f_frsize
    assert found.value == pytest.approx(
        100 * (usage.f_blocks - usage.f_bfree) / (usage.f_blocks - usage.f_bfree + usage.f_bavail), abs=2
    )
    assert (await result("disk", path=str(tmp_path), warn=0, fail=None)).state == DEGRADED
    assert (await result("disk", path=str(tmp_path), fail=0)).state == DOWN
    assert (await result("disk", path=str(tmp_path), fail_free=f"{free * 2 // 10**9 + 1}GB")).state == DOWN
    assert (await result("disk", "[FREE] > 1kB", path=str(tmp_path), warn=None, fail=None)).state == OK
    missing = await result("disk", path=str(tmp_path / "nothing"))
    assert (missing.state, missing.detail) == (UNKNOWN, f"{tmp_path / 'nothing'}: no such path")


async def test_a_hung_file_system_is_unknown_and_others_go_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = os.statvfs

    hung = []
    let_go = threading.Event()

    def hang(path: str) -> os.statvfs_result:
        if path == "/lost":
            hung.append(path)
            let_go.wait(60)
        return real("/")

    monkeypatch.setattr(os, "statvfs", hang)
    async with Tools() as tools:
        lost, fine = await asyncio.gather(
            measure(check("disk", path="/lost", timeout=0.2), tools),
            measure(check("disk", path=str(tmp_path), warn=None, fail=None), tools),
        )
        again = await measure(check("disk", path="/lost", timeout=0.2), tools)
        assert len(hung) == 1  # a second thread is not lost
        let_go.set()
    assert lost == again == Result(state=UNKNOWN, detail="could not measure within 0.2s")
    assert fine.state == OK


async def test_memory_cpu_and_load() -> None:
    memory = await result("memory", warn=None, fail=None)
    assert memory.state == OK
    assert 0 < (memory.value or 0) < 100
    assert (await result("memory", "[SWAP] >= 0", "[TOTAL] > [AVAILABLE]", warn=None, fail=None)).state == OK
    assert (await result("memory", warn=0, fail=None)).state == DEGRADED
    cpu = await result("cpu", warn=None)
    assert cpu.state == OK
    assert 0 <= (cpu.value or 0) <= 100
    assert (await result("cpu", warn=None, fail=0)).state == DOWN
    load = await result("load", "[CPUS] >= 1", warn=None)
    assert load.state == OK
    assert (await result("load", warn=None, fail=0)).state == DOWN


async def test_cpu_sees_work() -> None:
    """Two measurements around a busy stretch: the second knows of it."""
    busy = check("cpu", warn=None)
    async with Tools() as tools:
        await measure(busy, tools)
        with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as spin:
            await asyncio.sleep(0.5)
            found = await measure(busy, tools)
            spin.kill()
    assert (found.value or 0) > 20 / (os.cpu_count() or 1)


async def test_self() -> None:
    states = {}
    for name, vitals in {
        "well": Vitals(lateness_ms=3),
        "late": Vitals(lateness_ms=5000),
        "skips": Vitals(skipped=4),
        "full": Vitals(journal_error="no space left", unsaved=7),
    }.items():
        async with Tools(lambda vitals=vitals: vitals) as tools:  # type: ignore[misc]  # bound now
            states[name] = await measure(check("self"), tools)
    assert states["well"].state == OK
    assert states["late"].state == states["skips"].state == DEGRADED
    assert (states["full"].state, states["full"].detail) == (DOWN, "7 events wait: no space left")


async def test_a_fault_in_a_probe_is_unknown() -> None:
    class Broken:
        host = ""

        async def measure(self, tools: Tools) -> Any:
            raise ZeroDivisionError("oops\x1b[31m")

    from dataclasses import replace

    async with Tools() as tools:
        found = await measure(replace(check("load"), probe=Broken()), tools)
    assert found.state == UNKNOWN
    assert found.detail == "could not measure: ZeroDivisionError: oops<ESC>[31m"


async def test_with_no_configuration_this_host_is_watched() -> None:
    services = default_services()
    kinds = {one.kind for service in services for one in service.checks}
    assert kinds == {"cpu", "memory", "load", "disk", "self"}
    async with Tools() as tools:
        found = [await measure(one, tools) for one in compile_checks(services)]
    assert all(one.state in (OK, DEGRADED, DOWN) for one in found), found


def test_sizes() -> None:
    assert [bytes_text(n) for n in (0, 999, 1500, 20e9, 999.6e3)] == ["0 B", "999 B", "1.5 kB", "20 GB", "1.0 MB"]
    assert (parse_bytes("5GB"), parse_bytes("1KiB"), parse_bytes(12)) == (5e9, 1024, 12)
    for wrong in ("5s", "much", "-1GB", "90%"):
        with pytest.raises(ValueError, match="expected a size"):
            parse_bytes(wrong)
