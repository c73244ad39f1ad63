"""Changed lines as regions."""

from hypothesis import given
from hypothesis import strategies as st
from textual.geometry import Region

from screens.widgets.text import bands


def test_neighbours_are_one_region() -> None:
    assert bands([0, 1, 2, 5, 7, 8], 80) == [Region(0, 0, 80, 3), Region(0, 5, 80, 1), Region(0, 7, 80, 2)]
    assert bands([], 80) == []


@given(st.sets(st.integers(0, 60)))
def test_they_cover_the_lines_and_nothing_else(lines: set[int]) -> None:
    covered = [y for band in bands(sorted(lines), 7) for y in range(band.y, band.bottom)]
    assert covered == sorted(lines)
