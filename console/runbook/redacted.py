"""What a redacted event of a run still says of itself, by its kind and its dedupe key: that it happened.

The keys are made in :mod:`console.runbook.actions` and :mod:`console.runbook.launch`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from console.journal.events import (
    Body,
    CommandFinished,
    CommandStarted,
    Event,
    RunEnded,
    RunStarted,
    RunSwitched,
    StepDecided,
    StepFailed,
    StepObserved,
    StepSkipped,
    StepTicked,
    StepUndone,
)

_STEP_KEY: Final = re.compile(r"run:([^:]+):step:(.*):[^:]+")
_RUN_KEY: Final = re.compile(r"run:([^:]+):(?:started|ended-\d+|finished)")
_STEP_KINDS: Final[dict[str, Callable[[str, str], Body]]] = {
    "step_ticked": lambda run, step: StepTicked(run=run, step=step),
    "step_skipped": lambda run, step: StepSkipped(run=run, step=step, reason=""),
    "step_failed": lambda run, step: StepFailed(run=run, step=step),
    "step_decided": lambda run, step: StepDecided(run=run, step=step, answer=""),
    "step_observed": lambda run, step: StepObserved(run=run, step=step, text=""),
    "step_undone": lambda run, step: StepUndone(run=run, step=step),
}
_RUN_KINDS: Final[dict[str, Callable[[str], Body]]] = {
    "run_started": lambda run: RunStarted(run=run, runbook="", title=""),
    "run_ended": lambda run: RunEnded(run=run),
    "run_switched": lambda run: RunSwitched(run=run, to_run=""),
    "command_started": lambda command: CommandStarted(command=command, text="", host="", user="", cwd=""),
    "command_finished": lambda command: CommandFinished(command=command, outcome="unknown"),
}


def skeleton(event: Event) -> Body | None:
    """What is left of a redacted event's body: words are gone, that it happened is not."""
    key = event.dedupe or ""
    step = _STEP_KEY.fullmatch(key)
    if step is not None and event.kind in _STEP_KINDS:
        return _STEP_KINDS[event.kind](step[1], step[2])
    run = _RUN_KEY.fullmatch(key)
    if run is not None and event.kind in _RUN_KINDS:
        return _RUN_KINDS[event.kind](run[1])
    return None
