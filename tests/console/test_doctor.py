"""Doctor: a line for each finding, 1 when something is bad, never a traceback."""

import json
import sqlite3
from pathlib import Path

import pytest

from console.cli import main
from console.journal.events import Declared, New, Noted, Origin
from console.journal.store import Journal


def findings(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, list[dict[str, str]]]:
    code = main([*argv, "doctor", "--json"])
    return code, json.loads(capsys.readouterr().out)


def about(found: list[dict[str, str]], what: str) -> str:
    return " / ".join(f"{one['level']}: {one['text']}" for one in found if one["about"] == what)


@pytest.fixture
def journal_at(database: Path, home: Path) -> Path:
    with Journal.open(database, actor="ann", origin=Origin(program="cli")) as journal:
        stream = journal.declare([New(body=Declared(title="t"))])[0]
        journal.append(stream, [New(body=Noted(text="one")), New(body=Noted(text="two"))])
    return database


def test_a_fresh_machine_is_fit(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = findings(capsys, "--db", str(tmp_path / "none.db"))
    assert code == 0
    assert "none yet" in about(found, "database")
    assert not (tmp_path / "none.db").exists()


def test_a_good_database_is_described(journal_at: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = findings(capsys, "--db", str(journal_at))
    assert code == 0
    assert "3 events in 1 streams" in about(found, "database")


def test_an_edited_event_is_bad(journal_at: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = sqlite3.connect(journal_at, isolation_level=None)
    other.execute("DROP TRIGGER events_are_never_changed")
    other.execute("UPDATE events SET actor = 'mallory' WHERE seq = 2")
    other.close()
    code, found = findings(capsys, "--db", str(journal_at))
    assert code == 1
    assert "bad: " in about(found, "chain")
    assert "seq 2" in about(found, "chain")


def test_a_broken_configuration_is_bad(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "vigie.yaml"
    config.write_text("services: 3\n")
    code, found = findings(capsys, "--config", str(config), "--db", str(tmp_path / "x.db"))
    assert code == 1
    assert f"{config}:1: services" in about(found, "configuration")


def test_a_database_for_everybody_is_bad(journal_at: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal_at.chmod(0o644)
    code, found = findings(capsys, "--db", str(journal_at))
    assert code == 1
    assert "chmod o-rwx" in about(found, "permissions")


def test_what_ends_at_logout_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from console.commands import doctor
    from console.runbook import scope

    monkeypatch.setattr(scope, "kills_at_logout", lambda user: True)
    for prefix, lingers, level, words in (
        ([], False, "bad", "commands end with the session"),
        (["systemd-run"], False, "note", "loginctl enable-linger"),
        (["systemd-run"], True, "ok", "you linger"),
    ):
        monkeypatch.setattr(scope, "prefix", lambda user, prefix=prefix: prefix)
        monkeypatch.setattr(scope, "lingers", lambda user, lingers=lingers: lingers)
        (finding,) = doctor._logout()
        assert finding.level == level
        assert words in finding.text
