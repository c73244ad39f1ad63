"""A command that was started, by this process or another: how it stands, and asking for its end."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from console.journal import place
from console.journal.events import CommandFinished
from console.runbook import spool, status

UNDER_WAY: Final = (status.LAUNCHING, status.STARTING, status.RUNNING)


class CommandHandle(Struct, frozen=True, kw_only=True):
    """A command that was started, by this process or another."""

    command: str
    folder: Path
    stream: str
    text: str
    actor: str
    run: str
    step: str
    title: str
    started_us: int
    cap_bytes: int

    @property
    def output(self) -> Path:
        """Where its output is kept."""
        return Path(spool.output_path(str(self.folder), self.command))

    @property
    def is_running(self) -> bool:
        """Whether a supervisor still looks after it."""
        found = status.read(str(self.folder), self.command)
        return found is not None and found["state"] in UNDER_WAY and status.is_looked_after(str(self.output))

    @property
    def finish(self) -> CommandFinished | None:
        """How it ended, once it has; known here a moment before it is in the journal."""
        found = status.read(str(self.folder), self.command)
        return None if found is None or "finish" not in found else CommandFinished(**found["finish"])

    @property
    def is_recorded(self) -> bool:
        """Whether its end is in the journal."""
        found = status.read(str(self.folder), self.command)
        return found is not None and found["state"] == status.RECORDED

    @classmethod
    def of(cls, folder: Path, found: Mapping[str, Any]) -> CommandHandle:
        """The handle that a status file describes."""
        return cls(
            command=found["command"],
            folder=folder.absolute(),
            stream=found["stream"],
            text=found["text"],
            actor=found["actor"],
            run=found["run"],
            step=found["step"],
            title=found["title"],
            started_us=found["started_us"],
            cap_bytes=found["cap"],
        )

    def discard(self) -> None:
        """Remove what was made for a command that was then not announced."""
        for path in (self.output, Path(status.status_path(str(self.folder), self.command))):
            path.unlink(missing_ok=True)


def cancel(handle: CommandHandle, by: str) -> None:
    """Ask its supervisor to end it: SIGTERM to all that belongs to it, SIGKILL after its grace. Raises ``OSError``."""
    _ask(handle, "cancel", by)


def interrupt(handle: CommandHandle, by: str) -> None:
    """Send SIGINT to its process group, as ctrl-C would. Raises ``OSError``."""
    _ask(handle, "interrupt", by)


def _ask(handle: CommandHandle, do: str, by: str) -> None:
    status.ask(str(handle.folder), handle.command, do, by, mode=place.file_mode_of(handle.output))
    found = status.read(str(handle.folder), handle.command)
    if found is None or "pid" not in found or found["state"] != status.RUNNING or not handle.is_running:
        return  # it looks at its requests by itself, within a second
    try:
        os.kill(found["pid"], signal.SIGUSR1)
    except (ProcessLookupError, PermissionError):
        pass
