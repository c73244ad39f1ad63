"""The bar, figure by figure, and the tables for people."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench._link import MBIT, MODEM, SERIAL
from tests.bench._programs import MINIMAL, NAIVE, VIGIE
from tests.bench._results import MEASURES, TIMED_OUT, Results, shown, words_of
from tests.bench._scene import EVENTS
from tests.bench.figures import Figure

BEGIN: Final = "<!-- peers: written by `make bench` -->"
END: Final = "<!-- end of peers -->"


@dataclass(frozen=True)
class Bar:
    """*measure* of ours, at most *goal* – times the *peer*'s *theirs*, or by itself where there is no peer."""

    words: str
    measure: str
    unit: str
    goal: float
    peer: str = ""
    theirs: str = ""  # the peer's measure, where it is another one


def bars() -> list[Bar]:
    """What the console is held to."""
    switch, held = "key → checklist while rows change, {}", "catching up after 30 held pages, {}"
    return [
        Bar("first useful frame", "first", "ms", 0.5, "vim"),
        Bar("live first paint, real data", "live", "ms", 1.15, MINIMAL),
        *(
            Bar("live first paint, real data", "live", "ms", 1.0, name)
            for name in ("glances", "lnav", "posting", "harlequin")
        ),
        Bar("bytes to the settled first screen", "settled", "B", 0.7, "htop"),
        Bar("bytes a cursor move", "cursor B", "B", 0.6, "htop"),
        Bar("bytes a page", "page B", "B", 0.3, "less"),
        Bar("bytes a step ticked off", "tick B", "B", 40),
        Bar("bytes a second of the clock", "clock B", "B", 40),
        Bar("idle, 10 of 200 rows change a second", "idle B/s", "B/s", 0.3, "htop"),
        Bar("the same, processor", "idle cpu", "%", 0.6, "glances"),
        Bar("sent without changing a cell", "unchanged B/s", "B/s", 0),
        Bar(f"key → checklist while rows change, {MODEM.name}", switch.format(MODEM.name), "s", 0.65),
        Bar(f"key → checklist while rows change, {SERIAL.name}", switch.format(SERIAL.name), "s", 2.5),
        Bar(f"catching up after 30 held pages, {MODEM.name}", held.format(MODEM.name), "s", 0.1, "less"),
        Bar(f"catching up after 30 held pages, {SERIAL.name}", held.format(SERIAL.name), "s", 0.1, "less"),
        Bar(f"timeline of {EVENTS:,} events opened", f"timeline of {EVENTS:,} opened, ms", "ms", 0.15, "lnav", "live"),
        Bar(f"key in a timeline of {EVENTS:,}, p50", f"key in a timeline of {EVENTS:,}, p50 ms", "ms", 5),
        Bar("resident memory with that open", f"memory with {EVENTS:,} events open, MiB", "MiB", 1.5, "glances", "rss"),
        Bar(
            "key among 5,000 checks and 50,000 alerts, p95",
            "key among 5,000 checks and 50,000 alerts, p95 ms",
            "ms",
            30,
        ),
    ]


def figures(results: Results) -> Iterator[Figure]:
    """The bar as figures: what was measured in this run."""
    for bar in bars():
        judged = _judged(bar, results)
        if judged is not None:
            ours, peer, ratio, met = judged
            against = f"{bar.peer}, {shown(peer)} {bar.unit}" if bar.peer else "at most"
            goal = f"goal {bar.goal:g}{'×' if bar.peer else ' ' + bar.unit}: {'hit' if met else 'MISS'}"
            yield Figure(bar.words, ours, bar.unit, ratio, against, goal)


def _judged(bar: Bar, results: Results) -> tuple[float, float | None, float | None, bool] | None:
    ours = results.get(bar.measure, VIGIE)
    peer = results.get(bar.theirs or bar.measure, bar.peer) if bar.peer else None
    if ours is None or (bar.peer and peer is None):
        return None
    if peer is None:
        return ours, None, None, ours <= bar.goal
    ratio = 0.0 if peer == TIMED_OUT else ours / peer if peer else TIMED_OUT
    return ours, peer, ratio, ratio <= bar.goal


def write(results: Results, path: Path) -> None:
    """Put the tables between the markers of *path*."""
    text = path.read_text(encoding="utf-8")
    before, found, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not found or not ended:
        raise ValueError(f"{path}: no place for the tables, expected {BEGIN} … {END}")
    path.write_text(f"{before}{BEGIN}\n\n{markdown(results)}\n{END}{after}", encoding="utf-8")


def markdown(results: Results) -> str:
    """Everything that was measured."""
    parts = [
        f"120×40, xterm-256color, Python {platform.python_version()}, {_processor()}; medians.",
        _bar_table(results),
        _table(results, "Without a link", [(key, *MEASURES[key]) for key in MEASURES]),
    ]
    linked = [
        (f"{what}, {link.name}", f"{what}, {link.name}", "s")
        for link in (MBIT, MODEM, SERIAL)
        for what in (
            "start",
            "cursor",
            "page",
            *(
                f"key → {screen} while rows change{part}"
                for screen in ("checklist", "timeline")
                for part in ("", ", all of it", ", first visit")
            ),
            "catching up after 30 held pages",
        )
    ]
    parts.append(_table(results, "Over links", linked))
    listed = {row[0] for row in linked} | set(MEASURES)
    parts.append(
        _table(results, "With much to show", [(key, *words_of(key)) for key in results.of if key not in listed])
    )
    parts.append("\n".join(f"- {note[0].upper()}{note[1:]}." for note in results.notes))
    return "\n\n".join(part for part in parts if part) + "\n"


def _processor() -> str:
    import os

    return f"{os.cpu_count()} processors"


def _bar_table(results: Results) -> str:
    lines = ["| | Vigie | beside | ratio | goal | |", "|---|---|---|---|---|---|"]
    for bar in bars():
        judged = _judged(bar, results)
        if judged is None:
            continue
        ours, peer, ratio, met = judged
        beside = f"{bar.peer} {shown(peer)} {bar.unit}" if bar.peer else ""
        goal = f"≤ {bar.goal:g}{'×' if bar.peer else ' ' + bar.unit}"
        times = "" if ratio is None or peer == TIMED_OUT else f"{ratio:.2f}×"
        verdict = "hit" if met else "**miss**"
        lines.append(f"| {bar.words} | {shown(ours)} {bar.unit} | {beside} | {times} | {goal} | {verdict} |")
    return "\n".join(lines) if len(lines) > 2 else ""


def _table(results: Results, title: str, rows: Sequence[tuple[str, str, str]]) -> str:
    rows = [row for row in rows if row[0] in results.of]
    if not rows:
        return ""
    names = list(dict.fromkeys(name for row in rows for name in results.of[row[0]]))
    names.sort(key=lambda name: (name != VIGIE, name in (MINIMAL, NAIVE)))
    lines = [f"| {title} | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for measure, words, unit in rows:
        cells = [shown(results.get(measure, name)) for name in names]
        lines.append(f"| {words}, {unit} | {' | '.join(cells)} |")
    return "\n".join(lines)
