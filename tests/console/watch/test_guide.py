"""docs/checks.md is what the code says, and its examples can be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.config import load
from console.services import CheckConfig
from console.watch.checks import checks_of
from console.watch.guide import EXAMPLES, fill
from console.watch.probes import probe_kinds, probe_module

DOCS = Path(__file__).parents[3] / "docs" / "checks.md"


def test_the_page_is_up_to_date() -> None:
    text = DOCS.read_text()
    assert fill(text) == text, "run: python -m console.watch.guide docs/checks.md"


@pytest.mark.parametrize("kind", probe_kinds())
def test_the_example_of_each_kind_can_be_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "vigie.yaml"
    path.write_text(f"services:\n  - name: s\n    checks:\n      - {EXAMPLES[kind]}\n")
    assert [check.kind for check in checks_of(load(path), path)] == [kind]


@pytest.mark.parametrize("kind", probe_kinds())
def test_no_key_of_a_kind_hides_behind_one_that_all_have(kind: str) -> None:
    common = {*CheckConfig.__struct_encode_fields__} - {"options"}
    assert not common & {*probe_module(kind).Options.__struct_encode_fields__}
