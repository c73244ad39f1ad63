"""``vigie demo`` without a terminal: the whole story, by real processes, printed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.e2e.site import VIGIE, eventually


def demo(*more: str, cwd: Path, tmpdir: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(VIGIE), "--actor", "ann", "demo", *more],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
        cwd=cwd,
        env={**os.environ, "TMPDIR": str(tmpdir)},
    )


def test_it_plays_the_story_and_prints_timeline_and_postmortem(tmp_path: Path) -> None:
    done = demo("--speed", "12", "--seed", "5", cwd=tmp_path, tmpdir=tmp_path)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []  # nothing of it is left
    timeline, _, report = done.stdout.partition("\n---\n")
    # The timeline tells it in the order in which it happened, with what the watch saw between the lines.
    story = [
        r"\[watch\] \[alert\] ForecastErrorsHigh",
        r"\[ack\] ForecastErrorsHigh: on it",
        r"\[declared\] SEV2 tide forecasts answer 503 \(forecast-api\) from alert",
        r"Follows Forecast API answers with errors",
        r"\[command\] \$ ternctl api status",
        r"exit 0 .* readings are",
        r"Switched to another runbook: the API's readings are old",
        r"Switched to another runbook: the readings volume is full",
        r"★ \[finding\] the radio's debug capture fills",
        r"\$ ternctl capture off",
        r"\$ rm -f -- .*/readings/capture-\*\.bin",
        r"\$ ternctl feed resume",
        r"Skipped Give the capture back: nobody asked",
        r"\[alert\] ForecastErrorsHigh resolved",
        r"\[closed\]",
    ]
    assert re.search(".*".join(story), timeline, re.DOTALL), timeline
    # The postmortem measures it, quotes what was run, and leaves to people what only they know.
    assert report.startswith('id: "INC-1"')
    for piece in ('status: "closed"', "time to mitigate", "### `ternctl feed resume`", "_To be written_", "Chain head"):
        assert piece in report, piece
    assert not re.search(r"\| time to \w+ [^|]*\| not recorded", report)


def test_it_is_the_users_own_configuration_it_leaves_alone(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(VIGIE), "--db", str(tmp_path / "mine.db"), "demo"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "database of its own" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("how", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_a_signal_in_the_middle_leaves_nothing(tmp_path: Path, how: signal.Signals, code: int) -> None:
    process = subprocess.Popen(
        [str(VIGIE), "demo", "--speed", "2"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        start_new_session=True,
    )
    try:
        eventually(lambda: list(tmp_path.glob("vigie-demo-*/vigie.db")), "a demo that runs")
        process.send_signal(how)
        assert process.wait(60) == code
        assert list(tmp_path.iterdir()) == []
    finally:
        process.kill()
        process.wait()


def test_the_same_seed_gives_the_same_house() -> None:
    code = (
        "import json, sys, tempfile\nfrom console.demo.service import Setting\nfrom console.demo.services import Feed\n"
        "folder = tempfile.mkdtemp(dir=sys.argv[1])\n"
        "feed = Feed(Setting(folder=folder, speed=1.0, seed=int(sys.argv[2])))\n"
        "for _ in range(5): feed._read(float(_))\n"
        "print(json.dumps([feed.capture_from, feed.tide]))"
    )
    with tempfile.TemporaryDirectory() as folder:
        runs = [
            json.loads(subprocess.check_output([sys.executable, "-c", code, folder, seed], timeout=60))
            for seed in ("1", "1", "2")
        ]
    assert runs[0] == runs[1] != runs[2]
