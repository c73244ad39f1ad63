"""A console that nobody touches: bytes a second and processor time, while nothing changes and while ten rows a second do."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tests.bench._keys import CLOCKS
from tests.bench._peers import peers
from tests.bench._replay import Replay, changes
from tests.bench._scene import SIZES, Scene, cpu_of, named, scene
from tests.bench._tty import Meter
from tests.bench.figures import Figure

_SECONDS: Final = float(os.environ.get("VIGIE_BENCH_IDLE", "20"))


def bench() -> Iterator[Figure]:
    for size in SIZES:
        htop = _htop(size)
        words = f"htop, {htop[0]:,.0f} bytes/s" if htop else ""
        for title, plan, down in (("nothing changes", "same", 0), ("10 of 200 rows change a second", "count", 200)):
            with scene(200, down=down, interval=20.0) as here:
                rate, busy, watch, row = _stand(here, size, plan, rf"{'DOWN' if down else 'OK'} 200\b")
            where = f"{title}, {named(size)}"
            yield Figure(f"bytes a second, {where}", rate, "bytes/s", rate / htop[0] if htop else None, words)
            theirs = f"htop, {htop[1]:.2f} %" if htop else ""
            yield Figure(f"processor, {where}", busy, "%", busy / htop[1] if htop else None, theirs)
            yield Figure(f"processor of the watch, {where}", watch, "%")
            if row is not None:
                yield Figure(f"bytes a changed row, {where}", row, "bytes", row / size[0], "bytes a cell of the row")


def _stand(here: Scene, size: tuple[int, int], plan: str, live: str) -> tuple[float, float, float, float | None]:
    """Bytes a second, percent of a processor of console and watch, bytes a changed row of the list (None: none changed)."""
    with here.watch(plan, 200) as watch, here.console(size) as meter:
        meter.until(live)
        meter.run(4)
        start, cpu, leads = meter.now(), meter.cpu(), cpu_of(watch.pid)
        meter.run(_SECONDS)
        took = meter.now() - start
        busy, leading = (meter.cpu() - cpu) / took * 100, (cpu_of(watch.pid) - leads) / took * 100
    size_of_rows = rows = total = 0
    for _, size_, lines in changes(Replay(size, [*CLOCKS, (0, 0, 0, 3)]), meter.chunks, start):
        total += size_
        if lines:
            rows += lines
            size_of_rows += size_
    return total / took, busy, leading, size_of_rows / rows if rows else None


def _htop(size: tuple[int, int]) -> tuple[float, float] | None:
    """Bytes a second and percent of htop, as it comes."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        known = peers(Path(folder), size)
        if "htop" not in known:
            return None
        meter: Meter = stack.enter_context(known["htop"][0]())
        meter.until(known["htop"][1])
        meter.run(2)
        start, cpu = meter.now(), meter.cpu()
        meter.run(_SECONDS)
        took = meter.now() - start
        total = sum(len(data) for at, data in meter.chunks if at >= start)
        return total / took, (meter.cpu() - cpu) / took * 100
