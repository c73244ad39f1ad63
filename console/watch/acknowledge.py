"""Acknowledging: an event in the watch stream, of one episode of one alert. The leader shows it a second later."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from console.fingerprint import fingerprint
from console.journal.events import Acknowledged, New
from console.snapshot import CheckState, StatusSnapshot
from console.watch.state import BAD


class Target(Struct, frozen=True, kw_only=True):
    """What can be acknowledged: an alert's episode, or a problem that raised none (UNKNOWN, suppressed)."""

    fingerprint: str
    name: str
    starts_at: datetime
    service: str = ""


def targets(snapshot: StatusSnapshot) -> list[Target]:
    """Every episode that is going on in *snapshot*."""
    found = [
        Target(
            fingerprint=alert.fingerprint,
            name=alert.name,
            starts_at=alert.starts_at,
            service=alert.labels.get("service", ""),
        )
        for alert in snapshot.alerts
    ]
    known = {target.fingerprint for target in found}
    found += [
        target
        for check in snapshot.checks
        if (target := of_check(check)) is not None and target.fingerprint not in known
    ]
    return found


def of_check(check: CheckState) -> Target | None:
    """The problem of *check*; None when it has none."""
    if check.state not in BAD or check.since is None:
        return None
    return Target(fingerprint=fingerprint(check.labels), name=check.key, starts_at=check.since, service=check.service)


def find(snapshot: StatusSnapshot, named: str) -> list[Target]:
    """What *named* means: a fingerprint (or the beginning of one, 4 digits at least), an alert's name, ``service/check``,
    or a service: then all of its episodes."""
    every = targets(snapshot)
    keys = {fingerprint(check.labels): check.key for check in snapshot.checks}
    for exact in (
        [one for one in every if one.fingerprint == named],
        [one for one in every if one.name == named or keys.get(one.fingerprint) == named],
        [one for one in every if one.service == named],
        [one for one in every if len(named) >= 4 and one.fingerprint.startswith(named.lower())],
    ):
        if exact:
            return exact
    return []


def event(target: Target, *, reason: str = "", expires: datetime | None = None) -> New:
    """The event to append (``Journal.append_watch``)."""
    body = Acknowledged(
        fingerprint=target.fingerprint,
        name=target.name,
        starts_at=target.starts_at,
        reason=reason,
        expires=expires,
        service=target.service,
    )
    return New(body=body)


def until(now: datetime, seconds: float | None) -> datetime | None:
    """When an acknowledgement for *seconds* ends; None: with its episode."""
    return None if seconds is None else now + timedelta(seconds=seconds)
