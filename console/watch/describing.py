"""A check's state as others see it: on screens, as an alert, as events for the record. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from console.clock import to_us
from console.journal.events import AlertRaised, AlertResolved, CheckChanged, CheckFlapping, New
from console.snapshot import DEGRADED, DOWN, INFO, OK, PENDING, Alert, CheckState
from console.watch.history import History
from console.watch.state import BAD, Machine, Result, failing_of, flap_percent, soft

if TYPE_CHECKING:
    from console.watch.checks import Check

_SEVERITY: Final = {DOWN: "critical", DEGRADED: "warning"}


def describe(
    check: Check, machine: Machine, over: tuple[str, ...] = (), *, history: History | None = None
) -> CheckState:
    """The public form of a check's state."""
    p50, p95 = history.latency if history is not None else (None, None)
    last = machine.last or Result(state=PENDING)
    bad, of = failing_of(machine.ring)
    failing = f", {bad} of {of} failing" if last.state in BAD and of > 1 else ""
    return CheckState(
        service=check.service,
        name=check.name,
        kind=check.kind,
        state=INFO if check.info and machine.hard == OK else machine.hard,
        raw=last.state,
        overlays=over,
        soft=soft(machine, check.policy),
        since=machine.since,
        last_at=machine.last_at,
        interval_s=check.policy.interval,
        timeout_s=check.policy.timeout,
        latency_ms=last.latency_ms,
        lateness_ms=last.lateness_ms,
        value=last.value,
        unit=last.unit,
        detail=last.detail + failing,
        labels=check.labels,
        runbook=check.runbook,
        p50_ms=p50,
        p95_ms=p95,
        availability=history.availability if history is not None else (),
    )


def alert_of(check: Check, machine: Machine, before: Alert | None) -> Alert:
    assert machine.since is not None  # noqa: S101 - a hard state has a start
    severity = check.severity or _SEVERITY[machine.hard]
    if before is not None:
        return replace(before, severity=severity, runbook=check.runbook)
    summary = machine.last.detail if machine.last else ""
    return Alert(
        fingerprint=check.fingerprint,
        name=check.alertname,
        severity=severity,
        starts_at=machine.since,
        labels=check.labels,
        annotations={"summary": summary},
        runbook=check.runbook,
    )


def changed(check: Check, machine: Machine, old: str, now: datetime) -> New:
    body = CheckChanged(
        service=check.service,
        check=check.name,
        kind=check.kind,
        old=old,
        new=machine.hard,
        detail=machine.last.detail if machine.last else "",
        labels=check.labels,
    )
    return New(body=body, occurred_at=now, dedupe=f"check:{check.key}:{machine.hard}:{to_us(now)}")


def flapping(check: Check, machine: Machine, now: datetime) -> New:
    body = CheckFlapping(
        service=check.service,
        check=check.name,
        kind=check.kind,
        began=machine.flapping,
        state=machine.hard,
        percent=round(flap_percent(machine.ring)),
        labels=check.labels,
    )
    word = "began" if machine.flapping else "settled"
    return New(body=body, occurred_at=now, dedupe=f"flapping:{check.key}:{word}:{to_us(now)}")


def raised(alert: Alert, now: datetime) -> New:
    body = AlertRaised(
        fingerprint=alert.fingerprint,
        name=alert.name,
        severity=alert.severity,
        starts_at=alert.starts_at,
        labels=alert.labels,
        annotations=alert.annotations,
        source=alert.source,
    )
    return New(body=body, occurred_at=now, dedupe=f"raised:{alert.fingerprint}:{to_us(alert.starts_at)}")


def resolved(alert: Alert, now: datetime, evidence: str) -> New:
    body = AlertResolved(
        fingerprint=alert.fingerprint,
        name=alert.name,
        starts_at=alert.starts_at,
        evidence=evidence,
        source=alert.source,
        labels=alert.labels,
    )
    return New(body=body, occurred_at=now, dedupe=f"resolved:{alert.fingerprint}:{to_us(alert.starts_at)}")
