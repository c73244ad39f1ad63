"""``disk``: room and inodes of the file system that a path is on."""

from __future__ import annotations

import errno
import os
from functools import partial
from typing import Final

from msgspec import Struct

from console.snapshot import DEGRADED, DOWN, OK, UNKNOWN
from console.watch.probing import Reading, Tools, graded
from console.watch.sizes import bytes_text, parse_bytes

PLACEHOLDERS: Final = frozenset(("PERCENT", "FREE", "TOTAL", "INODES"))
CONDITIONS: Final = ()
_WORST_FIRST: Final = (DOWN, DEGRADED, OK)


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of a ``disk`` check: limits in percent used (bytes and inodes alike), and in bytes free."""

    path: str = "/"
    warn: float | None = 85
    fail: float | None = 95
    warn_free: str | int | None = None  # "20GB": less is DEGRADED
    fail_free: str | int | None = None  # "5GB": less is DOWN

    def __post_init__(self) -> None:
        for size in (self.warn_free, self.fail_free):
            if size is not None:
                parse_bytes(size)


class Probe:
    """Asks ``statvfs`` in a thread: on a lost network mount the call hangs."""

    host = ""

    def __init__(self, options: Options, wanted: frozenset[str]) -> None:
        self._options = options
        self._warn_free = None if options.warn_free is None else parse_bytes(options.warn_free)
        self._fail_free = None if options.fail_free is None else parse_bytes(options.fail_free)

    async def measure(self, tools: Tools) -> Reading:
        path = self._options.path
        try:
            found = await tools.shared(f"statvfs {path}", 0.5, partial(os.statvfs, path))
        except OSError as error:
            words = "no such path" if error.errno == errno.ENOENT else os.strerror(error.errno or 0).lower()
            return Reading(state=UNKNOWN, detail=f"{path}: {words}")
        total, free = found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize
        used = (found.f_blocks - found.f_bfree) * found.f_frsize
        # as df: what only root may use counts neither as used nor as free
        percent = 100 * used / (used + free) if used + free else 0.0
        inodes = 100 * (1 - found.f_ffree / found.f_files) if found.f_files else 0.0
        states = (
            graded(percent, self._options.warn, self._options.fail),
            graded(inodes, self._options.warn, self._options.fail),
            self._by_free(free),
        )
        detail = f"{percent:.0f} % used, {bytes_text(free)} free"
        detail += f", {inodes:.0f} % of inodes" if states[1] != OK else ""
        return Reading(
            state=next(state for state in _WORST_FIRST if state in states),
            detail=detail,
            values={"PERCENT": percent, "FREE": free, "TOTAL": total, "INODES": inodes},
            value=round(percent, 1),
            unit="%",
        )

    def _by_free(self, free: float) -> str:
        if self._fail_free is not None and free < self._fail_free:
            return DOWN
        return DEGRADED if self._warn_free is not None and free < self._warn_free else OK
