"""The watch under load: HTTP checks of a loopback server from a real ``vigie watch``; lateness, CPU, cost of reading."""

from __future__ import annotations

import asyncio
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import psutil

from console.clock import SystemClock
from console.config import Paths
from console.watch.status_reader import StatusReader
from tests.bench.figures import Figure

INTERVAL_S = 10
MEASURED_S = 25.0
SIZES = (200, 1000)
HOSTS = [f"127.0.0.{n}" for n in range(1, 21)]  # all of them loopback, on Linux
SILENT = [f"127.1.{n // 250}.{1 + n % 250}" for n in range(300)]  # these take a request and never answer
_ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\nConnection: close\r\n\r\n{"status":"UP"}'


def _serve(ports: multiprocessing.Queue[int]) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(_ANSWER)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        writer.close()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()  # until the other side gives up
        except ConnectionError:
            pass
        writer.close()

    async def main() -> None:
        first = await asyncio.start_server(answer, HOSTS[0], 0, backlog=1000)
        port = first.sockets[0].getsockname()[1]
        others = await asyncio.start_server(answer, HOSTS[1:], port, backlog=1000)
        silent = await asyncio.start_server(hang, SILENT, port, backlog=1000)
        ports.put(port)
        await asyncio.gather(*(one.serve_forever() for one in (first, others, silent)))

    asyncio.run(main())


def _configuration(folder: Path, port: int, count: int, silent: Sequence[str] = ()) -> Path:
    lines = ["services:"]
    for service in range(count // 10):
        lines += [f"  - name: s{service}", "    checks:"]
        for check in range(10):
            url = f"http://{HOSTS[(10 * service + check) % len(HOSTS)]}:{port}/"
            lines.append(
                f"      - {{kind: http, name: c{check}, url: '{url}', interval: {INTERVAL_S}s, "
                "conditions: ['[STATUS] == 200', '[BODY].status == UP']}"
            )
    if silent:
        lines += ["  - name: silent", "    checks:"]
    for number, host in enumerate(silent):
        lines.append(f"      - {{kind: http, name: h{number}, url: 'http://{host}:{port}/', interval: {INTERVAL_S}s}}")
    path = folder / "vigie.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


def _measure(port: int, count: int, silent: Sequence[str] = ()) -> Iterable[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = Paths(folder / "vigie.db")
        config = _configuration(folder, port, count, silent)
        run = "from console.cli import run; run()"
        command = [sys.executable, "-P", "-c", run, "--db", str(paths.database), "--config", str(config), "watch"]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as watch:
            try:
                yield from _beside(paths, count, len(silent)) if silent else _figures(watch.pid, paths, count)
            finally:
                watch.terminate()


def _figures(pid: int, paths: Paths, count: int) -> Iterable[Figure]:
    reader = StatusReader(paths.status_db, SystemClock())
    deadline = time.monotonic() + 30
    while (found := reader.poll()) is None or found.overall != "OK":
        if time.monotonic() > deadline:
            raise RuntimeError(f"not every check was OK within 30 s: {found.counts() if found else None}")
        time.sleep(0.1)
    # What stands now ran while the watch was still importing what it needs: the start, told apart from the rest.
    first = {(check.key, check.last_at): check.lateness_ms or 0.0 for check in found.checks}
    process = psutil.Process(pid)
    before, began = process.cpu_times(), time.monotonic()
    late: dict[tuple[str, object], float] = {}
    reads: list[float] = []
    while time.monotonic() - began < MEASURED_S:
        started = time.perf_counter()
        found = reader.poll()
        reads.append(time.perf_counter() - started)
        assert found is not None
        for check in found.checks:
            late[check.key, check.last_at] = check.lateness_ms or 0.0
        time.sleep(1)
    elapsed, after = time.monotonic() - began, process.cpu_times()
    reader.close()
    cpu = 100 * (after.user + after.system - before.user - before.system) / elapsed
    lateness = sorted(late_ms for run, late_ms in late.items() if run not in first)
    title = f"{count} http checks every {INTERVAL_S} s"
    yield Figure(f"{title}: lateness p50", lateness[len(lateness) // 2], "ms")
    yield Figure(f"{title}: lateness p99", lateness[int(0.99 * len(lateness))], "ms")
    at_start = sorted(first.values())
    yield Figure(f"{title}: lateness p99 of the first runs", at_start[int(0.99 * len(at_start))], "ms")
    yield Figure(f"{title}: cpu of the watch", cpu, "% of a core", cpu / 35, "the aim of 35 %")
    yield Figure(f"{title}: memory of the watch", process.memory_info().rss / 1e6, "MB")
    reads.sort()
    yield Figure(f"{title}: a console's read of a new snapshot, p50", 1000 * reads[len(reads) // 2], "ms")
    started = time.perf_counter()
    for _ in range(100):
        reader.poll()
    yield Figure(f"{title}: a read when nothing is new", 10 * (time.perf_counter() - started), "ms")
    reader.close()


def _beside(paths: Paths, count: int, hanging: int) -> Iterable[Figure]:
    """How late checks are that are well, beside others whose servers take the request and never answer."""
    reader = StatusReader(paths.status_db, SystemClock())
    late: dict[tuple[str, object], float] = {}
    begin = time.monotonic()
    while (elapsed := time.monotonic() - begin) < 10 + MEASURED_S:
        found = reader.poll()
        for check in found.checks if found is not None and elapsed > 10 else ():
            if check.service != "silent":
                late[check.key, check.last_at] = check.lateness_ms or 0.0
        time.sleep(1)
    reader.close()
    lateness = sorted(late.values())
    title = f"{count} http checks beside {hanging} that hang"
    yield Figure(f"{title}: lateness p50", lateness[len(lateness) // 2], "ms")
    yield Figure(f"{title}: lateness p99", lateness[int(0.99 * len(lateness))], "ms")


def bench() -> Iterable[Figure]:
    """Lateness, CPU and reading for each of :data:`SIZES`."""
    ports: multiprocessing.Queue[int] = multiprocessing.Queue()
    server = multiprocessing.Process(target=_serve, args=(ports,), daemon=True)
    server.start()
    try:
        port = ports.get(timeout=10)
        for count in SIZES:
            yield from _measure(port, count)
        yield from _measure(port, SIZES[0], SILENT)
    finally:
        server.terminate()
        server.join()
