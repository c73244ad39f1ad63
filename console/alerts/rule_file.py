"""Rule files of Prometheus, read and compiled: what is wrong, or outside what is evaluated here, is one line with its place.

Both forms are read: ``groups:`` as Prometheus wants it, and a bare list of rules as runbooks quote them. Format:
https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from console.alerts.promql import OutsideSubset, Query, compile_query
from console.alerts.templates import Template, TemplateError, compile_template
from console.safe_yaml import Limits, Loaded, Where, YamlError, load_file

_LIMITS: Final = Limits(size=8_000_000)
_GROUP_KEYS: Final = frozenset(
    ("name", "interval", "rules", "limit", "query_offset", "labels", "partial_response_strategy")
)
_RULE_KEYS: Final = frozenset(("alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations"))
_LABEL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_METRIC: Final = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
_DURATION: Final = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?")
_UNITS_MS: Final = (31_536_000_000, 604_800_000, 86_400_000, 3_600_000, 60_000, 1000, 1)


class RuleError(Exception):
    """A rule file that can't be used. ``str()`` is one line: ``file:line: key: what was expected``."""


@dataclass(frozen=True, eq=False)
class Rule:
    """One rule, equal to itself alone. Durations in milliseconds.

    *name* is the alert's, or that of the metric which a recording rule makes.
    """

    name: str
    records: bool
    query: Query
    hold_ms: int
    keep_firing_ms: int
    labels: Mapping[str, Template]
    annotations: Mapping[str, Template]
    source: str
    line: int

    @property
    def place(self) -> str:
        """``file:line``."""
        return f"{self.source}:{self.line}"


@dataclass(frozen=True)
class Group:
    """Rules that are evaluated in order, at the same moment. *interval_ms* 0: the default."""

    name: str
    interval_ms: int
    rules: tuple[Rule, ...]
    source: str


def read_rules(path: Path) -> tuple[Group, ...]:
    """The groups of *path*. Raises :class:`RuleError`."""
    try:
        loaded = load_file(path, _LIMITS)
    except YamlError as error:
        raise RuleError(str(error)) from None
    except OSError as error:
        raise RuleError(f"{path}: {error.strerror or error}") from None
    data = loaded.data
    if isinstance(data, list):
        return (_group(loaded, {"name": path.stem, "rules": data}, ()),)
    if not isinstance(data, dict) or not isinstance(data.get("groups"), list):
        raise _wrong(loaded, (), "groups: expected a list of groups, each with a name and rules")
    _known(loaded, data, (), frozenset(("groups",)))
    groups = tuple(_group(loaded, group, ("groups", at)) for at, group in enumerate(data["groups"]))
    seen: set[str] = set()
    for at, group in enumerate(groups):
        if group.name in seen:
            raise _wrong(loaded, ("groups", at, "name"), f"name: the group {group.name!r} stands here twice")
        seen.add(group.name)
    return groups


def milliseconds(text: object) -> int:
    """A duration as Prometheus writes it: ``5m``, ``1h30m``, ``0``. Raises ``ValueError``."""
    written = str(text)
    if written == "0":
        return 0
    match = _DURATION.fullmatch(written)
    if not written or match is None:
        raise ValueError(f"expected a duration such as 30s, 5m or 1h30m, got {written!r}")
    return sum(int(count or 0) * unit for count, unit in zip(match.groups(), _UNITS_MS, strict=True))


def _wrong(loaded: Loaded, where: Where, message: str) -> RuleError:
    return RuleError(str(loaded.error(where, message)))


def _known(loaded: Loaded, data: dict[str, Any], where: Where, known: frozenset[str]) -> None:
    for key in data:
        if key not in known:
            raise _wrong(loaded, (*where, key), f"{key}: not a key here; there are {', '.join(sorted(known))}")


def _duration(loaded: Loaded, data: dict[str, Any], key: str, where: Where) -> int:
    try:
        return milliseconds(data.get(key, 0) if data.get(key) is not None else 0)
    except ValueError as error:
        raise _wrong(loaded, (*where, key), f"{key}: {error}") from None


def _group(loaded: Loaded, data: Any, where: Where) -> Group:
    rules_at: Where = (*where, "rules") if where else ()
    if not isinstance(data, dict) or not isinstance(data.get("name"), str) or not data["name"]:
        raise _wrong(loaded, where, "name: expected a group with a name")
    _known(loaded, data, where, _GROUP_KEYS)
    rules = data.get("rules")
    if rules is None:
        rules = []
    if not isinstance(rules, list):
        raise _wrong(loaded, rules_at, "rules: expected a list of rules")
    common = _templates(loaded, data, "labels", where)
    return Group(
        name=data["name"],
        interval_ms=_duration(loaded, data, "interval", where),
        rules=tuple(_rule(loaded, rule, (*rules_at, at), common) for at, rule in enumerate(rules)),
        source=loaded.source,
    )


def _rule(loaded: Loaded, data: Any, where: Where, common: Mapping[str, Template]) -> Rule:
    if not isinstance(data, dict):
        raise _wrong(loaded, where, "expected a rule: alert or record, and expr")
    _known(loaded, data, where, _RULE_KEYS)
    kinds = [key for key in ("alert", "record") if isinstance(data.get(key), str) and data[key]]
    if len(kinds) != 1:
        raise _wrong(loaded, where, "expected one of alert and record, with a name")
    records = kinds == ["record"]
    name = data[kinds[0]]
    if records and not _METRIC.fullmatch(name):
        raise _wrong(loaded, (*where, "record"), f"record: expected the name of a metric, got {name!r}")
    for key in ("for", "keep_firing_for", "annotations"):
        if records and key in data:
            raise _wrong(loaded, (*where, key), f"{key}: is for alerts, and this rule records")
    expr = data.get("expr")
    if isinstance(expr, bool) or not isinstance(expr, str | int | float) or str(expr).strip() == "":
        raise _wrong(loaded, (*where, "expr"), "expr: expected an expression")
    try:
        query = compile_query(str(expr))
    except OutsideSubset as error:
        raise _wrong(loaded, (*where, "expr"), f"expr: {error}") from None
    return Rule(
        name=name,
        records=records,
        query=query,
        hold_ms=_duration(loaded, data, "for", where),
        keep_firing_ms=_duration(loaded, data, "keep_firing_for", where),
        labels={**common, **_templates(loaded, data, "labels", where)},
        annotations=_templates(loaded, data, "annotations", where),
        source=loaded.source,
        line=loaded.line(where),
    )


def _templates(loaded: Loaded, data: dict[str, Any], key: str, where: Where) -> dict[str, Template]:
    texts = data.get(key)
    if texts is None:
        return {}
    if not isinstance(texts, dict):
        raise _wrong(loaded, (*where, key), f"{key}: expected names with texts")
    found = {}
    for name, text in texts.items():
        place: Where = (*where, key, name)
        if not _LABEL.fullmatch(str(name)) or (key == "labels" and name == "__name__"):
            raise _wrong(loaded, place, f"{key}.{name}: expected a name of letters, digits and _")
        if isinstance(text, dict | list) or text is None:
            raise _wrong(loaded, place, f"{key}.{name}: expected a text")
        written = str(text).lower() if isinstance(text, bool) else str(text)
        try:
            found[str(name)] = compile_template(written)
        except TemplateError as error:
            raise _wrong(loaded, place, f"{key}.{name}: {error}") from None
    return found
