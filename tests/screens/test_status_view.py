"""Groups, orders and counts of the status list: nothing is lost in them, nothing is counted twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from console.snapshot import Ack, Alert, AlertGroup, Availability, CheckState, StatusSnapshot
from console.status_filter import parse
from screens.look import Look
from screens.status_entries import DOWN, HANDLED, SOFT, Entry, alert_entry, entries
from screens.status_feed import Found
from screens.status_notice import Bell, fitted, parts
from screens.status_rows import cells, columns, spark
from screens.status_view import GROUP_FROM, View, Wanted, shared_labels, view

NOW = datetime(2026, 11, 21, 14, 5, 9, tzinfo=UTC)


def alert(number: int, name: str = "QueueDeep", **fields: Any) -> Alert:
    fields.setdefault("labels", {"alertname": name, "instance": f"node{number}", "cluster": "east"})
    fields.setdefault("starts_at", NOW - timedelta(minutes=number + 1))
    fields.setdefault("level", 0)
    return Alert(fingerprint=f"{number:016x}", name=name, source="am-a", **fields)


def text(row: tuple[Any, ...]) -> str:
    return " ".join("".join(span[0] for span in cell) if not isinstance(cell, str) else cell for cell in row)


def test_many_rows_become_groups_and_few_do_not(given: Any) -> None:
    few = entries(given.snapshot(*[given.check(f"s{n % 7}", f"c{n}", "DOWN") for n in range(GROUP_FROM)]))
    many = entries(given.snapshot(*[given.check(f"s{n % 7}", f"c{n}", "DOWN") for n in range(GROUP_FROM + 10)]))
    assert len(view(few, Wanted(), NOW).keys) == GROUP_FROM
    shown = view(many, Wanted(), NOW)
    assert len(shown.keys) == 7 and shown.grouped and shown.fitting == GROUP_FROM + 10
    group = shown.entries["$service:s0"]
    assert group.group is not None and group.group.count == 10 and group.group.words == "10 DOWN"
    assert "10 DOWN" in text(cells(group, NOW, Look())) and "×10" in text(cells(group, NOW, Look()))
    assert "x10" in text(cells(group, NOW, Look(ascii_only=True))) and "+ s0" in text(
        cells(group, NOW, Look(ascii_only=True))
    )
    inside = view(many, Wanted(inside="$service:s0"), NOW)
    assert len(inside.keys) == 10 and all(key.startswith("s0/") for key in inside.keys)
    assert len(view(many, Wanted(grouped=False), NOW).keys) == GROUP_FROM + 10


def test_a_group_is_as_bad_as_its_worst(given: Any) -> None:
    found = entries(
        given.snapshot(
            given.check("a", "x", "DEGRADED"),
            given.check("a", "y", "DOWN", detail="refused"),
            given.check("a", "z", "DOWN", overlays=("MAINT",)),
            given.check("b", "x", "UNKNOWN"),
        )
    )
    shown = view(found, Wanted(grouped=True), NOW)
    assert shown.keys == ("$service:a", "b/x")  # one alone is itself
    group = shown.entries["$service:a"]
    assert (group.state, group.rank) == ("DOWN", DOWN)
    assert group.detail == "1 DOWN, 1 DEGRADED, 1 handled  refused"
    assert group.labels == {"service": "a"}


def test_alerts_that_are_only_counted_have_their_group(given: Any) -> None:
    loaded = [alert(number) for number in range(3)]
    quiet = AlertGroup(name="Old", count=40, unhandled=0, level=0, severity="critical", newest=NOW)
    groups = (AlertGroup(name="QueueDeep", count=900, unhandled=880, level=0, severity="critical", newest=NOW), quiet)
    found = entries(StatusSnapshot(taken_at=NOW, alerts=tuple(loaded), groups=groups))
    shown = view(found, Wanted(), NOW, groups, unread=937)
    assert shown.keys == ("$alert:QueueDeep", "$alert:Old") and shown.total == 940
    group = shown.entries["$alert:QueueDeep"]
    assert group.group is not None and group.group.count == 900 and "880 unhandled" in group.detail
    assert group.labels == {"alertname": "QueueDeep"}  # what all share is known of three only
    assert shown.entries["$alert:Old"].rank == HANDLED
    assert view(found, Wanted(inside="$alert:QueueDeep"), NOW, groups, unread=937).total == 900
    filtered = view(found, Wanted(filter=parse("instance=node1")), NOW, groups, unread=937)
    assert [filtered.entries[key].labels["instance"] for key in filtered.keys] == ["node1"] or filtered.grouped


def test_a_group_stays_while_somebody_works_in_the_list(given: Any) -> None:
    two = entries(given.snapshot(given.check("a", "x", "DOWN"), given.check("a", "y", "DOWN")))
    before = view(two, Wanted(grouped=True), NOW)
    one = entries(given.snapshot(given.check("a", "x", "DOWN"), given.check("a", "y")))
    held = view(one, Wanted(held=before), NOW)
    assert held.keys == ("$service:a",) and not held.entries["$service:a"].gone
    many = entries(given.snapshot(*[given.check(f"s{n}", "x", "DOWN") for n in range(GROUP_FROM + 9)]))
    flat = view(many[:3], Wanted(), NOW)
    assert not view(many, Wanted(held=flat), NOW).grouped


def test_other_orders(given: Any) -> None:
    old, young = NOW - timedelta(hours=3), NOW - timedelta(minutes=1)
    found = entries(
        given.snapshot(
            given.check("b", "x", "DOWN", since=old, p95_ms=20.0),
            given.check("a", "x", "DEGRADED", since=young, p95_ms=900.0),
            given.check("c", "x", "UNKNOWN", since=NOW - timedelta(hours=1), latency_ms=40.0),
        )
    )

    def order(sort: str) -> str:
        return "".join(key[0] for key in view(found, Wanted(sort=sort), NOW).keys)

    assert [order(sort) for sort in ("worst", "newest", "name", "slowest")] == ["bca", "acb", "abc", "acb"]


def test_what_all_alerts_share_is_said_once() -> None:
    found = [alert_entry(alert(number, annotations={"summary": "too deep"})) for number in range(3)]
    shown = view(found, Wanted(), NOW)
    assert shown.shared == {("cluster", "east")}
    assert text(cells(found[0], NOW, Look(), shown.shared)).split("  ")[1].strip().startswith("instance=node0")
    assert shared_labels(found[:1]) == frozenset()  # of one alone nothing is taken away


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"ack": Ack(actor="bob", at=NOW - timedelta(hours=2), reason="mine")}, "ack bob 2h"),
        ({"state": "suppressed", "silenced_by": ("x",)}, "silenced"),
        ({"state": "suppressed", "inhibited_by": ("x",)}, "inhibited"),
        ({}, "unacked"),
    ],
)
def test_what_is_done_about_it(fields: dict[str, Any], words: str) -> None:
    entry = alert_entry(alert(1, **fields))
    assert text(cells(entry, NOW, Look())).endswith(words)
    assert (entry.rank == HANDLED) == bool(fields)


def test_urgency_by_the_configured_scheme() -> None:
    ranks = [alert_entry(alert(1, level=level)).rank for level in range(4)]
    assert ranks[0] == DOWN and ranks[3] == SOFT and ranks == sorted(ranks)


def test_what_the_filter_knows_of_an_entry(given: Any) -> None:
    labels = {"service": "api", "check": "http", "zone": "north"}
    mine = given.alert("api/http", "critical", source="vigie", labels=labels, ack=Ack(actor="Bob", at=NOW))
    (check,) = entries(
        given.snapshot(given.check("api", "http", "DOWN", since=NOW - timedelta(hours=2), latency_ms=300.0), mine)
    )
    for words in (
        *("@down", "@acked", "@handled", "@ack=bob", "@source=checks", "@kind=http", "@service=api", "@name=api/http"),
        *("@age>1h", "@latency>200ms", "@severity=critical", "zone=north", "api !cache", "/^api/"),
    ):
        assert parse(words).matcher(NOW)(check), words
    silenced = alert_entry(alert(1, state="suppressed", silenced_by=("x",), reported_by=("am-a", "am-b")))
    for words in ("@silenced", "@suppressed", "!@inhibited", "@source=am-b", "@kind=alert", "@handled", "cluster=east"):
        assert parse(words).matcher(NOW)(silenced), words


def test_hidden_criticals_are_counted_apart(given: Any) -> None:
    found = entries(given.snapshot(given.check("a", "x", "DOWN"), given.check("b", "x"), alert(1), alert(2)))
    shown = view(found, Wanted(filter=parse("b/x")), NOW)
    assert (shown.hidden_critical, shown.hidden_foreign, shown.fitting, shown.total) == (3, 2, 1, 4)


states = st.sampled_from(["OK", "DOWN", "DEGRADED", "UNKNOWN", "PENDING"])
checks = st.dictionaries(st.tuples(st.sampled_from("abcd"), st.sampled_from("wxyz")), states)


@hypothesis_given(checks, checks, st.booleans())
def test_nothing_is_lost_in_groups(
    first: dict[tuple[str, str], str], second: dict[tuple[str, str], str], held: bool
) -> None:
    def found(checks: dict[tuple[str, str], str]) -> list[Entry]:
        return entries(
            StatusSnapshot(
                taken_at=NOW,
                checks=tuple(
                    CheckState(service=service, name=name, kind="tcp", state=state, raw=state)
                    for (service, name), state in checks.items()
                ),
            )
        )

    shown = view(found(first), Wanted(grouped=True), NOW)
    counted = sum(row.group.count if row.group is not None else 1 for row in shown.entries.values())
    assert counted + shown.healthy == len(first) == shown.fitting + shown.healthy
    if held:
        after = view(found(second), Wanted(held=shown), NOW)
        assert after.keys == shown.keys and set(after.keys) <= set(after.entries)


def test_columns_fit_whatever_is_in_them(given: Any) -> None:
    shown = view(entries(given.snapshot(given.check("a" * 90, "x", "DOWN"), alert(1))), Wanted(), NOW)
    for width in (40, 69, 70, 80, 120, 200):
        found = columns(shown, width, Look(), trends=width >= 100)
        assert sum(column.width or column.least for column in found) + len(found) <= width


def test_sparks() -> None:
    assert spark([0.0, 50.0, 100.0], 12, False) == "▁▄█"
    assert spark([0.0, 50.0, 100.0], 12, True) == "_=@"
    assert spark([], 12, False) == "" and spark([0.0], 12, True) == "_"
    assert len(spark([1.0] * 50, 12, False)) == 12


def test_availability_is_never_rounded_up() -> None:
    from screens.status_detail import _share

    assert _share(Availability(window_s=3600, share=0.9999999, known_s=3600)) == "1h: 99.999 %"
    assert _share(Availability(window_s=3600, share=1.0, known_s=3600)) == "1h: 100 %"
    assert _share(Availability(window_s=86400, share=0.5, known_s=600)) == "1d: 50 % (known for 10m)"
    assert _share(Availability(window_s=86400, share=None, known_s=0)) == "1d: not known"


def test_the_header_says_what_matters_most_where_there_is_little_room() -> None:
    shown = View((), {}, new=3, hidden_critical=2, fitting=5, total=4212)
    said = parts(shown, Wanted(sort="slowest"), Found(), "zone=north", going=False, muted=True)
    whole = text((fitted(said, 200, Look()),))
    assert whole == "filter hides 2 critical  +3 new (Home)  5 of 4,212  /zone=north  slowest first  bell off"
    assert text((fitted(said, 40, Look()),)) == "filter hides 2 critical  +3 new (Home)"
    assert text((fitted(said, 5, Look()),)) == "filter hides 2 critical"
    assert fitted([], 40, Look()) == ()


def test_the_bell() -> None:
    bell = Bell()
    a, b, c, d = (frozenset("abcd"[: n + 1]) for n in range(4))
    assert not bell.rings(a, NOW)  # what is so when the console opens
    assert bell.rings(b, NOW) and not bell.rings(b, NOW)
    assert not bell.rings(c, NOW + timedelta(seconds=29))
    bell.muted = True
    assert not bell.rings(d, NOW + timedelta(minutes=1))
    bell.muted = False
    assert not bell.rings(d, NOW + timedelta(minutes=2))  # heard of before
    assert bell.rings(d | {"e"}, NOW + timedelta(minutes=2))
