"""Fingerprints equal Alertmanager's own, and those of a Prometheus' alerts too, its external labels included."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.alerts.alertmanager import AlertmanagerClient
from console.alerts.fetch import Fetcher
from console.fingerprint import fingerprint
from tests.console.alerts.server import Alertmanager, eventually
from tests.console.alerts.site import Looking, Site

_TEXTS = ["", "a", "é", "日本語", "a b", 'quo"te', "back\\slash", "\x1b[31m", "\u202e", "\u200b", "\n", "😀", "=~", "ÿ"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    with Alertmanager(tmp_path_factory.mktemp("am")) as running:
        yield running


def label_sets(count: int) -> list[dict[str, str]]:
    """Generated label sets, each another; with hostile, empty and long values. The same at each run."""
    chance = random.Random(20260314)
    found = []
    for number in range(count):
        names = [f"{chance.choice('abcXYZ_')}{chance.randrange(1000)}" for _ in range(chance.randrange(12))]
        values = ["".join(chance.choices(_TEXTS, k=chance.randrange(1, 30))) for _ in names]
        found.append({"alertname": f"Alert{number}", **dict(zip(names, values, strict=True))})
    return found


async def test_equal_on_200_generated_label_sets(server: Alertmanager) -> None:
    sets = label_sets(200)
    server.fire(*sets)
    fetcher = Fetcher()
    try:
        alerts = await AlertmanagerClient(server.address, fetcher, 10).alerts()
    finally:
        await fetcher.close()
    assert len(alerts) == 200
    for alert in alerts:
        sent = sets[int(alert.labels["alertname"].removeprefix("Alert"))]
        # An empty value is no label, there as here.
        assert alert.labels == {name: value for name, value in sent.items() if value}
        assert fingerprint(alert.labels) == alert.fingerprint


def test_a_prometheus_and_its_alertmanager_speak_of_one_alert(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        servers = {"managers": {"am": site.alertmanager.address}, "servers": {"prom": site.prometheus.address}}
        with Looking(**servers) as looking:  # type: ignore[arg-type]
            eventually(lambda: any(set(one.reported_by) == {"am", "prom"} for one in looking.now.alerts))
            (alert,) = looking.now.alerts
        (told,) = (one for one in site.alertmanager.get("/api/v2/alerts") if one["labels"]["alertname"] == "QueueDeep")
        assert alert.fingerprint == told["fingerprint"]
        assert (alert.labels["site"], alert.labels["replica"]) == ("lyon", "a")
        assert alert.runbook == "RB-queue"
