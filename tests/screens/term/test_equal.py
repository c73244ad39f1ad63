"""One console's frames, written by Textual's own encoder and by ours: two terminals show the same, cell for cell.

The walk happens inside one process, so nothing but the encoders can differ. Every frame goes to both; ours also leaves
frames out, as it does on a slow link, and must end with the same screen.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from rich.color import ColorSystem
from textual._compositor import CompositorUpdate
from textual.app import App

from console.incident import actions
from screens.look import Look, load_theme, theme_files
from screens.term.abilities import Abilities
from screens.term.cells import Grid
from screens.term.diff import Pen, paint
from screens.term.frames import take
from tests.e2e.screen_model import ScreenModel, visible_cells

SIZES: Final = ((80, 24), (120, 40), (200, 60))
COLOURS: Final = (ColorSystem.EIGHT_BIT, ColorSystem.TRUECOLOR, ColorSystem.STANDARD)
STEPS: Final = int(os.environ.get("VIGIE_WALK_STEPS", "40"))
# What every terminal agrees on; characters that they draw differently have tests of their own in test_diff.py.
NAMES: Final = ("api", "日本語の名前", "cafe\u0301", "\x1b]0;x\x07\u202e", "שלום", "naïve ｆｕｌｌ", "a\tb", "ok")
KEYS: Final = (
    *"1234512345jjjjkkk?p:n/D",
    *("down", "up", "pagedown", "pagedown", "pageup", "home", "end", "enter", "enter", "escape", "escape", "ctrl+l"),
    *("tab", "space", "backspace", "left", "x", "a", "S", "F"),
)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a walk may come to the key that writes a report


class Both:
    """Takes a console's frames in the place of the driver, and keeps the two terminals."""

    def __init__(self, app: App[Any], size: tuple[int, int], chance: random.Random, colours: ColorSystem) -> None:
        self.app = app
        self.chance = chance
        self.bytes = [0, 0]  # stock, ours
        bce, ech, ich, rep = (chance.random() < share for share in (0.7, 0.7, 0.7, 0.5))
        self.can = Abilities(bce=bce, ech=ech, ich=ich, rep=rep, lf=True)
        self.begin(size)
        app.console._color_system = colours
        app._display = self._display  # type: ignore[method-assign]  # as screens.driver does

    def begin(self, size: tuple[int, int]) -> None:
        """Terminals of another size."""
        self.models = ScreenModel(*size), ScreenModel(*size)
        for model in self.models:
            model.feed(b"\x1b[?7l")
        self.wanted: Grid | None = None
        self.shown: Grid | None = None
        self.pen = Pen()

    def _display(self, screen: Any, renderable: Any) -> None:
        if isinstance(renderable, CompositorUpdate) and not self.app._batch_count and self.app._running:
            self._write(0, renderable.render_segments(self.app.console))
            self.wanted = take(self.wanted, renderable, self.app.console)
            if self.chance.random() < 0.7:
                self.send()
        self.app.post_display_hook()

    def send(self) -> None:
        """Send the newest frame."""
        if self.wanted is not None:
            self._write(1, paint(self.shown, self.wanted, self.pen, self.can))
            self.shown = self.wanted.copy()

    def _write(self, which: int, text: str) -> None:
        data = text.encode("utf-8", "surrogatepass")
        self.bytes[which] += len(data)
        self.models[which].feed(data)

    def check(self, what: str) -> None:
        """Both show the same now."""
        self.send()
        stock, ours = (visible_cells(model) for model in self.models)
        for y, (one, other) in enumerate(zip(stock, ours, strict=True)):
            wrong = [(x, a, b) for x, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
            assert not wrong, f"{what}: row {y}, (column, stock, ours): {wrong[:5]}"


def _status(given: Any, chance: random.Random) -> Any:
    things = []
    for number in range(60):
        name = NAMES[number % len(NAMES)]
        state = chance.choice(("DOWN", "DOWN", "DEGRADED", "OK", "UNKNOWN"))
        things.append(given.check(f"{name} {number}", "health", state, detail=f"http 50{chance.randrange(9)} {name}"))
        if number % 5 == 0:
            things.append(
                given.alert(
                    f"{name} alert {number}",
                    chance.choice(("critical", "warning")),
                    fingerprint=f"{number:016x}",
                    labels={"of": name},
                    annotations={"summary": f"{name} is {chance.randrange(99)} % full"},
                )
            )
    return given.snapshot(*things)


async def _walk(console: Any, given: Any, seed: int, end: Callable[[Both], None] = lambda both: None) -> Both:
    chance = random.Random(seed)
    size = SIZES[seed % len(SIZES)]
    with console.journal() as journal:
        stream = journal.declare(actions.declare("checkout 5xx 日本", severity="SEV2"))[0]
        journal.append(
            stream,
            [actions.note(f"line {n}: 再起動 {NAMES[n % len(NAMES)]} {'#' * (n % 40)}") for n in range(120)],
        )
    look = Look(load_theme(chance.choice(sorted(theme_files().values()))), ascii_only=seed % 7 == 6)
    async with console.open(size=size, look=look):
        both = Both(console.app, size, chance, COLOURS[seed % len(COLOURS)])
        console.app.repaint()
        console.show(_status(given, chance))
        await console.until(lambda: console.app.desk.incident is not None)
        await console.pilot.pause()
        both.check("the start")
        for step in range(STEPS):
            what = chance.random()
            if what < 0.12:
                console.show(_status(given, chance))
                keys = ["(status)"]
                await console.pilot.pause()
            elif what < 0.2:
                size = chance.choice((*SIZES, (97, 31), (60, 18)))
                keys = [str(size)]
                both.begin(size)
                await console.pilot.resize_terminal(*size)
                console.app.repaint()
                await console.pilot.pause(0.05)
            else:
                keys = [chance.choice(KEYS) for _ in range(chance.randint(1, 3))]
                await console.press(*keys)
            if not console.app.is_running:
                raise AssertionError(f"{keys} left the console")
            both.check(f"seed {seed}, step {step}, {keys}")
        end(both)
    return both


@pytest.mark.parametrize("seed", range(3))
async def test_a_walk_through_all_screens_shows_the_same(console: Any, given: Any, seed: int) -> None:
    both = await _walk(console, given, seed)
    stock, ours = both.bytes
    assert ours * 3 < stock


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, int(os.environ.get("VIGIE_WALK_SEEDS", "60"))))
async def test_many_walks_show_the_same(console: Any, given: Any, seed: int) -> None:
    await _walk(console, given, seed)
