"""Rules over samples: pending, firing, kept firing, lost; recording rules; what a restart keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.alerts.rule_file import Group, RuleError, milliseconds, read_rules
from console.alerts.rules import FIRING, LOST, PENDING, RuleStates, Unanswered
from console.alerts.samples import NAME, Samples, labels_of
from console.alerts.scrape import NOT_YET, PageError, Scraped, Target, read_page

HEARD = Unanswered()
BLIND = Unanswered(("depth",))


def write(folder: Path, text: str) -> Path:
    path = folder / "rules.yml"
    path.write_text(text)
    return path


def group(folder: Path, text: str) -> Group:
    return read_rules(write(folder, text))[0]


QUEUE = """
- alert: QueueDeep
  expr: depth > 10
  for: 2m
  keep_firing_for: 1m
  labels: {severity: page, where: "{{ $labels.host }}"}
  annotations:
    summary: 'queue of {{ $labels.host }} at {{ $value }}'
"""


class Bench:
    """Rules on a clock of ours: ``at`` in seconds."""

    def __init__(self, rules: Group, started_at: int = 0) -> None:
        self.samples = Samples()
        self.states = RuleStates([rules], {"site": "lyon"}, started_at=started_at)
        self.rules = rules

    def see(self, at: int, value: float | None, unanswered: Unanswered = HEARD) -> list[str]:
        self.samples.add(labels_of({NAME: "depth", "host": "a"}), at * 1000, value)
        self.states.evaluate(self.rules, self.samples, at * 1000, unanswered)
        return [alert.state for alert in self.states.alerts]


def test_an_alert_is_pending_then_fires_then_is_kept_then_ends(tmp_path: Path) -> None:
    bench = Bench(group(tmp_path, QUEUE))
    assert bench.see(0, 5) == []
    assert bench.see(15, 11) == [PENDING]
    assert bench.see(134, 12) == [PENDING]
    assert bench.see(135, 12.5) == [FIRING]
    (alert,) = bench.states.alerts
    assert (alert.active_at, alert.fired_at) == (15_000, 135_000)
    assert dict(alert.labels) == {"alertname": "QueueDeep", "host": "a", "severity": "page", "where": "a"}
    assert alert.annotations == {"summary": "queue of a at 12.5"}
    assert bench.see(150, 3) == [FIRING]  # kept
    assert bench.see(209, 3) == [FIRING]
    assert bench.see(210, 3) == []


def test_a_pending_alert_that_ends_begins_anew(tmp_path: Path) -> None:
    bench = Bench(group(tmp_path, QUEUE))
    assert [bench.see(0, 11), bench.see(60, 3), bench.see(75, 11), bench.see(130, 11)] == [
        [PENDING],
        [],
        [PENDING],
        [PENDING],
    ]


def test_an_alert_whose_target_is_silent_is_lost_not_resolved(tmp_path: Path) -> None:
    bench = Bench(group(tmp_path, QUEUE))
    bench.see(0, 11)
    bench.see(120, 11)
    assert bench.see(135, None, BLIND) == [LOST]
    assert bench.see(1000, None, BLIND) == [LOST]
    assert bench.see(1015, 11) == [FIRING]
    assert bench.states.alerts[0].fired_at == 120_000  # the same episode
    assert bench.see(1030, 3) == [FIRING]
    assert bench.see(1090, 3) == []


def test_what_fired_before_a_restart_stays_until_its_rule_can_tell(tmp_path: Path) -> None:
    rules = group(tmp_path, "- {alert: Busy, expr: 'avg_over_time(depth[5m]) > 10', labels: {severity: page}}")
    labels = labels_of({"alertname": "Busy", "host": "a", "severity": "page"})
    bench = Bench(rules, started_at=1_000_000)
    bench.states.restore("Busy", labels, 400_000, {"summary": "was busy"})
    assert bench.see(1000, 3) == [LOST]
    assert bench.see(1299, 3) == [LOST]
    assert bench.see(1300, 3) == []

    bench = Bench(rules, started_at=1_000_000)
    bench.states.restore("Busy", labels, 400_000, {"summary": "was busy"})
    assert bench.see(1000, 30) == [FIRING]
    assert bench.states.alerts[0].fired_at == 400_000
    assert bench.see(1015, 3) == [FIRING]
    assert bench.see(1400, 3) == []


def test_a_recording_rule_is_there_for_the_next_and_goes_stale(tmp_path: Path) -> None:
    rules = group(
        tmp_path,
        "- {record: 'host:depth:max', expr: max by (host) (depth), labels: {made: here}}\n"
        "- {alert: Deep, expr: 'host:depth:max > 10'}",
    )
    bench = Bench(rules)
    assert bench.see(0, 11) == [FIRING]
    assert dict(bench.states.alerts[0].labels) == {"alertname": "Deep", "host": "a", "made": "here"}
    assert bench.see(15, None) == []


def test_two_alerts_with_the_same_labels_are_an_error_of_the_rule(tmp_path: Path) -> None:
    rules = group(tmp_path, "- {alert: Deep, expr: depth > 10, labels: {host: all}}")
    bench = Bench(rules)
    bench.samples.add(labels_of({NAME: "depth", "host": "b"}), 0, 40)
    assert bench.see(0, 11) == []
    (health,) = bench.states.health.values()
    assert "same labels" in health.error


WRONG = [
    ("groups: 3", "rules.yml:1: groups: expected a list of groups"),
    ("groups:\n- name: a\n  rules:\n  - alert: X\n    expr: sum(\n", "rules.yml:5: expr: not PromQL"),
    ("- alert: X\n  expr: topk(3, a)\n", "rules.yml:2: expr: the aggregation topk() is not evaluated here"),
    ("- alert: X\n  expr: a[5m:1m]\n", "rules.yml:2: expr: a subquery"),
    ("- alert: X\n  expr: histogram_quantile(0.9, a)\n", "rules.yml:2: expr: the function histogram_quantile()"),
    ("- alert: X\n  expr: a[5m]\n", "rules.yml:2: expr: expected a number a series"),
    ("- alert: X\n  expr: rate(a[2d])\n", "rules.yml:2: expr: reaches further back"),
    ("- alert: X\n  expr: a\n  for: soon\n", "rules.yml:3: for: expected a duration"),
    ("- alert: X\n  expr: a\n  fro: 5m\n", "rules.yml:3: fro: not a key"),
    ("- record: a-b\n  expr: a\n", "rules.yml:1: record: expected the name of a metric"),
    ("- record: a\n  expr: a\n  for: 5m\n", "rules.yml:3: for: is for alerts"),
    ("- expr: a\n", "rules.yml:1: expected one of alert and record"),
    (
        "- alert: X\n  expr: a\n  annotations:\n    s: '{{ if $value }}x{{ end }}'\n",
        "rules.yml:4: annotations.s: if is not",
    ),
    ("- alert: X\n  expr: a\n  annotations:\n    s: '{{ $value'\n", "rules.yml:4: annotations.s: a {{ is never closed"),
    ("- alert: X\n  expr: a{b=~'(x'}\n", "rules.yml:2: expr:"),
    ('- alert: X\n  expr: a{b=~"\\\\pL"}\n', "rules.yml:2: expr: the pattern"),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_what_is_outside_is_refused_with_its_line(text: str, said: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(RuleError) as error:
        read_rules(path)
    assert str(error.value).startswith(f"{path.parent}/{said}"), error.value
    assert "\n" not in str(error.value)


def test_durations() -> None:
    written = ("0", "90s", "1h30m", "500ms", "1d", "1m5ms")
    assert [milliseconds(text) for text in written] == [0, 90_000, 5_400_000, 500, 86_400_000, 60_005]
    for wrong in ("", "5", "5 m", "m5", "1s1h"):
        with pytest.raises(ValueError, match="expected a duration"):
            milliseconds(wrong)


PAGE = """# HELP depth How many wait.
# TYPE depth gauge
depth{host="a",instance="page"} 12
depth{host="b"} NaN
# TYPE runs counter
runs_total 7
"""


def test_a_page_becomes_series_with_the_labels_of_its_target() -> None:
    samples = Samples()
    target = Target("http://127.0.0.1:9100/metrics", "feeder", {"env": "test"})
    scraped = Scraped(samples, [target])
    assert scraped.failing == {target.url: NOT_YET}
    assert scraped.unheard() == (set(), True)
    scraped.answered(target, read_page(PAGE), 1000, 0.1)
    found = {series.labels: series.latest(1000) for series in samples.select("depth", lambda labels: True)}
    first = labels_of(
        {
            NAME: "depth",
            "host": "a",
            "exported_instance": "page",
            "instance": "127.0.0.1:9100",
            "job": "feeder",
            "env": "test",
        }
    )
    assert found[first] == (1000, 12.0)
    assert scraped.unheard() == (set(), False)

    scraped.failed(target, "refused", 16_000, 0.1)
    assert scraped.failing == {target.url: "refused"}
    assert scraped.unheard()[0] == {"depth", "runs_total"}
    assert all(series.latest(16_000) is None for series in samples.select("depth", lambda labels: True))
    (up,) = samples.select("up", lambda labels: True)
    assert up.between(0, 20_000) == [(1000, 1.0), (16_000, 0.0)]


def test_a_series_that_a_page_no_longer_has_is_stale() -> None:
    samples = Samples()
    target = Target("http://127.0.0.1:9100/metrics", "feeder", {})
    scraped = Scraped(samples, [target])
    scraped.answered(target, read_page("a 1\nb 2\n"), 1000, 0.1)
    scraped.answered(target, read_page("a 1\n"), 2000, 0.1)
    (gone,) = samples.select("b", lambda labels: True)
    assert gone.latest(1999) == (1000, 2.0)
    assert gone.latest(2000) is None


@pytest.mark.parametrize("text", ["<html>no</html>", "depth{host 3", "depth twelve", 'a{b="c" 1'])
def test_what_is_no_page_is_one_line(text: str) -> None:
    with pytest.raises(PageError, match="not a page of metrics"):
        read_page(text)


def test_samples_are_forgotten_when_no_window_reaches_them() -> None:
    samples = Samples(keep_ms=300_000)
    for at in range(0, 3_600_000, 15_000):
        samples.add(labels_of({NAME: "depth"}), at, 1.0)
        samples.add(labels_of({NAME: "old"}), min(at, 600_000), 1.0)
    samples.forget(3_600_000)
    assert samples.names() == {"depth"}
    (series,) = samples.select("depth", lambda labels: True)
    assert len(series.times) == 20
