"""A text to read: lines made elsewhere, scrolled by line and page, drawn with the line API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.strip import Strip
from textual.widget import Widget

from screens.performs import Performs
from screens.widgets.text import Words, fit, strip

if TYPE_CHECKING:
    from screens.desk import Desk


class Pages(Performs, Widget, inherit_bindings=False):
    """Lines of words; the place is kept when the lines change."""

    DEFAULT_CSS = "Pages { width: 100%; height: 1fr; }"
    where: ClassVar[str] = "pages"

    def __init__(self, desk: Desk, id: str | None = None) -> None:
        super().__init__(id=id)
        self.desk = desk
        self._lines: Sequence[Words] = ()
        self._top = 0

    def show(self, lines: Sequence[Words], *, top: bool = False) -> None:
        """Show *lines*, from the first one with *top*; nothing is drawn when they are what is shown."""
        if top:
            self._top = 0
        elif self._lines == lines:
            return
        self._lines = lines
        self._top = self._clip(self._top)
        self.refresh()

    @property
    def place(self) -> str:
        """``18-36/112``."""
        return f"{self._top + 1}-{min(self._top + self.size.height, len(self._lines))}/{len(self._lines)}"

    @property
    def at_end(self) -> bool:
        """Whether the last line is on the screen."""
        return self._top >= len(self._lines) - self.size.height

    def redraw(self) -> None:
        """Draw everything again."""
        self.refresh()

    def do_down(self) -> None:
        self._scroll(self._top + 1)

    def do_up(self) -> None:
        self._scroll(self._top - 1)

    def do_page_down(self) -> None:
        self._scroll(self._top + max(self.size.height - 1, 1))

    def do_page_up(self) -> None:
        self._scroll(self._top - max(self.size.height - 1, 1))

    def do_first(self) -> None:
        self._scroll(0)

    def do_last(self) -> None:
        self._scroll(len(self._lines))

    def _scroll(self, top: int) -> None:
        top = self._clip(top)
        if top != self._top:
            self._top = top
            self.refresh()

    def _clip(self, top: int) -> int:
        return min(max(top, 0), max(len(self._lines) - max(self.size.height, 1), 0))

    def on_resize(self, event: events.Resize) -> None:
        self._top = self._clip(self._top)

    def render_line(self, y: int) -> Strip:
        look = self.desk.look
        index = self._top + y
        words: Words = self._lines[index] if index < len(self._lines) else ""
        return strip(fit(words, self.size.width, look), look)
