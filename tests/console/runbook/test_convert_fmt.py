"""Converting and formatting: nothing is lost, nothing changes its meaning, and twice is the same as once."""

# ruff: noqa: E501 - lines of Markdown side by side

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console import cli
from console.runbook.convert import ConvertError, convert
from console.runbook.coverage import uncovered
from console.runbook.essence import essence
from console.runbook.fmt import format_text
from console.runbook.markdown import read_markdown

PLAIN = (
    "# Gate stuck\n\n## Symptoms\n\n- It hangs\n\n## Steps\n\n1. Look: `systemctl status <service>`\n2. Delete: `rm -rf /srv/<folder>`\n\n"
    "## More\n\n```sh\n# First\ndf -h\n\n# Second\ndf -i\n```\n\n- [ ] a task\n  - [ ] below it\n"
)
ROOT = Path(__file__).parents[3]


def is_within(lines: list[str], others: list[str]) -> bool:
    """Whether *lines* stand in *others*, in order."""
    rest = iter(others)
    return all(line in rest for line in lines)


def lines_of(text: str) -> list[str]:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")


def holds(text: str, path: str = "x.md") -> str:
    made = convert(text, path)
    assert is_within(lines_of(text), lines_of(made))
    before, after = read_markdown(text, path), read_markdown(made, path)
    assert essence(after) == essence(before)
    assert uncovered(after.runbooks, lines_of(made)) == []
    assert convert(made, path) == made
    return made


def test_a_converted_file() -> None:
    made = holds(PLAIN)
    assert made.startswith("---\nparams:\n  service: {}\n  folder: {}\n---\n\n# Gate stuck\n")
    assert "<!-- {#look kind=check effect=change} -->\n1. Look:" in made
    assert "<!-- {#delete kind=run effect=destructive} -->\n2. Delete:" in made
    assert "# {#second kind=run effect=change}\n# Second\ndf -i\n" in made
    assert "  <!-- {#below-it kind=do} -->\n  - [ ] below it" in made
    assert [one.form for one in read_markdown(made, "x.md").runbooks] == ["annotated"]


def test_what_a_converted_file_says_is_taken() -> None:
    made = convert(PLAIN, "x.md").replace(
        "{#delete kind=run effect=destructive}", "{#delete kind=run timeout=5s undo=look}"
    )
    (runbook,) = read_markdown(made, "x.md").runbooks
    step = runbook.step("delete")
    assert step is not None
    assert (step.timeout_s, step.undo) == (5, "look")


def test_line_ends_and_the_mark_at_the_start_stay() -> None:
    made = holds("\ufeff" + PLAIN.replace("\n", "\r\n"))
    assert made.startswith("\ufeff---\r\nparams:")
    assert made.count("\n") == made.count("\r\n")


def test_ids_that_other_tools_use_stay_what_they_are() -> None:
    holds("# T\n\n## Steps\n\n### Install {#install}\n\n1. `ls`\n\n### Remove {#remove}\n\n1. `df -h`\n")


def test_a_broken_one_is_not_converted() -> None:
    with pytest.raises(ConvertError, match="correct it first: line 5: timeuot"):
        convert("# T\n\n## Steps\n\n### A {kind=do timeuot=5}\n", "x.md")


def files(shared: Path) -> list[Path]:
    return sorted([*(shared / "corpus").rglob("*.md"), *(shared / "seeds").glob("*.md")])


def read(path: Path) -> str:
    return path.read_bytes().decode("utf-8", errors="replace")


def test_seeds_and_every_twelfth_file_of_the_corpus(shared: Path) -> None:
    found = files(shared)
    assert len(found) > 600
    for path in {*found[::12], *(shared / "seeds").glob("*.md")}:
        text = read(path)
        formatted_holds(holds(text, str(path)), str(path))
        formatted_holds(text, str(path))


@pytest.mark.slow
def test_the_whole_corpus(shared: Path) -> None:
    for path in files(shared):
        text = read(path)
        made = holds(text, str(path))
        formatted_holds(text, str(path))
        formatted_holds(made, str(path))


# ── formatting


def formatted_holds(text: str, path: str = "x.md") -> str:
    made = format_text(text, path)
    assert format_text(made, path) == made
    if path.endswith(".md"):
        assert essence(read_markdown(made, path)) == essence(read_markdown(text, path))
    return made


def test_what_fmt_does() -> None:
    text = (
        "\n\n# T  \n\n\n\n## Steps\n### A {effect=read   kind=run #a  timeout='5s'}   \ntext\t\nhard break  \nnext\n"
        "```sh\nls   \n\n\n\ndf -h\n```\n\n\n## More\n<!--   {kind=do #b} -->\n- [ ] b\n\n\n"
    )
    assert formatted_holds(text) == (
        "# T\n\n## Steps\n### A {#a kind=run effect=read timeout=5s}\ntext\nhard break  \nnext\n"
        "```sh\nls   \n\n\n\ndf -h\n```\n\n## More\n<!-- {#b kind=do} -->\n- [ ] b\n"
    )


def test_fmt_of_yaml_leaves_texts_alone() -> None:
    text = "title: T   \n\n\n\nsteps:  # all\n- run: |\n    ls   \n\n\n    df\n  title: S\t\n\n\n"
    assert formatted_holds(text, "x.runbook.yaml") == (
        "title: T\n\nsteps:  # all\n- run: |\n    ls   \n\n\n    df\n  title: S\n"
    )
    assert format_text("title: [\n\n\n\n", "x.runbook.yaml") == "title: [\n\n\n\n"


LINE = st.sampled_from(
    [
        "", "", "  ", "# T", "## Steps", "## Symptoms  ", "### A {#a kind=run}", "### B {kind=do  #b}", "1. Look: `ls <x>`", "2. `df -h`  ",
        "- a\t", "- [ ] task", "  - [ ] below", "```sh", "```", "~~~", "df -h   ", "# {#c kind=run}", "<!-- {#d kind=check} -->", "{#e kind=do}",
        "> note  ", "!!! warning", "    indented  ", "| a | b |", "|---|---|", "text  ", "Expected: ok", "<div>", "</div>", "---", "title: x", "\ttab",
        "[a]: b.md", "```sh {timeout=5s}",
    ]
)  # fmt: skip


@settings(max_examples=250, deadline=None)
@given(st.lists(LINE, max_size=25).map("\n".join))
def test_fmt_of_anything(text: str) -> None:
    formatted_holds(text)


@settings(max_examples=250, deadline=None)
@given(st.lists(LINE, max_size=25).map("\n".join))
def test_convert_of_anything(text: str) -> None:
    try:
        holds(text)
    except ConvertError as error:
        assert "correct it first" in str(error)


YAML_LINE = st.sampled_from(
    [
        "title: T  ",
        "",
        "  ",
        "# c  ",
        "steps:",
        "- x  ",
        "- run: |",
        "    ls  ",
        "  text: >",
        "    a  ",
        "- 'a",
        "  b'",
        "x-y: 1",
    ]
)


@settings(max_examples=250, deadline=None)
@given(st.lists(YAML_LINE, max_size=14).map("\n".join))
def test_fmt_of_any_yaml(text: str) -> None:
    formatted_holds(text, "x.runbook.yaml")


def test_what_ships_is_formatted() -> None:
    assert cli.main(["runbooks", "fmt", "--check", str(ROOT / "runbooks")]) == 0


# ── the commands


def run(*arguments: str | Path) -> int:
    return cli.main(["runbooks", *map(str, arguments)])


def test_fmt_keeps_mode_and_links(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    real, link = tmp_path / "real.md", tmp_path / "link.md"
    real.write_text("# T   \n")
    real.chmod(0o640)
    link.symlink_to(real)
    assert run("fmt", "--check", link) == 1
    assert capsys.readouterr().out == f"{link}\n"
    assert real.read_text() == "# T   \n"
    assert run("fmt", link) == 0
    assert link.is_symlink()
    assert real.read_text() == "# T\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    before = real.stat()
    assert run("fmt", "--check", link) == 0
    assert run("fmt", link) == 0
    assert real.stat().st_mtime_ns == before.st_mtime_ns
    assert sorted(one.name for one in tmp_path.iterdir()) == ["home", "link.md", "real.md"]
    assert run("fmt", tmp_path / "gone") == 2
    (tmp_path / "latin.md").write_bytes(b"# \xe9   \n")
    assert run("fmt", tmp_path / "latin.md") == 0
    assert (tmp_path / "latin.md").read_bytes() == b"# \xe9   \n"


def test_convert_writes_over_nothing(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = tmp_path / "a.md", tmp_path / "b.md"
    source.write_text(PLAIN)
    assert run("convert", source) == 0
    assert capsys.readouterr().out == convert(PLAIN, "a.md")
    assert run("convert", source, "-o", target) == 0
    assert target.read_text() == convert(PLAIN, "a.md")
    assert run("convert", source, "-o", target) == 2
    assert run("convert", source, "-o", source) == 2
    assert source.read_text() == PLAIN
    assert run("convert", "--in-place", source) == 0
    assert source.read_text() == target.read_text()
    assert run("convert", tmp_path / "gone.md") == 2
    assert run("convert", tmp_path / "x.runbook.yaml") == 2
    assert run("lint", source) == 0


@pytest.mark.parametrize("template", ["rb", "rb-fr", "alert", "yaml"])
def test_each_template_is_read_and_clean_but_for_what_is_to_be_filled_in(
    template: str, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import json

    assert run("new", "RB-042: {owner} « hangs »", "--template", template, "-o", tmp_path) == 0
    path = Path(capsys.readouterr().out.strip())
    assert path.parent == tmp_path
    assert run("lint", "--all", "--json", path) == 0
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert {one["code"] for one in problems} == {"R012"}
    assert run("show", "--json", path) == 0
    (runbook,) = json.loads(capsys.readouterr().out)["runbooks"]
    assert runbook["title"] == "RB-042: {owner} « hangs »"
    assert runbook["owner"]
    assert {"check", "run", "decide"} <= {
        step["kind"] for phase in runbook["phases"] for step in phase["steps"]
    } or template == "alert"
    assert run("fmt", "--check", path) == 0
    before = path.read_bytes()
    assert run("new", "again", "--template", template, "-o", path) == 2
    assert path.read_bytes() == before


def test_new_without_a_name_and_with_a_link_in_the_way(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("new") == 0
    assert capsys.readouterr().out == "rb-xxx-title-of-the-runbook.md\n"
    (tmp_path / "link.md").symlink_to(tmp_path / "elsewhere.md")
    assert run("new", "x", "-o", tmp_path / "link.md") == 2
    assert not (tmp_path / "elsewhere.md").exists()
    assert run("new", "x", "--template", "yaml", "-o", tmp_path / "x.md") == 2
    assert run("new", " ") == 2
