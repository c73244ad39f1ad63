"""When the screen is kept for the next start: now and then while Status is looked at, and when the console is left.

A console opens with Status, so that is what its next start shows at once. Nothing is kept while a line is being typed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from os.path import abspath
from typing import TYPE_CHECKING, Final

from screens import kept, launched

if TYPE_CHECKING:
    from screens.bridge import Bridge
    from screens.desk import Desk

LOOK_S: Final = 5.0
_SAVE_S: Final = 20.0  # at most so often on the disk; a killed console leaves what is no older
_OPENING: Final = "status"  # the mode that a console opens with

Cells = Sequence[Sequence[str]]


class LastScreen:
    """Keeps the screen at *place*. Everything but the writing happens on the UI thread."""

    def __init__(
        self,
        place: kept.Place,
        launch: launched.Launch | None,
        desk: Desk,
        bridge: Bridge,
        cells: Callable[[], Cells | None],
    ) -> None:
        """Where it is kept for Python, and for the launcher; *cells* gives the frame that is shown, None where nobody knows."""
        self._place = place
        self._launch = launch
        self._desk = desk
        self._bridge = bridge
        self._cells = cells
        self._newest: tuple[float, list[list[str]]] | None = None
        self._saved = float("-inf")  # monotonic
        self._thread: threading.Thread | None = None

    def look(self) -> None:
        """Remember what is on the screen, if it may be kept; write it down if it is time."""
        self._take()
        now = time.monotonic()
        if (
            self._newest is None
            or now - self._saved < _SAVE_S
            or (self._thread is not None and self._thread.is_alive())
        ):
            return
        self._saved = now
        newest, self._newest = self._newest, None
        self._thread = threading.Thread(target=self._save, args=newest, name="last screen", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """The console is being left: write the newest down."""
        self._take()
        if self._thread is not None:
            self._thread.join(0.5)
        if self._newest is not None:
            self._save(*self._newest)
            self._newest = None
        kept.tidy(self._place)
        if self._launch is not None:
            kept.tidy(self._launch)

    def _take(self) -> None:
        bridge, desk = self._bridge, self._desk
        if bridge.mode != _OPENING or bridge.help is not None or bridge.foot.typing or desk.status is None:
            return
        cells = self._cells()
        if cells is not None:
            self._newest = (time.time(), [list(row) for row in cells])

    def _save(self, at: float, rows: list[list[str]]) -> None:
        deps = self._desk.deps
        if deps is None:
            return
        config = abspath(deps.config_file) if deps.config_file is not None else ""  # noqa: PTH100  # as kept.place_of does
        database = abspath(deps.paths.database)  # noqa: PTH100
        severities = [level.name for level in deps.config.severities]
        data = kept.form(rows, self._place, at, database, config, deps.config.title, severities)
        if data is not None:
            kept.save(self._place, data)
        if self._launch is not None:
            data = launched.form(rows, self._launch, at, database, config)
            if data is not None:
                kept.save(self._launch, data)
