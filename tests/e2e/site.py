"""A host with Vigie on it, for one test: a folder, a configuration, a database, and consoles over it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil

from console.config import Paths
from console.journal.events import Event, Origin
from console.journal.store import Journal
from tests.e2e.terminal import PATIENCE, Terminal

VIGIE: Final = Path(sys.executable).with_name("vigie")
MARK: Final = "VIGIE_TEST_SITE"

# A service that is up as long as this file's port answers; a test gives its own configuration for more.
QUIET: Final = """\
title: site
services:
  - name: box
    checks:
      - {kind: disk, path: /, warn: 100, fail: 100, interval: 2s}
"""


def eventually(holds: Callable[[], Any], what: str, timeout: float = PATIENCE) -> Any:
    """Wait until *holds()* is true and return it; fails with *what* otherwise."""
    deadline = time.monotonic() + timeout
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not seen within {timeout:g} s: {what}"
        time.sleep(0.02)
    return found


class Site:
    """One folder; everything that is started from here carries its mark and ends with the test."""

    def __init__(self, folder: Path, configuration: str = QUIET) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "vigie.yaml"
        self.config.write_text(configuration)
        self.paths = Paths(folder / "data" / "vigie.db")
        home = folder / "home"
        home.mkdir(exist_ok=True)
        self.env: dict[str, str] = {MARK: str(folder), "HOME": str(home), "XDG_RUNTIME_DIR": str(home)}

    def argv(self, *more: str, actor: str = "ann") -> list[str | os.PathLike[str]]:
        """The command line of ``vigie`` here."""
        return [VIGIE, "--config", self.config, "--db", self.paths.database, "--actor", actor, *more]

    def console(self, *more: str, actor: str = "ann", env: Mapping[str, str] | None = None, **how: Any) -> Terminal:
        """A console on a terminal of its own."""
        return Terminal(self.argv(*more, actor=actor), env={**self.env, **(env or {})}, cwd=self.folder, **how)

    def journal(self, **how: Any) -> Journal:
        """The journal, as another process sees it."""
        how.setdefault("read_only", True)
        how.setdefault("create", False)
        origin = Origin(program="cli", host="test")
        return Journal.open(self.paths.database, actor="test", origin=origin, **how)

    def events(self, kind: str | None = None) -> list[Event]:
        """All events of the newest incident (of one kind), as they are on disk; [] while there is none."""
        if not self.paths.database.exists():
            return []
        with self.journal(read_only=False) as journal:
            incidents = journal.incidents()
            found = list(journal.all(incidents[0].stream)) if incidents else []
        return [event for event in found if kind is None or event.kind == kind]

    def texts(self, kind: str = "noted") -> list[str]:
        """The texts of the events of one kind."""
        return [str(getattr(event.body, "text", "")) for event in self.events(kind)]

    def processes(self) -> list[psutil.Process]:
        """What was started from here and still runs."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == str(self.folder) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found

    def consoles(self) -> list[psutil.Process]:
        """The consoles among them, and commands of ``vigie``."""
        return [
            one for one in self.processes() if "vigie" in " ".join(part.rpartition("/")[2] for part in _argv(one)[:4])
        ]

    def watches(self) -> list[psutil.Process]:
        """The watch processes among them."""
        return [one for one in self.processes() if "console.daemon" in " ".join(_argv(one))]

    def clear(self) -> None:
        """End everything that was started from here."""
        for process in self.processes():
            try:
                process.kill()
            except psutil.Error:
                pass
        psutil.wait_procs(self.processes(), timeout=PATIENCE)


def _argv(process: psutil.Process) -> Sequence[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@contextmanager
def site(folder: Path, configuration: str = QUIET) -> Iterator[Site]:
    """A site for one test; nothing that it started is left."""
    here = Site(folder, configuration)
    try:
        yield here
    finally:
        here.clear()
