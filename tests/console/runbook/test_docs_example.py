"""The example in the documentation is a file that works."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.runbook import lexicon
from console.runbook.lexicon_file import NAME

DOCS = Path(__file__).parents[3] / "docs" / "runbooks.md"


@pytest.fixture
def example(tmp_path: Path) -> Iterator[Path]:
    section = DOCS.read_text().split("### Words of your own")[1]
    block = re.search(r"```yaml\n(.*?)```", section, re.DOTALL)
    assert block is not None
    path = tmp_path / NAME
    path.write_text(block[1])
    yield path
    path.unlink()
    lexicon.use(path)


def test_the_example_of_an_own_lexicon(example: Path) -> None:
    assert lexicon.use(example) is None
    assert lexicon.heading_class("Fire drill") == ("act", True)
    assert lexicon.starts("wait", "Hold the line")
    assert lexicon.heading_class("Configuration") == ("", False)
    assert lexicon.seconds("5 mn") == 300


def test_the_documented_classes_are_all_there_are() -> None:
    named = re.search(r"# (symptoms info [a-z ]+)\n", DOCS.read_text())
    assert named is not None
    assert tuple(named[1].split()) == lexicon.HEADING_CLASSES
