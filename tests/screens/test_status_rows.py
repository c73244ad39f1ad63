"""The status list: worst first, honest about staleness, its order held while somebody works in it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st
from msgspec.structs import replace

from console.snapshot import Ack, CheckState, StatusSnapshot
from console.status_filter import parse
from screens import status_view
from screens.look import Look
from screens.status_entries import Entry, entries
from screens.status_rows import cells
from screens.status_view import View, Wanted

NOW = datetime(2026, 11, 21, 14, 5, 9, tzinfo=UTC)


def view(found: Sequence[Entry], *, words: str = "", **wanted: Any) -> View:
    """The list, with a filter in words."""
    return status_view.view(found, Wanted(filter=parse(words) if words else None, **wanted), NOW)


@pytest.fixture
def mixed(given: Any) -> StatusSnapshot:
    old, young = NOW - timedelta(hours=2), NOW - timedelta(minutes=1)
    found: StatusSnapshot = given.snapshot(
        given.check("ok", "http", since=old),
        given.check("soft", "http", raw="DOWN", soft=(1, 3), since=old),
        given.check("degraded", "http", "DEGRADED", since=old),
        given.check("stale", "http", overlays=("STALE",), since=old),
        given.check("unknown", "http", "UNKNOWN", since=old),
        given.check("down-old", "http", "DOWN", since=old),
        given.check("down-new", "http", "DOWN", since=young),
        given.check("pending", "http", "PENDING", since=None),
        given.check("kept", "http", "DOWN", overlays=("MAINT",), since=old),
        given.alert("Paging", "critical", starts_at=NOW - timedelta(minutes=5)),
        given.alert("Handled", "critical", ack=Ack(actor="bob", at=NOW, reason="mine"), starts_at=young),
        given.alert("Lost", "critical", state="gone? (source lost)", starts_at=old),
        given.alert("Mild", "info", starts_at=old),
    )
    return found


def test_worst_first_newest_first_within(mixed: StatusSnapshot) -> None:
    names = [entry.name for entry in entries(mixed)]
    assert names == [
        "down-new/http",
        "Paging",
        "down-old/http",
        "Lost",
        "stale/http",
        "unknown/http",
        "degraded/http",
        "Mild",
        "soft/http",
        "Handled",
        "kept/http",
        "pending/http",
        "ok/http",
    ]


def test_stale_is_never_ok(mixed: StatusSnapshot) -> None:
    found = {entry.name: entry for entry in entries(mixed)}
    assert found["stale/http"].state == "STALE" and found["stale/http"].problem
    assert "stale, last OK" in found["stale/http"].detail
    assert mixed.counts()["OK"] == 2  # ok and soft


def test_the_alert_of_our_own_check_stands_on_its_row(given: Any) -> None:
    labels = {"service": "api", "check": "http"}
    snapshot = given.snapshot(
        given.check("api", "http", "DOWN", labels=labels),
        given.alert("api/http", source="vigie", labels=labels),
        given.alert("api/http", source="am-a", labels=labels),
    )
    found = entries(snapshot)
    assert len(found) == 2
    assert {entry.key.partition("@")[0] for entry in found if entry.check is None} == {snapshot.alerts[1].fingerprint}
    assert next(entry for entry in found if entry.check is not None).alert == snapshot.alerts[0]


def test_the_healthy_are_a_number(mixed: StatusSnapshot) -> None:
    shown = view(entries(mixed))
    assert shown.healthy == 1 and "ok/http" not in shown.keys
    assert view(entries(mixed), unfolded=True).keys[-1] == "ok/http"
    assert view(entries(mixed), words="ok/").keys == ("ok/http",)  # asked for by name, it is shown


def test_problems_only(mixed: StatusSnapshot) -> None:
    keys = view(entries(mixed), problems=True).keys
    assert "pending/http" not in keys and "down-old/http" in keys


def test_a_filter_that_hides_what_is_critical_says_so(mixed: StatusSnapshot) -> None:
    shown = view(entries(mixed), words="degraded")
    assert [shown.entries[key].name for key in shown.keys] == ["degraded/http"]
    assert shown.hidden_critical == 3
    assert view(entries(mixed), words="http !down").hidden_critical == 3


def test_the_order_is_held(given: Any) -> None:
    before = view(entries(given.snapshot(given.check("a", "x", "DEGRADED"), given.check("b", "x", "DEGRADED"))))
    after = given.snapshot(
        given.check("new", "x", "DOWN"), given.check("a", "x"), given.check("b", "x", "DOWN"), given.check("c", "x")
    )
    held = view(entries(after), held=before)
    assert held.keys == before.keys
    assert held.new == 1 and held.healthy == 1
    assert held.entries["a/x"].state == "OK" and held.entries["b/x"].state == "DOWN"
    gone = view(entries(given.snapshot()), held=before)
    assert gone.keys == before.keys and all(gone.entries[key].gone for key in gone.keys)
    assert view(entries(after)).keys == ("b/x", "new/x")


states = st.sampled_from(["OK", "DOWN", "DEGRADED", "UNKNOWN", "PENDING"])


@hypothesis_given(
    st.dictionaries(st.sampled_from("abcdefgh"), states), st.dictionaries(st.sampled_from("abcdefgh"), states)
)
def test_nothing_is_counted_twice_or_lost(first: dict[str, str], second: dict[str, str]) -> None:
    def snapshot(found: dict[str, str]) -> StatusSnapshot:
        checks = tuple(
            CheckState(service=name, name="x", kind="tcp", state=state, raw=state) for name, state in found.items()
        )
        return StatusSnapshot(taken_at=NOW, checks=checks)

    shown = view(entries(snapshot(first)))
    assert len(shown.keys) + shown.healthy == len(first)
    held = view(entries(snapshot(second)), held=shown)
    assert held.keys == shown.keys
    assert set(held.keys) <= set(held.entries)
    here = sum(1 for key in held.keys if key.partition("/")[0] in second)
    assert here + held.new + held.healthy == len(second)


def test_a_row_says_letter_glyph_and_age(mixed: StatusSnapshot) -> None:
    found = {entry.name: entry for entry in entries(mixed)}
    for ascii_only, mark in ((False, "✗ D"), (True, "X D")):
        state, _, _, age, _ = cells(found["down-old/http"], NOW, Look(ascii_only=ascii_only))
        assert state == ((mark, "down"),)
        assert age == (("2h", "dim"),)


def test_unchanged_entries_are_taken_over(mixed: StatusSnapshot) -> None:
    before = entries(mixed)
    first, *others = mixed.checks
    after = entries(replace(mixed, checks=(replace(first, detail="http 500", latency_ms=3.0), *others)), before)
    kept = {id(entry) for entry in before}
    assert [entry.key for entry in after if id(entry) not in kept] == [first.key]
    assert after == entries(replace(mixed, checks=(replace(first, detail="http 500", latency_ms=3.0), *others)))
