"""What a command may be pointed at by mistake: the record itself, devices, links, folders, words that mean nothing."""

from __future__ import annotations

import os
import tarfile
import threading
from pathlib import Path

import pytest

from console.config import Paths
from console.journal.evidence import Evidence
from tests.console.commands.calling import Vigie


@pytest.fixture(autouse=True)
def _declared(vigie: Vigie) -> None:
    vigie.ok("declare", "sev2 slow")


@pytest.mark.parametrize("name", ["vigie.db", "vigie.db-journal", "vigie.d/status.db", "link.md"])
def test_an_export_never_replaces_the_record(name: str, vigie: Vigie, tmp_path: Path) -> None:
    folder = vigie.database.parent
    (folder / "link.md").symlink_to(vigie.database)
    done = vigie("export", "-o", folder / name)
    assert (done.code, done.out) == (2, "")
    assert "is the record itself" in done.err
    vigie.ok("verify")


def test_an_export_goes_through_a_link_and_leaves_it(vigie: Vigie, tmp_path: Path) -> None:
    (tmp_path / "link.md").symlink_to(tmp_path / "there.md")
    vigie.ok("export", "-o", tmp_path / "link.md")
    assert (tmp_path / "link.md").is_symlink()
    assert "# INC-1" in (tmp_path / "there.md").read_text()


def test_an_export_into_a_pipe_leaves_it_a_pipe(vigie: Vigie, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    vigie.ok("export", "-o", pipe)
    reader.join(20)
    assert pipe.is_fifo()
    assert got == [vigie.ok("export").out]


def test_an_export_into_a_folder_is_refused_in_a_line(vigie: Vigie, tmp_path: Path) -> None:
    done = vigie("export", "-o", tmp_path)
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert not list(tmp_path.glob(".*"))


def test_the_record_is_no_attachment(vigie: Vigie, tmp_path: Path) -> None:
    assert "vigie backup" in vigie("attach", vigie.database).err
    (vigie.database.parent / "other.txt").write_text("kept")
    done = vigie.ok("attach", vigie.database.parent, "--json")
    assert "left out, the record itself" in done.err
    assert list(done.json[0]["files"]) == ["other.txt"]
    with tarfile.open(Evidence(Paths(vigie.database).evidence).path(done.json[0]["sha256"])) as tar:
        assert tar.getnames() == ["other.txt"]


def test_a_backup_that_cannot_be_made_speaks_of_the_backup(vigie: Vigie) -> None:
    done = vigie("backup", "/nowhere/at-all/copy.db")
    assert done.code == 2
    assert "--db" not in done.err


@pytest.mark.parametrize("tag", ["two words", "\x1b[31m", "", "1st", "#"])
def test_a_tag_is_a_word(tag: str, vigie: Vigie) -> None:
    done = vigie("note", "--tag", tag, "text")
    assert done.code == 2
    assert done.err.startswith("vigie: --tag: expected one word")


def test_a_tag_may_bring_its_sign(vigie: Vigie) -> None:
    assert vigie.ok("note", "--tag", "#good", "--json", "text").json["tags"] == ["good"]


@pytest.mark.parametrize("title", ["", " ", "\n"])
def test_a_runbook_has_a_title(title: str, vigie: Vigie, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert vigie("runbooks", "new", title).code == 2
    assert not list(tmp_path.glob("*.md"))


def test_config_path_says_where_a_configuration_would_be(vigie: Vigie) -> None:
    assert "/etc/vigie/vigie.yaml" in vigie.ok("config", "path").out


@pytest.mark.parametrize("check", ["{kind: bogus}", "{kind: http}", "{kind: tcp, host: a, port: 99999}"])
@pytest.mark.parametrize("call", [["config", "show"], ["doctor"]])
def test_a_check_that_cannot_be_made_is_told_before_the_night(
    call: list[str], check: str, vigie: Vigie, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "vigie.yaml"
    path.write_text(f"services:\n  - name: a\n    checks:\n      - {check}\n")
    monkeypatch.setenv("VIGIE_CONFIG", str(path))
    done = vigie(*call)
    assert done.code in (1, 2)
    assert f"{path}:4: services[0].checks[0]" in done.out + done.err


def test_what_is_shown_of_a_configuration_is_visible(
    vigie: Vigie, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "vigie.yaml"
    path.write_text('title: "a\\u202eb"\n')
    monkeypatch.setenv("VIGIE_CONFIG", str(path))
    assert "\u202e" not in vigie.ok("config", "show").out


@pytest.mark.parametrize("form", ["md", "json", "html"])
def test_every_form_of_an_export_can_be_held_against_the_record(form: str, vigie: Vigie, tmp_path: Path) -> None:
    file = tmp_path / f"pm.{form}"
    vigie.ok("export", "--format", form, "-o", file)
    vigie.ok("note", "since then")
    assert "as the export saw it (1 events since)" in vigie.ok("verify", "--against", file).out


def test_metrics_come_from_the_events_that_the_chain_vouches_for(vigie: Vigie) -> None:
    """A checkpoint is no part of the chain: who forges one changes no number that is quoted."""
    import sqlite3

    import msgspec

    from console.incident.fold import IncidentFold
    from console.journal.events import Origin
    from console.journal.folds import fold_stream
    from console.journal.store import Journal

    with Journal.open(vigie.database, actor="x", origin=Origin(program="cli")) as journal:
        stream = journal.incidents()[0].stream
        fold = IncidentFold()
        forged = msgspec.structs.replace(fold_stream(journal, stream, fold), titles=[])
        blob = msgspec.msgpack.encode(forged)
    with sqlite3.connect(vigie.database) as db:
        db.execute("INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?)", (stream, fold.name, fold.version, 1, blob))
    db.close()
    assert vigie.ok("metrics", "--json").json["title"] == "slow"
    assert "# INC-1: slow" in vigie.ok("export").out


def test_a_template_without_end_is_one_line(vigie: Vigie, tmp_path: Path) -> None:
    path = tmp_path / "own.j2"
    path.write_text("line\n{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}\n")
    done = vigie("export", "--template", path)
    assert (done.code, done.err) == (2, f"vigie: {path}:2: calls itself without end\n")
