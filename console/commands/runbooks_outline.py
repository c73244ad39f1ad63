"""A runbook as plain lines: what ``vigie runbooks show`` prints."""

from __future__ import annotations

from collections.abc import Iterator

from console.runbook.model import Command, Info, Runbook, Step

_BADGES = (("optional", "optional"), ("decision", "decision"))


def outline(runbook: Runbook, shared: bool = True) -> Iterator[str]:
    """The lines; *shared*: with the text that belongs to the whole file."""
    place = f"{runbook.path}:{runbook.line}"
    yield f"{runbook.title}"
    yield f"  {runbook.id}   {place}{'   in ' + runbook.section if runbook.section else ''}"
    about = [
        f"{name}: {value}"
        for name, value in (("owner", runbook.owner), ("reviewed", runbook.reviewed), ("severity", runbook.severity))
        if value
    ]
    if about:
        yield "  " + "   ".join(about)
    for symptom in runbook.symptoms:
        yield f"  ~ {symptom}"
    asked = [param for param in runbook.params if param.scope == "command"]
    if asked:
        yield "  parameters: " + ", ".join(param.name + (" (secret)" if param.secret else "") for param in asked)
    number = 0
    for phase in runbook.phases:
        yield ""
        yield f"  {phase.title}"
        parent = ""
        for step in phase.steps:
            number += 1
            if step.parent != parent:
                parent = step.parent
                if parent:
                    yield f"      {parent}"
            yield from _step(number, step)
    for info in runbook.info:
        if info.kind not in ("heading", "symptoms", "metadata") and (shared or not info.shared):
            yield ""
            yield from _info(info)
    yield ""


def _step(number: int, step: Step) -> Iterator[str]:
    box = "[ ] " if step.checkbox else ""
    badges = [words for name, words in _BADGES if getattr(step, name)]
    if step.wait_s is not None:
        badges.append(f"wait {step.wait_s:g} s")
    tail = f"   ({', '.join(badges)})" if badges else ""
    for note in step.notes:
        yield from _indented(note, "       ! ")
    yield f"  {number:>3}. {box}{step.title}   [{step.kind}]{tail}"
    if step.body:
        yield from _indented(step.body, "       | ")
    for command in step.commands:
        yield from _command(command)
    if step.expect:
        yield from _indented(step.expect, "       = ")
    if step.output:
        yield from _indented(step.output, "       > ")
    for target in step.calls:
        yield f"       -> {target}"


def _command(command: Command) -> Iterator[str]:
    if command.title:
        yield f"       # {command.title}"
    mark = "$" if command.runnable else "x"
    yield from _indented(command.text, f"       {mark} ")
    remarks = [command.why_not] if command.why_not else []
    remarks += ["destructive"] if command.effect == "destructive" else []
    remarks += (
        [{"follow": "goes on until stopped", "yes": "wants the terminal"}[command.tty]] if command.tty != "no" else []
    )
    remarks += command.warnings
    if remarks:
        yield f"         ({'; '.join(remarks)})"


def _info(info: Info) -> Iterator[str]:
    yield f"  i {info.title}   lines {info.line}-{info.end_line}"
    if info.body:
        yield from _indented(info.body, "    ")


def _indented(text: str, prefix: str) -> Iterator[str]:
    for line in text.split("\n"):
        yield (prefix + line).rstrip()
