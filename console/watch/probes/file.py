"""``file``: whether files are there, how old, how large, how many: a backup that did not come, a lock that stayed."""

from __future__ import annotations

import glob
import os
import stat
import time
from pathlib import Path
from typing import Annotated, Final

from msgspec import Meta, Struct

from console.clock import span
from console.services import Span
from console.snapshot import DOWN, OK
from console.watch.probing import ProbeError, Reading, Tools
from console.watch.sizes import bytes_text, parse_bytes

PLACEHOLDERS: Final = frozenset(("COUNT", "AGE", "OLDEST", "SIZE", "TOTAL", "EXISTS"))
CONDITIONS: Final = ()
_MOST: Final = 100_000  # files that are looked at


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of a ``file`` check. *path* may hold ``*``, ``?``, ``[…]`` and ``**``."""

    path: str
    newest_within: Span | None = None  # the newest must be younger: a backup that has to come
    oldest_within: Span | None = None  # none may be older: a lock or a queue that has to go
    min_count: Annotated[int, Meta(ge=0)] | None = None  # None = 1, or 0 with oldest_within or max_count
    max_count: Annotated[int, Meta(ge=0)] | None = None
    min_size: str | int | None = None  # of the newest: "1MB"
    max_size: str | int | None = None  # of any of them
    max_total: str | int | None = None  # of all together

    def __post_init__(self) -> None:
        if not self.path:
            raise ValueError("path: expected a file, or a pattern such as /backup/*.dump")
        for size in (self.min_size, self.max_size, self.max_total):
            if size is not None:
                parse_bytes(size)


class _Found(Struct, frozen=True):
    name: str
    modified: float
    size: int


class Probe:
    """Looks at names and times, in a thread; opens nothing."""

    host = ""

    def __init__(self, options: Options, wanted: frozenset[str]) -> None:
        self._options = options
        relaxed = options.oldest_within is not None or options.max_count is not None
        self._least = (0 if relaxed else 1) if options.min_count is None else options.min_count

    async def measure(self, tools: Tools) -> Reading:
        pattern = str(tools.path(self._options.path))
        found = await tools.shared(f"files {pattern}", 0.0, lambda: _look(pattern))
        return self._judged(found, time.time())

    def _judged(self, found: list[_Found], now: float) -> Reading:
        options = self._options
        values: dict[str, object] = {
            "COUNT": len(found),
            "EXISTS": bool(found),
            "TOTAL": sum(one.size for one in found),
        }
        if not found:
            missing = self._least > 0
            name = Path(options.path).name
            return Reading(
                state=DOWN if missing else OK, detail=f"no file {name}" if missing else "none there", values=values
            )
        newest, oldest = max(found, key=lambda one: one.modified), min(found, key=lambda one: one.modified)
        age, oldest_age = now - newest.modified, now - oldest.modified
        values |= {"AGE": age * 1000, "OLDEST": oldest_age * 1000, "SIZE": newest.size}
        wrong = self._wrong(found, newest, oldest, age, oldest_age)
        detail = f"{newest.name} {span(max(0.0, age))} old, {bytes_text(newest.size)}"
        if len(found) > 1:
            detail = f"{len(found)} files, the newest {detail}"
        return Reading(
            state=DOWN if wrong else OK,
            detail=f"{detail}, {wrong}" if wrong else detail,
            values=values,
            value=round(age, 1),
            unit="s",
        )

    def _wrong(self, found: list[_Found], newest: _Found, oldest: _Found, age: float, oldest_age: float) -> str:
        options = self._options
        largest = max(found, key=lambda one: one.size)
        if options.newest_within is not None and age > options.newest_within:
            return f"expected one within {span(options.newest_within)}"
        if options.oldest_within is not None and oldest_age > options.oldest_within:
            of = f"{oldest.name} is there for {span(oldest_age)}, " if oldest is not newest else ""
            return f"{of}expected to go within {span(options.oldest_within)}"
        if len(found) < self._least:
            return f"expected at least {self._least}"
        if options.max_count is not None and len(found) > options.max_count:
            return f"expected at most {options.max_count}"
        if options.min_size is not None and newest.size < parse_bytes(options.min_size):
            return f"expected at least {options.min_size}"
        if options.max_size is not None and largest.size > parse_bytes(options.max_size):
            of = f"{largest.name} has {bytes_text(largest.size)}, " if largest is not newest else ""
            return f"{of}expected at most {options.max_size}"
        if options.max_total is not None and sum(one.size for one in found) > parse_bytes(options.max_total):
            return f"{bytes_text(sum(one.size for one in found))} in all, expected at most {options.max_total}"
        return ""


def _look(pattern: str) -> list[_Found]:
    """Regular files, folders left out. Raises :class:`ProbeError` where looking is not allowed."""
    if not glob.has_magic(pattern):
        one = _one(pattern)
        return [one] if one is not None else []
    start = Path(pattern)
    while glob.has_magic(str(start)):
        start = start.parent
    if start.exists() and not os.access(start, os.R_OK | os.X_OK):
        raise ProbeError(f"{start} may not be read here")
    found: list[_Found] = []
    for name in glob.iglob(pattern, recursive=True):  # noqa: PTH207 - a pathlib glob has no way to start at the root
        one = _one(name)
        if one is not None:
            found.append(one)
        if len(found) > _MOST:
            raise ProbeError(f"more than {_MOST} files match")
    return found


def _one(name: str) -> _Found | None:
    try:
        about = os.stat(name)  # noqa: PTH116 - a hundred thousand of them
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ProbeError(f"{name}: {(error.strerror or str(error)).lower()}") from None
    return None if stat.S_ISDIR(about.st_mode) else _Found(Path(name).name, about.st_mtime, about.st_size)
