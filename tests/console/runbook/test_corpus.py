"""Real runbooks by the hundred: no crash, no lost line, and steps out of most of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from console.runbook.coverage import uncovered
from console.runbook.library import read_runbook_file
from console.runbook.model import document_from_json


@pytest.fixture(scope="module")
def corpus(shared: Path) -> list[Path]:
    return sorted(path for path in (shared / "corpus").rglob("*.md") if path.name != "SOURCES.md")


def test_every_file_is_read_whole_and_most_give_steps(shared: Path, corpus: list[Path]) -> None:
    files: Counter[str] = Counter()
    yielding: Counter[str] = Counter()
    for path in corpus:
        document = read_runbook_file(path)
        lines = path.read_text(encoding="utf-8-sig", errors="replace").replace("\r\n", "\n").split("\n")
        assert uncovered(document.runbooks, lines) == [], path
        assert document_from_json(document.to_json()) == document, path
        assert all(problem.level != "error" for problem in document.problems), path
        group = path.relative_to(shared / "corpus").parts[0]
        files[group] += 1
        yielding[group] += any(True for runbook in document.runbooks for _ in runbook.steps())
        for runbook in document.runbooks:
            for step in runbook.steps():
                assert 1 <= step.line <= step.end_line <= len(lines), (path, step.title)
                assert step.title, (path, step.line)
                for command in step.commands:
                    assert command.runnable == (command.why_not is None)
                    assert step.line <= command.line <= command.end_line <= step.end_line, (
                        path,
                        step.title,
                        command.text,
                    )
    assert sum(files.values()) == 606
    for group in ("prometheus-operator", "cloudnative-pg"):
        assert yielding[group] / files[group] >= 0.97
    others = [group for group in files if group not in ("prometheus-operator", "cloudnative-pg")]
    assert sum(yielding[group] for group in others) / sum(files[group] for group in others) >= 0.72
