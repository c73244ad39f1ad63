"""``vigie watch`` beside a real Alertmanager: alerts, acknowledgements, silences made elsewhere and lost sources, recorded once."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from console.clock import SystemClock
from console.commands.context import here
from console.journal.events import Acknowledged, AlertRaised, AlertResolved, Silenced, SourceBack, SourceLost
from console.journal.store import Journal
from console.snapshot import GONE, Alert, StatusSnapshot
from console.watch.lease import SILENCE_S
from console.watch.status_reader import StatusReader
from tests.console.alerts.server import Alertmanager, eventually

_VIGIE = [sys.executable, "-P", "-c", "from console.cli import run; run()"]
DEEP = {"alertname": "QueueDeep", "queue": "a", "severity": "ticket"}
WORSE = {"alertname": "DiskFull", "severity": "page"}


class Watching:
    """A watch over one Alertmanager."""

    def __init__(self, folder: Path, server: Alertmanager) -> None:
        self.database = folder / "data" / "vigie.db"
        self.database.parent.mkdir(mode=0o700)
        self.config = folder / "vigie.yaml"
        check = {"name": "disk", "kind": "disk", "path": "/", "warn": 100, "fail": 100, "interval": "2s"}
        manager = {"name": "am", "url": server.address, "interval": "1s", "timeout": "2s", "warm_up": "0.5s"}
        self.config.write_text(
            yaml.safe_dump({"services": [{"name": "here", "checks": [check]}], "alertmanagers": [manager]})
        )
        self.process: subprocess.Popen[bytes] | None = None
        self.reader = StatusReader(self.database.with_name("vigie.d") / "status.db", SystemClock())

    def vigie(self, *arguments: str) -> list[str]:
        return [*_VIGIE, "--db", str(self.database), "--config", str(self.config), *arguments]

    def start(self) -> None:
        self.process = subprocess.Popen(self.vigie("watch"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    @property
    def snapshot(self) -> StatusSnapshot | None:
        return self.reader.poll()

    def alert(self, name: str) -> Alert | None:
        return next((one for one in self.reader.alerts() if one.name == name), None)

    def source(self) -> str:
        found = self.snapshot
        return next((one.state for one in found.sources if one.name == "am"), "") if found is not None else ""

    def events(self, *kinds: type) -> list[Any]:
        with Journal.open(self.database, actor="x", origin=here("test"), read_only=True, create=False) as journal:
            return [event.body for event in journal.since(0, 500) if isinstance(event.body, kinds)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Alertmanager]:
    with Alertmanager(tmp_path / "am") as running:
        yield running


@pytest.fixture
def watching(tmp_path: Path, server: Alertmanager) -> Iterator[Watching]:
    made = Watching(tmp_path, server)
    made.start()
    yield made
    made.stop()


@pytest.mark.slow
def test_fifty_thousand_alerts_cost_neither_the_checks_nor_the_lead(watching: Watching, server: Alertmanager) -> None:
    many = 50_000
    for start in range(0, many, 5_000):
        server.fire(*({"alertname": f"Flood{n % 40}", "n": str(n)} for n in range(start, start + 5_000)))
    process = watching.process
    assert process is not None
    silence, looked, states = 0.0, time.monotonic(), set[str]()
    ages: list[float] = []
    done = 0.0
    while not done or time.monotonic() - done < 10:  # and ten seconds more, while it asks again
        heard = watching.reader.heard()
        silence = max(silence, heard.age_s or 0.0)
        found = watching.snapshot
        if found is not None:
            states |= {check.state for check in found.checks}
            ages += [(found.taken_at - check.last_at).total_seconds() for check in found.checks if check.last_at]
            if not done and sum(group.count for group in found.groups) == many:
                done = time.monotonic()
        assert time.monotonic() - looked < 90, found.groups[:3] if found is not None else None
        time.sleep(0.1)
    assert states <= {"OK", "PENDING"}
    assert max(ages) < 2 * 2 + 2  # the check runs every 2 s: never stale meanwhile
    assert silence < SILENCE_S  # nobody else may take the lead
    assert psutil.Process(process.pid).memory_info().rss < 800_000_000
    assert len(watching.reader.alerts(limit=many)) == many
    assert watching.reader.heard().alive


def test_an_alert_from_its_beginning_to_its_end(watching: Watching, server: Alertmanager) -> None:
    eventually(lambda: watching.source() == "ok")
    server.fire(DEEP, WORSE)
    deep = eventually(lambda: watching.alert("QueueDeep"))
    assert [one.name for one in watching.reader.alerts()] == ["DiskFull", "QueueDeep"]  # the worst first
    counted = eventually(lambda: watching.snapshot and watching.snapshot.groups)
    assert {(group.name, group.count) for group in counted} == {("DiskFull", 1), ("QueueDeep", 1)}

    done = subprocess.run(watching.vigie("ack", deep.fingerprint, "--reason", "on it"), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    acked = eventually(lambda: (one := watching.alert("QueueDeep")) and one.ack)
    assert acked.reason == "on it"

    body = {
        "matchers": [{"name": "alertname", "value": "DiskFull", "isRegex": False, "isEqual": True}],
        "startsAt": "2020-01-01T00:00:00Z",
        "endsAt": "2099-01-01T00:00:00Z",
        "createdBy": "somebody else",
        "comment": "made in the other console",
    }
    assert server.post("/api/v2/silences", body) == 200
    eventually(lambda: (one := watching.alert("DiskFull")) and one.silenced_by)
    (silence,) = eventually(lambda: watching.snapshot and watching.snapshot.silences)
    assert (silence.author, silence.words) == ("somebody else", 'alertname="DiskFull"')

    watching.stop()  # the next leader raises nothing again
    watching.start()
    eventually(lambda: watching.source() == "ok")
    assert watching.alert("QueueDeep").ack is not None  # type: ignore[union-attr]

    server.resolve(DEEP)
    eventually(lambda: watching.alert("QueueDeep") is None)
    server.stop(kill=True)
    eventually(lambda: watching.source() == "lost")
    server.start()
    eventually(lambda: watching.source() == "ok")
    eventually(lambda: watching.events(SourceBack))

    forgotten = watching.alert("DiskFull")  # the server that began anew has it no more: nobody said that it is over
    assert forgotten is not None
    assert forgotten.state == GONE
    raised = [(body.name, body.source) for body in watching.events(AlertRaised)]
    assert sorted(raised) == [("DiskFull", "am"), ("QueueDeep", "am")]
    assert [(body.name, body.evidence) for body in watching.events(AlertResolved)] == [("QueueDeep", "absent from am")]
    assert [body.reason for body in watching.events(Acknowledged)] == ["on it"]
    assert [(body.author, body.ended) for body in watching.events(Silenced)] == [("somebody else", False)]
    assert [body.source for body in watching.events(SourceLost) if body.source == "am"] == ["am"]
    order = [type(body).__name__ for body in watching.events(AlertRaised, Acknowledged, Silenced, AlertResolved)]
    assert order == ["AlertRaised", "AlertRaised", "Acknowledged", "Silenced", "AlertResolved"]
