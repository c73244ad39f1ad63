"""Calls ``vigie`` in this process, as its script does."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from console.cli import main


class Result(NamedTuple):
    """What a call left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """stdout as one JSON document."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """stdout as one JSON object a line."""
        return [json.loads(line) for line in self.out.splitlines()]


class Vigie:
    """``vigie`` on one database."""

    def __init__(self, database: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.database = database
        self._capsys = capsys
        self._patch = patch
        patch.setenv("TZ", "UTC")

    def __call__(self, *arguments: str | Path, stdin: bytes = b"") -> Result:
        """Run ``vigie --db … --actor ann ARGUMENTS`` with *stdin*."""
        self._patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        self._capsys.readouterr()
        code = main(["--db", str(self.database), "--actor", "ann", *map(str, arguments)])
        captured = self._capsys.readouterr()
        return Result(code, captured.out, captured.err)

    def ok(self, *arguments: str | Path, stdin: bytes = b"") -> Result:
        """The same; it must end with 0."""
        result = self(*arguments, stdin=stdin)
        assert result.code == 0, result.err
        return result
