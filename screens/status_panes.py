"""The list of the status screen, and the detail of what is under its cursor: beside it or in its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from textual.app import ComposeResult
from textual.widget import Widget

from screens import status_detail
from screens.desk import Desk
from screens.status_entries import Entry
from screens.widgets.pages import Pages
from screens.widgets.table import Table

SIDE_FROM: Final = 120  # columns from which on the detail stands beside the list


class Panes(Widget, inherit_bindings=False):
    """*table* is the list; *entry* gives what is under its cursor or lies open."""

    DEFAULT_CSS = """
    Panes { width: 100%; height: 1fr; layout: horizontal; }
    Panes > Table { width: 1fr; }
    Panes > #detail { width: 100%; }
    Panes.-side > #detail { width: 40%; margin-left: 2; }
    """

    def __init__(self, desk: Desk, table: Table, entry: Callable[[], Entry | None]) -> None:
        super().__init__()
        self.desk = desk
        self.table = table
        self.pages = Pages(desk, id="detail")
        self.pages.display = False
        self.open: str = ""  # key of the entry whose detail lies open, over everything
        self._entry = entry
        self._beside = False  # whether the detail is wanted beside the list
        self._history: status_detail.History | None = None

    def compose(self) -> ComposeResult:
        yield self.table
        yield self.pages

    @property
    def width(self) -> int:
        """Of both. Before they have their size: they will be as wide as the screen, and what is painted first is to stay."""
        return self.size.width or self.app.size.width

    @property
    def side(self) -> bool:
        """Whether the detail stands beside the list, or would if it did not lie open."""
        return self._beside and self.width >= SIDE_FROM

    @property
    def list_width(self) -> int:
        """Columns for the list."""
        return self.width - (self.width * 2 // 5 + 2 if self.side and not self.open else 0)

    def lay_out(self) -> None:
        """The list, the detail, or both side by side."""
        side = self.side and not self.open
        self.set_class(side, "-side")
        self.table.display = not self.open
        self.pages.display = bool(self.open) or side

    def open_detail(self) -> None:
        """The detail of what is under the cursor: beside the list where there is room, else, or the second time, over all."""
        if self.width >= SIDE_FROM and not self._beside:
            self._beside = True
        else:
            self.open = self.table.key

    def close(self) -> bool:
        """Close the detail that is open; False when there is none."""
        if self.open:
            self.open = ""
        elif self.side:
            self._beside = False
        else:
            return False
        return True

    def moved(self) -> None:
        """The cursor stands on another entry."""
        if self.side and not self.open:
            self.show_detail(top=True)
            self.read_history()

    def refreshed(self) -> None:
        """The entries are newer."""
        if self.open or self.side:
            self.show_detail()
            if status_detail.outdated(self._history, self._entry()):
                self.read_history()

    def show_detail(self, *, top: bool = False) -> None:
        """Write the detail anew."""
        entry = self._entry()
        if entry is None:
            self.pages.show((), top=True)
            return
        width = self.width * 2 // 5 if self.side and not self.open else max(self.width, 40)
        self.pages.show(status_detail.lines(entry, self._history, self.desk, width), top=top)

    def read_history(self) -> None:
        """Read what was kept of the entry, and show it."""
        status_detail.history(self.desk, self._entry(), self._history_came)

    def _history_came(self, history: status_detail.History) -> None:
        self._history = history
        entry = self._entry()
        if entry is not None and entry.key == history.key and (self.open or self.side):
            self.show_detail()
