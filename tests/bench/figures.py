"""What a benchmark hands back: one figure, and what it was measured against in the same run.

Every module in ``tests/bench`` (its name not starting with an underscore) exposes ``bench() -> Iterable[Figure]``;
``python -m tests.bench [NAME…]`` runs them and prints a table.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number.

    ``ratio`` is ours divided by the *peer*'s, measured in the same run (1.0 = equal, lower is better for times and
    bytes); ``None`` with an empty ``peer`` where nothing comparable exists.
    """

    name: str  # "first paint, 80×24"
    value: float
    unit: str  # "ms", "bytes", "%", "/s"
    ratio: float | None = None
    peer: str = ""  # "minimal Textual app 182 ms", "htop", "raw sqlite3 insert"
    goal: str = ""  # "goal 0.6×: hit"

    def row(self) -> tuple[str, str, str]:
        """The figure as table cells: name, value with unit, ratio with peer."""
        against = "" if self.ratio is None else f"{self.ratio:.2f}× {self.peer}"
        if self.goal:
            against = f"{against}   {self.goal}".strip()
        return (
            self.name,
            f"{self.value:,.4g} {self.unit}" if self.value < 1000 else f"{self.value:,.0f} {self.unit}",
            against,
        )
