"""Seven ways in which Prometheus and Alertmanager look quiet while the queue is deep; each seen, none shown as green."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from console.alerts.fetch import Fetcher
from console.snapshot import FIRING, GONE, OK
from tests.console.alerts.server import eventually
from tests.console.alerts.site import DEEP, RULES, SHALLOW, TWICE, Looking, Site, overall, rounds
from tests.tools.servers import require

require("prometheus")
require("prometheus-alertmanager")
pytestmark = pytest.mark.slow


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path) as running:
        yield running


def firing(looking: Looking) -> bool:
    alert = looking.alert()
    return alert is not None and alert.state == FIRING


def gone(looking: Looking) -> bool:
    alert = looking.alert()
    return alert is not None and alert.state == GONE


def over(looking: Looking) -> str:
    """By what evidence the alert is over."""
    return next((words for report in looking.reports[-5:] for words in report.evidence.values()), "")


def both(site: Site) -> Looking:
    return Looking(
        managers={"am": site.alertmanager.address}, servers={"prom": site.prometheus.address}, warm_up=5, timeout=3
    )


def known_to_both(looking: Looking) -> bool:
    alert = looking.alert()
    return alert is not None and set(alert.reported_by) == {"am", "prom"}


def test_an_exporter_that_fails_takes_its_alert_away_from_both(site: Site) -> None:
    with both(site) as looking:
        eventually(lambda: known_to_both(looking))
        eventually(lambda: looking.source("am").state == "ok" and looking.source("prom").state == "ok")
        site.page.text = None
        looking.until(lambda: not site.alertmanager.get("/api/v2/alerts?filter=alertname%3DQueueDeep"))
        looking.until(lambda: gone(looking))
        looking.until(rounds(looking, 6))
        assert gone(looking)
        assert looking.source("prom").state == "stale"
        assert "does not answer" in looking.source("prom").error

        site.page.text = DEEP
        looking.until(lambda: firing(looking))
        site.page.text = SHALLOW
        eventually(lambda: looking.alert() is None)
        assert over(looking).startswith("rule ok and target up on prom")
        eventually(lambda: overall(looking.now) == OK)


@pytest.mark.parametrize("asked", ["both", "alertmanager"])
def test_a_dead_prometheus_lets_its_alertmanager_grow_empty(site: Site, asked: str) -> None:
    servers = {"prom": site.prometheus.address} if asked == "both" else {}
    with Looking(managers={"am": site.alertmanager.address}, servers=servers, warm_up=5) as looking:
        eventually(lambda: firing(looking) and "am" in looking.alert().reported_by)  # type: ignore[union-attr]
        eventually(lambda: looking.source("am").state == "ok" and looking.source("am").watchdog)
        site.prometheus.stop(kill=True)
        looking.until(lambda: site.alertmanager.get("/api/v2/alerts") == [])
        looking.until(lambda: gone(looking))
        looking.until(rounds(looking, 5))
        assert gone(looking)
        if asked == "both":
            assert looking.source("prom").state == "lost"
        assert "Watchdog is missing" in looking.source("am").error

        site.page.text = SHALLOW  # it is over while nobody looks
        site.prometheus.start()
        eventually(lambda: looking.alert() is None, 100)


def test_an_alertmanager_that_began_a_moment_ago_knows_nothing(site: Site) -> None:
    with Looking(managers={"am": site.alertmanager.address}, warm_up=60) as looking:
        eventually(lambda: firing(looking))
        eventually(lambda: looking.source("am").state == "ok" and looking.source("am").watchdog)
        site.prometheus.stop(kill=True)  # nobody tells it
        site.alertmanager.stop(kill=True)
        looking.until(rounds(looking, 2))
        site.alertmanager.start()
        assert site.alertmanager.get("/api/v2/alerts") == []
        looking.until(lambda: looking.source("am").state == "warming")
        looking.until(rounds(looking, 5))
        assert gone(looking)
        site.prometheus.start()
        looking.until(lambda: firing(looking))


def test_a_prometheus_that_began_a_moment_ago_knows_nothing(site: Site) -> None:
    waits = json.loads(json.dumps(RULES))
    waits["groups"][0]["rules"][0]["for"] = "3s"
    site.rules.write_text(yaml.safe_dump(waits))
    assert site.prometheus.post("/-/reload") == 200
    with Looking(servers={"prom": site.prometheus.address}, warm_up=60) as looking:
        eventually(lambda: firing(looking))
        site.prometheus.stop(kill=True)
        looking.until(lambda: looking.source("prom").state == "lost")
        site.prometheus.start()
        looking.until(rounds(looking, 2))
        looking.until(lambda: firing(looking) and looking.source("prom").state == "ok")
        # While its first moments were looked at, it was said to be warming up, or not to answer.
        assert {"warming", "lost"} & {source.state for report in looking.reports for source in report.sources}


def test_a_rule_that_fails_looks_quiet(site: Site) -> None:
    with both(site) as looking:
        eventually(lambda: known_to_both(looking))
        site.page.text = TWICE
        looking.until(lambda: looking.source("prom").state == "stale")
        looking.until(lambda: not site.alertmanager.get("/api/v2/alerts?filter=alertname%3DQueueDeep"))
        looking.until(rounds(looking, 5))
        assert looking.source("prom").error.startswith("its rule QueueDeep fails: ")
    # Nor is it green for somebody who has never seen the alert.
    with Looking(servers={"prom": site.prometheus.address}) as fresh:
        eventually(rounds(fresh, 3))
        assert overall(fresh.now) != OK


def test_a_filter_that_is_misread_is_never_asked(site: Site) -> None:
    with urllib.request.urlopen(f"{site.alertmanager.address}/api/v2/alerts?filter=foo%3D%3D%3D") as answer:
        assert (answer.status, json.load(answer)) == (200, [])
    asked: list[str] = []

    class Listening(Fetcher):
        async def request(self, method: str, url: str, *more: object, **others: object) -> bytes:
            asked.append(url)
            return await super().request(method, url, *more, **others)  # type: ignore[arg-type]

    with both(site) as looking:
        looking.feed._fetcher = Listening
        eventually(lambda: known_to_both(looking))
    assert not [url for url in asked if "filter" in url]


def test_a_reload_that_failed_is_said(site: Site) -> None:
    with both(site) as looking:
        eventually(lambda: known_to_both(looking) and looking.source("prom").state == "ok")
        site.rules.write_text("groups: [{name: page, rules: [{alert: QueueDeep, expr: 'depth >'}]}]")
        assert site.prometheus.post("/-/reload") >= 400
        looking.until(lambda: looking.source("prom").state == "stale")
        assert "could not load" in looking.source("prom").error
        site.page.text = SHALLOW
        eventually(lambda: looking.alert() is None)
        assert overall(looking.now) != OK
        site.rules.write_text(yaml.safe_dump(RULES))
        assert site.prometheus.post("/-/reload") == 200
        eventually(lambda: overall(looking.now) == OK)
