"""``vigie silence`` against real Alertmanagers: preview, make, list, extend, end; what is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from console.commands.context import here
from console.config import load
from console.journal.events import Silenced
from console.journal.store import Journal
from tests.console.alerts.server import Alertmanager, eventually
from tests.console.commands.calling import Vigie

HOSTILE = 'a"b\\c\u202e\x1b[31m\n'
ALERTS = [
    {"alertname": "QueueDeep", "queue": "a", "severity": "page"},
    {"alertname": "QueueDeep", "queue": "b", "severity": "ticket"},
    {"alertname": "Odd", "text": HOSTILE},
]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Alertmanager, Alertmanager]]:
    """Two that are one cluster."""
    folder = tmp_path_factory.mktemp("pair")
    first = Alertmanager(folder / "a", clustered=True)
    with first, Alertmanager(folder / "b", peers=[first.cluster_address]) as second:
        eventually(lambda: len(second.get("/api/v2/status")["cluster"].get("peers", [])) == 2)
        for one in (first, second):
            one.fire(*ALERTS)
        yield first, second


@pytest.fixture
def configured(
    vigie: Vigie, pair: tuple[Alertmanager, Alertmanager], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Vigie:
    path = tmp_path / "vigie.yaml"
    servers = [{"name": name, "url": one.address} for name, one in zip(("am-a", "am-b"), pair, strict=True)]
    path.write_text(yaml.safe_dump({"alertmanagers": servers}))
    assert len(load(path).alertmanagers) == 2
    monkeypatch.setenv("VIGIE_CONFIG", str(path))
    return vigie


def active(server: Alertmanager) -> list[str]:
    return [one["id"] for one in server.get("/api/v2/silences") if one["status"]["state"] == "active"]


def recorded(vigie: Vigie) -> list[tuple[str, bool]]:
    with Journal.open(vigie.database, actor="x", origin=here("test"), read_only=True, create=False) as journal:
        bodies = [event.body for event in journal.since(0, 500)]
    return [(body.silence, body.ended) for body in bodies if isinstance(body, Silenced)]


def test_made_once_in_a_cluster_listed_extended_and_ended(
    configured: Vigie, pair: tuple[Alertmanager, Alertmanager]
) -> None:
    made = configured("silence", "alertname=QueueDeep", "queue=~a|c", "--comment", "being drained", "--yes")
    assert made.code == 0, made.err
    assert "fits 1 of 3 alerts" in made.err
    (silence,) = made.out.split()
    eventually(lambda: active(pair[0]) == active(pair[1]) == [silence])

    listed = configured("silence", "--list", "--json").json["silences"]
    assert [one["id"] for one in listed] == [silence]
    assert listed[0]["alerts"] == 1
    assert listed[0]["matchers"][1] == {"name": "queue", "op": "=~", "value": "a|c"}

    longer = configured("silence", "--extend", silence[:8], "--for", "5h")
    assert longer.code == 0, longer.err
    assert longer.out.split() == [silence]
    after = configured("silence", "--list", "--json").json["silences"][0]
    assert after["ends_at"] > listed[0]["ends_at"]
    assert after["author"] == listed[0]["author"]

    assert configured("silence", "--expire", silence).code == 0
    eventually(lambda: active(pair[0]) == active(pair[1]) == [])
    assert configured("silence", "--list").out == ""
    assert recorded(configured) == [(silence, False), (silence, False), (silence, True)]


def test_one_alert_by_name_or_fingerprint_with_hostile_labels(
    configured: Vigie, pair: tuple[Alertmanager, Alertmanager]
) -> None:
    alert = next(one for one in pair[0].get("/api/v2/alerts") if one["labels"]["alertname"] == "Odd")
    made = configured("silence", alert["fingerprint"], "--comment", "odd", "--yes", "--on", "am-a")
    assert made.code == 0, made.err
    assert "\x1b" not in made.err + made.out
    assert "\u202e" not in made.err + made.out
    (kept,) = (one for one in pair[0].get("/api/v2/silences") if one["id"] == made.out.strip())
    assert {one["name"]: one["value"] for one in kept["matchers"]} == alert["labels"]  # as it is, not as it is shown
    eventually(
        lambda: next(one for one in pair[0].get("/api/v2/alerts") if one["labels"]["alertname"] == "Odd")["status"][
            "silencedBy"
        ]
    )
    assert configured("silence", "--expire", made.out.strip()).code == 0


def test_what_is_refused_before_a_server_is_asked(configured: Vigie, pair: tuple[Alertmanager, Alertmanager]) -> None:
    before = len(pair[0].get("/api/v2/silences"))
    for arguments, words in (
        (["alertname=QueueDeep", "--yes"], "--comment"),
        (["alertname=~.*", "--comment", "x", "--yes"], "fit alerts without any of the labels"),
        (["queue=~(", "--comment", "x", "--yes"], "not a pattern"),
        (["queue ? a=", "--comment", "x", "--yes"], "expected a matcher"),
        (["queue=a", "--comment", "x", "--yes", "--for", "soon"], "--for"),
        (["queue=a", "--comment", "x", "--yes", "--on", "am-z"], "am-z"),
        (["queue=a", "--comment", "x"], "--yes"),
        (["--list", "--expire"], "one of"),
        ([], "expected a matcher"),
    ):
        result = configured("silence", *arguments)
        assert result.code == 2, (arguments, result)
        assert words in result.err, (arguments, result.err)
        assert "Traceback" not in result.err
    assert configured("silence", "Nothing", "--comment", "x", "--yes").code == 1
    assert configured("silence", "--expire", "0000").code == 1
    dry = configured("silence", "severity!=page", "--dry-run")
    assert (dry.code, "fits 2 of 3" in dry.err) == (0, True)
    assert len(pair[0].get("/api/v2/silences")) == before
    read_only = configured("--read-only", "silence", "queue=a", "--comment", "x", "--yes")
    assert (read_only.code, "read-only" in read_only.err) == (2, True)


def test_without_an_alertmanager_it_says_so(vigie: Vigie) -> None:
    result = vigie("silence", "--list")
    assert (result.code, "no Alertmanager is configured" in result.err) == (2, True)


def test_a_server_that_is_away_is_named(vigie: Vigie, tmp_path: Path) -> None:
    path = tmp_path / "vigie.yaml"
    path.write_text("alertmanagers: [{name: am, url: 'http://127.0.0.1:1'}]")
    result = vigie("--config", str(path), "silence", "--list")
    assert result.code == 1
    assert result.err.startswith("am: ")
