"""Opening the console on a terminal, and leaving it: signals, colours, the exit code. Imports Textual."""

# ruff: noqa: E402  # what is imported reads the environment that is set up first
from __future__ import annotations

import gc
import os
import sys
import threading
from functools import partial
from typing import Final

# Textual reads these when it is imported: no animation on a link that may be slow, and no key press is ever waited for.
os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
# An empty NO_COLOR means nothing (https://no-color.org); Textual would take it for "no colour".
if os.environ.get("NO_COLOR") == "":
    del os.environ["NO_COLOR"]
# Textual believes these before the terminal itself, and would never notice a resize.
os.environ.pop("COLUMNS", None)
os.environ.pop("LINES", None)
# Textual would end on a word that it does not know.
if os.environ.get("TEXTUAL_COLOR_SYSTEM", "auto") not in ("auto", "standard", "256", "truecolor"):
    del os.environ["TEXTUAL_COLOR_SYSTEM"]
# What follows a key in a second frame (the step under the cursor) waits for the beat of this clock. It stands still
# while there is nothing to draw.
os.environ.setdefault("TEXTUAL_FPS", "240")

from screens.lean import give_tls_back, import_textual

import_textual()

from screens.app import VigieApp
from screens.cover import Cover, driver_over
from screens.early import Early
from screens.ending import Ending
from screens.glyphs import wants_ascii
from screens.packed import pack
from screens.start import MakeDeps, Start, deps_from
from screens.theming import first_look

_FIRST_S: Final = 0.1  # the first frame waits so long for what it is to show
_TURN_S: Final = (
    0.001  # a thread that puts thousands in order gives way to a key after so long, not after Python's 5 ms
)
_WINDOW: Final = "screens.timeline_window"  # what the first visit of the timeline reads with, in the reader's thread
_OPENING_S: Final = 2.0  # by then what a console needs is imported


def _settle() -> None:
    """The other rooms are imported before they are visited, in a thread: a first visit costs a tenth of a second less.

    Modules and what they made stay for ever: no collection has to look at them, so that none holds up a key.
    """
    from importlib import import_module

    from screens import packing
    from screens.room import MODES

    pack.close()
    give_tls_back()
    if sys.flags.no_site:  # the launcher's way: only the paths were set up
        import site

        site.main()
    for module in (*(mode.room.partition(":")[0] for mode in MODES), _WINDOW):
        try:
            import_module(module)
        except Exception:  # noqa: S112 - told when it is visited
            continue
    gc.freeze()
    gc.enable()
    sys.setswitchinterval(_TURN_S)
    packing.keep_up(pack)


def colours() -> int:
    """How many colours the terminal has: 0 (NO_COLOR), 16, 256 or 16,777,216; by TEXTUAL_COLOR_SYSTEM, COLORTERM, TERM."""
    if os.environ.get("NO_COLOR"):
        return 0
    named = os.environ.get("TEXTUAL_COLOR_SYSTEM", "auto")
    if named != "auto":
        return {"standard": 16, "256": 256, "truecolor": 1 << 24}[named]
    if os.environ.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit"):
        return 1 << 24
    _, _, depth = os.environ.get("TERM", "").strip().lower().rpartition("-")
    return {"256color": 256, "kitty": 256, "direct": 1 << 24}.get(depth, 16)


def run(
    start: Start, make_deps: MakeDeps | None = None, *, cover: Cover | None = None, early: Early | None = None
) -> int:
    """Run the console until it is left. Returns the exit code: 0, 2 (could not be opened), 128 + signal.

    *cover* holds the terminal until the driver has it; it also says where the last screen is kept. *early*
    has read what the first frame shows.
    """
    app = VigieApp(make_deps or partial(deps_from, start), first_look(colours(), wants_ascii()))
    if os.environ.get("VIGIE_DRIVER") != "stock":
        from screens.driver import choose

        app.driver_class = choose() or app.driver_class

    first = early.take(_FIRST_S) if early is not None else None
    if first is not None and first.status is not None:
        app.desk.read_only = start.read_only
        app.desk.begin_with(first)
    if cover is not None:
        app.driver_class = driver_over(cover, app.driver_class)
        if not start.read_only:
            app.keep_at, app.launch_at = cover.place, cover.launch

    def leave(code: int) -> None:
        app.call_from_signal(partial(app.end, code))

    opened = threading.Timer(_OPENING_S, _settle)
    opened.daemon = True
    opened.start()
    with Ending(leave, cover.settings if cover is not None else None) as ending:
        try:
            app.run(mouse=False)
        finally:
            opened.cancel()
            ending.watch_exit()
            app.lending.close()
            unsaved = app.desk.close()
            if cover is not None:
                cover.lift()
            if app.last_screen is not None:
                app.last_screen.close()
        code = ending.code or app.return_code or 0
        if unsaved:
            app.line = app.line or (
                f"{unsaved} line{'s' if unsaved > 1 else ''} not on disk yet, kept as drafts: the next console saves them"
            )
        if app.line:
            from console.sanitize import one_line

            try:
                sys.stderr.write(f"vigie: {one_line(app.line)}\n")
                sys.stderr.flush()
            except OSError:
                pass
    return code
