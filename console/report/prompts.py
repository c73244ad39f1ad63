"""The questions that only people can answer, and what in the record may help them to."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from console.incident.timeline import Line
from console.journal.events import Noted
from console.report.profile import View
from console.report.record import SEEDS, Record


class Prompt(Struct, frozen=True, kw_only=True):
    """A section to be written by a person. ``tags`` and ``kinds`` name the notes that seed it."""

    key: str
    title: str
    question: str
    tags: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    seeds: tuple[Line, ...] = ()
    more: int = 0  # seeds that stand only in the appendix


PROMPTS: Final = (
    Prompt(
        key="impact",
        title="Impact on people",
        question="Who noticed, how many, and what did it cost them: customers, requests, tickets, money, trust?",
        tags=("impact",),
    ),
    Prompt(
        key="detection",
        title="Detection",
        question="What told us first, a machine or a person? What would have told us in half the time?",
        tags=("detection",),
    ),
    Prompt(
        key="trigger",
        title="Trigger and contributing factors",
        question="What changed just before? What had to be true already for that to hurt? Keep asking why.",
        tags=("cause", "trigger"),
        kinds=("finding",),
    ),
    Prompt(
        key="response",
        title="Response",
        question="Which decisions turned it, what was tried and did not work, and what did we not know at the time?",
        kinds=("decision",),
    ),
    Prompt(key="good", title="What went well", question="What should we do again next time?", tags=("good",)),
    Prompt(
        key="bad", title="What went badly", question="What made it longer or worse than it had to be?", tags=("bad",)
    ),
    Prompt(key="lucky", title="Where we were lucky", question="What saved us that we can't count on?", tags=("lucky",)),
)


def seeded(record: Record, view: View) -> list[Prompt]:
    """The prompts with the lines of the record that belong to them."""
    result = []
    for prompt in PROMPTS:
        wanted = [event for kind in prompt.kinds for event in record.by_kind.get(kind, ())]
        wanted += [
            event
            for event in record.tagged
            if isinstance(event.body, Noted) and {tag.lower() for tag in event.body.tags} & set(prompt.tags)
        ]
        unique = {event.id: event for event in record.live(wanted)}
        lines = sorted((record.line(event) for event in unique.values()), key=lambda line: (line.at, line.seq))
        result.append(
            Prompt(
                key=prompt.key,
                title=prompt.title,
                question=prompt.question,
                seeds=tuple(view.lines(iter(lines))),
                more=sum(max(record.totals.get(kind, 0) - SEEDS, 0) for kind in prompt.kinds),
            )
        )
    return result
