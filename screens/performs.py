"""How a key becomes a call: whatever owns a context of the registry carries out its actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from screens import actions

if TYPE_CHECKING:
    from screens.desk import Desk


class Performs:
    """Carries out the actions of the context ``where``: ``perform("status.ack")`` calls ``do_ack``."""

    desk: Desk
    where: ClassVar[str]

    def situation(self) -> actions.Situation:
        """What decides which actions are off; a room adds its selection."""
        return self.desk.situation()

    async def perform(self, action: actions.Action, situation: actions.Situation | None = None) -> None:
        """Run *action*; one that is off is answered with its reason."""
        reason = action.off(situation if situation is not None else self.situation())
        if reason:
            self.desk.say(f"{action.words}: {reason}")
            return
        result = getattr(self, f"do_{action.name}")()
        if result is not None:
            await result
