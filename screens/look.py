"""How things look: a theme's styles by token, and the glyphs of this terminal.

A theme is a flat YAML file in ``themes/`` (or the operator's own folder); see :data:`TOKENS` for what it must name.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct, field
from rich.color import Color, ColorParseError
from rich.errors import StyleSyntaxError
from rich.style import Style

from screens import glyphs

# token -> what it is for. A theme gives every one of them a style in rich's words: "bold #ff6b6b", "reverse", "dim".
TOKENS: Final[Mapping[str, str]] = {
    "text": "ordinary text",
    "dim": "what stands back: ages, labels, hints",
    "faint": "rules, placeholders, what is folded away",
    "title": "names, headings",
    "accent": "the one accent: the mode that is open, keys, the prompt",
    "here": "the mode that is open, the choice that is taken",
    "caret": "the place in the line being typed",
    "cursor": "laid over the row under the cursor",
    "match": "what a filter or search found",
    "down": "DOWN, the worst severity",
    "degraded": "DEGRADED",
    "unknown": "UNKNOWN, stale, a lost source",
    "soft": "not hard yet, or handled",
    "ok": "OK",
    "pending": "no result yet",
    "star": "a key event",
    "code": "commands and their output",
    "notice": "a line that says what happened",
    "error": "a line that says what went wrong",
}

DEFAULT: Final = "dark"
_OVERLAYS: Final = ("cursor",)  # laid over other styles: they bring nothing but what they say

# The fallback must not depend on a file; tests hold that themes/dark.yaml says the same.
_DARK: Final[Mapping[str, str]] = {
    "text": "#c8d0da",
    "dim": "#8794a4",
    "faint": "#556170",
    "title": "bold #e6ebf1",
    "accent": "bold #62b5ff",
    "here": "bold #0f1419 on #62b5ff",
    "caret": "reverse",
    "cursor": "on #223247",
    "match": "bold #0f1419 on #e3b341",
    "down": "bold #ff6b63",
    "degraded": "#e8b450",
    "unknown": "#c29bff",
    "soft": "#7fa0b8",
    "ok": "#63b96f",
    "pending": "#8794a4",
    "star": "#e8b450",
    "code": "#a8d1c8",
    "notice": "#a9c7e8",
    "error": "bold #ff8f87",
}


class ThemeError(Exception):
    """A theme that can't be used; ``str()`` is one line."""


class Theme(Struct, frozen=True):
    """Colours by token. ``ansi`` themes use the terminal's own sixteen colours and background."""

    name: str
    title: str
    dark: bool = True
    ansi: bool = False
    background: str = "#0f1419"
    foreground: str = "#c8d0da"
    styles: Mapping[str, str] = field(default_factory=dict)

    def check(self) -> Theme:
        """Itself, when every token has a style that can be read; raises :class:`ThemeError`."""
        for colour in (self.background, self.foreground):
            try:
                Color.parse(colour)
            except ColorParseError:
                raise ThemeError(
                    f"theme {self.name}: not a colour: {colour!r} (expected e.g. #0f1419, default)"
                ) from None
        for token in TOKENS:
            if token not in self.styles:
                raise ThemeError(f"theme {self.name}: no style for {token!r} ({TOKENS[token]})")
            try:
                Style.parse(self.styles[token])
            except StyleSyntaxError:
                raise ThemeError(
                    f"theme {self.name}: {token}: not a style: {self.styles[token]!r} (expected e.g. 'bold #ff6b6b')"
                ) from None
        unknown = sorted(set(self.styles) - set(TOKENS))
        if unknown:
            raise ThemeError(f"theme {self.name}: no such token: {unknown[0]!r}")
        return self


FALLBACK: Final = Theme(name=DEFAULT, title="Dark", styles=_DARK)


class Look:
    """A theme, ready to draw with. Immutable; a change of theme makes a new one."""

    def __init__(self, theme: Theme = FALLBACK, *, ascii_only: bool = False) -> None:
        self.theme = theme
        self.ascii_only = ascii_only
        self._signs = glyphs.ASCII if ascii_only else glyphs.UNICODE
        paper = Style.parse(f"{theme.foreground} on {theme.background}")
        self.styles: dict[str, Style] = {
            name: (Style() if name in _OVERLAYS else paper) + Style.parse(words) for name, words in theme.styles.items()
        }

    def style(self, token: str) -> Style:
        """The style of *token*; ordinary text for one that this theme does not know (``sev:SEV1`` is tried as is)."""
        found = self.styles.get(token)
        if found is None and token.startswith("sgr:"):
            found = self.styles[token] = self._sgr(token.removeprefix("sgr:"))
        return found or self.styles["text"]

    def _sgr(self, words: str) -> Style:
        """A style that a command's output asks for (:mod:`console.runbook.sgr`); without colours where the theme has none."""
        plain = self.styles["code"]
        if self.theme.name == "mono":
            kept = [
                word for word in words.split() if word in ("bold", "dim", "italic", "underline", "reverse", "strike")
            ]
            return plain + Style.parse(" ".join(kept) or "none")
        return plain + Style.parse(words)

    def sign(self, name: str) -> str:
        """A glyph of :mod:`screens.glyphs` for this terminal."""
        return self._signs[name]

    def words(self, text: str) -> str:
        """*text* as this terminal can show it; hostile characters must already have been made visible."""
        return glyphs.plain(text) if self.ascii_only else text


def load_theme(path: Path) -> Theme:
    """The theme in a YAML file. Raises :class:`ThemeError` with file, line and what was expected."""
    from console.safe_yaml import YamlError, load_file

    try:
        loaded = load_file(path)
    except YamlError as error:
        raise ThemeError(str(error)) from None
    except OSError as error:
        raise ThemeError(f"{path}: {error.strerror}") from None
    data = loaded.data
    if not isinstance(data, dict):
        raise ThemeError(f"{path}:1: expected a mapping with title, background, foreground and styles")
    kinds: dict[str, type] = {
        "title": str,
        "dark": bool,
        "ansi": bool,
        "background": str,
        "foreground": str,
        "styles": dict,
    }
    for key, value in data.items():
        if key not in kinds:
            raise ThemeError(f"{path}:{loaded.line((str(key),))}: no such key: {key!r} (expected {', '.join(kinds)})")
        if not isinstance(value, kinds[key]):
            raise ThemeError(f"{path}:{loaded.line((key,))}: {key}: expected a {kinds[key].__name__}, got {value!r}")
    styles = data.get("styles", {})
    for token, words in styles.items():
        if not isinstance(words, str):
            raise ThemeError(f"{path}:{loaded.line(('styles', str(token)))}: {token}: expected a style, got {words!r}")
    try:
        return Theme(
            name=path.stem,
            title=data.get("title", path.stem),
            dark=data.get("dark", True),
            ansi=data.get("ansi", False),
            background=data.get("background", FALLBACK.background),
            foreground=data.get("foreground", FALLBACK.foreground),
            styles=styles,
        ).check()
    except ThemeError as error:
        raise ThemeError(f"{path}: {error}") from None


def theme_files(own: Path | None = None) -> dict[str, Path]:
    """Theme files by name: the shipped ones, and those in the operator's folder *own*, which win."""
    from importlib.resources import files

    shipped = Path(str(files("themes")))
    found = {path.stem: path for path in sorted(shipped.glob("*.yaml"))}
    if own is not None and own.is_dir():
        found.update({path.stem: path for path in sorted(own.glob("*.yaml"))})
    return found


def theme_for_terminal(colours: int) -> str:
    """The theme for a terminal with *colours* colours when nobody chose one: 0 mono, up to 16 ansi, else the default."""
    if colours <= 1:
        return "mono"
    return "ansi" if colours <= 16 else DEFAULT
