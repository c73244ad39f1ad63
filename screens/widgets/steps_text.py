"""A text that lives: lines made elsewhere, only changed ones drawn, a scroll that stays, and word of what was painted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual import events
from textual.geometry import Region
from textual.strip import Strip

from screens.widgets.pages import Pages
from screens.widgets.text import Words, bands, fit, strip

if TYPE_CHECKING:
    from screens.desk import Desk


class TextPane(Pages, inherit_bindings=False):
    """Lines of words. With ``follow`` it stays at the end, as long as nobody scrolls up.

    :meth:`await_paint` names lines that matter (a command): *seen* is called once all of them have been painted, in frames
    that were not held back; those of a command longer than the screen as one scrolls through it.
    """

    DEFAULT_CSS = "TextPane { width: 100%; height: 1fr; }"

    def __init__(self, desk: Desk, *, follow: bool = False, tone: str = "text", id: str | None = None) -> None:
        super().__init__(desk, id=id)
        self.follow = follow
        self._tone = tone
        self._drawn: dict[int, Words] = {}  # screen line -> what is painted there
        self._watched: range = range(0)
        self._unpainted: set[int] = set()
        self._seen: Callable[[], None] | None = None
        self._moved_up = False

    # ── what is asked from outside ──────────────────────────────────────────────────────────────────────────────

    def show(self, lines: Sequence[Words], *, top: bool = False) -> None:
        """Show *lines*, from the first one with *top*; only what changed is drawn."""
        self._lines = lines
        if top:
            self._top = 0
            self._moved_up = False
        if self.follow and not self._moved_up:
            self._top = len(lines)
        self._top = self._clip(self._top)
        self._refresh_changed()

    def await_paint(self, lines: range, seen: Callable[[], None]) -> None:
        """Call *seen* when all of *lines* are on the screen. The lines are drawn again for it."""
        self._watched = lines
        self._seen = seen
        self._unpainted = set(lines)
        if self.holds(lines):
            self.refresh(Region(0, lines.start - self._top, max(self.size.width, 1), max(len(lines), 1)))

    def await_nothing(self) -> None:
        """Nothing matters any more."""
        self._watched, self._seen, self._unpainted = range(0), None, set()

    @property
    def awaited(self) -> range:
        """The lines that matter; an empty range for none."""
        return self._watched

    @property
    def seen_all(self) -> bool:
        """Whether every line that matters was painted."""
        return bool(self._watched) and not self._unpainted

    def holds(self, lines: range) -> bool:
        """Whether all of *lines* lie in the window."""
        return self._top <= lines.start and lines.stop <= self._top + self.size.height

    def reveal(self, lines: range) -> None:
        """Scroll so that *lines* are in the window, as far as they fit; the first one at any rate."""
        if self.holds(lines) or not self.size.height:
            return
        top = lines.start if len(lines) >= self.size.height else max(lines.stop - self.size.height, 0)
        self._scroll(top)

    @property
    def lines(self) -> Sequence[Words]:
        """What is shown."""
        return self._lines

    @property
    def place(self) -> str:
        """``18-36/112``; "" when everything is in sight."""
        return super().place if len(self._lines) > self.size.height else ""

    @property
    def hidden_below(self) -> int:
        """How many lines lie below the window; none before it has its place."""
        height = self.size.height
        return max(len(self._lines) - self._top - height, 0) if height else 0

    def redraw(self) -> None:
        """Draw everything again: the look changed."""
        self._drawn.clear()
        self._unpainted = set(self._watched)
        self.refresh()

    def scroll_to_line(self, line: int) -> None:
        """Put *line* at the top, as far as there is text behind it."""
        self._scroll(line)

    def _scroll(self, top: int) -> None:
        top = self._clip(top)
        self._moved_up = top < self._clip(len(self._lines))
        if top != self._top:
            self._top = top
            self._refresh_changed()

    # ── drawing ─────────────────────────────────────────────────────────────────────────────────────────────────

    def on_resize(self, event: events.Resize) -> None:
        self._drawn.clear()
        if self.follow and not self._moved_up:
            self._top = len(self._lines)
        self._top = self._clip(self._top)
        self._unpainted = set(self._watched)

    def _refresh_changed(self) -> None:
        height, width = self.size.height, self.size.width
        if not height or not width:
            return
        changed = [y for y in range(height) if self._drawn.get(y) != self._at(self._top + y)]
        if changed:
            self.refresh(*bands(changed, width))

    def _at(self, index: int) -> Words:
        return self._lines[index] if index < len(self._lines) else ""

    def render_line(self, y: int) -> Strip:
        index = self._top + y
        words = self._at(index)
        self._drawn[y] = words
        look = self.desk.look
        if index in self._unpainted:
            self._painted(index)
        return strip(fit(words, self.size.width, look, self._tone), look)

    def _painted(self, index: int) -> None:
        if self.app._batch_count:  # this frame is held back: paint the line again in one that is written
            self.call_later(self.refresh)
            return
        self._unpainted.discard(index)
        if not self._unpainted and self._seen is not None:
            # The frame is written when the painting returns, so what is called later comes behind it.
            self.call_later(self._tell, self._seen)

    def _tell(self, seen: Callable[[], None]) -> None:
        if seen is self._seen and not self._unpainted:
            seen()
