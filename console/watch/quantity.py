"""Numbers with a unit, as people write them into conditions and options: ``500ms``, ``10GB``, ``90%``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_QUANTITY: Final = re.compile(
    r"([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)\s*(ms|s|m|h|d|%|B|[kKMGT]i?B)?", re.ASCII
)
_UNITS: Final[Mapping[str | None, float]] = {
    None: 1.0,
    "%": 1.0,
    "B": 1.0,
    "ms": 1.0,
    "s": 1e3,
    "m": 6e4,
    "h": 3.6e6,
    "d": 8.64e7,
    "kB": 1e3,
    "KB": 1e3,
    "MB": 1e6,
    "GB": 1e9,
    "TB": 1e12,
    "kiB": 2.0**10,
    "KiB": 2.0**10,
    "MiB": 2.0**20,
    "GiB": 2.0**30,
    "TiB": 2.0**40,
}


def quantity(text: str) -> float | None:
    """The number that *text* spells, with its unit: milliseconds, bytes, percent, or a bare number. None if it spells none."""
    match = _QUANTITY.fullmatch(text)
    return float(match.group(1)) * _UNITS[match.group(2)] if match else None
