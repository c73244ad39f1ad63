"""What is loaded when the first frame is on the terminal: the start is paid in imports, and they creep in one by one."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.terminal import Terminal

REPO = Path(__file__).resolve().parents[2]

# Runs a console (or the minimal application) and writes down what is loaded when a frame has been handed to the terminal:
# the first of all, and the first that shows the status.
PROGRAM = """
import json, sys
from textual.app import App

def ours():
    from functools import partial
    from dataclasses import replace
    import screens.main  # the script's way in
    from screens.opening import run
    from screens.start import Start, deps_from
    return run(Start(db=sys.argv[2]), lambda: replace(deps_from(Start(db=sys.argv[2])), watching=False))

def minimal():
    from tests.bench._minimal import main
    return main()

from textual._compositor import Compositor

render, made, seen = Compositor.render_update, [], {}

def remember(self, *arguments, **more):
    made[:] = [render(self, *arguments, **more)]
    return made[0]

def frame(self):  # Textual calls it when a frame has been displayed, whatever driver there is
    if not made or made.pop() is None:
        return
    name = "first" if "first" not in seen else "room" if getattr(self.screen, "mode", "-") else ""
    if name and name not in seen:
        seen[name] = sorted(sys.modules)
        with open(sys.argv[3], "w") as file:
            json.dump(seen, file)
        if name == "room":
            self.exit()

Compositor.render_update = remember
App.post_display_hook = frame
sys.exit((ours if sys.argv[1] == "ours" else minimal)())
"""

HEAVY = {
    "click",
    "httpx",
    "jinja2",
    "markdown_it",
    "msgspec",
    "psutil",
    "pygments",
    "sqlite3",
    "textual.widgets._data_table",
    "textual.widgets._markdown",
    "tree_sitter",
    "ulid",
    "yaml",
    "zoneinfo",
}
# What the first frame needs of us, and nothing else. A line more here is a choice: it costs every start about a millisecond.
OURS = {
    "console",
    "console.clock",
    "console.sanitize",
    "console.streams",
    "screens",
    "screens.actions",
    "screens.app",
    "screens.asks",
    "screens.bridge",
    "screens.desk",
    "screens.drafts",
    "screens.ending",
    "screens.foot",
    "screens.glyphs",
    "screens.header",
    "screens.look",
    "screens.main",
    "screens.opening",
    "screens.performs",
    "screens.reader",
    "screens.room",
    "screens.start",
    "screens.theming",
    "screens.widgets",
    "screens.widgets.editor",
    "screens.widgets.line",
    "screens.widgets.text",
}
# From elsewhere, over what a minimal Textual application loads.
BESIDES = {"_queue", "gc", "queue"}


def loaded(folder: Path, which: str) -> Mapping[str, set[str]]:
    """The modules at the first frame, and when the first room is there."""
    found = folder / f"{which}.json"
    program = [sys.executable, "-P", "-c", textwrap.dedent(PROGRAM), which, str(folder / "vigie.db"), str(found)]
    with Terminal(program, env={"PYTHONPATH": str(REPO), "HOME": str(folder)}, cwd=folder) as terminal:
        assert terminal.wait_exit() == 0, terminal.framed()
    return {name: set(modules) for name, modules in json.loads(found.read_text()).items()}


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, set[str]]:
    return loaded(tmp_path_factory.mktemp("ours"), "ours")


def own(modules: set[str]) -> set[str]:
    return {name for name in modules if name.split(".")[0] in ("console", "screens", "runbooks", "themes")}


def test_nothing_heavy_before_the_first_frame(start: Mapping[str, set[str]]) -> None:
    assert sorted(HEAVY & start["first"]) == []


def test_nothing_heavy_before_the_first_room(start: Mapping[str, set[str]]) -> None:
    """The reader's thread imports what it needs beside it, so this looks at the rest alone."""
    assert sorted((HEAVY - {"msgspec", "sqlite3", "yaml", "zoneinfo"}) & start["room"]) == []


def test_the_first_frame_needs_these_modules_of_ours(start: Mapping[str, set[str]]) -> None:
    assert own(start["first"]) == OURS


def test_the_first_frame_needs_hardly_more_than_a_minimal_application(
    start: Mapping[str, set[str]], tmp_path: Path
) -> None:
    more = start["first"] - loaded(tmp_path, "minimal")["first"] - OURS
    assert sorted(more - BESIDES) == []
