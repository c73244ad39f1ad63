"""Another terminal than the tests' own: what tmux shows is the same under our driver and under Textual's.

tmux keeps the screens and draws them on the tests' terminal in its own way. (Its ``capture-pane`` would leave out blanks
that were erased, with their background.)
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.screens.term.twins import Twins, make_database, walk
from tests.tools.servers import MISSING

SEEDS: Final = int(os.environ.get("VIGIE_TWIN_SEEDS", "3"))


@pytest.fixture
def twins(home: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Twins]:
    if shutil.which("tmux") is None:
        pytest.skip(f"{MISSING}tmux (Debian package tmux)")
    term, size = request.param
    made = Twins(make_database(tmp_path / "one" / "vigie.db"), size, tmux=term)
    try:
        for each in made.both:
            each.wait_for("DOWN 50")
            each.wait_for("INC-1")
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("twins", [("tmux-256color", (120, 40)), ("screen", (80, 24))], indirect=True, ids=str)
def test_in_tmux_it_shows_the_same(twins: Twins) -> None:
    walk(twins, 0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, SEEDS))
@pytest.mark.parametrize(
    "twins",
    [("tmux-256color", (200, 60)), ("tmux-256color", (80, 24)), ("screen-256color", (120, 40))],
    indirect=True,
    ids=str,
)
def test_many_walks_in_tmux_show_the_same(twins: Twins, seed: int) -> None:
    walk(twins, seed)
