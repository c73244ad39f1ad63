"""What can be read of a configuration that can't be used: a mistake in it keeps nobody from writing down what happens."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import msgspec

from console.config import Config, ConfigError, check
from console.safe_yaml import Loaded, YamlError, load_file
from console.services import decode_span

_SALVAGED: Final = ("database", "database_mode", "time_zone", "output_cap", "output_total", "output_keep", "severities")
_TOP_LEVEL: Final = re.compile(r"(database|database_mode|time_zone)\s*:\s+(\"[^\"]*\"|'[^']*'|[^#\n]*?)\s*(?:#.*)?")


def salvage(path: Path) -> Config:
    """What a note needs of a file that can't be used: where the record is, the zone, the severities. Never raises.

    Each key counts by itself; where the file is no YAML at all, lines that begin with such a key do.
    """
    try:
        data = load_file(path).data
    except (YamlError, OSError):
        data = _lines_of(path)
    kept: dict[str, Any] = {}
    for key in _SALVAGED:
        if isinstance(data, dict) and key in data:
            try:
                one = msgspec.convert({key: data[key]}, Config, dec_hook=decode_span)
                check(one, Loaded(str(path), data, {}))
            except (msgspec.ValidationError, ConfigError):
                continue
            kept[key] = getattr(one, key)
    return Config(**kept)


def _lines_of(path: Path) -> dict[str, str]:
    try:
        text = path.read_bytes()[:1_000_000].decode("utf-8", "replace")
    except OSError:
        return {}
    found = (_TOP_LEVEL.fullmatch(line) for line in text.splitlines())
    return {match[1]: match[2].strip("\"'") for match in found if match is not None and match[2]}
