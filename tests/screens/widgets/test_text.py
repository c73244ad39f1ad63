"""Text in cells: exactly as wide as asked for, and harmless."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from console.sanitize import is_clean
from screens.look import Look
from screens.widgets.text import clean, fit, join, strip, width_of, wrap

LOOKS = [Look(), Look(ascii_only=True)]
any_text = st.text(alphabet=st.characters(codec=None), max_size=60)  # surrogates, controls and all


@given(any_text, st.integers(0, 50), st.sampled_from(LOOKS), st.sampled_from(["left", "right"]))
def test_fit_is_exactly_as_wide_as_asked(text: str, width: int, look: Look, align: str) -> None:
    spans = fit(text, width, look, align=align)
    assert sum(cell_len(part) for part, _ in spans) == width


@given(st.lists(st.tuples(any_text, st.sampled_from(["text", "down", ""])), max_size=5), st.integers(1, 40))
def test_spans_fit_too(spans: list[tuple[str, str]], width: int) -> None:
    assert sum(cell_len(part) for part, _ in fit(tuple(spans), width, LOOKS[0])) == width


@given(any_text, st.sampled_from(LOOKS))
def test_what_is_drawn_has_no_power(text: str, look: Look) -> None:
    shown = clean(text, look)
    assert is_clean(shown) and "\n" not in shown and "\t" not in shown
    assert look is LOOKS[0] or shown.isascii()


@given(any_text, st.integers(4, 40), st.sampled_from(LOOKS))
def test_wrap_keeps_lines_short_and_drops_no_letter(text: str, width: int, look: Look) -> None:
    lines = wrap(text, width, look)
    assert all(cell_len(line) <= width for line in lines)
    if text.isascii() and text.isprintable():
        assert "".join("".join(lines).split()) == "".join(text.split())


def test_markup_is_literal() -> None:
    text = "[@click=app.quit]x [/etc] [bold]"
    drawn = strip(fit(text, 40, LOOKS[0]), LOOKS[0])
    assert drawn.text.rstrip() == text
    assert all(segment.style is None or not segment.style.meta for segment in drawn)


def test_a_long_line_costs_little() -> None:
    assert width_of("x" * 1_000_000, LOOKS[0]) < 3000
    assert "".join(text for text, _ in fit("x" * 1_000_000, 10, LOOKS[0])) == "xxxxxxxxx…"


def test_wide_characters_are_cut_whole() -> None:
    assert "".join(text for text, _ in fit("日本語です", 6, LOOKS[0])) == "日本 …"
    assert "".join(text for text, _ in fit("日本", 4, LOOKS[1])) == "????"


def test_join_leaves_out_what_is_empty() -> None:
    assert join(["a", "", (("b", "down"),)]) == (("a", ""), ("  ", ""), ("b", "down"))
