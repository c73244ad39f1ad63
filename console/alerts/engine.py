"""Rules without a server, as a feed of alerts: scrape, evaluate on a grid, report. Runs in the watch process."""

from __future__ import annotations

import asyncio
import math
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from console.alerts.rule_file import Group
from console.alerts.rules import FIRING, LOST, Active, RuleStates, Unanswered
from console.alerts.samples import Samples
from console.alerts.scrape import NOT_YET, PageError, Scraped, Target, read_page
from console.clock import Clock, from_us, to_us
from console.fingerprint import fingerprint
from console.sanitize import one_line
from console.snapshot import FIRING as STILL_FIRING
from console.snapshot import GONE, Alert, Report, Source
from console.sources import ScrapeConfig

SOURCE: Final = "rules"
_IN_PLACE: Final = 64_000  # characters of a page that are parsed without a thread

Fetch = Callable[[str, float], Awaitable[str]]
"""(URL, seconds) -> the page's text. Raises ``OSError`` or ``ValueError`` with words for the operator."""


def targets_of(scrape: Sequence[ScrapeConfig]) -> list[tuple[ScrapeConfig, Target]]:
    """Each page with the configuration that names it."""
    return [(one, Target(url, one.job, dict(one.labels))) for one in scrape for url in one.targets]


class RuleFeed:
    """A :class:`console.snapshot.Feed`. *known*: alerts of this source that fired before this process began."""

    def __init__(
        self,
        groups: Sequence[Group],
        scrape: Sequence[ScrapeConfig],
        *,
        external: Mapping[str, str],
        every_s: float,
        fetch: Fetch,
        clock: Clock,
        severity_of: Callable[[Mapping[str, str]], tuple[str, int]] = lambda labels: (labels.get("severity", ""), 1),
        known: Sequence[Alert] = (),
    ) -> None:
        self._groups = groups
        self._targets = targets_of(scrape)
        self._every_ms = round(every_s * 1000)
        self._fetch = fetch
        self._clock = clock
        self._severity_of = severity_of
        self._external = dict(external)
        longest = max((rule.query.window_ms for group in groups for rule in group.rules), default=0)
        self._samples = Samples(keep_ms=longest + 60_000)
        self._scraped = Scraped(self._samples, [target for _, target in self._targets])
        self._states = RuleStates(groups, self._external, started_at=self._now())
        self._last: Report | None = None
        self._all_asked = asyncio.Event()
        for alert in known:
            labels = {name: value for name, value in alert.labels.items() if name not in self._external}
            fired_at = to_us(alert.starts_at) // 1000
            self._states.restore(alert.name, tuple(sorted(labels.items())), fired_at, alert.annotations)

    def hurry(self, source: str) -> None:
        """See :class:`console.snapshot.Feed`: rules have their grid."""

    async def run(self, report: Callable[[Report], None]) -> None:
        """See :class:`console.snapshot.Feed`."""
        if not self._not_asked():
            self._all_asked.set()
        report(self.report())
        async with asyncio.TaskGroup() as tasks:
            for config, target in self._targets:
                tasks.create_task(self._scrape(config, target))
            for group in self._groups:
                tasks.create_task(self._evaluate(group, report))

    async def once(self) -> Report:
        """Read each page once and evaluate each rule once; what waits for its `for` counts as firing.

        A rule that looks back over time can't be told by one look: the source says so.
        """
        await asyncio.gather(*(self.scrape_once(target, float(config.timeout)) for config, target in self._targets))
        for group in self._groups:
            self.evaluate_once(group)
        source = self._source()
        back = [rule.name for group in self._groups for rule in group.rules if rule.query.window_ms]
        if source.state == "ok" and back:
            words = f"{back[0]} looks back over time: one pass can't tell, a watch can"
            source = Source(name=SOURCE, kind="rules", state="warming", error=words)
        return Report(sources=(source,), alerts=tuple(self._alert(alert) for alert in self._states.alerts))

    # ── scraping ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _scrape(self, config: ScrapeConfig, target: Target) -> None:
        interval_ms = round(float(config.interval) * 1000)
        await self.scrape_once(target, float(config.timeout))
        while True:
            await self._until_next(interval_ms, target.url)
            await self.scrape_once(target, float(config.timeout))

    async def scrape_once(self, target: Target, timeout_s: float) -> None:
        """One page into the samples; a target that gives none is failing."""
        at, began = self._now(), self._clock.monotonic()
        try:
            async with asyncio.timeout(timeout_s):
                text = await self._fetch(target.url, timeout_s)
                page = read_page(text) if len(text) < _IN_PLACE else await asyncio.to_thread(read_page, text)
        except (OSError, PageError, ValueError) as error:  # TimeoutError is an OSError
            words = one_line(str(error), 120) or f"no answer in {timeout_s:g} s"
            self._scraped.failed(target, words, at, self._clock.monotonic() - began)
        else:
            self._scraped.answered(target, page, at, self._clock.monotonic() - began)
        if not self._not_asked():
            self._all_asked.set()

    # ── evaluating ───────────────────────────────────────────────────────────────────────────────────────────────

    async def _evaluate(self, group: Group, report: Callable[[Report], None]) -> None:
        interval_ms = group.interval_ms or self._every_ms
        await self._all_asked.wait()  # a rule over nothing would say that all is well
        while True:
            self.evaluate_once(group)
            made = self.report()
            if made != self._last:
                self._last = made
                report(made)
            await self._until_next(interval_ms, group.name)

    def _not_asked(self) -> bool:
        return any(why == NOT_YET for why in self._scraped.failing.values())

    def evaluate_once(self, group: Group) -> None:
        """One evaluation of *group*, now."""
        at = self._now()
        names, never = self._scraped.unheard()
        self._states.evaluate(group, self._samples, at, Unanswered(names, everything=never))
        self._samples.forget(at)

    async def _until_next(self, interval_ms: int, key: str) -> None:
        """Wait for the next point of a grid that is spread by *key*; what was missed is left out."""
        offset = zlib.crc32(key.encode()) % interval_ms
        now = self._now()
        due = (math.floor((now - offset) / interval_ms) + 1) * interval_ms + offset
        await asyncio.sleep((due - now) / 1000)

    def _now(self) -> int:
        return to_us(self._clock.now()) // 1000

    # ── reporting ────────────────────────────────────────────────────────────────────────────────────────────────

    def report(self) -> Report:
        """The alerts that fire or are lost, and how the source is."""
        alerts = [alert for alert in self._states.alerts if alert.state in (FIRING, LOST)]
        return Report(sources=(self._source(),), alerts=tuple(self._alert(alert) for alert in alerts))

    def _alert(self, alert: Active) -> Alert:
        labels = {**self._external, **dict(alert.labels)}
        severity, level = self._severity_of(labels)
        return Alert(
            fingerprint=fingerprint(labels),
            name=alert.rule.name,
            severity=severity,
            level=level,
            state=GONE if alert.state == LOST else STILL_FIRING,
            starts_at=from_us((alert.fired_at or alert.active_at) * 1000),
            labels=labels,
            annotations=dict(alert.annotations),
            source=SOURCE,
            runbook=alert.annotations.get("runbook_url", "") or labels.get("runbook", ""),
        )

    def _source(self) -> Source:
        failing = dict(self._scraped.failing)
        if self._not_asked():
            return Source(name=SOURCE, kind="rules", state="warming", error="pages of metrics are not read yet")
        broken = [(rule, health) for rule, health in self._states.health.items() if health.error]
        unknown = [rule for rule, health in self._states.health.items() if health.at is None]
        said = [f"{one_line(url, 80)}: {why}" for url, why in failing.items()]
        said += [f"{rule.name} ({rule.place}): {health.error}" for rule, health in broken]
        if not said and not unknown:
            return Source(name=SOURCE, kind="rules", state="ok", last_ok=self._clock.now().replace(microsecond=0))
        if not said:
            return Source(name=SOURCE, kind="rules", state="warming", error="rules are not evaluated yet")
        more = f" (and {len(said) - 1} more)" if len(said) > 1 else ""
        state = "lost" if failing and len(failing) == len(self._targets) else "stale"
        return Source(name=SOURCE, kind="rules", state=state, error=said[0] + more)
