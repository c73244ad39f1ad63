"""The end of a command, written into the journal exactly once, by whoever is still there to do it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from console.clock import from_us
from console.journal.errors import Corrupt, Missing, Newer, NotOurs, WalRefused
from console.journal.events import WATCH, CommandFinished, Event, New, Origin
from console.journal.store import Journal


class GiveUp(Exception):
    """The journal will not take it, however often it is tried; the status file keeps it."""


def append_finish(target: Mapping[str, Any], status: Mapping[str, Any]) -> Event:
    """Open the journal that *target* names and record ``status["finish"]`` there. Raises :class:`GiveUp`, or a
    ``JournalError`` that may pass."""
    origin = Origin(program="supervisor", host=target["host"], tty=target["tty"], uid=target["uid"])
    try:
        with Journal.open(
            Path(target["path"]),
            actor=target["actor"],
            origin=origin,
            create=False,
            file_mode=target["mode"],
            busy_s=1.0,  # whoever asks tries again
        ) as journal:
            return put_finish(journal, status)
    except (Missing, NotOurs, Newer, Corrupt, WalRefused) as problem:
        raise GiveUp(str(problem)) from None


def put_finish(journal: Journal, status: Mapping[str, Any]) -> Event:
    """Record ``status["finish"]``; the event that is there already when somebody was first."""
    ended = status.get("ended_us")
    return put(
        journal,
        status["stream"],
        New(
            body=CommandFinished(**status["finish"]),
            occurred_at=None if ended is None else from_us(ended),
            dedupe=finish_key(status["command"]),
            actor=status.get("actor", ""),
        ),
    )


def finish_key(command: str) -> str:
    """The dedupe key of the one event that ends *command*."""
    return f"run:{command}:finished"


def put(journal: Journal, stream: str, new: New) -> Event:
    """Append *new* to *stream*, where ``watch`` and its segments mean today's segment."""
    if stream.partition(":")[0] == WATCH:
        return journal.append_watch([new])[0]
    return journal.append(stream, [new])[0]
