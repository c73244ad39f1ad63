"""The linter's findings, one rule at a time, and the commands around it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from console import cli
from console.runbook.lint import lint
from console.runbook.lint_rules import CODES
from console.runbook.markdown import read_markdown

TODAY = date(2026, 6, 1)


def findings(text: str, folder: Path | None = None) -> set[tuple[int, str, str]]:
    return {(one.line, one.code, one.level) for one in lint(read_markdown(text, "x.md"), text, folder, TODAY)}


@pytest.mark.parametrize(
    ("text", "line", "code", "level"),
    [
        ("# T\n\n## Steps\n\n## Rollback\n\n1. x\n", 3, "R011", "warning"),
        ("# T\n\n## Steps\n\n1. TODO\n", 5, "R012", "warning"),
        ("---\nreviewed: 2026-01-01\nreview_every: 90d\n---\n# T\n", 1, "R013", "warning"),
        ("---\nreviewed: soon\n---\n# T\n", 1, "R003", "warning"),
        ("# T\n\n## Steps\n\n1. `ls $WHERE`\n", 5, "R014", "info"),
        ("# T\n\n## Steps\n\n1. `ssh db`\n2. `sudo reboot`\n", 6, "R015", "warning"),
        ("# T\n\n## Steps\n\n```sh\nif [ x; then\n```\n", 6, "R016", "warning"),
        ("# T\n\n## Steps\n\n1. `curl --token=abc123 http://x`\n", 5, "R017", "error"),
        ("# T\n\n## Steps\n\n1. `curl --token <api-token> http://x`\n", 5, "R017", "info"),
        ("# T\n\n## Steps\n\n1. `systemctl restart x`\n", 5, "R018", "info"),
        ("# T\n\n## Steps\n\n1. `rm -rf /srv/x`\n", 5, "R019", "info"),
        ("# T\n\n## Steps\n\n```sh\n# systemctl restart x\n```\n", 6, "R020", "warning"),
        ("# T\n\n## Steps\n\n1. `echo '<name>'`\n", 5, "R021", "warning"),
        ("# T\n\n## Steps\n\n1. `echo \u202ex`\n", 5, "R022", "error"),
        ("# T\n\n## Steps\n\n1. `systemctl stop sshd`\n", 5, "R023", "warning"),
        ("---\na: [\n---\n# T\n", 3, "R002", "warning"),
    ],
)
def test_each_rule(text: str, line: int, code: str, level: str) -> None:
    assert (line, code, level) in findings(text)
    assert code in CODES


def test_dead_links(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# T\n")
    text = "# T\n\n- [a](there.md#x)\n- [b](gone.md)\n- [c](https://x/y.md)\n- [d](#here)\n"
    assert findings(text, tmp_path) == {(3, "R029", "info"), (4, "R010", "error")}


def test_a_good_one_is_silent() -> None:
    text = "# T\n\n## Mitigation\n\n1. Restart: `systemctl restart x`\n\n## Verification\n\n1. Look: `systemctl status x`\n"
    assert findings(text) == set()


def run(*arguments: str) -> int:
    return cli.main(list(arguments))


def test_lint_command(tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.md").write_text("# T\n\n## Steps\n\n1. [x](gone.md)\n")
    assert run("runbooks", "lint", str(tmp_path)) == 1
    assert capsys.readouterr().out.startswith(
        f"{tmp_path}/a.md:5: error R010 links to gone.md, which is not there; fix: "
    )
    (tmp_path / "gone.md").write_text("# G\n\n## Steps\n\n1. y\n")
    assert run("runbooks", "lint", "--json", str(tmp_path)) == 0
    assert json.loads(capsys.readouterr().out) == {"problems": []}
    assert run("runbooks", "lint", str(tmp_path / "no")) == 2


def test_show_has_the_shape_of_the_contract(tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.md"
    path.write_text("# T\n\n## Steps\n\n1. Look: `ls <folder>`\n")
    assert run("runbooks", "show", str(path), "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    (runbook,) = shown["runbooks"]
    assert {"id", "title", "symptoms", "match", "owner", "reviewed", "review_every", "params", "phases", "info"} <= set(
        runbook
    )
    (step,) = runbook["phases"][0]["steps"]
    assert {"id", "kind", "title", "body", "commands", "expect", "line", "end_line"} <= set(step)
    assert {"text", "lang", "runnable", "why_not", "params", "line", "end_line"} <= set(step["commands"][0])
    assert {"name", "default", "secret", "source"} <= set(runbook["params"][0])
    assert run("runbooks", "show", str(path)) == 0
    assert "$ ls <folder>" in capsys.readouterr().out


def test_show_by_name_and_what_is_not_there(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("runbooks", "show", "disk-full") == 0
    assert "A disk is full" in capsys.readouterr().out
    assert run("runbooks", "show", "nothing-of-the-kind") == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "nothing-of-the-kind" in error


def test_list(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "zebra.md").write_text("# Zebra crossing\n\n## Steps\n\n1. Stop\n")
    assert run("--runbooks", str(tmp_path), "runbooks", "list", "zebra") == 0
    assert capsys.readouterr().out == "zebra    1 steps  Zebra crossing\n"
    assert run("--runbooks", str(tmp_path), "runbooks", "list", "--json") == 0
    assert "disk-full" in {one["id"] for one in json.loads(capsys.readouterr().out)["runbooks"]}
    assert run("runbooks", "list", "no-such-word-anywhere") == 1


def test_new_writes_a_runbook_that_is_read_and_clean(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "n.md"
    assert run("--actor", 'a: "b"', "runbooks", "new", 'Gate: "stuck" {x}', "-o", str(path)) == 0
    assert capsys.readouterr().out == f"{path}\n"
    (runbook,) = read_markdown(path.read_text(), str(path)).runbooks
    assert (runbook.title, runbook.owner) == ('Gate: "stuck" {x}', 'a: "b"')
    assert len(list(runbook.steps())) >= 5
    assert run("runbooks", "lint", str(path)) == 0
    capsys.readouterr()
    assert run("runbooks", "new", "again", "-o", str(path)) == 2
    assert "exists already" in capsys.readouterr().err
