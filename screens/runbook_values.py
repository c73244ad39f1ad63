"""The values that a command is about to use, and where each is from, as words: pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from console.runbook.model import Command, Param, Runbook
from console.runbook.progress import RunView
from screens.look import Look
from screens.widgets.text import Words, wrap

_NAME: Final = 14  # cells that a short name takes, so that values stand below each other


def origin_words(param: Param | None, view: RunView, name: str, *, given: bool) -> str:
    """Where the value of *name* is from, in a few words; for one without a value, where it would come from."""
    origin = view.origins.get(name)
    if given and origin is not None:
        if origin.captured:
            step = view.step(origin.source)
            return f"from the output of: {step.title}" if step is not None else "from a command's output"
        return origin.source or f"{origin.by} {origin.at:%H:%M}Z"
    if given:
        return "given here"
    return about(param)


def about(param: Param | None) -> str:
    """What a parameter without a value is."""
    if param is None:
        return ""
    if param.from_label:
        return f"no label {param.from_label.removeprefix('alert.').removeprefix('labels.')} gave it"
    if param.choices:
        return f"one of {', '.join(param.choices)}"
    return param.description or (param.type if param.type != "string" else "")


def param_lines(
    command: Command,
    params: Sequence[Param],
    view: RunView,
    values: Mapping[str, str],
    held: frozenset[str],
    width: int,
    look: Look,
) -> list[Words]:
    """One line for each value of *command*. *held* are the secrets that this console was given."""
    known = {param.name: param for param in params}
    pad = min(max((len(name) for name in command.params), default=0), _NAME)
    lines: list[Words] = []
    for name in command.params:
        param = known.get(name)
        secret = name in held or (param is not None and param.secret)
        if name in held:
            value, tone, why = "(secret, given)", "text", "in this console's memory alone"
        elif secret:
            again = "given elsewhere: give it here too" if name in view.secrets else ""
            value, tone, why = "? (secret)", "degraded", again
        elif values.get(name):
            value, tone, why = values[name], "text", origin_words(param, view, name, given=True)
        else:
            value, tone, why = "?", "degraded", origin_words(param, view, name, given=False)
        lead = f" {name:<{pad}} = "
        pieces = wrap(value, max(width - len(lead) - 1, 12), look) or [value]
        lines += [((lead if at == 0 else " " * len(lead), "dim"), (piece, tone)) for at, piece in enumerate(pieces)]
        if why and len(lead) + len(pieces[-1]) + len(why) + 4 <= width:
            lines[-1] = (*lines[-1], (f"  {why}", "faint"))
        elif why:
            lines += [
                ((" " * len(lead), "dim"), (piece, "faint")) for piece in wrap(why, width - len(lead) - 1, look)[:1]
            ]
    if lines:
        last = tuple(span for span in lines[-1] if not isinstance(span, str))
        if sum(len(text) for text, _ in last) + 9 <= width:
            lines[-1] = (*last, ("  e edits", "dim"))
    return lines


def captured_by(runbook: Runbook, name: str) -> str:
    """The step whose output gives *name*; "" when none does."""
    return next((step.title for step in runbook.steps() if name in step.capture), "")
