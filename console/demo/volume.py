"""The demo's small disk: a folder with a quota. Its files are real; only the limit is ours."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final

QUOTA: Final = 4_000_000  # bytes
CAPTURES: Final = "capture-*.bin"


def used(folder: Path) -> int:
    """Bytes in the volume."""
    total = 0
    for entry in os.scandir(folder):
        try:
            total += entry.stat().st_size
        except FileNotFoundError:  # removed while we looked
            pass
    return total


def used_percent(folder: Path) -> float:
    """How full it is, 0 to 100, one decimal."""
    return round(min(100.0, 100 * used(folder) / QUOTA), 1)


def write(folder: Path, name: str, data: bytes) -> None:
    """Write a file. Where the room ends the rest is missing, as on any disk, and ``OSError`` says ``ENOSPC``."""
    room = max(0, QUOTA - used(folder))
    (folder / name).write_bytes(data[:room])
    if len(data) > room:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)
