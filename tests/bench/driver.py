"""What the terminal driver saves: the same console on Textual's own driver and on ours, bytes and a slow link."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.bench._keys import CLOCKS, press_each
from tests.bench._scene import VIGIE, Scene, named, scene
from tests.bench._tty import Meter
from tests.bench.figures import Figure
from tests.e2e.terminal import Terminal

_SIZE: Final = (120, 40)
_DRIVERS: Final = (("stock", "stock"), ("ours", "diff"))
_IDLE_S: Final = float(os.environ.get("VIGIE_BENCH_IDLE", "20"))
_LINKS: Final = (("56 kbit/s", 7_000.0), ("9,600 bit/s", 1_200.0))
_RTT_S: Final = 0.3
_GIVE_UP_S: Final = 60.0  # what is not seen by then counts as this


def bench() -> Iterator[Figure]:
    found: dict[str, dict[str, tuple[float, str]]] = {}
    for name, value in _DRIVERS:
        found[name] = dict(_bytes(value)) | dict(_links(value))
    for what, (ours, unit) in found["ours"].items():
        stock, _ = found["stock"][what]
        words = f"Textual's own driver, {stock:,.1f} {unit}"
        yield Figure(f"{what}, {named(_SIZE)}", ours, unit, ours / stock if stock else None, words)


@contextmanager
def _driver(value: str) -> Iterator[None]:
    before = os.environ.get("VIGIE_DRIVER")
    os.environ["VIGIE_DRIVER"] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ["VIGIE_DRIVER"]
        else:
            os.environ["VIGIE_DRIVER"] = before


def _bytes(value: str) -> Iterator[tuple[str, tuple[float, str]]]:
    with _driver(value), scene(200, down=200) as here:
        here.incident(400)
        with here.watch("same", 200), here.console(_SIZE) as meter:
            meter.until(r"DOWN 200\b")
            meter.quiet(0.8, 5)
            yield "bytes to the settled first screen", (float(_total(meter)), "bytes")
            for what, keys in (
                ("cursor key", ["j"] * 12 + ["k"] * 10),
                ("page key", ["pgdn", "pgdn", "pgup", "pgup"] * 3),
                ("mode switch", ["4", "1", "2", "1", "5", "1"] * 3),
            ):
                yield f"bytes a {what}", (press_each(meter, keys, ignored=CLOCKS).cost, "bytes")
        with here.watch("count", 200), here.console(_SIZE) as meter:
            meter.until(r"DOWN 200\b")
            meter.run(4)
            before, start, cpu = _total(meter), meter.now(), meter.cpu()
            meter.run(_IDLE_S)
            took = meter.now() - start
            yield "bytes a second, 10 of 200 rows change", ((_total(meter) - before) / took, "bytes/s")
            yield "processor, 10 of 200 rows change", ((meter.cpu() - cpu) / took * 100, "%")


def _total(meter: Meter) -> int:
    return sum(len(data) for _, data in meter.chunks)


def _links(value: str) -> Iterator[tuple[str, tuple[float, str]]]:
    with _driver(value), scene(200, down=200) as here:
        here.incident(400)
        with here.watch("count", 200):
            for name, bandwidth in _LINKS:
                yield f"mode switch while rows change, {name}, 300 ms", (_switch(here, bandwidth), "s")


def _switch(here: Scene, bandwidth: float) -> float:
    """Seconds from the key to the other screen, the median of a few; :data:`_GIVE_UP_S` when one never came."""
    argv = [VIGIE, "--config", here.config, "--db", here.paths.database, "--actor", "ann"]
    found: list[float] = []
    with Terminal(argv, size=_SIZE, env=here.env, cwd=here.folder, rtt=_RTT_S, bandwidth=bandwidth) as terminal:
        terminal.wait_for(r"DOWN 200\b", 180)
        for key, words in (("4", "following"), ("1", "p problems"), ("4", "following")):
            time.sleep(3)  # the link is as full as live updates make it
            began = time.monotonic()
            terminal.press(key)
            try:
                terminal.wait_for(words, _GIVE_UP_S)
            except AssertionError:
                return _GIVE_UP_S
            found.append(time.monotonic() - began)
    return statistics.median(found)
