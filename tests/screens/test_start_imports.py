"""What is loaded when the first frame is on the terminal: the start is paid in imports, and they creep in one by one."""

from __future__ import annotations

import json
import os
import subprocess
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
if sys.argv[1] != "minimal":
    from screens.lean import import_textual
    import_textual()
from textual.app import App

def ours():
    from functools import partial
    from dataclasses import replace
    import screens.main  # the script's way in
    from screens.opening import run
    from screens.start import Start, deps_from
    return run(Start(db=sys.argv[2]), lambda: replace(deps_from(Start(db=sys.argv[2])), watching=False))

def live():  # the first frame with data in it, as the script shows it
    from dataclasses import replace
    import screens.main
    from screens.early import begin
    options = {"db": sys.argv[2], "config": sys.argv[4]}
    early = begin(options)
    from screens import opening
    from screens.start import Start, deps_from
    opening._FIRST_S = 20
    start = Start(**options)
    return opening.run(start, lambda: replace(deps_from(start), watching=False), early=early)

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
    names = {"first", "room"} if getattr(self.screen, "mode", "-") else {"first"}
    name = "room" if "room" in names else "first"
    if names - seen.keys():
        seen.update((name, sorted(sys.modules)) for name in names - seen.keys())
        with open(sys.argv[3], "w") as file:
            json.dump(seen, file)
        if name == "room":
            self.exit()

Compositor.render_update = remember
App.post_display_hook = frame
sys.exit({"ours": ours, "live": live, "minimal": minimal}[sys.argv[1]]())
"""

HEAVY = {
    "click",
    "httpx",
    "jinja2",
    "markdown_it",
    "platformdirs",
    "psutil",
    "pygments",
    "sqlite3",
    "ssl",
    "textual.command",
    "textual.widgets._data_table",
    "textual.widgets._input",
    "textual.widgets._markdown",
    "textual.widgets._option_list",
    "textual.widgets._select",
    "textual.widgets._toast",
    "textual.widgets._tree",
    "tree_sitter",
    "ulid",
    "yaml",
    "zoneinfo",
}
# What the first frame needs of us, and nothing else. A line more here is a choice: it costs every start half a
# millisecond, or a fifth of that out of the pack.
OURS = set(
    """
    console console.clock console.sanitize console.streams screens screens.action screens.actions screens.actions_rooms
    screens.actions_runbook screens.app screens.asks screens.bridge screens.cover screens.desk
    screens.drafts screens.driver screens.early screens.ending screens.foot screens.glyphs
    screens.header screens.kept screens.launched screens.lean screens.link screens.look screens.main
    screens.opening screens.packed screens.performs screens.refused_words
    screens.reader screens.room screens.start screens.suspending screens.term screens.term.abilities screens.term.brush
    screens.term.cells screens.term.diff screens.term.frames screens.term.pace screens.term.pieces screens.term.portions
    screens.term.scrolling screens.term.styles screens.term.traffic screens.term.tty screens.theming screens.typed_ahead
    screens.widgets screens.widgets.editor screens.widgets.line screens.widgets.text
    """.split()
)
# With data in it: the room, the struct of the status, what decodes it.
WITH_DATA = set(
    """
    console.snapshot screens.status screens.status_detail screens.status_entries screens.status_feed screens.status_notice
    screens.status_order screens.status_panes screens.status_rows screens.status_view screens.widgets.pages screens.widgets.table
    """.split()
)
MORE_THAN_MINIMAL = 29  # modules in all, over the minimal application's
# From elsewhere, over what a minimal Textual application loads.
BESIDES = {"_queue", "gc", "queue"}
DECODING = "msgspec"  # also what our own small structs are made of: a dataclass takes twenty times as long to define


def loaded(folder: Path, which: str) -> Mapping[str, set[str]]:
    """The modules at the first frame, and when the first room is there."""
    found = folder / f"{which}.json"
    program = [sys.executable, "-P", "-c", textwrap.dedent(PROGRAM), which, str(folder / "vigie.db"), str(found)]
    program.append(str(folder / "vigie.yaml"))
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
    assert sorted((HEAVY - {"platformdirs", "sqlite3", "ssl", "yaml", "zoneinfo"}) & start["room"]) == []


def test_the_first_frame_needs_these_modules_of_ours(start: Mapping[str, set[str]]) -> None:
    assert own(start["first"]) == OURS


def test_the_first_frame_needs_hardly_more_than_a_minimal_application(
    start: Mapping[str, set[str]], tmp_path: Path
) -> None:
    more = start["first"] - loaded(tmp_path, "minimal")["first"] - OURS - BESIDES
    assert sorted(name for name in more if name.partition(".")[0] != DECODING) == []


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one processor: nothing is read beforehand")
def test_the_first_frame_with_real_data_needs_hardly_more_either(tmp_path: Path) -> None:
    (tmp_path / "vigie.yaml").write_text(
        "services: [{name: gate, checks: [{kind: tcp, name: port, host: 127.0.0.1, port: 9, interval: 20s}]}]\n"
    )
    options = ["--db", str(tmp_path / "vigie.db"), "--config", str(tmp_path / "vigie.yaml")]
    subprocess.run(
        [sys.executable, "-P", "-m", "screens.main", *options, "watch", "--once"],
        env={**os.environ, "PYTHONPATH": str(REPO), "HOME": str(tmp_path)},
        capture_output=True,
        timeout=60,
        check=False,
    )
    live, minimal = loaded(tmp_path, "live")["room"], loaded(tmp_path, "minimal")["first"]
    assert own(live) == OURS | WITH_DATA
    assert sorted(HEAVY & live) == []
    assert len(live) <= len(minimal) + MORE_THAN_MINIMAL
