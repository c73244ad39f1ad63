"""Finding commands again: what still runs, and the end of what nobody looks after any more."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from console.journal.errors import JournalError
from console.journal.events import CommandFinished, CommandStarted, Event, New
from console.journal.store import Journal
from console.runbook import processes, record, spool, status
from console.runbook.handle import UNDER_WAY, CommandHandle


class Places(Protocol):
    """What is needed of :class:`console.config.Paths`."""

    @property
    def spool(self) -> Path:
        """The folder of command output."""
        ...


def running(paths: Places) -> list[CommandHandle]:
    """The commands that are being looked after, whoever started them, oldest first."""
    folder = str(paths.spool)
    return [
        CommandHandle.of(paths.spool, found)
        for found in status.unrecorded(folder)
        if found["state"] in UNDER_WAY and status.is_looked_after(spool.output_path(folder, found["command"]))
    ]


def find(paths: Places, command: str) -> CommandHandle | None:
    """The command with this id, running or not; None when its spool is gone."""
    found = status.read(str(paths.spool), command)
    return None if found is None else CommandHandle.of(paths.spool, found)


def reconcile(
    journal: Journal, paths: Places, unfinished: Mapping[str, tuple[str, CommandStarted]] | None = None
) -> list[Event]:
    """Record the end of commands that nobody looks after any more; nothing is ever run again. Returns the new events.

    A supervisor that could not write its event left it in the status file; one that died, or a host that restarted, leaves
    an outcome that is unknown. *unfinished* (id → stream and start) are commands whose end a fold has not seen: those
    without a spool are settled too when this host has restarted since.
    """
    boot = processes.boot_id()
    folder = str(paths.spool)
    done: list[Event] = []
    for seen in status.unrecorded(folder):
        if status.is_looked_after(spool.output_path(folder, seen["command"])):
            continue
        found = status.read(folder, seen["command"])  # again: it may have ended between the two looks
        if found is None or found["state"] == status.RECORDED:
            continue
        if found["state"] != status.FINISHED and journal.get(found["event"]) is None:
            CommandHandle.of(paths.spool, found).discard()  # never announced, so never started
            continue
        event = settle(
            journal,
            folder,
            {"finish": _unknown(found, boot), **found},
            _mode(spool.output_path(folder, found["command"])),
        )
        if event is not None:
            done.append(event)
    for command, (stream, start) in (unfinished or {}).items():
        if start.boot_id and start.boot_id != boot and status.read(folder, command) is None:
            finish = CommandFinished(
                command=command,
                run=start.run,
                step=start.step,
                outcome="unknown",
                error="the host restarted before it ended",
            )
            done.append(record.put(journal, stream, New(body=finish, dedupe=record.finish_key(command))))
    return done


def _unknown(found: Mapping[str, Any], boot: str) -> dict[str, Any]:
    outcome, error = "unknown", "its supervisor is gone without a record; it may still be running"
    if found["state"] == status.LAUNCHING:
        outcome, error = "not_started", "Vigie ended before it could start it"
    elif found["boot_id"] != boot:
        error = "the host restarted before it ended"
    elif "child" in found:
        error += f" as process {found['child']}"
    told = {"command": found["command"], "run": found["run"], "step": found["step"], "outcome": outcome, "error": error}
    return {**told, "attempts": found.get("attempt", 1), "tries": found.get("tries", [])}


def _mode(path: str) -> int:
    try:
        return Path(path).stat().st_mode & 0o666
    except OSError:
        return 0o600


def settle(journal: Journal, folder: str, found: dict[str, Any], mode: int) -> Event | None:
    """Record ``found["finish"]``; while the journal refuses it stays in the status file for the next one to try."""
    state = status.RECORDED
    event = None
    try:
        event = record.put_finish(journal, found)
    except JournalError:
        state = status.FINISHED
    try:
        status.write(folder, {**found, "state": state}, mode=mode)
    except OSError:
        pass
    return event
