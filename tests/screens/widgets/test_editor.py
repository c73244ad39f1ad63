"""The line editor: what is typed is there, the place is in it, nothing hostile gets in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from console.sanitize import is_clean
from screens.widgets.editor import EDITING, LONGEST, LineEditor

keys = st.one_of(
    st.sampled_from(sorted(EDITING)).map(lambda key: (key, None)),
    st.characters(codec="utf-8").map(lambda char: (char, char)),
)


@given(st.text(max_size=20), st.lists(keys, max_size=30))
def test_the_place_stays_in_the_line(text: str, pressed: list[tuple[str, str | None]]) -> None:
    editor = LineEditor(text)
    for key, character in pressed:
        editor.key(key, character)
        assert 0 <= editor.at <= len(editor.text)
        assert is_clean(editor.text)


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "Zs"], codec="utf-8"), max_size=40))
def test_what_is_typed_stands_there(text: str) -> None:
    editor = LineEditor()
    for char in text:
        editor.key(char, char)
    assert editor.text == LineEditor(text).text


def test_editing_keys() -> None:
    editor = LineEditor("restart the feeder")
    editor.key("ctrl+w", None)
    assert editor.text == "restart the "
    editor.key("ctrl+a", None)
    editor.key("alt+d", None)
    assert (editor.text, editor.at) == (" the ", 0)
    editor.key("right", None)
    editor.key("ctrl+k", None)
    assert editor.text == " "
    editor.key("ctrl+u", None)
    assert editor.text == ""
    assert not editor.key("f5", None)


def test_a_paste_is_made_visible_and_kept_whole() -> None:
    editor = LineEditor()
    editor.insert("a\x1b]52;c;aGk=\x07b\nc\u202ed")
    assert editor.text == "a<ESC>]52;c;aGk=<BEL>b\nc<U+202E>d"


def test_a_line_has_an_end() -> None:
    editor = LineEditor()
    editor.insert("x" * (LONGEST + 10))
    editor.key("y", "y")
    assert len(editor.text) == LONGEST
