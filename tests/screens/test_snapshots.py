"""A few pictures: what the screens look like, held still. ``pytest --snapshot-update`` takes them anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from textual.pilot import Pilot

from console.clock import FixedClock
from console.incident import actions
from console.journal.events import Origin
from console.journal.store import Journal
from console.snapshot import Ack, Source, StatusSnapshot
from screens.app import VigieApp
from screens.look import Look, load_theme, theme_files

NOW = datetime(2026, 11, 21, 14, 5, 9, tzinfo=UTC)


def _status(given: Any) -> StatusSnapshot:
    def ago(**span: float) -> datetime:
        return NOW - timedelta(**span)

    check, alert = given.check, given.alert
    checks = [
        check("api", "http", "DOWN", detail="http 503, 5 of 5 failing", runbook="RB-api", since=ago(seconds=192)),
        check("feed", "freshness", "DOWN", detail="last message 6m old, limit 30s", since=ago(seconds=402)),
        check("db", "replica", "DEGRADED", detail="replication lag 48 s > 10 s", since=ago(minutes=14)),
        check("mail", "smtp", "UNKNOWN", detail="name resolution failed: mx1.internal", since=ago(minutes=2)),
        check("search", "http", detail="200 in 31 ms", overlays=("STALE",), since=ago(days=2)),
        check("cache", "ping", raw="DOWN", soft=(1, 3), detail="connection refused", since=ago(days=2)),
        *[check(f"svc{number:03}", "http", since=ago(days=1)) for number in range(187)],
    ]
    alerts = [
        alert(
            "VaRExceedance",
            starts_at=ago(minutes=4),
            fingerprint="00000000000000aa",
            labels={"portfolio": "main"},
            annotations={"summary": "value 4.3 above limit 4.0"},
        ),
        alert(
            "DiskWillFill",
            "warning",
            starts_at=ago(hours=3),
            fingerprint="00000000000000bb",
            annotations={"summary": "full in 4h"},
            ack=Ack(actor="bob", at=ago(hours=2), reason="growing it"),
        ),
    ]
    sources = [
        Source(name="am-a", kind="alertmanager", last_ok=ago(seconds=3)),
        Source(name="prom-1", kind="prometheus", state="stale", last_ok=ago(minutes=4)),
    ]
    snapshot = given.snapshot(*checks, *alerts, sources=sources)
    assert isinstance(snapshot, StatusSnapshot)
    return replace_taken(snapshot)


def replace_taken(snapshot: StatusSnapshot) -> StatusSnapshot:
    from msgspec.structs import replace as changed

    return changed(snapshot, taken_at=NOW)


@pytest.mark.parametrize(
    ("keys", "theme", "ascii_only", "size"),
    [
        pytest.param(["down"], "dark", False, (80, 24), id="status-dark"),
        pytest.param(["down"], "mono", True, (80, 24), id="status-ascii-mono"),
        pytest.param(["4", "up", "up"], "light", False, (120, 30), id="timeline-light-wide"),
        pytest.param(["n", *"-5m~ queue ", "#", *"finding"], "colour-blind", False, (80, 24), id="scribe-colour-blind"),
    ],
)
def test_pictures(
    keys: list[str],
    theme: str,
    ascii_only: bool,
    size: tuple[int, int],
    console: Any,
    given: Any,
    snap_compare: Any,
) -> None:
    clock = FixedClock(NOW - timedelta(minutes=13))
    with Journal.open(
        console.paths.database, actor="bob", origin=Origin(program="cli", host="bastion"), clock=clock
    ) as journal:
        stream = journal.declare(
            actions.declare("checkout 5xx", severity="SEV2", services=["api"], impact_start=NOW - timedelta(minutes=14))
        )[0]
        for kind, text in (
            ("finding", "error rate 14 % on /checkout, EU only"),
            ("decision", "pause the webhook fan-out: integrity first"),
            ("action", "restarted the feeder"),
        ):
            clock.advance(60)
            journal.append(stream, [actions.note(text, kind=kind, starred=kind == "decision")])
    console.deps = replace(console.deps, clock=FixedClock(NOW))
    app = VigieApp(lambda: console.deps, Look(load_theme(theme_files()[theme]), ascii_only=ascii_only))

    async def before(pilot: Pilot[None]) -> None:
        console.app, console.pilot = app, pilot
        await console.until(lambda: app.desk.incident is not None and app.bridge.mode == "status")
        console.show(_status(given))
        await console.press(*("space" if key == " " else key for key in keys))
        await console.until(lambda: "reading" not in console.text())

    try:
        assert snap_compare(app, terminal_size=size, run_before=before)
    finally:
        app.desk.close()
