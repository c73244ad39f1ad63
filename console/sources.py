"""Where alerts come from besides our own checks, as it is configured: pages of metrics with rules over them.

::

    external_labels: {site: lyon}
    rules: [rules/*.yml]
    scrape:
      - job: feeder
        targets: ["http://127.0.0.1:9100/metrics"]
        interval: 15s
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from msgspec import Struct

from console.services import Span, spanned


class ScrapeConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pages of metrics in the Prometheus text format, for rules that are evaluated here."""

    job: str  # the label of that name
    targets: tuple[str, ...]  # URLs
    interval: Span = spanned(15)
    timeout: Span = spanned(5)  # of the whole page, shorter than the interval
    labels: Mapping[str, str] = {}  # on each series

    def __post_init__(self) -> None:
        for target in self.targets:
            try:
                parts = urlsplit(target)
                known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
            except ValueError:
                known = False
            if not known:
                raise ValueError(f"expected a URL such as http://127.0.0.1:9100/metrics, got {target!r}")
        if not self.interval >= 1:
            raise ValueError("expected an interval of at least 1s")
        if not 0 < self.timeout < self.interval:
            raise ValueError(f"expected a timeout of more than 0s and less than the interval of {self.interval:g}s")
