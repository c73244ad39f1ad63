"""Sitrep and handoff: what is said, its age, what is missing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from console.incident import actions
from console.incident.fold import fold
from console.report.sitrep import as_json, handoff, plain, sitrep
from tests.console.report.making import START, opened, told


def test_can(database: Path) -> None:
    stream = told(database)
    with opened(database) as (journal, _):
        incident = fold(journal.all(stream))
    report = sitrep(incident, "INC-1", START + timedelta(minutes=100))
    assert [section.title for section in report.sections] == ["Conditions", "Actions", "Needs"]
    text = plain(report)
    assert "[finding] the database is slow — @ann" not in text.split("ACTIONS")[1]
    assert "check the replica (@bob, overdue by" in text.split("ACTIONS")[1]
    assert "STALE" in text
    assert "open question: who changed it" in text.split("NEEDS")[1]
    assert "\x1b" not in text
    assert "hunter2" not in text
    assert "never happened" not in text


def test_needs_say_what_is_missing(database: Path) -> None:
    with opened(database) as (journal, _):
        stream, _, _ = journal.declare([*actions.declare("x"), actions.open_task("look", task="t1")])
        incident = fold(journal.all(stream))
    text = plain(sitrep(incident, "INC-1", START + timedelta(minutes=1)))
    needs = text.split("NEEDS")[1]
    for need in ("look (nobody)", "a severity", "an incident commander"):
        assert need in needs
    assert "impact: start not recorded" in text


def test_handoff_is_sbar(database: Path) -> None:
    stream = told(database)
    with opened(database) as (journal, _):
        incident = fold(journal.all(stream))
    report = handoff(incident, "INC-1", START)
    assert [section.title for section in report.sections] == ["Situation", "Background", "Assessment", "Recommendation"]
    text = plain(report)
    assert "ic: @ann" in text
    assert "1 commands did not end with exit 0" in text
    assert "We failed over." in text
    assert {point["stale"] for section in as_json(report)["sections"] for point in section["points"]} <= {True, False}
