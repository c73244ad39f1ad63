"""What an approval approves: the commands behind it, as they would run at that moment. Pure.

A subject names each step between the ``approve`` step and the next one with a short hash of its commands, host, folder,
environment and values (secrets apart: who approves does not know them). When one of these changes, the approval does not
count for that step any more. A value that was not there yet, and that a command of the run takes from its output later, does not
change it; one that a person types in its place does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Final

from console.runbook.model import Runbook, Step
from console.runbook.params import in_text
from console.runbook.progress import RunView
from console.runbook.resolve import commands_of

_MOST: Final = 100  # steps that a subject names; more of them are one
_ALL: Final = "*"
_LATER: Final = "\0later"  # stands for a value that a command is to give
_CAPTURED: Final = 4  # such values in one step that are told apart
_DIGITS: Final = 12


def subject(view: RunView, runbook: Runbook, step_id: str) -> str:
    """What somebody approves who approves the step *step_id* now; "" where no command is behind it."""
    later = _to_come(view, runbook)
    found = {step.id: _hash(step, view.values, later) for step in behind(runbook, step_id)}
    if len(found) > _MOST:
        found = {_ALL: _joined(found.values())}
    return " ".join(f"{digest}:{step}" for step, digest in found.items())


def covers(approved: str, view: RunView, runbook: Runbook, step_id: str, go: str = "") -> bool:
    """Whether what was *approved* at the step *step_id* is what the step *go* – "": each one behind it – would do now."""
    if not approved:  # no command was behind it then; one that does not say which commands approves none
        return not any(go in ("", step.id) for step in behind(runbook, step_id))
    given = {step: digest for digest, _, step in (entry.partition(":") for entry in approved.split(" "))}
    steps = list(behind(runbook, step_id))
    later = _to_come(view, runbook)
    if _ALL in given:
        return given[_ALL] == _joined(_hash(step, view.values, later) for step in steps)
    wanted = [step for step in steps if go in ("", step.id)]
    return all(given.get(step.id) in _readings(step, view, later) for step in wanted)


def behind(runbook: Runbook, step_id: str) -> Iterable[Step]:
    """The steps with commands, or calls, between the ``approve`` step *step_id* and the next one."""
    steps = [step for phase in runbook.phases for step in phase.steps]
    place = next((at for at, step in enumerate(steps) if step.id == step_id), len(steps))
    for step in steps[place + 1 :]:
        if step.kind == "approve":
            return
        if step.commands or step.calls:
            yield step


def _readings(step: Step, view: RunView, later: set[str]) -> set[str]:
    """How the step may have read for who approved it: with the values of now, or before a command gave some of them."""
    taken = sorted(_names(step) & view.captured)[:_CAPTURED]
    missing = (set(some) for count in range(len(taken) + 1) for some in combinations(taken, count))
    return {_hash(step, view.values, later | some) for some in missing}


def _names(step: Step) -> set[str]:
    names = {name for command in commands_of(step) for name in command.params}
    given = [step.host or "", *step.call_params.values()]
    names |= {text.removeprefix("$").strip("{}") for text in given if text.startswith("$")}
    return names | {name for text in given for name, _ in in_text(text)}


def _hash(step: Step, values: Mapping[str, str], missing: set[str]) -> str:
    told = {name: _LATER if name in missing else values.get(name, "") for name in sorted(_names(step))}
    texts = [command.text for command in commands_of(step)]
    whole = [texts, step.host, step.cwd, step.env, step.calls, step.call_params, told]
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:_DIGITS]


def _joined(digests: Iterable[str]) -> str:
    return hashlib.sha256(" ".join(digests).encode()).hexdigest()[:_DIGITS]


def _to_come(view: RunView, runbook: Runbook) -> set[str]:
    """The values that are not there yet, and that a command of the run gives."""
    captured = {name for phase in runbook.phases for step in phase.steps for name in step.capture}
    return {name for name in captured if not view.values.get(name)}
