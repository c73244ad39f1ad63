"""What a key costs without a link: bytes, and the time until the screen stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from console.runbook import actions as runs
from console.runbook.library import read_runbook_file
from tests.bench._keys import CLOCKS, Pressed, press_each
from tests.bench._link import NONE
from tests.bench._programs import NAIVE, SIZE, VIGIE, Program
from tests.bench._results import Results
from tests.bench._scene import Scene

_PATIENCE_S = 15.0
STEPS: Final = 30
LINE: Final = "the feeder stood still again after the deploy of half past two, said K"
_DO: Final = ("Open", "Read", "Compare", "Write down", "Restart", "Ask about")
_WHAT: Final = (
    "the queue of berth",
    "every crane at quay",
    "both clocks of gate",
    "the pilot's log for",
    "cold stores in shed",
)


def measure(results: Results, every: Sequence[Program]) -> None:
    """Cursor and page keys of every program that has them."""
    for one in every:
        if not one.cursor:
            continue
        with one.start(NONE) as meter:
            try:
                meter.until(one.live, _PATIENCE_S)
            except AssertionError:
                results.put("cursor B", one.name, None)
                continue
            meter.quiet(0.6, 4.0)
            ignored = CLOCKS if one.name == VIGIE else ()
            _put(results, "cursor", one.name, press_each(meter, one.cursor, ignored=ignored))
            if one.page:
                _put(results, "page", one.name, press_each(meter, one.page * 6, ignored=ignored))
            if one.name == NAIVE:
                _put(results, "switch", one.name, press_each(meter, ("4", "1") * 4))


def _put(results: Results, what: str, name: str, pressed: Pressed) -> None:
    if pressed.settled:
        results.put(f"{what} B", name, pressed.cost)
        results.put(f"{what} ms", name, pressed.p50)


def modes(results: Results, here: Scene) -> None:
    """Other screens of ours, each already visited."""
    keys = ("4", "1", "2", "1", "5", "1")
    with here.console(SIZE) as meter:
        meter.until(r"DOWN \d", _PATIENCE_S)
        for key in keys:
            meter.press(key)
            meter.quiet(0.3, 3.0)
        _put(results, "switch", VIGIE, press_each(meter, keys * 3, ignored=CLOCKS))


def _alike(number: int) -> str:
    return f"Look at berth {number}."


def _unlike(number: int) -> str:
    return f"{_DO[number % len(_DO)]} {_WHAT[number % len(_WHAT)]} {number * 7 % 100}."


def follow_checklist(here: Scene, stream: str, step: Callable[[int], str] = _alike) -> None:
    """Begin a runbook of thirty steps in the incident *stream*; *step* says what to do."""
    path = here.folder / "harbour.md"
    steps = "".join(f"1. {step(number)}\n" for number in range(STEPS))
    path.write_text(f"# Harbour is slow\n\n## Berths\n\n{steps}", encoding="utf-8")
    found = read_runbook_file(path).runbooks[0]
    with here.journal() as journal:
        runs.append(journal, stream, runs.start_run(found, {}))


def ticks(results: Results, here: Scene) -> None:
    """Steps ticked off in a runbook, one after the other: until all stands, the next step in the large among it. Once
    with steps that differ in a number, as in the bar's figure, and once with steps that have no word in common."""
    for measure, step in (("tick B", _alike), ("tick unlike B", _unlike)):
        follow_checklist(here, here.incident(2), step)
        with here.console(SIZE) as meter:
            meter.until(r"INC-\d", _PATIENCE_S)
            meter.press("3")
            meter.until(re.escape(step(3)[:16]), _PATIENCE_S)
            meter.quiet(0.5, 3.0)
            pressed = press_each(meter, ("space",) * (STEPS - 6), ignored=CLOCKS)
            if pressed.settled:
                results.put(measure, VIGIE, pressed.cost)


def typing(results: Results, here: Scene) -> None:
    """Characters typed into the middle of a scribe line of seventy: its second half moves on."""
    here.incident(2)
    with here.console(SIZE) as meter:
        meter.until(r"INC-\d", _PATIENCE_S)
        for key in ("n", *LINE):
            meter.press("space" if key == " " else key)
        meter.until(re.escape(LINE[-16:]), _PATIENCE_S)
        for _ in range(len(LINE) // 2):
            meter.press("left")
        meter.quiet(0.5, 3.0)
        pressed = press_each(meter, ("x", "y", "z") * 5, ignored=CLOCKS)
        if pressed.settled:
            results.put("typed B", VIGIE, pressed.cost)
