"""``?``: the keys that work here, made from the registry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from textual.app import ComposeResult

from screens import actions
from screens.desk import Desk
from screens.performs import Performs
from screens.room import Room
from screens.widgets.pages import Pages
from screens.widgets.text import Words

_AGAIN_S: Final = 5.0  # what is told of this console is looked at again
_WIDE: Final = 100  # narrower screens do without the names: what a key does is said by the sentence


def help_lines(contexts: Sequence[str], width: int = 80, ascii_only: bool = False) -> list[Words]:
    """The keys of *contexts*, then those of the line being typed, for *width* cells."""
    lines: list[Words] = []
    for where in (*contexts, "prompt"):
        title = actions.CONTEXTS[where][0]
        lines += ["", ((f" {title}", "title"),)] if lines else [((f" {title}", "title"),)]
        for action in actions.of(where):
            keys = " ".join(actions.key_words(key, ascii_only) for key in action.keys) or ":"
            lines.append(
                (
                    (f"   {keys:<14}", "accent"),
                    (f"{action.words:<20}" if width >= _WIDE else "", "text"),
                    (action.about, "dim"),
                )
            )
    lines += [
        "",
        ((" Marks", "title"),),
        (("   D ", "down"), ("down   ", "dim"), ("W ", "degraded"), ("degraded   ", "dim"), ("U ", "unknown"),
         ("unknown or stale: never taken for OK   ", "dim"), ("S ", "soft"), ("not hard yet, or handled   ", "dim"),
         ("K ", "ok"), ("ok", "dim")),
    ]  # fmt: skip
    return lines


class HelpRoom(Room):
    """The help, over the room it is about; esc or ? closes it."""

    where: ClassVar[str] = "help"

    def __init__(self, desk: Desk, contexts: Sequence[str]) -> None:
        super().__init__(desk)
        self._contexts = list(contexts)
        self._pages = Pages(desk)
        self._keys: list[Words] = []

    def compose(self) -> ComposeResult:
        yield self._pages

    def on_mount(self) -> None:
        self._keys = help_lines(self._contexts, self.app.size.width, self.desk.look.ascii_only)
        self.set_interval(_AGAIN_S, self._show)
        self._show()

    def _show(self) -> None:
        lines = list(self._keys)
        if self.desk.deps is not None:
            from screens import vitals

            lines += ["", ((" This console", "title"),), *vitals.words(self.desk.vitals.now())]
        self._pages.show(lines)

    def keys_to(self) -> Performs:
        return self._pages

    def covered(self) -> frozenset[str] | None:
        return frozenset()

    def place(self) -> str:
        return self._pages.place
