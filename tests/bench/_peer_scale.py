"""Ours with much to show: timelines of different lengths, and five thousand checks beside fifty thousand alerts."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from console.journal.errors import JournalError
from tests.bench._eyes import Eyes
from tests.bench._keys import CLOCKS, Pressed, paced, press_each
from tests.bench._peer_start import memory
from tests.bench._programs import SIZE, VIGIE
from tests.bench._replay import Replay
from tests.bench._results import Results
from tests.bench._scene import EVENTS, Scene, scene
from tests.bench._tty import Meter
from tests.bench._watch import configuration
from tests.tools.servers import REPO

LENGTHS: Final = (1_000, 50_000, EVENTS)
_KEPT: Final = REPO / ".cache" / "bench"
_KEYS: Final = ("k", "k", "k", "j", "pgup", "pgdn")
_OPEN_S: Final = 60.0
_CHECKS: Final = 5_000
_ALERTS: Final = 50_000


def timelines(results: Results) -> None:
    """Key → timeline, key → frame in it, memory with the longest one open."""
    for events in LENGTHS:
        with long_scene(events) as here, here.watch("same", 20), here.console(SIZE) as meter:
            meter.until(r"OK 20\b", 30)
            meter.until(r"INC-1", _OPEN_S)
            meter.quiet(0.5, 3.0)
            opened: list[float] = []
            for _ in range(5):
                eyes = Eyes(meter)
                eyes.text()  # what has come so far is fed before the key: a model at work reads late
                at = meter.press("4")
                eyes.until(rf"line {events - 1}:", _OPEN_S)
                meter.quiet(0.2, 2.0)
                opened.append(_opened(meter, events, at))
                if len(opened) == 1:
                    results.put(f"timeline of {events:,} first opened, ms", VIGIE, opened[0])
                meter.press("1")
                meter.quiet(0.2, 2.0)
            results.put(f"timeline of {events:,} opened, ms", VIGIE, statistics.median(opened))
            meter.press("4")
            meter.quiet(0.3, 2.0)
            chance = random.Random(7)
            pressed = press_each(meter, [chance.choice(_KEYS) for _ in range(40)], ignored=CLOCKS)
            results.put(f"key in a timeline of {events:,}, p50 ms", VIGIE, pressed.p50)
            results.put(f"key in a timeline of {events:,}, p95 ms", VIGIE, pressed.p95)
            results.put(f"memory with {events:,} events open, MiB", VIGIE, memory(meter.process.pid))


def _opened(meter: Meter, events: int, pressed: float) -> float:
    """Milliseconds from the key until the newest line of the record stood there, read off the recording."""
    replay = Replay(meter.size)
    for at, data in meter.chunks:
        replay.feed(data)
        if at >= pressed and f"line {events - 1}:" in replay.text():
            return (at - pressed) * 1000
    return float("inf")


@contextmanager
def long_scene(events: int) -> Iterator[Scene]:
    """A scene with one incident of so many events. A long one is written once and kept in .cache/bench."""
    if events < 10_000:
        with scene(20) as here:
            here.incident(events)
            yield here
        return
    migrations = sorted((REPO / "console/journal/migrations").glob("*.sql"))
    known = hashlib.sha256(b"".join(path.read_bytes() for path in migrations)).hexdigest()[:12]
    kept = _KEPT / f"incident-{events}-{known}.db"
    if not kept.exists():
        _KEPT.mkdir(parents=True, exist_ok=True)
        print(f"    writing {events:,} events, once", flush=True)
        with tempfile.TemporaryDirectory(dir=_KEPT) as folder:
            fresh = Scene(Path(folder), configuration(20, down=0, interval=20.0))
            fresh.incident(events)
            with fresh.journal() as journal:
                journal.copy_into(kept)
    with tempfile.TemporaryDirectory(prefix="vigie-bench-", dir=os.environ.get("VIGIE_BENCH_DIR")) as folder:
        here = Scene(Path(folder), configuration(20, down=0, interval=20.0))
        shutil.copyfile(kept, here.paths.database)
        try:
            here.journal().close()
        except JournalError:
            kept.unlink()
            raise
        yield here


def many(results: Results) -> None:
    """Keys over five thousand checks and fifty thousand alerts that change while one looks."""
    with scene(_CHECKS, down=_CHECKS // 10, interval=30.0) as here:
        here.incident(2)
        began = time.monotonic()
        with here.watch("count", _CHECKS, alerts=_ALERTS), here.console(SIZE) as meter:
            print(f"    the watch has them after {time.monotonic() - began:.0f} s", flush=True)
            meter.until(r"INC-1", 60)
            meter.until(rf"DOWN {_CHECKS // 10}\b", 60)
            pressed, each, busy = _pressed(meter)
            what = "key among 5,000 checks and 50,000 alerts"
            results.put(f"{what}, p50 ms", VIGIE, pressed.p50)
            results.put(f"{what}, p95 ms", VIGIE, pressed.p95)
            results.put(f"{what}, processor of each, ms", VIGIE, each)
            results.put("processor with them while nobody types, %", VIGIE, busy)
            results.put("memory with them, MiB", VIGIE, memory(meter.process.pid))
    # The same keys where there is little, in the same run: what is the machine's share.
    with scene(50, down=50, interval=30.0) as here:
        here.incident(2)
        with here.watch("same", 50), here.console(SIZE) as meter:
            meter.until(r"DOWN 50\b", 60)
            pressed, each, _ = _pressed(meter)
            results.put("key among 50 checks, p50 ms", VIGIE, pressed.p50)
            results.put("key among 50 checks, p95 ms", VIGIE, pressed.p95)
            results.put("key among 50 checks, processor of each, ms", VIGIE, each)


def _pressed(meter: Meter) -> tuple[Pressed, float, float]:
    """Keys, what each took of a processor in milliseconds, and percent of one that is taken without keys."""
    meter.until(r"INC-1", 60)
    meter.quiet(0.5, 5.0)
    meter.run(2.0)
    start, cpu = meter.now(), meter.cpu()
    meter.run(8.0)
    rate = (meter.cpu() - cpu) / (meter.now() - start)
    chance = random.Random(7)
    keys = [chance.choice(("j", "j", "j", "k", "pgdn", "pgup")) for _ in range(120)]
    start, cpu = meter.now(), meter.cpu()
    # What results change does not count: the header, the columns of details. The cursor and the names are the answer.
    pressed = press_each(meter, keys, ignored=[(0, 0, 0, 3), (40, 3, 0, 0)], wait=paced(meter, 3))
    each = (meter.cpu() - cpu - rate * (meter.now() - start)) / len(keys) * 1000
    return pressed, each, rate * 100
