"""What commands list and look up is what a library has, and no file that is known is read again for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from console import cli
from console.runbook import stocking
from console.runbook.at_hand import at_hand
from console.runbook.library import load_library


@pytest.fixture
def books(tmp_path: Path, home: Path) -> Path:
    folder = tmp_path / "books"
    for team in ("a", "b"):
        (folder / team).mkdir(parents=True)
        (folder / team / "restart.md").write_text(f"# Restart\n\n## Steps\n\n1. Restart {team}\n")
    (folder / "page.md").write_text("# A page\n\nTo read.\n")
    (folder / "worse.runbook.yaml").write_text("title: [\n")
    return folder


def test_it_has_what_a_library_has_under_the_same_ids(books: Path) -> None:
    library = load_library([books])
    here = at_hand([books])
    assert [name for name, _ in here.search("")] == [entry.id for entry in library.entries]
    assert {name for name, _ in here.search("", pages=True)} == {
        entry.id for entry in (*library.entries, *library.pages)
    }
    for entry in (*library.entries, *library.pages):
        assert here.get(entry.id) == entry.runbook
    assert here.get("A page") == library.pages[0].runbook
    assert here.get("nothing of the kind") is None
    assert {name for name, _ in here.search("restart b")} == {entry.id for entry in library.search("restart b")}
    assert [str(one) for one in library.problems if one.problem.level == "error"] == list(here.problems)


def test_what_is_known_is_not_read_again_and_what_changed_is(books: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_hand([books])
    read: list[str] = []
    once = stocking.read_known
    monkeypatch.setattr(stocking, "read_known", lambda path, name: (read.append(name), once(path, name))[1])
    assert len(at_hand([books]).cards) > 3
    assert read == []
    changed = books / "a" / "restart.md"
    changed.write_text("# Restart it all\n\n## Steps\n\n1. Restart\n")
    os.utime(changed, (1, 1))
    assert "Restart it all" in {card.title for card in at_hand([books]).cards.values()}
    assert read == [str(changed)]


def test_a_catalog_that_can_not_be_kept_is_no_reason_to_list_nothing(
    books: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = stocking.place()
    assert place is not None
    place.unlink()
    place.mkdir()
    assert cli.main(["--runbooks", str(books), "runbooks", "list", "restart"]) == 0
    assert "Restart" in capsys.readouterr().out
