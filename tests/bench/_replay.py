"""What stood on the screen when: a recording fed to the screen model after the measurement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tests.e2e.screen_model import ScreenModel


class Replay:
    """The chunks of a recording, one after the other. ``ignored`` are rectangles ``(left, top, right, bottom)`` that do not
    count: clocks, a stream. Right and bottom are exclusive; negative numbers count from the far edge, 0 there is the edge.
    """

    def __init__(self, size: tuple[int, int], ignored: Iterable[tuple[int, int, int, int]] = ()) -> None:
        self.model = ScreenModel(*size, mute=True)
        columns, lines = size
        masks: list[set[int]] = [set() for _ in range(lines)]
        for left, top, right, bottom in ignored:
            for y in range(top % lines if top < 0 else top, bottom if bottom > 0 else lines + bottom):
                masks[y] |= set(range(left % columns if left < 0 else left, right if right > 0 else columns + right))
        self._watched = [[x for x in range(columns) if x not in mask] for mask in masks]
        self._rows: list[tuple[Any, ...]] = [self._row(y) for y in range(lines)]
        self.model.cells.dirty.clear()

    def _row(self, y: int) -> tuple[Any, ...]:
        row = self.model.cells.buffer[y]
        return tuple([row[x] for x in self._watched[y]])

    def feed(self, data: bytes) -> int:
        """On how many lines *data* changed a cell that counts."""
        cells = self.model.cells
        self.model.feed(data)
        changed = 0
        for y in sorted(cells.dirty):
            if y < len(self._rows):
                row = self._row(y)
                if row != self._rows[y]:
                    self._rows[y] = row
                    changed += 1
        cells.dirty.clear()
        return changed

    def text(self) -> str:
        """The screen now."""
        return self.model.text()


def changes(
    replay: Replay, chunks: Sequence[tuple[float, bytes]], start: float = 0.0
) -> Iterator[tuple[float, int, int]]:
    """``(time, bytes, lines that it changed)`` of every chunk from *start* on; earlier ones are fed as well."""
    for at, data in chunks:
        changed = replay.feed(data)
        if at >= start:
            yield at, len(data), changed


def first_glyph(size: tuple[int, int], chunks: Sequence[tuple[float, bytes]]) -> tuple[float, int]:
    """When the first visible character stood on the screen, and how many bytes had come by then."""
    replay, total = Replay(size), 0
    for at, data in chunks:
        total += len(data)
        replay.feed(data)
        if replay.text().strip():
            return at, total
    raise AssertionError("nothing was drawn")


def settled_after(
    replay: Replay, chunks: Sequence[tuple[float, bytes]], keys: Sequence[float], end: float
) -> list[tuple[float | None, int]]:
    """For each key, pressed at these times: seconds until the last change before the next key (None: there was none), and
    the bytes that came meanwhile. *end* closes the last key's time."""
    found: list[tuple[float | None, int]] = []
    marks = [*keys, end]
    settled: float | None = None
    total, index = 0, -1
    for at, size, changed in changes(replay, chunks):
        while index + 1 < len(marks) and at >= marks[index + 1]:
            if index >= 0:
                found.append((settled, total))
            settled, total, index = None, 0, index + 1
        if 0 <= index < len(keys):
            total += size
            if changed:
                settled = at - keys[index]
    while len(found) < len(keys):
        found.append((settled, total))
        settled, total = None, 0
    return found
