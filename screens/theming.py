"""Which theme: the operator's choice, else the configuration's, else what suits the terminal; kept between consoles.

The choice is kept with its styles resolved, so that the first paint reads one small file and no YAML.
"""

from __future__ import annotations

import os
from pathlib import Path

from msgspec.structs import asdict

from screens.look import DEFAULT, FALLBACK, Look, Theme, ThemeError, load_theme, theme_files, theme_for_terminal


def state_file() -> Path:
    """Where the choice is kept (XDG base directories)."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path("~/.local/state").expanduser())
    return Path(base) / "vigie" / "theme.json"


def own_folder() -> Path:
    """Where an operator's own themes are looked for."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path("~/.config").expanduser())
    return Path(base) / "vigie" / "themes"


def first_look(colours: int, ascii_only: bool) -> Look:
    """The look of the first paint for a terminal with *colours* colours. Never fails, reads no YAML for the default."""
    kept = _kept()
    if kept is not None and (kept.ansi or colours > 16):
        return Look(kept, ascii_only=ascii_only)
    return load_look(theme_for_terminal(colours), ascii_only)


def load_look(name: str, ascii_only: bool) -> Look:
    """The look with the theme *name*; the fallback for one that can't be read (:func:`problem_of` says why)."""
    if name == DEFAULT and DEFAULT not in _own():
        return Look(FALLBACK, ascii_only=ascii_only)
    try:
        return Look(load_theme(theme_files(own_folder())[name]), ascii_only=ascii_only)
    except (ThemeError, KeyError):
        return Look(FALLBACK, ascii_only=ascii_only)


def problem_of(name: str) -> str:
    """Why the theme *name* can't be used, in one line; "" when it can."""
    files = theme_files(own_folder())
    if name not in files:
        return f"theme {name}: there is none of that name (known: {', '.join(files)})"
    try:
        load_theme(files[name])
    except ThemeError as error:
        return f"{error}; using {FALLBACK.title}"
    return ""


def titles() -> list[tuple[str, str, str]]:
    """(name, title, what is wrong with it) of every theme."""
    result = []
    for name, path in theme_files(own_folder()).items():
        try:
            result.append((name, load_theme(path).title, ""))
        except ThemeError as error:
            result.append((name, name, str(error)))
    return result


def remember(look: Look) -> str:
    """Keep the choice; "" or why it could not be kept."""
    path = state_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        import json

        fresh.write_text(json.dumps(asdict(look.theme)), encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        return f"{path}: the choice can't be kept ({error.strerror})"
    return ""


def chosen() -> bool:
    """Whether the operator has chosen a theme here."""
    return _kept() is not None


def _own() -> set[str]:
    folder = own_folder()
    return {path.stem for path in folder.glob("*.yaml")} if folder.is_dir() else set()


def _kept() -> Theme | None:
    try:
        text = state_file().read_text(encoding="utf-8")
        import json  # most have chosen none

        fields = json.loads(text)
        return Theme(**fields).check()
    except (OSError, ValueError, TypeError, ThemeError):
        return None
