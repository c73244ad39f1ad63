"""The simulated house, with its real processes: what breaks it, and that only the right steps mend it."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from console import config
from console.demo import volume
from console.demo.home import Home
from console.demo.service import call
from console.demo.stage import stage
from console.watch.checks import compile_checks

SPEED = 40.0
PATIENCE = 60.0


def until(holds: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"not seen: {what}"
        time.sleep(0.02)


class House:
    def __init__(self, home: Home) -> None:
        self.home = home
        self.ports = json.loads((home.folder / "services.json").read_text())

    def ask(self, service: str, path: str) -> dict[str, object]:
        return dict(call(self.ports[service], "GET", path)[1])

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """A line of a runbook, as an operator's shell would run it."""
        return subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)

    def feed(self) -> str:
        return str(self.ask("feed", "/health")["status"])

    def errors(self) -> float:
        return float(str(self.ask("api", "/health")["error_percent"]))


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with stage(SPEED, seed=7) as home:
        yield House(home)


def test_the_outage_and_that_only_the_right_steps_end_it(house: House) -> None:
    captures = f"{house.home.volume}/{volume.CAPTURES}"
    until(lambda: house.errors() > 25, "errors for customers")
    assert house.feed() == "HALTED"
    assert house.ask("storage", "/volume")["used_percent"] == pytest.approx(100, abs=3)
    # A restart of the API only clears its counters.
    assert house.run("ternctl api restart").returncode == 0
    until(lambda: house.errors() > 25, "errors again after a restart")
    # The feed refuses while there is no room.
    refused = house.run("ternctl feed resume")
    assert refused.returncode == 1
    assert "full" in refused.stdout
    # Removing the captures while the capture is on does not last.
    assert house.run(f"rm -f -- {captures}").returncode == 0
    until(lambda: float(str(house.ask("storage", "/volume")["used_percent"])) > 95, "a volume full again")
    assert house.feed() == "HALTED"
    # The runbook's order does it.
    for command in ("ternctl capture off", f"rm -f -- {captures}", "ternctl feed resume"):
        assert house.run(command).returncode == 0, command
    until(lambda: house.feed() == "UP", "a feed that is up")
    until(lambda: house.errors() < 5, "a healthy API")
    assert house.run("ternctl volume status").stdout.startswith("used_percent")


def test_the_control_command_says_what_it_expects(house: House) -> None:
    wrong = house.run("ternctl reboot world")
    assert wrong.returncode == 2
    assert "expected one of" in wrong.stderr
    lost = house.run("TERN_HOME=/nowhere ternctl feed status")
    assert lost.returncode == 2
    assert "TERN_HOME" in lost.stderr


def test_the_configuration_it_writes_is_valid(house: House) -> None:
    read = config.load(house.home.config)
    checks = compile_checks(read.watched())
    assert {service.name for service in read.services} == {"forecast-api", "buoy-feed", "readings-volume"}
    assert len(checks) == 4
    assert all(Path(folder).is_dir() for folder in config.runbook_paths(read, house.home.config))
