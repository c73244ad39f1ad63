"""Hostile files, read by a process that may take little memory and little time: one line each, and never a crash."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.console.runbook.bombs import HEAD, NAMED, ONE_LINE

MEMORY = 500_000_000
SECONDS = 20
"""Processor seconds for one file, an order above what the worst takes, so that the test says quadratic and not slow."""

READ = """
import json, resource, sys
memory, seconds = int(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
from pathlib import Path
from console.runbook.library import read_runbook_file
for name in sys.argv[3:]:
    used = int(resource.getrusage(resource.RUSAGE_SELF).ru_utime)
    resource.setrlimit(resource.RLIMIT_CPU, (used + seconds, resource.RLIM_INFINITY))
    found = read_runbook_file(Path(name))
    print(json.dumps([[problem.line, problem.message] for problem in found.problems]), flush=True)
"""


def limited(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", READ, str(MEMORY), str(SECONDS), *arguments], capture_output=True, text=True, check=False
    )


def test_every_bomb_is_read_or_told_of_in_bounded_time_and_memory(tmp_path: Path) -> None:
    paths = {}
    for number, (name, write) in enumerate(NAMED.items()):
        paths[name] = tmp_path / f"{number}.md"
        write(paths[name])
    done = limited(*map(str, paths.values()))
    lines = done.stdout.splitlines()
    names = list(paths)
    assert done.returncode == 0, (names[len(lines)] if len(lines) < len(names) else "", done.stderr[-2000:])
    told = {name: json.loads(line) for name, line in zip(names, lines, strict=True)}
    for name in ONE_LINE:
        assert len(told[name]) == 1, (name, told[name])
        assert "\n" not in told[name][0][1]
    assert told["NUL"][0] == [5, "is not text: it holds a NUL"]
    assert "aliases" in told["alias bomb"][0][1]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "zero.md").symlink_to("/dev/zero")
    done = limited(str(tmp_path / "pipe.md"), str(tmp_path / "zero.md"))
    assert [json.loads(line)[0][1] for line in done.stdout.splitlines()] == ["is no file to read"] * 2


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Runbooks, one of them sound."""
    runbooks = tmp_path / "runbooks"
    runbooks.mkdir()
    for number, name in enumerate(sorted(ONE_LINE)):
        NAMED[name](runbooks / f"bomb-{number}.md")
    (runbooks / "sound.md").write_text(HEAD.replace("# S", "# Sound") + "1. Go on\n")
    return runbooks


def vigie(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "screens.main", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "HOME": str(home), "VIGIE_DB": str(home / "vigie.db")},
    )


def test_one_bad_file_does_not_keep_the_others_from_the_library(tmp_path: Path, folder: Path) -> None:
    listed = vigie(tmp_path, "--runbooks", str(folder), "runbooks", "list", "--json")
    assert "Traceback" not in listed.stderr
    assert any(one["title"] == "Sound" for one in json.loads(listed.stdout)["runbooks"])


def test_show_and_lint_say_it_in_a_line(tmp_path: Path, folder: Path) -> None:
    bomb = next(path for path in sorted(folder.iterdir()) if path.stat().st_size == 100_000_000)
    shown = vigie(tmp_path, "runbooks", "show", str(bomb), "--json")
    assert "100 MB is too large" in shown.stdout + shown.stderr
    assert "Traceback" not in shown.stderr
    assert shown.returncode in (1, 2)
    linted = vigie(tmp_path, "runbooks", "lint", str(folder))
    assert "Traceback" not in linted.stderr
    assert linted.returncode == 1
    assert linted.stdout.count("too large for a runbook") == 2
