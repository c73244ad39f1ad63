"""A database that a group shares: whoever may use it may use what lies beside it, drafts excepted."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.config import Paths
from console.journal.drafts import Drafts
from tests.console.commands.calling import Vigie


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    before = os.umask(0o077)  # a careful administrator's: nothing may depend on it
    yield
    os.umask(before)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "vigie.yaml"
    path.write_text('database_mode: "0660"\n')
    monkeypatch.setenv("VIGIE_CONFIG", str(path))
    return path


def _modes(folder: Path) -> dict[str, int]:
    found = {}
    for path in folder.rglob("*"):
        try:
            found[str(path.relative_to(folder))] = stat.S_IMODE(path.stat().st_mode)
        except FileNotFoundError:  # SQLite's journal comes and goes
            continue
    return found


@pytest.mark.parametrize("first", ["attach", "exec", "watch"])
def test_everything_beside_a_shared_database_is_shared(
    first: str, vigie: Vigie, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vigie.database = tmp_path / "srv" / "vigie" / "vigie.db"
    vigie.ok("declare", "sev2 slow")
    monkeypatch.delenv("VIGIE_CONFIG")  # the database itself says who shares it
    calls = {"attach": ["attach", config], "exec": ["exec", "--", "true"], "watch": ["watch", "--once"]}
    vigie(*calls.pop(first))
    for call in calls.values():
        vigie(*call)
    found = _modes(tmp_path / "srv")
    folders = {name: mode for name, mode in found.items() if (tmp_path / "srv" / name).is_dir()}
    files = {name: mode for name, mode in found.items() if name not in folders}
    assert set(folders.values()) == {0o2770}, folders
    assert {mode & 0o077 for name, mode in files.items() if "evidence" in name} == {0o040}, files
    assert {mode for name, mode in files.items() if "evidence" not in name} == {0o660}, files


def test_a_private_one_stays_private(
    vigie: Vigie, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VIGIE_CONFIG")
    vigie.database = tmp_path / "srv" / "vigie.db"
    vigie.ok("declare", "sev2 slow")
    monkeypatch.setenv("VIGIE_CONFIG", str(config))
    vigie.ok("attach", config)
    vigie.ok("exec", "--", "true")
    assert not [name for name, mode in _modes(tmp_path / "srv").items() if mode & 0o077]


def test_drafts_are_each_users_own_in_a_shared_folder(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "vigie.db")
    with Drafts(paths.drafts, 0o660) as drafts:
        drafts.put("scribe", "half a li")
    assert str(os.getuid()) in paths.drafts.name
    assert _modes(tmp_path)["vigie.d"] == 0o2770
    assert stat.S_IMODE(paths.drafts.stat().st_mode) == 0o600


def test_a_user_without_a_name_runs_commands(vigie: Vigie, monkeypatch: pytest.MonkeyPatch) -> None:
    import pwd

    def nobody(uid: int) -> pwd.struct_passwd:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    vigie.ok("declare", "sev2 slow")
    vigie.ok("exec", "--", "true")
    assert f"uid{os.geteuid()}@" in vigie.ok("timeline").out


def test_the_recorded_user_is_the_kernels_word(vigie: Vigie, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "somebody-else")
    vigie.ok("declare", "sev2 slow")
    vigie.ok("exec", "--", "true")
    assert "somebody-else" not in vigie.ok("timeline").out


def test_one_of_the_group_may_end_what_another_started(vigie: Vigie, config: Path, tmp_path: Path) -> None:
    """The request must be readable by the other one's supervisor."""
    from console.runbook import handle, spool, status

    folder = tmp_path / "spool"
    folder.mkdir()
    output = spool.create(str(folder), "C", 0o660)
    state = {"command": "C", "state": status.STARTING, "text": "", "actor": "", "run": "", "step": "", "title": ""}
    status.write(str(folder), {**state, "stream": "S", "started_us": 0, "cap": 10}, mode=0o660)
    found = status.read(str(folder), "C")
    assert found is not None
    handle.cancel(handle.CommandHandle.of(folder, found), "bob")
    os.close(output)
    assert set(_modes(folder).values()) == {0o660}
