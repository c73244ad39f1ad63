"""A real watch whose measurements are written down beforehand: what leads, decides, stores and publishes is Vigie's own.

``python -m tests.bench._watch --db FILE --config FILE --plan PLAN``: *PLAN* says what each result is. ``same``: always the
same. ``count``: every result of every check has another detail, so that as many rows change a second as there are results.
Checks whose name starts with ``down`` fail, the others are fine. ``--alerts N``: so many alerts of another system fire, and
each second some of them begin anew.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from console.commands.context import Context, Options
from console.daemon import make_watch, run_watch, say_on_stderr
from console.snapshot import DOWN, OK, Alert, Report, Source
from console.watch.checks import Check
from console.watch.probing import Probe, Reading, Tools


class Written:
    """A probe that measures nothing."""

    host = ""

    def __init__(self, state: str, counts: bool) -> None:
        self._state = state
        self._counts = counts
        self._results = 0

    async def measure(self, tools: Tools) -> Reading:
        """The next line of the script."""
        self._results += self._counts
        return Reading(state=self._state, detail=f"http 503 in {100 + self._results} ms", latency_ms=12.0)


_ANEW = 20  # alerts that begin anew each second
_SEVERITIES = ("critical", "warning", "warning", "info")


class ManyAlerts:
    """A feed of so many alerts (:class:`console.snapshot.Feed`)."""

    def __init__(self, size: int) -> None:
        self._start = datetime.now(UTC)
        self._alerts = [self._alert(number, self._start - timedelta(seconds=60 + number)) for number in range(size)]

    async def run(self, report: Callable[[Report], None]) -> None:
        """Report them all, each second."""
        turn = 0
        while True:
            now = datetime.now(UTC)
            source = Source(name="am-a", kind="alertmanager", last_ok=now)
            report(Report(sources=(source,), alerts=tuple(self._alerts)))
            await asyncio.sleep(1.0)
            for number in range(turn, turn + _ANEW):
                place = number * 97 % len(self._alerts)
                self._alerts[place] = self._alert(place, datetime.now(UTC))
            turn += _ANEW

    def hurry(self, source: str) -> None:
        """It reports each second anyway."""

    def _alert(self, number: int, starts_at: datetime) -> Alert:
        name, severity = f"Alert{number % 40}", _SEVERITIES[number % 4]
        return Alert(
            fingerprint=f"{number:016x}",
            name=name,
            severity=severity,
            level=min(number % 4, 2),
            starts_at=starts_at,
            labels={
                "alertname": name,
                "severity": severity,
                "instance": f"host-{number % 3_000}.example.net:9100",
                "job": f"job-{number % 25}",
                "cluster": f"cluster-{number % 6}",
            },
            annotations={"summary": f"queue {number} of the feeder has been behind for a while"},
            source="am-a",
            reported_by=("am-a",),
        )


def scripted(check: Check, plan: str) -> Check:
    """*check* with its measurement replaced."""
    probe: Probe = Written(DOWN if check.name.startswith("down") else OK, plan == "count")
    return replace(check, probe=probe, conditions=(), degraded_conditions=(), recover_when=())


def configuration(checks: int, *, down: int, interval: float) -> str:
    """A ``vigie.yaml`` with so many checks, the first *down* of them failing."""
    lines = ["title: bench", "services:"]
    for number in range(checks):
        name = "down" if number < down else "up"
        lines += [
            f"  - name: service-{number:03d}",
            f"    checks: [{{kind: tcp, name: {name}, host: 127.0.0.1, port: 9, interval: {interval:g}s, fail_threshold: 1}}]",
        ]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--db", required=True)
    parser.add_argument("--config", required=True)
    parser.add_argument("--plan", choices=("same", "count"), required=True)
    parser.add_argument("--alerts", type=int, default=0)
    options = parser.parse_args()
    watch = make_watch(Context(Options(db=options.db, config=options.config)), stays=True, say=say_on_stderr)
    watch = replace(
        watch,
        plan=replace(watch.plan, checks=tuple(scripted(check, options.plan) for check in watch.plan.checks)),
    )
    if options.alerts:
        watch = replace(watch, make_feed=lambda *_: ManyAlerts(options.alerts))
    return run_watch(watch)


if __name__ == "__main__":
    sys.exit(main())
