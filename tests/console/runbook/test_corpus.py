"""Real runbooks by the hundred: no crash, no lost line, and steps out of most of them."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from console.runbook.coverage import uncovered
from console.runbook.library import read_runbook_file
from console.runbook.model import document_from_json
from tests.bench._shapes import SHAPES, accounted, shapes


@pytest.mark.parametrize("folder", ["corpus", "seeds"])
def test_each_line_is_somewhere_and_so_are_its_words(shared: Path, folder: str) -> None:
    places: Counter[str] = Counter()
    found: Counter[str] = Counter()
    files = sorted(path for path in (shared / folder).rglob("*.md") if path.name != "SOURCES.md")
    for path in files:
        document = read_runbook_file(path)
        lines = path.read_text(encoding="utf-8-sig", errors="replace").replace("\r\n", "\n").split("\n")
        places += accounted(document, lines)
        found.update(shapes(lines))
        kept = document.to_json().decode()
        for number, line in enumerate(lines, 1):
            words = re.findall(r"[^\W_]{4,}", re.sub(r"^(?:`{3,}|~{3,}|:{3,}|!{3,}).*|<!--.*|\]\(.*", "", line.strip()))
            assert not words or any(word in kept for word in words), (path, number, line)
    print(f"\n{folder}: {len(files)} files, lines: " + ", ".join(f"{n:,} {name}" for name, n in places.most_common()))
    print("\n".join(f"  {shape:<28} {100 * found[shape] / len(files):5.1f} %  {found[shape]:4}" for shape in SHAPES))
    assert places["lost"] == 0
    assert places["steps"] > 0.4 * places.total()


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
