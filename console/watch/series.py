"""One figure out of several series: which of them counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct

from console.watch.probing import ProbeError

Take = Literal["only", "max", "min", "sum", "avg"]


class Sample(Struct, frozen=True):
    """One series and its value now."""

    labels: Mapping[str, str]
    value: float


_TAKE: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "sum": math.fsum,
    "avg": lambda values: math.fsum(values) / len(values),
}


def figure(samples: Sequence[Sample], take: Take) -> tuple[float, Mapping[str, str]]:
    """The value, and the labels of the series it is of (none when it is of all). Raises :class:`ProbeError`."""
    if take == "only" and len(samples) > 1:
        raise ProbeError(f"{len(samples)} series, and which one counts is not said (take: max, min, sum or avg)")
    if any(math.isnan(one.value) for one in samples):
        raise ProbeError("the value is not a number (NaN)")
    if take in _TAKE:
        return _TAKE[take]([one.value for one in samples]), {}
    chosen = (min if take == "min" else max)(samples, key=lambda one: one.value)
    return chosen.value, chosen.labels if len(samples) > 1 else {}


def told(value: float, labels: Mapping[str, str], unit: str) -> str:
    """``42.5 %`` and, where one of several was taken, which one."""
    shown = f"{value:.6g}{f' {unit}' if unit else ''}"
    which = ", ".join(f"{name}={text}" for name, text in sorted(labels.items()) if name != "__name__")
    return f"{shown} ({which})" if which else shown
