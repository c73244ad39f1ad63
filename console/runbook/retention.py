"""How long output is kept: the spool of ended commands is pruned by age and by total size, the oldest first.

A command that runs, or whose end is not in the journal yet, is never touched; the record keeps first and last lines of all.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from console.runbook import status

_RECORDED: Final = ".done"


def prune(folder: Path, *, total: int, age_s: float, now: float) -> list[str]:
    """Remove what is older than *age_s* seconds at *now* (Unix time), then the oldest until *total* bytes are left. The ids
    of the commands whose output is gone. Never raises: what can't be removed stays."""
    found = sorted(_ended(folder))
    left = sum(size for _, size, _ in found)
    gone: list[str] = []
    for changed, size, command in found:
        if now - changed <= age_s and left <= total:
            break  # they are sorted: nobody after this one is older
        if status.is_looked_after(str(folder / f"{command}.out")):
            continue  # something that it started still writes there
        if _remove(folder, command):
            left -= size
            gone.append(command)
    return gone


def _ended(folder: Path) -> Iterator[tuple[float, int, str]]:
    """``(when it ended, bytes, id)`` of each command whose end is recorded."""
    try:
        names = [entry.name for entry in folder.iterdir() if entry.name.endswith(_RECORDED)]
    except OSError:
        return
    for name in names:
        command = name.removesuffix(_RECORDED)
        try:
            done = (folder / name).stat()
            size = (folder / f"{command}.out").stat().st_size
        except OSError:
            continue
        yield done.st_mtime, size + done.st_size, command


def _remove(folder: Path, command: str) -> bool:
    try:
        for name in (f"{command}.out", f"{command}.control", command + _RECORDED):
            (folder / name).unlink(missing_ok=True)
    except OSError:
        return False
    return True
