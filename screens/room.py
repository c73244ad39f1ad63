"""What the five modes share: a room is one widget in the body, with a context in the action registry.

A room draws what its desk gives it and keeps only what is on the screen (which row, which filter). It is built when it
is first visited and stays; ``shown`` and ``hidden`` say when it is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Struct
from textual.message import Message
from textual.widget import Widget

from screens import actions
from screens.performs import Performs

if TYPE_CHECKING:
    from screens.asks import Ask
    from screens.desk import Desk
    from screens.widgets.text import Span, Words


class Mode(Struct, frozen=True):
    """A mode: its digit, its name in the header, and where its room is (imported when first visited)."""

    id: str
    digit: str
    title: str
    room: str  # "module:Class"


MODES = (
    Mode("status", "1", "Status", "screens.status:StatusRoom"),
    Mode("incident", "2", "Incident", "screens.incident:IncidentRoom"),
    Mode("runbook", "3", "Runbook", "screens.runbook:RunbookRoom"),
    Mode("timeline", "4", "Timeline", "screens.timeline:TimelineRoom"),
    Mode("report", "5", "Report", "screens.report:ReportRoom"),
)


class Room(Performs, Widget, inherit_bindings=False):
    """A mode's body. Subclasses set ``where``, their context in the registry, and compose what they show."""

    DEFAULT_CSS = "Room { width: 100%; height: 1fr; layout: vertical; }"
    where: ClassVar[str] = actions.EVERYWHERE
    has_problems: ClassVar[bool] = False  # whether ``p`` leaves something out here

    class Noticed(Message):
        """What the header says of the room has changed by itself."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.placed: Callable[[], None] | None = (
            None  # called when the room has its place on the screen, with all in it
        )

    def on_show(self) -> None:
        if self.placed is not None:
            placed, self.placed = self.placed, None
            placed()

    def is_filled(self) -> bool:
        """Whether there is something here that a key can mean; what is typed waits a moment for it."""
        return True

    def keys_to(self) -> Performs | None:
        """What gets the keys before the room itself: its table, or the text that lies open."""
        return None

    def shown(self) -> None:
        """The room is looked at from now on."""

    def hidden(self) -> None:
        """The room is not looked at any more."""

    def visit(self, message: Any) -> None:
        """Another room sent the operator here with something: ``desk.go("runbook", message)``."""

    def back(self) -> bool:
        """Esc: close the innermost thing that is open. False when there was nothing to close."""
        return False

    def covered(self) -> frozenset[str] | None:
        """While a text lies open: the names of the room's actions that wait behind it. None when none lies open."""
        return None

    def filter_words(self) -> str | None:
        """The filter in force; None when the room has nothing to filter."""
        return None

    def filter_says(self, words: str) -> Words:
        """What stands under the filter line while *words* are typed."""
        return "words that must be there; !word must not; Enter keeps it, esc goes back"

    def set_filter(self, words: str) -> str | None:
        """Show only what matches *words*; called at every key. Returns why they can't be read; then nothing changes."""
        return None

    def toggle_problems(self) -> None:
        """``p``: only what needs somebody, or all again."""
        self.desk.say("problems only: there is nothing to leave out on this screen")

    def declare_ask(self) -> Ask | None:
        """The declare line for what is selected here; None for a blank one."""
        return None

    def header_notice(self) -> tuple[Span, ...]:
        """What the header's third line says of this room: the filter in force, what it hides."""
        return ()

    def place(self) -> str:
        """Where the cursor is, for the header: ``12/4,212``."""
        return ""

    def redraw(self) -> None:
        """Draw everything again: the look changed, or ctrl-L."""
        for child in self.query("*"):
            redraw = getattr(child, "redraw", None)
            if redraw is not None:
                redraw()
