"""The tables of the guide to runbooks, made from the registries: ``python -m console.runbook.guide docs/runbooks.md``."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from console.runbook.header import HEADER_KEYS, PARAM_KEYS
from console.runbook.keys import STEP_KEYS
from console.runbook.lint_rules import table


class _Key(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def takes(self) -> str: ...
    @property
    def says(self) -> str: ...


def _rows(keys: Iterable[_Key]) -> list[str]:
    return [
        "| key | takes | means |",
        "|---|---|---|",
        *(f"| `{key.name}` | {key.takes} | {key.says} |" for key in keys),
    ]


def _steps() -> list[str]:
    rows = ["| key | takes | means | only for |", "|---|---|---|---|"]
    return rows + [f"| `{k.name}` | {k.takes} | {k.says} | {', '.join(k.kinds)} |" for k in STEP_KEYS.values()]


def tables() -> dict[str, list[str]]:
    """The tables, by the names that the guide calls them by."""
    return {
        "runbook-keys": _rows(HEADER_KEYS.values()),
        "param-keys": _rows(PARAM_KEYS.values()),
        "step-keys": _steps(),
        "lint-rules": table(),
    }


def filled(page: str) -> str:
    """*page* with the tables of today between ``<!-- NAME -->`` and ``<!-- /NAME -->``."""
    for name, rows in tables().items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        block = "\n".join(rows)
        page = re.sub(pattern, lambda match, block=block: f"{match[1]}{block}\n{match[2]}", page, flags=re.DOTALL)  # type: ignore[misc]
    return page


if __name__ == "__main__":
    guide = Path(sys.argv[1])
    guide.write_text(filled(guide.read_text(encoding="utf-8")), encoding="utf-8")
