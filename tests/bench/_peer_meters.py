"""Our meter beside another one (``ttymeter.py`` of the shared tools): the same program, the same keys."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench._keys import CLOCKS, press_each
from tests.bench._link import NONE
from tests.bench._peer_start import start_once
from tests.bench._programs import SIZE, VIGIE, Program
from tests.bench._results import Results

_PRESSES = 12


def measure(results: Results, every: Sequence[Program]) -> None:
    """Bytes of the first screen and of cursor keys by both; nothing where the other meter is missing."""
    tool = Path(os.environ.get("VIGIE_SHARED", "")) / "tools" / "ttymeter.py"
    if not os.environ.get("VIGIE_SHARED") or not tool.exists():
        print("    ttymeter.py: not here (VIGIE_SHARED), no second meter", flush=True)
        return
    for one in every:
        mine = start_once(one)
        with one.start(NONE) as meter:
            argv, env = meter.argv, meter.env
            meter.until(one.live, 15)
            meter.quiet(0.6, 4.0)
            pressed = press_each(meter, ("j",) * _PRESSES, ignored=CLOCKS if one.name == VIGIE else ())
        theirs = _theirs(tool, argv, env, one)
        if mine is None or theirs is None:
            continue
        key = theirs["keys"]["j"]
        results.note(
            f"{one.name} by both meters (ours / ttymeter): first screen {mine.settled:,} / "
            f"{theirs['startup']['settled_bytes']:,.0f} B after {mine.live:.0f} / {theirs['startup']['until_ms']:.0f} ms, "
            f"cursor key {pressed.cost:,.0f} / {key['bytes']:,.0f} B in {pressed.p50:.1f} / {key['last_ms']:.1f} ms"
        )


def _theirs(
    tool: Path, argv: Sequence[str], env: dict[str, str], one: Program
) -> dict[str, dict[str, dict[str, float]]] | None:
    command = [sys.executable, str(tool), "--size", f"{SIZE[0]}x{SIZE[1]}", "--until", one.live, "--settle", "0.25"]
    command += ["--keys", f"wait:0.5,j*{_PRESSES}", "--json", "-", "--", *argv]
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=True)
    except (subprocess.SubprocessError, OSError) as error:
        print(f"    ttymeter.py and {one.name}: {error}", flush=True)
        return None
    found: dict[str, dict[str, dict[str, float]]] = json.loads(done.stdout)["median"]
    return found
