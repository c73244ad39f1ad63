"""Fixtures of the end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.site import Site, site


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Site]:
    """A quiet site: one check that is fine."""
    with site(tmp_path / "site") as made:
        yield made
