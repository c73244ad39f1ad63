"""From the shell to the first useful screen, and to the live one: against one Static, vim, Python alone, htop and less.

The programs are started in turn, and ratios are of runs that followed one another: what slows one slows the other. Each
is given the same terminal, which answers what it is asked.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from tests.bench._peers import MINIMAL, Peers, peers
from tests.bench._scene import EVENTS, RUNS, SIZES, Scene, named, scene
from tests.bench._starts import Run, chill, once
from tests.bench._tty import Meter
from tests.bench.figures import Figure
from tests.tools import servers

_CHECKS: Final = 200
_DOWN: Final = 12
_LIVE: Final = rf"DOWN {_DOWN}\b"
_VIM: Final = "vim -u NONE FILE"
_COLD_RUNS: Final = 5

Of = Callable[[Run], float]


def bench() -> Iterator[Figure]:
    """Starts, ours and the peers' in turn, medians of ``VIGIE_BENCH_RUNS`` (9) warm ones and of five cold ones."""
    with scene(_CHECKS, down=_DOWN) as here:
        here.incident(200)
        with here.watch("same", _CHECKS):
            for size in SIZES:
                yield from at_size(here, size)
            yield from cold(here, SIZES[-1])
    yield from first_ever()
    yield from by_journal()


def others(folder: Path, size: tuple[int, int]) -> Peers:
    """The peers, and what no program of this kind can be faster than."""
    found = peers(folder, size)
    text = folder / "screen.txt"  # about as much as a kept screen
    text.write_text("".join(f"line {n} of a screen, {'word ' * (size[0] // 8)}\n" for n in range(size[1])))
    vim = servers.find("vim")
    if vim is None:
        print("  vim: not here (make servers), left out")
    else:
        env = {"HOME": str(folder)}
        found[_VIM] = (partial(Meter, [vim, "-u", "NONE", str(text)], size=size, env=env), "line 1 of")
        found["vim -u NONE"] = (partial(Meter, [vim, "-u", "NONE"], size=size, env=env), "~")
    found["python -c print"] = (partial(Meter, [sys.executable, "-c", "print('READY')"], size=size), "READY")
    return found


def in_turn(
    here: Scene, size: tuple[int, int], found: Peers, rounds: int, before: Callable[[], None] | None = None
) -> tuple[list[Run], dict[str, list[Run]]]:
    """Ours and theirs, one after the other, *rounds* times."""
    ours: list[Run] = []
    theirs: dict[str, list[Run]] = {name: [] for name in found}
    for _ in range(rounds):
        for name, (start, live) in found.items():
            if before is not None:
                before()
            theirs[name].append(once(start, live)[0])
            if name == MINIMAL:  # the console right behind what it is measured against first of all
                if before is not None:
                    before()
                ours.append(once(partial(here.console, size), _LIVE)[0])
    return ours, theirs


def middle(runs: Sequence[Run], of: Of) -> float:
    return statistics.median(map(of, runs))


def pairwise(ours: Sequence[Run], theirs: Sequence[Run], of: Of, peer: Of) -> float:
    """The median of the ratios of runs that followed one another: what slows both slows neither."""
    return statistics.median(of(a) / peer(b) for a, b in zip(ours, theirs, strict=True))


def at_size(here: Scene, size: tuple[int, int]) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        found = others(Path(folder), size)
        in_turn(here, size, found, 1)  # fills the caches, and keeps a screen
        ours, theirs = in_turn(here, size, found, RUNS)
    yield from starts(ours, theirs, named(size))
    for name in (MINIMAL, "htop"):
        if name in theirs:
            runs = theirs[name]
            for what, of in (("first", _first_bytes), ("settled", _settled)):
                ratio = pairwise(ours, runs, of, of)
                words = f"{name}, {middle(runs, of):,.0f} bytes"
                yield Figure(f"bytes to the {what} screen, {named(size)}", middle(ours, of), "bytes", ratio, words)


def _first_bytes(run: Run) -> float:
    return run.first_bytes


def _settled(run: Run) -> float:
    return run.settled_bytes


def starts(ours: Sequence[Run], theirs: dict[str, list[Run]], where: str) -> Iterator[Figure]:
    """The kept screen, the live one and the processor time, with what they stand against."""
    kept = sum(run.is_kept for run in ours)
    words = f"first useful screen ({kept} of {len(ours)} kept), {where}"
    for name, runs in theirs.items():
        goal = _goal(0.5, pairwise(ours, runs, _first, _live)) if name == _VIM else ""
        value, ratio = middle(ours, _first), pairwise(ours, runs, _first, _live)
        yield Figure(words, value, "ms", ratio, f"{name}, {middle(runs, _live):,.0f} ms", goal)
    mini = theirs[MINIMAL]
    for what, of, goal in (("live screen, real data", _live, 1.15), ("processor time until then", _cpu, 0.0)):
        ratios = sorted(of(a) / of(b) for a, b in zip(ours, mini, strict=True))
        words = f"{MINIMAL}, {middle(mini, of):,.0f} ms ({ratios[0]:.2f} to {ratios[-1]:.2f}×)"
        ratio = statistics.median(ratios)
        yield Figure(f"{what}, {where}", middle(ours, of), "ms", ratio, words, _goal(goal, ratio) if goal else "")


def _first(run: Run) -> float:
    return run.first


def _live(run: Run) -> float:
    return run.live


def _cpu(run: Run) -> float:
    return run.cpu


def _goal(most: float, ratio: float) -> str:
    return f"goal {most:g}×: {'hit' if ratio <= most else 'missed'}"


def cold(here: Scene, size: tuple[int, int]) -> Iterator[Figure]:
    """The same when nothing of our files, Python's and the peers' is in the page cache."""
    with tempfile.TemporaryDirectory() as folder:
        found = {name: one for name, one in others(Path(folder), size).items() if name in (MINIMAL, _VIM)}
        ours, theirs = in_turn(here, size, found, _COLD_RUNS, chill)
    yield from starts(ours, theirs, f"{named(size)}, cold")


def first_ever() -> Iterator[Figure]:
    """A new database and no watch yet: the console makes the one and starts the other."""
    size = SIZES[0]
    runs: list[Run] = []
    for _ in range(max(RUNS // 2, 3)):
        with scene(0) as here:
            here.config.write_text("title: bench\n")
            runs.append(once(partial(here.console, size), r"OK [1-9]")[0])
            _end_watch(here)
    first, live = middle(runs, _first), middle(runs, _live)
    yield Figure("very first start: first results shown", live, "ms", live / first, "its own first character")


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
        ("first useful screen", lambda pair: pair[0].first),
        ("real data on the screen", lambda pair: pair[0].live),
        ("the incident in the header", lambda pair: pair[1]),
    ):
        big = statistics.median(map(of, paints["large"]))
        little = statistics.median(map(of, paints["small"]))
        yield Figure(f"{EVENTS:,} events: {what}", big, "ms", big / little, f"with 2 events, {little:,.0f} ms")


def _with_incident(here: Scene, size: tuple[int, int]) -> tuple[Run, float]:
    return once(partial(here.console, size), _LIVE, then=r"INC-1 SEV2")
