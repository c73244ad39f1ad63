"""A Prometheus server, asked over its HTTP API v1: its alerts, and whether what is missing from them says anything."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Generic, TypeVar

import msgspec
from msgspec import Struct

from console.alerts.fetch import Fetcher, FetchError

T = TypeVar("T")
_NEVER: Final = "0001-01-01"  # Go's zero time


class PrometheusAlert(Struct, frozen=True, kw_only=True, rename="camel"):
    """An alert of a rule; ``state`` is pending or firing, ``activeAt`` when it began to be pending."""

    labels: dict[str, str]
    annotations: dict[str, str] = {}
    state: str
    active_at: datetime | None = None
    value: str = ""


class PrometheusRule(Struct, frozen=True, kw_only=True, rename="camel"):
    """A rule; ``health`` is ok, err or unknown; ``duration`` is its ``for`` in seconds."""

    type: str
    name: str
    query: str = ""
    duration: float = 0.0
    labels: dict[str, str] = {}
    alerts: tuple[PrometheusAlert, ...] = ()
    health: str = "unknown"
    last_error: str = ""
    last_evaluation: str = _NEVER

    @property
    def evaluated(self) -> bool:
        """Whether it has been evaluated since the server began."""
        return not self.last_evaluation.startswith(_NEVER)


class _Group(Struct, frozen=True, kw_only=True):
    name: str
    rules: tuple[PrometheusRule, ...] = ()


class _Rules(Struct, frozen=True):
    groups: tuple[_Group, ...] = ()


class Target(Struct, frozen=True, kw_only=True, rename="camel"):
    """A target; ``health`` is up, down or unknown."""

    labels: dict[str, str] = {}
    health: str = "unknown"
    last_error: str = ""


class _Targets(Struct, frozen=True, rename="camel"):
    active_targets: tuple[Target, ...] = ()


class _Config(Struct, frozen=True):
    yaml: str = ""


class RuntimeInfo(Struct, frozen=True, kw_only=True, rename="camel"):
    """How the server runs."""

    start_time: datetime | None = None
    reload_config_success: bool = True


class _Answer(Struct, Generic[T], frozen=True):
    status: str
    data: T | None = None
    error: str = ""


class PrometheusState(Struct, frozen=True, kw_only=True):
    """All that one look at a server says."""

    rules: tuple[PrometheusRule, ...]  # of alerts
    recording: tuple[PrometheusRule, ...] = ()  # what those may read
    targets: tuple[Target, ...]
    external_labels: Mapping[str, str]
    runtime: RuntimeInfo


class PrometheusClient:
    """The questions that are asked of one server. Each raises :class:`FetchError` in one line."""

    def __init__(self, url: str, fetcher: Fetcher, timeout_s: float) -> None:
        self._url = url.rstrip("/")
        self._fetcher = fetcher
        self._timeout_s = timeout_s
        self._configuration: tuple[str, Mapping[str, str]] = ("", {})  # as it was last, and its external labels

    async def look(self) -> PrometheusState:
        """Rules with their alerts, targets, external labels, and how the server runs."""
        rules = await self._ask("/api/v1/rules", _Rules)
        targets = await self._ask("/api/v1/targets?state=active", _Targets)
        config = await self._ask("/api/v1/status/config", _Config)
        runtime = await self._ask("/api/v1/status/runtimeinfo", RuntimeInfo)
        if config.yaml != self._configuration[0]:
            self._configuration = (config.yaml, external_labels(config.yaml))
        every = [rule for group in rules.groups for rule in group.rules]
        return PrometheusState(
            rules=tuple(rule for rule in every if rule.type == "alerting"),
            recording=tuple(rule for rule in every if rule.type != "alerting"),
            targets=targets.active_targets,
            external_labels=self._configuration[1],
            runtime=runtime,
        )

    async def _ask(self, path: str, kind: type[T]) -> T:
        body = await self._fetcher.get(self._url + path, self._timeout_s)
        try:
            answer: _Answer[T] = msgspec.json.decode(body, type=_Answer[kind])  # type: ignore[valid-type]  # made at run time
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise FetchError(f"the answer can't be read: {' '.join(str(error).split())[:120]}") from None
        if answer.status != "success" or answer.data is None:
            raise FetchError(answer.error or "the answer has no data")
        return answer.data


def external_labels(text: str) -> dict[str, str]:
    """``global.external_labels`` of a server's configuration, which its API leaves out of alerts."""
    from console.safe_yaml import Limits, YamlError, load

    try:
        data = load(text, "configuration", Limits(size=16_000_000, values=2_000_000)).data
    except YamlError:
        return {}
    section = data.get("global") if isinstance(data, dict) else None
    labels = section.get("external_labels") if isinstance(section, dict) else None
    return {str(name): str(value) for name, value in labels.items()} if isinstance(labels, dict) else {}
