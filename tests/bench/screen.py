"""What a key costs on a full screen of 200 failing checks: bytes and milliseconds, against htop and less."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from tests.bench._keys import CLOCKS, Pressed, press_each
from tests.bench._peers import peers
from tests.bench._scene import SIZES, named, scene
from tests.bench._tty import Meter
from tests.bench.figures import Figure

_MODES: Final = ("4", "1", "2", "1", "3", "1", "5", "1")


def bench() -> Iterator[Figure]:
    with scene(200, down=200) as here:
        here.incident(400)
        with here.watch("same", 200):
            for size in SIZES:
                with here.console(size) as meter:
                    meter.until(r"DOWN 200\b")
                    meter.quiet(0.8, 5)
                    cursor = press_each(meter, ["j"] * 12 + ["k"] * 10, ignored=CLOCKS)
                    page = press_each(meter, ["pgdn", "pgdn", "pgdn", "pgup", "pgup"] * 3, ignored=CLOCKS)
                    for mode in _MODES:  # the first visit builds a room
                        meter.press(mode)
                        meter.quiet(0.3, 3)
                    switch = press_each(meter, list(_MODES) * 2, ignored=CLOCKS)
                    line = press_each(meter, ["/", *"feeder lag"], ignored=CLOCKS)
                yield from figures(size, cursor, page, switch, line)


def figures(size: tuple[int, int], cursor: Pressed, page: Pressed, switch: Pressed, line: Pressed) -> Iterator[Figure]:
    theirs: dict[tuple[str, str], Pressed] = {}
    with tempfile.TemporaryDirectory() as folder:
        known = peers(Path(folder), size, slow_htop=True)
        for name, what, keys in (
            ("htop", "cursor key", ["down"] * 12 + ["up"] * 8),
            ("less", "cursor key", ["j"] * 20),
            ("less", "page key", ["pgdn"] * 5 + ["pgup"] * 5),
        ):
            if name in known:
                start, live = known[name]
                theirs[what, name] = _pressed(start, live, keys)
    where = named(size)
    for what, ours in (("cursor key", cursor), ("page key", page), ("mode switch", switch), ("letter typed", line)):
        found = [(name, their) for (which, name), their in theirs.items() if which == what]
        if not found:
            yield Figure(f"bytes a {what}, {where}", ours.cost, "bytes")
            yield Figure(f"{what} to settled screen p50, {where}", ours.p50, "ms")
        for name, their in found:
            ratio = ours.cost / their.cost
            yield Figure(f"bytes a {what}, {where}", ours.cost, "bytes", ratio, f"{name}, {their.cost:,.0f} bytes")
            words = f"{name}, {their.p50:.1f} ms"
            yield Figure(f"{what} to settled screen p50, {where}", ours.p50, "ms", ours.p50 / their.p50, words)


def _pressed(start: Callable[[], Meter], live: str, keys: list[str]) -> Pressed:
    with start() as meter:
        meter.until(live)
        meter.quiet(0.5, 5)
        return press_each(meter, keys)
