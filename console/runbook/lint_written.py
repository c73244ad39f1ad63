"""What only a written runbook can get wrong: effects, confirmations, calls, and who keeps it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from console.runbook import lexicon
from console.runbook.header import HEADER_KEYS
from console.runbook.judgement import facts
from console.runbook.model import Problem, Runbook, Step
from console.runbook.values import nearest


def written(runbook: Runbook, folder: Path | None, known: Collection[str] | None) -> Iterator[Problem]:
    """The findings of a runbook in one of the two written forms. *known* are the folded names of the runbooks at hand."""
    for step in runbook.steps():
        yield from _effect(step)
        if step.kind == "check" and step.commands and step.check is None and not step.expect:
            yield Problem(step.line, "info", "R026", f"{step.title!r} runs a command, and nothing says what is good")
        if step.kind == "call":
            yield from _calls(step, folder, known)
    missing = [name for name in ("owner", "reviewed", "review_every") if not getattr(runbook, name)]
    if missing:
        yield Problem(1, "info", "R031", f"no {', no '.join(missing)}")


def _effect(step: Step) -> Iterator[Problem]:
    if step.effect in ("read", "change") and any(facts(one.text).effect == "destructive" for one in step.commands):
        yield Problem(
            step.line, "warning", "R024", f"effect: {step.effect}, and the command of {step.title!r} destroys"
        )
    destroys = step.effect == "destructive" or any(one.effect == "destructive" for one in step.commands)
    if destroys and step.commands and step.confirm is None:
        yield Problem(step.line, "info", "R025", f"{step.title!r} destroys, and nothing has to be typed first")


def _calls(step: Step, folder: Path | None, known: Collection[str] | None) -> Iterator[Problem]:
    for target in step.calls:
        name = target.split("#", 1)[0]
        if folder is not None and (folder / name).is_file():
            continue
        if name.endswith((".md", ".yaml", ".yml")):
            if folder is not None and step.body.find(f"]({target}") < 0:  # as a link it has its finding already
                yield Problem(step.line, "error", "R030", f"calls {name}, which is not there")
        elif known is not None and lexicon.fold(name) not in known:
            yield Problem(
                step.line,
                "error",
                "R030",
                f"calls {name}, and no runbook is called so{nearest(lexicon.fold(name), known)}",
            )


def near_misses(runbook: Runbook) -> Iterator[Problem]:
    """Front-matter keys that look like ours with a slip of the finger."""
    from difflib import get_close_matches

    for key in runbook.metadata:
        close = get_close_matches(key.lower(), HEADER_KEYS, 1, 0.85)
        if close and not key.startswith("x-"):
            yield Problem(1, "warning", "R009", f"{key}: not a known key; did you mean {close[0]!r}?")
