"""What an action is: an id, keys, words, where they work, danger, and why it is off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec import Struct

EVERYWHERE: Final = "everywhere"


class Situation(Struct, frozen=True):
    """What decides whether an action is possible now; a room describes itself with it."""

    target: str = ""  # what is selected: "check", "alert", "event", "step", "runbook", …; "" for nothing
    incident: bool = False  # whether there is a current incident
    read_only: bool = False
    known: bool = True  # whether the record could be read: before, no incident is not "no incident"
    facts: frozenset[str] = frozenset()  # anything else a room says of itself: "run", "healthy", "runbook"…


Off = Callable[[Situation], str]


def _always(_: Situation) -> str:
    return ""


def needs(
    *targets: str, incident: bool = False, writes: bool = False, facts: tuple[str, ...] = (), why: str = ""
) -> Off:
    """A reason why not, or "". *targets*: one of these must be selected; *writes*: not in a read-only console."""

    def off(now: Situation) -> str:
        if writes and now.read_only:
            return "this console is read-only"
        if targets and now.target not in targets:
            return why or f"select {' or '.join(_articled(target) for target in targets)} first"
        if incident and not now.incident:
            return "no incident is open: D declares one" if now.known else "the record could not be read yet"
        for fact in facts:
            if fact not in now.facts:
                return why or f"no {fact} here"
        return ""

    return off


def _articled(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


class Action(Struct, frozen=True):
    """One thing that can be done. ``where`` is the context whose keys it belongs to."""

    id: str
    keys: tuple[str, ...]  # as Textual names them: "D", "slash", "ctrl+l"
    words: str  # two or three words: hint line, palette
    about: str  # one sentence: help, docs
    where: str = EVERYWHERE
    hint: int = 0  # place in the hint line, small first; 0 = not there
    short: str = ""  # the word for the hint line, when ``words`` is long
    danger: bool = False
    off: Off = _always

    @property
    def name(self) -> str:
        """The part of the id after the dot: the method is ``do_<name>``."""
        return self.id.rpartition(".")[2]
