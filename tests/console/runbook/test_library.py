"""Finding, searching and ranking runbooks; and files that nobody should have to survive."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.runbook.coverage import uncovered
from console.runbook.library import Library, Shelf, load_library, read_runbook_file
from console.runbook.markdown import read_markdown


def book(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def library(tmp_path: Path) -> Library:
    book(
        tmp_path,
        "Déluge.md",
        "# Cave inondée\n\n## Symptômes\n\n- Eau sur le sol\n\n## Actions\n\n1. Fermer la vanne\n",
    )
    book(tmp_path, "CellarPumpStopped.md", "# Pump\n\n## Mitigation\n\n1. Restart it: `systemctl restart pump`\n")
    book(
        tmp_path, "declared.md", "---\nmatch: {alertname: Roof.*, site: north}\n---\n# Roof\n\n## Steps\n\n1. Look up\n"
    )
    book(
        tmp_path,
        "queue.md",
        "# Mail queue grows\n\n## Symptoms\n\n- Letters wait for hours\n\n## Steps\n\n1. Count them\n",
    )
    book(tmp_path, "page.md", "# About us\n\nWe are nice.\n")
    book(tmp_path, ".git/hidden.md", "# Hidden\n\n## Steps\n\n1. No\n")
    return load_library([tmp_path], shipped=False)


def test_pages_do_not_stand_among_runbooks(library: Library) -> None:
    assert {entry.id for entry in library.entries} == {"deluge", "cellarpumpstopped", "declared", "queue"}
    assert [entry.runbook.title for entry in library.pages] == ["About us"]


def test_search_ignores_case_and_accents_and_ranks_titles_first(library: Library) -> None:
    assert [entry.id for entry in library.search("INONDEE")] == ["deluge"]
    assert [entry.id for entry in library.search("pump rest")] == ["cellarpumpstopped"]
    assert [entry.id for entry in library.search("eau sol")] == ["deluge"]
    assert library.search("pump nothing-such") == []
    assert len(library.search("")) == 4


@pytest.mark.parametrize(
    ("name", "labels", "annotations", "first", "reason"),
    [
        ("Anything", {}, {"runbook_url": "https://wiki.example/books/queue.md"}, "queue", "runbook_url"),
        ("RoofLeaks", {"site": "north"}, {}, "declared", "declared for alertname=RoofLeaks, site=north"),
        ("CellarPumpStopped", {}, {}, "cellarpumpstopped", "named after the alert"),
        ("MailQueueHigh", {}, {"summary": "letters wait"}, "queue", "share: queue, mail"),
        ("Unknown", {}, {"description": "eau sur le sol de la cave"}, "deluge", "symptoms"),
    ],
)
def test_rank_says_why(
    library: Library, name: str, labels: dict[str, str], annotations: dict[str, str], first: str, reason: str
) -> None:
    ranked = library.rank(name, labels, annotations)
    assert ranked[0][0].id == first
    assert reason in ranked[0][2]


def test_a_declared_runbook_matches_by_its_declaration_alone(library: Library) -> None:
    assert "declared" not in [entry.id for entry, _, _ in library.rank("RoofLeaks", {"site": "south"})]
    assert library.rank("Zzz", {}, {}) == []


def test_the_shipped_ones_are_found_and_clean() -> None:
    library = load_library([])
    assert {"disk-full", "memory-pressure", "high-load", "service-down", "stale-data", "the-console-itself"} <= {
        e.id for e in library.entries
    }
    assert library.problems == ()
    assert library.rank("NodeFilesystemSpaceFillingUp", {}, {"summary": "disk is filling up"})[0][0].id == "disk-full"


def test_equal_ids_are_told_apart(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        book(tmp_path, f"{folder}/restart.md", "# Restart\n\n## Steps\n\n1. Do it\n")
    library = load_library([tmp_path], shipped=False)
    assert (
        sorted(entry.id for entry in library.entries) == ["b-restart", "restart"]
        or len({e.id for e in library.entries}) == 2
    )
    found = library.get("restart")
    assert found is not None


def test_a_file_is_read_again_only_when_it_changed(tmp_path: Path) -> None:
    path = book(tmp_path, "a.md", "# A\n\n## Steps\n\n1. one\n")
    shelf = Shelf()
    first = load_library([tmp_path], shelf, shipped=False).entries[0].runbook
    assert load_library([tmp_path], shelf, shipped=False).entries[0].runbook is first
    path.write_text("# A\n\n## Steps\n\n1. another\n")
    second = load_library([tmp_path], shelf, shipped=False).entries[0].runbook
    assert next(second.steps()).title == "another"
    assert second.hash != first.hash


# ── files that nobody should have to survive


def test_too_large_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "huge.md"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    (problem,) = read_runbook_file(path).problems
    assert (problem.level, problem.line) == ("error", 0)
    assert "too large" in problem.message


def test_not_text_and_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "x.md"
    path.write_bytes(b"\x00\x01\x02")
    assert read_runbook_file(path).problems[0].message == "is not text: it holds a NUL"
    path.write_bytes(b"# T\n\n## Steps\n\n1. caf\xe9\n")
    document = read_runbook_file(path)
    assert [problem.line for problem in document.problems] == [5]
    assert next(document.runbooks[0].steps()).title == "caf\ufffd"


def test_missing_and_unreadable(tmp_path: Path) -> None:
    assert read_runbook_file(tmp_path / "no.md").problems[0].code == "R001"
    library = load_library([tmp_path / "nowhere"], shipped=False)
    assert "no such folder" in str(library.problems[0])


@pytest.mark.parametrize(
    "text",
    [
        ">" * 1000 + " x",
        "\n".join("  " * depth + "- [ ] x" for depth in range(1000)),
        "# S\n\n## Steps\n\n```sh\n" + "(" * 10_000 + "\n```\n",
        "# S\n\n## Steps\n\n```sh\necho " + "$(" * 9_000 + "\n```\n",
        "# S\n\n## Steps\n\n```sh\n" + "if x; then " * 1500 + "\n```\n",
        "[" * 50_000,
        "**" * 20_000,
        "---\na: &a [1]\n" + "".join(f"b{n}: [*a,*a,*a]\n" for n in range(50)) + "---\n# T\n",
        "---\na: [\n---\n# T\n\n## Steps\n\n1. still read\n",
        "```sh\nunclosed",
        "",
        "\n\n\n",
        "\ufeff",
    ],
    ids=lambda text: repr(text[:24]),
)
def test_no_shape_breaks_it(text: str) -> None:
    document = read_markdown(text, "x.md")
    if document.runbooks:
        assert uncovered(document.runbooks, text.removeprefix("\ufeff").split("\n")) == []


_LINES = (
    "# T|## Steps|### 1. A|## Symptoms|**Actions:**|- Actions:|- [ ] a|  - [ ] b|1. x `df -h`|2. y|```sh|```|ls <a>|# 1. c|$ ls|"
    "> [!NOTE]|> q|!!! note|    code|text: more|+++|:::|<!-- x -->|[a]: b|===|\t- t|---||exit|ssh h|Expected: z"
)
LINES = st.sampled_from([*_LINES.split("|"), "| a | b |", "|---|---|"])


@settings(deadline=None, max_examples=300)
@given(st.lists(LINES, max_size=40))
def test_any_mixture_is_read_whole(lines: list[str]) -> None:
    document = read_markdown("\n".join(lines), "x.md")
    assert document.runbooks
    assert uncovered(document.runbooks, lines) == []
    for runbook in document.runbooks:
        for step in runbook.steps():
            assert 1 <= step.line <= step.end_line <= len(lines)
            for command in step.commands:
                assert step.line <= command.line <= command.end_line <= step.end_line


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    read_markdown(text, "x.md").to_json()
