"""declare and note: raw text, options, stdin, refusals."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.console.commands.calling import Vigie


def texts(vigie: Vigie, *more: str) -> list[str]:
    return [line["text"] for line in vigie.ok("timeline", "--json", *more).lines]


def test_declare_prints_the_id_and_records_the_line(vigie: Vigie) -> None:
    declared = vigie.ok("declare", "sev2", "checkout", "5xx", "-8m", "#payments")
    assert declared.out == "INC-1\n"
    assert "SEV2 · impact since" in declared.err and declared.err.rstrip().endswith("· checkout 5xx")
    (row,) = vigie.ok("incidents", "--json").json
    assert (row["incident"], row["severity"], row["title"], row["services"], row["status"]) == (
        "INC-1",
        "SEV2",
        "checkout 5xx",
        ["payments"],
        "open",
    )
    metrics = vigie.ok("metrics", "--json").json
    assert metrics["intervals"]["ttdeclare"]["seconds"] == pytest.approx(480, abs=2)
    assert metrics["impact_open"] is True


def test_declare_by_options(vigie: Vigie) -> None:
    vigie.ok("declare", "--severity", "1", "--service", "api", "--at", "-8m~", "--drill", "all", "down")
    (row,) = vigie.ok("incidents", "--json").json
    assert (row["severity"], row["title"], row["services"], row["drill"]) == ("SEV1", "all down", ["api"], True)
    assert vigie.ok("metrics", "--json").json["intervals"]["ttdeclare"]["approximate"] is True
    assert vigie.ok("declare", "--title=Named").out == "INC-2\n"
    assert vigie.ok("declare", "--title", "Named", "all the rest").out == "INC-3\n"
    assert "all the rest" in vigie.ok("export", "INC-3").out
    assert vigie.ok("declare", stdin=b"sev3 from a pipe\nand more\n").out == "INC-4\n"


def test_text_after_the_options_is_raw(vigie: Vigie) -> None:
    vigie.ok("declare", "x")
    vigie.ok("note", "-5m", "restarted", "--the", "feeder", "-x", "--at", "once")
    vigie.ok("note", "--star", "--", "--star is a flag")
    vigie.ok("note", "--kind", "decision", "--tag", "db", "go", "-5m")
    assert (
        "--completely-different is no option here: taken as text"
        in vigie.ok("note", "--completely-different", "words").err
    )
    assert texts(vigie)[0] == "restarted --the feeder -x --at once"
    lines = {line["text"]: line for line in vigie.ok("timeline", "--json").lines}
    assert lines["--star is a flag"]["starred"] is True
    assert (lines["go -5m"]["kind"], lines["go -5m"]["tags"]) == ("decision", ["db"])
    assert "--completely-different words" in lines


def test_note_reads_stdin_byte_by_byte_visible(vigie: Vigie) -> None:
    vigie.ok("declare", "x")
    vigie.ok("note", stdin=b"#finding two\nlines \xff\x1b[2J\n")
    assert texts(vigie)[-1] == "two\nlines <U+DCFF><ESC>[2J"
    assert vigie("note", stdin=b"  \n").code == 2
    assert "attach" in vigie("note", stdin=b"x" * (1 << 20) + b"y").err


def test_note_by_options(vigie: Vigie) -> None:
    vigie.ok("declare", "x")
    vigie.ok("declare", "y")
    told = vigie.ok("note", "--incident", "inc-1", "--at", "2024-03-10T13:27:00Z", "--mark", "impact-start", "it began")
    assert told.out.startswith("INC-1 → 2024-03-10 13:27:00 UTC · T+00:00 · milestone impact_start")
    line = vigie.ok("note", "--json", "--incident", "1", "--question", "why").json
    assert (line["incident"], line["notes"]) == ("INC-1", ["open question"])
    vigie.ok("note", "--mark", "resolved")
    assert vigie.ok("metrics", "INC-2", "--json").json["milestones"]["resolved"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["note", "--incidnet", "INC-1", "text"], "did you mean --incident"),
        (["note", "--at"], "requires an argument"),
        (["note", "--at", "soon", "text"], "--at: not a time: 'soon'"),
        (["note", "--at", "-5m", "-3m text"], "the text has a time as well"),
        (["note", "--kind", "levity", "text"], "--kind: expected one of"),
        (["note", "--mark", "levity", "text"], "--mark: expected one of"),
        (["note", "--incident", "INC-9", "text"], "no incident INC-9"),
        (["note", "-5m"], "nothing to record"),
        (["note", "@2999-01-01 text"], "--allow-future"),
        (["note", "--at", "2999-01-01T00:00Z", "text"], "--allow-future"),
        (["declare", "sev9 x"], "no severity 'sev9'"),
        (["declare", "--severity", "loud", "x"], "--severity: no level 'loud'"),
        (["declare", "-8m"], "needs a title"),
    ],
)
def test_what_is_refused_in_one_line(vigie: Vigie, arguments: list[str], said: str) -> None:
    vigie.ok("declare", "x")
    result = vigie(*arguments)
    assert result.code == 2
    assert said in result.err
    assert result.err.count("\n") == 1
    assert result.out == ""
    assert len(texts(vigie)) == 1


def test_a_future_time_can_be_allowed(vigie: Vigie) -> None:
    vigie.ok("declare", "x")
    vigie.ok("note", "--allow-future", "@2999-01-01", "then")
    assert texts(vigie)[-1] == "then"


def test_no_incident_no_database(vigie: Vigie) -> None:
    result = vigie("note", "the only copy of this line")
    assert result.code == 2
    assert "the only copy of this line" in result.err
    vigie.ok("declare", "x")
    with_closed = vigie("note", "--incident", "INC-2", "x")
    assert with_closed.code == 2


def test_words_come_back_when_they_cannot_be_saved(vigie: Vigie) -> None:
    vigie.ok("declare", "x")
    vigie.database.unlink()
    vigie.database.mkdir()
    result = vigie("note", "precious")
    assert result.code == 2
    assert "not saved: precious" in result.err


def test_read_only_writes_nothing(vigie: Vigie, database: Path) -> None:
    vigie.ok("declare", "x")
    assert vigie("--read-only", "note", "x").code == 2
    assert len(texts(vigie)) == 1


def test_a_database_that_is_not_there_is_said(vigie: Vigie) -> None:
    found = vigie("incidents", "--json")
    assert (found.code, found.json) == (0, [])
    assert "no database there yet" in found.err
