"""The Markdown form of the step model: plain Markdown, read as ever, whose steps carry keys in attributes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from console.runbook import keys, values
from console.runbook.attributes import ELSEWHERE, Mark, Marked
from console.runbook.keys import STRAY, UNKNOWN_KEY, WRONG_VALUE, Findings
from console.runbook.model import Command, Document, Info, Param, Phase, Problem, Runbook, Step
from console.runbook.settle import Keys, outfit, settle

if TYPE_CHECKING:
    from console.runbook.markdown import Reader


def read_annotated(marked: Marked, reader_of: Callable[[str, Collection[int]], Reader]) -> Document:
    """Read a file whose attributes are taken out (*marked*), with the reader for plain Markdown, and put them on."""
    singles = [mark.row for mark in marked.marks if mark.form == "heading" and not mark.is_phase]
    reader = reader_of("\n".join(marked.lines), singles)
    plain = reader.document()
    findings = Findings(lambda _: 1)
    places = _Places(plain, marked)
    runbooks = [_annotated(number, one, places, findings) for number, one in enumerate(plain.runbooks)]
    for mark in places.stray:
        message = "these attributes belong to no step: they stand on the line before one, or behind a heading"
        findings.problems.append(Problem(mark.line, "error", STRAY, message))
    lines = _Lines(marked)
    problems = [_raised(one) for one in lines.problems(plain.problems)]
    document = Document(plain.path, tuple(map(lines.runbook, runbooks)), tuple(problems))
    return settle(document, findings, Keys(lambda r, s, _: places.line(r, s), reader.page.scope))


def _raised(problem: Problem) -> Problem:
    """Front matter of a file that is written for Vigie must be right."""
    wrong = problem.code in (UNKNOWN_KEY, WRONG_VALUE)
    return msgspec.structs.replace(problem, level="error") if wrong else problem


class _Places:
    """Which step each mark is for. Steps are (runbook number, step number)."""

    def __init__(self, document: Document, marked: Marked) -> None:
        self.marks: dict[tuple[int, int], list[Mark]] = {}
        self.phases: dict[int, Mark] = {}
        self.stray: list[Mark] = []
        self._steps = [
            ((r, s), step) for r, runbook in enumerate(document.runbooks) for s, step in enumerate(runbook.steps())
        ]
        self._origin = marked.origin
        self._starts: dict[int, list[tuple[int, int]]] = {}
        for place, step in self._steps:
            self._starts.setdefault(step.line - 1, []).append(place)
        titles = {phase.line - 1 for runbook in document.runbooks for phase in runbook.phases}
        for mark in marked.marks:
            self._put(mark, marked.lines, titles)

    def _put(self, mark: Mark, lines: Sequence[str], titles: Collection[int]) -> None:
        if mark.is_phase:
            if mark.row in titles:
                self.phases[mark.row] = mark
            elif mark.attributes.pairs:
                self.stray.append(mark)
            return
        place = self._inside(mark.row) if mark.form == "fence" else self._next(mark, lines)
        if place is None:
            self.stray.append(mark)
        else:
            self.marks.setdefault(place, []).append(mark)

    def _next(self, mark: Mark, lines: Sequence[str]) -> tuple[int, int] | None:
        """The step that starts at the mark's row, or after blank ones; of several the first that has none yet."""
        row = mark.row
        while row < len(lines) - 1 and not lines[row].strip():
            row += 1
        starting = self._starts.get(row, [])
        return next((place for place in starting if place not in self.marks), None)

    def _inside(self, row: int) -> tuple[int, int] | None:
        around = [
            (step.end_line - step.line, place) for place, step in self._steps if step.line <= row + 1 <= step.end_line
        ]
        return min(around)[1] if around else None

    def line(self, runbook: int, step: int) -> int:
        """The source line of a step's attributes, or of the step."""
        found = self.marks.get((runbook, step))
        if found:
            return found[0].line
        line = next(one.line for place, one in self._steps if place == (runbook, step))
        return self._origin[min(line, len(self._origin)) - 1]


def _annotated(number: int, runbook: Runbook, places: _Places, findings: Findings) -> Runbook:
    count = 0
    phases = []
    for phase in runbook.phases:
        steps = []
        for step in phase.steps:
            steps.append(_with_keys(step, places.marks.get((number, count), ()), findings))
            count += 1
        phases.append(_phase(phase, steps, places.phases.get(phase.line - 1), findings))
    return msgspec.structs.replace(runbook, phases=tuple(phases), form="annotated")


def _phase(phase: Phase, steps: Sequence[Step], mark: Mark | None, findings: Findings) -> Phase:
    fields: dict[str, Any] = {}
    if mark is not None:
        known = {"kind": values.phase_kind, "pause": values.line}
        at = Findings(lambda _: mark.line)
        for name, value in mark.attributes.given().items():
            if name == "id":
                continue
            if name not in known:
                at.unknown((name,), known)
            elif (read := at.read((name,), known[name], value)) is not None:
                fields[name] = read
        findings.problems.extend(at.problems)
    return msgspec.structs.replace(phase, steps=tuple(steps), **fields)


def _with_keys(step: Step, marks: Sequence[Mark], findings: Findings) -> Step:
    """*step* as its attributes want it; one without any keeps what was read, and its id is made again."""
    given: dict[str, Any] = {}
    line = marks[0].line if marks else step.line
    at = Findings(lambda _: line)
    for mark in marks:
        for name, value in mark.attributes.given().items():
            if name in given and given[name] != value:
                at.add((name,), WRONG_VALUE, f"{name}: given twice for one step")
            elif name in ELSEWHERE:
                at.add((name,), WRONG_VALUE, f"{name}: in Markdown the text says it, not an attribute")
            else:
                given[name] = value
    if not marks:
        return msgspec.structs.replace(step, id="")
    found = keys.read_keys(given, (), at, _kind(step, given))
    kind = found.get("kind") or _kind(step, found)
    if needs := _missing(kind, found, step):
        at.add(("kind",), WRONG_VALUE, f"{needs}: a {kind} step needs it")
    findings.problems.extend(at.problems)
    fields = {**keys.fields(found), "id": found.get("id", ""), "kind": kind}
    if "expect" in fields and step.expect:
        fields["expect"] = f"{step.expect}\n{fields['expect']}"
    whole = None if step.whole is None else outfit([step.whole], found)[0]
    return msgspec.structs.replace(step, commands=outfit(step.commands, found), whole=whole, **fields)


def _kind(step: Step, found: Mapping[str, Any]) -> str:
    """The kind where the attributes do not say: what their keys mean, else what the words do."""
    told = keys.kind_of(found)
    return step.kind if told == "do" else told


def _missing(kind: str, found: Mapping[str, Any], step: Step) -> str:
    if kind == "wait":  # what it waits for may stand in its words
        return ""
    if kind == "run":
        return "" if step.commands else "a command"
    return keys.missing(kind, {**found, **({"runbook": True} if step.calls else {})})


class _Lines:
    """Lines of the cleaned text as lines of the file. What a mark stands before begins at the mark."""

    def __init__(self, marked: Marked) -> None:
        self._origin = marked.origin
        self._first: dict[int, int] = {}
        for mark in marked.marks:
            if mark.form == "line":
                row = mark.row
                while row < len(marked.lines) - 1 and not marked.lines[row].strip():
                    row += 1
                self._first.setdefault(row, mark.line)

    def end(self, line: int) -> int:
        return self._origin[min(line, len(self._origin)) - 1] if line and self._origin else line

    def start(self, line: int) -> int:
        return self._first.get(line - 1) or self.end(line)

    def problems(self, found: Sequence[Problem]) -> list[Problem]:
        return [msgspec.structs.replace(one, line=self.end(one.line)) for one in found]

    def runbook(self, one: Runbook) -> Runbook:
        return msgspec.structs.replace(
            one,
            line=self.end(one.line),
            end_line=self.end(one.end_line),
            params=tuple(self._param(param) for param in one.params),
            phases=tuple(self._phase(phase) for phase in one.phases),
            info=tuple(self._info(info) for info in one.info),
        )

    def _param(self, one: Param) -> Param:
        return msgspec.structs.replace(one, line=self.end(one.line))

    def _info(self, one: Info) -> Info:
        return msgspec.structs.replace(one, line=self.end(one.line), end_line=self.end(one.end_line))

    def _phase(self, one: Phase) -> Phase:
        return msgspec.structs.replace(
            one, line=self.end(one.line), end_line=self.end(one.end_line), steps=tuple(map(self._step, one.steps))
        )

    def _step(self, one: Step) -> Step:
        return msgspec.structs.replace(
            one,
            line=self.start(one.line),
            end_line=self.end(one.end_line),
            commands=tuple(map(self._command, one.commands)),
            whole=None if one.whole is None else self._command(one.whole),
        )

    def _command(self, one: Command) -> Command:
        return msgspec.structs.replace(one, line=self.end(one.line), end_line=self.end(one.end_line))
