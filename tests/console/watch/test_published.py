"""The snapshot in status.db: a check's row is written and read when it has changed, and what is read is what was published."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from console.clock import FixedClock
from console.snapshot import DOWN, OK, CheckState, Source, StatusSnapshot
from console.watch import published
from console.watch.changes import Changes
from console.watch.lease import boot_id
from console.watch.status_db import StatusDb
from console.watch.status_file import Leader, Unusable
from console.watch.status_reader import StatusReader

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def check(name: str, state: str = OK, at: datetime = START) -> CheckState:
    return CheckState(service="s", name=name, kind="tcp", state=state, last_at=at, interval_s=1e6, timeout_s=1)


def snapshot(version: int, *checks: CheckState) -> StatusSnapshot:
    return StatusSnapshot(
        taken_at=START, checks=checks, sources=(Source(name="checks", kind="checks"),), version=version
    )


@pytest.fixture
def db(tmp_path: Path) -> Iterator[StatusDb]:
    with StatusDb.open(tmp_path / "status.db") as opened:
        lead(opened, 1)
        yield opened


def lead(db: StatusDb, epoch: int) -> None:
    db.take_lead(Leader(epoch=epoch, holder=f"h{epoch}", boot_id=boot_id(), config_hash="c", beat_ms=1_000_000))


def publish(db: StatusDb, shown: StatusSnapshot, epoch: int = 1) -> None:
    db.write(epoch, Changes(), beat_ms=1_000_000, snapshot=shown)


def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of checks that are decoded from here on."""
    found: list[str] = []
    real = published._decode_check

    def noted(data: bytes) -> CheckState:
        one = real(data)
        found.append(one.name)
        return one

    monkeypatch.setattr(published, "_decode_check", noted)
    return found


def test_only_what_changed_is_read_again(db: StatusDb, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, c = check("a"), check("b"), check("c")
    reader = StatusReader(db.path, FixedClock(START))
    names = decoded(monkeypatch)
    publish(db, snapshot(1, a, b, c))
    assert reader.poll() == snapshot(1, a, b, c)
    assert names == ["a", "b", "c"]
    worse = check("b", DOWN)
    publish(db, snapshot(2, a, worse, c))
    assert reader.poll() == snapshot(2, a, worse, c)
    assert names[3:] == ["b"]
    assert reader.poll() is reader.poll()
    publish(db, snapshot(3, a, c))  # another configuration
    assert reader.poll() == snapshot(3, a, c)
    reader.close()


def test_a_publication_that_failed_leaves_no_reader_with_half_of_it(
    db: StatusDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = check("a"), check("b")
    reader = StatusReader(db.path, FixedClock(START))
    publish(db, snapshot(1, a, b))
    reader.poll()
    worse = check("a", DOWN)

    def broken(*_: Any) -> None:
        raise Unusable("the disk is full")

    with monkeypatch.context() as patch, pytest.raises(Unusable):
        patch.setattr(db._publisher, "write", lambda *_: broken())
        publish(db, snapshot(2, worse, b))
    assert reader.poll() == snapshot(1, a, b)
    publish(db, snapshot(3, worse, b))
    assert reader.poll() == snapshot(3, worse, b)
    reader.close()


def test_the_next_leader_writes_all_of_it(db: StatusDb) -> None:
    a, b = check("a"), check("b")
    reader = StatusReader(db.path, FixedClock(START))
    publish(db, snapshot(1_000_001, a, b))
    reader.poll()
    with StatusDb.open(db.path) as following:
        lead(following, 2)
        worse = check("b", DOWN)
        publish(following, snapshot(2_000_001, a, worse), epoch=2)
        assert reader.poll() == snapshot(2_000_001, a, worse)
    reader.close()


@given(st.lists(st.lists(st.integers(0, 4), min_size=0, max_size=6), min_size=1, max_size=12), st.data())
def test_readers_that_look_now_and_then_see_what_was_published(
    tmp_path_factory: pytest.TempPathFactory, steps: list[list[int]], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("p") / "status.db"
    with StatusDb.open(path) as db:
        lead(db, 1)
        reader = StatusReader(path, FixedClock(START))
        checks = [check(str(n)) for n in range(5)]
        for version, changed in enumerate(steps, 1):
            for n in changed:
                checks[n] = replace(checks[n], last_at=START + timedelta(seconds=version))
            size = data.draw(st.sampled_from([5, 5, 5, 4]))
            shown = snapshot(version, *checks[:size])
            publish(db, shown)
            if data.draw(st.booleans()):
                assert reader.poll() == shown
        reader.close()
