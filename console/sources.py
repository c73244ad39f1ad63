"""Where alerts come from besides our own checks, as it is configured.

::

    alertmanagers:
      - name: am-a
        url: https://am-a.example.org:9093
        bearer_file: /etc/vigie/am.token
        watchdog: Watchdog
    prometheus:
      - name: prom-1
        url: http://127.0.0.1:9090
    external_labels: {site: lyon}
    rules: [rules/*.yml]
    scrape:
      - job: feeder
        targets: ["http://127.0.0.1:9100/metrics"]
        interval: 15s
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from console.services import Span, spanned

# What severity labels commonly say, as the position in the house's scheme (0 the worst).
DEFAULT_ALERT_LEVELS: Final[Mapping[str, int]] = {
    "critical": 0,
    "page": 0,
    "emergency": 0,
    "disaster": 0,
    "error": 1,
    "major": 1,
    "high": 1,
    "warning": 2,
    "warn": 2,
    "minor": 2,
    "ticket": 2,
    "info": 3,
    "informational": 3,
    "notice": 3,
    "low": 3,
    "none": 3,
}


def check_url(url: str, example: str) -> None:
    """Raises ``ValueError`` when *url* is not one of http or https."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise ValueError(f"expected a URL such as {example}, got {url!r}")
    if parts.username or parts.password:
        raise ValueError("expected a URL without a password: use username and password_file")


class Access(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a server is asked. Secrets are named by file or environment variable, never written here."""

    username: str = ""
    password_file: str = ""
    password_env: str = ""
    bearer_file: str = ""
    bearer_env: str = ""
    ca_file: str = ""  # certificates to trust; "" = what this host trusts
    cert_file: str = ""  # our own certificate, for servers that want one
    key_file: str = ""
    insecure: bool = False  # accept any certificate
    proxy: str = ""  # URL; the environment is not asked

    def route(self) -> Access:
        """What a client is made of, without who we are: those that differ in the rest share one."""
        return Access(
            ca_file=self.ca_file,
            cert_file=self.cert_file,
            key_file=self.key_file,
            insecure=self.insecure,
            proxy=self.proxy,
        )

    def refuse(self) -> str:
        """What can't be used together, in one line; "" when all is well."""
        if sum(bool(one) for one in (self.password_file, self.password_env)) > 1:
            return "expected one of password_file and password_env"
        if sum(bool(one) for one in (self.bearer_file, self.bearer_env, self.username)) > 1:
            return "expected one of username, bearer_file and bearer_env"
        if (self.password_file or self.password_env) and not self.username:
            return "expected a username for the password"
        if bool(self.cert_file) != bool(self.key_file):
            return "expected both cert_file and key_file"
        return ""


class ServerConfig(Access, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an Alertmanager and a Prometheus have in common."""

    name: str  # as the operator calls it
    url: str
    interval: Span = spanned(10)
    timeout: Span = spanned(5)
    watchdog: str = ""  # name of the alert that always fires; "" = Watchdog, once it has been seen
    warm_up: Span = spanned(120)  # how long after its start an empty answer says nothing

    def __post_init__(self) -> None:
        if not self.name or len(self.name.split()) != 1:
            raise ValueError(f"expected a name of one word, got {self.name!r}")
        check_url(self.url, "http://127.0.0.1:9093")
        if not self.interval >= 1:
            raise ValueError("expected an interval of at least 1s")
        if not 0 < self.timeout <= 60:
            raise ValueError("expected a timeout of more than 0s and at most 60s")
        wrong = self.refuse()
        if wrong:
            raise ValueError(wrong)


class AlertmanagerConfig(ServerConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An Alertmanager (API v2). Several of one cluster know the same alerts; each is shown once."""


class PrometheusConfig(ServerConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Prometheus server: its alerts, and whether its rules and targets can be believed."""

    may_be_down: tuple[str, ...] = ()  # jobs whose targets come and go: that they don't answer is no news


class ScrapeConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pages of metrics in the Prometheus text format, for rules that are evaluated here."""

    job: str  # the label of that name
    targets: tuple[str, ...]  # URLs
    interval: Span = spanned(15)
    timeout: Span = spanned(5)  # of the whole page, shorter than the interval
    labels: Mapping[str, str] = {}  # on each series

    def __post_init__(self) -> None:
        for target in self.targets:
            check_url(target, "http://127.0.0.1:9100/metrics")
        if not self.interval >= 1:
            raise ValueError("expected an interval of at least 1s")
        if not 0 < self.timeout < self.interval:
            raise ValueError(f"expected a timeout of more than 0s and less than the interval of {self.interval:g}s")


class SeverityLabels(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How alerts' labels say what the house's scheme says."""

    labels: tuple[str, ...] = ("severity", "priority", "level")  # the first that an alert has
    levels: Mapping[str, str] = {}  # value of that label -> name of a severity, before the usual words
