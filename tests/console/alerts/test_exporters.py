"""Real exporters: the metric check on their pages, and rules over what is scraped from them. Killed, nothing is fine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from console.alerts.engine import RuleFeed
from console.alerts.fetch import Fetcher
from console.alerts.rule_file import read_rules
from console.clock import SystemClock
from console.services import Span
from console.snapshot import DEGRADED, DOWN, FIRING, GONE, OK, UNKNOWN, Report
from console.sources import ScrapeConfig
from tests.console.alerts.server import BlackboxExporter, NodeExporter
from tests.console.alerts.site import Page
from tests.console.watch.checking import result

RULES = """
groups:
- name: site
  interval: 500ms
  rules:
  - alert: BacklogHigh
    expr: site_backlog > 30
    annotations: {summary: '{{ $labels.queue }} holds {{ $value }}'}
  - alert: SiteDown
    expr: probe_success == 0
  - alert: NoLoad
    expr: absent(node_load1) and on() site_backlog
"""


class Rules:
    """The rules over one page, evaluated as in a watch."""

    def __init__(self) -> None:
        self.reports: list[Report] = []

    def alerts(self) -> dict[str, str]:
        return {alert.name: alert.state for alert in self.reports[-1].alerts} if self.reports else {}

    def source(self) -> str:
        return self.reports[-1].sources[0].state if self.reports else ""

    async def until(self, what: Callable[[], bool]) -> None:
        deadline = asyncio.get_running_loop().time() + 30
        while not what():
            assert asyncio.get_running_loop().time() < deadline, self.reports[-1:]
            await asyncio.sleep(0.05)


@asynccontextmanager
async def rules_over(url: str, folder: Path) -> AsyncIterator[Rules]:
    file = folder / "rules.yml"
    file.write_text(RULES)
    fetcher, found = Fetcher(), Rules()
    scrape = [ScrapeConfig(job="site", targets=(url,), interval=Span(1), timeout=Span(0.9))]
    feed = RuleFeed(read_rules(file), scrape, external={}, every_s=0.5, fetch=fetcher.text, clock=SystemClock())
    running = asyncio.create_task(feed.run(found.reports.append))
    try:
        yield found
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await fetcher.close()


@pytest.fixture
def page() -> Iterator[Page]:
    made = Page()
    yield made
    made.close()


async def test_a_node_exporter(tmp_path: Path) -> None:
    with NodeExporter(tmp_path) as node:
        url = f"{node.address}/metrics"

        async def backlog() -> tuple[str, str]:
            found = await result(
                "metric", url=url, metric='site_backlog{queue="mail"}', warn=10, fail=30, unit="letters"
            )
            return found.state, found.detail

        node.write('site_backlog{queue="mail"} 4\n')
        load = await result("metric", "[VALUE] >= 0", "[COUNT] == 1", url=url, metric="node_load1")
        assert load.state == OK and load.value is not None and load.detail.startswith("node_load1 ")
        assert (await result("metric", url=url, metric="node_cpu_seconds_total")).state == UNKNOWN  # not collected
        assert await backlog() == (OK, "site_backlog 4 letters")
        async with rules_over(url, tmp_path) as rules:
            await rules.until(lambda: rules.source() == "ok")
            assert rules.alerts() == {}
            node.write('site_backlog{queue="mail"} 12\n')
            assert await backlog() == (DEGRADED, "site_backlog 12 letters")
            node.write('site_backlog{queue="mail"} 45\n')
            assert await backlog() == (DOWN, "site_backlog 45 letters")
            await rules.until(lambda: rules.alerts() == {"BacklogHigh": FIRING})
            (alert,) = rules.reports[-1].alerts
            assert alert.annotations == {"summary": "mail holds 45"}
            assert (alert.labels["queue"], alert.labels["job"]) == ("mail", "site")

            node.stop(kill=True)
            state, why = await backlog()
            assert (state, why.endswith(": connection refused")) == (UNKNOWN, True)
            await rules.until(lambda: rules.source() == "lost")
            await rules.until(lambda: rules.alerts() == {"BacklogHigh": GONE})

            node.write('site_backlog{queue="mail"} 2\n')
            node.start()
            assert (await backlog())[0] == OK
            await rules.until(lambda: rules.source() == "ok" and rules.alerts() == {})


async def test_a_blackbox_exporter(tmp_path: Path, page: Page) -> None:
    with BlackboxExporter(tmp_path) as blackbox:
        url = blackbox.probe(f"http://{page.address}/")

        async def success() -> tuple[str, str]:
            found = await result("metric", "[VALUE] == 1", url=url, metric="probe_success")
            return found.state, found.detail

        assert await success() == (OK, "probe_success 1")
        status = await result("metric", "[VALUE] == 200", url=url, metric="probe_http_status_code")
        assert status.state == OK
        async with rules_over(url, tmp_path) as rules:
            await rules.until(lambda: rules.source() == "ok")
            assert rules.alerts() == {}
            page.text = None  # it answers with 500
            assert await success() == (DOWN, "probe_success 0, expected 1")
            await rules.until(lambda: rules.alerts() == {"SiteDown": FIRING})
            page.text = "fine\n"
            assert (await success())[0] == OK
            await rules.until(lambda: rules.alerts() == {})
            page.close()  # it answers no more
            assert (await success())[0] == DOWN
            await rules.until(lambda: rules.alerts() == {"SiteDown": FIRING})

            blackbox.stop(kill=True)
            state, why = await success()
            assert (state, why.endswith(": connection refused")) == (UNKNOWN, True)
            await rules.until(lambda: rules.source() == "lost")
            await rules.until(lambda: rules.alerts() == {"SiteDown": GONE})
