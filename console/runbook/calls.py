"""The runbook that a step calls: finding it, and the values it is started with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from console.journal.events import New
from console.runbook.actions import start_run
from console.runbook.model import Runbook, Step
from console.runbook.ready import sources_of, starting_values


def find_called(name: str, caller: Runbook, folders: Sequence[Path]) -> Runbook | None:
    """The runbook *name* – a file beside the *caller*, or an id –; None when there is none with steps."""
    from console.runbook.library import load_library
    from console.runbook.stocking import find_runbook

    path = Path(caller.path).parent / name
    if path.is_file():
        found = [entry.runbook for entry in load_library([path], shipped=False).entries]
        return next((runbook for runbook in found if runbook.phases), None)
    return find_runbook(name.removesuffix(".md"), folders)


def start_called(
    called: Runbook, caller: Runbook, step: Step, known: Mapping[str, str]
) -> tuple[list[New], dict[str, str]]:
    """``(the events that begin it, its secrets' values)``; a ``call_params`` value ``$name`` is that one of *known*."""
    given = {
        name: known.get(value[1:], "") if value.startswith("$") else value for name, value in step.call_params.items()
    }
    values = starting_values(called, {}, {name: value for name, value in given.items() if value})
    secret = {param.name for param in called.params if param.secret}
    sources = dict.fromkeys(given, f"from {caller.title}") | {
        name: words for name, words in sources_of(called, {}, values, "").items() if name not in given
    }
    news = start_run(called, values, why=f"called by {caller.title}: {step.title}", sources=sources)
    return news, {name: value for name, value in values.items() if name in secret}
