"""Programs that nobody touches, while ten of the two hundred things they show change each second."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.bench._link import NONE
from tests.bench._programs import SIZE, VIGIE, Program, htop_over
from tests.bench._replay import Replay, changes
from tests.bench._results import Results
from tests.bench._scene import Scene
from tests.bench._tty import Meter

_SETTLE_S = 4.0


@contextmanager
def crowd() -> Iterator[str]:
    """The numbers of two hundred processes of which ten work each second (``_crowd.py``)."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench._crowd"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(10)


def measure(results: Results, here: Scene, every: Sequence[Program], seconds: float, folder: Path) -> None:
    """Ours over a watch with ten results a second (*here* has one), the others over the crowd, or as they come."""
    with here.console(SIZE) as meter:
        meter.until(r"DOWN 200\b", 30)
        _stand(results, VIGIE, meter, seconds)
    with crowd() as pids:
        over = htop_over(folder, pids)
        if over is not None:
            with over.start(NONE) as meter:
                meter.until(over.live, 15)
                _stand(results, "htop", meter, seconds)
        for one in every:
            if one.name not in ("htop", "btop", "glances", "naive Textual"):
                continue
            with one.start(NONE) as meter:
                try:
                    meter.until(one.live, 15)
                except AssertionError:
                    results.put("idle B/s", one.name, None)
                    continue
                if one.name == "htop":
                    rate, _ = _rates(meter, seconds)
                    results.put("idle default B/s", one.name, rate)
                else:
                    _stand(results, one.name, meter, seconds)


def unchanged(results: Results, here: Scene, seconds: float) -> None:
    """Ours where nothing changes but the clock: what the clock costs, and what is sent without changing a cell."""
    with here.console(SIZE) as meter:
        meter.until(r"DOWN 200\b", 30)
        meter.run(_SETTLE_S)
        start = meter.now()
        meter.run(seconds)
        took = meter.now() - start
        per_second: list[int] = []
        wasted = 0
        for _, size, lines in changes(Replay(SIZE), meter.chunks, start):
            per_second.append(size)
            wasted += 0 if lines else size
    results.put("clock B", VIGIE, sum(per_second) / took)
    results.put("unchanged B/s", VIGIE, wasted / took)


def _stand(results: Results, name: str, meter: Meter, seconds: float) -> None:
    rate, busy = _rates(meter, seconds)
    results.put("idle B/s", name, rate)
    results.put("idle cpu", name, busy)


def _rates(meter: Meter, seconds: float) -> tuple[float, float]:
    """Bytes a second, percent of a processor."""
    meter.run(_SETTLE_S)
    start, cpu, before = meter.now(), meter.cpu(), meter.total
    meter.run(seconds)
    took = meter.now() - start
    return (meter.total - before) / took, (meter.cpu() - cpu) / took * 100
