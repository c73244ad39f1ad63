"""``metric``: a value on a page of metrics in the Prometheus text format."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from console.sources import Access, check_url
from console.watch.fetching import fetch, shown
from console.watch.probing import ProbeError, Reading, Tools, graded
from console.watch.series import Sample, Take, figure, told

PLACEHOLDERS: Final = frozenset(("VALUE", "COUNT", "LABELS"))
CONDITIONS: Final = ()
_MOST: Final = 10_000  # series of one metric
Matches = Callable[[Mapping[str, str]], bool]


class Options(Access, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of a ``metric`` check: limits on the value, or conditions."""

    url: str
    metric: str  # a selector: queue_depth{job="feeder", zone=~"eu.*"}
    take: Take = "only"
    unit: str = ""  # as it is shown
    warn: float | None = None
    fail: float | None = None

    def __post_init__(self) -> None:
        check_url(self.url, "http://127.0.0.1:9100/metrics")
        wrong = self.refuse()
        if wrong:
            raise ValueError(wrong)
        _selector(self.metric)


def _selector(text: str) -> tuple[str, Matches]:
    """``(name, what its labels must be)``. Raises ``ValueError``."""
    import promql_parser

    try:
        parsed = promql_parser.parse(text)
    except ValueError as error:
        raise ValueError(f"metric: {str(error).splitlines()[0]}") from None
    if not isinstance(parsed, promql_parser.VectorSelector) or not parsed.name or parsed.offset or parsed.at:
        raise ValueError('metric: expected a selector such as queue_depth{job="feeder"}')
    return parsed.name, _all([_matcher(one) for one in parsed.matchers.matchers if one.name != "__name__"])


def _all(matchers: list[Matches]) -> Matches:
    return lambda labels: all(one(labels) for one in matchers)


def _matcher(one: Any) -> Matches:
    import promql_parser

    name, value, kinds = one.name, one.value, promql_parser.MatchOp
    if one.op == kinds.Equal:
        return lambda labels: labels.get(name, "") == value
    if one.op == kinds.NotEqual:
        return lambda labels: labels.get(name, "") != value
    try:
        pattern = re.compile(value)
    except re.error as error:
        raise ValueError(f"metric: {name}: not a regular expression: {error}") from None
    if one.op == kinds.Re:
        return lambda labels: pattern.fullmatch(labels.get(name, "")) is not None
    return lambda labels: pattern.fullmatch(labels.get(name, "")) is None


class Probe:
    """Fetches the page and reads the lines of its metric only. What is not on the page is UNKNOWN, never fine."""

    def __init__(self, options: Options, wanted: frozenset[str]) -> None:
        from urllib.parse import urlsplit

        self.host = urlsplit(options.url).hostname or ""
        self._options = options
        self._name, self._matches = _selector(options.metric)

    async def measure(self, tools: Tools) -> Reading:
        options = self._options
        status, page = await fetch(tools, options, options.url, headers={"accept": "text/plain"})
        if status != 200:
            got = await shown(tools, options, page)
            raise ProbeError(f"the page of metrics can't be had: http {status}", got)
        found = await tools.blocking(lambda: _read(page, self._name, self._matches))
        if not found:
            raise ProbeError(f"no series {options.metric} on the page")
        value, labels = figure(found, options.take)
        return Reading(
            state=graded(value, options.warn, options.fail),
            detail=f"{self._name} {told(value, labels, options.unit)}",
            values={"VALUE": value, "COUNT": len(found), "LABELS": dict(labels or found[0].labels)},
            value=value,
            unit=options.unit,
            told=("VALUE",),
        )


def _read(page: bytes, name: str, matches: Matches) -> list[Sample]:
    from prometheus_client.parser import text_string_to_metric_families

    ours = re.compile(rf"^{re.escape(name)}[ \t{{].*$", re.MULTILINE)
    lines = ours.findall(page.decode("utf-8", "replace"))
    found: list[Sample] = []
    try:
        for family in text_string_to_metric_families("\n".join(lines) + "\n"):
            for one in family.samples:
                if one.name == name and matches(one.labels):
                    found.append(Sample(one.labels, float(one.value)))
                if len(found) > _MOST:
                    raise ProbeError(f"more than {_MOST} series of {name}")
    except (ValueError, KeyError, IndexError) as error:
        raise ProbeError(f"the page of metrics can't be read: {error}") from None
    return found
