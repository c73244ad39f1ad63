"""What every test gets: a home of its own, a database path, the shared data when it is there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.servers import MISSING

SHARED_MISSING = "VIGIE_SHARED is not set: "
# What would change how the program behaves, or where it writes.
_OURS = ("VIGIE_DB", "VIGIE_CONFIG", "VIGIE_ACTOR", "VIGIE_INCIDENT")
_XDG = {
    "XDG_DATA_HOME": ".local/share",
    "XDG_CONFIG_HOME": ".config",
    "XDG_STATE_HOME": ".local/state",
    "XDG_CACHE_HOME": ".cache",
    "XDG_RUNTIME_DIR": "run",
}


def _environment(home: Path) -> dict[str, str]:
    return {"HOME": str(home), **{name: str(home / folder) for name, folder in _XDG.items()}}


@pytest.fixture(scope="session", autouse=True)
def _no_home_of_yours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing in a test run reads or writes the developer's own home, also not fixtures wider than one test."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _environment(tmp_path_factory.mktemp("home")).items():
            patch.setenv(name, value)
        for name in _OURS:
            patch.delenv(name, raising=False)
        yield


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder (with the XDG variables) for this test alone."""
    folder = tmp_path / "home"
    (folder / "run").mkdir(parents=True, mode=0o700)
    for name, value in _environment(folder).items():
        monkeypatch.setenv(name, value)
    return folder


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Where this test's database may be made: a folder of its own, no file yet."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    return folder / "vigie.db"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared data (corpus, seeds, timelines), named by ``VIGIE_SHARED``; skipped without."""
    named = os.environ.get("VIGIE_SHARED")
    if not named:
        pytest.skip(f"{SHARED_MISSING}needs its data")
    folder = Path(named)
    if not folder.is_dir():
        pytest.fail(f"VIGIE_SHARED={named} is not a folder")
    return folder


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly which tests did not run for want of a server or of data: a quiet skip looks like a pass."""
    lost: dict[str, list[str]] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reason = reason.removeprefix("Skipped: ")
        if reason.startswith((MISSING, SHARED_MISSING)):
            lost.setdefault(reason, []).append(report.nodeid)
    if not lost:
        return
    terminalreporter.section("NOT RUN", sep="!", red=True, bold=True)
    for reason, tests in sorted(lost.items()):
        terminalreporter.line(f"{reason}: {len(tests)} not run", red=True)
        for name in sorted(tests):
            terminalreporter.line(f"    {name}")
