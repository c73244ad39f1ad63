"""How the consoles on a database are doing right now: each one's small file beside the database, and who reads them.

The file is written every :data:`EVERY_S` by a thread of the console (``screens/keeping.py``), whole or not at all, with
mode 0600; it goes when the console does. A read-only console writes none.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

EVERY_S: Final = 5.0
OLD_S: Final = 20.0  # a file that was not written for so long, of a process that is there: it hangs, or is stopped
STUCK_S: Final = 2.0  # an event loop that is away for so long


class Live(Struct, frozen=True, kw_only=True):
    """One console, in the last minute unless said otherwise."""

    pid: int
    started: str  # field 22 of /proc/<pid>/stat: another process with this pid has another one
    actor: str
    tty: str
    since: datetime
    at: datetime  # when this was written
    boottime: float  # CLOCK_BOOTTIME then, in seconds
    driver: str  # cells: ours; stock: Textual's own, which counts and measures nothing
    lag_p50_ms: float
    lag_p99_ms: float
    lag_worst_ms: float
    away_ms: float  # for how long the event loop was away when this was written
    frames: int | None = None  # sent, since the start
    held: int | None = None
    dropped: int | None = None
    bytes: int | None = None
    bytes_per_s: float | None = None
    round_trip_ms: float | None = None
    link_bytes_per_s: float | None = None
    link: str = "auto"
    slow: bool = False


def started(pid: int) -> str:
    """When a process was started, in ticks after boot; "" when there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]


def file_of(folder: Path, pid: int) -> Path:
    """Where the console *pid* writes."""
    return folder / f"live-{pid}.json"


def write(folder: Path, live: Live) -> None:
    """Put *live* into its file. Raises ``OSError``."""
    path = file_of(folder, live.pid)
    fresh = path.with_suffix(".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(msgspec.json.encode(live))
    fresh.replace(path)


def remove(folder: Path, pid: int) -> None:
    """The console is gone."""
    for path in (file_of(folder, pid), file_of(folder, pid).with_suffix(".new")):
        try:
            path.unlink(missing_ok=True)
        except OSError:  # a disk that can't be written any more; who reads it looks whether the process is there
            pass


def read(folder: Path) -> tuple[list[Live], list[Path]]:
    """``(the consoles that run, files that this user can't read)``. Files of consoles that are gone are taken away."""
    found: list[Live] = []
    closed: list[Path] = []
    try:
        paths = sorted(folder.glob("live-*.json"))
    except OSError:
        return [], []
    for path in paths:
        try:
            live = msgspec.json.decode(path.read_bytes(), type=Live)
        except PermissionError:
            closed.append(path)
            continue
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            continue  # gone meanwhile, or of another version
        if started(live.pid) == live.started:
            found.append(live)
        else:
            try:
                path.unlink(missing_ok=True)
            except OSError:
                pass
    return found, closed


# ── in words ────────────────────────────────────────────────────────────────────────────────────────────────────


def loop_words(live: Live) -> str:
    """``away 0.2 ms p50, 3.1 ms p99, 41 ms worst (last minute)``."""
    return (
        f"away {number(live.lag_p50_ms)} ms p50, {number(live.lag_p99_ms)} ms p99, "
        f"{number(live.lag_worst_ms)} ms worst (last minute)"
    )


def terminal_words(live: Live) -> str:
    """Bytes a second and frames."""
    if live.frames is None:
        return "Textual's own driver: nothing is counted"
    return f"{live.bytes_per_s or 0:,.0f} B/s; frames: {live.frames:,} sent, {live.held:,} held back, {live.dropped:,} dropped"


def link_words(live: Live) -> str:
    """The way there and back, what goes through, and what follows from it."""
    parts = [] if live.round_trip_ms is None else [f"{number(live.round_trip_ms)} ms there and back"]
    if live.link_bytes_per_s is not None:
        parts.append(f"{live.link_bytes_per_s / 1000:,.1f} kB/s at the last long frames")
    steps = f"slow ({live.link}): clocks and ages step down" if live.slow else f"fast ({live.link})"
    return f"{', '.join(parts) or 'nothing measured'}; taken as {steps}"


def number(value: float) -> str:
    """Milliseconds with as many digits as mean something: ``0.2``, ``3.1``, ``41``."""
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"
