"""metric and promql, against a page of metrics and a real Prometheus."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.sanitize import is_clean
from console.snapshot import DEGRADED, DOWN, OK, UNKNOWN
from console.watch.checks import CheckError
from tests.console.watch.checking import check, result
from tests.console.watch.servers import answer, http_server
from tests.tools.servers import environment, require

PAGE = b"""# HELP queue_depth Jobs that wait.
# TYPE queue_depth gauge
queue_depth{job="feeder",zone="eu-1"} 12
queue_depth{job="feeder",zone="us-1"} 40
queue_depth{job="other",zone="eu-1"} 7
queue_depth_max 99
# TYPE up gauge
up 1
broken NaN
huge +Inf
"""


async def look(page: bytes, metric: str, *conditions: str, status: int = 200, **options: Any) -> Any:
    async with http_server({"/metrics": answer(status, page)}) as server:
        return await result("metric", *conditions, url=server.url("/metrics"), metric=metric, **options)


async def test_a_value_by_name_and_labels() -> None:
    one = await look(PAGE, 'queue_depth{zone="us-1"}', warn=30, fail=50, unit="jobs")
    most = await look(PAGE, 'queue_depth{job=~"f.*"}', take="max", fail=40)
    total = await look(PAGE, "queue_depth", "[VALUE] == 59", "[COUNT] == 3", take="sum")
    without = await look(PAGE, 'queue_depth{job!="feeder"}', "[VALUE] < 5")
    regex = await look(PAGE, 'queue_depth{zone!~"us.*", job="feeder"}', "[LABELS].zone == eu-1")
    assert (one.state, one.detail, one.value, one.unit) == (DEGRADED, "queue_depth 40 jobs", 40.0, "jobs")
    assert (most.state, most.detail) == (DOWN, "queue_depth 40 (job=feeder, zone=us-1)")
    assert total.state == regex.state == OK
    assert (without.state, without.detail) == (DOWN, "queue_depth 7, expected below 5")


@pytest.mark.parametrize(
    ("page", "metric", "status", "words"),
    [
        (PAGE, "gone", 200, "no series gone on the page"),
        (PAGE, "queue_depth", 200, "3 series, and which one counts is not said (take: max, min, sum or avg)"),
        (PAGE, "broken", 200, "the value is not a number (NaN)"),
        (PAGE, "up", 503, "the page of metrics can't be had: http 503"),
        (b"<html>", "up", 200, "no series up on the page"),
        (b'up{job="\x1b[2J 1\nup{', "up", 200, "the page of metrics can't be read: "),
    ],
)
async def test_what_was_not_measured_is_unknown(page: bytes, metric: str, status: int, words: str) -> None:
    found = await look(page, metric, status=status)
    assert (found.state, found.detail[: len(words)]) == (UNKNOWN, words)
    assert is_clean(found.detail)


async def test_no_exporter_and_a_page_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    closed = await result("metric", url=f"http://127.0.0.1:{port}/metrics", metric="up")
    monkeypatch.setattr("console.watch.fetching.MOST", 100_000)
    endless = await look(b"x" * 200_000, "up")
    assert (closed.state, closed.detail) == (UNKNOWN, f"127.0.0.1:{port}: connection refused")
    assert endless.state == UNKNOWN and "more than" in endless.detail


@pytest.mark.parametrize("metric", ["", "a{", "sum(a)", 'a{b=~"("}', "a offset 5m", "a[5m]"])
def test_what_is_no_selector(metric: str) -> None:
    with pytest.raises(CheckError, match="metric: ") as refused:
        check("metric", url="http://127.0.0.1/metrics", metric=metric)
    assert "\n" not in str(refused.value)


# ── promql ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = require("prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        at = f"127.0.0.1:{free.getsockname()[1]}"
    config = folder / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s}\nscrape_configs:\n"
        f"  - {{job_name: itself, static_configs: [{{targets: ['{at}', '127.0.0.1:1']}}]}}\n"
    )
    command = [
        str(program),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={at}",
    ]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            deadline = time.monotonic() + 30
            while _ups(at) < 2:
                assert time.monotonic() < deadline
                time.sleep(0.1)
            yield f"http://{at}"
        finally:
            server.terminate()


def _ups(at: str) -> int:
    try:
        with urllib.request.urlopen(f"http://{at}/api/v1/query?query=up", timeout=5) as said:
            return len(json.load(said)["data"]["result"])
    except OSError:
        return 0


async def test_queries_of_a_real_prometheus(prometheus: str) -> None:
    def asking(query: str, *conditions: str, **options: Any) -> Any:
        return result("promql", *conditions, url=prometheus, query=query, **options)

    lowest = await asking("up", "[VALUE] == 1", take="min")
    count = await asking("count(up)", "[VALUE] == 2")
    scalar = await asking("scalar(count(up)) * 10", fail=20)
    quiet = await asking("up == 7", empty="ok")
    nothing = await asking("up == 7")
    wrong = await asking("sum(")
    text = await asking('"text"')
    nan = await asking("0 / 0")
    assert lowest.state == DOWN
    assert lowest.detail == "0 (instance=127.0.0.1:1, job=itself), expected 1"
    assert (count.state, count.detail) == (OK, "2")
    assert scalar.state == DOWN and scalar.detail == "20"
    assert (quiet.state, quiet.detail) == (OK, "no series")
    assert (nothing.state, nothing.detail) == (UNKNOWN, "the query finds no series")
    assert wrong.state == text.state == nan.state == UNKNOWN
    assert wrong.detail.startswith("Prometheus says: ")


async def test_a_server_that_is_no_prometheus(tmp_path: Path) -> None:
    async with http_server({"/api/v1/query": answer(200, b"<html>")}) as server:
        found = await result("promql", url=server.url(""), query="up")
    gone = await result("promql", url="http://127.0.0.1:1", query="up")
    assert (found.state, found.detail) == (UNKNOWN, "http 200, and no answer of a Prometheus")
    assert (gone.state, gone.detail) == (UNKNOWN, "127.0.0.1:1: connection refused")
