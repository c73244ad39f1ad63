"""The runs of the current incident as the screens see them: frozen views, followed in the reader's thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from console.runbook.model import Runbook
from console.runbook.progress import RunView, runbook_of, views
from console.runbook.run import Command, Runs, RunsFold

if TYPE_CHECKING:
    from console.journal.events import Event
    from console.journal.store import Journal
    from screens.desk import Desk

# The kinds that a run is made of: in an incident of 100,000 lines nothing else is even decoded.
KINDS: Final = (
    "run_started",
    "param_set",
    "step_ticked",
    "step_observed",
    "step_skipped",
    "step_failed",
    "step_undone",
    "step_jumped",
    "step_decided",
    "step_approved",
    "step_waiting",
    "step_wait_cut",
    "pause_confirmed",
    "role_set",
    "run_switched",
    "run_ended",
    "command_started",
    "command_finished",
    "undone",
    "redacted",
)
_MARKS: Final = ", ".join("?" * len(KINDS))


@dataclass(frozen=True)
class RunsNow:
    """Every run of one incident, in the order in which they were started."""

    stream: str
    runs: tuple[RunView, ...] = ()
    runbooks: dict[str, Runbook | None] = field(default_factory=dict)  # by run

    def run(self, run: str) -> RunView | None:
        """The run called *run*."""
        return next((one for one in self.runs if one.run == run), None)

    @property
    def going(self) -> tuple[RunView, ...]:
        """The runs that nobody ended."""
        return tuple(one for one in self.runs if one.end is None)

    def unfinished(self) -> list[Command]:
        """Commands of runs whose end the journal does not know."""
        return [
            command for run in self.runs for step in run.steps for command in step.commands if command.finish is None
        ]


class Follower:
    """Folds the runs of one incident, page by page. Belongs to the reader's thread."""

    def __init__(self) -> None:
        self._stream = ""
        self._seq = 0
        self._fold = RunsFold()
        self._state = Runs()

    def read(self, journal: Journal, stream: str) -> RunsNow:
        """The runs of *stream* as they stand."""
        if stream != self._stream:
            self._stream, self._seq, self._state = stream, 0, self._fold.initial()
        while True:
            page = self._page(journal)
            for event in page:
                self._state = self._fold.apply(self._state, event)
                self._seq = event.seq
            if len(page) < 500:
                break
        # The fold changes its commands in place, in this thread: what the screens get is a copy.
        found = msgspec.msgpack.decode(msgspec.msgpack.encode(views(self._state)), type=tuple[RunView, ...])
        return RunsNow(stream, found, {run.run: runbook_of(self._state.runs[run.run]) for run in found})

    def _page(self, journal: Journal) -> list[Event]:
        from console.journal.codec import COLUMNS, decode_row

        rows = journal.rows(
            f"SELECT {COLUMNS} FROM events WHERE stream = ? AND seq > ? AND kind IN ({_MARKS}) ORDER BY seq LIMIT 500",  # noqa: S608 - constants
            (self._stream, self._seq, *KINDS),
        )
        return [decode_row(row) for row in rows]


class RunsFeed:
    """Keeps :attr:`now` up to date for the current incident; *changed* is called on the UI thread."""

    def __init__(self, desk: Desk, changed: Callable[[RunsNow], None]) -> None:
        self._desk = desk
        self._changed = changed
        self._follower = Follower()
        self.now = RunsNow("")

    @property
    def stream(self) -> str:
        """The stream that is followed: that of the current incident."""
        return self._desk.incident.stream if self._desk.incident is not None else ""

    def read(self) -> None:
        """Read what there is."""
        stream = self.stream
        if not stream:
            self._take(RunsNow(""))
            return
        self._desk.read(lambda journal: self._follower.read(journal, stream), self._take, key="runs")

    def incident_changed(self) -> None:
        """Another incident may be the current one."""
        if self.stream != self.now.stream:
            self.read()

    def events_arrived(self, events: Sequence[Event]) -> None:
        """Something was recorded, here or elsewhere."""
        stream = self.stream
        if any(event.stream == stream and event.kind in KINDS for event in events):
            self.read()

    def _take(self, now: RunsNow) -> None:
        if now.stream == self.stream:
            self.now = now
            self._changed(now)
