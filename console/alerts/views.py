"""What one server said last, and whether what it does not say can be believed. Pure; times are aware UTC.

A server that has just begun, whose watchdog alert is missing, whose rules fail or whose reload failed answers with
status 200 and a short list: that is no evidence that anything is over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Generic, TypeAlias, TypeVar

from console.alerts.alertmanager import GettableAlert, ServerStatus, Silence
from console.alerts.prometheus import PrometheusRule, PrometheusState, Target
from console.fingerprint import fingerprint
from console.sanitize import one_line
from console.snapshot import Source
from console.sources import AlertmanagerConfig, PrometheusConfig, ServerConfig

USUAL_WATCHDOGS: Final = ("Watchdog", "DeadMansSwitch")
_FAILURES: Final = 2  # in a row, and the source is lost

ROUNDS: Final = 4  # an alert ends after so many without news (Prometheus: 4 × the time between two sendings)

_MARK: Final = re.compile(r"[0-9a-f]{16}")
Times: TypeAlias = tuple[datetime | None, datetime | None]  # when it ends by itself, when it was sent last

C = TypeVar("C", bound=ServerConfig)


@dataclass
class View(Generic[C]):
    """One server. *last_ok* is its last good answer, *failures* those without one since."""

    config: C
    kind: str
    last_ok: datetime | None = None
    failures: int = 0
    error: str = ""
    pause: float = 0.0  # seconds between two questions, where that is more than the configured interval
    version: int = 0  # grows when what it reports has changed

    def failed(self, words: str) -> None:
        """It gave no usable answer."""
        self.failures += 1
        self.error = words

    @property
    def unasked(self) -> bool:
        """Whether it has not had the time to answer yet."""
        return self.last_ok is None and self.failures < _FAILURES

    def given_up(self, words: str) -> None:
        """It gave no usable answer, and is not asked again."""
        self.failures, self.error = max(self.failures + 1, _FAILURES), words

    def fresh(self, now: datetime) -> bool:
        """Whether its last answer is young enough to be what is true now."""
        if self.last_ok is None or self.failures >= _FAILURES:
            return False
        every = max(float(self.config.interval), self.pause)
        return now - self.last_ok <= timedelta(seconds=2 * every + self.config.timeout)

    def distrust(self, now: datetime) -> str:
        """Why what it does not report may go on all the same; "" when it can be believed. Fresh or not is not asked."""
        raise NotImplementedError

    def warming(self, now: datetime) -> bool:
        """Whether it began a moment ago."""
        raise NotImplementedError

    def always_fires(self) -> str:
        """The watchdog that has been seen there; "" for none."""
        return ""

    def unheard(self) -> str:
        """What can't be told here although it answers, in two words; "" for nothing."""
        return ""

    def source(self, now: datetime) -> Source:
        """How it is, for the header."""
        state, error = "ok", ""
        if self.unasked:
            state, error = "warming", self.error
        elif not self.fresh(now):
            state, error = "lost", self.error
        else:
            error = self.distrust(now)
            if error:
                state = "warming" if self.warming(now) else "stale"
        return Source(
            name=self.config.name,
            kind=self.kind,
            state=state,
            last_ok=self.last_ok,
            error=one_line(error, 300),
            note=self.unheard() if state == "ok" else "",
            watchdog=self.always_fires(),
        )


@dataclass
class AlertmanagerView(View[AlertmanagerConfig]):
    """One Alertmanager."""

    alerts: Mapping[str, GettableAlert] = field(default_factory=dict)  # by fingerprint, without watchdogs
    times: dict[str, Times] = field(default_factory=dict)  # of each, and of those that left until they are over
    silences: tuple[Silence, ...] = ()
    watchdog: GettableAlert | None = None
    watchdog_seen: bool = False
    began: datetime | None = None
    alone: bool = False  # no Prometheus is asked, too

    def answered(
        self,
        alerts: Sequence[GettableAlert],
        status: ServerStatus,
        now: datetime,
        silences: tuple[Silence, ...] = (),
    ) -> None:
        """It gave its alerts."""
        self.silences = silences
        names = (self.config.watchdog,) if self.config.watchdog else USUAL_WATCHDOGS
        self.watchdog = next((one for one in alerts if one.labels.get("alertname") in names), None)
        self.watchdog_seen = self.watchdog_seen or self.watchdog is not None
        found: dict[str, GettableAlert] = {}
        times: dict[str, Times] = {}
        before = self.alerts
        for one in alerts:
            if one.labels.get("alertname") not in names:
                # Its own fingerprint is the one that we would compute: at 50,000 alerts that is a second.
                mark = one.fingerprint if _MARK.fullmatch(one.fingerprint) else fingerprint(one.labels)
                known = before.get(mark)
                found[mark] = known if known is not None and _same(known, one) else one
                times[mark] = (one.ends_at, one.updated_at)
        if len(found) != len(before) or any(before.get(mark) is not one for mark, one in found.items()):
            self.alerts = found
            self.version += 1
        self.times.update(times)
        self.began = status.uptime
        self.last_ok, self.failures, self.error = now, 0, ""

    def always_fires(self) -> str:
        return (self.config.watchdog or USUAL_WATCHDOGS[0]) if self.watchdog_seen else ""

    def unheard(self) -> str:
        # That it has no alerts may mean that nobody sends any.
        return "no watchdog" if self.alone and not (self.config.watchdog or self.watchdog_seen) else ""

    def warming(self, now: datetime) -> bool:
        if self.began is None or now - self.began > timedelta(seconds=self.config.warm_up):
            return False
        # Prometheus sends its groups one by one: all have come when the watchdog was sent again two rounds later.
        first, again = self.began, self.watchdog.updated_at if self.watchdog is not None else None
        return again is None or self.watchdog is None or again - first < 2 * round_of(self.watchdog)

    def distrust(self, now: datetime) -> str:
        if self.warming(now):
            return "began a moment ago: its list may not be whole yet"
        if self.watchdog is None and (self.config.watchdog or self.watchdog_seen):
            return f"its alert {self.config.watchdog or 'Watchdog'} is missing: what it does not report may go on"
        return ""


@dataclass
class PrometheusView(View[PrometheusConfig]):
    """One Prometheus server."""

    state: PrometheusState | None = None
    rules: Mapping[str, tuple[PrometheusRule, ...]] = field(default_factory=dict)  # by alert name
    firing: Mapping[str, tuple[PrometheusRule, int]] = field(
        default_factory=dict
    )  # fingerprint → rule, place in alerts
    down: frozenset[tuple[str, str]] = (
        frozenset()
    )  # (job, instance) of the targets that are not up, or were not just now
    pending: frozenset[str] = frozenset()  # fingerprints of alerts that are about to fire
    _down_now: frozenset[tuple[str, str]] = frozenset()

    def answered(self, state: PrometheusState, now: datetime) -> None:
        """It said how it is."""
        self.state = state
        rules: dict[str, list[PrometheusRule]] = {}
        for rule in state.rules:
            rules.setdefault(rule.name, []).append(rule)
        self.rules = {name: tuple(found) for name, found in rules.items()}
        watchdogs = (self.config.watchdog,) if self.config.watchdog else USUAL_WATCHDOGS
        firing = {
            fingerprint({**state.external_labels, **alert.labels}): (rule, place)
            for rule in state.rules
            if rule.name not in watchdogs
            for place, alert in enumerate(rule.alerts)
            if alert.state == "firing"
        }
        if _told(firing) != _told(self.firing):
            self.version += 1
        self.firing = firing
        self.pending = frozenset(
            fingerprint({**state.external_labels, **alert.labels})
            for rule in state.rules
            for alert in rule.alerts
            if alert.state != "firing"
        )
        # Rules are asked before targets: one that came back in between has not been evaluated yet.
        now_down = frozenset(_identity(target) for target in state.targets if target.health != "up")
        self.down, self._down_now = now_down | self._down_now, now_down
        self.last_ok, self.failures, self.error = now, 0, ""

    def began(self) -> datetime | None:
        """When the server's process began."""
        return self.state.runtime.start_time if self.state is not None else None

    def warming(self, now: datetime) -> bool:
        state = self.state
        if state is None:
            return False
        if any(not rule.evaluated or rule.health == "unknown" for rule in (*state.rules, *state.recording)):
            return True
        if any(target.health == "unknown" for target in state.targets):
            return True
        began = self.began()
        return bool(self.pending) and began is not None and now - began < timedelta(seconds=self.config.warm_up)

    def distrust(self, now: datetime) -> str:
        if self.state is None:
            return ""
        broken = [rule for rule in (*self.state.rules, *self.state.recording) if rule.health == "err"]
        if broken:
            more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
            return f"its rule {broken[0].name} fails: {broken[0].last_error or 'no reason given'}{more}"
        if self.warming(now):
            return "began a moment ago: not all its rules and targets have been heard of"
        if not self.state.runtime.reload_config_success:
            return "could not load its new configuration: the old one runs"
        if self.config.watchdog and not any(
            alert.state == "firing" for rule in self.rules.get(self.config.watchdog, ()) for alert in rule.alerts
        ):
            return f"its alert {self.config.watchdog} does not fire: what it does not report may go on"
        lost = [
            target
            for target in self.state.targets
            if target.health == "down" and target.labels.get("job", "") not in self.config.may_be_down
        ]
        if lost:
            job, instance = _identity(lost[0])
            more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
            return f"its target {job} {instance} does not answer{more}: alerts about it may be missing"
        return ""

    def why_not_over(
        self, mark: str, labels: Mapping[str, str], down_before: frozenset[tuple[str, str]], now: datetime
    ) -> str:
        """Why the alert with *labels*, which it does not report, may go on; "" when this server says that it is over.

        *mark* is its fingerprint; *down_before*: its targets that were not up when the alert was last seen.
        """
        if mark in self.pending:
            return "it is pending again"
        began = self.began()
        if began is not None and now - began < timedelta(seconds=self.config.warm_up):
            return "the server began a moment ago"
        for rule in self.rules.get(labels.get("alertname", ""), ()):
            if rule.health == "err":
                return f"the rule fails: {rule.last_error or 'no reason given'}"
            if not rule.evaluated or rule.health != "ok":
                return "the rule is not evaluated yet"
            fed_by = next((one for one in self._recording() if one.health != "ok" and one.name in rule.query), None)
            if fed_by is not None:
                return f"the recording rule {fed_by.name}, which it reads, is not evaluated"
        job, instance = labels.get("job", ""), labels.get("instance", "")
        if instance:
            lost = [one for one in self.down if one[1] == instance and (not job or one[0] == job)]
        else:
            lost = [one for one in self.down - down_before if not job or one[0] == job]
        if lost:
            return f"its target {lost[0][1] or lost[0][0]} does not answer"
        return ""

    def _recording(self) -> Sequence[PrometheusRule]:
        return self.state.recording if self.state is not None else ()

    def knows(self, labels: Mapping[str, str]) -> bool:
        """Whether it has a rule for the alert with *labels*."""
        return labels.get("alertname", "") in self.rules


def _told(firing: Mapping[str, tuple[PrometheusRule, int]]) -> dict[str, tuple[object, ...]]:
    """All but the values, which change with each look."""
    found: dict[str, tuple[object, ...]] = {}
    for mark, (rule, place) in firing.items():
        alert = rule.alerts[place]
        found[mark] = (rule.name, rule.duration, alert.labels, alert.annotations, alert.active_at)
    return found


def _same(known: GettableAlert, one: GettableAlert) -> bool:
    """Whether all but the times of sending is as it was."""
    return (
        known.starts_at == one.starts_at
        and known.status == one.status
        and known.labels == one.labels
        and known.annotations == one.annotations
    )


def round_of(alert: GettableAlert) -> timedelta:
    """How often the server that sends *alert* sends it: it gives it an end 4 rounds ahead."""
    if alert.ends_at is None or alert.updated_at is None:
        return timedelta(0)
    return max(timedelta(0), (alert.ends_at - alert.updated_at) / ROUNDS)


def _identity(target: Target) -> tuple[str, str]:
    return (target.labels.get("job", ""), target.labels.get("instance", ""))
