"""Run the benchmarks and print a table: ``python -m tests.bench [--json FILE] [NAME…]``."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import time
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.bench.figures import Figure

HERE = Path(__file__).parent
NOT_BENCHES = {"figures"}
BY_NAME = {
    "driver",
    "idle",
    "screen",
}  # what peers measures too, at more sizes or beside Textual's own driver: run on request


def names() -> list[str]:
    """The benchmark modules of this folder."""
    return sorted(p.stem for p in HERE.glob("*.py") if not p.stem.startswith("_") and p.stem not in NOT_BENCHES)


def table(rows: Iterable[tuple[str, str, str]]) -> str:
    """Left-aligned name, right-aligned value, what it was compared with."""
    cells = list(rows)
    if not cells:
        return "  nothing was measured"
    width, value = max(len(row[0]) for row in cells), max(len(row[1]) for row in cells)
    return "\n".join(f"  {name:<{width}}  {figure:>{value}}  {against}".rstrip() for name, figure, against in cells)


def _bench(name: str, options: argparse.Namespace) -> Iterable[Figure]:
    if name == "peers":
        from tests.bench import peers

        return peers.bench([part for part in options.only.split(",") if part], options.write)
    found: Iterable[Figure] = importlib.import_module(f"tests.bench.{name}").bench()
    return found


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="tests.bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="modules to run (default: all but driver, idle, screen)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    parser.add_argument(
        "--only", default="", metavar="PART,…", help="of peers: start, keys, idle, links, timeline, many, meters"
    )
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="put the tables of peers between the markers of FILE"
    )
    parser.add_argument("--list", action="store_true", help="print the modules' names")
    options = parser.parse_args(argv)
    known = names()
    if options.list:
        print("\n".join(known))
        return 0
    unknown = sorted(set(options.names) - set(known))
    if unknown:
        parser.error(f"no benchmark called {', '.join(unknown)} (there are: {', '.join(known)})")
    print(
        f"Python {platform.python_version()}, {platform.system()} {platform.release()}, {os.cpu_count()} CPUs, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    measured: dict[str, list[Figure]] = {}
    failed: list[str] = []
    for name in options.names or [name for name in known if name not in BY_NAME]:
        started = time.monotonic()
        print(f"\n{name}", flush=True)
        figures = measured.setdefault(name, [])
        try:
            figures.extend(_bench(name, options))
        except Exception:  # one broken benchmark must not hide the figures of the others
            failed.append(name)
            traceback.print_exc()
        print(table(figure.row() for figure in figures))
        print(f"  ({time.monotonic() - started:.1f} s)", flush=True)
    if options.json:
        text = json.dumps(
            {name: [asdict(figure) for figure in figures] for name, figures in measured.items()}, indent=1
        )
        options.json.write_text(text + "\n", encoding="utf-8")
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
