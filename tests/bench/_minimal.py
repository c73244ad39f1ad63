"""The peer of the start-up figures: as little as a Textual application can be."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import Static


class Minimal(App[None]):
    """One Static."""

    def compose(self) -> ComposeResult:
        yield Static("READY")


def main() -> None:
    """What the script calls, as ``vigie``'s calls its own."""
    Minimal().run()
