"""A watch that holds very much: lease, journal and status.db are Vigie's own, what it publishes is made up.

``python -m tests.bench._holder --db FILE --config FILE --checks N --alerts N``: prints a line once it has published, and
publishes anew each second: a thirtieth of the checks has a new result, a five-hundredth of the alerts comes and goes.
One check in ten fails; every alert is another system's and fires.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from datetime import UTC, datetime, timedelta

from console.commands.context import Context, Options
from console.daemon import make_watch, say_on_stderr
from console.snapshot import DOWN, OK, Alert, CheckState, Source, StatusSnapshot
from console.watch.board import SOURCE, Changes

_INTERVAL_S = 30.0


class Held:
    """The checks and alerts, and how they change."""

    def __init__(self, checks: int, alerts: int, start: datetime) -> None:
        self._start = start
        self.checks = [self._check(number, 0, start) for number in range(checks)]
        self.alerts = [self._alert(number, 0, start) for number in range(alerts)]
        self._turn = 0

    def _check(self, number: int, turn: int, now: datetime) -> CheckState:
        down = number % 10 == 0
        return CheckState(
            service=f"service-{number // 5:04d}",
            name=f"probe-{number % 5}",
            kind="http",
            state=DOWN if down else OK,
            raw=DOWN if down else OK,
            since=self._start - timedelta(minutes=5 + number % 600),
            last_at=now,
            interval_s=_INTERVAL_S,
            timeout_s=5.0,
            latency_ms=12.0 + turn % 50,
            detail=f"http {503 if down else 200} in {12 + turn % 50} ms",
            labels={"team": f"team-{number % 12}", "site": f"site-{number % 4}"},
        )

    def _alert(self, number: int, turn: int, now: datetime) -> Alert:
        return Alert(
            fingerprint=f"{number:016x}",
            name=f"Alert{number % 40}",
            severity=("critical", "warning", "warning", "info")[number % 4],
            starts_at=now if turn else self._start - timedelta(seconds=60 + number % 80_000),
            labels={
                "alertname": f"Alert{number % 40}",
                "severity": ("critical", "warning", "warning", "info")[number % 4],
                "instance": f"host-{number % 3_000}.example.net:9100",
                "job": f"job-{number % 25}",
                "cluster": f"cluster-{number % 6}",
            },
            annotations={"summary": f"queue {number} of the feeder has been behind for a while"},
            source="am-a",
        )

    def turn(self, now: datetime) -> None:
        """A second has passed."""
        self._turn += 1
        for number in range(self._turn % 30, len(self.checks), 30):
            self.checks[number] = self._check(number, self._turn, now)
        for number in range(self._turn % 500, len(self.alerts), 500):
            self.alerts[number] = self._alert(number, self._turn, now)

    def snapshot(self, now: datetime, epoch: int, config_hash: str) -> StatusSnapshot:
        """As it stands."""
        sources = (
            Source(name=SOURCE, kind="checks", last_ok=now),
            Source(name="am-a", kind="alertmanager", last_ok=now),
        )
        return StatusSnapshot(
            taken_at=now,
            checks=tuple(self.checks),
            alerts=tuple(self.alerts),
            sources=sources,
            epoch=epoch,
            config_hash=config_hash,
            version=epoch * 1_000_000 + self._turn,
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--db", required=True)
    parser.add_argument("--config", required=True)
    parser.add_argument("--checks", type=int, required=True)
    parser.add_argument("--alerts", type=int, required=True)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    watch = make_watch(Context(Options(db=options.db, config=options.config)), stays=True, say=say_on_stderr)
    lease = watch.recorder.try_lead()
    if lease is None:
        raise SystemExit("another watch leads")
    watch.recorder.load()
    held = Held(options.checks, options.alerts, datetime.now(UTC))
    due = time.monotonic()
    said = False
    while True:
        now = datetime.now(UTC)
        started = time.monotonic()
        watch.recorder.publish(Changes(), held.snapshot(now, lease.epoch, lease.config_hash))
        if not said:
            said = True
            took = time.monotonic() - started
            print(
                f"{options.checks:,} checks and {options.alerts:,} alerts published in {took * 1000:.0f} ms", flush=True
            )
        held.turn(now)
        due += 1.0
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    sys.exit(main())
