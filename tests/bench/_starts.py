"""Starts of programs, looked at on a screen: when the first character stood there, when the live screen did.

While a program starts nothing is done but to read, stamp and count its processor time; the screen is made afterwards.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from tests.bench._replay import Replay
from tests.bench._tty import Meter
from tests.tools import servers

KEPT: Final = re.compile(r"\bkept\b.*\bold\b")  # a console's last screen, shown before the live one
_QUIET_S: Final = 0.3
_PATIENCE_S: Final = 20.0
_REPO: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Run:
    """One start. Times in milliseconds since just before the fork."""

    first: float  # a character stands on the screen
    live: float  # what was waited for does, and nothing kept any more
    cpu: float  # user and system time of the program and its children until then
    first_bytes: int
    settled_bytes: int
    is_kept: bool  # the first screen was a kept one


class _Stamps:
    """Reads on while bytes come, and notes how much processor time had been used when they came."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.cpu: list[float] = []  # one for each chunk
        self._used: dict[int, float] = {}

    def until_quiet(self) -> None:
        """Until nothing has come for a while."""
        begin = self.meter.now()

        def enough() -> bool:
            chunks = self.meter.chunks
            if len(self.cpu) < len(chunks):
                self.cpu += [self._now()] * (len(chunks) - len(self.cpu))
            return self.meter.now() - max(begin, chunks[-1][0] if chunks else 0.0) >= _QUIET_S

        self.meter.pump(enough, _PATIENCE_S)

    def _now(self) -> float:
        """Seconds used so far, also by children that are gone (as far as they were seen)."""
        pids = [self.meter.process.pid]
        while pids:
            pid = pids.pop()
            try:
                tasks = list(Path(f"/proc/{pid}/task").iterdir())
                self._used[pid] = sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
                pids += [int(child) for task in tasks for child in (task / "children").read_text().split()]
            except OSError:
                continue
        return sum(self._used.values())


def once(start: Callable[[], Meter], live: str, *, then: str = "") -> tuple[Run, float]:
    """Start, read until the pattern *live* stands on the screen and no kept screen does, and until *then* does; end it.

    Returns the run and when *then* stood there (0 without one), in milliseconds.
    """
    with start() as meter:
        stamps, replay, fed = _Stamps(meter), Replay(meter.size), 0
        wanted, later = re.compile(live), re.compile(then)
        first: tuple[float, int, bool] | None = None
        shown: tuple[float, float] | None = None
        after = 0.0
        while shown is None or not after:
            assert meter.now() < (300 if then else _PATIENCE_S), f"not seen: /{live}/ and /{then}/\n{replay.text()}"
            stamps.until_quiet()
            for number in range(fed, len(meter.chunks)):
                at, data = meter.chunks[number]
                replay.feed(data)
                text = replay.text()
                is_kept = bool(KEPT.search(text))
                if first is None and text.strip():
                    first = at * 1000, sum(len(data) for _, data in meter.chunks[: number + 1]), is_kept
                if shown is None and wanted.search(text) and not is_kept:
                    shown = at * 1000, stamps.cpu[number] * 1000
                if shown is not None and not after and later.search(text):
                    after = at * 1000
            fed = len(meter.chunks)
        assert first is not None
        return Run(first[0], shown[0], shown[1], first[1], meter.total, first[2]), after


def chill() -> None:
    """Ask the kernel to forget what it has read of our files, of Python's and of the peers': the next start is cold.

    What another process has mapped stays – of a Python program, the interpreter itself –, and so do names and folders: a
    file that nobody has open is read from the disk again.
    """
    os.sync()
    for path in _files():
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)


@cache
def _files() -> tuple[Path, ...]:
    library = Path(os.__file__).parent
    roots = [library, Path(sys.prefix), *(_REPO / name for name in ("bin", "console", "screens", "themes", "runbooks"))]
    roots += [
        servers.ROOT / "usr",
        _REPO / ".cache" / "peers" / "glances",
        Path("/usr/share/vim"),
        Path("/lib/terminfo"),
    ]
    found = [Path(folder) / name for root in roots for folder, _, names in os.walk(root) for name in names]
    found += (path for path in Path(f"/usr/lib/{platform.machine()}-linux-gnu").glob("*.so*") if path.is_file())
    programs = map(servers.find, ("sh", "stat", "vim", "htop", "less", "lnav"))
    found += [Path(sys.executable), *(program for program in programs if program is not None)]
    return tuple(dict.fromkeys(path if path.is_relative_to(_REPO) else path.resolve() for path in found))
