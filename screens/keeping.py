"""The console's side of the watch, in a thread of its own: be heard, and start a watch when nobody leads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from console.live import Live
    from screens.start import Deps

_TICK_S: Final = 1.0


class Keeping:
    """Ticks a ``console.watch.keeper.Keeper`` until closed; *told* gets its line when it changes. *live* says how this
    console is doing, for its file beside the database."""

    def __init__(self, deps: Deps, told: Callable[[str], None], live: Callable[[], Live]) -> None:
        self._deps = deps
        self._told = told
        self._live = live
        self.still = threading.Lock()  # held while something is read or written
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
        self._thread.start()

    def close(self, timeout: float = 0.5) -> None:
        """This console leaves; the watch goes on."""
        self._stop.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        from console import live
        from console.watch.keeper import Keeper

        deps = self._deps
        keeper = Keeper(deps.paths, deps.config, deps.config_file, deps.clock)
        said = ""
        written = float("-inf")
        try:
            while not self._stop.is_set():
                with self.still:
                    keeper.tick()
                    if deps.clock.monotonic() - written >= live.EVERY_S:
                        written = deps.clock.monotonic()
                        try:
                            live.write(deps.paths.folder, self._live())
                        except Exception:  # noqa: S110 - no folder yet, a full disk: nothing of it may end the keeping
                            pass
                if keeper.problem != said:
                    said = keeper.problem
                    self._told(said)
                self._stop.wait(_TICK_S)
        finally:
            keeper.close()
            live.remove(deps.paths.folder, os.getpid())
