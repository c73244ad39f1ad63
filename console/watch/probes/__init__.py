"""The kinds of checks: each file here is one, and its name is the kind. What such a file holds: console.watch.probing."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType


def probe_kinds() -> tuple[str, ...]:
    """Every kind, in alphabetical order."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def probe_module(kind: str) -> ModuleType:
    """The file of *kind*. Raises ``LookupError`` for a kind that is not here."""
    if kind not in probe_kinds():
        raise LookupError(kind)
    return importlib.import_module(f"{__name__}.{kind}")
