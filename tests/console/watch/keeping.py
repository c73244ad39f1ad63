"""What the tests of status.db and of its leader keep in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from console.journal.events import (
    CheckChanged,
    New,
)
from console.snapshot import DOWN, OK, CheckState, Source, StatusSnapshot
from console.watch.board import SOURCE
from console.watch.lease import boot_id
from console.watch.status_file import Leader

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def leader(epoch: int, beat_s: float = 1000) -> Leader:
    return Leader(epoch=epoch, holder=f"h{epoch}", boot_id=boot_id(), config_hash="c", beat_ms=int(beat_s * 1000))


def snapshot(version: int, state: str = OK, at: datetime = START) -> StatusSnapshot:
    check = CheckState(
        service="a", name="b", kind="tcp", state=state, raw=state, last_at=at, interval_s=10, timeout_s=2
    )
    source = Source(name=SOURCE, kind="checks", last_ok=at)
    return StatusSnapshot(taken_at=at, checks=(check,), sources=(source,), version=version, epoch=1)


def event(n: int) -> New:
    body = CheckChanged(service="a", check="b", kind="tcp", old=OK, new=DOWN, detail=str(n))
    return New(body=body, occurred_at=START + timedelta(seconds=n), dedupe=f"check:a/b:{n}")
