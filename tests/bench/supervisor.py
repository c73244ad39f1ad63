"""From "start it" to the command's first act, against starting ``sh -c true``; and to its end in the journal."""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from console.config import Paths
from console.journal.events import Declared, New, Origin
from console.journal.store import Journal
from console.runbook.launch import CommandRequest, start_command
from tests.bench.figures import Figure

ROUNDS = 25


def bench() -> Iterator[Figure]:
    plain, begun, returned, recorded = [], [], [], []
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(database=Path(folder) / "vigie.db")
        with Journal.open(paths.database, actor="bench", origin=Origin(program="cli")) as journal:
            stream, _, _ = journal.declare([New(body=Declared(title="bench"))])
            for _ in range(ROUNDS):
                started = time.perf_counter()
                subprocess.run(["sh", "-c", "true"], check=True)
                plain.append(time.perf_counter() - started)

                started, clock = time.perf_counter(), time.time_ns()
                request = CommandRequest(text="date", script="date +%s%N", stream=stream, cwd=Path("/"))
                handle = start_command(journal, paths, request)
                returned.append(time.perf_counter() - started)
                while not handle.is_recorded:
                    time.sleep(0.001)
                recorded.append(time.perf_counter() - started)
                begun.append((int(handle.output.read_bytes()) - clock) / 1e9)
    peer = statistics.median(plain)
    for name, values in (
        ("key to the command's first act", begun),
        ("key to control back", returned),
        ("key to its end in the journal", recorded),
    ):
        middle = statistics.median(values)
        yield Figure(name, middle * 1000, "ms", middle / peer, f"sh -c true, {peer * 1000:.2f} ms")
