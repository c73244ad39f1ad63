"""S on an alert: its labels, what they fit, for how long and why, a confirmation; then it is silent in a real Alertmanager."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from textual import events

from console.config import Config
from console.journal.events import Silenced
from console.services import ServiceConfig
from console.snapshot import Alert, SilenceState, Source, StatusSnapshot
from console.sources import AlertmanagerConfig
from tests.console.alerts.server import Alertmanager, eventually
from tests.screens.conftest import Console
from tests.tools.servers import require

require("prometheus-alertmanager")
START = datetime.now(UTC)
LABELS = {"alertname": "QueueDeep", "queue": "a b", "severity": "page"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    with Alertmanager(tmp_path_factory.mktemp("am")) as running:
        running.fire(LABELS, {"alertname": "QueueDeep", "queue": "z"})
        yield running


@pytest.fixture
def connected(database: Path, home: Path, server: Alertmanager) -> Console:
    config = Config(
        services=(ServiceConfig(name="api"),),
        alertmanagers=(AlertmanagerConfig(name="am", url=server.address),),
        time_zone="UTC",
    )
    return Console(database, config)


def shown(silences: tuple[SilenceState, ...] = ()) -> StatusSnapshot:
    now = datetime.now(UTC)
    alert = Alert(
        fingerprint="00000000000000aa",
        name="QueueDeep",
        severity="page",
        starts_at=START,
        labels=LABELS,
        source="am",
        reported_by=("am",),
        state="suppressed" if silences else "firing",
        silenced_by=tuple(one.id for one in silences),
    )
    sources = (Source(name="checks", kind="checks", last_ok=now), Source(name="am", kind="alertmanager", last_ok=now))
    return StatusSnapshot(taken_at=now, alerts=(alert,), sources=sources, silences=silences)


def silences(server: Alertmanager) -> list[Any]:
    return [one for one in server.get("/api/v2/silences") if one["status"]["state"] == "active"]


async def confirm(console: Console) -> None:
    """``y``, once the terminal has shown the question."""
    await console.until(lambda: "y>" in console.text())
    arming = console.app.bridge.foot._arming
    assert arming is not None
    await console.until(lambda: arming.is_framed, "the frame")
    for row, column in list(arming._asked):
        console.app.post_message(events.CursorPosition(column - 1, row - 1))
    await console.pilot.pause()
    await console.press("y")
    await console.press("enter")


async def test_silence_extend_and_end(connected: Console, server: Alertmanager) -> None:
    async with connected.open(size=(120, 40)):
        connected.show(shown())
        await connected.press("S")
        assert 'queue="a b"' in connected.text()
        await connected.press("enter")
        await connected.until(lambda: "fits 1 of 2: QueueDeep" in connected.text())
        await connected.press("enter")
        assert "needs a comment" in connected.text()
        await connected.type("being drained")
        await connected.press("enter")
        await connected.until(lambda: "silence them? y>" in connected.text())
        await confirm(connected)
        await connected.until(lambda: "silenced by" in connected.text())
        (made,) = silences(server)
        assert (made["comment"], made["createdBy"]) == ("being drained", "ann")
        assert {one["name"]: one["value"] for one in made["matchers"]} == LABELS

        state = SilenceState(
            id=made["id"],
            source="am",
            author="ann",
            comment="x",
            starts_at=datetime.now(UTC),
            ends_at=datetime.now(UTC),
        )
        connected.show(shown((state,)))
        await connected.press("S")
        assert "extend it" in connected.text()
        await connected.press("enter")
        await connected.press("ctrl+c")
        await connected.type("9h")
        await connected.press("enter")
        await connected.until(lambda: "until " in connected.text() and made["id"][:8] in connected.text())
        assert eventually(lambda: silences(server))[0]["endsAt"] > made["endsAt"]

        await connected.press("S", "down", "enter")
        await confirm(connected)
        await connected.until(lambda: "ended: " in connected.text())
        assert silences(server) == []
        with connected.journal() as journal:
            bodies = [event.body for event in journal.since(0) if isinstance(event.body, Silenced)]
        assert [(body.silence, body.ended) for body in bodies] == [
            (made["id"], False),
            (made["id"], False),
            (made["id"], True),
        ]


async def test_a_dead_alertmanager_is_named_and_what_was_typed_stays(connected: Console) -> None:
    config = Config(services=(), alertmanagers=(AlertmanagerConfig(name="am", url="http://127.0.0.1:1"),))
    console = Console(connected.paths.database, config)
    async with console.open():
        console.show(shown())
        await console.press("S", "enter")
        await console.until(lambda: "am: " in console.lines()[-1])
        assert "silence>" in console.text()
