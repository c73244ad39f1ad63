"""One table for every list: rows by key, windows of any length, and only changed lines are drawn.

The table never is the model: it is given :class:`Rows` (how many, the key and cells of one by its index) and asks only
for what is on the screen, so a million rows cost what eighteen do. The selection is a key: whatever arrives, it stays
on its row, at its place on the screen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from msgspec import Struct
from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from screens.performs import Performs
from screens.widgets.text import Span, Words, bands, fit, strip

if TYPE_CHECKING:
    from screens.desk import Desk

Cells = tuple[Words, ...]


class Rows(Protocol):
    """What a table shows. Keys are unique; ``find`` is None for a key that is gone.

    A row with fewer cells than there are columns gives its last one all the room that is left.
    """

    def __len__(self) -> int: ...

    def key(self, index: int) -> str: ...

    def cells(self, index: int) -> Cells: ...

    def find(self, key: str) -> int | None: ...


class ListRows:
    """Rows over a sequence of keys; *draw* gives the cells of the row at an index."""

    def __init__(self, keys: Sequence[str], draw: Callable[[int], Cells]) -> None:
        self._keys = keys
        self._draw = draw
        self._index: dict[str, int] | None = None

    def __len__(self) -> int:
        return len(self._keys)

    def key(self, index: int) -> str:
        return self._keys[index]

    def cells(self, index: int) -> Cells:
        return self._draw(index)

    def find(self, key: str) -> int | None:
        if self._index is None:
            self._index = {name: index for index, name in enumerate(self._keys)}
        return self._index.get(key)


class Column(Struct, frozen=True):
    """A column. ``width`` cells, or a share of what is left (``flex``), never under ``least``; narrower screens than
    ``from_width`` leave it out."""

    width: int = 0
    flex: int = 0
    least: int = 4
    align: str = "left"
    from_width: int = 0


def fitted(longest: int, least: int, most: int) -> Column:
    """A column as wide as its longest words, within bounds."""
    return Column(width=max(min(longest, most), least))


def widths(columns: Sequence[Column], total: int, gap: int = 1) -> list[int]:
    """The width of each column in *total* cells; 0 for one that is left out."""
    shown = [column for column in columns if total >= column.from_width]
    room = total - gap * max(len(shown) - 1, 0)
    fixed = sum(column.width for column in shown if not column.flex)
    shares = sum(column.flex for column in shown)
    spare = max(room - fixed, 0)
    result: list[int] = []
    used = 0
    flexed = [column for column in shown if column.flex]
    for column in columns:
        if total < column.from_width:
            result.append(0)
        elif not column.flex:
            result.append(column.width)
        elif column is flexed[-1]:
            result.append(max(spare - used, column.least))
        else:
            share = max(spare * column.flex // shares, column.least)
            used += share
            result.append(share)
    return result


_BAR: Final = 20
_EMPTY = ListRows((), lambda index: ())


class Table(Performs, Widget, inherit_bindings=False):
    """A list with a cursor. Column 0 of the screen is the cursor's marker."""

    DEFAULT_CSS = "Table { width: 100%; height: 1fr; }"
    where: ClassVar[str] = "list"

    class Moved(Message):
        """The cursor is on another row; *key* is "" when there is none."""

        def __init__(self, table: Table, key: str) -> None:
            super().__init__()
            self.table = table
            self.key = key

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, Table.Moved) and message.table is self.table

    class Edge(Message):
        """The cursor or the window came near the first (``-1``) or last (``+1``) row that the table was given."""

        def __init__(self, table: Table, way: int) -> None:
            super().__init__()
            self.table = table
            self.way = way

    def __init__(
        self,
        desk: Desk,
        columns: Sequence[Column],
        *,
        empty: Words = "",
        windowed: bool = False,
        bar: bool = True,
        marker: str = "accent",
        id: str | None = None,
    ) -> None:
        """*windowed*: the rows are a window of more, so send :class:`Edge` near its ends. Without *bar* the cursor is its
        sign alone, in the style *marker*: a move then sends a handful of bytes."""
        super().__init__(id=id)
        self.desk = desk
        self.columns = tuple(columns)
        self.empty = empty
        self.windowed = windowed
        self._with_bar = bar
        self._marker = marker
        self._rows: Rows = _EMPTY
        self._at = 0  # index of the cursor's row
        self._key = ""
        self._top = 0  # index of the first row on the screen
        self._drawn: dict[int, tuple[Cells, bool]] = {}  # screen line -> what is painted there
        self._widths: list[int] = []
        self.pinned = True  # nobody has moved the cursor: it stays on the first row, whichever that is

    # ── what is asked from outside ──────────────────────────────────────────────────────────────────────────────

    @property
    def key(self) -> str:
        """The key under the cursor; "" in an empty table."""
        return self._key

    @property
    def index(self) -> int:
        """Where the cursor is, from 0."""
        return self._at

    @property
    def cursor_row(self) -> int | None:
        """The row of the screen that the cursor is in; None while the table has no place there."""
        return self.region.y + self._at - self._top if self.size.height else None

    @property
    def count(self) -> int:
        """How many rows the table was given."""
        return len(self._rows)

    @property
    def at_end(self) -> bool:
        """Whether the cursor is on the last row (or there is none)."""
        return self._at >= len(self._rows) - 1

    @property
    def place(self) -> str:
        """``12/4,212``, for a line elsewhere."""
        return f"{self._at + 1:,}/{len(self._rows):,}" if len(self._rows) else ""

    def show(self, rows: Rows, *, to: str = "") -> None:
        """Show *rows*. The cursor stays on its key, at its line of the screen; where the key is gone, on the row that took
        its place. *to* puts it on another key, or on ``$start`` or ``$end``."""
        line = self._at - self._top
        self._rows = rows
        count = len(rows)
        if to == "$end":
            found: int | None = count - 1
        elif to == "$start":
            found = 0
        elif to:
            found = rows.find(to)
        elif self.pinned:
            found = 0
        else:
            found = rows.find(self._key) if self._key else None
        if found is None:
            found = self._at
        self._at = min(max(found, 0), max(count - 1, 0))
        if to:
            line = max(self.size.height, 1) // 2  # what was looked for stands in the middle
        self._top = self._clip_top(self._at - line)
        self._keep_in_view()
        self._set_key(rows.key(self._at) if count else "")
        self._refresh_changed()

    def go(self, index: int) -> None:
        """Put the cursor on the row at *index*, clipped to what there is."""
        count = len(self._rows)
        if not count:
            return
        old_line, old_top = self._at - self._top, self._top
        self._at = min(max(index, 0), count - 1)
        self._keep_in_view()
        self._set_key(self._rows.key(self._at))
        if self._top != old_top:
            self._refresh_changed()
        else:
            for line in {old_line, self._at - self._top}:
                self._refresh_line(line)
        self._near_edge()

    def shape(self, columns: Sequence[Column]) -> None:
        """Other columns from here on; nothing is drawn when they are the same."""
        if tuple(columns) != self.columns:
            self.columns = tuple(columns)
            self.redraw()

    def redraw(self) -> None:
        """Draw everything again: the look or the columns changed."""
        self._drawn.clear()
        self._widths = []
        self.refresh()

    def changed(self) -> None:
        """The cells may have changed (ages, marks): draw the lines that did."""
        self._refresh_changed()

    # ── keys ────────────────────────────────────────────────────────────────────────────────────────────────────

    def do_down(self) -> None:
        self._move(1)

    def do_up(self) -> None:
        self._move(-1)

    def do_page_down(self) -> None:
        self._page(1)

    def do_page_up(self) -> None:
        self._page(-1)

    def do_first(self) -> None:
        self.pinned = True
        self.go(0)
        self.post_message(self.Edge(self, -2))

    def do_last(self) -> None:
        self.pinned = False
        self.go(len(self._rows) - 1)
        self.post_message(self.Edge(self, 2))

    def _move(self, by: int) -> None:
        self.pinned = False
        self.go(self._at + by)

    def _page(self, way: int) -> None:
        self.pinned = False
        step = max(self.size.height - 1, 1) * way
        self._top = self._clip_top(self._top + step)
        self.go(self._at + step)
        self._refresh_changed()

    # ── drawing ─────────────────────────────────────────────────────────────────────────────────────────────────

    def on_resize(self, event: events.Resize) -> None:
        self._drawn.clear()
        self._widths = []
        top = self._top
        self._top = self._clip_top(self._top)
        self._keep_in_view()
        if self._top != top:
            self.refresh()

    def render_line(self, y: int) -> Strip:
        look = self.desk.look
        width = self.size.width
        index = self._top + y
        if index >= len(self._rows):
            self._drawn.pop(y, None)
            words = self.empty if y == 0 and not len(self._rows) else ""
            return strip(fit(words, width, look, "dim"), look)
        here = index == self._at
        cells = self._rows.cells(index)
        self._drawn[y] = (cells, here)
        spans = self._line(cells, here)
        over = self._overlay() if here else None
        if over is None:
            return strip(spans, look)
        bar = self._bar()
        at = used = 0
        while at < len(spans) and used < bar:
            used += cell_len(spans[at][0])
            at += 1
        return Strip.join((strip(spans[:at], look, over), strip(spans[at:], look)))

    def _bar(self) -> int:
        """Cells from the left that carry the cursor's style: whole columns, :data:`_BAR` at least. A bar across the screen
        would have both rows sent again at every step."""
        end = 1
        for width in self._cell_widths():
            if end >= _BAR:
                break
            end += width + (1 if width and end > 1 else 0)
        return min(end, self.size.width)

    def _cell_widths(self) -> list[int]:
        if not self._widths:
            self._widths = widths(self.columns, self.size.width - 1)
        return self._widths

    def _line(self, cells: Cells, here: bool) -> list[Span]:
        look = self.desk.look
        total = self.size.width - 1
        spans: list[Span] = [(look.sign("cursor") if here else " ", self._marker if here else "text")]
        used = 0
        for place, (column, width, words) in enumerate(zip(self.columns, self._cell_widths(), cells, strict=False), 1):
            if not width or used >= total:
                continue
            if used:
                spans.append((" ", "text"))
                used += 1
            last = place == len(cells) < len(self.columns)
            cells_left = total - used if last else min(width, total - used)
            spans += fit(words, cells_left, look, "text", column.align)
            used += cells_left
        if used < total:
            spans.append((" " * (total - used), "text"))
        return spans

    def _overlay(self) -> Style | None:
        style = self.desk.look.style("cursor") if self._with_bar else None
        return style if style else None

    def _refresh_line(self, line: int) -> None:
        if 0 <= line < self.size.height:
            wide = self._bar() if self._overlay() is not None else 1
            self.refresh(Region(0, line, wide, 1))

    def _refresh_changed(self) -> None:
        if not self.size.height:
            return
        changed: list[int] = []
        count = len(self._rows)
        for line in range(self.size.height):
            index = self._top + line
            now = (self._rows.cells(index), index == self._at) if index < count else None
            if self._drawn.get(line) != now or (now is None and line == 0):
                changed.append(line)
        if changed:
            self.refresh(*bands(changed, self.size.width))

    def _set_key(self, key: str) -> None:
        if key != self._key:
            self._key = key
            self.post_message(self.Moved(self, key))

    def _clip_top(self, top: int) -> int:
        return min(max(top, 0), max(len(self._rows) - max(self.size.height, 1), 0))

    def _keep_in_view(self) -> None:
        height = max(self.size.height, 1)
        if self._at < self._top:
            self._top = self._at
        elif self._at >= self._top + height:
            self._top = self._at - height + 1
        self._top = self._clip_top(self._top)

    def _near_edge(self) -> None:
        if not self.windowed:
            return
        margin = max(self.size.height, 1) * 2
        if self._top < margin:
            self.post_message(self.Edge(self, -1))
        elif self._top + self.size.height > len(self._rows) - margin:
            self.post_message(self.Edge(self, 1))
