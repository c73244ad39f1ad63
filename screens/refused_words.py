"""Words that are typed behind a line that was refused: they were meant for it, are no commands, and are dropped."""

from __future__ import annotations

from textual import events
from textual.screen import Screen

from screens import actions
from screens.desk import Desk
from screens.foot import Foot
from screens.typed_ahead import Input, TypedAhead

_WORDS_S = 1.0  # between two keys of words that were meant for a line
_DROPPED = "what is typed after it is dropped"
_HELD = "done in a second if nothing follows"


class RefusedWords:
    """Only keys that follow one another are words: the first one waits in *ahead* until that is known."""

    def __init__(self, screen: Screen[None], desk: Desk, foot: Foot, ahead: TypedAhead) -> None:
        self._screen = screen
        self._desk = desk
        self._foot = foot
        self._ahead = ahead
        self._until = 0.0  # a line was refused: what follows so closely was meant for it
        self._refused = ""  # what was said then
        self._dropping = False  # what follows is words, as has been seen
        # A key behind it, the first of those that wait: of words, or all by itself.
        self._alone: events.Key | None = None

    def begin(self, event: events.Key) -> None:
        """The key *event* was to open a line, and none is open."""
        self._until = event.time + _WORDS_S
        self._refused, self._dropping = self._foot.told, False

    def follow(self, event: Input) -> None:
        """*event* has come: a key that waits to be known for words is not by itself."""
        if self._alone is not None and not isinstance(event, events.CursorPosition):
            self._drop(self._ahead.next())

    def takes(self, event: events.Key) -> bool:
        """Whether a key is of words for a line that was refused: those are no commands, and are dropped. The first one may
        be a key by itself: it waits until that is known, and with it everything behind it."""
        if event.time >= self._until or not (event.is_printable or event.key == "enter"):
            self._until = 0.0
            return False
        if self._dropping or not event.is_printable or self._is_followed(event):
            self._drop(event)
        else:
            self._alone = event
            self._ahead.put_back(event, "silence")
            self._add_to_told(f"{actions.key_words(event.character or event.key)}: {_HELD}")
            self._screen.set_timer(
                _WORDS_S, lambda: self._screen.app.call_later(self._nothing_followed, event)
            )  # behind keys that came
        return True

    def _is_followed(self, event: events.Key) -> bool:
        """Whether another key came closely behind *event*, as far as they are here."""
        typed = (other for other in self._ahead.waiting if not isinstance(other, events.CursorPosition))
        return any(other.time < event.time + _WORDS_S for other in typed)

    def _nothing_followed(self, event: events.Key) -> None:
        if self._alone is event:
            self._alone, self._until = None, 0.0
            self._ahead.has("silence")

    def _drop(self, event: Input) -> None:
        """*event* is of words; what follows closely is, too."""
        self._alone = None
        self._dropping = isinstance(event, events.Key) and event.is_printable
        self._until = event.time + _WORDS_S if self._dropping else 0.0
        if _DROPPED not in self._foot.told:
            self._add_to_told(_DROPPED)
        self._ahead.has("silence")

    def _add_to_told(self, line: str) -> None:
        both = (self._refused, line) if self._refused else (line,)
        told = "; ".join(both)
        # What is new stays in sight.
        self._desk.say(told if len(told) < self._screen.size.width else "; ".join(reversed(both)))
