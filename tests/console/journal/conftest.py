"""A journal in a temporary folder, with a clock that stands still."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.clock import FixedClock
from console.journal.events import Declared, New, Origin
from console.journal.store import Journal

ORIGIN = Origin(program="cli", host="bastion", tty="pts/3", uid=1000)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 3, 10, 13, 27, tzinfo=UTC))


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "data" / "vigie.db"


@pytest.fixture
def opened(db: Path, clock: FixedClock) -> Iterator[Callable[..., Journal]]:
    made: list[Journal] = []

    def make(**how: object) -> Journal:
        journal = Journal.open(db, **({"actor": "ann", "origin": ORIGIN, "clock": clock, "busy_s": 0.2} | how))  # type: ignore[arg-type]
        made.append(journal)
        return journal

    yield make
    for journal in made:
        journal.close()


@pytest.fixture
def journal(opened: Callable[..., Journal]) -> Journal:
    return opened()


@pytest.fixture
def stream(journal: Journal) -> str:
    return journal.declare([New(body=Declared(title="Checkout 5xx", severity="SEV2", services=("api",)))])[0]
