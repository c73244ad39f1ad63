"""The process that owns a demo: it makes the folder, starts the services and the watch, and clears everything away.

It works for the process that started it and ends with it, whatever ends that one: its standard input is a lifeline. It
prints one line: ``ok FOLDER`` when everything runs, or ``no REASON``.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from console.demo.home import MARK, PREFIX, Home
from console.demo.lifeline import GRACE_S, Dependant, until_closed
from console.demo.service import Setting

if TYPE_CHECKING:
    import psutil

ORDER: Final = ("storage", "feed", "api", "customers")  # each may need the ports of those before it
START_S: Final = 20.0


class Company:
    """The processes of one demo. :meth:`end` leaves none of them, and nothing of their folder."""

    def __init__(self, speed: float, seed: int) -> None:
        self.speed = speed
        self.seed = seed
        self.home = Home(Path(tempfile.mkdtemp(prefix=PREFIX)))
        self.children: list[Dependant] = []

    def start(self) -> None:
        """Start the services one after the other, then the watch. Raises ``RuntimeError`` in one line."""
        self.home.furnish()
        ports: dict[str, int] = {}
        for name in ORDER:
            setting = Setting(folder=str(self.home.volume), speed=self.speed, seed=self.seed, ports=ports)
            child = self._start("console.demo.services", name, msgspec.json.encode(setting).decode())
            line = child.first_line(START_S)
            if not line.isdecimal():
                raise RuntimeError(f"the demo's service {name} did not start")
            ports[name] = int(line)
        self.home.describe(ports, self.speed)
        self._start("console.demo.watcher", str(self.home.config), str(self.home.database))

    def _start(self, module: str, *arguments: str) -> Dependant:
        with (self.home.folder / "processes.log").open("a") as log:
            child = Dependant(module, *arguments, env=self.home.environment(), cwd=self.home.folder, errors=log)
        self.children.append(child)
        return child

    def end(self) -> None:
        """Stop every process of this demo, also those that others started in it, and remove the folder."""
        for child in self.children:
            child.let_go()
            child.process.terminate()
        deadline = time.monotonic() + GRACE_S
        for child in self.children:
            child.wait(deadline - time.monotonic())
        clear(self.home)


def clear(home: Home) -> None:
    """End what still carries this demo's mark (a running command, a watch of the console's), remove the folder."""
    import psutil

    for polite in (True, False):
        left = marked(home)
        for process in left:
            try:
                process.terminate() if polite else process.kill()
            except psutil.Error:
                pass
        psutil.wait_procs(left, timeout=GRACE_S)
    shutil.rmtree(home.folder, ignore_errors=True)


def marked(home: Home) -> list[psutil.Process]:
    """Processes of this user that carry the mark of the demo in *home*, this one and its parent apart."""
    import psutil

    own = {os.getpid(), os.getppid()}
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid not in own and process.environ().get(MARK) == str(home.folder):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def main(argv: list[str]) -> int:
    """``director SPEED SEED``: run a demo until standard input closes or a signal says so."""
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: ending.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C is for the one in front
    company = Company(float(argv[1]), int(argv[2]))
    threading.Thread(target=_follow, args=(ending,), name="lifeline", daemon=True).start()
    try:
        company.start()
        _say(f"ok {company.home.folder}")
        ending.wait()
    except RuntimeError as error:
        _say(f"no {error}")
        return 1
    finally:
        company.end()
    return 0


def _follow(ending: threading.Event) -> None:
    until_closed(0)
    ending.set()


def _say(line: str) -> None:
    try:
        os.write(1, f"{line}\n".encode())
    except OSError:
        pass  # whom we work for is gone; the lifeline says so too


if __name__ == "__main__":
    sys.exit(main(sys.argv))
