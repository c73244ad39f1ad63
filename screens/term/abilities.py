"""What a terminal can do beyond the VT100, by its name (``TERM``) and by what it has shown.

A table instead of terminfo: that describes many a terminal that only calls itself ``xterm-256color``, and is missing on
many hosts. What is not known here is not used. Repeating (REP) is believed to nobody: :mod:`screens.driver` tries it.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

# Erasing does not take the background that is set (terminfo: no bce).
_NO_BCE: Final = ("screen", "vt1", "vt2", "ansi", "cygwin", "dumb", "sun")
# ECH, and ICH and DCH: the VT220 and its descendants.
_ECH: Final = (
    *("xterm", "linux", "rxvt", "tmux", "vt2", "vt3", "vt4", "putty", "konsole", "gnome", "vte", "kitty", "alacritty"),
    *("foot", "st", "wezterm", "iterm", "mlterm", "contour", "ghostty", "mosh"),
)


class Abilities(Struct, frozen=True):
    """``bce``: erased cells take the background that is set. ``ech``: CSI X erases characters. ``ich``: CSI @ and P insert
    and delete them. ``rep``: CSI b repeats the last one. ``lf``: a line feed reaches the terminal as it is, so the cursor
    keeps its column."""

    bce: bool = True
    ech: bool = True
    ich: bool = True
    rep: bool = False
    lf: bool = False


def of_term(term: str) -> Abilities:
    """What a terminal of this name can do."""
    return Abilities(
        bce=not term.startswith(_NO_BCE), ech=term.startswith(_ECH), ich=term.startswith((*_ECH, "screen"))
    )
