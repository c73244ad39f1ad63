"""The demo without a terminal: an operator works the outage, from the first alert to the closed incident.

What is done is decided here; that it helps is decided by the services. Everything goes through the journal, the watch
and the supervisors, as it does by keyboard.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import click

from console.commands.context import Context
from console.demo.operator import Operator, Stuck, values
from console.incident import actions as incident
from console.snapshot import OK, Alert, StatusSnapshot
from console.watch import acknowledge
from console.watch.status_reader import StatusReader

_POLL_S: Final = 0.05
_PATIENCE_S: Final = 300.0  # real seconds; a slow demo on a busy machine takes long, a broken one for ever


def play(ctx: Context) -> int:
    """Work the outage in the demo of *ctx*; prints the timeline and the postmortem. Exit 1 when it goes wrong."""
    status = StatusReader(ctx.paths.status_db, ctx.clock)
    try:
        with ctx.journal() as journal:
            operator = Operator(ctx, journal, ctx.note)
            _work(operator, Lookout(status, ctx.note))
    except Stuck as problem:
        ctx.note(f"the story did not end well: {problem}")
        return 1
    finally:
        status.close()
    _print(ctx, operator.alias)
    return 0


class Lookout:
    """Waits for what the watch publishes, and says what changes meanwhile."""

    def __init__(self, status: StatusReader, say: Callable[[str], None]) -> None:
        self._status = status
        self._say = say
        self._known: dict[str, str] = {}

    def until(self, holds: Callable[[StatusSnapshot], Any], what: str) -> Any:
        """The first true value of *holds* over what is published. Raises :class:`Stuck`."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            snapshot = self._status.poll()
            if snapshot is not None:
                self._tell(snapshot)
                if found := holds(snapshot):
                    return found
            if time.monotonic() > deadline:
                raise Stuck(f"not seen within {_PATIENCE_S:g} s: {what}")
            time.sleep(_POLL_S)

    def alert(self, name: str, severity: str = "") -> Alert:
        """The alert *name*, as soon as it fires."""

        def find(snapshot: StatusSnapshot) -> Alert | None:
            return next(
                (one for one in snapshot.alerts if one.name == name and severity in ("", one.severity)),
                None,
            )

        found: Alert = self.until(find, f"the alert {name}")
        return found

    def healthy(self) -> None:
        """Every check is fine, by fresh evidence, and no alert is left."""
        self.until(
            lambda snapshot: snapshot.overall == OK and all(check.healthy for check in snapshot.checks),
            "a house in which everything is well",
        )

    def _tell(self, snapshot: StatusSnapshot) -> None:
        for check in snapshot.checks:
            if check.state != self._known.get(check.key, OK):
                self._say(f"{check.state:<9} {check.key}: {check.detail}")
            self._known[check.key] = check.state


def _work(operator: Operator, lookout: Lookout) -> None:
    alert = lookout.alert("ForecastErrorsHigh", "critical")
    operator.journal.append_watch([acknowledge.event(one, reason="on it") for one in _targets(alert)])
    operator.declare("tide forecasts answer 503", "SEV2", alert)
    operator.record(
        incident.set_role("ic", operator.journal.actor),
        incident.mark("detected", at=alert.starts_at, precision="second", text="The watch raises ForecastErrorsHigh"),
    )
    operator.note("+acknowledged looking at it")
    _the_messenger(operator, alert)
    _the_feed(operator, lookout)
    _the_cause(operator, lookout)
    lookout.healthy()
    operator.note("+impact_end forecasts answer again")
    operator.note("+resolved error rate back to normal, feed up, volume has room")
    operator.note("#good the API said in words what it missed")
    operator.note("#bad the volume's warning at 80 % had no owner")
    operator.note("todo @team-radio 1h the debug capture needs a size limit")
    operator.note("? who switched the capture on, and for what")
    operator.close("customers are served; the capture's limit is a task")


def _the_messenger(operator: Operator, alert: Alert) -> None:
    """The alert's own runbook: the API only passes on what the feed does."""
    entry, why = operator.runbook_for(alert)
    operator.follow(entry.runbook, alert.labels, why)
    seen = values(operator.execute())
    operator.tick(f"{seen['error_percent']} % errors; {seen['last_error']}")
    operator.observe("old readings: the API is the messenger")


def _the_feed(operator: Operator, lookout: Lookout) -> None:
    """The feed's runbook: it halted because it can't write."""
    alert = lookout.alert("BuoyFeedStale")
    entry, _ = operator.runbook_for(alert)
    operator.follow(entry.runbook, alert.labels, "the API's readings are old")
    seen = values(operator.execute())
    operator.tick(f"{seen['status']}, {seen['error']}")
    seen = values(operator.execute())
    operator.tick(f"{seen['used_percent']} % used")
    operator.note("#decision no restart of the feed before there is room: it would halt again")


def _the_cause(operator: Operator, lookout: Lookout) -> None:
    """The volume's runbook, to its end: it is the one that helps."""
    alert = lookout.alert("ReadingsVolumeFull")
    entry, _ = operator.runbook_for(alert)
    operator.follow(entry.runbook, alert.labels, "the readings volume is full")
    seen = values(operator.execute())
    operator.tick(f"{seen['used_percent']} % of {seen['size_kb']} kB")
    captures = sum("capture-" in line for line in operator.execute().splitlines())
    operator.tick(f"{captures} of the biggest files are captures")
    operator.record(incident.set_services(["forecast-api", "buoy-feed", "readings-volume"]))
    operator.note("! #finding the radio's debug capture fills the readings volume")
    operator.tick("capture-*.bin: go on with the mitigation")
    while operator.phase == "act":
        operator.execute()
        operator.tick()
    operator.note("+mitigated capture off, its files removed, feed resumed")
    while operator.view().current:
        step = operator.step
        if operator.phase == "rollback":
            operator.skip("nobody asked for the capture")
        elif step.commands:
            seen = values(operator.execute())
            operator.tick(
                ", ".join(f"{name} {seen[name]}" for name in ("status", "age_s", "used_percent") if name in seen)
            )
        else:
            operator.tick()
    operator.end("volume has room, feed is up")


def _targets(alert: Alert) -> list[acknowledge.Target]:
    return [
        acknowledge.Target(
            fingerprint=alert.fingerprint,
            name=alert.name,
            starts_at=alert.starts_at,
            service=alert.labels.get("service", ""),
        )
    ]


def _print(ctx: Context, alias: str) -> None:
    """The timeline and the postmortem, by the commands that print them."""
    from console.commands.export import export
    from console.commands.timeline import timeline

    for command in (timeline, export):
        with click.Context(command, obj=ctx) as inner:
            inner.invoke(command, incident=alias)
        ctx.echo("")
