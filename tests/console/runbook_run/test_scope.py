"""Where logind ends what a user leaves behind, a supervisor starts in a scope of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from console.runbook import scope

from .conftest import Desk


@pytest.mark.parametrize(
    ("files", "kills"),
    [
        ({}, False),
        ({"etc/logind.conf": "[Login]\n#KillUserProcesses=yes\n"}, False),
        ({"etc/logind.conf": "[Login]\nKillUserProcesses = Yes\n"}, True),
        ({"etc/logind.conf": "KillUserProcesses=yes\nKillExcludeUsers=root ana\n"}, False),
        ({"etc/logind.conf": "KillUserProcesses=yes\nKillOnlyUsers=bob\n"}, False),
        ({"usr/logind.conf": "KillUserProcesses=yes\n", "etc/logind.conf": "KillUserProcesses=no\n"}, False),
        ({"etc/logind.conf": "KillUserProcesses=no\n", "usr/logind.conf.d/9.conf": "KillUserProcesses=yes\n"}, True),
        (
            {
                "etc/logind.conf.d/9.conf": "KillUserProcesses=no\n",
                "usr/logind.conf.d/9.conf": "KillUserProcesses=yes\n",
            },
            False,
        ),
    ],
)
def test_what_logind_is_told(tmp_path: Path, files: dict[str, str], kills: bool) -> None:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    folders = [str(tmp_path / "usr"), str(tmp_path / "etc")]
    assert scope.kills_at_logout("ana", folders) is kills


@pytest.fixture
def systemd_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host where it is needed, with a ``systemd-run`` that says how it was called; the real one needs a user manager."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "logind.conf").write_text("KillUserProcesses=yes\nKillExcludeUsers=\n")
    program = tmp_path / "bin" / "systemd-run"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/called\ntest -e {tmp_path}/broken && exit 1\n'
        'while [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n'
    )
    program.chmod(0o755)
    monkeypatch.setattr(scope, "_FOLDERS", (str(tmp_path / "etc"),))
    monkeypatch.setattr(scope.prefix, "__defaults__", (os.environ, (str(tmp_path / "etc"),)))
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


def test_a_supervisor_starts_in_a_scope(desk: Desk, systemd_run: Path) -> None:
    finish, output = desk.run("echo in a scope")
    assert (finish.exit_code, output) == (0, "in a scope\n")
    assert (systemd_run / "called").read_text().startswith("--user --scope --quiet --collect -- ")
    assert "echo in a scope" not in (systemd_run / "called").read_text()


def test_without_a_user_manager_it_starts_all_the_same_and_once(desk: Desk, systemd_run: Path) -> None:
    (systemd_run / "broken").touch()
    finish, output = desk.run("echo without one")
    assert (finish.exit_code, output) == (0, "without one\n")
    assert (systemd_run / "called").exists()
    assert len(desk.finishes()) == 1
