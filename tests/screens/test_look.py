"""Themes: all shipped ones hold, a bad one gives one line, a terminal without Unicode gets none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.color import Color
from rich.style import Style

from screens import glyphs, theming
from screens.look import FALLBACK, TOKENS, Look, Theme, ThemeError, load_theme, theme_files, theme_for_terminal
from screens.opening import colours

NAMES = ["ansi", "colour-blind", "dark", "high-contrast", "light", "mono"]


def test_the_themes_of_the_design_ship() -> None:
    assert sorted(theme_files()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_theme_is_whole(name: str) -> None:
    theme = load_theme(theme_files()[name])
    assert set(theme.styles) == set(TOKENS)
    Look(theme)


def test_the_fallback_is_the_dark_theme() -> None:
    dark = load_theme(theme_files()["dark"])
    assert dark == FALLBACK


def _luminance(colour: Color) -> float:
    parts = [part / 255 for part in colour.get_truecolor()]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("name", ["dark", "light", "high-contrast", "colour-blind"])
def test_text_can_be_read(name: str) -> None:
    """Contrast by WCAG 2: 4.5:1 for what must be read, 3:1 for what stands back; 7:1 where it is promised."""
    theme = load_theme(theme_files()[name])
    paper = Style.parse(f"{theme.foreground} on {theme.background}")
    for token, words in theme.styles.items():
        if token in ("cursor", "caret"):
            continue
        style = paper + Style.parse(words)
        assert style.color is not None and style.bgcolor is not None
        pair = sorted((_luminance(style.color), _luminance(style.bgcolor)))
        contrast = (pair[1] + 0.05) / (pair[0] + 0.05)
        least = (6.3 if token in ("down", "error") else 7.0) if name == "high-contrast" else 4.5
        assert contrast >= (2.8 if token == "faint" and name != "high-contrast" else least), f"{token}: {contrast:.1f}"


@pytest.mark.parametrize("name", ["ansi", "mono"])
def test_a_terminal_theme_names_no_colour_of_its_own(name: str) -> None:
    theme = load_theme(theme_files()[name])
    assert theme.ansi and theme.background == "default"
    for words in theme.styles.values():
        style = Style.parse(words)
        for colour in (style.color, style.bgcolor):
            assert colour is None or colour.is_default or (name == "ansi" and (colour.number or 0) < 16)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title: X\nstyles: {text: '#zzz'}\n", "not a style: '#zzz'"),
        ("title: X\nstyles: {}\n", "no style for 'text'"),
        ("title: [\n", "bad.yaml:"),
        ("- a\n", "expected a mapping"),
        ("colour: red\n", "no such key: 'colour'"),
        ("title: X\ndark: sometimes\n", "bad.yaml:2: dark: expected a bool"),
    ],
)
def test_a_bad_theme_is_one_line_and_the_fallback(
    text: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "vigie" / "themes"
    folder.mkdir(parents=True)
    (folder / "bad.yaml").write_text(text)
    with pytest.raises(ThemeError, match=r"bad\.yaml") as error:
        load_theme(folder / "bad.yaml")
    assert says in str(error.value) and "\n" not in str(error.value)
    assert theming.load_look("bad", False).theme == FALLBACK
    assert says in theming.problem_of("bad")
    assert {name: problem for name, _, problem in theming.titles()}["bad"]


def test_a_choice_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert theming.first_look(1 << 24, False).theme.name == "dark"
    light = theming.load_look("light", False)
    assert theming.remember(light) == ""
    assert theming.first_look(1 << 24, False).theme == light.theme
    assert theming.first_look(16, False).theme.name == "ansi"  # what was chosen can't be shown there
    (tmp_path / "vigie" / "theme.json").write_text("{broken")
    assert theming.first_look(256, False).theme.name == "dark"


@pytest.mark.parametrize(("number", "name"), [(0, "mono"), (16, "ansi"), (256, "dark"), (1 << 24, "dark")])
def test_what_a_terminal_gets_unasked(number: int, name: str) -> None:
    assert theme_for_terminal(number) == name


@pytest.mark.parametrize(
    ("environ", "number"),
    [
        ({"TERM": "linux"}, 16),
        ({"TERM": "xterm-256color"}, 256),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, 1 << 24),
        ({"TERM": "xterm-256color", "TEXTUAL_COLOR_SYSTEM": "standard"}, 16),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, 0),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, 256),
    ],
)
def test_how_many_colours(environ: dict[str, str], number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TERM", "COLORTERM", "TEXTUAL_COLOR_SYSTEM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert colours() == number


@pytest.mark.parametrize(
    ("environ", "ascii_only"),
    [
        ({"LANG": "C"}, True),
        ({}, True),
        ({"LANG": "en_GB.UTF-8"}, False),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "C"}, True),
        ({"LC_CTYPE": "C.utf8"}, False),
        ({"LANG": "en_GB.UTF-8", "TERM": "linux"}, True),
        ({"LANG": "en_GB.UTF-8", "VIGIE_ASCII": "1"}, True),
        ({"TERM": "linux", "VIGIE_ASCII": "0"}, False),
    ],
)
def test_who_is_spared_unicode(environ: dict[str, str], ascii_only: bool) -> None:
    assert glyphs.wants_ascii(environ) is ascii_only


@given(st.text())
def test_plain_text_is_ascii_and_keeps_its_width(text: str) -> None:
    shown = glyphs.plain(text)
    assert shown.isascii()
    if not any(ord(char) in glyphs._PLAIN for char in text):
        assert cell_len(shown) == sum(cell_len(char) for char in text) or not text.isprintable()


def test_every_sign_has_both_forms() -> None:
    assert set(glyphs.ASCII) == set(glyphs.UNICODE)
    assert all(sign.isascii() for sign in glyphs.ASCII.values())
    for letter, name in glyphs.STATES.values():
        assert name in TOKENS and len(letter) == 1
        assert cell_len(glyphs.UNICODE[name]) == cell_len(glyphs.ASCII[name]) == 1


def test_states_differ_without_colour() -> None:
    shown = {(letter, glyphs.ASCII[name]) for state, (letter, name) in glyphs.STATES.items() if state != "STALE"}
    assert len(shown) == len(glyphs.STATES) - 1


def test_a_theme_without_a_token_says_which() -> None:
    with pytest.raises(ThemeError, match="no style for 'down'"):
        Theme(
            name="x", title="X", styles={key: value for key, value in FALLBACK.styles.items() if key != "down"}
        ).check()
