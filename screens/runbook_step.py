"""A step in the large, and the line above its output, as words: pure functions. Nothing here knows a widget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rich.cells import cell_len, set_cell_size

from console.clock import span
from console.journal.events import CommandFinished
from console.runbook.model import Command, Param, Phase, Runbook, Step
from console.runbook.progress import OPEN, RunView, StepView
from console.runbook.resolve import Resolved
from console.runbook.run import Command as Execution
from screens.look import Look
from screens.runbook_values import param_lines
from screens.widgets.text import Span, Words, wrap

_KIND_WORDS: Final = {
    "do": "do",
    "run": "command",
    "check": "check",
    "wait": "WAIT",
    "decide": "DECIDE",
    "approve": "APPROVAL",
    "call": "other runbook",
    "note": "read",
    "pause": "PAUSE: confirm before going on",
}


@dataclass(frozen=True)
class Page:
    """The step in the large: its lines, and which of them are the selected command with where it runs."""

    lines: tuple[Words, ...]
    command: range = range(0)


def exact_pieces(text: str, width: int) -> list[str]:
    """*text* broken into lines of at most *width* cells, nothing added and nothing left out: what stands there is what
    runs. A break lies behind a space, unless the word behind it is too long for a line of its own."""
    width = max(width, 8)
    found: list[str] = []
    for line in text.expandtabs(4).split("\n"):
        rest = line
        while cell_len(rest) > width:
            most = max(len(set_cell_size(rest, width).rstrip()), 1) if not rest.isascii() else width
            while cell_len(rest[:most]) > width:
                most -= 1
            space = rest.rfind(" ", len(rest) - len(rest.lstrip(" ")), most)
            word = rest[space + 1 :].partition(" ")[0]
            cut = space + 1 if space > 0 and (cell_len(word) <= width or space >= most * 2 // 3) else most
            found.append(rest[:cut])
            rest = rest[cut:]
        found.append(rest)
    return found


def step_page(
    step: Step | None,
    view: RunView,
    found: StepView,
    number: str,
    *,
    phase: Phase | None,
    commands: Sequence[Command],
    selected: int,
    resolved: Resolved | None,
    armed: bool,
    running: bool,
    params: Sequence[Param],
    values: Mapping[str, str],
    held: frozenset[str],
    width: int,
    body_lines: int,
    look: Look,
    now: datetime,
    blocked: str = "",
    where: Callable[[str], str] = str,
    listed: bool = False,
    asides: Sequence[tuple[str, str]] = (),
) -> Page:
    """The step *found* of the run, large. *held* are secrets whose values this console has; *body_lines* limits the text
    before the command, so that the command is in sight. *listed*: its number stands in the list beside it; *asides* are
    what the runbook says of all its steps."""
    destructive = bool(commands) and commands[selected].effect == "destructive"
    lines: list[Words] = [_position(step, view, found, "" if listed else number, phase, destructive)]
    lines += [((" ", "text"), (line, "title")) for line in wrap(found.title or "(no title)", width - 2, look)]
    if step is not None and step.parent:
        lines.append(((f" under: {step.parent}", "dim"),))
    lines += _state_lines(found, width, look)
    text = _body(step, phase, view, width, look) if step is not None else []
    if len(text) > body_lines:
        text = [
            *text[: max(body_lines - 1, 0)],
            ((f" {look.sign('more')} {len(text) - body_lines + 1} more lines: Enter", "faint"),),
        ]
    lines += text
    if step is not None:
        lines += _kind_lines(step, found, now, where)
    if blocked and view.end is None:
        key = ": y" if blocked.startswith("first confirm") else ""
        lines += _labelled("not yet: ", blocked + key, width, look, "degraded", most=3)
    lines += _result_lines(found, width, look)
    command = range(0)
    if resolved is not None and step is not None and commands:
        lines.append("")
        chosen = commands[selected]
        if len(commands) > 1:
            named = chosen.title or ("the whole block" if step.whole is chosen else "")
            lines.append(((f" command {selected + 1} of {len(commands)}", "accent"), (f"  tab: next   {named}", "dim")))
        lines += param_lines(chosen, params, view, values, held, width, look)
        start = len(lines)
        lines += [
            ((f" {look.sign('bar')} ", "accent"), (piece, "code"))
            for piece in exact_pieces(resolved.ready.shown, width - 4)
        ]
        if resolved.ready.host or not resolved.ready.why_not:
            lines += where_lines(resolved, width)
        lines += [
            ((" ! ", "down"), (line, "down"))
            for warning in resolved.warnings
            for line in wrap(warning, width - 4, look)
        ]
        state = "running" if running else "over" if view.end is not None else "armed" if armed else ""
        lines += _verdict(resolved, chosen, state, width, look)
        command = range(start, len(lines))
        if step.expect:
            lines += _expected(step.expect, width, look)
    elif step is not None and step.expect:
        lines += _expected(step.expect, width, look)
    if step is not None and step.output and not found.commands:
        sample = step.output.split("\n")
        lines.append(((" output as the runbook shows it:", "dim"),))
        lines += [((" " + line, "faint"),) for line in sample[:6]]
    if asides:
        lines.append("")
        for name, said in asides:
            lines += _labelled(f"{name}: ", said, width, look, "notice", most=2)
    return Page(tuple(lines), command)


def _position(
    step: Step | None, view: RunView, found: StepView, number: str, phase: Phase | None, destructive: bool
) -> Words:
    spans: list[Span] = []
    if number:
        place = next((at for at, one in enumerate(view.steps, 1) if one.id == found.id), 0)
        total = f" of {len(view.steps)}" if number.isdigit() else f" ({place} of {len(view.steps)})"
        spans += [(f" {number}", "accent"), (total, "dim"), (" ", "dim")]
    kind = _KIND_WORDS.get(found.kind, found.kind)
    if kind:
        spans.append((" " + kind, "degraded" if kind.isupper() or ":" in kind else "dim"))
    if step is not None:
        for flag, word, tone in (
            (step.decision and found.kind != "decide", "DECIDE: the text branches", "degraded"),
            (destructive or step.effect == "destructive", "DESTRUCTIVE", "down"),
            (step.required, "required", "title"),
            (bool(step.role), f"{step.role} only", "degraded"),
            (step.optional, "optional", "dim"),
            (bool(step.assignee), f"@{step.assignee}", "title"),
        ):
            if flag:
                spans.append(("  " + word, tone))
    if phase is not None and len(view.steps) > 1 and phase.title != view.title:
        spans.append((f"  {phase.title}", "faint"))
    return tuple(spans)


def _state_lines(found: StepView, width: int, look: Look) -> list[Words]:
    lines: list[Words] = []
    if found.state != OPEN and found.at is not None:
        tone = {"failed": "down", "skipped": "soft"}.get(found.state, "ok")
        spans: list[Span] = [(f" {found.state}", tone), (f" by {found.by} at {found.at:%H:%M:%S}Z", "dim")]
        lines.append(tuple(spans))
        if found.text:
            lines += _labelled("  ", found.text, width, look, "text", most=2)
    for act in found.observed[-3:]:
        lines += _labelled(f"seen {act.at:%H:%M} {act.by}: ", act.text, width, look, "notice", most=2)
    return lines


def _body(step: Step, phase: Phase | None, view: RunView, width: int, look: Look) -> list[Words]:
    lines: list[Words] = []
    if phase is not None and phase.pause and phase.steps and phase.steps[0].id == step.id:
        said = view.confirmed.get(phase.title)
        if said is None:
            lines += _labelled("CONFIRM FIRST: ", f"{phase.pause}  (y)", width, look, "degraded")
        else:
            lines += _labelled(
                "confirmed: ", f"{phase.pause}: {said.text}, {said.by} {said.at:%H:%M}Z", width, look, "ok"
            )
    for note in step.notes:
        lines += _labelled("! ", note, width, look, "degraded")
    if step.body.strip():
        lines += [((" ", "text"), (line, "text")) for line in wrap(step.body.strip("\n"), width - 2, look)]
    return lines


def goto_words(runbook: Runbook | None, numbers: Mapping[str, str], goto: str) -> str:
    """Where an answer goes: ``2.2 Promote it`` for a step, a phase's title, ``the end``."""
    step = runbook.step(goto) if runbook is not None else None
    if step is not None:
        return f"{numbers.get(goto, '')} {step.title}".strip()
    return "the end" if goto == "end" else goto


def _kind_lines(step: Step, found: StepView, now: datetime, where: Callable[[str], str]) -> list[Words]:
    lines: list[Words] = []
    if step.ask:
        lines.append(((" ", "text"), (step.ask, "title")))
    lines += [
        ((f" approved by {act.by}", "ok"), (f" (uid {act.uid}) {act.at:%H:%M:%S}Z  {act.text}", "dim"))
        for act in found.approvals
    ]
    if step.options:
        lines.append(((" d decides:", "accent"),))
        for letter, option in zip("abcdefgh", step.options, strict=False):
            words = f"goes to {where(option.goto)}" if option.goto else "goes on"
            lines.append(((f"   {letter} ", "accent"), (option.answer, "title"), (f"  {words}", "dim")))
    waiting = found.waiting
    if waiting is not None and waiting.until is not None:
        left = wait_left(found, now)
        if left > 0:
            lines += [
                ((f" waiting: {span(left)} left", "degraded"), ("  t cuts it short", "dim")),
                ((f" until {waiting.until:%H:%M:%S}Z, started by {waiting.by}", "dim"),),
            ]
        else:
            lines.append(((f" the wait is over since {span((now - waiting.until).total_seconds())}", "notice"),))
    elif step.wait_s is not None:
        lines.append(
            ((f" wait {span(step.wait_s)}", "degraded"), ("  t starts it, space ticks it all the same", "dim"))
        )
    if step.calls:
        lines.append(((" see also: ", "dim"), (", ".join(step.calls), "text")))
    return lines


def wait_left(found: StepView, now: datetime) -> float:
    """Seconds that the wait of a step still takes; 0 when none goes on."""
    waiting = found.waiting
    if waiting is None or waiting.until is None:
        return 0.0
    return max((waiting.until - now).total_seconds(), 0.0)


_THEN: Final = {
    "stop": "the runbook stops here until this step is settled: x again, space: done by hand, s skips, g goes on",
    "continue": "the runbook goes on all the same: space",
}


def _result_lines(found: StepView, width: int, look: Look) -> list[Words]:
    """What the runbook makes of the last command's end."""
    finish = found.commands[-1].finish if found.commands else None
    if finish is None or not (finish.verdict or finish.captured):
        return []
    lines: list[Words] = []
    if finish.verdict == "held":
        lines.append(((" as expected", "ok"), ("  space ticks the step", "faint")))
    elif finish.verdict == "warned":
        lines.append(((f" warning: {finish.why}", "degraded"),))
    elif finish.verdict == "failed":
        lines += _labelled("NOT as expected: ", finish.why, width, look, "down", most=2)
        if found.failed_as:
            then = _THEN.get(
                found.failed_as, "x again, space: done by hand, s skips, g goes on, E whom to call, z ends"
            )
            if found.failed_as.startswith("goto:"):
                then = f"the runbook goes on at {found.failed_as.removeprefix('goto:')}"
            lines += _labelled("", then, width, look, "degraded", most=2)
    for name, value in finish.captured.items():
        lines.append(((f" {name} = ", "dim"), (value, "text")))
    return lines


def where_lines(resolved: Resolved, width: int) -> list[Words]:
    """Where it runs, all of it: a folder that is too long goes on below."""
    place = resolved.place
    who: tuple[Span, ...] = ((" on ", "dim"), (place.host, "title"), (" as ", "dim"))
    who = (*who, (place.user, "down" if place.user == "root" else "text"))
    if resolved.ready.host:
        who = ((" by ssh on ", "dim"), (place.host, "title"))
    who = (*who, (" in ", "dim"))
    used = sum(cell_len(text) for text, _ in who)
    folder = str(resolved.ready.cwd)
    if used + cell_len(folder) <= width:
        return [(*who, (folder, "text"))]
    return [who, *(((f"   {piece}", "text"),) for piece in exact_pieces(folder, width - 3))]


def _verdict(resolved: Resolved, command: Command, state: str, width: int, look: Look) -> list[Words]:
    """Whether the command may run now, by which key, and why not."""
    if state == "running":
        return [((" it is running: X ends it", "dim"),)]
    if state == "over":
        return [((" this run is over: nothing runs from it", "dim"),)]
    if resolved.ready.why_not:
        return _labelled("copy only (c): ", resolved.ready.why_not, width, look, "degraded", most=3)
    if resolved.blocked:
        return [((" not yet: see above", "degraded"),)]
    if resolved.ready.missing:
        return _labelled(
            "needs ", f"{', '.join(resolved.ready.missing)}: e gives the value", width, look, "degraded", most=3
        )
    spans: list[Span] = [(" x runs it", "accent" if state == "armed" else "faint")]
    if resolved.confirm:
        spans.append((", after a word", "dim"))
    if state != "armed":  # for a moment, and said in full: the rest of the line can wait
        spans.append(("  (waiting for the terminal)", "faint"))
    elif command.tty == "follow":
        spans.append(("; it runs until X stops it", "dim"))
    elif command.tty == "yes":
        spans.append(("; it gets this terminal until it ends", "dim"))
    return [tuple(spans)]


def _labelled(label: str, text: str, width: int, look: Look, tone: str, most: int = 6) -> list[Words]:
    found = wrap(text.strip(), max(width - len(label) - 2, 12), look)
    if len(found) > most:
        found = [*found[: most - 1], found[most - 1] + " " + look.sign("more")]
    return [((" " + (label if at == 0 else " " * len(label)), "dim"), (line, tone)) for at, line in enumerate(found)]


def _expected(text: str, width: int, look: Look) -> list[Words]:
    label = "" if text.casefold().startswith(("expect", "doit", "attendu", "you should")) else "expected: "
    return _labelled(label, text, width, look, "notice")


# ── output ───────────────────────────────────────────────────────────────────────────────────────────────────────


def ended_words(finish: CommandFinished) -> tuple[Span, ...]:
    """How a command ended. Exit 0 is finished, never fixed."""
    took = span(finish.duration_ms / 1000) if finish.duration_ms >= 1000 else f"{finish.duration_ms} ms"
    if finish.attempts > 1:
        took = f"{took}, try {finish.attempts}"
    if finish.outcome == "exited" and finish.exit_code == 0 and finish.verdict != "failed":
        return ((f"finished, exit 0, {took}", "ok"),)
    words = {
        "exited": f"exit {finish.exit_code}, {took}",
        "signalled": f"ended by signal {finish.signal}, {took}",
        "cancelled": f"cancelled after {took}",
        "stopped": f"stopped after {took}",
        "timed_out": f"timed out after {took}",
        "not_started": "not started",
    }.get(finish.outcome, "end unknown: never run again by itself")
    tone = "degraded" if finish.outcome in ("cancelled", "stopped", "unknown") else "down"
    return ((words, tone), (f"  {finish.error}" if finish.error else "", "dim"))


def output_head(
    execution: Execution, size: int, kept_at: str, finish: CommandFinished | None, lost: bool, now: datetime
) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """The line between a step and its output, left and right. *lost*: nobody looks after it, and no end is known."""
    who = f"  {execution.by} {execution.at:%H:%M:%S}Z"
    if finish is not None:
        left: tuple[Span, ...] = (*ended_words(finish), (who, "dim"))
    elif lost:
        left = (("end unknown: its supervisor is gone, it may still run", "unknown"), (who, "dim"))
    else:
        running = max((now - execution.at).total_seconds(), 0)
        left = ((f"running {span(running)}", "accent"), (f"  {execution.by}", "dim"), ("   X ends it", "faint"))
    return ((" ", "text"), *left), ((f"{size:,} bytes {kept_at} ", "faint"),)
