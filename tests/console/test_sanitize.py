"""Nothing hostile gets through, and what is clean stays as it is."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.sanitize import is_clean, one_line, visible

anything = st.text(st.characters(), max_size=200)  # lone surrogates included


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b]0;x\x07", "<ESC>]0;x<BEL>"),
        ("\x9b31m", "<U+009B>31m"),
        ("rm \u202efdp.exe", "rm <U+202E>fdp.exe"),
        ("a\u200bb\u2060c\ufeffd", "a<U+200B>b<U+2060>c<U+FEFF>d"),
        ("\U000e0041tag", "<U+E0041>tag"),
        ("\ud800", "<U+D800>"),
        ("a\rb", "a<U+000D>b"),
        ("a\r\nb", "a\nb"),
        ("nul\x00del\x7f", "nul<NUL>del<DEL>"),
        ("x\u2028y", "x<U+2028>y"),
    ],
)
def test_hostile_characters_become_marks(hostile: str, shown: str) -> None:
    assert visible(hostile) == shown


@pytest.mark.parametrize(
    "text", ["", "plain", "tab\tand\nnewline", "Déjà vu — 預期 ✗ 🔥 👩‍🚒", "[/] [@click=app.quit]x", "<U+202E>"]
)
def test_clean_text_is_left_alone(text: str) -> None:
    assert visible(text) == text.replace("\u200d", "<U+200D>")
    assert is_clean(visible(text))


@given(anything)
def test_it_is_idempotent_and_leaves_nothing_behind(text: str) -> None:
    once = visible(text)
    assert visible(once) == once
    assert is_clean(once)
    once.encode("utf-8")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", once)
    assert all(unicodedata.category(character) != "Cs" for character in once)


@given(anything, st.integers(min_value=1, max_value=50))
def test_one_line_is_one_line_of_at_most_the_limit(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1
