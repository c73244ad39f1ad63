"""``vigie status`` over sources of alerts: asked once each, shown, and never green where one is lost or knows nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.console.alerts.server import Alertmanager, eventually
from tests.console.alerts.site import Page
from tests.console.commands.calling import Result, Vigie

RULES = """
groups:
- name: page
  rules:
  - {alert: QueueDeep, expr: "depth > 10", for: 5m, labels: {severity: page}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    with Alertmanager(tmp_path_factory.mktemp("am")) as running:
        began = datetime.fromisoformat(running.get("/api/v2/status")["uptime"])
        eventually(lambda: datetime.now(UTC) - began > timedelta(seconds=1))
        yield running


@pytest.fixture
def page() -> Iterator[Page]:
    served = Page()
    yield served
    served.close()


def status(vigie: Vigie, folder: Path, config: dict[str, Any], *more: str) -> Result:
    path = folder / "vigie.yaml"
    own = {"name": "here", "checks": [{"name": "file", "kind": "disk", "path": "/"}]}
    path.write_text(yaml.safe_dump({"services": [own], **config}))
    return vigie("--config", path, "status", *more)


def of(server: Alertmanager, **more: Any) -> dict[str, Any]:
    return {"alertmanagers": [{"name": "am", "url": server.address, "warm_up": "1s", **more}]}


def test_alerts_of_an_alertmanager_with_what_handles_them(vigie: Vigie, tmp_path: Path, server: Alertmanager) -> None:
    server.fire({"alertname": "QueueDeep", "queue": "a\x1b[2J", "severity": "page"}, runbook_url="RB-queue")
    config = of(server)
    result = status(vigie, tmp_path, config, "--json")
    assert result.code == 1
    (alert,) = [one for one in result.json["alerts"] if one["source"] == "am"]
    assert (alert["name"], alert["severity"], alert["state"]) == ("QueueDeep", "page", "firing")
    assert (alert["runbook"], alert["reported_by"]) == ("RB-queue", ["am"])
    assert alert["labels"]["queue"] == "a\x1b[2J"
    (source,) = [one for one in result.json["sources"] if one["kind"] == "alertmanager"]
    assert (source["name"], source["state"]) == ("am", "ok")
    assert source["age_s"] < 60
    assert result.json["overall"] == "DEGRADED"

    told = status(vigie, tmp_path, config)
    assert "ALERTS 1" in told.out
    assert "QueueDeep" in told.out
    assert "\x1b" not in told.out

    path = tmp_path / "vigie.yaml"
    assert vigie("--config", path, "silence", "QueueDeep", "--comment", "known", "--yes").code == 0
    quiet = status(vigie, tmp_path, config, "--json").json
    (alert,) = [one for one in quiet["alerts"] if one["source"] == "am"]
    assert (alert["state"], len(alert["silenced_by"]), alert["inhibited_by"]) == ("suppressed", 1, [])
    server.resolve({"alertname": "QueueDeep", "queue": "a\x1b[2J", "severity": "page"})


def test_a_source_that_is_lost_or_just_began_is_never_fine(vigie: Vigie, tmp_path: Path, server: Alertmanager) -> None:
    lost = status(vigie, tmp_path, {"prometheus": [{"name": "prom", "url": "http://127.0.0.1:1"}]}, "--json")
    assert (lost.code, lost.json["overall"]) == (1, "UNKNOWN")
    assert [one["state"] for one in lost.json["sources"]] == ["ok", "lost"]
    assert lost.json["sources"][1]["error"]
    young = status(vigie, tmp_path, of(server, warm_up="1h"), "--json")
    assert (young.code, young.json["sources"][1]["state"]) == (1, "warming")
    missing = status(vigie, tmp_path, of(server, watchdog="AlwaysOn"), "--json")
    assert (missing.code, missing.json["sources"][1]["state"]) == (1, "stale")
    assert "AlwaysOn" in missing.json["sources"][1]["error"]


def test_rules_are_evaluated_once(vigie: Vigie, tmp_path: Path, page: Page) -> None:
    (tmp_path / "rules.yml").write_text(RULES)
    config = {"rules": ["rules.yml"], "scrape": [{"job": "f", "targets": [f"http://{page.address}/metrics"]}]}
    page.text = "depth 2\n"
    fine = status(vigie, tmp_path, config, "--json")
    assert (fine.code, fine.json["overall"]) == (0, "OK"), fine
    page.text = "depth 42\n"
    deep = status(vigie, tmp_path, config, "--json").json
    assert [(one["name"], one["source"]) for one in deep["alerts"]] == [("QueueDeep", "rules")]
    page.text = None
    assert status(vigie, tmp_path, config, "--json").json["overall"] == "UNKNOWN"
    page.text = "depth 2\n"
    (tmp_path / "rules.yml").write_text(RULES.replace("depth > 10", "rate(depth[5m]) > 10"))
    back = status(vigie, tmp_path, config, "--json")
    assert (back.code, back.json["overall"]) == (1, "UNKNOWN")
    (tmp_path / "rules.yml").write_text(RULES.replace("depth > 10", "depth >"))
    broken = status(vigie, tmp_path, config, "--json")
    assert (broken.code, "rules.yml:5" in broken.err, broken.out) == (2, True, "")
