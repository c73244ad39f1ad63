"""Makes docs/console.svg: the real console, over the real demo in its outage, photographed by itself.

    python docs/make_picture.py [FILE]

Nothing is drawn by hand: the demo's services run and fail, a watch checks them, and the keys below are pressed in the
application. Needs no terminal; takes about half a minute.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from contextlib import chdir
from pathlib import Path

from textual import events
from textual.pilot import Pilot

from console.demo.stage import stage
from screens.app import VigieApp
from screens.look import Look
from screens.start import Start, deps_from

SIZE = (100, 24)
SPEED, SEED = 8.0, 1
PATIENCE = 120.0  # seconds for any one thing to come about


class Scene:
    """The console that is photographed."""

    def __init__(self, app: VigieApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    def text(self) -> str:
        """What stands on the screen."""
        strips = self.app.screen._compositor.render_strips(self.app.size)
        return "\n".join("".join(segment.text for segment in strip) for strip in strips)

    async def until(self, pattern: str) -> None:
        """Wait until *pattern* is on the screen."""
        end = time.monotonic() + PATIENCE
        while not re.search(pattern, self.text(), re.MULTILINE):
            if time.monotonic() > end:
                raise SystemExit(f"/{pattern}/ did not come about:\n{self.text()}")
            await asyncio.sleep(0.05)
        await self.pilot.pause()

    async def run(self, step: str, output: str) -> None:
        """Run the command of *step*, as soon as it is shown, and wait for its end and for *output*."""
        await self.until(rf"(?m) {re.escape(step)} of | {re.escape(step)} \(")
        follow = self.app.bridge.rooms["runbook"].following  # type: ignore[attr-defined]  # the runbook room's own
        while not follow.arming.armed:  # there is no terminal here to say that it has drawn: we answer in its place
            for row, column in list(follow.arming._asked):
                self.app.post_message(events.CursorPosition(column - 1, row - 1))
            await asyncio.sleep(0.05)
            await self.pilot.pause()
        await self.pilot.press("x")
        await self.until(rf"(?s){output}.*exit 0|exit 0.*{output}")

    async def type(self, text: str) -> None:
        """Press the keys of *text*, and Enter."""
        await self.pilot.press(*("space" if char == " " else char for char in text), "enter")


async def play(scene: Scene) -> str:
    """Bring the console to what the picture shows; the picture."""
    press = scene.pilot.press
    await scene.until("DOWN 3")
    await press("home")
    while "✗ D readings-volume" not in next(line for line in scene.text().split("\n") if line.startswith("▌")):
        await press("down")
    await press("a")
    await scene.type("looking at it")
    await scene.until("ack ann")
    await press("D", "ctrl+c")
    await scene.type("sev2 forecasts are old and failing -2m")
    await scene.until("INC-1 SEV2")
    await press("1", "home")
    await scene.until(r"▌✗ D (?!readings)")
    while not re.search("▌✗ D readings-volume", scene.text()):
        await press("down")
    await press("r")
    await scene.until("▌Readings volume is full")
    await press("s")
    await scene.run("1.1", "used_percent")
    await press("space")
    await scene.run("1.2", "capture-")
    await press("n")
    await press(*("space" if char == " " else char for char in "-1m somebody left the radio capture on #finding"))
    await scene.until("finding *$")
    return scene.app.export_screenshot(title="vigie", simplify=True)


async def picture(config: str, database: str) -> str:
    """Run the console on the demo's configuration and database."""
    app = VigieApp(lambda: deps_from(Start(config=config, db=database, actor="ann")), Look())
    try:
        async with app.run_test(size=SIZE) as pilot:
            return await play(Scene(app, pilot))
    finally:
        app.desk.close()


def main(argv: list[str]) -> int:
    """Write the picture."""
    target = Path(argv[0]).absolute() if argv else Path(__file__).resolve().with_name("console.svg")
    with chdir("/"), stage(SPEED, SEED) as home:  # the folder is part of the picture: one that everybody has
        svg = asyncio.run(picture(str(home.config), str(home.database)))
    # Renderers other than browsers drop blanks at the ends of words unless told.
    svg = re.sub(r"[ \t]+$", "", svg.replace("<text ", '<text xml:space="preserve" '), flags=re.MULTILINE)
    target.write_text(svg.rstrip("\n") + "\n", encoding="utf-8")
    sys.stdout.write(f"{target}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
