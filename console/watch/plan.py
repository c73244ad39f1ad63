"""All that a configuration says to watch, ready to run: checks, sentinels of our own link, maintenance windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from console.config import Config, ConfigError
from console.safe_yaml import load_file
from console.watch.checks import Check, CheckError, checks_of
from console.watch.maintenance import Window, window_of
from console.watch.probing import Place


@dataclass(frozen=True)
class Plan:
    """What a watch runs by. *sentinels* are keys of checks: when all of them fail, it is our own link that is down."""

    checks: tuple[Check, ...]
    sentinels: frozenset[str] = frozenset()
    windows: tuple[Window, ...] = ()
    place: Place = field(default_factory=Place)


def plan_of(config: Config, source: Path | None, beats: Path | None = None) -> Plan:
    """What *config* (read from *source*) says; *beats* is the folder of heartbeats.

    Raises ``ConfigError``: file:line, key, what was expected.
    """
    checks = checks_of(config, source)
    try:
        return Plan(
            checks=checks,
            sentinels=_sentinels(config.sentinels, checks),
            windows=_windows(config, checks),
            place=Place(base=None if source is None else source.absolute().parent, beats=beats),
        )
    except CheckError as error:
        line = "" if source is None else f"{source}:{load_file(source).line(error.where)}: "
        raise ConfigError(f"{line}{error}") from None


def _sentinels(names: Sequence[str], checks: Sequence[Check]) -> frozenset[str]:
    found: set[str] = set()
    for position, name in enumerate(names):
        meant = {check.key for check in checks if name in (check.key, check.service)}
        if not meant:
            raise CheckError(("sentinels", position), f"no service or service/check with a check is named {name!r}")
        found |= meant
    return frozenset(found)


def _windows(config: Config, checks: Sequence[Check]) -> tuple[Window, ...]:
    known = {check.service for check in checks} | {check.key for check in checks}
    zone = config.zone()
    found: list[Window] = []
    for position, one in enumerate(config.maintenance):
        if not one.name or any(one.name == window.name for window in found):
            raise CheckError(("maintenance", position, "name"), f"expected a name of its own, got {one.name!r}")
        for at, name in enumerate(one.services):
            if name not in known:
                raise CheckError(("maintenance", position, "services", at), f"no service or check is named {name!r}")
        try:
            found.append(window_of(one, zone))
        except ValueError as error:
            key, message = error.args
            raise CheckError(("maintenance", position, key), message) from None
    return tuple(found)
