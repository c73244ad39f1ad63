"""Keys under load: a command that streams more than 16 MB, an incident of 100,000 events, 500 checks. Key → settled screen.

The bar is a p95 under 50 ms in each. The peer is the same kind of key on the same screen with nothing else going on.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from console.journal.store import Journal
from console.runbook import actions as runs
from console.runbook.handle import CommandHandle, cancel
from console.runbook.launch import CommandRequest, start_command
from console.runbook.library import read_runbook_file
from console.runbook.tail import OutputReader
from tests.bench._keys import CLOCKS, Pressed, paced, press_each
from tests.bench._scene import Scene, scene
from tests.bench._tty import Meter
from tests.bench.figures import Figure

_SIZE: Final = (120, 40)
_PRESSES: Final = int(os.environ.get("VIGIE_BENCH_KEYS", "150"))
_EVENTS: Final = min(100_000, int(os.environ.get("VIGIE_BENCH_EVENTS", "100000")))
_STREAMED: Final = 16_000_000

_STEP_ENDS: Final = 10  # the line of the screen under the command of the step below
_RUNBOOK: Final = """\
# Feed is behind

## Look at the backlog

Follow the feeder until it has caught up.

```sh
feeder log --follow
```

## Restart the feeder

One at a time.

```sh
feeder restart
```

## Tell the harbour

They plan by these readings.
"""
# About 2 MB a second until it is ended, written as a busy log is: in bursts.
_FLOOD: Final = "while :; do seq -f 'reading %.0f of buoy 17 stored, queue is behind' 1 2000; sleep 0.04; done"


def bench() -> Iterator[Figure]:
    yield from streaming()
    yield from long_incident()
    yield from many_checks()


def figures(what: str, calm: Pressed, loaded: Pressed) -> Iterator[Figure]:
    """p50 and p95 under load, against the same without."""
    for name, ours, peer in (("p50", loaded.p50, calm.p50), ("p95", loaded.p95, calm.p95)):
        words = f"without the load, {peer:.1f} ms"
        yield Figure(f"{what}: key to settled screen {name}", ours, "ms", ours / peer, words)
    longest = max(loaded.settled)
    yield Figure(f"{what}: the slowest of {len(loaded.settled)} keys", longest, "ms", longest / loaded.p50, "its p50")


def shuffled(keys: Sequence[str], presses: int = _PRESSES) -> list[str]:
    """So many of *keys* in an order that is the same every time."""
    chance = random.Random(7)
    return [chance.choice(keys) for _ in range(presses)]


# ── a command's output ────────────────────────────────────────────────────────────────────────────────────────────


def streaming() -> Iterator[Figure]:
    """The cursor between the steps of a run, onto and off the step whose command floods its pane."""
    keys = ["j", "k"] * (_PRESSES // 2)
    # The pane that streams: right of the list, from under the step's command down to the two lines at the bottom.
    pane = (_SIZE[0] * 36 // 100 - 2, _STEP_ENDS, 0, -2)
    with scene(20) as here, here.watch("same", 20):
        stream = here.incident(50)
        with here.journal() as journal:
            run, step = _run(here, journal, stream)
            with here.console(_SIZE) as meter:
                _open(meter)
                calm = press_each(meter, keys, ignored=[*CLOCKS, pane], wait=paced(meter, 1))
            with _flood(here, journal, stream, run, step) as handle, here.console(_SIZE) as meter:
                _open(meter)
                meter.until(r"of buoy 17 stored")
                meter.run(1.0)
                before, cpu, at = handle_size(handle), meter.cpu(), meter.now()
                loaded = press_each(meter, keys, ignored=[*CLOCKS, pane], wait=paced(meter, 2))
                busy = (meter.cpu() - cpu) / (meter.now() - at) * 100
                rate = (handle_size(handle) - before) / (meter.now() - at)
                while handle_size(handle) < _STREAMED:
                    meter.run(0.2)
                total = handle_size(handle)
    yield from figures(f"a command's {total / 1e6:.0f} MB stream", calm, loaded)
    yield Figure("  streamed meanwhile", rate / 1e6, "MB/s")
    yield Figure("  processor of the console meanwhile", busy, "%")


def _open(meter: Meter) -> None:
    meter.until(r"OK 20\b")
    meter.until(r"INC-1")
    meter.press("3")
    meter.until(r"Restart the feeder")
    meter.quiet(0.3, 2)


def _run(here: Scene, journal: Journal, stream: str) -> tuple[str, str]:
    """Follow the runbook in the incident; the ids of the run and its first step."""
    path = here.folder / "feed.md"
    path.write_text(_RUNBOOK, encoding="utf-8")
    runbook = read_runbook_file(path).runbooks[0]
    news = runs.start_run(runbook, {})
    runs.append(journal, stream, news)
    first = next(step for phase in runbook.phases for step in phase.steps)
    return str(getattr(news[0].body, "run", "")), first.id


@contextmanager
def _flood(here: Scene, journal: Journal, stream: str, run: str, step: str) -> Iterator[CommandHandle]:
    request = CommandRequest(
        text="feeder log --follow", script=_FLOOD, stream=stream, run=run, step=step, cwd=Path("/"), grace_s=1.0
    )
    handle = start_command(journal, here.paths, request)
    try:
        yield handle
    finally:
        cancel(handle, "bench")
        deadline = time.monotonic() + 20
        while not handle.is_recorded and time.monotonic() < deadline:
            time.sleep(0.02)


def handle_size(handle: CommandHandle) -> int:
    """Bytes that the command has written by now."""
    reader = OutputReader(handle)
    reader.refresh()
    return reader.size


# ── a long incident ───────────────────────────────────────────────────────────────────────────────────────────────


def long_incident() -> Iterator[Figure]:
    """Up, down and through the timeline, against one of 400 events."""
    keys = shuffled(["k", "k", "k", "j", "j", "pgup", "pgup", "pgdn", "home", "end"])
    found: dict[int, Pressed] = {}
    opened: dict[int, float] = {}
    for events in (400, _EVENTS):
        with scene(20) as here, here.watch("same", 20):
            here.incident(events)
            with here.console(_SIZE) as meter:
                meter.until(r"OK 20\b")
                meter.until(r"INC-1", 120)
                opened[events] = meter.now() * 1000
                at = meter.press("4")
                meter.until(rf"line {events - 1}:", since=len(meter.chunks))
                shown = (meter.chunks[-1][0] - at) * 1000
                meter.quiet(0.3, 3)
                found[events] = press_each(meter, keys, ignored=CLOCKS)
        opened[-events] = shown
    yield from figures(f"{_EVENTS:,} events in the timeline", found[400], found[_EVENTS])
    yield Figure(
        f"  the incident of {_EVENTS:,} events known, from the start",
        opened[_EVENTS],
        "ms",
        opened[_EVENTS] / opened[400],
        f"with 400 events, {opened[400]:,.0f} ms",
    )
    yield Figure("  its timeline opened", opened[-_EVENTS], "ms", opened[-_EVENTS] / opened[-400], "with 400 events")


# ── many checks ───────────────────────────────────────────────────────────────────────────────────────────────────


def many_checks() -> Iterator[Figure]:
    """The cursor through 500 failing checks of which 50 change a second, against 500 that do not."""
    keys = shuffled(["j", "j", "j", "k", "k", "pgdn", "pgup"])
    # The columns that the results change don't count: the key's answer is the cursor, the names, the place in the header.
    ignored = [*CLOCKS, (0, 0, 0, 2), (24, 3, 0, 0)]
    found: dict[str, Pressed] = {}
    for plan in ("same", "count"):
        with scene(500, down=500, interval=10.0) as here, here.watch(plan, 500), here.console(_SIZE) as meter:
            meter.until(r"DOWN 500\b")
            meter.run(2.0)
            found[plan] = press_each(meter, keys, ignored=ignored, wait=paced(meter, 3))
    yield from figures("500 checks, 50 results a second", found["same"], found["count"])
