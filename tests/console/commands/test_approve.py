"""``vigie runbooks approve``: another person's word, from their own login."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.journal.events import Origin
from console.journal.store import Journal
from tests.console.commands.calling import Vigie

BOOK = """id: RB-OVER
title: Fail over
phases:
  - title: P
    steps:
      - {id: ok, kind: approve, ask: "May we fail over?"}
      - {id: go, kind: run, title: Go, run: "echo gone"}
"""


def follow(vigie: Vigie, folder: Path, *answers: str) -> str:
    (folder / "over.runbook.yaml").write_text(BOOK)
    (folder / "answers").write_text("".join(f"{answer}\n" for answer in answers))
    found = vigie("runbooks", "run", folder / "over.runbook.yaml", "--answers", folder / "answers")
    return found.out + found.err


def test_who_runs_it_is_refused_and_told_why(vigie: Vigie, tmp_path: Path) -> None:
    vigie.ok("declare", "sev2 slow")
    assert vigie("runbooks", "approve").code == 1  # nothing waits
    assert "needs the approval of one person" in follow(vigie, tmp_path, "", "q")
    listed = vigie("runbooks", "approve")
    assert listed.code == 0
    assert "May we fail over?" in listed.out and "0 of 1" in listed.out
    run, step = listed.out.split()[:2]
    refused = vigie("runbooks", "approve", run, step)
    assert refused.code == 1
    assert "who runs this can't approve it" in refused.err
    (waiting,) = vigie("runbooks", "approve", "--json").json["waiting"]
    assert (waiting["step"], waiting["wanted"], waiting["given"], waiting["runs_it"]) == ("ok", 1, [], "ann")
    assert vigie("runbooks", "approve", "nothing", "ok").code == 1
    assert vigie("runbooks", "approve", run).code == 2


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """One that another login can enter: pytest's own are for one user alone."""
    with tempfile.TemporaryDirectory(prefix="vigie-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.skipif(os.getuid() != 0, reason="another login takes root")
def test_another_login_approves_in_a_shared_database(
    vigie: Vigie, open_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "vigie.yaml"
    config.write_text('database_mode: "0660"\n')
    monkeypatch.setenv("VIGIE_CONFIG", str(config))
    shared = open_folder / "srv"
    vigie.database = shared / "vigie.db"
    vigie.ok("declare", "sev2 slow")
    assert "needs the approval" in follow(vigie, tmp_path, "", "q")
    for path in (shared, *shared.rglob("*")):
        os.chown(path, -1, 65534)
    run, step = vigie("runbooks", "approve").out.split()[:2]
    assert vigie("runbooks", "approve", run, step).code == 1  # this login runs it; and everything is imported now
    child = os.fork()
    if child == 0:  # the interpreter itself may be out of another login's reach
        code = 99
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            code = vigie("runbooks", "approve", run, step, "--reason", "lag is 2 s").code
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0  # the same name: the uid is what counts
    assert "gone" in follow(vigie, tmp_path, "", "x", "", "e")
    origin = Origin(program="cli")
    with Journal.open(vigie.database, actor="test", origin=origin, read_only=True, create=False) as journal:
        (approval,) = [
            event for info in journal.incidents() for event in journal.all(info.stream) if event.kind == "step_approved"
        ]
    assert (approval.actor, approval.origin.uid) == ("ann", 65534)
