"""Every function, operator and aggregation gives what a real Prometheus gives, on the same generated series."""

from __future__ import annotations

import json
import math
import random
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator

import pytest

from console.alerts.evaluate import EvaluationError, evaluate
from console.alerts.functions import INSTANT, OF_NOW, OVER_TIME, VECTOR
from console.alerts.promql import AGGREGATIONS, ARITHMETIC, COMPARISONS, compile_query
from console.alerts.samples import NAME, Labels, Samples, labels_of
from tests.console.alerts.server import Prometheus
from tests.tools.servers import environment, require

START = 1_767_225_600  # seconds; the series lie in the two hours behind it
LENGTH_S = 7200
STEP_S = 15
Made = dict[Labels, list[tuple[int, float]]]


def generate(seed: int) -> Made:
    """Counters with resets, gauges, gaps and jitter; some series end early, some begin late."""
    chance = random.Random(seed)
    made: Made = {}
    for metric, counter in (
        ("requests_total", True),
        ("errors_total", True),
        ("temperature", False),
        ("free_bytes", False),
    ):
        for job in ("api", "db"):
            for instance in ("a:80", "b:80", "c:81"):
                if metric == "errors_total" and instance == "c:81":
                    continue
                labels = labels_of(
                    {NAME: metric, "job": job, "instance": instance, "code": chance.choice(("200", "500"))}
                )
                made[labels] = _samples(chance, counter=counter)
    made[labels_of({NAME: "owner", "job": "api", "team": "blue"})] = _steady(1.0)
    made[labels_of({NAME: "owner", "job": "db", "team": "red"})] = _steady(1.0)
    made[labels_of({NAME: "limit", "job": "api"})] = _steady(20.0)
    made[labels_of({NAME: "odd", "kind": "nan"})] = _steady(math.nan)
    made[labels_of({NAME: "odd", "kind": "inf"})] = _steady(math.inf)
    made[labels_of({NAME: "odd", "kind": "negative"})] = _steady(-3.5)
    made[labels_of({NAME: "odd", "kind": "zero"})] = _steady(0.0)
    return made


def _steady(value: float) -> list[tuple[int, float]]:
    return [((START + offset) * 1000, value) for offset in range(0, LENGTH_S, STEP_S)]


def _samples(chance: random.Random, *, counter: bool) -> list[tuple[int, float]]:
    found = []
    value = float(chance.randrange(100))
    first = chance.choice((0, 0, 1500))
    last = chance.choice((LENGTH_S, LENGTH_S, 5000))
    for offset in range(first, last, STEP_S):
        if chance.random() < 0.05:
            continue  # a scrape that was missed
        if counter:
            value = float(chance.randrange(5)) if chance.random() < 0.02 else value + chance.randrange(30)
        else:
            value = round(value + chance.uniform(-5, 5), 3)
        found.append(((START + offset) * 1000 + chance.randrange(900), value))
    return found


@pytest.fixture(scope="module")
def made() -> Made:
    return generate(20260214)


@pytest.fixture(scope="module")
def samples(made: Made) -> Samples:
    found = Samples(keep_ms=LENGTH_S * 2000)
    for labels, points in made.items():
        for at, value in points:
            found.add(labels, at, value)
    return found


@pytest.fixture(scope="module")
def prometheus(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with those series in its blocks; yields its address."""
    tool = require("promtool")
    folder = tmp_path_factory.mktemp("prometheus")
    page = folder / "series.om"
    lines = []
    for metric in sorted({dict(labels)[NAME] for labels in made}):
        lines.append(f"# TYPE {metric} unknown")
        for labels, points in made.items():
            mapping = dict(labels)
            if mapping.pop(NAME) != metric:
                continue
            inside = ",".join(f'{name}="{value}"' for name, value in mapping.items())
            lines += [f"{metric}{{{inside}}} {_number(value)} {at / 1000:.3f}" for at, value in points]
    page.write_text("\n".join([*lines, "# EOF", ""]))
    data = folder / "data"
    subprocess.run(
        [tool, "tsdb", "create-blocks-from", "openmetrics", page, data],
        check=True,
        env=environment(),
        capture_output=True,
    )
    with Prometheus({}, folder, data=data, options=["--storage.tsdb.retention.time=100y"]) as running:
        yield running.address


def _number(value: float) -> str:
    return "NaN" if math.isnan(value) else "+Inf" if math.isinf(value) else repr(value)


def ask(address: str, text: str, at: int) -> dict[Labels, float] | float | None:
    """What the server says; None where it fails the query."""
    query = urllib.parse.urlencode({"query": text, "time": f"{at / 1000:.3f}"})
    try:
        with urllib.request.urlopen(f"{address}/api/v1/query?{query}", timeout=20) as answer:
            data = json.load(answer)["data"]
    except urllib.error.HTTPError as error:
        assert error.code == 422, error.read()
        return None
    if data["resultType"] == "scalar":
        return float(data["result"][1])
    return {labels_of(one["metric"]): float(one["value"][1]) for one in data["result"]}


def ours(text: str, samples: Samples, at: int) -> dict[Labels, float] | float | None:
    try:
        return evaluate(compile_query(text), samples, at)
    except EvaluationError:
        return None


def same(one: dict[Labels, float] | float | None, other: dict[Labels, float] | float | None) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(close(one[key], other[key]) for key in one)
    if isinstance(one, float | int) and isinstance(other, float | int):
        return close(one, other)
    return one is None and other is None


def close(one: float, other: float) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)


MOMENTS = [(START + offset) * 1000 + 417 for offset in (40, 1800, 4990, 5290, 6001, 7100)]

_SCALARS = {"quantile_over_time": ("0.7, ", ""), "predict_linear": ("", ", 600")}
RANGES = [
    f"{function}({before}{metric}[{window}]{behind})"
    for function in OVER_TIME
    for before, behind in [_SCALARS.get(function, ("", ""))]
    for metric in ("requests_total", "temperature", "odd")
    for window in ("1m", "5m")
]
_ARGUMENTS = {"clamp": ", -2, 30", "clamp_min": ", 1", "clamp_max": ", 12", "round": ", 0.5"}
# A date of infinity is nonsense on a server (an integer that ran over), and NaN here.
INSTANTS = [
    f"{name}({metric}{_ARGUMENTS.get(name, '')})"
    for name in INSTANT
    for metric in ("temperature", "odd")
    if metric != "odd" or name not in OF_NOW
]
NOWS = [f"{name}()" for name in sorted(OF_NOW)]
AGGREGATED = [
    f"{name} {clause} ({inside})"
    for name in AGGREGATIONS
    for clause in ("", "by (job)", "without (instance, code)")
    for inside in ("temperature", "odd", "rate(requests_total[5m])")
    # The deviation of one infinity alone is 0 to Prometheus 2, and NaN to 3 and here.
    if not (name.startswith("std") and inside == "odd" and "without" in clause)
]
OPERATORS = [
    f"{left} {operator} {right}"
    for operator in (*ARITHMETIC, *COMPARISONS)
    for left, right in (
        ("temperature", "20"),
        ("20", "temperature"),
        ("odd", "0"),
        ("odd", "odd"),
        ("temperature", "ignoring(code) free_bytes"),
        ("requests_total", "on(job) group_left(team) owner"),
        ("owner", "on(job) group_right temperature"),
        ("sum by (job) (requests_total)", "on(job) limit"),
        ("2", f"{'bool ' if operator in COMPARISONS else ''}3"),
    )
]
ODDS_AND_ENDS = [
    "requests_total",
    "round(temperature)",
    '{__name__="limit"}',
    '{__name__=~"limit|owner"}',
    '{job="api", instance=~"a.*|b:80"}',
    'temperature{instance!~"a.*", missing=""}',
    "temperature offset 10m",
    "rate(requests_total[2m] offset 20m)",
    "temperature > bool 20",
    "temperature and on(job) limit",
    "temperature unless on(job) limit",
    "temperature or on(job) owner",
    "limit or vector(3)",
    "temperature > 10 and temperature < 50 or free_bytes < 20",
    "absent(limit)",
    'absent(missing{job="x", code=~"5.."})',
    'absent(missing{job="x", job!="y"})',
    "absent_over_time(temperature[5m])",
    'absent_over_time(missing{job="x"}[5m])',
    "absent(sum(missing))",
    "scalar(limit)",
    "scalar(temperature)",
    "vector(time())",
    "time() - timestamp(temperature)",
    "timestamp(sum(temperature))",
    "-temperature",
    "-(3)",
    "-(2 ^ 3 ^ 2)",
    "sum(rate(errors_total[5m])) by (job) / sum(rate(requests_total[5m])) by (job) > 0.01",
    "sum by (job) (errors_total) / on(job) group_left sum by (job, code) (requests_total)",
    "errors_total / requests_total",
    "errors_total / ignoring(code) requests_total",
    "temperature + on(job) free_bytes",
    "temperature + on(job) group_left free_bytes",
    "owner * on(job) group_right(team) rate(requests_total[5m])",
    "sum without (instance) (temperature) > 10",
    "count by (code) (requests_total)",
    'rate({__name__=~"requests_total|errors_total", job="api", instance="a:80"}[5m])',
    "abs(delta(temperature[10m])) > 2",
    "1 / 0",
    "-1 % 0",
    "clamp(temperature, 5, 1)",
    "hour(vector(1700000000))",
    "days_in_month(vector(1709251200))",
    "predict_linear(free_bytes[20m], 3600) < 0",
    "group by (__name__, job) (temperature)",
]


@pytest.mark.parametrize(
    "texts",
    [RANGES, INSTANTS, NOWS, AGGREGATED, OPERATORS, ODDS_AND_ENDS],
    ids=["ranges", "instants", "nows", "aggregations", "operators", "odds and ends"],
)
def test_equal_to_prometheus(texts: list[str], prometheus: str, samples: Samples) -> None:
    wrong = []
    something = 0
    for text in texts:
        for at in MOMENTS:
            theirs, mine = ask(prometheus, text, at), ours(text, samples, at)
            something += bool(theirs)
            if not same(theirs, mine):
                wrong.append(f"{text} at {at}: {theirs} but here {mine}")
    assert not wrong, f"{len(wrong)} of {len(texts) * len(MOMENTS)}\n" + "\n".join(wrong[:10])
    assert something > len(texts)  # the comparison compared something


def test_every_function_is_compared() -> None:
    written = " ".join([*RANGES, *INSTANTS, *ODDS_AND_ENDS])
    assert all(f"{name}(" in written for name in (*OVER_TIME, *INSTANT, *VECTOR, "time"))
