"""``promql``: the value that a Prometheus server gives for a query."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from console.snapshot import DOWN, OK
from console.sources import Access, check_url
from console.watch.fetching import fetch, shown
from console.watch.probing import ProbeError, Reading, Tools, graded
from console.watch.series import Sample, Take, figure, told

PLACEHOLDERS: Final = frozenset(("VALUE", "COUNT", "LABELS", "WARNINGS"))
CONDITIONS: Final = ()


class Options(Access, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of a ``promql`` check: limits on the value, or conditions."""

    url: str  # of the server, without /api
    query: str
    take: Take = "only"
    empty: Literal["unknown", "ok", "down"] = "unknown"  # what it means when there is no series
    unit: str = ""  # as it is shown
    warn: float | None = None
    fail: float | None = None

    def __post_init__(self) -> None:
        check_url(self.url, "http://127.0.0.1:9090")
        wrong = self.refuse()
        if wrong or not self.query.strip():
            raise ValueError(wrong or "query: expected a query")


class _Data(Struct, frozen=True, rename="camel"):
    result_type: str = ""
    result: Any = None


class _Answer(Struct, frozen=True, rename="camel"):
    """https://prometheus.io/docs/prometheus/latest/querying/api/"""

    status: str = ""
    data: _Data = _Data()
    error: str = ""
    warnings: tuple[str, ...] = ()


class Probe:
    """Posts an instant query. A server that does not answer is UNKNOWN: nothing was measured."""

    def __init__(self, options: Options, wanted: frozenset[str]) -> None:
        from urllib.parse import urlsplit

        self.host = urlsplit(options.url).hostname or ""
        self._options = options

    async def measure(self, tools: Tools) -> Reading:
        options = self._options
        url = f"{options.url.rstrip('/')}/api/v1/query"
        status, body = await fetch(tools, options, url, form={"query": options.query})
        try:
            answer = await tools.blocking(lambda: msgspec.json.decode(body, type=_Answer))
        except msgspec.DecodeError:
            got = await shown(tools, options, body)
            raise ProbeError(f"http {status}, and no answer of a Prometheus", got) from None
        if status != 200 or answer.status != "success":
            raise ProbeError(f"Prometheus says: {answer.error or f'http {status}'}")
        found = _samples(answer.data)
        values: dict[str, object] = {"COUNT": len(found), "WARNINGS": len(answer.warnings)}
        if not found:
            if options.empty == "unknown":
                raise ProbeError("the query finds no series")
            return Reading(state=OK if options.empty == "ok" else DOWN, detail="no series", values=values, value=0.0)
        value, labels = figure(found, options.take)
        values |= {"VALUE": value, "LABELS": dict(labels or found[0].labels)}
        more = f" (Prometheus warns: {answer.warnings[0]})" if answer.warnings else ""
        return Reading(
            state=graded(value, options.warn, options.fail),
            detail=told(value, labels, options.unit) + more,
            values=values,
            value=value if math.isfinite(value) else None,
            unit=options.unit,
            told=("VALUE",),
        )


def _samples(data: _Data) -> list[Sample]:
    try:
        if data.result_type == "scalar":
            return [Sample({}, float(data.result[1]))]
        if data.result_type == "vector":
            return [Sample(_labels(one.get("metric")), float(one["value"][1])) for one in data.result if "value" in one]
    except (TypeError, ValueError, LookupError, AttributeError):
        raise ProbeError("Prometheus says what is not understood") from None
    raise ProbeError(f"expected a query that gives one value or one a series, got a {data.result_type or 'nothing'}")


def _labels(metric: object) -> Mapping[str, str]:
    return {str(name): str(value) for name, value in metric.items()} if isinstance(metric, dict) else {}
