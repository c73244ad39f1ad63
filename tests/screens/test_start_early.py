"""The process that reads the first data: what it hands over, however much, and how little it reads for that."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.clock import SystemClock
from console.journal.events import Declared, New, Origin
from console.journal.store import Journal
from console.snapshot import CheckState, StatusSnapshot
from screens import early
from screens.kept import Kept

PATIENCE_S = 20.0  # ends as soon as all is there


@pytest.fixture(autouse=True)
def wherever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early, "_REST_S", PATIENCE_S)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})


@pytest.fixture
def yard(tmp_path: Path) -> Path:
    """A database with one open incident; its configuration names it."""
    database = tmp_path / "vigie.db"
    with Journal.open(database, actor="ann", origin=Origin(program="cli")) as journal:
        journal.declare([New(body=Declared(title="the gate is stuck", severity="SEV2"))])
    (tmp_path / "vigie.yaml").write_text(f"title: yard\ndatabase: {database}\n")
    return tmp_path


def kept_of(yard: Path) -> Kept:
    return Kept([], 80, 24, 0.0, database=str(yard / "vigie.db"), title="kept title", severities=("SEV1", "SEV2"))


def test_with_a_kept_screen_the_configuration_is_not_read(yard: Path) -> None:
    (yard / "vigie.yaml").write_text("broken: [")
    reading = early.begin({"config": str(yard / "vigie.yaml")}, kept_of(yard))
    assert reading is not None
    first = reading.take(PATIENCE_S)
    assert first is not None
    assert (first.title, first.severities) == ("kept title", ("SEV1", "SEV2"))
    assert first.incident_known and first.incident is not None
    assert (first.incident.alias, first.incident.severity, first.incident.open) == ("INC-1", "SEV2", True)


def test_without_one_it_is(yard: Path) -> None:
    reading = early.begin({"config": str(yard / "vigie.yaml")})
    assert reading is not None
    first = reading.take(PATIENCE_S)
    assert first is not None and first.title == "yard" and first.incident is not None


def test_a_database_that_is_gone_leaves_what_was_read_before(yard: Path) -> None:
    kept = kept_of(yard)
    (yard / "vigie.db").unlink()
    reading = early.begin({}, kept)
    assert reading is not None
    first = reading.take(PATIENCE_S)
    assert first is not None and first.title == "kept title" and not first.incident_known


def test_what_is_larger_than_a_pipe_does_not_wait_for_a_reader() -> None:
    """Two messages, written before anybody reads."""
    pipe, into = os.pipe()
    memory = os.memfd_create("test")
    now = SystemClock().now()
    first = early.First()
    first.status = StatusSnapshot(taken_at=now, checks=tuple(check(number, now) for number in range(2000)))
    early._send(into, memory, first)
    first.incident_known = True
    first.incident = early.FirstIncident("INC-7", "SEV1", False, now - timedelta(hours=1), now)
    early._send(into, memory, first)
    os.close(into)
    assert os.fstat(memory).st_size > 2 * 65536
    found = early.Early(0, pipe, memory).take(PATIENCE_S)
    os.close(pipe)
    os.close(memory)
    assert found is not None and found.status == first.status and found.incident_known
    assert found.incident is not None and found.incident.zero is not None
    assert found.incident.zero.at == now - timedelta(hours=1) and found.incident.ended == now


def check(number: int, now: datetime) -> CheckState:
    return CheckState(
        service=f"service-{number}", name="port", kind="tcp", state="DOWN", raw="DOWN",
        since=now.astimezone(UTC), detail=f"port {number}: connection refused",
    )  # fmt: skip
