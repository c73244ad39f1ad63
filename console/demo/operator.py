"""Somebody who works an incident by the same calls as the screens: declare, note, follow runbooks, run their commands."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from console.commands.context import Context
from console.incident import actions as incident
from console.incident.entry import parse, to_events
from console.journal.events import Event, New
from console.journal.folds import fold_stream
from console.journal.store import Journal
from console.runbook import actions, progress
from console.runbook.handle import CommandHandle
from console.runbook.launch import start_command
from console.runbook.library import Entry, Library, load_library
from console.runbook.model import Command, Param, Runbook, Step
from console.runbook.progress import RunView
from console.runbook.ready import make_ready, request_for, starting_values
from console.runbook.run import RunsFold
from console.runbook.tail import OutputReader
from console.snapshot import Alert

_COMMAND_S: Final = 60.0
_POLL_S: Final = 0.02


class Stuck(Exception):
    """Something did not happen that should have; ``str()`` is one line."""


class Operator:
    """Works one incident in one journal. ``say`` tells a person what is being done."""

    def __init__(self, ctx: Context, journal: Journal, say: Callable[[str], None]) -> None:
        self.ctx = ctx
        self.journal = journal
        self.say = say
        self.stream = ""
        self.alias = ""
        self.run = ""
        self.library: Library = load_library(ctx.runbook_paths)

    # ── the incident ─────────────────────────────────────────────────────────────────────────────────────────────

    def declare(self, title: str, severity: str, alert: Alert) -> None:
        """Declare an incident from an alert, with its labels; impact began with it."""
        service = alert.labels.get("service", "")
        news = incident.declare(
            title,
            severity=severity,
            services=(service,) if service else (),
            impact_start=alert.starts_at,
            precision="second",
            labels=alert.labels,
            source=f"alert {alert.name} {alert.fingerprint}",
        )
        self.stream, self.alias, _ = self.journal.declare(news)
        self.say(f"declared {self.alias}: {severity} {title}")

    def note(self, line: str) -> None:
        """A line in scribe grammar."""
        entry = parse(line, self.journal.clock.now(), self.ctx.config.zone(), "note")
        self._append(to_events(entry, confirmed=True))
        self.say(f"n> {line}")

    def record(self, *news: New) -> None:
        """Any other events of the incident."""
        self._append(list(news))

    def close(self, reason: str) -> None:
        """Close it, with count and head of its chain."""
        count, head = self.journal.head(self.stream)
        self._append([incident.close(count, head, reason)])
        self.say(f"closed {self.alias}: {count} events, head {head[:12]}…")

    def _append(self, news: list[New]) -> list[Event]:
        return self.journal.append(self.stream, news)

    # ── its runbooks ─────────────────────────────────────────────────────────────────────────────────────────────

    def runbook_for(self, alert: Alert) -> tuple[Entry, str]:
        """The best runbook for *alert*, and why. Raises :class:`Stuck`."""
        found = self.library.rank(alert.name, alert.labels, alert.annotations)
        if not found:
            raise Stuck(f"no runbook for {alert.name}")
        entry, _, reason = found[0]
        return entry, reason

    def follow(self, runbook: Runbook, labels: Mapping[str, str], why: str) -> None:
        """Start a run of *runbook*; or, when one is going on, switch to it for the reason *why*."""
        values = starting_values(runbook, labels, {})
        if self.run and self.view().end is None:
            news = actions.switch(self.view(), runbook, values, why)
        else:
            news = actions.start_run(runbook, values, why=why)
        events = actions.append(self.journal, self.stream, news)
        self.run = next(str(getattr(event.body, "run", "")) for event in events if event.kind == "run_started")
        self.say(f"runbook: {runbook.title} ({why})")

    def view(self) -> RunView:
        """The run as it stands."""
        found = progress.view(fold_stream(self.journal, self.stream, RunsFold()), self.run)
        if found is None:
            raise Stuck("the run is not in the journal")
        return found

    @property
    def runbook(self) -> Runbook:
        """The runbook of the run, as frozen at its start."""
        found = progress.runbook_of(fold_stream(self.journal, self.stream, RunsFold()).runs[self.run])
        if found is None:
            raise Stuck("the run's runbook can't be read")
        return found

    @property
    def step(self) -> Step:
        """The step that is next."""
        step = self.runbook.step(self.view().current)
        if step is None:
            raise Stuck("the runbook has no next step")
        return step

    @property
    def phase(self) -> str:
        """The kind of the phase that the next step belongs to; "" when none is left."""
        current = self.view().current
        return next((phase.kind for phase in self.runbook.phases if any(one.id == current for one in phase.steps)), "")

    def execute(self) -> str:
        """Run the commands of the current step, one after the other, through supervisors; their output."""
        step = self.step
        return "".join(self._execute(step, command) for command in step.commands)

    def _execute(self, step: Step, command: Command) -> str:
        view = self.view()
        params: dict[str, Param] = {param.name: param for param in self.runbook.params}
        ready = make_ready(command, step, params, view.values, Path.cwd())
        request = request_for(
            ready,
            view,
            step,
            stream=self.stream,
            cap_bytes=self.ctx.config.output_cap_bytes,
            file_mode=self.ctx.config.file_mode,
        )
        handle = start_command(self.journal, self.ctx.paths, request)
        finish = self._finish(handle)
        self.say(f"  $ {ready.shown.splitlines()[-1]}   exit {finish}")
        if finish != 0:
            raise Stuck(f"{ready.shown} ended with {finish}")
        return _output(handle)

    def _finish(self, handle: CommandHandle) -> int | None:
        deadline = time.monotonic() + _COMMAND_S
        while not handle.is_recorded:
            if time.monotonic() > deadline:
                raise Stuck(f"{handle.text}: no end within {_COMMAND_S:g} s")
            time.sleep(_POLL_S)
        return handle.finish.exit_code if handle.finish is not None else None

    def tick(self, seen: str = "") -> None:
        """The current step is done; *seen* is what was observed."""
        step = self.step
        actions.append(self.journal, self.stream, actions.tick(self.view(), step.id, seen))
        self.say(f"  [x] {step.title}" + (f": {seen}" if seen else ""))

    def observe(self, seen: str) -> None:
        """One line of what was seen at the current step."""
        actions.append(self.journal, self.stream, actions.observe(self.view(), self.step.id, seen))
        self.say(f"      seen: {seen}")

    def skip(self, reason: str) -> None:
        """The current step is left out."""
        step = self.step
        actions.append(self.journal, self.stream, actions.skip(self.view(), step.id, reason))
        self.say(f"  [-] {step.title}: {reason}")

    def end(self, text: str) -> None:
        """The runbook is through."""
        actions.append(self.journal, self.stream, actions.end(self.view(), "done", text))


def _output(handle: CommandHandle) -> str:
    reader = OutputReader(handle)
    kept = bytearray()
    while True:
        reader.refresh()
        _, data = reader.read(1 << 16)
        if not data:
            return kept.decode("utf-8", "replace")
        kept += data


def values(output: str) -> dict[str, str]:
    """``ternctl``'s answer, by name."""
    return {name: value.strip() for name, _, value in (line.partition(" ") for line in output.splitlines()) if name}
