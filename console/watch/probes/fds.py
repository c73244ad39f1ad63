"""``fds``: file descriptors in use: of this host, or of the processes of one program against their own limit."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from console.snapshot import DOWN
from console.watch.probing import ProbeError, Reading, Tools, graded

PLACEHOLDERS: Final = frozenset(("OPEN", "LIMIT", "PERCENT", "COUNT"))
CONDITIONS: Final = ()
_HOST: Final = Path("/proc/sys/fs/file-nr")


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of an ``fds`` check: limits in percent of what may be open."""

    program: str = ""  # its process that is nearest to its limit; "" = the whole host
    pidfile: str = ""
    warn: float | None = 80
    fail: float | None = 95

    def __post_init__(self) -> None:
        if self.program and self.pidfile:
            raise ValueError("expected one of program and pidfile")


class Probe:
    """Reads ``/proc``, in a thread."""

    host = ""

    def __init__(self, options: Options, wanted: frozenset[str]) -> None:
        self._options = options

    async def measure(self, tools: Tools) -> Reading:
        options = self._options
        if not options.program and not options.pidfile:
            opened, limit = await tools.blocking(_of_host)
            return self._judged(opened, limit, 0, "")
        found, hidden = await tools.blocking(lambda: _of_processes(options, tools))
        name = options.program or Path(options.pidfile).stem
        if not found:
            if hidden:
                raise ProbeError(f"{name} runs as another user: its files may not be seen here")
            return Reading(state=DOWN, detail=f"{name} is not running", values={"COUNT": 0})
        opened, limit, pid = max(found, key=lambda one: one[0] / max(1, one[1]))
        return self._judged(opened, limit, len(found), f" by {name} [{pid}]")

    def _judged(self, opened: int, limit: int, count: int, who: str) -> Reading:
        percent = 100 * opened / limit if limit else 0.0
        return Reading(
            state=graded(percent, self._options.warn, self._options.fail),
            detail=f"{opened} of {limit} files open{who}",
            values={"OPEN": opened, "LIMIT": limit, "PERCENT": percent, "COUNT": count},
            value=round(percent, 1),
            unit="%",
        )


def _of_host() -> tuple[int, int]:
    try:
        allocated, free, limit = (int(one) for one in _HOST.read_text().split())
    except (OSError, ValueError):
        raise ProbeError(f"{_HOST} can't be read") from None
    return allocated - free, limit


def _of_processes(options: Options, tools: Tools) -> tuple[list[tuple[int, int, int]], bool]:
    """``(open, limit, pid)`` of each process, and whether there are some that may not be looked at."""
    import psutil

    found: list[tuple[int, int, int]] = []
    hidden = False
    for process in _meant(options, tools):
        try:
            limit = process.rlimit(psutil.RLIMIT_NOFILE)[0]
            found.append((process.num_fds(), limit, process.pid))
        except psutil.AccessDenied:
            hidden = True
        except psutil.Error:
            continue
    return found, hidden


def _meant(options: Options, tools: Tools) -> list[Any]:
    import psutil

    if options.pidfile:
        try:
            return [psutil.Process(int(tools.path(options.pidfile).read_bytes()[:32]))]
        except (OSError, psutil.NoSuchProcess):
            return []
        except ValueError:
            raise ProbeError(f"{options.pidfile}: no process id in it") from None
    return [one for one in psutil.process_iter(["name"]) if one.info["name"] == options.program[:15]]
