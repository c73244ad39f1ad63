"""The console's side of the catalog: many files by a process of their own, and a cache that can't be kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.runbook import stocking
from screens.errands import RunbookFor
from screens.runbook_shelf import Shelf, Stock


@pytest.fixture
def shelf(home: Path) -> Iterator[Shelf]:
    made = Shelf()
    yield made
    made.close()


@pytest.fixture
def books(tmp_path: Path) -> Path:
    folder = tmp_path / "books"
    folder.mkdir()
    for number in range(60):
        (folder / f"Pump{number}Stopped.md").write_text(f"# Pump {number} stopped\n\n## Steps\n\n1. Restart it\n")
    return folder


async def read_all(shelf: Shelf, stock: Stock) -> Stock:
    deadline = time.monotonic() + 60
    while stock.missing:
        assert time.monotonic() < deadline, stock
        await asyncio.sleep(0.05)
        stock = await shelf.more()
    return stock


async def test_many_files_are_read_by_a_process_and_only_once(shelf: Shelf, books: Path, home: Path) -> None:
    stock = await shelf.load([books])
    assert stock.missing >= 60 - stocking.FEW and stock.files > 60  # not read in this process
    stock = await read_all(shelf, stock)
    assert stock.count >= 60
    found = await shelf.find("pump 17", RunbookFor(name="Pump17Stopped"))
    assert found.cards[0].title == "Pump 17 stopped" and "named after" in found.reason(found.cards[0])
    again = Shelf()
    try:
        assert (await again.load([books])).missing == 0
    finally:
        again.close()


async def test_without_a_place_for_it_everything_works_all_the_same(
    shelf: Shelf, books: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stocking, "place", lambda: None)
    assert (await read_all(shelf, await shelf.load([books]))).count >= 60
    assert (await shelf.find("pump 3", None)).cards


async def test_a_damaged_cache_is_replaced_while_it_is_used(shelf: Shelf, books: Path, home: Path) -> None:
    await read_all(shelf, await shelf.load([books]))
    path = stocking.place()
    assert path is not None
    path.write_bytes(b"\x00" * path.stat().st_size)
    found = await shelf.find("pump", None)  # the error is met here, and nobody hears of it
    stock = await read_all(shelf, await shelf.more())
    assert stock.count >= 60 and (await shelf.find("pump", None)).cards
    assert found.words in ("", "pump")
