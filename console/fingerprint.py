"""The identity of an alert: Alertmanager's fingerprint of a label set (prometheus/common, model/signature.go)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_OFFSET: Final = 0xCBF29CE484222325  # FNV-1a, 64 bits
_PRIME: Final = 0x100000001B3
_MASK: Final = 0xFFFFFFFFFFFFFFFF


def fingerprint(labels: Mapping[str, str]) -> str:
    """FNV-1a 64 over the labels sorted by name, ``name 0xFF value 0xFF`` each, as 16 lower-case hex digits."""
    total = _OFFSET
    for name in sorted(labels):
        for part in (name, labels[name]):
            for byte in part.encode("utf-8", "surrogatepass") + b"\xff":
                total = ((total ^ byte) * _PRIME) & _MASK
    return f"{total:016x}"
