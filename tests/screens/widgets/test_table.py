"""The table: the cursor keeps its key and its place, only changed lines are drawn, a million rows cost a screenful."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.geometry import Region

from screens import actions
from screens.look import Look
from screens.widgets.table import Cells, Column, ListRows, Table, widths

COLUMNS = (Column(width=4), Column(flex=1), Column(width=6, align="right", from_width=30))


class _Desk:
    """What a table needs of a desk."""

    def __init__(self) -> None:
        self.look = Look()

    def situation(self) -> actions.Situation:
        return actions.Situation()

    def say(self, line: str) -> None:
        raise AssertionError(line)


class _App(App[None]):
    def __init__(self, **fields: Any) -> None:
        super().__init__()
        self.table = Table(_Desk(), COLUMNS, **fields)  # type: ignore[arg-type]  # a desk in miniature

    def compose(self) -> ComposeResult:
        yield self.table


@asynccontextmanager
async def table(height: int = 8, **fields: Any) -> AsyncIterator[tuple[Table, Any]]:
    app = _App(**fields)
    async with app.run_test(size=(40, height)) as pilot:
        yield app.table, pilot


def rows(keys: Sequence[str], detail: str = "") -> ListRows:
    return ListRows(keys, lambda index: (f"{index}", f"{keys[index]} {detail}", "1s"))


async def lines(found: Table, pilot: Any) -> list[str]:
    await pilot.pause()
    return [found.render_line(y).text.rstrip() for y in range(found.size.height)]


async def test_the_cursor_keeps_its_key_when_the_order_changes() -> None:
    async with table() as (found, pilot):
        found.show(rows(["a", "b", "c", "d"]))
        found.do_down()
        found.do_down()
        assert found.key == "c"
        found.show(rows(["d", "c", "x", "a", "b"]))
        assert found.key == "c"
        shown = await lines(found, pilot)
        assert shown[1].startswith("▌1    c")


async def test_the_cursor_keeps_its_line_of_the_screen() -> None:
    async with table(height=4) as (found, pilot):
        keys = [f"k{n:02}" for n in range(20)]
        found.show(rows(keys))
        for _ in range(10):
            found.do_down()
        before = next(y for y, line in enumerate(await lines(found, pilot)) if line.startswith("▌"))
        found.show(rows([f"new{n}" for n in range(5)] + keys))
        after = next(y for y, line in enumerate(await lines(found, pilot)) if line.startswith("▌"))
        assert found.key == "k10"
        assert after == before


async def test_a_row_that_is_gone_leaves_the_cursor_on_its_successor() -> None:
    async with table() as (found, _):
        found.show(rows(["a", "b", "c"]))
        found.do_down()
        found.show(rows(["a", "c"]))
        assert found.key == "c"
        found.show(rows([]))
        assert found.key == ""
        found.do_down()
        found.show(rows(["z"]))
        assert found.key == "z"


async def test_a_cursor_that_nobody_moved_stays_on_the_first_row() -> None:
    async with table() as (found, _):
        found.show(rows(["b", "c"]))
        found.show(rows(["a", "b", "c"]))
        assert found.key == "a"


async def test_only_changed_lines_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    async with table() as (found, pilot):
        keys = ["a", "b", "c", "d"]
        found.show(rows(keys))
        await pilot.pause()
        drawn: list[Region] = []
        refresh = found.refresh
        monkeypatch.setattr(found, "refresh", lambda *regions: (drawn.extend(regions), refresh(*regions))[1])
        found.show(rows(keys))
        found.changed()
        assert drawn == []
        found.show(ListRows(keys, lambda index: ("0" if index == 2 else f"{index}", f"{keys[index]} ", "1s")))
        assert [region.y for region in drawn] == [2]
        drawn.clear()
        found.do_down()
        assert sorted(region.y for region in drawn) == [0, 1]


async def test_a_million_rows_cost_a_screenful() -> None:
    asked: set[int] = set()

    class Many:
        def __len__(self) -> int:
            return 1_000_000

        def key(self, index: int) -> str:
            return f"k{index}"

        def cells(self, index: int) -> Cells:
            asked.add(index)
            return (f"{index}",)

        def find(self, key: str) -> int | None:
            return int(key[1:])

    async with table() as (found, pilot):
        found.show(Many())
        found.do_last()
        assert (await lines(found, pilot))[-1].startswith("▌9")
        assert found.key == "k999999"
        found.do_page_up()
        await pilot.pause()
        assert len(asked) < 100


async def test_a_window_asks_for_more_near_its_edges() -> None:
    edges: list[int] = []

    class Edges(_App):
        def on_table_edge(self, event: Table.Edge) -> None:
            edges.append(event.way)

    app = Edges(windowed=True)
    async with app.run_test(size=(40, 5)) as pilot:
        app.table.show(rows([f"k{n}" for n in range(100)]), to="k50")
        app.table.do_down()
        await pilot.pause()
        assert edges == []
        for _ in range(45):
            app.table.do_down()
        await pilot.pause()
        assert 1 in edges and -1 not in edges
        app.table.do_first()
        await pilot.pause()
        assert -2 in edges


async def test_it_lives_with_any_size() -> None:
    async with table() as (found, pilot):
        found.show(rows([f"k{n}" for n in range(30)]), to="$end")
        for size in ((10, 1), (1, 1), (200, 60), (40, 8)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
        assert found.key == "k29"
        assert (await lines(found, pilot))[-1].startswith("▌29")


@given(
    st.lists(
        st.builds(
            Column,
            width=st.integers(0, 12),
            flex=st.integers(0, 3),
            least=st.integers(1, 5),
            from_width=st.sampled_from([0, 60]),
        ),
        min_size=1,
        max_size=6,
    ),
    st.integers(1, 200),
)
def test_flexible_columns_share_exactly_what_is_left(columns: list[Column], total: int) -> None:
    found = widths(columns, total)
    shown = [column for column in columns if total >= column.from_width]
    assert len(found) == len(columns)
    assert all(width == 0 for width, column in zip(found, columns, strict=True) if column not in shown)
    needed = sum(column.least if column.flex else column.width for column in shown) + len(shown) - 1
    if any(column.flex for column in shown) and total >= needed * 4:
        assert sum(found) + len(shown) - 1 == total
