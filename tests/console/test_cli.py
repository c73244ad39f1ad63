"""The frame of the command line: exit codes, one line for what is wrong, never a traceback."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from console import cli
from console.cli import COMMANDS, main
from console.commands.context import Fail, Options


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_answers_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert f"vigie {name}" in capsys.readouterr().out


@pytest.mark.parametrize("argv", [["bogus"], ["--bogus"], ["timeline", "--bogus"], ["--config"]])
def test_wrong_usage_is_one_line_and_two(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1


def test_without_a_command_the_console_opens_with_the_options() -> None:
    seen: list[Options] = []
    assert (
        main(
            ["--db", "/tmp/x.db", "--read-only", "--runbooks", "a", "--runbooks", "b"],
            open_console=lambda o: seen.append(o) or 7,
        )
        == 7
    )  # type: ignore[func-returns-value]
    assert seen == [Options(db="/tmp/x.db", read_only=True, runbooks=("a", "b"))]


@pytest.mark.parametrize("error", [RuntimeError("boom"), RecursionError(), MemoryError(), ValueError("\x1b[2J")])
def test_what_goes_wrong_inside_is_one_line(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @click.command()
    def broken() -> None:
        raise error

    monkeypatch.setattr(cli.LazyGroup, "get_command", lambda *_: broken)
    monkeypatch.delenv("VIGIE_DEBUG", raising=False)
    assert main(["broken"]) == 2
    captured = capsys.readouterr().err
    assert captured.startswith("vigie: something went wrong inside: ")
    assert len(captured.splitlines()) == 1
    assert "\x1b" not in captured
    log = Path(captured.rpartition("details in ")[2].rstrip(")\n"))
    assert "Traceback" in log.read_text()
    log.unlink()


def test_a_command_may_end_with_its_own_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @click.command()
    def no() -> None:
        raise Fail("not healthy", 1)

    monkeypatch.setattr(cli.LazyGroup, "get_command", lambda *_: no)
    assert main(["no"]) == 1
    assert capsys.readouterr().err == "vigie: not healthy\n"


def test_a_reader_that_leaves_early_is_no_error() -> None:
    script = "import sys; from console.cli import run; run(['config', 'schema'])"
    program = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert program.stdout is not None
    program.stdout.close()
    assert program.stderr is not None
    said = program.stderr.read()
    program.stderr.close()
    program.wait(60)
    assert said == b""


def test_a_broken_configuration_does_not_hide_a_named_database(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "vigie.yaml"
    bad.write_text("nonsense: 1\n")
    assert main(["--config", str(bad), "--db", str(tmp_path / "x.db"), "config", "show"]) == 2
    assert capsys.readouterr().err == f"vigie: {bad}:1: nonsense: not a key that is known here\n"
