"""What is on the screen already is not sent again: a status with a new version and the same content costs no byte."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.e2e.terminal import Terminal

REPO = Path(__file__).resolve().parents[2]
VERSIONS = 25

# A console whose clock stands still gets statuses one after the other, each when everything that the one before brought is drawn.
PROGRAM = """
import asyncio, json, sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from console.clock import FixedClock
from console.snapshot import CheckState, Source, StatusSnapshot
from textual.pilot import Pilot
from screens.app import VigieApp
from screens.look import Look
from screens.start import Start, deps_from

versions, now, sent, found = int(sys.argv[3]), datetime(2026, 11, 21, 14, 5, 9, tzinfo=UTC), [0], []

def status(version, **other):
    at = now - timedelta(seconds=30) + timedelta(milliseconds=10 * version)
    checks = [
        CheckState(
            service=f"service-{n}", name="health", kind="http", state="DOWN" if n % 3 else "OK", raw="DOWN" if n % 3 else "OK",
            since=now - timedelta(minutes=n), last_at=at, interval_s=15, latency_ms=10.0 + version,
            lateness_ms=version / 10, detail="http 503", labels={"service": f"service-{n}"},
        )
        for n in range(40)
    ]
    if other:
        checks[4] = CheckState(**{**{f: getattr(checks[4], f) for f in checks[4].__struct_fields__}, **other})
    source = Source(name="checks", kind="checks", last_ok=now)
    return StatusSnapshot(taken_at=now, checks=tuple(checks), sources=(source,), version=version)

class Counted(VigieApp):
    def on_mount(self):
        self.story = asyncio.create_task(self.tell())

    async def tell(self):
        while self.desk.deps is None or self.bridge.mode != "status":
            await asyncio.sleep(0.01)
        write = self._driver.write
        def counting(data):
            sent[0] += len(data)
            write(data)
        self._driver.write = counting
        await self.take(status(0))
        sent[0] = 0
        for version in range(1, versions + 1):
            await self.take(status(version))
        found.append(sent[0])
        await self.take(status(version, detail="http 504"))
        found.append(sent[0] - found[0])
        with open(sys.argv[2], "w") as file:
            json.dump(found, file)
        self.exit()

    async def take(self, snapshot):
        self.desk.take_status(snapshot)
        self.bridge.header.tick()
        self.bridge.room._tick()
        for _ in range(3):  # what a frame lays out may be followed by another
            await Pilot(self).pause()

deps = lambda: replace(deps_from(Start(db=sys.argv[1])), watching=False, clock=FixedClock(now))
app = Counted(deps, Look())
app.run(mouse=False)
app.desk.close()
"""


def test_an_unchanged_screen_sends_nothing(tmp_path: Path) -> None:
    found = tmp_path / "sent.json"
    program = [sys.executable, "-P", "-c", PROGRAM, str(tmp_path / "vigie.db"), str(found), str(VERSIONS)]
    with Terminal(program, env={"PYTHONPATH": str(REPO), "HOME": str(tmp_path)}, cwd=tmp_path) as terminal:
        terminal.wait_exit()
        assert found.exists(), bytes(terminal.raw)[-500:]
    equal, changed = json.loads(found.read_text())
    assert equal == 0, f"{VERSIONS} equal statuses sent {equal} characters"
    assert 0 < changed < 400, f"one changed row sent {changed} characters"
