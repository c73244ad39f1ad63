"""``vigie status``, ``ack`` and ``watch --once`` as an operator calls them, in this process."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from console.cli import main
from console.clock import SystemClock, parse_rfc3339
from console.journal.events import Acknowledged, Origin
from console.journal.store import Journal
from console.watch.status_reader import StatusReader

Vigie = Callable[..., tuple[int, str, str]]


@pytest.fixture
def vigie(database: Path, capsys: pytest.CaptureFixture[str]) -> Vigie:
    """Runs a command; gives exit code, stdout, stderr."""

    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(["--db", str(database), *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def config(tmp_path: Path) -> tuple[Path, int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    path = tmp_path / "vigie.yaml"
    path.write_text(
        "services:\n"
        "  - name: feed\n    runbook: RB-feed\n    labels: {team: data}\n    checks:\n"
        f"      - {{kind: tcp, name: port, host: 127.0.0.1, port: {port}}}\n"
        "      - {kind: memory, warn: null, fail: null}\n"
        "  - name: idle\n    checks: [{kind: load, warn: null}]\n"
    )
    return path, port


CHECK = {"name", "kind", "state", "raw", "since", "age_s", "latency_ms", "detail"}
SOURCE = {"name", "kind", "state", "age_s", "error"}
ALERT = {"fingerprint", "name", "severity", "state", "starts_at", "labels", "runbook"}


def test_status_json_has_the_shape_of_the_contract(vigie: Vigie, config: tuple[Path, int]) -> None:
    path, port = config
    code, out, err = vigie("--config", str(path), "status", "--json")
    assert (code, err) == (1, "")
    document: dict[str, Any] = json.loads(out)
    assert set(document) == {"overall", "services", "sources", "alerts"}
    assert document["overall"] == "DOWN"
    assert [(one["name"], one["state"]) for one in document["services"]] == [("feed", "DOWN"), ("idle", "OK")]
    for service in document["services"]:
        assert set(service) == {"name", "state", "checks"}
        for check in service["checks"]:
            assert set(check) >= CHECK
            parse_rfc3339(check["since"])
            assert 0 <= check["age_s"] < 60
    down = document["services"][0]["checks"][0]
    assert (down["name"], down["kind"], down["state"], down["raw"]) == ("port", "tcp", "DOWN", "DOWN")
    assert down["detail"] == f"port {port}: connection refused"
    assert isinstance(down["latency_ms"], float)
    assert [set(source) >= SOURCE for source in document["sources"]] == [True]
    assert [(one["name"], one["state"]) for one in document["sources"]] == [("checks", "ok")]
    (alert,) = document["alerts"]
    assert set(alert) >= ALERT
    assert (alert["name"], alert["severity"], alert["state"], alert["runbook"]) == (
        "feed/port",
        "critical",
        "firing",
        "RB-feed",
    )
    assert alert["labels"] == {"team": "data", "alertname": "feed/port", "service": "feed", "check": "port"}


def test_status_is_zero_when_all_is_well_and_needs_no_database(
    vigie: Vigie, config: tuple[Path, int], database: Path
) -> None:
    path, port = config
    with socket.create_server(("127.0.0.1", port)):
        code, out, _ = vigie("--config", str(path), "status")
    assert code == 0
    assert out.splitlines()[0] == "OK: OK 3"
    assert list(database.parent.iterdir()) == []  # nothing was written


def test_status_with_no_configuration_is_this_host_and_says_how_to_go_on(vigie: Vigie, home: Path) -> None:
    _, out, err = vigie("status", "--json")
    services = {one["name"]: [check["kind"] for check in one["checks"]] for one in json.loads(out)["services"]}
    assert set(services) == {"host", "vigie"}
    assert {"cpu", "memory", "load", "disk"} <= set(services["host"])
    assert services["vigie"] == ["self"]
    _, _, err = vigie("status")
    assert "no service is configured" in err


def test_a_journal_that_is_not_ours_shows_as_down(vigie: Vigie, database: Path, home: Path) -> None:
    database.write_bytes(b"something else, and long enough to be looked at" * 50)
    code, out, _ = vigie("status")
    assert code == 1
    line = next(line for line in out.splitlines() if "vigie/watch" in line)
    assert line.startswith("DOWN")
    assert "not a Vigie database" in line


def test_mistakes_end_with_two_and_one_line(vigie: Vigie, tmp_path: Path) -> None:
    path = tmp_path / "vigie.yaml"
    path.write_text("services:\n  - name: a\n    checks:\n      - {kind: http, url: 'http://x/', conditions: [x]}\n")
    for arguments in (["status"], ["watch", "--once"], ["ack", "x", "--for", "soon"]):
        code, out, err = vigie("--config", str(path), *arguments)
        assert (code, out, err.count("\n")) == ((2, "", 1))
    assert "--for: not a duration" in err
    assert vigie("--read-only", "watch", "--once")[0] == 2


def test_ack_of_what_is_failing(vigie: Vigie, config: tuple[Path, int], database: Path) -> None:
    path, port = config
    code, _, err = vigie("--config", str(path), "ack", "feed/port")
    assert (code, "no watch has run" in err) == (1, True)
    assert vigie("--config", str(path), "watch", "--once")[0] == 1
    code, _, err = vigie("--config", str(path), "ack", "feed/memory")
    assert (code, "failing: feed/port" in err) == (1, True)
    code, out, _ = vigie(
        "--actor", "ana", "--config", str(path), "ack", "feed", "--reason", "known\x1b[2J", "--for", "1h"
    )
    assert code == 0
    mark = out.split()[0]
    assert out == f"{mark} feed/port\n"
    assert vigie("--config", str(path), "ack", mark[:6])[1] == out
    assert vigie("--config", str(path), "ack", mark)[1] == out
    with Journal.open(database, actor="t", origin=Origin(program="cli")) as journal:
        events = [event for event in journal.since(0) if isinstance(event.body, Acknowledged)]
    first = events[0].body
    assert isinstance(first, Acknowledged)
    assert (events[0].actor, first.reason, first.service) == ("ana", "known<ESC>[2J", "feed")
    assert first.expires is not None
    # the next watch shows it, and drops it when it is over
    assert vigie("--config", str(path), "watch", "--once")[0] == 1
    reader = StatusReader(database.with_name("vigie.d") / "status.db", SystemClock())
    snapshot = reader.poll()
    assert snapshot is not None
    assert snapshot.alerts[0].ack is not None
    with socket.create_server(("127.0.0.1", port)):
        vigie("--config", str(path), "watch", "--once")
        assert vigie("--config", str(path), "watch", "--once")[0] == 0
    snapshot = reader.poll()
    assert snapshot is not None
    assert snapshot.alerts == ()
    assert all("ACKED" not in check.overlays for check in snapshot.checks)
    reader.close()


def test_a_log_is_followed_over_a_restart(vigie: Vigie, tmp_path: Path, database: Path) -> None:
    log, path = tmp_path / "app.log", tmp_path / "vigie.yaml"
    log.write_text("ERROR of before\n")
    path.write_text(
        "services:\n  - name: app\n    checks:\n"
        f"      - {{kind: log, name: errors, path: {log}, pattern: ERROR, fail: 2, fail_threshold: 1}}\n"
    )
    assert vigie("--config", str(path), "watch", "--once")[0] == 0
    log.rename(tmp_path / "app.log.1")
    with (tmp_path / "app.log.1").open("a") as old:
        old.write("ERROR while nobody watched\n")
    log.write_text("ERROR in the new one\n")
    assert vigie("--config", str(path), "watch", "--once")[0] == 1
    assert _detail(database).startswith("2 of 2 lines match in 5m, last: ERROR in the new one")
    path.write_text(path.read_text().replace("pattern: ERROR", "pattern: ERR"))  # another question begins anew
    vigie("--config", str(path), "watch", "--once")
    assert _detail(database) == "reading from here on"


def _detail(database: Path) -> str:
    reader = StatusReader(database.with_name("vigie.d") / "status.db", SystemClock())
    snapshot = reader.poll()
    reader.close()
    assert snapshot is not None
    return snapshot.checks[0].detail
