"""Fifty real files and parts of files, read by hand, and then by the program: the two must agree."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from console.runbook.library import read_runbook_file
from console.runbook.model import Document, Runbook, Step
from console.safe_yaml import load_file
from tests.console.runbook.sketch import sketch

READINGS: list[dict[str, Any]] = load_file(Path(__file__).parents[2] / "data" / "readings" / "corpus.yaml").data
IDS = [Path(one["file"]).stem for one in READINGS]
FAMILIES = {
    "does not parse": ("does not parse",),
    "placeholder that is a redirection to the shell": ("placeholder that parses as a redirection",),
    "context switch": ("context switch",),
    "dollar at the start of a word": ("dollar variable", "command substitution"),
    "prompts": ("prompts", "prompts with output", "root prompt", "console of a database"),
    "console without prompt": ("console without prompt", "untagged fence"),
    "query": ("query fence",),
    "configuration": ("config fence",),
    "admonition": ("admonition", "admonition in a list", "directive"),
    "broken list": ("broken list",),
    "literal numbers": ("literal numbers",),
    "template residue": ("template residue",),
    "language": ("Chinese",),
    "control flow and heredocs": ("control flow", "heredoc"),
    "groups": ("comment groups",),
    "nested tasks": ("nested tasks",),
    "no code": ("no code",),
    "expectation": ("expectation", "output fence"),
    "branch": ("branch",),
    "indented": ("indented code",),
    "inline": ("inline command",),
    "continuation": ("continuation",),
}


def test_each_hazard_is_read_twice_or_more() -> None:
    counts = Counter(hazard for one in READINGS for hazard in one["hazards"])
    assert len(READINGS) >= 40
    assert {name: sum(counts[one] for one in family) for name, family in FAMILIES.items()} == {
        name: pytest.approx(sum(counts[one] for one in family)) for name, family in FAMILIES.items()
    }
    assert all(sum(counts[one] for one in family) >= 2 for family in FAMILIES.values())


def source(shared: Path, reading: dict[str, Any]) -> tuple[Document, list[str]]:
    path = shared / reading["file"]
    return read_runbook_file(path), path.read_text(encoding="utf-8-sig").splitlines()


def steps(document: Document) -> dict[int, Step]:
    return {step.line: step for runbook in document.runbooks for step in runbook.steps()}


@pytest.mark.parametrize("reading", READINGS, ids=IDS)
def test_reading(shared: Path, reading: dict[str, Any]) -> None:
    document, lines = source(shared, reading)
    first, last = reading.get("lines", (1, len(lines)))
    found = [
        line
        for runbook in document.runbooks
        for phase, line in zip(runbook.phases, sketch(runbook), strict=True)
        if first <= phase.line <= last
    ]
    assert found == reading["phases"]
    if "title" in reading:
        _title(document.runbooks[0], lines, reading["title"])
    if "runbooks" in reading:
        assert [runbook.line for runbook in document.runbooks] == reading["runbooks"]
    if "params" in reading:
        names = [p.name for r in document.runbooks for p in r.params if p.scope == "command"]
        assert names == reading["params"]
    _details(document, lines, reading)


def _title(runbook: Runbook, lines: list[str], line: int) -> None:
    words = lines[line - 1].lstrip("# ").removeprefix("title:").replace("`", "").strip()
    assert runbook.title == words


def _details(document: Document, lines: list[str], reading: dict[str, Any]) -> None:
    found = steps(document)
    for line, why in reading.get("why", {}).items():
        reasons = [c.why_not or "" for step in found.values() for c in step.commands if c.line == line]
        assert any(why in reason for reason in reasons), (line, reasons)
    for name in ("expect", "output"):
        for line, quoted in reading.get(name, {}).items():
            text = getattr(found[line], name) or ""
            assert lines[quoted - 1].strip(" #") in text, (line, name, text)
    for line, target in reading.get("calls", {}).items():
        assert target in " ".join(found[line].calls)
    spans = [(step.line, step.end_line) for step in found.values()]
    for line in reading.get("info", []):
        assert not any(start <= line <= end for start, end in spans), line
        assert any(info.line <= line <= info.end_line for r in document.runbooks for info in r.info), line
