"""One list out of what several servers say: each alert once, and none gone without evidence that it is over.

An alert that no fresh source reports any more is over when nothing speaks against it: each source that knew it is fresh
and can be believed; its Alertmanager was told so (it left before its time ran out), or its Prometheus goes on without
it; its rule is healthy and its target answers. Otherwise it stays, as :data:`~console.snapshot.GONE`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from msgspec.structs import replace as changed

from console.alerts.alertmanager import GettableAlert, Silence
from console.alerts.prometheus import PrometheusAlert, PrometheusRule
from console.alerts.views import ROUNDS, AlertmanagerView, PrometheusView, View, round_of
from console.sanitize import one_line
from console.snapshot import FIRING, GONE, GONE_BECAUSE, SUPPRESSED_ALERT, Alert, Report, SilenceState, Source

Down: TypeAlias = Mapping[str, frozenset[tuple[str, str]]]
SeverityOf = Callable[[Mapping[str, str]], tuple[str, int]]
_MISSED: Final = 3  # rounds within which a living Prometheus sends each alert again, whatever its grid
_SAME_START: Final = timedelta(minutes=10)
_LONG: Final = timedelta(days=1)  # an alert that its living sources have not reported for so long is over
_MANY: Final = 200  # alerts of a name among which one that was relabelled is looked for
_RUNBOOK: Final = ("runbook_url", "runbook")


@dataclass(frozen=True)
class _Known:
    """An alert that is shown, and what was known when a fresh source last reported it."""

    alert: Alert
    base: Alert | None = None  # what the Alertmanagers alone say of it
    reports: tuple[tuple[str, GettableAlert], ...] = ()  # what that was made of
    told: bool = False  # an Alertmanager that misses it was told that it is over
    provisional: bool = False  # its start is a Prometheus' guess; an Alertmanager knows better
    left_at: datetime | None = None  # when it was first missed
    down: Down | None = None  # targets that were not up, by Prometheus, when it was last reported; set when it left


class Judge:
    """Holds what is shown. *known* and *sources*: what was shown before this process began."""

    def __init__(
        self,
        alertmanagers: Sequence[AlertmanagerView],
        prometheus: Sequence[PrometheusView],
        severity_of: SeverityOf,
        known: Sequence[Alert] = (),
        sources: Sequence[Source] = (),
    ) -> None:
        seen = {source.name for source in sources if source.watchdog}
        for view in alertmanagers:
            view.watchdog_seen = view.watchdog_seen or view.config.name in seen
            view.alone = not prometheus
        self._began: datetime | None = None
        self._down: Down = {}  # when there was a report last
        self._found_by: tuple[tuple[str, int], ...] | None = None  # what the last findings were made of
        self._findings: dict[str, _Known] = {}
        self._alertmanagers = alertmanagers
        self._prometheus = prometheus
        self._severity_of = severity_of
        self._known = {alert.fingerprint: _Known(changed(alert, ack=None)) for alert in known}

    @property
    def size(self) -> int:
        """How many alerts are shown."""
        return len(self._known)

    def report(self, now: datetime) -> Report:
        """What is true at *now*, by all that the views hold."""
        self._began = self._began or now
        found = dict(self._fresh_findings(now))
        evidence: dict[str, str] = {}
        for mark, before in self._known.items():
            if mark in found:
                continue
            known = before if before.down is not None else replace(before, down=self._down, left_at=now)
            if not known.told and self._told_so(known, now):
                known = replace(known, told=True)
            why, words = self._why_not_over(known, now)
            if self._awaited(known):
                found[mark] = known  # as it was, until its source has been asked for the first time
            elif why:
                found[mark] = replace(known, alert=_gone(known.alert, why))
            else:
                evidence[mark] = words
                for manager in self._alertmanagers:
                    manager.times.pop(mark, None)
        self._known = found
        self._down = {view.config.name: view.down for view in self._prometheus if view.fresh(now)}
        views: list[View[Any]] = [*self._alertmanagers, *self._prometheus]
        return Report(
            sources=tuple(view.source(now) for view in views),
            alerts=tuple(known.alert for known in found.values()),
            evidence=evidence,
            silences=silences_of(self._alertmanagers),
        )

    # ── what is there ────────────────────────────────────────────────────────────────────────────────────────────

    def _fresh_findings(self, now: datetime) -> dict[str, _Known]:
        """:meth:`_found`, made anew only when a source says something else: it may be 50,000 alerts."""
        views: list[View[Any]] = [*self._alertmanagers, *self._prometheus]
        made_of = tuple((view.config.name, view.version) for view in views if view.fresh(now))
        if made_of != self._found_by:
            self._findings, self._found_by = self._found(now), made_of
        return self._findings

    def _found(self, now: datetime) -> dict[str, _Known]:
        """What fresh sources report. An Alertmanager's word comes first: it knows of silences."""
        told: dict[str, list[tuple[AlertmanagerView, GettableAlert]]] = {}
        for view in self._alertmanagers:
            if view.fresh(now):
                for mark, alert in view.alerts.items():
                    told.setdefault(mark, []).append((view, alert))
        found = {mark: self._merged(mark, reports) for mark, reports in told.items()}
        by_name: dict[str, list[str]] = {}
        for mark, known in found.items():
            by_name.setdefault(known.alert.name, []).append(mark)
        for server in self._prometheus:
            if server.fresh(now) and server.state is not None:
                for mark, (rule, place) in server.firing.items():
                    same = (
                        mark
                        if mark in found
                        else self._probable(found, by_name.get(rule.name, []), server, rule, place)
                    )
                    self._add_prometheus(found, server, same or mark, rule, rule.alerts[place])
        return found

    def _probable(
        self,
        found: Mapping[str, _Known],
        marks: Sequence[str],
        server: PrometheusView,
        rule: PrometheusRule,
        place: int,
    ) -> str:
        """The one alert of that name that relabelling may have made of it; "" when there is none, or more than one."""
        assert server.state is not None  # noqa: S101 - the caller looked
        mine = {**server.state.external_labels, **rule.alerts[place].labels}.items()
        fitting = [
            mark
            for mark in marks[:_MANY]
            if mine <= found[mark].alert.labels.items() or found[mark].alert.labels.items() <= mine
        ]
        return fitting[0] if len(fitting) == 1 else ""

    def _merged(
        self,
        mark: str,
        views: list[tuple[AlertmanagerView, GettableAlert]],
    ) -> _Known:
        """One alert that one or more Alertmanagers report: the earliest start; active before suppressed."""
        known = self._known.get(mark)
        reports = tuple([(view.config.name, alert) for view, alert in views])
        if known is not None and known.base is not None and _identical(known.reports, reports):
            if known.alert is known.base and known.down is None:
                return known
            return replace(known, alert=known.base, told=False, down=None, left_at=None)
        first = min(reports, key=lambda one: one[1].starts_at)[1]
        active = [alert for _, alert in reports if alert.status.state == "active"]
        suppressed = [alert for _, alert in reports if alert.status.state == "suppressed"]
        quiet = bool(suppressed) and not active
        severity, level = self._severity_of(first.labels)
        starts_at = first.starts_at
        if known is not None and known.provisional and abs(known.alert.starts_at - starts_at) < _SAME_START:
            starts_at = known.alert.starts_at
        alert = Alert(
            fingerprint=mark,
            name=first.labels.get("alertname", "(no alertname)"),
            severity=severity,
            level=level,
            state=SUPPRESSED_ALERT if quiet else FIRING,
            starts_at=starts_at,
            labels=first.labels,
            annotations=first.annotations,
            source=reports[0][0],
            runbook=_runbook(first.annotations, first.labels),
            silenced_by=tuple(sorted({one for alert in suppressed for one in alert.status.silenced_by}))
            if quiet
            else (),
            inhibited_by=tuple(sorted({one for alert in suppressed for one in alert.status.inhibited_by}))
            if quiet
            else (),
            reported_by=tuple(name for name, _ in reports),
        )
        provisional = known is not None and known.provisional and starts_at == known.alert.starts_at
        return _Known(alert, alert, reports, provisional=provisional)

    def _add_prometheus(
        self,
        found: dict[str, _Known],
        server: PrometheusView,
        mark: str,
        rule: PrometheusRule,
        told: PrometheusAlert,
    ) -> None:
        assert server.state is not None  # noqa: S101 - the caller looked
        labels = {**server.state.external_labels, **told.labels}
        if mark in found:
            known = found[mark]
            sure = known.alert.labels == labels
            name = server.config.name if sure else f"{server.config.name} (probably)"
            alert = changed(known.alert, reported_by=(*known.alert.reported_by, name))
            before = self._known.get(mark)
            # The same object as before where nothing has changed: whoever compares is done at once.
            found[mark] = replace(known, alert=before.alert if before is not None and before.alert == alert else alert)
            return
        severity, level = self._severity_of(labels)
        before = self._known.get(mark)
        began = (told.active_at or server.last_ok or datetime.min) + timedelta(seconds=rule.duration)
        began = began.replace(microsecond=began.microsecond // 1000 * 1000)
        alert = Alert(
            fingerprint=mark,
            name=rule.name,
            severity=severity,
            level=level,
            starts_at=before.alert.starts_at if before is not None else began,
            labels=labels,
            annotations=told.annotations,
            source=server.config.name,
            runbook=_runbook(told.annotations, labels),
            reported_by=(server.config.name,),
        )
        if before is not None and before.alert == alert:
            alert = before.alert
        found[mark] = _Known(alert, provisional=True)

    # ── what is missing ──────────────────────────────────────────────────────────────────────────────────────────

    def _why_not_over(self, known: _Known, now: datetime) -> tuple[str, str]:
        """Why a missing alert may go on, or "" and the evidence that it is over."""
        labels = known.alert.labels
        words: list[str] = []
        reporters = {name.removesuffix(" (probably)") for name in known.alert.reported_by}
        explained = False  # somebody says why it is missing
        for server in self._concerned(reporters, labels):
            if not server.fresh(now):
                return f"{server.config.name} is lost", ""
            before = (known.down or {}).get(server.config.name, frozenset())
            why = server.why_not_over(known.alert.fingerprint, labels, before, now)
            if why:
                return f"{server.config.name}: {why}", ""
            if server.knows(labels):
                explained = True
                words.append(f"rule ok and target up on {server.config.name}")
            else:
                words.append(f"{server.config.name} has no rule for it any more")
        for view in self._alertmanagers:
            if view.config.name not in reporters:
                continue
            if not view.fresh(now):
                return f"{view.config.name} is lost", ""
            distrust = view.distrust(now)
            if distrust:
                return f"{view.config.name}: {distrust}", ""
            if not explained and not known.told and known.left_at is not None and now - known.left_at > _LONG:
                words.append("nobody has reported it for a day")
            elif not explained and not known.told:
                return f"{view.config.name} heard no more of it: nobody said that it is over", ""
            words.append(f"absent from {view.config.name}")
        configured = {view.config.name for view in self._alertmanagers} | {
            view.config.name for view in self._prometheus
        }
        if not reporters & configured:
            return "", "its source is no longer configured"
        return "", ", ".join(words) or "absent from its source"

    def _awaited(self, known: _Known) -> bool:
        """Whether a source that reported it has neither answered nor failed yet."""
        views: list[View[Any]] = [*self._alertmanagers, *self._prometheus]
        return any(view.unasked and view.config.name in known.alert.reported_by for view in views)

    def _concerned(self, reporters: set[str], labels: Mapping[str, str]) -> list[PrometheusView]:
        """The servers whose alert it was; where none reported it, those that have its rule and may have sent it."""
        return [server for server in self._prometheus if server.config.name in reporters] or [
            server
            for server in self._prometheus
            if server.knows(labels)
            and server.state is not None
            and server.state.external_labels.items() <= labels.items()
        ]

    def _told_so(self, known: _Known, now: datetime) -> bool:
        """Whether an Alertmanager that reported it was told that it is over, rather than hearing no more of it.

        It was when the alert left a round or more before its time ran out (a living Prometheus sends it again in each
        round, and gives it four), or when the watchdog, sent by the same Prometheus, has been heard rounds after the
        alert's last news. Where there is no watchdog, no more can be known of what ended while nobody watched.
        """
        for view in self._alertmanagers:
            if view.config.name not in known.alert.reported_by or not view.fresh(now) or view.last_ok is None:
                continue
            heard, expected = view.watchdog, bool(view.config.watchdog) or view.watchdog_seen
            ends_at, updated_at = view.times.get(known.alert.fingerprint, (None, None))
            if ends_at is None or updated_at is None:  # from before this process
                if not expected and (view.began is None or view.began < (self._began or now)):
                    return True
                since, a_round = self._began or now, round_of(heard) if heard is not None else timedelta(0)
            else:
                since, a_round = updated_at, max(timedelta(0), ends_at - updated_at) / ROUNDS
                # One that has begun since has forgotten it, or was never told.
                if view.last_ok < ends_at - a_round and (view.began is None or view.began <= updated_at):
                    return True
            if heard is not None and heard.updated_at is not None and heard.updated_at >= since + _MISSED * a_round:
                return True
        return False


def silences_of(views: Sequence[AlertmanagerView]) -> tuple[SilenceState, ...]:
    """The silences of all Alertmanagers, each once: as the one says that heard of it last."""
    found: dict[str, SilenceState] = {}
    for view in views:
        for silence in view.silences:
            known = found.get(silence.id)
            if known is None or (silence.updated_at or silence.starts_at) > (known.updated_at or known.starts_at):
                found[silence.id] = state_of(silence, known.source if known is not None else view.config.name)
    return tuple(found.values())


def state_of(silence: Silence, source: str) -> SilenceState:
    """*silence* as everybody else sees it."""
    return SilenceState(
        id=silence.id,
        source=source,
        matchers=tuple((one.name, one.operator, one.value) for one in silence.matchers),
        author=silence.created_by,
        comment=silence.comment,
        starts_at=silence.starts_at,
        ends_at=silence.ends_at,
        state=silence.status.state,
        updated_at=silence.updated_at,
    )


def _identical(one: Sequence[tuple[str, object]], other: Sequence[tuple[str, object]]) -> bool:
    if len(one) != len(other):
        return False
    for a, b in zip(one, other, strict=True):  # noqa: SIM110 - 50,000 generators would cost more than the looks
        if a[1] is not b[1] or a[0] != b[0]:
            return False
    return True


def _gone(alert: Alert, why: str) -> Alert:
    annotations = {**alert.annotations, GONE_BECAUSE: one_line(why, 300)}
    return changed(alert, state=GONE, annotations=annotations, silenced_by=(), inhibited_by=())


def _runbook(annotations: Mapping[str, str], labels: Mapping[str, str]) -> str:
    return next((place[name] for place in (annotations, labels) for name in _RUNBOOK if place.get(name)), "")
