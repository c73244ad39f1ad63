"""The same over simulated links: start, keys, another screen while rows change, and what is left after a held key."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tests.bench._eyes import Eyes
from tests.bench._keys import CLOCKS, press_each
from tests.bench._link import MBIT, MODEM, SERIAL, Link
from tests.bench._peer_keys import STEPS
from tests.bench._peer_start import KEPT
from tests.bench._programs import SIZE, VIGIE, Program
from tests.bench._replay import Replay, changes
from tests.bench._results import Results
from tests.bench._scene import Scene
from tests.bench._tty import Meter

_AT_ONCE = 4  # measurements side by side: a link spends its time waiting
_STARTS_AT_ONCE = 1  # a start wants a processor, what it waits for another: two side by side would slow each other
_START_S = 40.0
_GIVE_UP_S = 40.0
_HELD = 30
_CATCH_UP_S = 60.0
_HZ = 30.0
_STATUS = r"Report[\s\S]*service-\d+/down +http"


def measure(results: Results, every: Sequence[Program], links: Sequence[Link] = (MBIT, MODEM)) -> None:
    """Start, cursor and page key of each program over each link."""
    jobs = [(one, link) for one in every for link in links]
    with ThreadPoolExecutor(_STARTS_AT_ONCE) as pool:
        for found in pool.map(lambda job: _over(*job), jobs):
            for measure_name, name, value in found:
                results.put(measure_name, name, value)


def _over(one: Program, link: Link) -> list[tuple[str, str, float | None]]:
    found: list[tuple[str, str, float | None]] = []
    with one.start(link) as meter:
        came = Eyes(meter).until(one.live, _START_S, gone=KEPT.pattern)
        found.append((f"start, {link.name}", one.name, came))
        if came is None or not one.cursor:
            return found
        ignored = CLOCKS if one.name == VIGIE else ()
        meter.quiet(link.rtt + 0.3, 6.0)
        for what, keys in (("cursor", one.cursor[:5]), ("page", one.page * 4)):
            if keys:
                pressed = press_each(meter, keys, ignored=ignored, quiet=link.rtt + 0.25, limit=8.0)
                if pressed.settled:
                    found.append((f"{what}, {link.name}", one.name, pressed.p50 / 1000))
    return found


# ── another screen while rows change ──────────────────────────────────────────────────────────────────────────────


def switches(results: Results, here: Scene, naive: Program | None) -> None:
    """Key → the other screen, ours and the naive one's, ten rows changing a second."""
    ours = Program(VIGIE, partial(_console, here), r"DOWN 200\b")
    jobs: list[tuple[Link, Program, str, str, str, str]] = []
    for link in (SERIAL, MODEM, MBIT):
        # What must stand there: the last step of the checklist, the cursor in the last line of the timeline.
        jobs.append((link, ours, "checklist", "3", rf"berth {STEPS - 1}\.", _STATUS))
        jobs.append((link, ours, "timeline", "4", r"following[\s\S]*▌ +\d\d:\d\d:\d\d T", _STATUS))
        if naive is not None:
            jobs.append((link, naive, "checklist", "4", r"following step 29", naive.live))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for found in pool.map(lambda job: _switch(*job), jobs):
            for measure_name, name, value in found:
                results.put(measure_name, name, value)


def _console(here: Scene, link: Link) -> Meter:
    return here.console(SIZE, link=link)


def _switch(
    link: Link, one: Program, what: str, key: str, there: str, back: str
) -> list[tuple[str, str, float | None]]:
    """Seconds from the key until the other screen is there, and until nothing of it changes any more: the medians of a few
    visits, and the first visit by itself, which builds the screen. None when it never came."""
    what = f"key → {what} while rows change"
    chance = random.Random(5)
    found: list[float] = []
    whole: list[float] = []
    with one.start(link) as meter:
        eyes = Eyes(meter)
        if eyes.until(one.live, _START_S, gone=KEPT.pattern) is None:
            return [(f"{what}, {link.name}", one.name, None)]
        replay, fed = Replay(meter.size, CLOCKS if one.name == VIGIE else ()), 0
        for _ in range(6):
            meter.run(3.0 + chance.random())  # the link is as full as live updates make it
            at = meter.press(key)
            came = eyes.until(there, _GIVE_UP_S)
            if came is None:
                return [(f"{what}, {link.name}", one.name, None)]
            found.append(came - at)
            meter.quiet(link.rtt + 0.1, _GIVE_UP_S / 4)
            new, fed = meter.chunks[fed:], len(meter.chunks)
            whole.append(max(when for when, _, lines in changes(replay, new, at) if lines) - at)
            meter.run(1.0)
            meter.press("1")
            if came - at > _GIVE_UP_S / 3:
                break  # so slow that one is enough
            assert eyes.until(back, _GIVE_UP_S) is not None, f"{one.name}: no way back from {what}"
    named = {what: found[1:] or found, f"{what}, all of it": whole[1:] or whole, f"{what}, first visit": found[:1]}
    return [(f"{name}, {link.name}", one.name, statistics.median(values)) for name, values in named.items()]


# ── a held key ────────────────────────────────────────────────────────────────────────────────────────────────────


def held(results: Results, here: Scene, less: Program | None) -> None:
    """PgDn held for thirty pages: how long after letting go the last page stands. Ours in a timeline of 2,000 events."""
    ours = Program(VIGIE, partial(_console, here), r"DOWN 200\b")
    jobs = [(one, link) for link in (SERIAL, MODEM) for one in (less, ours) if one is not None]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for found in pool.map(lambda job: _held(*job), jobs):
            results.put(*found)


def _held(one: Program, link: Link) -> tuple[str, str, float | None]:
    what = f"catching up after {_HELD} held pages, {link.name}"
    with one.start(link) as meter:
        eyes = Eyes(meter)
        seen = eyes.until(one.live, _START_S, gone=KEPT.pattern)
        if seen is not None and one.name == VIGIE:
            meter.press("4")
            eyes.until("following", _START_S)
            meter.press("home")
            seen = eyes.until(r"line 1:", _START_S)
        if seen is None:
            return what, one.name, None
        meter.quiet(link.rtt + 0.6, 6.0)
        began = time.monotonic()
        for number in range(_HELD):
            meter.run(max(0.0, began + number / _HZ - time.monotonic()))
            meter.press("pgdn")
        let_go = meter.now()
        meter.run(link.rtt)
        # The clock goes on: what was held is over when nothing else has changed for a while.
        replay, fed, last = Replay(meter.size, CLOCKS if one.name == VIGIE else ()), 0, 0.0
        while meter.now() - let_go < _CATCH_UP_S:
            meter.run(1.0)
            new, fed = meter.chunks[fed:], len(meter.chunks)
            last = max((at for at, _, lines in changes(replay, new) if lines), default=last)
            if meter.now() - last > link.rtt + 1.0:
                return what, one.name, max(last - let_go, 0.0)
    return what, one.name, None
