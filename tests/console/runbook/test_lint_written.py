"""The linter on written runbooks, its registry, and the guide that is made from it."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest

from console import cli
from console.runbook import guide
from console.runbook.carrier_yaml import read_yaml
from console.runbook.library import read_runbook_file
from console.runbook.lint import lint_file
from console.runbook.lint_rules import CODES
from console.runbook.markdown import read_markdown

ROOT = Path(__file__).parents[3]
TODAY = date(2026, 6, 1)
HEAD = "title: T\nowner: o\nreviewed: 2026-05-01\nreview_every: 90d\n"


def findings(folder: Path, text: str, name: str = "x.runbook.yaml") -> set[tuple[int, str, str]]:
    path = folder / name
    path.write_text(text)
    document = read_runbook_file(path)
    return {(one.line, one.code, one.level) for one in lint_file(path, document, TODAY, {"known one"})}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("steps:\n- {title: S, kind: do}\n", set()),
        ("steps:\n- {title: S, efect: read}\n", {(6, "R005", "error")}),
        ("steps:\n- {title: S, timeout: x}\n", {(6, "R006", "error")}),
        ("steps:\n- {title: S, next: x}\n", {(6, "R007", "error")}),
        ("steps:\n- {title: S, id: a}\n- {title: S, id: a}\n", {(7, "R008", "error")}),
        ("steps:\n- {title: S, kind: do, text: 'TODO: x'}\n", {(6, "R012", "warning")}),
        ("steps:\n- {title: S, kind: check, run: 'ls $where', expect: a}\n", {(6, "R014", "warning")}),
        ("steps:\n- {title: S, run: touch x}\n", {(6, "R018", "warning")}),
        ("steps:\n- {title: S, run: touch x, effect: read}\n", set()),
        ("steps:\n- {title: S, run: rm -r x, expect: y}\n", {(6, "R019", "warning"), (6, "R025", "info")}),
        ("steps:\n- {title: S, run: rm -r x, expect: y, undo: from the backup, confirm: enter}\n", set()),
        ("steps:\n- {title: S, run: rm -r x, expect: y, undo: no way, confirm: enter, effect: read}\n", {(6, "R024", "warning")}),
        ("steps:\n- {title: S, kind: check, run: ls}\n", {(6, "R026", "info")}),
        ("steps:\n- {title: S, runbook: unknown one}\n", {(6, "R030", "error")}),
        ("steps:\n- {title: S, runbook: Known One}\n", set()),
        ("steps:\n- {title: S, runbook: gone.md}\n", {(6, "R030", "error")}),
        ("steps:\n- {title: S, text: 'see [this](gone.md)'}\n", {(6, "R010", "error")}),
        ('steps:\n- {title: S, kind: check, run: "ls \\u202e", expect: y}\n', {(6, "R022", "error")}),
        ("steps:\n- {title: S, kind: check, run: 'if [', expect: y}\n", {(6, "R016", "warning")}),
    ],
)  # fmt: skip
def test_each_rule_on_yaml(text: str, expected: set[tuple[int, str, str]], tmp_path: Path) -> None:
    assert findings(tmp_path, HEAD + text) == expected


def test_each_rule_on_attributes(tmp_path: Path) -> None:
    head = "---\nowner: o\nreviewd: 2026-05-01\n---\n\n# T\n\n## Steps\n\n"
    text = f"{head}### A {{#a kind=run}}\n\n```sh\nrm -r /srv/x\n```\n\n### B {{#b kind=do}}\n"
    assert findings(tmp_path, text, "x.md") == {
        (1, "R009", "warning"),
        (1, "R031", "info"),
        (10, "R018", "warning"),
        (10, "R019", "warning"),
        (10, "R025", "info"),
    }


def test_an_overdue_review(tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (1, "R013", "warning") in findings(
        tmp_path, "title: T\nreviewed: 2020-01-01\nreview_every: 1y\nsteps: [x]\n"
    )
    cli.main(["--runbooks", str(tmp_path), "runbooks", "list", "--json"])
    rows = {one["id"]: one for one in json.loads(capsys.readouterr().out)["runbooks"]}
    assert rows["x"]["overdue_days"] > 365
    cli.main(["--runbooks", str(tmp_path), "doctor"])
    assert re.search(r"note +runbooks +x: its review is \d+ days overdue", capsys.readouterr().out)


def test_show_of_a_broken_one_is_2(tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "b.runbook.yaml"
    path.write_text("title: T\nsteps:\n- {title: S, timeuot: 5}\n")
    assert cli.main(["runbooks", "show", str(path)]) == 2
    assert capsys.readouterr().err == f"{path}:3: timeuot: not a known key; did you mean 'timeout'?\n"
    assert cli.main(["--runbooks", str(tmp_path), "runbooks", "list", "T"]) == 0
    assert "(broken)" in capsys.readouterr().out


def test_what_ships_is_clean(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["runbooks", "lint", "--json", str(ROOT / "runbooks")]) == 0
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert [problem for problem in problems if problem["code"] != "R013"] == []  # a review falls due by itself


def test_every_code_that_is_used_has_its_rule() -> None:
    used = set()
    for path in (ROOT / "console").rglob("*.py"):
        used |= set(re.findall(r'"(R0\d\d)"', path.read_text(encoding="utf-8")))
    assert used == set(CODES)
    assert all(rule.finds and rule.fix and rule.level in ("error", "warning", "info") for rule in CODES.values())


def test_the_guide_is_that_of_the_registries() -> None:
    page = (ROOT / "docs" / "runbooks.md").read_text(encoding="utf-8")
    assert guide.filled(page) == page, "run: python -m console.runbook.guide docs/runbooks.md"
    for name in guide.tables():
        assert f"<!-- {name} -->\n|" in page


def test_the_examples_of_the_guide_are_right() -> None:
    page = (ROOT / "docs" / "runbooks.md").read_text(encoding="utf-8")
    (markdown,) = re.findall(r"````markdown\n(.*?)````", page, re.DOTALL)
    (text,) = re.findall(r"```yaml\n(title.*?)```", page, re.DOTALL)
    first = read_markdown(markdown, "guide.md")
    assert first.problems == ()
    assert [step.id for step in first.runbooks[0].steps()] == ["depth", "deep", "restart"]
    second = read_yaml(text, "guide.runbook.yaml")
    assert second.problems == ()
    assert [step.kind for step in second.runbooks[0].steps()] == ["check", "decide", "run", "do"]
