"""All that the configuration names besides our own checks, as one feed: what the watch process runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from console.alerts.engine import SOURCE as RULES
from console.alerts.engine import RuleFeed
from console.alerts.fetch import Fetcher
from console.alerts.poll import ServerFeed
from console.alerts.rule_file import Group, RuleError, read_rules
from console.clock import Clock
from console.config import Config, ConfigError
from console.snapshot import Alert, Feed, Report, SilenceState, Source


def rule_files(config: Config, source: Path | None) -> tuple[Path, ...]:
    """The rule files that *config* names, there or not."""
    base = source.parent if source is not None else Path.cwd()
    return tuple(one for pattern in config.rules for one in _meant(base / Path(pattern).expanduser()))


def _meant(path: Path) -> list[Path]:
    return sorted(path.parent.glob(path.name)) if any(sign in path.name for sign in "*?[") else [path]


def rules_of(config: Config, source: Path | None) -> tuple[Group, ...]:
    """The rule groups of *config* (read from *source*). Raises ``ConfigError``: file:line, key, what was expected."""
    base = source.parent if source is not None else Path.cwd()
    found: list[Group] = []
    for position, pattern in enumerate(config.rules):
        paths = _meant(base / Path(pattern).expanduser())
        if not paths:
            raise ConfigError(f"{source or 'configuration'}: rules[{position}]: no file is named {pattern}")
        for one in paths:
            try:
                found += read_rules(one)
            except RuleError as error:
                raise ConfigError(str(error)) from None
    return tuple(found)


def feed_of(
    config: Config, source: Path | None, clock: Clock
) -> Callable[[Sequence[Alert], Sequence[Source]], Feed] | None:
    """What makes the feed of *config* (console.watch.leading.MakeFeed); None when it names none. Raises ``ConfigError``."""
    groups = rules_of(config, source)
    if not (groups or config.scrape or config.alertmanagers or config.prometheus):
        return None

    def make(known: Sequence[Alert], sources: Sequence[Source] = ()) -> Feed:
        fetcher = Fetcher()
        feeds: list[Feed] = []
        if config.alertmanagers or config.prometheus:
            feeds.append(_servers(config, source, clock, known, sources))
        if groups or config.scrape:
            feeds.append(_rules(config, groups, clock, fetcher, known))
        return Feeds(feeds, fetcher)

    return make


async def look_once(
    config: Config,
    source: Path | None,
    clock: Clock,
    known: Sequence[Alert] = (),
    sources: Sequence[Source] = (),
    *,
    rules: bool = True,
) -> Report:
    """What each source says now. *known* and *sources*: what a watch knows; *rules*: whether to evaluate ours, too.

    Raises ``ConfigError``.
    """
    groups = rules_of(config, source) if rules else ()
    reports: list[Report] = []
    if config.alertmanagers or config.prometheus:
        reports.append(await _servers(config, source, clock, known, sources).once())
    if rules and (groups or config.scrape):
        fetcher = Fetcher()
        try:
            reports.append(await _rules(config, groups, clock, fetcher, ()).once())
        finally:
            await fetcher.close()
    return together(reports)


def _servers(
    config: Config, source: Path | None, clock: Clock, known: Sequence[Alert], sources: Sequence[Source]
) -> ServerFeed:
    base = source.parent if source is not None else Path.cwd()
    return ServerFeed(
        config.alertmanagers,
        config.prometheus,
        fetcher=lambda server: Fetcher(server, base=base),
        severity_of=config.alert_level,
        clock=clock,
        known=[alert for alert in known if alert.source != RULES],
        sources=sources,
    )


def _rules(
    config: Config, groups: tuple[Group, ...], clock: Clock, fetcher: Fetcher, known: Sequence[Alert]
) -> RuleFeed:
    return RuleFeed(
        groups,
        config.scrape,
        external=config.external_labels,
        every_s=float(config.evaluation_interval),
        fetch=fetcher.text,
        clock=clock,
        severity_of=config.alert_level,
        known=[alert for alert in known if alert.source == RULES],
    )


def together(reports: Iterable[Report]) -> Report:
    """Several reports as one: the sources of all, and each alert once, as the first knows it."""
    sources: list[Source] = []
    alerts: dict[str, Alert] = {}
    evidence: dict[str, str] = {}
    silences: list[SilenceState] = []
    for one in reports:
        sources += one.sources
        evidence.update(one.evidence)
        silences += one.silences
        for alert in one.alerts:
            alerts.setdefault(alert.fingerprint, alert)
    return Report(sources=tuple(sources), alerts=tuple(alerts.values()), evidence=evidence, silences=tuple(silences))


class Feeds:
    """Several feeds as one: the sources of all, and each alert once."""

    def __init__(self, feeds: Sequence[Feed], fetcher: Fetcher) -> None:
        self._feeds = feeds
        self._fetcher = fetcher
        self._reports: dict[int, Report] = {}

    async def run(self, report: Callable[[Report], None]) -> None:
        """See :class:`console.snapshot.Feed`."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for number, feed in enumerate(self._feeds):
                    tasks.create_task(feed.run(lambda one, number=number: self._take(number, one, report)))  # type: ignore[misc]  # mypy can't type a lambda's default
        finally:
            await self._fetcher.close()

    def _take(self, number: int, one: Report, report: Callable[[Report], None]) -> None:
        self._reports[number] = one
        report(together(self._reports[at] for at in sorted(self._reports)))

    def hurry(self, source: str) -> None:
        """See :class:`console.snapshot.Feed`."""
        for feed in self._feeds:
            feed.hurry(source)
