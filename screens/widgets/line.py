"""A few lines of text that are repainted only where they changed."""

from __future__ import annotations

from collections.abc import Callable

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from screens.look import Look
from screens.widgets.text import Span, Words, fit, strip, width_of


class Lines(Widget, inherit_bindings=False):
    """*height* lines, each with words on the left and on the right; the left gives way when they meet."""

    DEFAULT_CSS = "Lines { width: 1fr; height: 1; }"

    def __init__(self, look: Callable[[], Look], *, height: int = 1, tone: str = "text", id: str | None = None) -> None:
        super().__init__(id=id)
        self._look = look
        self._tone = tone
        self._words: list[tuple[Words, Words]] = [((), ())] * height
        self._spans: list[list[Span] | None] = [None] * height
        self.styles.height = height

    def put(self, left: Words, right: Words = (), line: int = 0) -> None:
        """Show these words; nothing is drawn when they are what is shown."""
        if self._words[line] == (left, right):
            return
        self._words[line] = (left, right)
        old = self._spans[line]
        if old is None or not self.size.width:
            self.refresh()
            return
        new = self._fit(line)
        changed = _difference(old, new)
        if changed is None:
            return
        self._spans[line] = new
        self.refresh(Region(changed[0], line, changed[1] - changed[0], 1))

    def words(self, line: int = 0) -> str:
        """What a line says, left and right, as plain text."""
        left, right = self._words[line]
        return "  ".join(
            part for part in ("".join(t for t, _ in w) if not isinstance(w, str) else w for w in (left, right)) if part
        )

    def redraw(self) -> None:
        """Draw everything again (the look changed)."""
        self._spans = [None] * len(self._spans)
        self.refresh()

    def _fit(self, line: int) -> list[Span]:
        left, right = self._words[line]
        look = self._look()
        width = self.size.width
        tail = min(width_of(right, look), width)
        gap = 1 if tail and width > tail else 0
        spans = fit(left, width - tail - gap, look, self._tone)
        if gap:
            spans.append((" ", self._tone))
        if tail:
            spans += fit(right, tail, look, self._tone)
        return spans

    def render_line(self, y: int) -> Strip:
        if y >= len(self._words):
            return Strip.blank(self.size.width, self._look().style(self._tone))
        spans = self._fit(y)
        self._spans[y] = spans
        return strip(spans, self._look())


def _difference(old: list[Span], new: list[Span]) -> tuple[int, int] | None:
    """The cells ``[start, end)`` in which two lines of the same width differ; None when they don't."""
    from rich.cells import cell_len

    if old == new:
        return None
    before = [(char, token) for text, token in old for char in text]
    after = [(char, token) for text, token in new for char in text]
    start = 0
    shortest = min(len(before), len(after))
    while start < shortest and before[start] == after[start]:
        start += 1
    end = 0
    while end < shortest - start and before[-1 - end] == after[-1 - end]:
        end += 1
    first = cell_len("".join(char for char, _ in after[:start]))
    last = cell_len("".join(char for char, _ in after[: len(after) - end]))
    return first, max(last, first + 1)
