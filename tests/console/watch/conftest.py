"""A clock that stands still, and where the status is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.clock import FixedClock
from tests.console.watch.keeping import START


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(START)


@pytest.fixture
def status(tmp_path: Path) -> Path:
    return tmp_path / "vigie.d" / "status.db"
