"""A broken vigie.yaml stops no one from writing down what happens; what is built on it still refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.cli import main
from console.config import Config
from console.salvage import salvage

BROKEN = "database: {folder}/record.db  # ours\ntime_zone: Europe/Paris\nservices:\n  - {{name: api, checks: [{{kindd: x}}]}}\n"
NO_YAML = "database: '{folder}/record.db'\ntime_zone: Europe/Paris\nservices: [\n  - {{{{\n"


@pytest.fixture(params=[BROKEN, NO_YAML], ids=["wrong key", "no YAML"])
def config(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("VIGIE_DB", raising=False)
    path = tmp_path / "vigie.yaml"
    path.write_text(request.param.format(folder=tmp_path))
    return path


def test_declare_note_and_exec_go_on_in_the_database_that_it_names(
    config: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for arguments, code in (
        (["declare", "sev2 api is down"], 0),
        (["note", "restarted the feeder"], 0),
        (["exec", "--", sys.executable, "-c", "raise SystemExit(7)"], 7),
    ):
        assert main(["--config", str(config), *arguments]) == code
        told = [line for line in capfd.readouterr().err.splitlines() if str(config) in line]
        assert len(told) == 1
        assert told[0].startswith(f"vigie: {config}:")
        assert told[0].endswith(f"; this goes to {config.parent / 'record.db'} all the same")
    assert main(["--db", str(config.parent / "record.db"), "timeline"]) == 0
    out = capfd.readouterr().out
    assert "restarted the feeder" in out
    assert "SystemExit(7)" in out


@pytest.mark.parametrize("command", [["status"], ["watch", "--once"], ["config", "show"]])
def test_what_is_built_on_it_refuses(config: Path, command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config", str(config), *command]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"vigie: {config}:")
    assert captured.err.count("\n") == 1


def test_a_configuration_that_is_not_there_stops_no_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--config", str(tmp_path / "no.yaml"), "--db", str(tmp_path / "v.db")]
    assert main([*options, "declare", "it is down"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "INC-1\n"
    assert f"{tmp_path / 'no.yaml'}: no such configuration file; this goes to" in captured.err


def test_each_key_counts_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "vigie.yaml"
    path.write_text('database: a.db\ndatabase_mode: "9999"\ntime_zone: Nowhere/Such\noutput_keep: 5d\nnonsense: 1\n')
    assert salvage(path) == Config(database="a.db", output_keep=salvage(path).output_keep)
    assert salvage(path).output_keep == 5 * 86400
    assert salvage(tmp_path) == Config()


@given(st.binary(max_size=300))
def test_whatever_stands_there_is_no_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "vigie.yaml"
    path.write_bytes(b"database: x.db\n" + data)
    salvage(path)


def test_the_warning_does_not_reach_stdout_of_a_real_call(config: Path) -> None:
    call = [sys.executable, "-P", "-c", "from console.cli import run; run()", "--config", str(config)]
    done = subprocess.run([*call, "declare", "x"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "INC-1\n")
