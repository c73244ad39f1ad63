"""A console for tests: the real application, journal and drafts in a folder of its own, and no watch unless asked for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from textual.geometry import Region
from textual.pilot import Pilot

from console.clock import SystemClock
from console.config import Config, Paths
from console.journal.events import New, Origin
from console.journal.store import Journal
from console.services import ServiceConfig
from console.snapshot import Alert, CheckState, Source, StatusSnapshot
from screens.app import VigieApp
from screens.look import Look
from screens.start import Deps
from tests.screens import runbooks

PATIENCE = 20.0


class Console:
    """One console over one database. ``open`` runs it; the rest looks at it and types."""

    def __init__(self, database: Path, config: Config | None = None, *, read_only: bool = False) -> None:
        self.paths = Paths(database)
        self.deps = Deps(
            config=config or Config(services=(ServiceConfig(name="api"),), title="prod-bastion", time_zone="UTC"),
            config_file=None,
            paths=self.paths,
            runbook_paths=(),
            clock=SystemClock(),
            actor="ann",
            origin=Origin(program="console", host="prod-bastion", tty="pts/1", uid=1000),
            read_only=read_only,
            watching=False,
        )
        self.app: VigieApp
        self.pilot: Pilot[None]

    def journal(self) -> Journal:
        """Another process's connection to the same database."""
        return Journal.open(self.paths.database, actor="bob", origin=Origin(program="cli", host="prod-bastion"))

    def declare(self, news: Sequence[New]) -> str:
        """Declare an incident as another process; its stream."""
        with self.journal() as journal:
            return journal.declare(news)[0]

    @asynccontextmanager
    async def open(self, size: tuple[int, int] = (80, 24), look: Look | None = None) -> AsyncIterator[Console]:
        """Run the console at *size*, until its configuration and journal are there."""
        self.app = VigieApp(lambda: self.deps, look or Look())
        try:
            async with self.app.run_test(size=size) as self.pilot:
                await self.until(lambda: self.app.desk.deps is not None and self.app.bridge.mode == "status")
                await self.pilot.pause()
                yield self
        finally:
            self.app.desk.close()

    async def until(self, condition: Callable[[], Any], what: str = "") -> None:
        """Wait for *condition*; fails with the screen after a deadline."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"{what or 'it'} did not come about:\n{self.text()}")
            await asyncio.sleep(0.01)
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        """Press keys, and wait until the screen has followed."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Type *text*."""
        await self.press(*("space" if char == " " else char for char in text))

    def lines(self) -> list[str]:
        """What stands on the screen, line by line."""
        width, height = self.app.size
        strips = self.app.screen._compositor.render_strips(self.app.size)
        return ["".join(segment.text for segment in strip).rstrip() for strip in strips][:height] or [" " * width]

    def text(self) -> str:
        """The screen as one text."""
        return "\n".join(self.lines())

    def show(self, snapshot: StatusSnapshot) -> None:
        """Publish a status."""
        self.app.desk.take_status(snapshot)

    @property
    def regions(self) -> Callable[[], set[Region]]:
        """What would be painted next."""
        return lambda: set(self.app.screen._compositor._dirty_regions)


@pytest.fixture
def console(database: Path, home: Path) -> Console:
    """A console over an empty database."""
    return Console(database)


NOW = datetime(2026, 11, 21, 14, 5, 9, tzinfo=UTC)


def check(service: str, name: str, state: str = "OK", **fields: Any) -> CheckState:
    """A check, fresh and hard unless *fields* say otherwise."""
    fields.setdefault("raw", state)
    fields.setdefault("since", datetime.now(UTC) - timedelta(seconds=192))
    fields.setdefault("last_at", datetime.now(UTC))
    fields.setdefault("labels", {"service": service, "check": name})
    return CheckState(service=service, name=name, kind="http", state=state, interval_s=15, **fields)


def alert(name: str, severity: str = "critical", **fields: Any) -> Alert:
    """An alert of another system."""
    fields.setdefault("fingerprint", f"{abs(hash(name)):016x}"[:16])
    fields.setdefault("starts_at", datetime.now(UTC) - timedelta(minutes=4))
    fields.setdefault("source", "am-a")
    return Alert(name=name, severity=severity, **fields)


def snapshot(*things: CheckState | Alert, sources: Sequence[Source] = ()) -> StatusSnapshot:
    """A status of these checks and alerts, now."""
    return StatusSnapshot(
        taken_at=datetime.now(UTC),
        checks=tuple(thing for thing in things if isinstance(thing, CheckState)),
        alerts=tuple(thing for thing in things if isinstance(thing, Alert)),
        sources=tuple(sources) or (Source(name="checks", kind="checks", last_ok=datetime.now(UTC)),),
        version=1,
    )


class Given:
    """Makers of statuses, for tests that can't import a conftest."""

    check = staticmethod(check)
    alert = staticmethod(alert)
    snapshot = staticmethod(snapshot)


@pytest.fixture
def given() -> Given:
    """Makers of checks, alerts and statuses."""
    return Given()


@pytest.fixture
def books(tmp_path: Path) -> Path:
    folder = tmp_path / "books"
    folder.mkdir()
    (folder / "feed.md").write_text(runbooks.BOOK, encoding="utf-8")
    (folder / "queue.md").write_text(runbooks.OTHER, encoding="utf-8")
    return folder


@pytest.fixture
def place(console: Any, books: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A console with two runbooks, working in a folder of its own; whatever it started has ended afterwards."""
    monkeypatch.chdir(tmp_path)
    console.deps = replace(console.deps, runbook_paths=(books,))
    yield console
    from console.runbook.handle import cancel
    from console.runbook.recover import running

    for handle in running(console.paths):
        cancel(handle, "test")
    deadline = time.monotonic() + 20
    while running(console.paths) and time.monotonic() < deadline:
        time.sleep(0.05)
