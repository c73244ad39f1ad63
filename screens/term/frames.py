"""What Textual's compositor hands over for display, put into a grid as cells.

This and :mod:`screens.driver` are all that knows how Textual is made inside.
"""

from __future__ import annotations

from rich.color import ColorSystem
from rich.console import Console
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

from screens.term.cells import Grid, cells_of, cut


def take(grid: Grid | None, update: CompositorUpdate, console: Console, *, ascii_only: bool = False) -> Grid | None:
    """*grid* with *update* put into it; another grid when the screen has another size. None before the first whole one."""
    colours = console._color_system or ColorSystem.TRUECOLOR
    if isinstance(update, LayoutUpdate):
        x, y, width, height = update.region
        if grid is None or (grid.width, grid.height) != (x + width, y + height):
            grid = Grid(x + width, y + height)
        for number, strips in enumerate(update.strips, y):
            at = x
            for piece in strips:
                at = _put(grid, number, at, piece, colours, ascii_only)
    elif isinstance(update, ChopsUpdate) and grid is not None:
        for y, left, right in update.spans:
            pieces: dict[int, Strip | None] = dict(update.chops[y])
            for end, (x, strip) in zip(update.chop_ends[y], pieces.items(), strict=False):
                if strip is not None and x <= right and end > left:
                    _put(grid, y, x, strip if end <= right else strip.crop(0, right - x), colours, ascii_only)
    return grid


def _put(grid: Grid, y: int, x: int, strip: Strip, colours: ColorSystem, ascii_only: bool) -> int:
    """*strip* from (*x*, *y*) on; where it ends. Every segment gets the cells that Textual counts for it."""
    for segment in strip:
        text, style, control = segment
        if control:
            continue
        width = segment.cell_length
        cells = cells_of(text, ascii_only=ascii_only)
        if len(cells) != width:
            cells = cut(cells, width)
        look = "" if style is None else style._make_ansi_codes(colours)
        grid.put(y, x, cells, look)
        x += width
    return x
