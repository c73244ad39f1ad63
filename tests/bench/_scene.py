"""A host with Vigie on it for one benchmark: a folder, a configuration, a journal, a watch that leads, consoles."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from console.clock import SystemClock
from console.config import Paths
from console.journal.events import Declared, New, Noted, Origin
from console.journal.store import Journal
from console.watch.status_reader import StatusReader
from tests.bench._link import NONE, Link
from tests.bench._tty import Meter
from tests.bench._watch import configuration

VIGIE: Final = Path(sys.executable).with_name("vigie")
SIZES: Final = ((80, 24), (120, 40))
EVENTS: Final = int(os.environ.get("VIGIE_BENCH_EVENTS", "1000000"))
RUNS: Final = int(os.environ.get("VIGIE_BENCH_RUNS", "9"))
_BATCH: Final = 20_000


def named(size: tuple[int, int]) -> str:
    """``80×24``."""
    return f"{size[0]}×{size[1]}"


class Scene:
    """Everything under one folder."""

    def __init__(self, folder: Path, config: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "vigie.yaml"
        self.config.write_text(config, encoding="utf-8")
        self.paths = Paths(folder / "vigie.db")
        self.env: Mapping[str, str] = {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder), "TZ": "UTC"}

    def console(self, size: tuple[int, int], *more: str, link: Link = NONE) -> Meter:
        """A console on a terminal."""
        argv: list[str | os.PathLike[str]] = [
            VIGIE,
            "--config",
            self.config,
            "--db",
            self.paths.database,
            "--actor",
            "ann",
            *more,
        ]
        return Meter(argv, size=size, env=self.env, cwd=self.folder, link=link)

    def journal(self) -> Journal:
        """The journal, made if need be."""
        return Journal.open(self.paths.database, actor="ann", origin=Origin(program="cli", host="bench"))

    def incident(self, events: int) -> str:
        """An incident with so many events, mostly notes; its stream."""
        with self.journal() as journal:
            stream = journal.declare([New(body=Declared(title="checkout is slow", severity="SEV2"))])[0]
            for start in range(1, events, _BATCH):
                numbers = range(start, min(start + _BATCH, events))
                journal.append(stream, [New(body=_body(number)) for number in numbers])
        return stream

    @contextmanager
    def watch(self, plan: str, results: int, *, alerts: int = 0) -> Iterator[subprocess.Popen[bytes]]:
        """A watch that leads (see ``_watch.py``), once *results* checks have their first result, and *alerts* have come."""
        command = [sys.executable, "-m", "tests.bench._watch", "--plan", plan]
        command += ["--db", str(self.paths.database), "--config", str(self.config)]
        command += ["--alerts", str(alerts)]
        with (self.folder / "bench-watch.log").open("ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self._wait_for(results, alerts, process)
            yield process
        finally:
            process.terminate()
            process.wait(10)

    def _wait_for(self, results: int, alerts: int, process: subprocess.Popen[bytes]) -> None:
        reader = StatusReader(self.paths.status_db, SystemClock())
        deadline = time.monotonic() + 60
        try:
            while True:
                snapshot = reader.poll()
                known = sum(check.last_at is not None for check in snapshot.checks) if snapshot is not None else 0
                if known >= results and (snapshot.foreign if snapshot is not None else 0) >= alerts:
                    return
                assert process.poll() is None and time.monotonic() < deadline, f"the watch has {known} results"
                time.sleep(0.05)
        finally:
            reader.close()


def _body(number: int) -> Noted:
    if number % 500 == 0:
        return Noted(text=f"queue {number} is behind since the deploy", note="finding", tags=("queue",))
    return Noted(text=f"line {number}: restarted the feeder, lag is {number % 97} s")


@contextmanager
def scene(checks: int = 200, *, down: int = 0, interval: float = 20.0) -> Iterator[Scene]:
    """A scene in a temporary folder (``VIGIE_BENCH_DIR`` names another place for it)."""
    with tempfile.TemporaryDirectory(prefix="vigie-bench-", dir=os.environ.get("VIGIE_BENCH_DIR")) as folder:
        yield Scene(Path(folder), configuration(checks, down=down, interval=interval))


def cpu_of(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except OSError:
            continue
    return total / 1e9
