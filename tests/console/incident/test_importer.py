"""Import: formats, all or nothing, failures with lines, nothing dropped, the same file twice."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.incident import importer
from console.incident.fold import fold
from console.incident.import_json import line_index
from console.incident.importer import Unreadable
from console.incident.metrics import Metrics, compute, duration, value_words
from console.incident.records import Batch
from console.journal.events import Imported, Noted
from tests.console.incident.making import events

NOW = datetime(2026, 3, 10, 13, 32, tzinfo=UTC)
OURS = Path(__file__).parents[2] / "data" / "timelines"


def read(text: str, name: str = "file.json", zone: str = "UTC") -> Batch:
    return importer.read(text.encode(), name, now=NOW, zone=ZoneInfo(zone))


def failures(text: str, name: str = "file.json", zone: str = "UTC") -> list[tuple[int, str]]:
    with pytest.raises(Unreadable) as caught:
        read(text, name, zone)
    return [(failure.line, failure.text) for failure in caught.value.failures]


def measure(batch: Batch, index: int) -> Metrics:
    news = [importer.declared(batch, index), *importer.events(batch, index)]
    return compute(fold(events(news, program="import")))


def expected(found: Metrics, name: str) -> str:
    """What the record says for a key of an ``expect`` block."""
    if name == "impact_total":
        return (
            "not recorded" if found.impact_seconds is None else duration(found.impact_seconds, found.impact_precision)
        )
    if "->" not in name:
        return "not recorded" if found.milestones[name] is None else "recorded"
    start, end = name.split("->")
    return next(value_words(each) for each in found.intervals.values() if (each.start, each.end) == (start, end))


def check_file(path: Path) -> int:
    """Every case's ``expect`` holds; returns how many values were compared."""
    document = json.loads(path.read_text(encoding="utf-8"))
    batch = read(path.read_text(encoding="utf-8"), path.name)
    cases = document.get("cases", [document])
    assert len(batch.cases) == len(cases)
    compared = 0
    for index, case in enumerate(cases):
        found = measure(batch, index)
        for name, value in case["expect"].items():
            wanted = re.sub(r"\s*\(.*", "", value)
            assert expected(found, name).split(" ⚠")[0] == wanted, (path.name, index, name)
            assert ("flag" in value) == ("⚠" in expected(found, name))
            compared += 1
    return compared


def test_our_timelines() -> None:
    files = sorted(OURS.glob("*.json"))
    assert files
    assert all(check_file(path) for path in files)


def test_shared_timelines(shared: Path) -> None:
    files = sorted((shared / "timelines").glob("*.json"))
    assert files
    assert all(check_file(path) for path in files)


def test_unknown_keys_marks_and_zones_are_kept_and_reported() -> None:
    batch = read(
        '{"title": "t", "tz": "Mars/Olympus", "colour": "red", "events": '
        '[{"at": "2024-01-01T10:00", "text": "x", "marks": ["levitated"], "mood": 1.5}]}'
    )
    said = " | ".join(batch.kept)
    for word in ("Mars/Olympus", "colour", "levitated", "mood"):
        assert word in said
    imported, line = (new.body for new in importer.events(batch, 0))
    assert isinstance(imported, Imported)
    assert isinstance(line, Noted)
    assert (imported.tz, imported.facts) == ("Mars/Olympus", {"colour": "red"})
    assert (line.marks, line.extra) == (("levitated",), {"mood": "1.5"})


def test_a_zone_applies_to_times_without_offset() -> None:
    batch = read('{"tz": "Asia/Tokyo", "events": [{"at": "2024-01-01T10:00", "text": "x"}]}')
    assert batch.cases[0].items[0].at == datetime(2024, 1, 1, 1, 0, tzinfo=UTC)


def test_a_bare_date_has_day_precision() -> None:
    item = read('{"events": [{"at": "2024-01-01", "precision": "minute", "text": "x"}]}').cases[0].items[0]
    assert (item.at, item.precision) == (datetime(2024, 1, 1, tzinfo=UTC), "day")


def test_there_may_be_no_events() -> None:
    assert read('{"title": "t", "impact_windows": [["2024-01-01T10:00Z", null]]}').cases[0].windows[0][1] is None


def test_failures_carry_the_line_and_nothing_is_imported() -> None:
    text = '{"title": "t",\n "events": [\n  {"at": "2024-01-01T10:00Z", "text": "fine"},\n  {"at": "soon", "text": "x"},\n\n'
    text += '  {"text": "x"}, 7,\n  {"at": "2024-01-01T10:00Z"}],\n "impact_windows": [["2024-01-02", "2024-01-01"]]}'
    found = failures(text)
    assert [line for line, _ in found] == [4, 6, 6, 7, 8]
    assert "expected e.g. 2024-03-10T13:27:00Z" in found[0][1]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ('{"a":\n\n oops}', 3),
        ("[]", 1),
        ('{"cases": []}', 1),
        ("[1]", 1),
        ('"x"', 1),
        ('{"events": {}}', 1),
        ('{"events": [{"at": "2024-01-01", "text": NaN}]}', 1),
        pytest.param("[" * 100_000, 1, id="deep"),
    ],
)
def test_what_is_no_import(text: str, line: int) -> None:
    assert failures(text)[0][0] == line


def test_not_utf8() -> None:
    with pytest.raises(Unreadable) as caught:
        importer.read(b"a\n\xff", "x.txt", now=NOW, zone=UTC)
    assert caught.value.failures[0].line == 2


def test_ambiguous_local_times_are_refused_with_both_readings() -> None:
    ((line, text),) = failures('[{"at": "2023-11-05T01:30", "text": "x"}]', zone="America/New_York")
    assert line == 1
    assert "05:30Z" in text
    assert "06:30Z" in text


def test_csv() -> None:
    text = 'Time;Type;Message;marks;who;ticket\n2024-01-01 10:00;decision;"two\nlines";detected,declared;ann;T-1\n'
    text += "2024-01-02;;x;;;\n"
    first, second = read(text, "a.csv", "America/New_York").cases[0].items
    assert (first.at, first.kind, first.text) == (datetime(2024, 1, 1, 15, 0, tzinfo=UTC), "decision", "two\nlines")
    assert (first.marks, first.actor, first.extra) == (("detected", "declared"), "ann", {"ticket": "T-1"})
    assert (second.kind, second.precision) == ("note", "day")


def test_csv_failures() -> None:
    assert failures('at,text\n2024-01-01,"a\nb"\nsoon,x\n2024-01-01\n', "a.csv") == [
        (4, "not a time: 'soon' (expected e.g. 2024-03-10T13:27:00Z, or 2024-03-10)"),
        (5, "1 cells, the header has 2"),
    ]
    assert failures("a,b\n1,2\n", "a.csv")[0][0] == 1


def test_lines() -> None:
    text = "2024-03-09\n@13:02 restarted it #action\n\n- ~13:05 ! odd\n2024-03-08T10:00:05Z +mitigated\n[14:00] <ann> hello\n"
    items = read(text, "a.txt").cases[0].items
    assert [(f"{item.at:%d %H:%M:%S}", item.precision) for item in items] == [
        ("09 13:02:00", "minute"),
        ("09 13:05:00", "approx"),
        ("08 10:00:05", "second"),
        ("09 14:00:00", "minute"),
    ]
    assert (items[0].kind, items[1].starred, items[2].marks, items[3].text) == (
        "action",
        True,
        ("mitigated",),
        "<ann> hello",
    )
    assert [line for line, _ in failures("@13:00 x\nno time here\n@99:99 x\n", "a.txt")] == [2, 3]


def test_formats_are_told_apart() -> None:
    assert importer.guess("x", ' {"a": 1}') == "json"
    assert importer.guess("x", "at,text\n") == "csv"
    assert importer.guess("x", "@13:00 hello") == "lines"
    assert importer.guess("x.JSON", "") == "json"


def test_the_same_content_has_the_same_keys() -> None:
    text = '[{"at": "2024-01-01", "text": "x"}, {"at": "2024-01-01", "text": "x"}, {"at": "2024-01-01", "text": "y"}]'
    keys = [new.dedupe for new in importer.events(read(text), 0)]
    assert keys == [new.dedupe for new in importer.events(read(text), 0)]
    assert len(set(keys)) == 4
    longer = [new.dedupe for new in importer.events(read(text[:-1] + ', {"at": "2024-01-02", "text": "z"}]'), 0)]
    assert set(keys[1:]) < set(longer)


def test_hostile_text_is_made_visible() -> None:
    item = read('[{"at": "2024-01-01", "text": "a\\u001b[2J", "kind": "x\\u202e", "actor": "b\\nc"}]').cases[0].items[0]
    assert (item.text, item.kind, item.actor) == ("a<ESC>[2J", "x<U+202E>", "b c")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["title", "tz", "events", "cases", "at", "text", "marks", "impact_windows", "kind", "z"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(JSON)
def test_any_json_is_imported_or_refused_with_lines(document: Any) -> None:
    text = json.dumps(document, indent=1)
    try:
        batch = read(text)
    except Unreadable as refused:
        assert refused.failures
        assert all(0 <= failure.line <= text.count("\n") + 1 for failure in refused.failures)
        return
    for index in range(len(batch.cases)):
        measure(batch, index)


@given(st.text(max_size=80), st.sampled_from(["a.csv", "a.txt", "a.json"]))
def test_any_text_is_imported_or_refused(text: str, name: str) -> None:
    try:
        importer.read(text.encode("utf-8", "surrogatepass"), name, now=NOW, zone=UTC)
    except Unreadable as refused:
        assert refused.failures


def test_lines_of_objects_in_json() -> None:
    index = line_index('{"a": [\n {"b": 1},\n\n {"b": [1,\n2]}\n]}')
    assert index == {(): 1, ("a",): 1, ("a", 0): 2, ("a", 1): 4, ("a", 1, "b"): 4}
