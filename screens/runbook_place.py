"""Where an operator stood in the runs of an incident, kept among the drafts: a new console takes it up again."""

from __future__ import annotations

import json
from dataclasses import dataclass

from console.runbook.progress import RunView
from screens.drafts import DraftKeeper
from screens.runbook_runs import RunsNow


@dataclass(frozen=True)
class Stand:
    """A run and a step of it; "" for none."""

    run: str = ""
    step: str = ""


def kept(drafts: DraftKeeper, stream: str) -> Stand:
    """Where one stood in *stream* last."""
    try:
        found = json.loads(drafts.get(f"place:{stream}") or "{}")
    except ValueError:
        return Stand()
    return Stand(str(found.get("run", "")), str(found.get("step", ""))) if isinstance(found, dict) else Stand()


def keep(drafts: DraftKeeper, stream: str, stand: Stand) -> None:
    """Remember it."""
    if stand != kept(drafts, stream):
        drafts.put(f"place:{stream}", json.dumps({"run": stand.run, "step": stand.step}))


def first_run(now: RunsNow, stand: Stand) -> RunView | None:
    """The run to show first: where one stood, else the newest that goes on, else the newest."""
    going = now.going
    return now.run(stand.run) or (going[-1] if going else now.runs[-1] if now.runs else None)


def first_step(view: RunView, stand: Stand) -> str:
    """The step to show first in *view*."""
    return stand.step if stand.run == view.run and view.step(stand.step) is not None else view.current
