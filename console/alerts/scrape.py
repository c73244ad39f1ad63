"""Metric pages: fetched from their targets, parsed, and put among the samples as a Prometheus server would.

Text format and the labels ``job``, ``instance`` and the series ``up``:
https://prometheus.io/docs/instrumenting/exposition_formats/ and …/concepts/jobs_instances/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from console.alerts.samples import NAME, Labels, Samples, labels_of

NOT_YET: Final = "not scraped yet"


class PageError(ValueError):
    """A page that is not in the text format. ``str()`` is one line."""


@dataclass(frozen=True, eq=False)
class Target:
    """One page to scrape. *labels* are added to each of its series."""

    url: str
    job: str
    labels: Mapping[str, str]

    @property
    def instance(self) -> str:
        """``host:port``, as Prometheus calls it."""
        parts = urlsplit(self.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return f"[{parts.hostname}]:{port}" if ":" in (parts.hostname or "") else f"{parts.hostname}:{port}"

    @property
    def own_labels(self) -> dict[str, str]:
        """The labels that each of its series has."""
        return {"instance": self.instance, **self.labels, "job": self.labels.get("job", self.job)}


def read_page(text: str) -> list[tuple[Labels, float, int | None]]:
    """Each sample's labels (with ``__name__``), value and, where it names one, time in ms. Raises :class:`PageError`."""
    from prometheus_client.parser import text_string_to_metric_families

    found = []
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                at = None if sample.timestamp is None else round(float(sample.timestamp) * 1000)
                found.append((labels_of({**sample.labels, NAME: sample.name}), float(sample.value), at))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise PageError(f"not a page of metrics: {' '.join(str(error).split())[:120]}") from None
    return found


class Scraped:
    """What each target gave last: which series go stale when they are missing, which metrics can't be told about."""

    def __init__(self, samples: Samples, targets: Sequence[Target]) -> None:
        self._samples = samples
        self._last: dict[Target, frozenset[Labels]] = {}
        self._names: dict[str, set[str]] = {target.url: set() for target in targets}
        self._failing: dict[str, str] = dict.fromkeys((target.url for target in targets), NOT_YET)

    @property
    def failing(self) -> Mapping[str, str]:
        """The targets that gave nothing at their last scrape, by URL, and why."""
        return self._failing

    def unheard(self) -> tuple[set[str], bool]:
        """The metrics that failing targets gave before, and whether one has never given anything."""
        names: set[str] = set()
        never = False
        for url in self._failing:
            names |= self._names[url]
            never = never or not self._names[url]
        return names, never

    def answered(
        self, target: Target, page: Sequence[tuple[Labels, float, int | None]], at: int, took_s: float
    ) -> None:
        """*target* gave *page* at *at*."""
        fixed = target.own_labels
        now: set[Labels] = set()
        for labels, value, said_at in page:
            full = _with_target(labels, fixed)
            self._samples.add(full, at if said_at is None else said_at, value)
            if said_at is None:  # a page that names its own times looks after staleness itself
                now.add(full)
        self._end(target, frozenset(now), at)
        self._names[target.url].update(dict(labels)[NAME] for labels, _, _ in page)
        self._failing.pop(target.url, None)
        self._about(target, at, up=1.0, took_s=took_s, count=len(page))

    def failed(self, target: Target, why: str, at: int, took_s: float) -> None:
        """*target* gave nothing at *at*: its series are stale, and ``up`` is 0."""
        self._end(target, frozenset(), at)
        self._failing[target.url] = why
        self._about(target, at, up=0.0, took_s=took_s, count=0)

    def _end(self, target: Target, now: frozenset[Labels], at: int) -> None:
        for labels in self._last.get(target, frozenset()) - now:
            self._samples.add(labels, at, None)
        self._last[target] = now

    def _about(self, target: Target, at: int, *, up: float, took_s: float, count: int) -> None:
        for name, value in (("up", up), ("scrape_duration_seconds", took_s), ("scrape_samples_scraped", float(count))):
            self._samples.add(labels_of({**target.own_labels, NAME: name}), at, value)


def _with_target(labels: Labels, fixed: Mapping[str, str]) -> Labels:
    """The target's labels win; the page's own of the same name goes on as ``exported_…``."""
    return labels_of(dict(_renamed(labels, fixed)) | dict(fixed))


def _renamed(labels: Labels, fixed: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in labels:
        yield (f"exported_{name}" if name in fixed else name), value
