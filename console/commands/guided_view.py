"""The guided run in words: what is said of a step, its commands, what happened to them. Line by line, no colours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from console.clock import span
from console.journal.events import CommandFinished
from console.runbook import progress
from console.runbook.model import Phase, Step
from console.runbook.progress import RunView, StepView
from console.runbook.resolve import Resolved
from console.sanitize import one_line, visible

Say = Callable[[str], None]

KEYS = "enter tick · x run · o observe · s skip · f fail · u undo · j jump · p set · e end · q leave"
_KIND_KEYS = {
    "decide": "d decide",
    "wait": "t wait · cut cuts it short",
    "approve": "a approve",
    "call": "k follow it",
}
_GLYPH = {progress.OPEN: " ", progress.DONE: "x", "skipped": "-", "failed": "!"}
_AFTER_FAILURE = "x tries again, enter: done by hand, s skips, j goes elsewhere, e ends the run"


def keys(step: Step | None) -> str:
    """The keys that make sense at *step*."""
    more = [_KIND_KEYS[step.kind]] if step is not None and step.kind in _KIND_KEYS else []
    if step is not None and step.wait_s is not None and step.kind != "wait":
        more.append("t timer")
    return " · ".join([*more, KEYS])


def line_of(number: int, step: StepView) -> str:
    """A step in a list."""
    words = f"  {one_line(step.text)}" if step.text else ""
    return f"  [{_GLYPH[step.state]}] {number:>2} {one_line(step.title)}{words}"


def show_all(say: Say, view: RunView) -> None:
    """The whole run, at its end."""
    say("")
    for number, one in enumerate(view.steps, 1):
        say(line_of(number, one))
    left = sum(one.state in (progress.OPEN, "failed") for one in view.steps)
    say(
        f"the runbook ends here, {left} steps are open: e and a reason ends it"
        if left
        else "every step is settled: e ends the run"
    )


def show_step(
    say: Say,
    view: RunView,
    phase: Phase | None,
    step: Step,
    blocked: str,
    now: datetime,
    asides: Sequence[tuple[str, str]] = (),
) -> None:
    """The step in words, without its commands; *asides* are what the runbook says of all its steps."""
    number = next(number for number, one in enumerate(view.steps, 1) if one.id == step.id)
    state = view.steps[number - 1]
    say("")
    kind = f"{step.kind}, " if step.kind in ("check", "wait", "decide", "approve", "call", "pause", "note") else ""
    say(f"[{number}/{len(view.steps)}] {one_line(step.title)}  ({kind}{one_line(state.phase)})")
    if step.parent:
        say(f"  under: {one_line(step.parent)}")
    if step.decision and step.kind != "decide":
        say("  DECIDE: the text branches")
    if step.optional:
        say("  optional")
    if phase is not None and phase.pause and phase.title not in view.confirmed:
        say(f"  PAUSE, confirm first: {one_line(phase.pause)}   (y confirms)")
    if state.state != progress.OPEN:
        say(f"  {state.state} by {state.by}: {one_line(state.text)}")
    for name, words in (("role", step.role), ("for", step.assignee), ("effect", step.effect)):
        if words:
            say(f"  {name}: {one_line(words)}")
    if step.required:
        say("  required: later steps wait for it")
    for text in (*step.notes, step.body, step.ask or "", f"expected: {step.expect}" if step.expect else ""):
        for line in visible(text).splitlines():
            say(f"  {line}")
    for option, answer in enumerate(step.options, 1):
        to = f"  (to {one_line(answer.goto)})" if answer.goto else ""
        say(f"  d {option}  {one_line(answer.answer)}{to}")
    for called in step.calls:
        say(f"  k  {one_line(called)}")
    say_wait(say, step, state, now)
    for act in state.approvals:
        say(f"  approved by {act.by} (uid {act.uid}) at {act.at:%H:%M:%S}Z  {one_line(act.text)}")
    for name, text in asides:
        say(f"  {one_line(name)}: {one_line(text)}")
    if blocked:
        say(f"  not yet: {one_line(blocked)}")


def say_wait(say: Say, step: Step, state: StepView, now: datetime) -> None:
    """How a wait stands."""
    waiting = state.waiting
    if waiting is None or waiting.until is None:
        if step.wait_s is not None:
            say(f"  wait {span(step.wait_s)}: t starts it")
        return
    left = (waiting.until - now).total_seconds()
    if left > 0:
        say(f"  waiting until {waiting.until:%H:%M:%S}Z, {span(left)} left, started by {waiting.by}")
    else:
        say(f"  the wait is over since {waiting.until:%H:%M:%S}Z")


def show_command(say: Say, key: str, resolved: Resolved) -> None:
    """One command, exactly as it would run."""
    ready = resolved.ready
    for line in visible(ready.shown).splitlines():
        say(f"  {key}  $ {line}")
        key = " " * len(key)
    where = f"as {resolved.place.user}@{resolved.place.host} in {one_line(str(ready.cwd))}"
    if ready.why_not:
        say(f"       copy it: {one_line(ready.why_not)}")
    elif ready.missing:
        say(f"       needs {', '.join(map(one_line, ready.missing))}")
    else:
        say(f"       {where}" if not ready.host else f"       by ssh on {ready.host} in {one_line(str(ready.cwd))}")
    if ready.tty != "no":
        say(
            "       gets this terminal"
            if ready.tty == "yes"
            else "       runs until it is stopped: X ends it, v shows it"
        )
    if resolved.confirm and resolved.runs:
        say(f"       x asks for {one_line(resolved.confirm)} to be typed first")
    for warning in resolved.warnings:
        say(f"       careful: {one_line(warning)}")


def show_values(say: Say, names: tuple[str, ...], values: Mapping[str, str], secret: frozenset[str]) -> None:
    """What is filled in, before it is used."""
    if names:
        shown = [
            f"{one_line(name)}={'(secret)' if name in secret else one_line(values.get(name, '')) or '?'}"
            for name in names
        ]
        say(f"       with {', '.join(shown)}")


def say_end(say: Say, finish: CommandFinished, output: object) -> None:
    """How a command ended, and what the runbook makes of it."""
    how = f"signal {finish.signal}" if finish.signal is not None else f"exit {finish.exit_code}"
    tries = f", try {finish.attempts}" if finish.attempts > 1 else ""
    took = f"{finish.duration_ms} ms" if finish.duration_ms < 1000 else span(finish.duration_ms / 1000)
    say(f"  {finish.outcome}, {how}, after {took}{tries}; {finish.size} bytes in {output}")
    if finish.kept < finish.size:
        say(f"  {finish.size - finish.kept} bytes in the middle were not kept")
    if finish.masked:
        say(f"  a secret was masked {finish.masked} times")
    if finish.error:
        say(f"  {one_line(finish.error)}")
    for name, value in finish.captured.items():
        say(f"  {one_line(name)} = {one_line(value)}")
    if finish.verdict == "held":
        say("  as expected")
    elif finish.verdict == "warned":
        say(f"  warning: {one_line(finish.why)}")
    elif finish.verdict == "failed":
        say(f"  NOT as expected: {one_line(finish.why)}")
        say(f"  {after_failure(finish.then)}")


def after_failure(then: str) -> str:
    """What the runbook says follows."""
    if then.startswith("goto:"):
        return f"the runbook goes on at {one_line(then.removeprefix('goto:'))}"
    if then == "stop":
        return "the runbook stops here until this step is settled: " + _AFTER_FAILURE
    if then == "continue":
        return "the runbook goes on all the same: enter"
    return _AFTER_FAILURE
