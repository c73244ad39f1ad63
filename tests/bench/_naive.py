"""A console as one would first write it, of Textual's own widgets: a table, a list, header and footer."""

from __future__ import annotations

import random
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Header, OptionList

_SERVICES = 200
_CHANGING = 10


class Checklist(Screen[None]):
    """Thirty steps."""

    BINDINGS: ClassVar[list[BindingType]] = [("1", "app.pop_screen", "Status")]

    def compose(self) -> ComposeResult:
        yield Header(show_clock=True)
        yield OptionList(
            *(f"[ ] following step {number}: look at the backlog of feeder {number}" for number in range(30))
        )
        yield Footer()


class Naive(App[None]):
    """Status of 200 services, ten of which change each second; ``4`` shows the checklist."""

    BINDINGS: ClassVar[list[BindingType]] = [("4", "checklist", "Checklist"), ("q", "quit", "Quit")]

    def compose(self) -> ComposeResult:
        yield Header(show_clock=True)
        with Horizontal():
            yield DataTable(cursor_type="row")
            yield OptionList(*(f"step {number}" for number in range(12)))
        yield Footer()

    def on_mount(self) -> None:
        table = self.query_one(DataTable)
        table.add_columns("state", "service", "detail", "age", "handled")
        for number in range(_SERVICES):
            table.add_row("X D", f"service-{number:03d}/down", "http 503 in 100 ms", "3m", "unacked", key=str(number))
        table.focus()
        chance, count = random.Random(3), 100

        def change() -> None:
            nonlocal count
            count += 1
            columns = list(table.columns)
            for number in chance.sample(range(_SERVICES), _CHANGING):
                table.update_cell(str(number), columns[2], f"http 503 in {count} ms")

        self.set_interval(1.0, change)

    def action_checklist(self) -> None:
        self.push_screen(Checklist())


def main() -> None:
    """What the script calls."""
    Naive().run()
