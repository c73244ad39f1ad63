"""vigie import: new incidents, into one, dry runs, failures, the same file again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.console.commands.calling import Vigie
from tests.console.incident.test_importer import OURS

GOOD = '{"title": "Past", "events": [{"at": "2024-01-01T10:00Z", "kind": "finding", "text": "seen", "odd": 1}]}'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "past.json"
    path.write_text(GOOD)
    return path


def test_a_file_becomes_an_incident(vigie: Vigie, file: Path) -> None:
    result = vigie.ok("import", file)
    assert result.out.startswith("INC-1  1 events, 1 added  Past")
    assert "event key 'odd'" in result.err
    line = next(line for line in vigie.ok("timeline", "INC-1", "--json").lines if line["kind"] == "finding")
    assert (line["origin"], line["text"], line["occurred_at"]) == ("import", "seen", "2024-01-01T10:00:00Z")
    assert vigie.ok("metrics", "--json").json["milestones"]["declared"] is None


def test_the_same_file_again_adds_nothing(vigie: Vigie, file: Path) -> None:
    vigie.ok("import", file)
    before = vigie.ok("timeline", "INC-1", "--json").out
    again = vigie.ok("import", file)
    assert "0 added" in again.out
    assert "holds all of it already" in again.err
    assert vigie.ok("timeline", "INC-1", "--json").out == before
    assert len(vigie.ok("incidents", "--json").json) == 1


def test_into_an_incident_twice_and_longer(vigie: Vigie, file: Path) -> None:
    vigie.ok("declare", "live")
    assert vigie.ok("import", file, "--into", "INC-1", "--json").json["incidents"][0]["added"] == 1
    assert vigie.ok("import", file, "--into", "INC-1", "--json").json["incidents"][0]["added"] == 0
    document = json.loads(GOOD)
    document["events"].append({"at": "2024-01-01T11:00Z", "text": "more"})
    file.write_text(json.dumps(document))
    assert vigie.ok("import", file, "--into", "1", "--json").json["incidents"][0]["added"] == 1
    assert vigie.ok("incidents", "--json").json[0]["title"] == "live"
    assert vigie("import", file, "--into", "INC-9").code == 2


def test_dry_run_writes_nothing(vigie: Vigie, file: Path) -> None:
    assert "dry run" in vigie.ok("import", file, "--dry-run").out
    assert not vigie.database.exists()


def test_all_or_nothing_with_line_numbers(vigie: Vigie, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("at,text\n2024-01-01,fine\nsoon,x\nlater,y\n")
    result = vigie("import", bad)
    assert result.code == 2
    assert f"{bad}:3: not a time" in result.err
    assert f"{bad}:4: not a time" in result.err
    assert "nothing was imported" in result.err
    assert not vigie.database.exists()


def test_several_cases_are_several_incidents(vigie: Vigie) -> None:
    result = vigie.ok("import", OURS / "traps.json")
    assert [line.split()[0] for line in result.out.splitlines()] == ["INC-1", "INC-2", "INC-3", "INC-4"]
    document = vigie.ok("metrics", "INC-1", "--json").json
    assert (document["impact_seconds"], document["impact_open"]) == (1440, False)
    assert document["intervals"]["ttdeclare"]["seconds"] == -1380
    assert "-23m ⚠ declared is before impact_start" in vigie.ok("metrics", "INC-1").out
    assert vigie.ok("metrics", "INC-4", "--json").json["intervals"]["ttd"]["text"] == "13d"
    assert vigie("import", OURS / "traps.json", "--into", "INC-1").code == 2


def test_a_record_of_the_past_never_becomes_the_current_incident(vigie: Vigie, file: Path) -> None:
    vigie.ok("declare", "live")
    vigie.ok("import", file)
    assert vigie.ok("note", "to the live one").out.startswith("INC-1 ")
    vigie.ok("import", "--open", OURS / "bakery-ovens.json")
    assert vigie.ok("note", "it goes on").out.startswith("INC-3 ")
    assert vigie.ok("verify").out.count(" ok ") == 3


def test_lines_from_stdin(vigie: Vigie) -> None:
    vigie.ok("import", "--title", "pasted", "-", stdin=b"2024-01-01\n10:00 restarted #action\n10:05 +mitigated\n")
    assert vigie.ok("metrics", "--json").json["milestones"]["mitigated"] == "2024-01-01T10:05:00Z"
    assert vigie.ok("incidents", "--json").json[0]["title"] == "pasted"


def test_every_shared_timeline_imports_and_exports(vigie: Vigie, shared: Path) -> None:
    for path in sorted((shared / "timelines").glob("*.json")):
        rows = vigie.ok("import", path, "--json").json["incidents"]
        for row in rows:
            assert row["title"] in vigie.ok("metrics", row["incident"]).out
            assert vigie.ok("export", row["incident"]).out.startswith("---\n")
    assert all(row["ok"] for row in vigie.ok("verify", "--json").json)


@pytest.mark.parametrize("arguments", [["none.json"], ["--tz", "Mars/Olympus", "-"], ["/"]])
def test_refusals_are_one_line(vigie: Vigie, arguments: list[str]) -> None:
    result = vigie("import", *arguments)
    assert (result.code, result.err.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('{"title":"x","events":[{"at":"9999-12-31T23:59:59-14:00","text":"x"}]}', "not a time"),
        ('{"title":"x","events":[{"at":"0001-01-01T00:00:00+14:00","text":"x"}]}', "not a time"),
        ('{"title":"x","events":[{"at":"0001-01-01","text":"x"}]}', "not a time"),
        ('{"title":"x","tz":"Asia/Tokyo","events":[{"at":"0001-01-01T00:00:00","text":"x"}]}', "not a time"),
        ('{"title":"x","impact_windows":[["9999-12-31T23:59:59-14:00",null]]}', "not a time"),
        pytest.param("[" * 100_000, "nested too deep", id="deep"),
        ('{"title":"x","title":"y","events":[{"at":"2024-01-01","text":"x"}]}', "'title' stands twice"),
    ],
)
def test_hostile_json_is_one_line(text: str, wrong: str, vigie: Vigie, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    result = vigie("import", path)
    assert (result.code, len(result.err.splitlines())) == (2, 1)
    assert result.err.startswith(f"vigie: {path}:1: ")
    assert wrong in result.err


@pytest.mark.parametrize(
    ("name", "text"), [("a.txt", ""), ("a.txt", "\n\n"), ("a.csv", "at,text\n"), ("a.csv", "at,text\n,\n")]
)
def test_a_file_without_an_event_makes_no_incident(name: str, text: str, vigie: Vigie, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    result = vigie("import", tmp_path / name)
    assert result.code == 2
    assert "no event in it" in result.err
    assert vigie("incidents").out == ""


def test_a_pipe_by_its_name_and_a_folder(vigie: Vigie, file: Path, tmp_path: Path) -> None:
    import os
    import threading

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    threading.Thread(target=lambda: pipe.write_text(GOOD), daemon=True).start()
    assert vigie.ok("import", pipe).out.startswith("INC-1")
    assert "is a folder" in vigie("import", tmp_path).err
    assert "record itself" in vigie("import", vigie.database).err


def test_an_imported_incident_is_listed_by_when_it_happened(vigie: Vigie, file: Path) -> None:
    vigie.ok("import", file)
    assert "2024-01-01 10:00" in vigie.ok("incidents").out
