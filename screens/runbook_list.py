"""A run as a list: the numbers of its steps, their rows, the line above them. Pure functions from a run's view to words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from console.clock import span
from console.runbook.model import Phase, Runbook
from console.runbook.progress import DONE, OPEN, RunView, StepView
from screens.look import Look
from screens.widgets.text import Span, Words

PHASE: Final = "phase:"  # key of a phase's row, followed by its number
_PHASE_WORDS: Final = {"verify": "verify", "rollback": "ROLLBACK", "escalate": "ESCALATE", "checklist": "checklist"}


@dataclass(frozen=True)
class Numbers:
    """Where each step stands: ``2.3`` by id, and the order."""

    by_step: Mapping[str, str]
    order: tuple[str, ...]

    @classmethod
    def of(cls, runbook: Runbook | None, view: RunView) -> Numbers:
        numbers: dict[str, str] = {}
        for at, phase in enumerate(runbook.phases if runbook is not None else (), 1):
            for place, step in enumerate(phase.steps, 1):
                numbers[step.id] = f"{at}.{place}" if runbook is not None and len(runbook.phases) > 1 else str(place)
        for other in view.steps:
            numbers.setdefault(other.id, "+")
        return cls(numbers, tuple(numbers))

    def find(self, text: str) -> str:
        """The step that ``2.3``, or ``7`` (the seventh), means; "" for none."""
        wanted = text.strip().rstrip(".")
        for step, number in self.by_step.items():
            if number == wanted:
                return step
        if wanted.isascii() and wanted.isdigit() and 0 < int(wanted) <= len(self.order):
            return self.order[int(wanted) - 1]
        return ""


def keys_of(runbook: Runbook | None, view: RunView, folded: Collection[int] = ()) -> list[str]:
    """The rows of the step list: a phase's heading, its steps unless it is *folded*, and at the end steps that the runbook
    does not have. Phases are counted from 1."""
    keys: list[str] = []
    known: set[str] = set()
    phases = runbook.phases if runbook is not None else ()
    for at, phase in enumerate(phases, 1):
        if len(phases) > 1:
            keys.append(f"{PHASE}{at}")
        if at not in folded or len(phases) == 1:
            keys += [step.id for step in phase.steps]
        known.update(step.id for step in phase.steps)
    return [*keys, *(step.id for step in view.steps if step.id not in known)]


def phase_of(runbook: Runbook | None, step: str) -> int:
    """The number of the phase that a step is in; 0 for none."""
    phases = runbook.phases if runbook is not None else ()
    return next((at for at, phase in enumerate(phases, 1) if any(one.id == step for one in phase.steps)), 0)


def mark(step: StepView, view: RunView, running: bool, look: Look) -> Span:
    """One glyph for the state of a step.

    A step ticked off and the current one wear the look of titles, as the count above and the step in the large do: what a
    tick changes is then sent without a change of style, in some forty bytes.
    """
    if running:
        return (look.sign("more"), "accent")
    if step.state == DONE:
        return (look.sign("ok"), "title")
    if step.state == "failed":
        return (look.sign("down"), "down")
    if step.state == "skipped":
        return ("s", "soft")
    return ("*" if look.ascii_only else look.sign("to"), "title") if view.current == step.id else (" ", "text")


def step_cells(step: StepView, number: str, view: RunView, running: bool, look: Look) -> tuple[Words, ...]:
    """The cells of a step's row: mark, number, title, who and when."""
    who = f"{step.by} {step.at:%H:%M}" if step.state != OPEN and step.at is not None else ""
    return ((mark(step, view, running, look),), ((number, "dim"),), ((step.title, "text"),), ((who, "faint"),))


def phase_cells(phase: Phase, at: int, view: RunView, *, folded: bool, look: Look) -> tuple[Words, ...]:
    """The cells of a phase's heading, with how much of it is settled, and of a folded one how many steps are hidden."""
    states = {step.id: step.state for step in view.steps}
    settled = sum(states.get(step.id, OPEN) != OPEN for step in phase.steps)
    word = _PHASE_WORDS.get(phase.kind, "")
    title = f"{phase.title}  {word}" if word and word.casefold() not in phase.title.casefold() else phase.title
    failed = sum(states.get(step.id) == "failed" for step in phase.steps)
    hidden: Words = (
        ((f"  {settled}/{len(phase.steps)}", "dim"), (f" {failed} failed" if failed else "", "down")) if folded else ""
    )
    sign = "+" if look.ascii_only else "▸"
    return (
        ((sign if folded else " ", "accent"),),
        ((str(at), "accent"),),
        ((title, "accent"), *(hidden or ())),
        ((f"{settled}/{len(phase.steps)}", "faint"),),
    )


def run_head(
    view: RunView, runbook: Runbook | None, runs: Sequence[RunView], now: datetime, number: str
) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """The line above a run, left and right: which runbook, where one is (the *number* of the step that is shown), and when
    help is to be called."""
    total = len(view.steps)
    place = f"all {total} settled" if view.settled == total else f"{number} of {total}"
    left: list[Span] = [(" " + view.title, "title"), (f"  {place}", "title")]
    failed = sum(step.state == "failed" for step in view.steps)
    if failed:
        left.append((f"  {failed} failed", "down"))
    if view.end is not None:
        left.append((f"  {view.end.outcome.upper()} {view.end.at:%H:%M}Z {view.end.by}", "degraded"))
    right: list[Span] = []
    escalate = runbook.escalate if runbook is not None else None
    if escalate is not None and view.end is None:
        left_s = (view.at + timedelta(seconds=escalate.after_s) - now).total_seconds()
        if left_s > 0:
            right.append((f"call {escalate.to} in {_minutes(left_s)}", "dim"))
        else:
            right.append((f"CALL {escalate.to}: {_minutes(-left_s)} over", "down"))
    if len(runs) > 1:
        at = [one.run for one in runs].index(view.run) + 1 if view.run in {one.run for one in runs} else 1
        right.append((("  " if right else "") + f"run {at}/{len(runs)} [ ]", "accent"))
    right.append((f"  {view.at:%H:%M}Z {view.by} ", "dim"))
    return tuple(left), tuple(right)


def _minutes(seconds: float) -> str:
    return span(int(seconds) // 60 * 60) if seconds >= 60 else "under 1m"
