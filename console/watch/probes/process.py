"""``process``: how many processes of a program, a command line or a pid file there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from console.snapshot import DOWN, OK, UNKNOWN
from console.watch.probing import Reading, Tools
from console.watch.sizes import bytes_text

PLACEHOLDERS: Final = frozenset(("COUNT", "MEMORY"))
CONDITIONS: Final = ()
_SCAN_S: Final = 1.0  # checks share one look at the process table


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of a ``process`` check: exactly one of the first three, and how many there must be."""

    program: str = ""  # the program's name, exactly (``comm``, or the file name of the program)
    pattern: str = ""  # a regular expression, searched in the command line
    pidfile: str = ""
    min_count: Annotated[int, Meta(ge=0)] = 1
    max_count: Annotated[int, Meta(ge=0)] | None = None

    def __post_init__(self) -> None:
        if sum(map(bool, (self.program, self.pattern, self.pidfile))) != 1:
            raise ValueError("expected exactly one of program, pattern and pidfile")
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise ValueError(f"pattern: not a regular expression: {error}") from None


class Probe:
    """Counts in a copy of the process table. Zombies are not running."""

    host = ""

    def __init__(self, options: Options, wanted: frozenset[str]) -> None:
        self._options = options
        self._pattern = re.compile(options.pattern) if options.pattern else None

    async def measure(self, tools: Tools) -> Reading:
        table = await tools.shared("processes", _SCAN_S, _scan)
        if self._options.pidfile:
            try:
                pid = await tools.shared(f"pidfile {self._options.pidfile}", 0, self._pid)
            except OSError as error:
                return self._judged([], f"{self._options.pidfile}: {(error.strerror or str(error)).lower()}")
            except ValueError:
                return Reading(state=UNKNOWN, detail=f"{self._options.pidfile}: no process id in it")
            return self._judged([one for one in table if one["pid"] == pid], f"pid {pid} does not run")
        return self._judged([one for one in table if self._is_it(one)], "not running")

    def _pid(self) -> int:
        with Path(self._options.pidfile).open("rb") as file:
            return int(file.read(32))

    def _is_it(self, process: dict[str, Any]) -> bool:
        line = process["cmdline"] or []
        if self._pattern is not None:
            return self._pattern.search(" ".join(line)) is not None
        # the kernel keeps 15 characters of a name; the rest is in the command line
        return self._options.program in (process["name"], Path(line[0]).name if line else None)

    def _judged(self, found: list[dict[str, Any]], nothing: str) -> Reading:
        count, memory = len(found), sum(one["memory_info"].rss for one in found if one["memory_info"])
        enough = count >= self._options.min_count
        few_enough = self._options.max_count is None or count <= self._options.max_count
        detail = f"{count} running, {bytes_text(memory)}" if count else nothing
        if not enough and count:
            detail += f", expected at least {self._options.min_count}"
        elif not few_enough:
            detail += f", expected at most {self._options.max_count}"
        return Reading(
            state=OK if enough and few_enough else DOWN,
            detail=detail,
            values={"COUNT": count, "MEMORY": memory},
            value=float(count),
            unit="",
        )


def _scan() -> list[dict[str, Any]]:
    import psutil

    wanted = ["pid", "name", "cmdline", "memory_info", "status"]
    found = (process.info for process in psutil.process_iter(wanted))
    return [one for one in found if one["status"] != psutil.STATUS_ZOMBIE]
