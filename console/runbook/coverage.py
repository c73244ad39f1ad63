"""The promise that no line is dropped, kept: what no step, phase or info spans is given to one."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from console.runbook.model import Info, InfoKind, Runbook


def spans(runbook: Runbook) -> list[tuple[int, int]]:
    """Every ``(line, end_line)`` of a runbook's phases, steps and infos."""
    found = [(info.line, info.end_line) for info in runbook.info]
    for phase in runbook.phases:
        found.append((phase.line, phase.end_line))
        found.extend((step.line, step.end_line) for step in phase.steps)
    return found


def uncovered(runbooks: Sequence[Runbook], lines: Sequence[str]) -> list[int]:
    """The 1-based numbers of the non-blank lines that no runbook spans."""
    covered = bytearray(len(lines) + 2)
    for runbook in runbooks:
        for line, end in spans(runbook):
            covered[line : end + 1] = b"\x01" * (min(end, len(lines)) - line + 1)
    return [number for number, text in enumerate(lines, 1) if text.strip() and not covered[number]]


def cover(runbooks: list[Runbook], lines: Sequence[str]) -> list[Runbook]:
    """The runbooks with every non-blank line spanned: a rule extends what stands before it, other text becomes an info of
    the runbook around it."""
    missing = uncovered(runbooks, lines)
    if not missing or not runbooks:
        return runbooks
    found = list(runbooks)
    for start, end in _runs(missing, lines):
        text = "\n".join(lines[start - 1 : end])
        index = max((i for i, one in enumerate(found) if one.line <= start), key=lambda i: found[i].line, default=0)
        if re.fullmatch(r"[\s*_=-]*", text) and (longer := _extended(found, start, end)) is not None:
            found = longer
        else:
            kind: InfoKind = "text" if re.search(r"\w", text) else "heading"
            info = sorted(
                [*found[index].info, Info("", text, start, end, kind)], key=lambda one: (one.shared, one.line)
            )
            found[index] = msgspec.structs.replace(found[index], info=tuple(info))
    return found


def _runs(numbers: Sequence[int], lines: Sequence[str]) -> list[tuple[int, int]]:
    """Consecutive lines, blank ones between them included."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and not any(line.strip() for line in lines[found[-1][1] : number - 1]):
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def _extended(runbooks: list[Runbook], start: int, end: int) -> list[Runbook] | None:
    """The runbooks with the phase or info that ends last before *start* reaching to *end*."""
    best = max((span[1] for runbook in runbooks for span in spans(runbook) if span[1] < start), default=0)
    if not best:
        return None
    found, changed = [], False
    for runbook in runbooks:
        infos = tuple(
            msgspec.structs.replace(one, end_line=end) if one.end_line == best else one for one in runbook.info
        )
        phases = runbook.phases
        if infos == runbook.info:
            phases = tuple(
                msgspec.structs.replace(one, end_line=end) if one.end_line == best else one for one in phases
            )
        changed = changed or infos != runbook.info or phases != runbook.phases
        found.append(msgspec.structs.replace(runbook, info=infos, phases=phases))
    return found if changed else None
