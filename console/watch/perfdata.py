"""What Nagios plugins print: text, and performance data behind a ``|``.

https://www.monitoring-plugins.org/doc/guidelines.html#AEN197: ``'label'=value[UOM];[warn];[crit];[min];[max]``, in the
first line and, after a second ``|``, in the last ones.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

_FIGURE: Final = re.compile(
    r"(?<!\S)(?:'((?:[^']|'')*)'|([^\s'=|]+))=(?:([-+]?[0-9.,]+(?:[eE][-+]?\d+)?)([^\s;0-9]*)|U)(?:;\S*)?(?=\s|$)"
)
_MOST: Final = 200  # figures


class PerfFigure(Struct, frozen=True):
    """A figure and its unit as the plugin writes it: ``s``, ``ms``, ``%``, ``B``, ``KB``, ``c``."""

    value: float
    unit: str


def split(output: str) -> tuple[str, str]:
    """``(text, performance data)`` of a plugin's output."""
    first, _, rest = output.partition("\n")
    text, _, measured = first.partition("|")
    long_text, _, more = rest.partition("|")
    return "\n".join((text.rstrip(), long_text)).strip(), f"{measured} {more}"


def figures(measured: str) -> Mapping[str, PerfFigure]:
    """The figures by label. What is unknown (``U``) or can't be read is left out."""
    found: dict[str, PerfFigure] = {}
    for match in _FIGURE.finditer(measured):
        quoted, bare, number, unit = match.groups()
        if number is None or len(found) >= _MOST:
            continue
        try:
            value = float(number.replace(",", "."))
        except ValueError:
            continue
        if math.isfinite(value):
            found[quoted.replace("''", "'") if quoted is not None else bare] = PerfFigure(value, unit or "")
    return found
