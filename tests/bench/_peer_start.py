"""Starts, in turn: first visible character, what the program is for, bytes until it stands, processor, memory."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench._eyes import Eyes
from tests.bench._link import NONE
from tests.bench._programs import VIGIE, Program
from tests.bench._results import Results
from tests.bench._starts import chill
from tests.e2e.screen_model import ScreenModel

_PATIENCE_S = 10.0
_QUIET_S = 0.25
_INDEXES = "lnav"  # shows lines before it has read all of them: when it has is a figure of its own
KEPT = re.compile(r"\b(?:kept|last seen|as of)\b")  # a console's last frame, shown before the live one


@dataclass(frozen=True)
class Started:
    """Milliseconds, bytes, MiB."""

    first: float
    live: float
    cpu: float
    settled: int
    rss: float
    stands: float  # until the last change, the first line with its clock left out


def start_once(program: Program) -> Started | None:
    """One start; None when the program never showed what it is for."""
    with program.start(NONE) as meter:
        try:
            meter.until(program.live, _PATIENCE_S)
        except AssertionError:
            return None
        # What was kept of the last screen says the same words: it is over when its mark is.
        if program.name == VIGIE and Eyes(meter).until(program.live, _PATIENCE_S, gone=KEPT.pattern) is None:
            return None
        meter.quiet(_QUIET_S, 2.0)
        cpu, settled = meter.cpu(), meter.total
        rss = memory(meter.process.pid)
        model = ScreenModel(*meter.size, mute=True)
        first = live = None
        stands, before = 0.0, ""
        for at, data in meter.chunks:
            model.feed(data)
            text = model.text()
            if first is None and text.strip():
                first = at
            if live is None and re.search(program.live, text) and not KEPT.search(text):
                live = at
            below = text.partition("\n")[2]
            if below != before:
                stands, before = at, below
    if first is None or live is None:
        return None
    return Started(first * 1000, live * 1000, cpu * 1000, settled, rss, stands * 1000)


def memory(pid: int) -> float:
    """Resident MiB of one process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def measure_cold(results: Results, every: Sequence[Program], rounds: int) -> None:
    """The same with nothing of the programs in the page cache: files are read from the disk."""
    found: dict[str, list[Started]] = {one.name: [] for one in every}
    for _ in range(rounds):
        for one in every:
            chill()
            started = start_once(one)
            if started is not None:
                found[one.name].append(started)
    for name, runs in found.items():
        for measure_name, attribute in (("cold first", "first"), ("cold live", "live")):
            results.put(
                measure_name, name, statistics.median(getattr(run, attribute) for run in runs) if runs else None
            )


def measure(results: Results, every: Sequence[Program], rounds: int) -> None:
    """*rounds* starts of each, one program after the other; the first round fills the caches and does not count."""
    found: dict[str, list[Started]] = {one.name: [] for one in every}
    for turn in range(rounds + 1):
        for one in every:
            if turn > one.rounds:
                continue
            started = start_once(one)
            if started is None:
                print(f"    {one.name}: did not show {one.live} in {_PATIENCE_S:g} s", flush=True)
            elif turn:
                found[one.name].append(started)
    for name, runs in found.items():
        if not runs:
            results.put("live", name, None)
            continue
        for measure_name, attribute in (
            ("first", "first"),
            ("live", "live"),
            ("start cpu", "cpu"),
            ("settled", "settled"),
            ("rss", "rss"),
        ):
            results.put(measure_name, name, statistics.median(getattr(run, attribute) for run in runs))
    if found.get(_INDEXES):
        results.put("stands", _INDEXES, statistics.median(run.stands for run in found[_INDEXES]))
    ours = found.get(VIGIE, [])
    if ours:
        spread = sorted(run.live for run in ours)
        results.note(f"live first paint of {len(spread)} starts: {spread[0]:.0f} to {spread[-1]:.0f} ms")
