"""The comparison: Vigie against the programs that people know, over links and without, and the bar it is held to.

``python -m tests.bench peers [--only start,keys,idle,links,timeline,many,meters] [--write docs/performance.md]``.
Programs that are missing are named and left out (``sh tests/tools/fetch_peers.sh`` fetches them).
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tests.bench import _peer_idle, _peer_keys, _peer_links, _peer_meters, _peer_scale, _peer_start
from tests.bench import _peer_tables as tables
from tests.bench._link import Link
from tests.bench._programs import MINIMAL, SIZE, VIGIE, Program, programs, still_htop
from tests.bench._results import Results
from tests.bench._scene import Scene, scene
from tests.bench._tty import Meter
from tests.bench.figures import Figure

_ROUNDS: Final = int(os.environ.get("VIGIE_BENCH_PEER_RUNS", "5"))
_IDLE_S: Final = float(os.environ.get("VIGIE_BENCH_PEER_IDLE", "15"))
_AGE_S: Final = 62.0  # from here on the ages in the list change once a minute, no longer every few seconds


def bench(only: Sequence[str] = (), write: Path | None = None) -> Iterator[Figure]:
    """Measure the sections *only* (default: all); with *write*, the tables go between the markers of that file."""
    results = Results()
    wanted = [name for name in SECTIONS if not only or name in only]
    with ExitStack() as stack:
        place = Place(stack, any(name not in _ALONE for name in wanted))
        for name in wanted:
            began = time.monotonic()
            print(f"  {name}", flush=True)
            try:
                _MEASURE[name](results, place)
            except (AssertionError, OSError) as error:  # the other parts have their figures
                results.note(f"{name} broke off: {str(error).splitlines()[0][:200]}")
            print(f"  ({name}: {time.monotonic() - began:.0f} s)", flush=True)
    if write is not None:
        tables.write(results, write)
    yield from tables.figures(results)


class Place:
    """Where it is measured: the peers, and two hundred failing checks of ours – ten of them changing a second, or none."""

    def __init__(self, stack: ExitStack, wanted: bool) -> None:
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vigie-peers-")))
        self._since = time.monotonic()
        if wanted:
            self.peers = programs(self.folder)
            self.live = _watched(stack, "count")
            self.still = _watched(stack, "same")

    def peer(self, *names: str) -> list[Program]:
        """Those of the peers *names* (default: all) that are here."""
        return [one for name, one in self.peers.items() if not names or name in names]

    def grow_old(self) -> None:
        """Wait until the ages in the list change once a minute, no longer every few seconds."""
        time.sleep(max(0.0, _AGE_S - (time.monotonic() - self._since)))


def _watched(stack: ExitStack, plan: str) -> Scene:
    here = stack.enter_context(scene(200, down=200, interval=20.0))
    _peer_keys.follow_checklist(here, here.incident(2_000))
    stack.enter_context(here.watch(plan, 200))
    return here


def console(here: Scene) -> Program:
    """Ours, as one of the programs."""

    def start(link: Link) -> Meter:
        return here.console(SIZE, link=link)

    return Program(VIGIE, start, r"DOWN 200\b", cursor=("j",) * 12 + ("k",) * 8, page=("pgdn",))


def _start(results: Results, place: Place) -> None:
    _peer_start.measure(results, [console(place.live), *place.peer()], _ROUNDS)
    cold = place.peer(MINIMAL, "vim", "htop", "less", "lnav", "glances")
    _peer_start.measure_cold(results, [console(place.live), *cold], max(_ROUNDS // 2, 3))


def _keys(results: Results, place: Place) -> None:
    place.grow_old()
    slow = still_htop(place.folder)
    others = [one for one in place.peer() if one.name != "htop"]
    _peer_keys.measure(results, [console(place.still), *([slow] if slow is not None else []), *others])
    _peer_keys.modes(results, place.still)
    with scene(20) as here, here.watch("same", 20):
        _peer_keys.typing(results, here)
        _peer_keys.ticks(results, here)


def _idle(results: Results, place: Place) -> None:
    place.grow_old()
    _peer_idle.measure(results, place.live, place.peer(), _IDLE_S, place.folder)
    _peer_idle.unchanged(results, place.still, _IDLE_S)


def _links(results: Results, place: Place) -> None:
    place.grow_old()
    _peer_links.measure(results, [console(place.still), *place.peer()])
    _peer_links.switches(results, place.live, next(iter(place.peer("naive Textual")), None))
    _peer_links.held(results, place.still, next(iter(place.peer("less")), None))


def _meters(results: Results, place: Place) -> None:
    _peer_meters.measure(results, [console(place.still), *place.peer("less")])


_ALONE: Final = ("timeline", "many")
_MEASURE: Final[dict[str, Callable[[Results, Place], None]]] = {
    "start": _start,
    "keys": _keys,
    "idle": _idle,
    "links": _links,
    "timeline": lambda results, _: _peer_scale.timelines(results),
    "many": lambda results, _: _peer_scale.many(results),
    "meters": _meters,
}
SECTIONS: Final = tuple(_MEASURE)
