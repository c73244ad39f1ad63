"""The monitor: every stretch for which the loop was away is seen, an idle console pays nothing for it, and it is told."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from console import live
from screens.lag import WINDOW_S, LoopLag
from screens.term.traffic import Traffic

REPO = Path(__file__).resolve().parents[2]


class Clock:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def test_shares_and_the_worst_of_the_last_minute() -> None:
    clock = Clock()
    lag = LoopLag(clock)
    assert lag.share(0.5, 0.99) == [0.0, 0.0] and lag.worst() == 0.0
    for _ in range(980):
        lag.add(0.0002)
    for _ in range(20):
        lag.add(0.050)
    p50, p99 = lag.share(0.5, 0.99)
    assert 0.0002 <= p50 <= 0.00025 and 0.040 <= p99 <= 0.051  # a bin is a fifth wide, and never past the worst
    assert lag.worst() == 0.050
    clock.at += WINDOW_S / 2
    lag.add(0.001)
    assert lag.worst() == 0.050
    clock.at += WINDOW_S / 2
    assert lag.worst() == 0.001
    clock.at += WINDOW_S
    assert lag.worst() == 0.0 and lag.share(0.5) == [0.0]


def test_any_length_has_a_bin() -> None:
    lag = LoopLag(Clock())
    for seconds in (0.0, 1e-9, 20e-6, 1.0, 1e6):
        lag.add(seconds)
    assert lag.worst() == 1e6 and lag.share(0.0)[0] > 0


async def test_a_block_of_the_loop_is_seen_and_a_wait_is_not() -> None:
    lag = LoopLag()
    assert lag.install(asyncio.get_running_loop())
    try:
        await asyncio.sleep(0.2)
        before = lag.worst()
        seen: list[float] = []
        looker = threading.Timer(0.05, lambda: seen.append(lag.away()))
        looker.start()
        time.sleep(0.3)
        await asyncio.sleep(0.01)
        looker.join()
        assert before < 0.2 <= lag.worst() and seen[0] > 0.03
    finally:
        lag.uninstall()
    worst = lag.worst()
    time.sleep(0.4)
    await asyncio.sleep(0.01)
    assert lag.worst() == worst


def test_frames_that_waited_and_frames_that_were_never_sent() -> None:
    traffic = Traffic()
    traffic.made()
    traffic.sent(100.0, 3000, frame=True)
    traffic.made()
    traffic.wait()
    traffic.wait()
    traffic.made()
    traffic.wait()
    traffic.sent(101.0, 500, frame=True)
    traffic.sent(102.0, 4, frame=False)
    assert (traffic.frames, traffic.held, traffic.dropped, traffic.bytes) == (2, 2, 1, 3504)
    assert traffic.rate(110.0) == pytest.approx(350.4)
    assert traffic.rate(400.0) == 0.0


async def test_help_tells_how_this_console_is_doing(console: Any) -> None:
    async with console.open():
        await console.press("question_mark", "end")
        text = console.text()
        assert "This console" in text and "ms p99" in text and "ms worst" in text
        assert "Textual's own driver" in text and "nothing measured; taken as fast (auto)" in text


# ── vigie doctor --live ─────────────────────────────────────────────────────────────────────────────────────────


async def test_doctor_looks_at_a_running_console(console: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    database, folder = str(console.paths.database), console.paths.folder
    with console.journal():
        pass
    monkeypatch.setattr("console.watch.keeper.start", lambda *_: None)  # a watch would outlive this test
    console.deps = replace(console.deps, watching=True)

    def doctor(*more: str) -> tuple[int, str, str]:
        # A process of its own: Textual has taken this one's stdout.
        call = [sys.executable, "-c", "from console.cli import run; run()", "--db", database, "doctor", "--live", *more]
        done = subprocess.run(call, capture_output=True, text=True, cwd=REPO, timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr

    async with console.open():
        path = live.file_of(folder, os.getpid())
        await console.until(path.exists, "the console's file")
        assert path.stat().st_mode & 0o777 == 0o600
        code, out, err = await asyncio.to_thread(doctor)
        assert code == 0 and not err
        assert f"console    pid {os.getpid()}, ann on pts/1" in out and "ms p99" in out
        code, out, _ = await asyncio.to_thread(doctor, "--json")
        found = json.loads(out)
        assert code == 0 and found["consoles"][0]["pid"] == os.getpid() and found["consoles"][0]["hangs"] is False
        assert {"lag_p50_ms", "lag_p99_ms", "lag_worst_ms", "link", "driver"} <= set(found["consoles"][0])
        # One that does not say anything any more hangs, or is stopped.
        console.app.desk._keeping.close()
        kept = live.Live(
            **{**{f: found["consoles"][0][f] for f in ("pid", "actor", "tty")}, **_old(found["consoles"][0])}
        )
        live.write(folder, kept)
        code, out, _ = await asyncio.to_thread(doctor)
        assert code == 1 and "HANGS" in out
        live.remove(folder, os.getpid())
    code, out, err = doctor("--json")
    assert code == 1 and json.loads(out)["consoles"] == [] and "no console runs" in err
    assert not list(folder.glob("live-*"))


def _old(found: dict[str, Any]) -> dict[str, Any]:
    from datetime import UTC, datetime

    numbers = {name: found[name] for name in ("lag_p50_ms", "lag_p99_ms", "lag_worst_ms", "away_ms", "driver")}
    now = datetime.now(UTC)
    return {
        **numbers,
        "started": live.started(os.getpid()),
        "since": now,
        "at": now,
        "boottime": found["boottime"] - 60,
    }


def test_a_file_of_a_console_that_was_killed_is_taken_away(tmp_path: Any) -> None:
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    gone = live.Live(
        pid=os.getpid(), started="1", actor="ann", tty="", since=now, at=now, boottime=1.0, driver="cells",
        lag_p50_ms=0, lag_p99_ms=0, lag_worst_ms=0, away_ms=0,
    )  # fmt: skip
    live.write(tmp_path, gone)
    (tmp_path / "live-7.json").write_bytes(b"\xff{")
    assert live.read(tmp_path) == ([], [])
    assert [path.name for path in tmp_path.iterdir()] == ["live-7.json"]
    assert live.read(tmp_path / "none") == ([], [])


def test_a_file_that_cannot_be_taken_away_is_no_fault(tmp_path: Path) -> None:
    """A traceback of the thread that tries it would stand on the shell's screen."""
    (tmp_path / "folder").write_text("no folder")
    live.remove(tmp_path / "folder", 1)
