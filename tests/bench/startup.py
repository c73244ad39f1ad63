"""From the shell to the first visible character, and to the first data: against a minimal Textual app, htop and less."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from tests.bench._peers import MINIMAL, peers
from tests.bench._replay import first_glyph
from tests.bench._scene import EVENTS, RUNS, SIZES, Scene, named, scene
from tests.bench._tty import Meter
from tests.bench.figures import Figure

_QUIET: Final = 0.4
_CHECKS: Final = 200
_DOWN: Final = 12
_LIVE: Final = rf"DOWN {_DOWN}\b"


@dataclass(frozen=True)
class Run:
    """One start. Times in milliseconds since just before the fork."""

    paint: float
    live: float
    cpu: float  # up to the live paint
    paint_bytes: int
    settled_bytes: int


def once(start: Callable[[], Meter], live: str) -> Run:
    """Start, wait for the pattern *live* (and for silence), end."""
    with start() as meter:
        at = meter.until(live)
        cpu = meter.cpu()
        meter.quiet(_QUIET, 5)
        paint, size = first_glyph(meter.size, meter.chunks)
        total = sum(len(data) for _, data in meter.chunks)
    return Run(paint * 1000, at * 1000, cpu * 1000, size, total)


def middle(runs: list[Run], of: Callable[[Run], float]) -> float:
    return statistics.median(map(of, runs))


def pairwise(ours: list[Run], theirs: list[Run], of: Callable[[Run], float], peer: Callable[[Run], float]) -> float:
    """The median of the ratios of runs that followed one another: what slows both slows neither."""
    return statistics.median(of(a) / peer(b) for a, b in zip(ours, theirs, strict=True))


def bench() -> Iterator[Figure]:
    """Warm starts, ours and the peers' in turn, medians of ``VIGIE_BENCH_RUNS`` (9)."""
    with scene(_CHECKS, down=_DOWN) as here:
        here.incident(200)
        with here.watch("same", _CHECKS):
            for size in SIZES:
                yield from at_size(here, size)
    yield from first_ever()
    yield from by_journal()


def at_size(here: Scene, size: tuple[int, int]) -> Iterator[Figure]:
    where = named(size)
    with tempfile.TemporaryDirectory() as folder:
        others = peers(Path(folder), size)
        ours: list[Run] = []
        theirs: dict[str, list[Run]] = {name: [] for name in others}
        for turn in range(RUNS + 1):
            runs = {name: once(start, live) for name, (start, live) in others.items()}
            mine = once(partial(here.console, size), _LIVE)
            if turn:  # the first round fills the caches
                ours.append(mine)
                for name, run in runs.items():
                    theirs[name].append(run)

    def against(name: str, of: Callable[[Run], float], unit: str) -> Iterator[Figure]:
        value = middle(ours, of)
        for peer, runs in theirs.items():
            words = f"{peer}, {middle(runs, of):,.0f} {unit}"
            yield Figure(f"{name}, {where}", value, unit, pairwise(ours, runs, of, of), words)

    yield from against("first visible character", lambda run: run.paint, "ms")
    mini = theirs[MINIMAL]
    live = pairwise(ours, mini, lambda run: run.live, lambda run: run.paint)
    yield Figure(
        f"real data on the screen, {where}",
        middle(ours, lambda run: run.live),
        "ms",
        live,
        "the minimal app's first character",
    )
    yield Figure(
        f"processor time until then, {where}",
        middle(ours, lambda run: run.cpu),
        "ms",
        pairwise(ours, mini, lambda run: run.cpu, lambda run: run.cpu),
        f"{MINIMAL}, {middle(mini, lambda run: run.cpu):,.0f} ms",
    )
    yield from against("bytes to the first character", lambda run: run.paint_bytes, "bytes")
    yield from against("bytes until it stands", lambda run: run.settled_bytes, "bytes")


def first_ever() -> Iterator[Figure]:
    """A new database and no watch yet: the console makes the one and starts the other."""
    size = SIZES[0]
    runs: list[Run] = []
    for _ in range(max(RUNS // 2, 3)):
        with scene(0) as here:
            here.config.write_text("title: bench\n")
            runs.append(once(partial(here.console, size), r"OK [1-9]"))
            _end_watch(here)
    paint = middle(runs, lambda run: run.paint)
    live = middle(runs, lambda run: run.live)
    yield Figure("very first start: first results shown", live, "ms", live / paint, "its own first character")


def _end_watch(here: Scene) -> None:
    """End the watch that a console started, by the number in its argv's database."""
    import psutil

    for process in psutil.process_iter():
        try:
            command = process.cmdline()
        except psutil.Error:
            continue
        if "console.daemon" in command and str(here.paths.database) in command:
            process.terminate()
            try:
                process.wait(10)
            except psutil.Error:
                continue


def by_journal() -> Iterator[Figure]:
    """The same start over a journal with one open incident of very many events, and over one with two."""
    size = SIZES[0]
    with scene(_CHECKS, down=_DOWN) as small, scene(_CHECKS, down=_DOWN) as large:
        small.incident(2)
        large.incident(EVENTS)
        with small.watch("same", _CHECKS), large.watch("same", _CHECKS):
            first = _with_incident(large, size)[1]  # nobody has folded it before: the next ones start from a checkpoint
            paints: dict[str, list[tuple[Run, float]]] = {"small": [], "large": []}
            for _ in range(max(RUNS // 2, 3)):
                for name, one in (("small", small), ("large", large)):
                    paints[name].append(_with_incident(one, size))
    yield Figure(
        f"{EVENTS:,} events never read before: the incident in the header",
        first,
        "ms",
        first / statistics.median(incident for _, incident in paints["large"]),
        "the next start",
    )
    for what, of in (
        ("first visible character", lambda pair: pair[0].paint),
        ("real data on the screen", lambda pair: pair[0].live),
        ("the incident in the header", lambda pair: pair[1]),
    ):
        big = statistics.median(map(of, paints["large"]))
        little = statistics.median(map(of, paints["small"]))
        yield Figure(f"{EVENTS:,} events: {what}", big, "ms", big / little, f"with 2 events, {little:,.0f} ms")


def _with_incident(here: Scene, size: tuple[int, int]) -> tuple[Run, float]:
    with here.console(size) as meter:
        live = meter.until(_LIVE) * 1000
        cpu = meter.cpu() * 1000
        incident = meter.until(r"INC-1 SEV2", 300) * 1000
        paint, size_bytes = first_glyph(size, meter.chunks)
        return Run(paint * 1000, live, cpu, size_bytes, sum(len(data) for _, data in meter.chunks)), incident
