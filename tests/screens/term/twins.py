"""The same console twice, on our driver and on Textual's own, under the same keys."""

from __future__ import annotations

import random
import shlex
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any, Final

from console.incident import actions
from console.journal.events import Origin
from console.journal.store import Journal
from tests.e2e.screen_model import visible_cells
from tests.e2e.terminal import PATIENCE, Terminal

# A console whose clock stands still and whose status never changes, so that two of them show the same.
PROGRAM: Final = textwrap.dedent(
    """
    import sys
    from dataclasses import replace
    from datetime import UTC, datetime, timedelta
    import console.watch.status_reader as reader
    import screens.typed_ahead
    from console.clock import FixedClock
    from console.snapshot import CheckState, Source, StatusSnapshot
    from screens.opening import run
    from screens.start import Start, deps_from

    now = datetime(2026, 11, 21, 14, 5, 9, tzinfo=UTC)
    checks = [
        CheckState(
            service=f"{name} {n}", name="health", kind="http", state=state, raw=state, since=now - timedelta(minutes=n),
            last_at=now, interval_s=15, detail=f"http 50{n % 5} {name}", labels={"service": f"{name} {n}"},
        )
        for n in range(25)
        for name, state in (
            ("api", "DOWN"), ("日本語の名前", "DEGRADED"), ("cafe\\u0301", "OK"), ("\\x1b]0;x\\x07\\u202e", "DOWN"),
        )
    ]
    sources = (Source(name="checks", kind="checks", last_ok=now),)
    status = StatusSnapshot(taken_at=now, checks=tuple(checks), sources=sources, version=1)
    reader.StatusReader.poll = lambda self: status
    # Keys wait until a room has read what it shows, on a busy machine longer: else one console would have read it, and one not.
    screens.typed_ahead._LAID_OUT_S = screens.typed_ahead._READY_S = 60
    start = Start(db=sys.argv[1])
    sys.exit(run(start, lambda: replace(deps_from(start), watching=False, clock=FixedClock(now))))
    """
)


def make_database(path: Path) -> Path:
    """A journal with an incident of a few screens; its folder is made."""
    path.parent.mkdir()
    with Journal.open(path, actor="bob", origin=Origin(program="cli")) as journal:
        stream = journal.declare(actions.declare("checkout 5xx 日本", severity="SEV2"))[0]
        journal.append(
            stream, [actions.note(f"line {n}: 再起動 the feeder, cafe\u0301 {'#' * (n % 40)}") for n in range(80)]
        )
    return path


KEYS: Final = (
    *"1234512345jjjjkkkp",  # not "?": the help says how the driver is doing
    *("down", "up", "pgdn", "pgdn", "pgup", "home", "end", "enter", "enter", "esc", "esc", "ctrl+l", "n", "/", "D"),
)


_STILL_S: Final = 0.15


def console(
    database: Path, stock: bool, size: tuple[int, int], *, tmux: str = "", felt: bool = False, **link: Any
) -> Terminal:
    """A console on a copy of *database*; inside a tmux that says it is a *tmux* terminal."""
    mine = database.parent.parent / ("stock" if stock else "ours")
    shutil.copytree(database.parent, mine)
    # The link is not felt unless that is asked: only our driver measures it, and a stall would make its clocks step down.
    pace = "auto" if felt else "fast"
    env = {"VIGIE_DRIVER": "stock" if stock else "diff", "VIGIE_LINK": pace, "USER": "ann", "SHELL": "/bin/sh"}
    (mine / "program.py").write_text(PROGRAM, encoding="utf-8")
    command = [sys.executable, "-P", str(mine / "program.py"), str(mine / "vigie.db")]
    if tmux:
        (mine / "tmux.conf").write_text(f'set -g default-terminal "{tmux}"\nset -g status off\nset -s escape-time 0\n')
        command = [*_tmux(mine), "new-session", shlex.join(["exec", *command])]
    return Terminal(command, size=size, env=env, **link)


def _still_since(terminal: Terminal, began: float) -> bool:
    """Whether nothing has come for a while, what was done at *began* included."""
    return time.monotonic() - max(terminal._last_delivery, began) >= _STILL_S and not terminal._down


def _tmux(folder: Path) -> list[str]:
    return ["tmux", "-S", str(folder / "tmux.socket"), "-f", str(folder / "tmux.conf")]


class Twins:
    """Our driver and the stock one under the same keys."""

    def __init__(self, database: Path, size: tuple[int, int], tmux: str = "") -> None:
        self._folders = [database.parent.parent / name for name in ("ours", "stock")] if tmux else []
        self.ours = console(database, stock=False, size=size, tmux=tmux)
        self.stock = console(database, stock=True, size=size, tmux=tmux)
        self.both = (self.ours, self.stock)

    def press(self, *keys: str) -> None:
        """Press *keys* in both, one after the other: the next one when both have shown the same answer. Pressed faster,
        what a key does may depend on how far the console is (whether a list was read, whether Esc stood alone)."""
        for key in keys:
            for each in self.both:
                each.press(key)
            self.alike(f"after {key}")

    def alike(self, what: str) -> None:
        """Wait until both show the same, and neither moves."""
        deadline = time.monotonic() + PATIENCE
        redraw = time.monotonic() + 3
        began = time.monotonic()
        while True:
            for each in self.both:
                each.wait_until(lambda _, each=each: _still_since(each, began), what="a settled screen")
            ours, stock = (visible_cells(each.model) for each in self.both)
            if ours == stock and "building the report" not in self.ours.screen:
                return
            rows = [y for y, (one, other) in enumerate(zip(ours, stock, strict=True)) if one != other]
            if rows == [len(ours) - 1] and time.monotonic() > redraw:
                # The keys that work are listed when something happens; what came in a moment later may not count yet.
                for each in self.both:
                    each.press("ctrl+l")
                redraw = deadline
            assert time.monotonic() < deadline, (
                f"{what}: rows {rows} differ\n{self.ours.framed()}\n{self.stock.framed()}\n"
                f"{[(a, b) for a, b in zip(ours[rows[0]], stock[rows[0]], strict=True) if a != b][:5]}"
            )

    def close(self) -> None:
        for folder in self._folders:
            subprocess.run([*_tmux(folder), "kill-server"], capture_output=True, timeout=20, check=False)
        for each in self.both:
            each.close()


def _is_for(screen: str, columns: int, lines: int) -> bool:
    """Whether it was drawn for this size: the clock at the upper right, the prompt on the last line but one."""
    rows = screen.split("\n")
    return len(rows) == lines and rows[0].endswith("Z") and len(rows[0]) == columns - 1 and rows[-2].startswith("n>")


def walk(twins: Twins, seed: int) -> None:
    """Random keys and sizes; both show the same after each of them."""
    chance = random.Random(seed * 1000 + twins.ours.model.cells.columns)
    twins.alike("the start")
    for step in range(10):
        keys = [chance.choice(KEYS) for _ in range(chance.randint(1, 3))]
        if step % 5 == 4:
            size = chance.choice(((80, 24), (120, 40), (97, 31), (200, 60)))
            for each in twins.both:
                each.resize(*size)
            for each in twins.both:  # what both showed before looks alike, too
                each.wait_until(lambda screen, size=size: _is_for(screen, *size), what=f"a screen of {size}")
            twins.alike(f"resized to {size}")
        for key in keys:
            # What is typed is never sent: events would have other hashes in the other journal.
            twins.press(*((key, "x", "esc", "esc") if key in ("n", "/", "D") else (key,)))
