"""A frame in portions: each leaves the terminal as it was said to, and together they are the frame."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from screens.term.abilities import Abilities
from screens.term.diff import Pen, paint
from screens.term.portions import LEAST, next_portion, portion_for, unasked
from tests.e2e.screen_model import visible_cells
from tests.screens.term.test_diff import abilities, feed, grid, puts, terminal, whole


@given(puts, puts, puts, abilities, st.integers(1, 120), st.lists(st.integers(0, 9), max_size=3))
@settings(deadline=None, max_examples=60)
def test_portions_are_the_frame_also_when_it_changes_between_them(
    old: Any, new: Any, newer: Any, can: Abilities, limit: int, first: list[int]
) -> None:
    shown, wanted, newest = grid(old), grid(new), grid(new + newer)
    model, pen = terminal(), Pen()
    feed(model, paint(None, shown, pen, can), can)
    for number in range(1, 30):
        text, shown = next_portion(shown, wanted, pen, can, limit, first)
        feed(model, text, can)
        assert visible_cells(model) == visible_cells(whole(shown))
        if number == 2:
            wanted = newest
        if (shown.chars, shown.looks) == (wanted.chars, wanted.looks):
            break
    assert visible_cells(model) == visible_cells(whole(wanted))
    assert next_portion(shown, wanted, pen, can, limit)[0] == ""


def test_what_is_looked_at_comes_first_and_then_what_is_near() -> None:
    shown = grid([(y, 0, f"old {y} {'-' * 20}", "") for y in range(10)])
    wanted = grid([(y, 0, f"{y * 7919} a row of its own {y}", "31") for y in range(10)])
    pen, came = Pen(0, 0, ""), []
    while (shown.chars, shown.looks) != (wanted.chars, wanted.looks):
        before = shown
        text, shown = next_portion(shown, wanted, pen, Abilities(), 60, (1, 7))
        assert len(text) <= 120
        there = [y for y in range(10) if shown.chars[y] == wanted.chars[y] != before.chars[y]]
        came.append(there)
    assert came[0][0] == 1 and [y for part in came[:3] for y in part][:3] in ([1, 7, 6], [1, 6, 7])
    assert sorted(y for part in came for y in part) == list(range(10))


def test_the_size_of_a_portion() -> None:
    assert portion_for(0.3, 5600) == 840  # half of what is on its way
    assert portion_for(0.3, 960) == LEAST == portion_for(0.001, 100_000)
    assert unasked(LEAST) < LEAST
