"""Rules evaluated without a server: inactive, pending, firing, as Prometheus does it, and never resolved without evidence.

Prometheus resolves an alert when its series is gone, also when it is gone because the exporter does not answer. Here an
alert whose metrics come from a target that is not answering stays, as ``lost``; so does one that was firing when the
watch started, until the samples in memory reach as far back as its rule looks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from console.alerts.evaluate import EvaluationError, Vector, evaluate
from console.alerts.rule_file import Group, Rule
from console.alerts.samples import NAME, Labels, Samples, labels_of
from console.alerts.templates import Template, TemplateError, Values

PENDING: Final = "pending"
FIRING: Final = "firing"
LOST: Final = "lost"  # was firing, and what would tell is not there


@dataclass(frozen=True)
class Active:
    """One alert that a rule makes. Times in ms since the epoch; *fired_at* is None while pending."""

    rule: Rule
    labels: Labels
    annotations: Mapping[str, str]
    value: float
    state: str
    active_at: int
    fired_at: int | None = None
    keep_since: int | None = None


@dataclass(frozen=True)
class Health:
    """How the last evaluation of a rule went: *error* is "" when it went well."""

    error: str = ""
    at: int | None = None


class Unanswered:
    """Which metrics can't be told about now: by name, since their target does not answer (console.alerts.scrape)."""

    def __init__(self, names: Collection[str] = (), *, everything: bool = False) -> None:
        self._names = frozenset(names)
        self._everything = everything

    def hides(self, names: Collection[str]) -> bool:
        """Whether one of *names* may be missing for want of an answer. No names: any metric may be meant."""
        if self._everything:
            return True
        return bool(self._names) if not names else bool(self._names.intersection(names))


@dataclass
class RuleStates:
    """The rules of all files and what they make. Not thread-safe; *started_at* in ms since the epoch."""

    groups: Sequence[Group]
    external: Mapping[str, str]
    started_at: int
    _active: dict[Rule, dict[Labels, Active]] = field(default_factory=dict)
    _health: dict[Rule, Health] = field(default_factory=dict)
    _restored: dict[str, dict[Labels, tuple[int, Mapping[str, str]]]] = field(default_factory=dict)

    def restore(self, name: str, labels: Labels, fired_at: int, annotations: Mapping[str, str]) -> None:
        """An alert that fired before this process began: it stays ``lost`` until its rule can tell."""
        self._restored.setdefault(name, {})[labels] = (fired_at, annotations)

    def evaluate(self, group: Group, samples: Samples, at: int, unanswered: Unanswered) -> None:
        """Evaluate *group* at *at* in order: a recording rule's samples are there for the rules behind it."""
        for rule in group.rules:
            try:
                value = evaluate(rule.query, samples, at)
                vector: Vector = value if isinstance(value, dict) else {(): value}
                if rule.records:
                    self._record(rule, vector, samples, at)
                else:
                    self._alert(rule, vector, at, unanswered)
            except (EvaluationError, TemplateError) as error:
                self._health[rule] = Health(str(error), at)
            else:
                self._health[rule] = Health("", at)

    def _record(self, rule: Rule, vector: Vector, samples: Samples, at: int) -> None:
        made: dict[Labels, float] = {}
        for labels, value in vector.items():
            mapping = {**dict(labels), NAME: rule.name}
            mapping.update(_filled(rule.labels, Values(mapping, value, self.external)))
            key = labels_of(mapping)
            if key in made:
                raise EvaluationError("two series have the same labels once the rule's own are set")
            made[key] = value
        # A series that the rule no longer makes is stale at once, as on a Prometheus server.
        for series in samples.select(rule.name, lambda labels: True):
            if series.labels not in made and series.latest(at) is not None:
                samples.add(series.labels, at, None)
        for labels, value in made.items():
            samples.add(labels, at, value)

    def _alert(self, rule: Rule, vector: Vector, at: int, unanswered: Unanswered) -> None:
        found = self._found(rule, vector, at)
        before = self._active.get(rule, {})
        blind = unanswered.hides(rule.query.names)
        now: dict[Labels, Active] = {}
        for labels, fresh in found.items():
            alert = self._welcome(rule, _carried_on(before.get(labels), fresh))
            due = alert.state == PENDING and at - alert.active_at >= rule.hold_ms
            now[labels] = replace(alert, state=FIRING, fired_at=at) if due else alert
        for labels, alert in before.items():
            if labels not in found:
                kept = _without_result(alert, at, blind)
                if kept is not None:
                    now[labels] = kept
        for labels, alert in self._not_yet_told(rule, at, blind):
            now.setdefault(labels, alert)
        self._active[rule] = now

    def _found(self, rule: Rule, vector: Vector, at: int) -> dict[Labels, Active]:
        found: dict[Labels, Active] = {}
        for labels, value in vector.items():
            mapping = {name: text for name, text in labels if name != NAME}
            values = Values(mapping, value, self.external)
            made = labels_of({**mapping, **_filled(rule.labels, values), "alertname": rule.name})
            if made in found:
                raise EvaluationError("two alerts have the same labels once the rule's own are set")
            found[made] = Active(rule, made, _filled(rule.annotations, values), value, PENDING, at)
        return found

    def _welcome(self, rule: Rule, alert: Active) -> Active:
        """An alert that fired before this process began goes on from there."""
        earlier = self._restored.get(rule.name, {}).pop(alert.labels, None)
        if earlier is None or alert.fired_at is not None:
            return alert
        return replace(alert, state=FIRING, active_at=min(alert.active_at, earlier[0]), fired_at=earlier[0])

    def _not_yet_told(self, rule: Rule, at: int, blind: bool) -> Iterable[tuple[Labels, Active]]:
        waiting = self._restored.get(rule.name, {})
        if waiting and not blind and at - self.started_at >= rule.query.window_ms:
            waiting.clear()
        for labels, (fired_at, texts) in waiting.items():
            yield labels, Active(rule, labels, texts, float("nan"), LOST, fired_at, fired_at)

    @property
    def alerts(self) -> list[Active]:
        """Every alert that is pending, firing or lost."""
        return [alert for rule in self._rules() for alert in self._active.get(rule, {}).values()]

    @property
    def health(self) -> dict[Rule, Health]:
        """Each rule's last evaluation; a rule that had none yet has no time."""
        return {rule: self._health.get(rule, Health()) for rule in self._rules()}

    def _rules(self) -> Iterable[Rule]:
        return (rule for group in self.groups for rule in group.rules)


def _carried_on(known: Active | None, fresh: Active) -> Active:
    """An alert that is still there keeps its times; value and annotations are the newest."""
    if known is None:
        return fresh
    state = FIRING if known.state == LOST else known.state
    return replace(known, value=fresh.value, annotations=fresh.annotations, keep_since=None, state=state)


def _without_result(alert: Active, at: int, blind: bool) -> Active | None:
    """What becomes of an alert that its rule does not return any more."""
    if alert.state == PENDING:
        return None
    if blind:
        return replace(alert, state=LOST)
    since = at if alert.keep_since is None else alert.keep_since
    if at - since < alert.rule.keep_firing_ms:
        return replace(alert, state=FIRING, keep_since=since)
    return None


def _filled(templates: Mapping[str, Template], values: Values) -> dict[str, str]:
    return {name: template.fill(values) for name, template in templates.items()}
