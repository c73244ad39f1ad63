"""``vigie beat`` as a job calls it, and what the check makes of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from console.cli import main

Vigie = Callable[..., tuple[int, str, str]]


@pytest.fixture
def vigie(database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Vigie:
    config = tmp_path / "vigie.yaml"
    config.write_text(
        "services:\n  - name: jobs\n    checks:\n      - {kind: heartbeat, name: nightly, beat: nightly, every: 1h, grace: 10m}\n"
    )

    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(["--db", str(database), "--config", str(config), *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def state(vigie: Vigie) -> tuple[str, str]:
    one = json.loads(vigie("status", "--json")[1])["services"][0]["checks"][0]
    return one["state"], one["detail"]


def test_a_job_beats_and_is_seen(vigie: Vigie) -> None:
    assert state(vigie)[0] == "UNKNOWN"
    assert vigie("beat", "nightly", "--at", "-90m") == (0, "", vigie("beat", "nightly", "--at", "-90m")[2])
    assert state(vigie)[0] == "DOWN"
    assert vigie("beat", "nightly", "--at", "-65m")[0] == 0
    assert state(vigie)[0] == "DEGRADED"
    assert vigie("beat", "nightly") == (0, "", "")
    assert state(vigie) == ("OK", "0s ago")
    assert vigie("beat", "nightly", "--fail", "-m", "no room left") == (0, "", "")
    assert state(vigie) == ("DOWN", "the job said that it failed, 0s ago: no room left")


def test_what_is_refused_is_one_line(vigie: Vigie) -> None:
    vigie("beat", "nightly")
    assert vigie("beat", "nightly", "--at", "-10m") == (1, "", "vigie: a later heartbeat of nightly is known already\n")
    for arguments in (["../x"], ["nightly", "--at", "when"], [""]):
        code, out, err = vigie("beat", *arguments)
        assert (code, out, err.count("\n")) == (2, "", 1), err
    code, _, err = vigie("--read-only", "beat", "nightly")
    assert code == 2 and "--read-only" in err
