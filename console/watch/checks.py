"""Checks, ready to run: the configuration of services with everything validated, defaulted and built."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from console.config import Config, ConfigError
from console.fingerprint import fingerprint
from console.safe_yaml import load_file
from console.sanitize import one_line
from console.services import CheckConfig, ServiceConfig, decode_span
from console.watch.conditions import Condition, ConditionError, parse
from console.watch.probes import probe_kinds, probe_module
from console.watch.probing import Probe
from console.watch.state import Policy

Where = tuple[str | int, ...]
_RETRY_S: Final = 5.0
_TIMEOUT_S: Final = 5.0
_SHORTEST_S: Final = 0.1


class CheckError(ValueError):
    """A check that can't be run. ``where`` is its place in the configuration: ``("services", 0, "checks", 1, "url")``."""

    def __init__(self, where: Where, message: str) -> None:
        super().__init__(f"{place(where)}: {message}")
        self.where = where
        self.message = message


def place(where: Where) -> str:
    """``services[0].checks[1].url``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in where)
    return text.removeprefix(".")


@dataclass(frozen=True)
class Check:
    """One check. ``key`` (``service/name``) is unique; ``fingerprint`` is that of its alert's labels."""

    key: str
    service: str
    name: str
    kind: str
    policy: Policy
    probe: Probe
    conditions: tuple[Condition, ...]
    degraded_conditions: tuple[Condition, ...]
    recover_when: tuple[Condition, ...]
    alertname: str
    severity: str
    runbook: str
    labels: Mapping[str, str]
    fingerprint: str
    parents: tuple[str, ...]
    info: bool = False
    remote: bool = False  # it needs our own link
    question: str = ""  # changes when the check asks something else


def checks_of(config: Config, source: Path | None) -> tuple[Check, ...]:
    """What *config* (read from *source*) says to watch. Raises ``ConfigError``: file:line, key, what was expected."""
    try:
        return compile_checks(config.watched())
    except CheckError as error:
        if source is None or not config.services:
            raise ConfigError(str(error)) from None
        line = load_file(source).line(error.where)
        raise ConfigError(f"{source}:{line}: {error}") from None


def compile_checks(services: Sequence[ServiceConfig]) -> tuple[Check, ...]:
    """Every check of *services*. Raises :class:`CheckError` for the first thing that is wrong."""
    names = _unique([service.name for service in services], ("services",), forbidden="/")
    found: list[Check] = []
    for position, service in enumerate(services):
        where: Where = ("services", position)
        for at, parent in enumerate(service.parents):
            if parent not in names or parent == service.name:
                raise CheckError((*where, "parents", at), f"expected the name of another service, got {parent!r}")
        _unique([check.name or check.kind for check in service.checks], (*where, "checks"))
        for at, check in enumerate(service.checks):
            found.append(_compile(service, check, (*where, "checks", at)))
    _no_circle(services)
    return tuple(found)


def _no_circle(services: Sequence[ServiceConfig]) -> None:
    """Services that need each other would keep each other's alerts back for ever."""
    parents = {service.name: service.parents for service in services}
    for position, service in enumerate(services):
        seen: set[str] = set()
        waiting = list(service.parents)
        while waiting:
            name = waiting.pop()
            if name == service.name:
                raise CheckError(("services", position, "parents"), f"{name!r} comes to need itself by these")
            if name not in seen:
                seen.add(name)
                waiting += parents[name]


def _unique(names: Sequence[str], where: Where, forbidden: str = "\n") -> frozenset[str]:
    seen: set[str] = set()
    for position, name in enumerate(names):
        if not name or name != one_line(name) or forbidden in name:
            without = f" without {forbidden}" if forbidden != "\n" else ""
            raise CheckError((*where, position, "name"), f"expected a name on one line{without}, got {name!r}")
        if name in seen:
            raise CheckError((*where, position, "name"), f"the name {name!r} stands here twice")
        seen.add(name)
    return frozenset(seen)


def _compile(service: ServiceConfig, config: CheckConfig, where: Where) -> Check:
    try:
        kind = probe_module(config.kind)
    except LookupError:
        known = ", ".join(probe_kinds())
        raise CheckError((*where, "kind"), f"expected one of {known}, got {config.kind!r}") from None
    name = config.name or config.kind
    key = f"{service.name}/{name}"
    conditions = kind.CONDITIONS if config.conditions is None else config.conditions
    must = _conditions(conditions, kind.PLACEHOLDERS, (*where, "conditions"))
    should = _conditions(config.degraded_conditions, kind.PLACEHOLDERS, (*where, "degraded_conditions"))
    recover = _conditions(config.recover_when, kind.PLACEHOLDERS, (*where, "recover_when"))
    wanted = frozenset[str]().union(*(one.placeholders for one in (*must, *should, *recover)))
    probe = kind.Probe(_options(kind.Options, config.options, where), wanted)
    labels = {**service.labels, **config.labels}
    alertname = config.alert or key
    identity = {**labels, "alertname": alertname, "service": service.name, "check": name}
    return Check(
        key=key,
        service=service.name,
        name=name,
        kind=config.kind,
        policy=_policy(config, where),
        probe=probe,
        conditions=must,
        degraded_conditions=should,
        recover_when=recover,
        alertname=alertname,
        severity=config.severity,
        runbook=config.runbook or service.runbook,
        labels=identity,
        fingerprint=fingerprint(identity),
        parents=service.parents,
        info=config.info,
        remote=is_remote(probe.host) if config.remote is None else config.remote,
        question=_question(config, conditions),
    )


def is_remote(host: str) -> bool:
    """Whether a probe against *host* leaves this machine ("" does not)."""
    from ipaddress import ip_address

    name = host.strip("[]").lower()
    if not name or name == "localhost" or name.endswith(".localhost"):
        return False
    try:
        return not ip_address(name).is_loopback
    except ValueError:
        return not name.startswith("/")


def _question(config: CheckConfig, conditions: Sequence[str]) -> str:
    asked = (config.kind, dict(config.options), conditions, config.degraded_conditions, config.recover_when)
    return hashlib.sha256(msgspec.json.encode(asked, order="deterministic")).hexdigest()[:12]


def _policy(config: CheckConfig, where: Where) -> Policy:
    interval = float(config.interval)
    if interval < _SHORTEST_S:
        raise CheckError((*where, "interval"), f"expected at least {_SHORTEST_S:g}s")
    timeout = min(_TIMEOUT_S, 0.8 * interval) if config.timeout is None else float(config.timeout)
    if not 0 < timeout < interval:
        raise CheckError((*where, "timeout"), f"expected more than 0s and less than the interval of {interval:g}s")
    retry = min(_RETRY_S, interval) if config.retry_interval is None else float(config.retry_interval)
    if not _SHORTEST_S <= retry <= interval:
        raise CheckError((*where, "retry_interval"), f"expected from {_SHORTEST_S:g}s to the interval of {interval:g}s")
    for field in ("fail_threshold", "recover_threshold"):
        if getattr(config, field) < 1:
            raise CheckError((*where, field), "expected 1 or more")
    return Policy(
        interval=interval,
        timeout=timeout,
        retry_interval=retry,
        fail_threshold=config.fail_threshold,
        recover_threshold=config.recover_threshold,
        hold=float(config.hold),
    )


def _conditions(texts: Sequence[str], known: frozenset[str], where: Where) -> tuple[Condition, ...]:
    found = []
    for position, text in enumerate(texts):
        try:
            condition = parse(text)
        except ConditionError as error:
            raise CheckError((*where, position), str(error)) from None
        for name in sorted(condition.placeholders - known):
            have = " ".join(f"[{one}]" for one in sorted(known))
            raise CheckError((*where, position), f"[{name}] is not measured here; this kind has {have}")
        found.append(condition)
    return tuple(found)


def _options(expected: type[Any], options: Mapping[str, Any], where: Where) -> Any:
    for key in options:
        if key not in expected.__struct_encode_fields__:
            known = ", ".join(expected.__struct_encode_fields__)
            raise CheckError((*where, key), f"not a key of this kind of check, which has {known} and the common ones")
    try:
        return msgspec.convert(dict(options), expected, dec_hook=decode_span)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$.")
        found = path.rstrip("`").partition("[")[0].partition(".")[0]
        raise CheckError((*where, *([found] if found else [])), message[:1].lower() + message[1:]) from None
