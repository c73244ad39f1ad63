"""A real watch whose measurements are written down beforehand: what leads, decides, stores and publishes is Vigie's own.

``python -m tests.bench._watch --db FILE --config FILE --plan PLAN``: *PLAN* says what each result is. ``same``: always the
same. ``count``: every result of every check has another detail, so that as many rows change a second as there are results.
Checks whose name starts with ``down`` fail, the others are fine.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from console.commands.context import Context, Options
from console.daemon import make_watch, run_watch, say_on_stderr
from console.snapshot import DOWN, OK
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
    options = parser.parse_args()
    watch = make_watch(Context(Options(db=options.db, config=options.config)), stays=True, say=say_on_stderr)
    return run_watch(replace(watch, checks=[scripted(check, options.plan) for check in watch.checks]))


if __name__ == "__main__":
    sys.exit(main())
