"""Servers asked again and again, each on its own; a report after each answer. Runs in the watch process."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from console.alerts.alertmanager import AlertmanagerClient
from console.alerts.fetch import Fetcher, FetchError
from console.alerts.judge import Judge, SeverityOf
from console.alerts.prometheus import PrometheusClient
from console.alerts.views import AlertmanagerView, PrometheusView
from console.clock import Clock
from console.snapshot import Alert, Report
from console.sources import AlertmanagerConfig, PrometheusConfig, ServerConfig

_FIRST_S: Final = 1.0  # after the first failure; doubled after each
_LONGEST_S: Final = 30.0
_MANY: Final = 2000  # alerts, from which on a server is not asked more often than every 10 s
_CALM_S: Final = 10.0


def back_off(failures: int, chance: Callable[[], float]) -> float:
    """Seconds to wait after *failures* in a row: 1, 2, 4 … 30, give or take a quarter. *chance* gives 0 to 1."""
    pause = min(_LONGEST_S, _FIRST_S * 2.0 ** min(failures - 1, 10))
    return pause * (0.75 + 0.5 * chance())


class ServerFeed:
    """The Alertmanagers and Prometheus servers of a configuration: a :class:`console.snapshot.Feed`."""

    def __init__(
        self,
        alertmanagers: Sequence[AlertmanagerConfig],
        prometheus: Sequence[PrometheusConfig],
        *,
        fetcher: Callable[[ServerConfig], Fetcher],
        severity_of: SeverityOf,
        clock: Clock,
        known: Sequence[Alert] = (),
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._managers = [AlertmanagerView(one, "alertmanager") for one in alertmanagers]
        self._servers = [PrometheusView(one, "prometheus") for one in prometheus]
        self._judge = Judge(self._managers, self._servers, severity_of, known)
        self._fetcher = fetcher
        self._clock = clock
        self._chance = chance

    async def run(self, report: Callable[[Report], None]) -> None:
        """See :class:`console.snapshot.Feed`."""
        self._report(report)
        async with asyncio.TaskGroup() as tasks:
            for manager in self._managers:
                tasks.create_task(self._again(manager, self._ask_manager(manager), report))
            for server in self._servers:
                tasks.create_task(self._again(server, self._ask_server(server), report))

    async def _again(
        self,
        view: AlertmanagerView | PrometheusView,
        ask: Callable[[Fetcher], Awaitable[int]],
        report: Callable[[Report], None],
    ) -> None:
        """Ask *view*'s server until cancelled. *ask* returns how many alerts it had."""
        fetcher = self._fetcher(view.config)
        try:
            while True:
                began = self._clock.monotonic()
                pause = float(view.config.interval)
                try:
                    # Several questions may make a look, each bounded by the timeout.
                    async with asyncio.timeout(4 * view.config.timeout):
                        count = await ask(fetcher)
                    if count > _MANY:
                        pause = max(pause, _CALM_S)
                except (FetchError, TimeoutError) as error:
                    view.failed(str(error) or f"no answer in {4 * view.config.timeout:g} s")
                    pause = back_off(view.failures, self._chance)
                self._report(report)
                await asyncio.sleep(max(0.1, pause - (self._clock.monotonic() - began)))
        finally:
            await fetcher.close()

    def _ask_manager(self, view: AlertmanagerView) -> Callable[[Fetcher], Awaitable[int]]:
        async def ask(fetcher: Fetcher) -> int:
            client = AlertmanagerClient(view.config.url, fetcher, float(view.config.timeout))
            status = await client.status()
            alerts = await client.alerts()
            view.answered(alerts, status, self._clock.now())
            return len(alerts)

        return ask

    def _ask_server(self, view: PrometheusView) -> Callable[[Fetcher], Awaitable[int]]:
        async def ask(fetcher: Fetcher) -> int:
            state = await PrometheusClient(view.config.url, fetcher, float(view.config.timeout)).look()
            view.answered(state, self._clock.now())
            return len(view.firing)

        return ask

    def _report(self, report: Callable[[Report], None]) -> None:
        report(self._judge.report(self._clock.now()))
