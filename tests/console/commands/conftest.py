"""``vigie`` for tests of commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.console.commands.calling import Vigie


@pytest.fixture
def vigie(database: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Vigie:
    """Calls ``vigie`` on this test's database."""
    return Vigie(database, capsys, monkeypatch)
