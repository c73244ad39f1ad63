"""The one line at the bottom in which everything is typed: what an ask is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from msgspec import Struct

from screens.widgets.text import Words

Preview: TypeAlias = Words  # shown under the line while it is typed
Refusal: TypeAlias = str | None  # why a line can't be taken: the line stays open, the reason is shown under it


class Choice(Struct, frozen=True):
    """One of the choices above the line."""

    key: str
    words: Words
    about: Words = ""


class Ask(Struct, frozen=True):
    """A question in the prompt line. Opening another one keeps this one's draft, if it has a ``draft`` key."""

    id: str  # which kind of line this is: "note", "declare", "filter", "ack", …
    label: str  # "n>", "reason>"
    submit: Callable[[str], Refusal | Awaitable[Refusal]]  # Enter; the key of the choice when there are choices
    text: str = ""  # what stands in the line at first, when there is no draft
    at_start: bool = False  # the cursor stands before that text, not behind it
    draft: str = ""  # key under which what is typed is kept
    preview: Callable[[str], Preview] | None = None
    typed: Callable[[str], None] | None = None  # called at every change
    choices: Callable[[str], Sequence[Choice]] | None = None  # for what is typed: shown above the line
    chosen: Callable[[str], None] | None = None  # called with the key of the choice that is marked, when that changes
    left: Callable[[], None] | None = None  # called when it is left without Enter
    hint: Words | Callable[[], Words] = ""  # under the line while nothing is typed
    armed: bool = (
        False  # it runs or destroys something: what is typed before the terminal has shown the question is dropped
    )
    secret: bool = False  # dots instead of the text, never a draft
