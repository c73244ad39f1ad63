"""Copying through the terminal: OSC 52, and inside tmux and screen also past them.

tmux takes OSC 52 itself where ``set-clipboard on`` says so, and hands on what is wrapped for it where ``allow-passthrough``
does; both are written, since one of them is usually off. GNU screen only hands on, in pieces of at most 768 bytes.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.app import App

MOST = 74_994  # characters of base64: what xterm and tmux take at the most
_PIECE = 700


def sequences(text: str, environ: Mapping[str, str] = os.environ) -> list[str]:
    """What is to be written so that the terminal has *text*; nothing when it is too long for any terminal."""
    data = base64.b64encode(text.encode("utf-8", "replace")).decode()
    if len(data) > MOST:
        return []
    plain = f"\x1b]52;c;{data}\x07"
    if environ.get("TMUX"):
        return [plain, f"\x1bPtmux;\x1b{plain}\x1b\\"]
    if environ.get("TERM", "").startswith("screen") and environ.get("STY"):
        pieces = [plain[at : at + _PIECE] for at in range(0, len(plain), _PIECE)]
        return ["".join(f"\x1bP{piece}\x1b\\" for piece in pieces)]
    return [plain]


def copy(app: App[Any], text: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Hand *text* to the terminal's clipboard; whether anything could be written."""
    found = sequences(text, environ)
    app._clipboard = text  # what Textual pastes within the application
    driver = app._driver
    if driver is None or not found:
        return False
    for one in found:
        driver.write(one)
    driver.flush()
    return True
