"""The bytes that a difference makes take a terminal from the old screen to the new one, whatever stands on either."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import pyte
import pytest
import wcwidth
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import get_character_cell_size

from console.sanitize import is_clean
from screens.term.abilities import Abilities
from screens.term.cells import MARK, Grid, are_certain, cells_of, cut, is_certain
from screens.term.diff import Pen, paint
from screens.term.styles import blank, change
from tests.e2e.screen_model import ScreenModel, visible_cells

LOOKS = ("", "1", "2", "7", "4;31", "31", "32;44", "44", "38;5;208", "38;2;1;2;3;48;2;40;50;60", "1;7;33", "97;104")
WORDS = ("abc", "日本", "e\u0301t\u00e9", "─│┌", " ", "   ", "x", "🙂", "ok  ok", "-", "ｆ", "e\u0301")

texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map("".join)
abilities = st.builds(
    Abilities, bce=st.booleans(), ech=st.booleans(), ich=st.booleans(), rep=st.booleans(), lf=st.booleans()
)
puts = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 29), texts, st.sampled_from(LOOKS)), max_size=25)


def grid(what: list[tuple[int, int, str, str]], width: int = 30, height: int = 10) -> Grid:
    result = Grid(width, height)
    for y, x, text, look in what:
        result.put(y, x, cells_of(text), look)
    return result


def terminal(width: int = 30, height: int = 10) -> ScreenModel:
    model = ScreenModel(width, height)
    model.feed(b"\x1b[?7l")
    return model


def whole(wanted: Grid) -> ScreenModel:
    """*wanted* written the plainest way: each cell with a move and its whole style."""
    model = terminal(wanted.width, wanted.height)
    for y in range(wanted.height):
        for x, (char, look) in enumerate(zip(wanted.chars[y], wanted.looks[y], strict=True)):
            if char:
                model.feed(f"\x1b[{y + 1};{x + 1}H\x1b[0;{look or 0}m{char}".encode())
    return model


def feed(model: ScreenModel, text: str, can: Abilities) -> None:
    """*text* as it comes through the tty."""
    model.feed((text if can.lf else text.replace("\n", "\r\n")).encode())


@given(puts, puts, abilities)
@settings(deadline=None, max_examples=100)
def test_the_difference_applied_to_the_old_frame_is_the_new_frame(old: Any, new: Any, can: Abilities) -> None:
    shown, wanted = grid(old), grid(new)
    model, pen = terminal(), Pen()
    feed(model, paint(None, shown, pen, can), can)
    assert visible_cells(model) == visible_cells(whole(shown))
    feed(model, paint(shown, wanted, pen, can), can)
    assert visible_cells(model) == visible_cells(whole(wanted))
    assert paint(wanted, wanted, pen) == ""
    if pen.column is not None:
        assert (model.cells.cursor.y, model.cells.cursor.x) == (pen.row, pen.column)


@given(puts, st.integers(-6, 6), st.integers(0, 4), st.integers(5, 9), puts, abilities)
@settings(deadline=None, max_examples=60)
def test_rows_that_moved(old: Any, by: int, top: int, bottom: int, more: Any, can: Abilities) -> None:
    lines = [(y, 0, f"line {y} of them {'#' * y}", LOOKS[y % 4]) for y in range(10)]
    shown = grid(lines + old[:5])
    wanted = shown.copy()
    for y in range(top, bottom + 1):
        source = y + by
        if top <= source <= bottom:
            wanted.chars[y], wanted.looks[y] = list(shown.chars[source]), list(shown.looks[source])
        else:
            wanted.chars[y], wanted.looks[y] = [" "] * 30, [""] * 30
    for y, x, text, look in more[:3]:
        wanted.put(y, x, cells_of(text), look)
    model, pen = terminal(), Pen()
    feed(model, paint(None, shown, pen, can), can)
    feed(model, paint(shown, wanted, pen, can), can)
    assert visible_cells(model) == visible_cells(whole(wanted))


def line_in(text: str, end: str, paper: str, look: str = "") -> Grid:
    """A row with *text* and something at its right, and a row below it, so that another look is worn in the end."""
    made = Grid(90, 3)
    made.looks[1] = [paper] * 90
    made.put(1, 0, cells_of(text[:80]), look)
    made.put(1, 81, cells_of(end), "31")
    made.put(2, 0, cells_of("below"), "32")
    return made


@pytest.mark.parametrize("end", ["", "12:04 ann"])
@pytest.mark.parametrize("paper", ["", "44", "7"])
@pytest.mark.parametrize("bce", [True, False])
def test_words_are_put_in_and_cut_out(bce: bool, paper: str, end: str) -> None:
    text, can = "the feeder stood still again after the deploy", Abilities(bce=bce)
    short, long = line_in(text, end, paper), line_in(text[:10] + " new words" + text[10:], end, paper)
    for before, after in ((short, long), (long, short)):
        model, pen = terminal(90, 3), Pen()
        feed(model, paint(None, before, pen, can), can)
        sent = paint(before, after, pen, can)
        feed(model, sent, can)
        assert re.search(r"\x1b\[10[@P]", sent) or (not bce and paper)
        assert visible_cells(model) == visible_cells(whole(after))


SENTENCE = "the feeder stood still again after the deploy of half past two, said 日本"


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9), st.sampled_from(LOOKS)), max_size=4),
    st.integers(0, 58),
    st.sampled_from(("", "y", "new words ", "日")),
    st.integers(0, 4),
    st.sampled_from((42, 69, 71)),
    st.sampled_from(("", "44", "7")),
    st.sampled_from(("", "x", "12:04 ann")),
    abilities,
)
@settings(deadline=None, max_examples=200)
def test_a_row_that_moved_sideways(
    painted: Any, at: int, put_in: str, cut_out: int, long: int, paper: str, end: str, can: Abilities
) -> None:
    """Words put in and cut out in the middle of a row, with something at its right that stays, or without."""

    def row(text: str) -> Grid:
        return line_in(text, end, paper, "1" if len(painted) % 2 else "")

    def paint_over(made: Grid, by: int) -> Grid:
        for x, count, look in painted:
            x = max(x + by if x >= at else x, 0)
            made.looks[1][x : x + count] = [look] * count
        return made

    text = SENTENCE[:long]
    shown = paint_over(row(text), 0)
    wanted = paint_over(row(text[:at] + put_in + text[at + cut_out :]), len(cells_of(put_in)) - cut_out)
    for before, after in ((shown, wanted), (wanted, shown)):
        model, pen = terminal(90, 3), Pen()
        feed(model, paint(None, before, pen, can), can)
        feed(model, paint(before, after, pen, can), can)
        assert visible_cells(model) == visible_cells(whole(after))


def test_a_character_typed_into_the_middle_of_a_line_is_a_few_bytes() -> None:
    def line(text: str, caret: int) -> Grid:
        made = grid([(4, 0, text, "")], width=80)
        made.put(4, caret, cells_of(text[caret]), "7")
        return made

    text = "n> " + "the feeder stood still again after the deploy of half past two today, ok"
    typed = text[:30] + "X" + text[30:]
    assert len(paint(line(text, 30), line(typed, 31), Pen(4, 31, ""))) <= 8
    assert len(paint(line(typed, 31), line(text, 30), Pen(4, 31, ""))) <= 8
    assert len(paint(line(text, 30), line(typed, 31), Pen(4, 31, ""), Abilities(ich=False))) > 45


ODD = (
    "👩\u200d💻",
    "❤\ufe0f",
    "⌛",
    "🙂",
    "e\u0489",
    "ｶﾞ",
    "กำ",
    "🇫🇷",
    "\u1100\u1161",
    "𝒳",
    "\ue0b0",
    "☑",
    "ok",
    "  ",
    "日本",
)
odd_puts = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.integers(0, 29),
        st.lists(st.sampled_from(ODD), min_size=1, max_size=4).map("".join),
        st.sampled_from(LOOKS),
    ),
    max_size=12,
)


@pytest.mark.parametrize("another", [0, 1, 2])
@given(odd_puts, odd_puts, abilities)
@settings(deadline=None, max_examples=60)
def test_a_terminal_that_counts_cells_otherwise_is_wrong_only_there(
    another: int, old: Any, new: Any, can: Abilities
) -> None:
    """To this terminal every character that terminals disagree on is *another* cells wide: its neighbours stand."""

    def width(char: str) -> int:
        return another if not is_certain(char, wcwidth.wcwidth(char) == 2) else wcwidth.wcwidth(char)

    shown, wanted = grid(old, height=6), grid(new, height=6)
    model, pen = terminal(height=6), Pen()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pyte.screens, "wcwidth", width)
        for before, after in ((None, shown), (shown, wanted)):
            feed(model, paint(before, after, pen, can), can)
            cells, plain = visible_cells(model), visible_cells(whole_of_certain(after))
            for y in range(after.height):
                for x, char in enumerate(after.chars[y]):
                    wide = x + 1 < after.width and after.chars[y][x + 1] == ""
                    if char and is_certain(char, wide):
                        assert cells[y][x] == plain[y][x], (y, x, after.chars[y])


def whole_of_certain(wanted: Grid) -> ScreenModel:
    """Only what is certain of *wanted*."""
    plain = wanted.copy()
    for row in plain.chars:
        for x, char in enumerate(row):
            wide = x + 1 < wanted.width and row[x + 1] == ""
            if char and not is_certain(char, wide):
                row[x] = " "
                if wide:
                    row[x + 1] = " "
    return whole(plain)


def test_a_list_that_scrolls_by_one_is_scrolled() -> None:
    words = "checkout payments ledger search mail feeder gateway auth cache queue billing".split()
    shown = grid([(y, 0, words[y] * 3, "") for y in range(10)])
    wanted = grid([(y, 0, words[y + 1] * 3, "") for y in range(10)])
    sent = paint(shown, wanted, Pen(0, 0, ""))
    assert "\x1b[M" in sent and len(sent) < 60


def test_between_columns_of_other_looks_nothing_is_sent() -> None:
    shown, wanted = Grid(30, 10), Grid(30, 10)
    for y in range(10):
        wanted.put(y, 3, cells_of(str(y)), "38;5;246")
        wanted.put(y, 4, cells_of("    "), "38;5;246")
        wanted.put(y, 8, cells_of("title"), "38;5;188")
    text = paint(shown, wanted, Pen(0, 0, ""), Abilities(lf=True))
    assert " " not in text and len(text) < 10 * (1 + 2 + 5 + 6) + 2 * 16


def test_one_changed_cell_is_a_few_bytes_and_a_cleared_tail_is_one_sequence() -> None:
    shown = grid([(4, 0, "a line of some thirty letters", "")])
    wanted = shown.copy()
    wanted.put(4, 10, ["X"], "")
    assert len(paint(shown, wanted, Pen(4, 5, ""))) <= 5
    assert paint(shown, grid([(4, 0, "a line", "")]), Pen(4, 7, "")) == "\x1b[K"


@given(st.text(max_size=40))
@settings(deadline=None)
def test_only_harmless_characters_become_cells(text: str) -> None:
    for cell in cells_of(text):
        assert is_clean(cell) and "\n" not in cell and "\t" not in cell
    assert all(cell.isascii() for cell in cells_of(text, ascii_only=True))


def test_hostile_characters_are_marks() -> None:
    assert cells_of("a\x1b[2J\u202e\x9b\u200b\x00") == ["a", MARK, "[", "2", "J", MARK, MARK, MARK, MARK]
    assert cells_of("\x1b日", ascii_only=True) == ["?", "?", "?"]
    assert cells_of("e\u0301\ufe0f") == ["é"]


@given(texts, st.integers(0, 12))
def test_a_cut_leaves_no_half(text: str, width: int) -> None:
    cells = cut(cells_of(text), width)
    assert len(cells) == width
    line = Grid(width, 1)
    line.put(0, 0, cells, "")
    model = terminal(max(width, 1), 1)
    model.feed(paint(None, line, Pen()).encode())
    assert model.cells.cursor.y == 0


@given(st.sampled_from(LOOKS), st.sampled_from(LOOKS))
def test_a_change_of_style_is_complete(old: str, new: str) -> None:
    stepwise, at_once = terminal(4, 1), terminal(4, 1)
    stepwise.feed(f"\x1b[0;{old or 0}m{change(old, new)}x".encode())
    at_once.feed(f"\x1b[0;{new or 0}mx".encode())
    assert visible_cells(stepwise) == visible_cells(at_once)


@pytest.mark.parametrize(("look", "shows"), [("31", ""), ("1;44", "44"), ("7;31", "7;31"), ("38;5;1;48;5;2", "48;5;2")])
def test_what_shows_on_a_blank(look: str, shows: str) -> None:
    assert blank(look) == shows


@given(st.text(max_size=12))
def test_what_is_certain_at_once_is_certain_closely(text: str) -> None:
    cells = cells_of(text)
    if are_certain(cells):
        for x, cell in enumerate(cells):
            assert is_certain(cell, x + 1 < len(cells) and cells[x + 1] == "")


def test_terminals_agree_on_what_is_certain() -> None:
    """Textual's table of widths and that of the C libraries' world say the same of every certain character."""
    for code in (*range(0x20, 0xD800), *range(0xE000, 0x20000)):
        char = chr(code)
        if is_clean(char) and unicodedata.category(char) not in ("Cn", "Co", "Cc"):
            width = get_character_cell_size(char)
            if is_certain(char, width == 2):
                assert width == wcwidth.wcwidth(char), hex(code)
