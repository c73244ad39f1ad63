"""What was scraped in the last minutes: series in memory, with the staleness of Prometheus.

Times are integer milliseconds since the epoch, as Prometheus keeps them; a sample of None marks its series as stale from
then on (https://prometheus.io/docs/prometheus/latest/querying/basics/#staleness). Windows are closed on both ends, as in
Prometheus 2.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from typing import Final

Labels = tuple[tuple[str, str], ...]
"""A label set, sorted by name; the metric's name is the label ``__name__``."""

NAME: Final = "__name__"
LOOKBACK_MS: Final = 300_000
Matches = Callable[[Mapping[str, str]], bool]


def labels_of(labels: Mapping[str, str]) -> Labels:
    """*labels* in order, without the empty ones: an empty label is no label."""
    return tuple(sorted((name, value) for name, value in labels.items() if value))


class Series:
    """The samples of one label set, oldest first."""

    __slots__ = ("labels", "mapping", "times", "values")

    def __init__(self, labels: Labels) -> None:
        self.labels = labels
        self.mapping = dict(labels)
        self.times: list[int] = []
        self.values: list[float | None] = []

    def add(self, at: int, value: float | None) -> None:
        """Append a sample; one that is not newer than the last is dropped, as Prometheus does."""
        if not self.times or at > self.times[-1]:
            self.times.append(at)
            self.values.append(value)

    def latest(self, at: int, lookback: int = LOOKBACK_MS) -> tuple[int, float] | None:
        """Time and value of the newest sample at *at* or before; None when there is none, or the series was stale."""
        index = bisect_right(self.times, at) - 1
        if index < 0 or self.times[index] < at - lookback:
            return None
        value = self.values[index]
        return None if value is None else (self.times[index], value)

    def between(self, start: int, end: int) -> list[tuple[int, float]]:
        """The samples from *start* to *end*, both included, stale marks left out."""
        first, last = bisect_left(self.times, start), bisect_right(self.times, end)
        return [
            (at, value)
            for at, value in zip(self.times[first:last], self.values[first:last], strict=True)
            if value is not None
        ]

    def forget_before(self, start: int) -> None:
        """Drop what is older than *start*."""
        index = bisect_left(self.times, start)
        if index:
            del self.times[:index], self.values[:index]


class Samples:
    """Every series of the last ``keep_ms`` milliseconds, by metric name."""

    def __init__(self, keep_ms: int = LOOKBACK_MS) -> None:
        self.keep_ms = max(keep_ms, LOOKBACK_MS)
        self._by_name: dict[str, dict[Labels, Series]] = {}

    def add(self, labels: Labels, at: int, value: float | None) -> None:
        """Append one sample. *labels* has the metric's name."""
        name = next((value for name, value in labels if name == NAME), "")
        named = self._by_name.setdefault(name, {})
        series = named.get(labels)
        if series is None:
            if value is None:
                return
            series = named[labels] = Series(labels)
        series.add(at, value)

    def select(self, name: str | None, matches: Matches) -> list[Series]:
        """The series called *name* (None: any name) whose labels match."""
        pools: Iterable[dict[Labels, Series]]
        pools = self._by_name.values() if name is None else [self._by_name.get(name, {})]
        return [series for pool in pools for series in pool.values() if matches(series.mapping)]

    def names(self) -> frozenset[str]:
        """The metrics that have samples."""
        return frozenset(self._by_name)

    def forget(self, now: int) -> None:
        """Drop samples, series and names that no window reaches any more."""
        start = now - self.keep_ms
        for name in list(self._by_name):
            pool = self._by_name[name]
            for labels in list(pool):
                series = pool[labels]
                series.forget_before(start)
                if not series.times:
                    del pool[labels]
            if not pool:
                del self._by_name[name]

    def __len__(self) -> int:
        return sum(len(pool) for pool in self._by_name.values())
