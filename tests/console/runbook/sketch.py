"""A runbook in a few characters a step, so that a test can say by hand what a careful person would have read.

``12 act: 13 check $13~ | 14 run $14 x15`` – the phase whose heading stands on line 12; its steps by line, kind and
commands: ``$`` may run, ``x`` may only be copied, ``~`` goes on until stopped, ``t`` wants the terminal, ``!`` destroys,
``w`` warns. Marks after the kind: ``?`` branches, ``o`` may be left out, ``[]`` has a box, ``=`` says what to expect.
"""

from __future__ import annotations

from console.runbook.model import Command, Runbook, Step


def sketch(runbook: Runbook) -> list[str]:
    """One line a phase."""
    return [f"{phase.line} {phase.kind}: " + " | ".join(map(_step, phase.steps)) for phase in runbook.phases]


def _step(step: Step) -> str:
    marks = (
        ("[]" if step.checkbox else "")
        + ("?" if step.decision else "")
        + ("o" if step.optional else "")
        + ("=" if step.expect else "")
    )
    words = [f"{_lines(step.line, step.end_line)} {step.kind}{marks}"]
    if step.wait_s is not None:
        words.append(f"{step.wait_s:g}s")
    return " ".join(words + [_command(command) for command in step.commands])


def _command(command: Command) -> str:
    marks = {"no": "", "yes": "t", "follow": "~"}[command.tty]
    marks += "!" if command.effect == "destructive" else ""
    marks += "w" if command.warnings else ""
    return ("$" if command.runnable else "x") + _lines(command.line, command.end_line) + marks


def _lines(line: int, end_line: int) -> str:
    return f"{line}" if line == end_line else f"{line}-{end_line}"
