"""Standard streams that are closed, full, gone, or of a narrow locale: the command does its work and says so honestly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_VIGIE = [sys.executable, "-P", "-c", "from screens.main import main; import sys; sys.exit(main())"]


def _shell(script: str, database: Path, **environ: str) -> subprocess.CompletedProcess[bytes]:
    """Run *script* with ``"$@"`` as vigie."""
    return subprocess.run(
        ["bash", "-c", script, "bash", *_VIGIE],
        env={**os.environ, "VIGIE_DB": str(database), "VIGIE_ACTOR": "ann", **environ},
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "call",
    [
        "declare sev2 slow",
        "note checked",
        "exec -- true",
        "timeline",
        "timeline --json",
        "export",
        "metrics --json",
        "incidents",
        "verify",
        "runbooks list",
        "config show",
    ],
)
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_keep_no_command_from_its_work(call: str, closed: str, database: Path) -> None:
    assert _shell('"$@" declare first', database).returncode == 0
    done = _shell(f'"$@" {call} {closed}', database)
    assert (done.returncode, done.stderr) in [(0, b""), (0, done.stderr if b"vigie: " not in done.stderr else b"")]


def test_what_is_declared_with_all_streams_closed_is_recorded(database: Path) -> None:
    assert _shell('"$@" declare unseen <&- >&- 2>&-', database).returncode == 0
    assert b"unseen" in _shell('"$@" incidents', database).stdout


@pytest.mark.parametrize("call", ["timeline", "timeline --json", "incidents", "export", "--help", "--version"])
def test_a_full_stdout_is_one_line_and_two(call: str, database: Path) -> None:
    assert _shell('"$@" declare first', database).returncode == 0
    done = _shell(f'"$@" {call} >/dev/full', database)
    assert done.returncode == 2
    assert done.stderr.decode() == (
        "vigie: stdout can't be written (No space left on device): what was to be shown is incomplete\n"
    )


@pytest.mark.parametrize("call", ["declare second", "note checked", "exec -- true"])
def test_a_full_stderr_stops_nothing(call: str, database: Path) -> None:
    assert _shell('"$@" declare first', database).returncode == 0
    assert _shell(f'"$@" {call} 2>/dev/full', database).returncode == 0


def test_a_reader_that_goes_away_ends_it_as_any_program(database: Path) -> None:
    assert _shell('"$@" declare first', database).returncode == 0
    done = _shell('set -o pipefail; "$@" timeline --json | true; echo ${PIPESTATUS[0]}', database)
    assert (done.stdout, done.stderr) in [(b"141\n", b""), (b"0\n", b"")]


@pytest.mark.parametrize(
    "locale",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "latin-1"},
        {"LC_ALL": "C"},
    ],
)
def test_no_locale_refuses_a_character(locale: dict[str, str], database: Path) -> None:
    assert _shell('"$@" declare "caf\u00e9 \u2192 500 #caisse"', database, **locale).returncode == 0
    assert _shell('echo "\u00e9t\u00e9" | "$@" note', database, **locale).returncode == 0
    expected = {call: _shell(f'"$@" {call}', database).stdout for call in ("timeline", "export", "timeline --json")}
    assert "café → 500" in expected["export"].decode()
    for call, data in expected.items():
        assert _shell(f'"$@" {call}', database, **locale).stdout == data
    for line in expected["timeline --json"].splitlines():
        json.loads(line)
