"""Servers asked again and again, each on its own; a report after each answer. Runs in the watch process."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, TypeAlias

from console.alerts.alertmanager import AlertmanagerClient
from console.alerts.fetch import Fetcher, FetchError
from console.alerts.judge import Judge, SeverityOf
from console.alerts.prometheus import PrometheusClient
from console.alerts.views import AlertmanagerView, PrometheusView
from console.clock import Clock
from console.snapshot import Alert, Report, Source
from console.sources import AlertmanagerConfig, PrometheusConfig, ServerConfig

_FIRST_S: Final = 1.0  # after the first failure; doubled after each
_LONGEST_S: Final = 30.0
_MANY: Final = 2000  # alerts, from which on a server is not asked more often than every 10 s
_CALM_S: Final = 10.0
_QUESTIONS: Final = 4

Answered: TypeAlias = tuple[Callable[[], None], int]


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
        sources: Sequence[Source] = (),
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._managers = [AlertmanagerView(one, "alertmanager") for one in alertmanagers]
        self._servers = [PrometheusView(one, "prometheus") for one in prometheus]
        self._judge = Judge(self._managers, self._servers, severity_of, known, sources)
        self._settling = asyncio.Lock()  # what was said is weighed in a thread where it is much
        self._woken = {one.name: asyncio.Event() for one in (*alertmanagers, *prometheus)}
        self._fetcher = fetcher
        self._clock = clock
        self._chance = chance

    async def run(self, report: Callable[[Report], None]) -> None:
        """See :class:`console.snapshot.Feed`."""
        report(self._judge.report(self._clock.now()))
        async with asyncio.TaskGroup() as tasks:
            for manager in self._managers:
                tasks.create_task(self._again(manager, self._ask_manager(manager), report))
            for server in self._servers:
                tasks.create_task(self._again(server, self._ask_server(server), report))

    async def once(self) -> Report:
        """Ask each server once: one that does not answer is lost."""
        asked = [(view, self._ask_manager(view)) for view in self._managers]
        await asyncio.gather(
            *(self._ask_once(view, ask) for view, ask in asked),
            *(self._ask_once(view, self._ask_server(view)) for view in self._servers),
        )
        return self._judge.report(self._clock.now())

    async def _ask_once(
        self, view: AlertmanagerView | PrometheusView, ask: Callable[[Fetcher], Awaitable[Answered]]
    ) -> None:
        fetcher = self._fetcher(view.config)
        try:
            async with asyncio.timeout(_QUESTIONS * view.config.timeout):
                answered, _ = await ask(fetcher)
            answered()
        except (FetchError, TimeoutError) as error:
            view.given_up(str(error) or f"no answer in {_QUESTIONS * view.config.timeout:g} s")
        finally:
            await fetcher.close()

    async def _again(
        self,
        view: AlertmanagerView | PrometheusView,
        ask: Callable[[Fetcher], Awaitable[Answered]],
        report: Callable[[Report], None],
    ) -> None:
        """Ask *view*'s server until cancelled. *ask* returns how to take its answer in, and how many alerts it had."""
        fetcher = self._fetcher(view.config)
        try:
            while True:
                began = self._clock.monotonic()
                pause = float(view.config.interval)
                try:
                    # Several questions make a look, each bounded by the timeout.
                    async with asyncio.timeout(_QUESTIONS * view.config.timeout):
                        answered, count = await ask(fetcher)
                    if count > _MANY:
                        pause = max(pause, _CALM_S)
                    view.pause = pause
                except (FetchError, TimeoutError) as error:
                    words, count = str(error) or f"no answer in {_QUESTIONS * view.config.timeout:g} s", 0
                    answered = partial(view.failed, words)
                    pause = back_off(view.failures + 1, self._chance)
                await self._settle(answered, count, report)
                await self._pause(view.config.name, max(0.1, pause - (self._clock.monotonic() - began)))
        finally:
            await fetcher.close()

    def _ask_manager(self, view: AlertmanagerView) -> Callable[[Fetcher], Awaitable[Answered]]:
        async def ask(fetcher: Fetcher) -> Answered:
            client = AlertmanagerClient(view.config.url, fetcher, float(view.config.timeout))
            status = await client.status()
            alerts = await client.alerts()
            silences = tuple(await client.silences())
            return partial(view.answered, alerts, status, self._clock.now(), silences), len(alerts)

        return ask

    def _ask_server(self, view: PrometheusView) -> Callable[[Fetcher], Awaitable[Answered]]:
        clients: list[PrometheusClient] = []  # one, which remembers the configuration that it has read

        async def ask(fetcher: Fetcher) -> Answered:
            if not clients:
                clients.append(PrometheusClient(view.config.url, fetcher, float(view.config.timeout)))
            state = await clients[0].look()
            count = sum(len(rule.alerts) for rule in state.rules)
            return partial(view.answered, state, self._clock.now()), count

        return ask

    async def _settle(self, answered: Callable[[], None], count: int, report: Callable[[Report], None]) -> None:
        """Take an answer in, and report what is true by it."""

        def work() -> Report:
            answered()
            return self._judge.report(self._clock.now())

        async with self._settling:
            many = max(count, self._judge.size) > _MANY
            report(await asyncio.to_thread(work) if many else work())

    async def _pause(self, name: str, seconds: float) -> None:
        """Until it is time to ask *name* again, or somebody wants that at once."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken[name].wait()
        except TimeoutError:
            pass
        self._woken[name].clear()

    def hurry(self, source: str) -> None:
        """See :class:`console.snapshot.Feed`."""
        if source in self._woken:
            self._woken[source].set()
