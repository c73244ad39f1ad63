"""Commands as evidence: what was run, where, by whom, how it ended, and the hash of everything that it wrote."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec import Struct

from console.clock import span
from console.incident.wording import command_outcome
from console.journal.events import CommandFinished, CommandStarted
from console.report.record import Command, Record
from console.sanitize import one_line, visible

LINES: Final = 20  # of a command's output that a report shows


class Evidence(Struct, frozen=True, kw_only=True):
    """One command. Times are aware UTC; ``head`` is at most :data:`LINES` lines of output."""

    command: str
    title: str
    host: str
    user: str
    cwd: str
    started: datetime
    ended: datetime | None
    actor: str
    outcome: str
    exit_code: int | None
    duration: str
    sha256: str
    size: int
    kept: int
    head: str
    cut: str  # what is not shown, or not kept, in words; "" when all of it is here


def commands(record: Record) -> list[Evidence]:
    """Every command of the incident whose text still stands, in the order in which they were started."""
    return [
        found
        for command in record.commands
        if record.notes.redaction(command.started) is None and (found := _command(record, command)) is not None
    ]


def _command(record: Record, command: Command) -> Evidence | None:
    start = command.started.body
    if not isinstance(start, CommandStarted):
        return None
    end = command.finished.body if command.finished is not None else None
    erased = command.finished is not None and record.notes.redaction(command.finished) is not None
    finish = end if isinstance(end, CommandFinished) and not erased else None
    head, cut = _head(finish) if finish is not None else ("", "")
    return Evidence(
        command=visible(start.text),
        title=one_line(start.title),
        host=one_line(start.host),
        user=one_line(start.user),
        cwd=one_line(start.cwd),
        started=command.started.occurred_at,
        ended=command.finished.occurred_at if command.finished is not None else None,
        actor=one_line(command.started.actor),
        outcome=one_line(command_outcome(finish)) if finish is not None else _unknown(erased),
        exit_code=finish.exit_code if finish is not None else None,
        duration=span(finish.duration_ms / 1000) if finish is not None else "",
        sha256=finish.sha256 if finish is not None else "",
        size=finish.size if finish is not None else 0,
        kept=finish.kept if finish is not None else 0,
        head=head,
        cut=cut,
    )


def _unknown(erased: bool) -> str:
    return "its output was redacted" if erased else "no end recorded: still running, or its end is not known"


def _head(finish: CommandFinished) -> tuple[str, str]:
    lines = visible(finish.head).rstrip("\n").split("\n") if finish.head else []
    said = []
    if len(lines) > LINES or finish.tail:
        said.append(f"the first {min(len(lines), LINES)} lines of its output")
    if finish.kept < finish.size:
        said.append(f"{finish.kept} of {finish.size} bytes were kept, the hash is of those")
    return "\n".join(lines[:LINES]), "; ".join(said)
