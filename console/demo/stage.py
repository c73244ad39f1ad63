"""A demo from the outside: start its director, use its :class:`~console.demo.home.Home`, and have it cleared away."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from console.demo.director import clear
from console.demo.home import FOREIGN, Home
from console.demo.lifeline import Dependant

START_S: Final = 60.0
END_S: Final = 20.0
_DEATHS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StageError(Exception):
    """The demo could not be started; ``str()`` is one line."""


@contextmanager
def stage(speed: float, seed: int) -> Iterator[Home]:
    """A running demo; on leaving, by whatever way, no process of it and nothing of its folder is left.

    Changes this process's environment as the demo needs it, so that what is started from here belongs to it.
    """
    director = Dependant("console.demo.director", str(speed), str(seed))
    before = dict(os.environ)
    home: Home | None = None
    try:
        word, _, rest = director.first_line(START_S).partition(" ")
        if word != "ok":
            raise StageError(rest or "the demo's services did not start")
        home = Home(Path(rest))
        os.environ.update(home.environment())
        for name in FOREIGN:
            os.environ.pop(name, None)
        yield home
    finally:
        os.environ.clear()
        os.environ.update(before)
        _end(director)
        if home is not None and home.folder.exists():  # the director was killed
            clear(home)


def _end(director: Dependant) -> None:
    # A second ctrl-C or hang-up must not leave half of it behind.
    in_front = threading.current_thread() is threading.main_thread()
    handlers = {number: signal.signal(number, signal.SIG_IGN) for number in _DEATHS} if in_front else {}
    try:
        director.let_go()
        director.wait(END_S)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
