"""Choosing by words: the command palette, the themes, the incidents. All in the one line at the bottom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from screens import actions
from screens.asks import Ask, Choice
from screens.performs import Performs
from screens.widgets.text import Span

if TYPE_CHECKING:
    from console.journal.store import Journal, StreamInfo
    from screens.desk import Desk


def matching(words: str, choices: Sequence[Choice]) -> list[Choice]:
    """The choices that hold every one of *words*; those whose name begins with them first."""
    wanted = words.casefold().split()
    scored: list[tuple[int, int, Choice]] = []
    for place, choice in enumerate(choices):
        name = _text(choice.words).casefold()
        everything = f"{name} {_text(choice.about).casefold()} {choice.key.casefold()}"
        if all(word in everything for word in wanted):
            first = wanted[0] if wanted else ""
            score = 0 if name.startswith(first) else (1 if first in name else 2)
            scored.append((score, place, choice))
    return [choice for _, _, choice in sorted(scored, key=lambda item: item[:2])]


def _text(words: str | tuple[Span, ...]) -> str:
    return words if isinstance(words, str) else "".join(text for text, _ in words)


def commands(owners: Sequence[Performs], situation: actions.Situation, desk: Desk) -> Ask:
    """``:`` – every action that could be meant here, with its key, or why it is off."""
    found: dict[str, tuple[actions.Action, Performs]] = {}
    for owner in owners:
        for action in actions.of(owner.where):
            if owner.where not in ("list", "pages") and action.id not in ("app.palette", "app.back", "app.clear"):
                found.setdefault(action.id, (action, owner))
    choices = []
    for action, _ in found.values():
        off = action.off(situation)
        key = actions.key_words(action.keys[0], desk.look.ascii_only) if action.keys else ""
        words: tuple[Span, ...] = ((f"{key:<7}", "accent"), (f"{action.words:<22}", "faint" if off else "title"))
        choices.append(Choice(action.id, words, ((off or action.about, "degraded" if off else "dim"),)))

    async def submit(action_id: str) -> None:
        action, owner = found[action_id]
        desk.ask(None)
        await owner.perform(action)

    return Ask(
        id="palette",
        label=":",
        submit=submit,
        choices=lambda text: matching(text, choices),
        hint="type words of what you want; arrows choose, Enter does it, esc leaves",
    )


def themes(desk: Desk) -> Ask:
    """The themes, shown as they are chosen."""
    from screens.theming import load_look, remember, titles

    before = desk.look
    choices = [Choice(name, title, about) for name, title, about in titles()]

    def show(name: str) -> None:
        desk.set_look(load_look(name, desk.look.ascii_only))

    def submit(name: str) -> str | None:
        look = load_look(name, desk.look.ascii_only)
        desk.set_look(look)
        problem = remember(look)
        desk.say(problem or f"theme: {look.theme.title}", "error" if problem else "notice")
        return None

    return Ask(
        id="theme",
        label="theme>",
        submit=submit,
        chosen=show,
        left=lambda: desk.set_look(before),
        choices=lambda text: matching(text, choices),
        hint="arrows choose, Enter takes it and keeps it, esc leaves all as it was",
    )


def ask_incident(desk: Desk, then: Callable[[str], None] | None = None) -> None:
    """Choose the current incident among the newest; *then* gets the stream instead."""

    def read(journal: Journal) -> list[tuple[StreamInfo, str]]:
        from console.incident.fold import IncidentFold
        from console.journal.folds import fold_stream

        result = []
        for info in journal.incidents()[:50]:
            state = fold_stream(journal, info.stream, IncidentFold())
            result.append((info, f"{state.severity or '-'}  {state.status}  {state.title}"))
        return result

    def show(found: list[tuple[StreamInfo, str]]) -> None:
        if not found:
            desk.say("there is no incident yet: D declares one")
            return
        choices = [Choice(info.stream, f"{info.alias:<8}", about) for info, about in found]
        desk.ask(
            Ask(
                id="incident",
                label="incident>",
                submit=then or desk.choose,
                choices=lambda text: matching(text, choices),
                hint="arrows choose, Enter takes it, esc leaves",
            )
        )

    desk.read(read, show, key="incidents")
