"""A journal with one incident, a spool beside it, and the end of every process that a test started."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from console.journal.events import CommandFinished, Declared, Event, New, Origin
from console.journal.store import Journal
from console.runbook import launch, processes, status
from console.runbook.handle import CommandHandle
from console.runbook.launch import CommandRequest

DEADLINE_S = 60.0


def until(condition: Callable[[], object], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Wait for *condition*."""
    limit = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < limit, f"never came: {what}"
        time.sleep(0.005)


class Desk(Struct):
    """What a test works with."""

    journal: Journal
    stream: str
    spool: Path

    def start(self, script: str | None, **how: object) -> CommandHandle:
        """Run *script* in bash."""
        fields: dict[str, object] = {
            "text": script or "argv",
            "script": script,
            "stream": self.stream,
            "cwd": Path("/"),
            **how,
        }
        return launch.start_command(self.journal, self, CommandRequest(**fields))  # type: ignore[arg-type]  # test kwargs

    def end(self, handle: CommandHandle, deadline_s: float = DEADLINE_S) -> CommandFinished:
        """Wait for the record of its end, from the journal."""
        until(lambda: handle.is_recorded, f"the end of {handle.text[:60]!r}", deadline_s)
        found = [body for body in self.finishes() if body.command == handle.command]
        assert len(found) == 1
        return found[0]

    def run(self, script: str | None, **how: object) -> tuple[CommandFinished, str]:
        """Run *script* to its end: the record, and the output."""
        finish, output = self.run_raw(script, **how)
        return finish, output.decode(errors="replace")

    def run_raw(self, script: str | None, **how: object) -> tuple[CommandFinished, bytes]:
        """The same, with the output byte for byte."""
        handle = self.start(script, **how)
        finish = self.end(handle)
        return finish, handle.output.read_bytes()

    def finishes(self) -> list[CommandFinished]:
        """Every command's end in the journal."""
        return [event.body for event in self.events() if isinstance(event.body, CommandFinished)]

    def events(self) -> list[Event]:
        """The incident's events."""
        return list(self.journal.all(self.stream))


@pytest.fixture
def desk(database: Path) -> Iterator[Desk]:
    with Journal.open(database, actor="ana", origin=Origin(program="cli", host="here", tty="pts/1", uid=7)) as journal:
        stream, _, _ = journal.declare([New(body=Declared(title="feeds are stale"))])
        found = Desk(journal=journal, stream=stream, spool=database.with_suffix(".d") / "spool")
        yield found
        for path in (*found.spool.glob("*.status"), *found.spool.glob("*.done")):
            end((status.read(str(found.spool), path.stem) or {}).get("pid"))


def end(supervisor: int | None) -> None:
    """End a supervisor that a failing test left behind, with all that belongs to it."""
    limit = time.monotonic() + 5
    while supervisor and processes.exists(supervisor) and time.monotonic() < limit:
        try:
            if b"supervise.py" not in Path(f"/proc/{supervisor}/cmdline").read_bytes():
                return  # another process has the number by now
        except OSError:
            return
        left = processes.descendants(supervisor)
        processes.send(left or [supervisor], signal.SIGKILL)
        time.sleep(0.005)
