"""Reading real runbooks: time a file, what they look like, how many give steps, and where their lines go (needs
``VIGIE_SHARED``)."""

from __future__ import annotations

import os
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from console.runbook.blocks import parser
from console.runbook.library import load_library, read_runbook_file
from tests.bench._shapes import SHAPES, accounted, shapes
from tests.bench.figures import Figure


def bench() -> Iterable[Figure]:
    root = os.environ.get("VIGIE_SHARED")
    if root is None:
        return
    corpus = Path(root) / "corpus"
    files = sorted(path for path in corpus.rglob("*.md") if path.name != "SOURCES.md")
    texts = {path: path.read_text(encoding="utf-8-sig", errors="replace") for path in files}
    read_runbook_file(files[0])  # the parsers and word lists, once
    parse_ms = statistics.median(_milliseconds(partial(parser().parse, texts[path])) for path in files)
    times: list[float] = []
    counts: Counter[tuple[str, str]] = Counter()
    seen: Counter[str] = Counter()
    places: Counter[str] = Counter()
    for path in files:
        started = time.perf_counter()
        document = read_runbook_file(path)
        times.append(1000 * (time.perf_counter() - started))
        group = path.relative_to(corpus).parts[0]
        steps = [step for runbook in document.runbooks for step in runbook.steps()]
        counts[group, "files"] += 1
        counts[group, "yield"] += bool(steps)
        counts[group, "steps"] += len(steps)
        counts[group, "commands"] += sum(any(command.lang == "sh" for command in step.commands) for step in steps)
        lines = texts[path].replace("\r\n", "\n").split("\n")
        places += accounted(document, lines)
        seen.update(shapes(lines))
    median = statistics.median(times)
    yield Figure("a file, median", median, "ms", median / parse_ms, f"markdown-it alone {parse_ms:.2f} ms")
    yield Figure("a file, 95 of 100", sorted(times)[int(len(times) * 0.95)], "ms")
    yield Figure("a file, slowest", max(times), "ms")
    for place in ("steps", "phases", "info", "lost"):
        yield Figure(f"lines: {place}", 100 * places[place] / places.total(), "%", goal=f"{places[place]:,} lines")
    for shape in SHAPES:
        yield Figure(f"files with: {shape}", 100 * seen[shape] / len(files), "%", goal=f"{seen[shape]} of {len(files)}")
    library_ms = _milliseconds(lambda: load_library([corpus]))
    yield Figure(f"library of {len(files)} files, read and indexed", library_ms, "ms")
    for group in sorted({group for group, _ in counts}):
        yield Figure(f"{group}: files that give steps", 100 * counts[group, "yield"] / counts[group, "files"], "%")
        yield Figure(
            f"{group}: steps with commands", 100 * counts[group, "commands"] / max(counts[group, "steps"], 1), "%"
        )


def _milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - started)
