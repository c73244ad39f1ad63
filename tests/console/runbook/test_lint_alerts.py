"""Alerts against runbooks: rule files, a real Prometheus, a real Alertmanager, addresses that answer and those that do not."""

from __future__ import annotations

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from console import cli
from console.runbook.library import load_library
from console.runbook.lint_alerts import AlertRule, SourceError, check_alerts, fetch, read_alerts
from tests.console.alerts.server import Alertmanager, Prometheus, eventually

RULES = """\
groups:
  - name: g
    rules:
      - record: a:b
        expr: vector(1)
      - alert: QueueStuck
        expr: vector(1)
      - alert: DiskFull
        expr: vector(1)
        annotations:
          runbook_url: disk.md#symptoms
      - alert: Lost
        expr: vector(1)
        annotations:
          summary: nobody wrote anything
      - alert: Moved
        expr: vector(1)
        annotations:
          summary: x
          runbook_url: gone/away.md
      - alert: Misplaced
        expr: vector(1)
        annotations: {runbook_url: "disk.md#no-such-part"}
      - alert: Templated
        expr: vector(1)
        annotations: {runbook_url: "{{ $labels.where }}/x.md"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "books"
    made.mkdir()
    (made / "disk.md").write_text("# Disk\n\n## Symptoms\n\n- x\n\n## Steps\n\n1. Look: `df -h`\n")
    (made / "q.md").write_text("---\nmatch: {alertname: QueueStuck}\n---\n# Q\n\n## Steps\n\n1. Look: `uptime`\n")
    (made / "rules.yml").write_text(RULES)
    return made


def findings(folder: Path, source: str, look: bool = False) -> set[tuple[int, str, str]]:
    library = load_library([folder], shipped=False)
    found = check_alerts(read_alerts(source), library, fetch if look else None)
    return {(one.line, one.code, one.message.split(":")[0]) for _, one in found}


def test_a_rule_file(folder: Path) -> None:
    assert findings(folder, str(folder / "rules.yml")) == {
        (12, "R027", "Lost"),
        (20, "R028", "Moved"),
        (23, "R028", "Misplaced"),
    }


def test_a_folder_and_the_operators_form(folder: Path) -> None:
    nested = "\n".join("  " + line for line in RULES.splitlines())
    (folder / "rules.yml").write_text(f"kind: PrometheusRule\nspec:\n{nested}\n")
    (folder / "other.yaml").write_text("a: 1\n")
    assert (14, "R027", "Lost") in findings(folder, str(folder))


@pytest.mark.parametrize("text", ["groups: 5\n", "groups:\n  - a: [\n", "- 1\n"])
def test_what_is_no_rule_file_is_one_line(text: str, folder: Path) -> None:
    (folder / "rules.yml").write_text(text)
    with pytest.raises(SourceError) as error:
        read_alerts(str(folder / "rules.yml"))
    assert str(error.value).startswith(f"{folder}/rules.yml:")
    assert "\n" not in str(error.value)


def test_the_nearest_is_named(folder: Path) -> None:
    library = load_library([folder], shipped=False)
    ((_, problem),) = check_alerts([AlertRule("DiskTooSlow", "r.yml", 1)], library)
    assert problem.message.startswith(
        "DiskTooSlow: no runbook; the nearest is disk: its title and the alert's name share: disk"
    )


def test_a_real_prometheus(folder: Path, tmp_path: Path) -> None:
    work = tmp_path / "prometheus"
    work.mkdir()
    with Prometheus({"rule_files": [str(folder / "rules.yml")]}, work) as server:
        found = findings(folder, server.address)
        cli_code = cli.main(["runbooks", "lint", str(folder), "--alerts", server.address])
    assert {name for _, code, name in found if code == "R027"} == {"Lost"}
    # Over the network a path is relative to nothing: it must be one in the library.
    assert {name for _, code, name in found if code == "R028"} == {"Moved", "Misplaced"}
    assert cli_code == 1


def test_a_real_alertmanager(folder: Path, tmp_path: Path) -> None:
    with Alertmanager(tmp_path / "am") as server:
        server.fire({"alertname": "Lost"}, {"alertname": "QueueStuck"})
        eventually(lambda: len(read_alerts(server.address)) == 2)
        assert findings(folder, server.address) == {(0, "R027", "Lost")}


class _Pages(http.server.BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        body = b'<h2 id="user-content-fix">Fix</h2>'
        if self.path == "/am/api/v2/alerts":
            names = ("Lost", "QueueStuck", "Lost")
            body = json.dumps([{"labels": {"alertname": name}, "annotations": {}} for name in names]).encode()
        self.send_response(200 if self.path in ("/page", "/am/api/v2/alerts") else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def pages() -> Iterator[str]:
    _Pages.asked.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Pages)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_what_answers_as_an_alertmanager_does(folder: Path, pages: str) -> None:
    assert findings(folder, f"{pages}/am/") == {(0, "R027", "Lost")}
    with pytest.raises(SourceError, match="neither a Prometheus nor an Alertmanager"):
        read_alerts(f"{pages}/elsewhere")


def test_http_addresses_are_looked_at_only_when_asked(folder: Path, pages: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = probe.getsockname()[1]
    urls = {
        "Good": f"{pages}/page",
        "Part": f"{pages}/page#fix",
        "NoPart": f"{pages}/page#nix",
        "Gone": f"{pages}/other",
        "Silent": f"http://127.0.0.1:{nobody}/",
    }
    rules = "groups:\n- name: g\n  rules:\n"
    for name, url in urls.items():
        rules += f"  - {{alert: {name}, expr: vector(1), annotations: {{runbook_url: '{url}'}}}}\n"
    (folder / "rules.yml").write_text(rules)
    source = str(folder / "rules.yml")
    assert findings(folder, source) == set()
    assert _Pages.asked == []
    assert {name for _, code, name in findings(folder, source, look=True) if code == "R028"} == {
        "NoPart",
        "Gone",
        "Silent",
    }


def test_the_command(folder: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["runbooks", "lint", str(folder), "--alerts", str(folder / "rules.yml"), "--json"]) == 1
    problems = json.loads(capsys.readouterr().out)["problems"]
    moved = next(one for one in problems if "Moved" in one["message"])
    assert (moved["path"], moved["line"], moved["code"], moved["level"]) == (f"{folder}/rules.yml", 20, "R028", "error")
    assert moved["fix"]
    assert cli.main(["runbooks", "lint", str(folder), "--alerts", str(folder / "none.yml")]) == 2
    assert cli.main(["runbooks", "lint", str(folder), "--alerts", "http://127.0.0.1:1"]) == 2
    assert cli.main(["runbooks", "lint", str(folder), "--check-urls"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 3
    assert "Traceback" not in error
