"""What a key costs without a link: bytes, and the time until the screen stands."""

from __future__ import annotations

from collections.abc import Sequence

from console.journal.events import Declared, New
from console.runbook import actions as runs
from console.runbook.library import read_runbook_file
from tests.bench._keys import CLOCKS, Pressed, press_each
from tests.bench._link import NONE
from tests.bench._programs import NAIVE, SIZE, VIGIE, Program
from tests.bench._results import Results
from tests.bench._scene import Scene

_PATIENCE_S = 15.0
_STEPS = 24


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


def ticks(results: Results, here: Scene) -> None:
    """Steps ticked off in a runbook, one after the other."""
    path = here.folder / "harbour.md"
    path.write_text(runbook(), encoding="utf-8")
    found = read_runbook_file(path).runbooks[0]
    with here.journal() as journal:
        stream = journal.declare([New(body=Declared(title="harbour is slow", severity="SEV2"))])[0]
        runs.append(journal, stream, runs.start_run(found, {}))
    with here.console(SIZE) as meter:
        meter.until(r"INC-\d", _PATIENCE_S)
        meter.press("3")
        meter.until(r"Look at berth 3", _PATIENCE_S)
        meter.quiet(0.5, 3.0)
        pressed = press_each(meter, ("space",) * (_STEPS - 4), ignored=CLOCKS)
        if pressed.settled:
            results.put("tick B", VIGIE, pressed.cost)


def runbook() -> str:
    """A checklist of short steps."""
    steps = "".join(f"1. Look at berth {number}.\n" for number in range(_STEPS))
    return f"# Harbour is slow\n\n## Berths\n\n{steps}"
