"""What the watch knows, in memory: every check's state, the alerts that failing checks raise, who has seen them.

Results go in; what has to be stored and recorded comes out as :class:`Changes`. No IO here, and no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from console.clock import to_us
from console.journal.events import Acknowledged, AlertRaised, AlertResolved, CheckChanged, New
from console.snapshot import (
    ACKED,
    DEGRADED,
    DOWN,
    OK,
    PENDING,
    SUPPRESSED,
    UNKNOWN,
    Ack,
    Alert,
    CheckState,
    Source,
    StatusSnapshot,
)
from console.watch.state import BAD, Machine, Result, failing_of, overlays, pause, soft, step

if TYPE_CHECKING:
    from console.watch.checks import Check

SOURCE: Final = "checks"  # the name of our own scheduler among the sources
_RANK: Final = {OK: 0, PENDING: 0, UNKNOWN: 1, DEGRADED: 1, DOWN: 2}
_SEVERITY: Final = {DOWN: "critical", DEGRADED: "warning"}


class Seen(Struct, frozen=True, kw_only=True):
    """An acknowledgement and the episode that it is of."""

    starts_at: datetime
    ack: Ack


class Sample(Struct, frozen=True, kw_only=True):
    """One result, for a check's history."""

    at: datetime
    state: str
    latency_ms: float | None = None
    value: float | None = None


class Kept(Struct, frozen=True, kw_only=True):
    """What outlives a leader."""

    machines: Mapping[str, Machine] = {}  # by check key
    alerts: Mapping[str, Alert] = {}  # by fingerprint
    seen: Mapping[str, Seen] = {}  # by fingerprint
    feed: Mapping[str, Alert] = {}  # of other systems, by fingerprint, without acknowledgement
    lost: Mapping[str, datetime] = {}  # other sources that are lost, since when


class Changes(Struct, kw_only=True):
    """What has happened since it was last asked for. None as a value: forget that key."""

    machines: dict[str, Machine | None] = {}
    alerts: dict[str, Alert | None] = {}
    seen: dict[str, Seen | None] = {}
    feed: dict[str, Alert | None] = {}  # alerts of other systems, with their acknowledgement
    lost: dict[str, datetime | None] = {}
    samples: list[tuple[str, Sample]] = []
    news: list[New] = []

    def __bool__(self) -> bool:
        return bool(self.machines or self.alerts or self.seen or self.feed or self.lost or self.samples or self.news)

    def then(self, later: Changes) -> Changes:
        """These, and *later* ones after them."""
        return Changes(
            machines={**self.machines, **later.machines},
            alerts={**self.alerts, **later.alerts},
            seen={**self.seen, **later.seen},
            feed={**self.feed, **later.feed},
            lost={**self.lost, **later.lost},
            samples=[*self.samples, *later.samples][-_SAMPLES_KEPT:],
            news=[*self.news, *later.news],
        )


class Board:
    """The checks of one configuration."""

    def __init__(self, checks: Sequence[Check], kept: Kept, now: datetime) -> None:
        self.checks = {check.key: check for check in checks}
        self._of_service: dict[str, list[str]] = {}
        for check in checks:
            self._of_service.setdefault(check.service, []).append(check.key)
        self._by_fingerprint = {check.fingerprint: check for check in checks}
        self._machines = {key: kept.machines.get(key, Machine()) for key in self.checks}
        self._alerts = {mark: alert for mark, alert in kept.alerts.items() if mark in self._by_fingerprint}
        self._seen = {mark: seen for mark, seen in kept.seen.items() if mark in self._by_fingerprint}
        self._states: dict[str, CheckState] = {}
        self._results: set[str] = set()  # checks that have answered since we lead
        self._changes = Changes()
        self._forget(kept, now)

    def _forget(self, kept: Kept, now: datetime) -> None:
        """Drop what the configuration no longer names; an alert of it can't resolve by itself any more."""
        for key in kept.machines.keys() - self.checks.keys():
            self._changes.machines[key] = None
        for mark in kept.alerts.keys() - self._by_fingerprint.keys():
            self._changes.alerts[mark] = None
            self._changes.news.append(_resolved(kept.alerts[mark], now, "no longer watched"))
        for mark in kept.seen.keys() - self._by_fingerprint.keys() - kept.feed.keys():
            self._changes.seen[mark] = None

    def take(self, check: Check, result: Result, now: datetime, boot: float) -> float | None:
        """Note a result. Returns in how many seconds to look again when that should not wait for the grid."""
        before = self._machines[check.key]
        machine, transition = step(before, result, now, boot, check.policy)
        self._machines[check.key] = machine
        self._results.add(check.key)
        self._changes.machines[check.key] = machine
        sample = Sample(at=now, state=result.state, latency_ms=result.latency_ms, value=result.value)
        self._changes.samples.append((check.key, sample))
        if transition is not None:
            if (transition.old, transition.new) != (PENDING, OK):  # that everything is well from the start is no event
                self._changes.news.append(_changed(check, machine, transition.old, now))
            self._clear_outdated_ack(check, transition.old, machine)
        self._settle_alert(check, machine, now)
        return pause(machine, check.policy)

    def acknowledge(self, event: Acknowledged, actor: str, at: datetime) -> bool:
        """Somebody has seen an episode; it is noted only if that is the one going on now. Returns whether it is."""
        check = self._by_fingerprint.get(event.fingerprint)
        if check is None:
            return False
        machine = self._machines[check.key]
        if machine.hard not in BAD or machine.since is None or _whole(machine.since) != _whole(event.starts_at):
            return False
        seen = Seen(starts_at=machine.since, ack=Ack(actor=actor, at=at, reason=event.reason, expires=event.expires))
        self._seen[check.fingerprint] = seen
        self._changes.seen[check.fingerprint] = seen
        return True

    def _clear_outdated_ack(self, check: Check, old: str, machine: Machine) -> None:
        """An acknowledgement ends with its problem, and when the problem grows worse."""
        seen = self._seen.get(check.fingerprint)
        if seen is None:
            return
        if machine.hard not in BAD or _RANK[machine.hard] > _RANK[old] or seen.starts_at != machine.since:
            self._unsee(check.fingerprint)

    def _unsee(self, mark: str) -> None:
        del self._seen[mark]
        self._changes.seen[mark] = None

    def _settle_alert(self, check: Check, machine: Machine, now: datetime) -> None:
        """Raise, update or resolve. UNKNOWN neither raises nor resolves: it is no evidence."""
        alert = self._alerts.get(check.fingerprint)
        if machine.hard == OK and alert is not None:
            del self._alerts[check.fingerprint]
            self._changes.alerts[check.fingerprint] = None
            self._changes.news.append(_resolved(alert, now, machine.last.detail if machine.last else ""))
        elif machine.hard in (DOWN, DEGRADED):
            updated = _alert(check, machine, alert)
            if alert is None:
                if self._suppressed(check):
                    return
                self._changes.news.append(_raised(updated, now))
            elif updated == alert:
                return
            self._alerts[check.fingerprint] = updated
            self._changes.alerts[check.fingerprint] = updated

    def _suppressed(self, check: Check) -> bool:
        """Whether a service that this one needs is DOWN."""
        return any(
            self._machines[key].hard == DOWN for parent in check.parents for key in self._of_service.get(parent, ())
        )

    @property
    def has_news(self) -> bool:
        """Whether there is something to record."""
        return bool(self._changes.news)

    def drain(self) -> Changes:
        """What has to be stored and recorded, once."""
        changes, self._changes = self._changes, Changes()
        return changes

    def put_back(self, changes: Changes) -> None:
        """*changes* could not be stored: they come first in the next :meth:`drain`."""
        self._changes = changes.then(self._changes)

    def everything(self) -> Changes:
        """All that a new status.db needs; nothing to record."""
        return Changes(machines=dict(self._machines), alerts=dict(self._alerts), seen=dict(self._seen))

    # ── what readers see ─────────────────────────────────────────────────────────────────────────────────────────

    def snapshot(self, now: datetime, boot: float, *, epoch: int, config_hash: str, version: int) -> StatusSnapshot:
        """Everything as it is at *now*."""
        for mark, seen in list(self._seen.items()):
            if seen.ack.expires is not None and seen.ack.expires <= now:
                self._unsee(mark)
        warm = len(self._results) == len(self.checks)
        source = Source(name=SOURCE, kind="checks", state="ok" if warm else "warming", last_ok=now)
        return StatusSnapshot(
            taken_at=now,
            checks=tuple(self._state(check, boot) for check in self.checks.values()),
            alerts=tuple(self._with_ack(alert) for alert in self._alerts.values()),
            sources=(source,),
            epoch=epoch,
            config_hash=config_hash,
            version=version,
        )

    def _with_ack(self, alert: Alert) -> Alert:
        seen = self._seen.get(alert.fingerprint)
        return alert if seen is None else replace(alert, ack=seen.ack)

    def _state(self, check: Check, boot: float) -> CheckState:
        machine = self._machines[check.key]
        extra = [SUPPRESSED] if machine.hard in BAD and self._suppressed(check) else []
        extra += [ACKED] if check.fingerprint in self._seen else []
        over = overlays(machine, check.policy, boot, extra=tuple(extra))
        before = self._states.get(check.key)
        # Most checks have no new result between two publications.
        if before is not None and before.last_at is machine.last_at and before.overlays == over:
            return before
        state = describe(check, machine, over)
        self._states[check.key] = state
        return state


_SAMPLES_KEPT: Final = 10_000  # while they can't be stored


def describe(check: Check, machine: Machine, over: tuple[str, ...] = ()) -> CheckState:
    """The public form of a check's state."""
    last = machine.last or Result(state=PENDING)
    bad, of = failing_of(machine.ring)
    failing = f", {bad} of {of} failing" if last.state in BAD and of > 1 else ""
    return CheckState(
        service=check.service,
        name=check.name,
        kind=check.kind,
        state=machine.hard,
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
    )


def describe_alerts(checks: Iterable[tuple[Check, Machine]]) -> tuple[Alert, ...]:
    """The alerts that these states make, without history: for a single pass."""
    return tuple(_alert(check, machine, None) for check, machine in checks if machine.hard in (DOWN, DEGRADED))


def _alert(check: Check, machine: Machine, before: Alert | None) -> Alert:
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


def _changed(check: Check, machine: Machine, old: str, now: datetime) -> New:
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


def _raised(alert: Alert, now: datetime) -> New:
    body = AlertRaised(
        fingerprint=alert.fingerprint,
        name=alert.name,
        severity=alert.severity,
        starts_at=alert.starts_at,
        labels=alert.labels,
        annotations=alert.annotations,
    )
    return New(body=body, occurred_at=now, dedupe=f"raised:{alert.fingerprint}:{to_us(alert.starts_at)}")


def _resolved(alert: Alert, now: datetime, evidence: str) -> New:
    body = AlertResolved(
        fingerprint=alert.fingerprint,
        name=alert.name,
        starts_at=alert.starts_at,
        evidence=evidence,
        labels=alert.labels,
    )
    return New(body=body, occurred_at=now, dedupe=f"resolved:{alert.fingerprint}:{to_us(alert.starts_at)}")


def _whole(moment: datetime) -> datetime:
    """To the second: an episode is named with that precision (console.snapshot.Alert.episode)."""
    return moment.replace(microsecond=0)
