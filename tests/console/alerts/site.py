"""A page of metrics, a Prometheus that reads it, an Alertmanager that it tells, and Vigie's feed over them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import yaml

from console.alerts.fetch import Fetcher
from console.alerts.poll import ServerFeed
from console.clock import SystemClock
from console.services import Span
from console.snapshot import OK, Alert, Report, Source, StatusSnapshot
from console.sources import AlertmanagerConfig, PrometheusConfig
from tests.console.alerts.server import Alertmanager, Prometheus, eventually

DEEP: Final = 'depth{queue="a"} 42\n'
SHALLOW: Final = 'depth{queue="a"} 2\n'
TWICE: Final = 'depth{queue="a",of="x"} 42\ndepth{queue="a",of="y"} 42\n'  # the rule can't be evaluated over this
RULES: Final = {
    "groups": [
        {
            "name": "page",
            "rules": [
                {
                    "alert": "QueueDeep",
                    "expr": "depth * on (queue, instance) depth > 100",
                    "labels": {"severity": "page"},
                    "annotations": {"runbook_url": "RB-queue"},
                },
                {"alert": "Watchdog", "expr": "vector(1)"},
            ],
        }
    ]
}


class Page:
    """A page of metrics whose text a test sets; None: it answers with 500."""

    def __init__(self) -> None:
        self.text: str | None = ""
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = (page.text or "").encode()
                self.send_response(200 if page.text is not None else 500)
                self.send_header("content-type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.address = f"127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()


class Site:
    """The three, with a rule that fires while the page is :data:`DEEP`. Everything happens once a second."""

    def __init__(self, folder: Path) -> None:
        self.page = Page()
        self.page.text = DEEP
        self.rules = folder / "rules.yml"
        self.rules.write_text(yaml.safe_dump(RULES))
        self.alertmanager = Alertmanager(folder / "am")
        self.prometheus = Prometheus(
            {
                "global": {
                    "scrape_interval": "1s",
                    "evaluation_interval": "1s",
                    "external_labels": {"site": "lyon", "replica": "a"},
                },
                "rule_files": [str(self.rules)],
                "scrape_configs": [{"job_name": "feeder", "static_configs": [{"targets": [self.page.address]}]}],
                "alerting": {
                    "alertmanagers": [{"static_configs": [{"targets": [self.alertmanager.address.split("//")[1]]}]}]
                },
            },
            folder,
            options=["--rules.alert.resend-delay=1s", "--web.enable-lifecycle"],
        )

    def __enter__(self) -> Site:
        self.alertmanager.start()
        self.prometheus.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.prometheus.stop()
        self.alertmanager.stop()
        self.page.close()


class Looking:
    """Vigie's feed over some of the servers, in a thread of its own, while the context is open."""

    def __init__(self, *, managers: Mapping[str, str] = {}, servers: Mapping[str, str] = {}, **more: Any) -> None:
        settings = {"interval": Span(1), "timeout": Span(2), **more}
        self.reports: list[Report] = []
        self.feed = ServerFeed(
            [AlertmanagerConfig(name=name, url=url, **settings) for name, url in managers.items()],
            [PrometheusConfig(name=name, url=url, **settings) for name, url in servers.items()],
            fetcher=Fetcher,
            severity_of=lambda labels: (labels.get("severity", ""), 1),
            clock=SystemClock(),
        )
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    async def _run(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.create_task(self.feed.run(self.reports.append))
        self._ready.set()
        try:
            await self._task
        except asyncio.CancelledError:
            pass

    def __enter__(self) -> Looking:
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(10)

    @property
    def now(self) -> Report:
        """The last report."""
        return self.reports[-1] if self.reports else Report(sources=())

    def alert(self, name: str = "QueueDeep") -> Alert | None:
        """The alert of that name as it is shown."""
        return next((alert for alert in self.now.alerts if alert.name == name), None)

    def source(self, name: str) -> Source:
        """How that source is said to be."""
        return next((one for one in self.now.sources if one.name == name), Source(name=name, kind="", state="unseen"))

    def until(self, what: Callable[[], Any], seconds: float = 40) -> Any:
        """Wait for *what*; never is there a green report meanwhile, nor one without the alert."""
        start = len(self.reports)
        found = eventually(what, seconds)
        for report in self.reports[start:]:
            assert overall(report) != OK
            assert any(alert.name == "QueueDeep" for alert in report.alerts), report
        return found


def overall(report: Report) -> str:
    """The badge of a console with nothing but *report*."""
    return StatusSnapshot(taken_at=SystemClock().now(), alerts=report.alerts, sources=report.sources).overall


def rounds(looking: Looking, count: int) -> Callable[[], bool]:
    """Whether *count* more reports have come."""
    goal = len(looking.reports) + count
    return lambda: len(looking.reports) >= goal
