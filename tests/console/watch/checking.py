"""Make one check and run it, as the watch would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from console.services import CheckConfig, ServiceConfig, Span
from console.watch.checks import Check, compile_checks
from console.watch.measure import measure
from console.watch.probing import Place, Tools
from console.watch.state import Result

_COMMON = ("degraded_conditions", "recover_when", "fail_threshold")


def check(kind: str, *conditions: str, timeout: float = 5, **options: Any) -> Check:
    """A check of *kind*; no conditions: the kind's own."""
    common = {key: options.pop(key) for key in _COMMON if key in options}
    config = CheckConfig(
        kind=kind, interval=Span(60), timeout=Span(timeout), conditions=conditions or None, options=options, **common
    )
    return compile_checks([ServiceConfig(name="s", checks=(config,))])[0]


async def result(kind: str, *conditions: str, place: Place | None = None, **options: Any) -> Result:
    """What one run of it finds."""
    async with Tools(place=place) as tools:
        return await measure(check(kind, *conditions, **options), tools)


def beside(folder: Path) -> Place:
    """A place in *folder*."""
    return Place(base=folder, beats=folder / "beats")
