"""incidents, timeline, metrics, sitrep, export, verify, backup, attach: what they print and how they end."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from console.config import Paths
from console.journal.evidence import Evidence
from tests.console.commands.calling import Vigie


@pytest.fixture
def story(vigie: Vigie) -> Vigie:
    """One open incident with a few lines."""
    vigie.ok("declare", "sev2 checkout 5xx -8m #payments")
    vigie.ok("note", "#finding the database is slow")
    vigie.ok("note", "! #decision fail over")
    vigie.ok("note", "+mitigated it holds")
    return vigie


def test_timeline(story: Vigie) -> None:
    text = story.ok("timeline").out
    assert " T+00:08 ★ [decision] fail over — @ann" in text
    assert text.splitlines()[0].endswith("(UTC)")
    assert story.ok("timeline", "inc-1").out == text
    assert [line["kind"] for line in story.ok("timeline", "--json").lines] == [
        "impact",
        "declared",
        "finding",
        "decision",
        "milestone",
    ]
    nothing = story.ok("timeline", "--as-known-at", "2020-01-01")
    assert nothing.out == ""
    assert story("timeline", "INC-9").code == 2


def test_the_newest_incident_is_read_when_none_is_open(vigie: Vigie, tmp_path: Path) -> None:
    assert vigie("timeline").code == 2
    record = tmp_path / "r.json"
    record.write_text('{"title": "past", "events": [{"at": "2024-01-01T10:00Z", "text": "x", "marks": ["resolved"]}]}')
    vigie.ok("import", record)
    assert "INC-1, the newest" in vigie.ok("metrics").err
    assert vigie("note", "x").code == 2


def test_follow_shows_what_others_write(story: Vigie) -> None:
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from console.cli import run; run()",
            "--db",
            str(story.database),
            "timeline",
            "--follow",
            "--json",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        first = [json.loads(process.stdout.readline()) for _ in range(5)]
        assert len(first) == 5
        began = time.monotonic()
        story.ok("note", "from elsewhere")
        assert json.loads(process.stdout.readline())["text"] == "from elsewhere"
        assert time.monotonic() - began < 60
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def test_metrics(story: Vigie) -> None:
    text = story.ok("metrics").out
    assert "not recorded (needs: detected, acknowledged)" in text
    assert "time to mitigate     impact_start → mitigated     8m" in text
    document = story.ok("metrics", "--json").json
    assert document["incident"] == "INC-1"
    assert document["intervals"]["tta"]["needs"] == ["detected", "acknowledged"]
    assert "n=0" in story.ok("metrics", "--all").out
    assert story.ok("metrics", "--all", "--json").json["intervals"]["ttm"]["n"] == 1


def test_incidents_and_search(story: Vigie) -> None:
    story.ok("declare", "other")
    assert [line.split()[0] for line in story.ok("incidents").out.splitlines()] == ["INC-2", "INC-1"]
    found = story.ok("incidents", "--search", "database slow")
    assert "INC-1" in found.out
    assert "the database is slow" in found.out
    assert "mitigated by: it holds" in found.out
    assert "INC-2" not in found.out
    nothing = story("incidents", "--search", "zebra", "--json")
    assert (nothing.code, nothing.json) == (1, [])


def test_incidents_of_an_empty_place(vigie: Vigie) -> None:
    result = vigie.ok("incidents", "--json")
    assert result.json == []


def test_sitrep(story: Vigie) -> None:
    assert "CONDITIONS" in story.ok("sitrep").out
    assert "SITUATION" in story.ok("sitrep", "--handoff").out
    assert [section["title"] for section in story.ok("sitrep", "--json").json["sections"]] == [
        "Conditions",
        "Actions",
        "Needs",
    ]


def test_export_and_verify_against_it(story: Vigie, tmp_path: Path) -> None:
    first, second = story.ok("export").out, story.ok("export", "INC-1").out
    assert first == second
    out = tmp_path / "pm.md"
    story.ok("export", "-o", out)
    assert out.read_text(encoding="utf-8") == first
    assert out.stat().st_mode & 0o777 == 0o600
    assert "0 events since" in story.ok("verify", "--against", out).out
    story.ok("note", "later")
    assert "1 events since" in story.ok("verify", "INC-1", "--against", out).out
    for form in ("html", "json"):
        story.ok("export", "--format", form, "-o", tmp_path / f"pm.{form}")
    assert story.ok("verify", "--json", "--against", tmp_path / "pm.json").json[0]["against"]["since"] == 0
    bad = story("export", "--template", tmp_path / "none.j2")
    assert (bad.code, bad.err.count("\n")) == (2, 1)
    assert story("verify", "--against", story.database).code == 2


def test_a_broken_export_leaves_the_old_file(story: Vigie, tmp_path: Path) -> None:
    out, template = tmp_path / "pm.md", tmp_path / "t.j2"
    out.write_text("whole")
    template.write_text("half {{ nothing }}")
    assert story("export", "--template", template, "-o", out).code == 2
    assert out.read_text() == "whole"
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["pm.md", "t.j2"]


def tamper(database: Path, sql: str) -> None:
    db = sqlite3.connect(database)
    try:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        db.execute(sql)
        db.commit()
    finally:
        db.close()


def test_verify_names_the_first_bad_event(story: Vigie) -> None:
    assert story.ok("verify").out.startswith("INC-1  ok  5 events")
    tamper(story.database, "UPDATE events SET body = replace(body, 'slow', 'fast') WHERE seq = 3")
    broken = story("verify", "INC-1")
    assert broken.code == 1
    assert "BROKEN at seq 3" in broken.out
    (row,) = story("verify", "--json").json
    assert (row["ok"], row["bad_seq"]) == (False, 3)


def test_a_lost_tail_is_seen_with_an_export(story: Vigie, tmp_path: Path) -> None:
    out = tmp_path / "pm.md"
    story.ok("export", "-o", out)
    tamper(story.database, "DELETE FROM events WHERE seq > 3")
    assert story("verify").code == 0  # a chain alone can't know
    cut = story("verify", "--against", out)
    assert cut.code == 1
    assert "the last 2 are gone" in cut.out


def test_backup(story: Vigie, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    assert story.ok("backup", target).out == f"{target}\n"
    assert target.stat().st_mode & 0o777 == 0o600
    again = story("backup", target)
    assert (again.code, again.err.count("\n")) == (2, 1)
    (tmp_path / "file").write_text("x")
    story.ok("attach", tmp_path / "file")
    assert "attachments" in story.ok("backup", tmp_path / "other.db").err
    assert "evidence" in story.ok("backup", tmp_path / "third.db").err
    story.database = target
    assert story.ok("verify").out.startswith("INC-1  ok  5 events")


def test_attach_keeps_bytes(story: Vigie, tmp_path: Path) -> None:
    data = bytes(range(256)) * 100
    source = tmp_path / "core dump.bin"
    source.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    assert story.ok("attach", source).out == f"{digest}  {len(data)}  core dump.bin\n"
    story.ok("attach", "--name", "log.txt", "-", stdin=b"\x00piped")
    evidence = Evidence(Paths(story.database).evidence)
    assert evidence.path(digest).read_bytes() == data
    assert evidence.matches(hashlib.sha256(b"\x00piped").hexdigest())
    assert "core dump.bin" in story.ok("export").out


def test_attach_keeps_a_folder_as_tar(story: Vigie, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.log").write_bytes(b"a")
    (folder / "sub" / "b.log").write_bytes(b"b" * 1000)
    (folder / "link").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe")
    result = story.ok("attach", folder, "--json")
    (row,) = result.json
    assert row["files"] == {
        "a.log": hashlib.sha256(b"a").hexdigest(),
        "sub/b.log": hashlib.sha256(b"b" * 1000).hexdigest(),
    }
    assert "pipe" in result.err
    with tarfile.open(Evidence(Paths(story.database).evidence).path(row["sha256"])) as tar:
        assert sorted(tar.getnames()) == ["a.log", "link", "sub", "sub/b.log"]
        assert tar.getmember("link").issym()


def test_attach_refuses_in_one_line(story: Vigie) -> None:
    refused = ("none", "-", "/dev/null", "--name x a b")
    for arguments in (["attach", *words.split()] for words in refused):
        result = story(*arguments)
        assert (result.code, result.err.count("\n")) == (2, 1), arguments
    assert len(story.ok("timeline", "--json").lines) == 5


def test_hostile_titles_do_not_reach_the_terminal(vigie: Vigie) -> None:
    vigie.ok("declare", stdin="sev2 \x1b]0;x\x07 [/red] \u202e".encode())
    for command in ("incidents", "timeline", "metrics", "sitrep", "export", "verify"):
        result = vigie.ok(command)
        assert "\x1b" not in result.out + result.err
        assert "\u202e" not in result.out + result.err
