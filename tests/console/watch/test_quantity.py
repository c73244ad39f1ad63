"""Numbers with a unit."""

from __future__ import annotations

import pytest

from console.watch.quantity import quantity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("500ms", 500),
        ("2s", 2000),
        ("1.5h", 5.4e6),
        ("10GB", 1e10),
        ("1KiB", 1024),
        ("90%", 90),
        ("-3", -3),
        ("x", None),
    ],
)
def test_quantities(text: str, number: float | None) -> None:
    assert quantity(text) == number
