"""The first data, read by a process of its own while this one imports Textual: what the first live frame shows.

It reads what the reader's thread will read again (:mod:`screens.reader`): configuration, status, the current incident;
nothing is written. What has not come when the first frame is drawn comes with the next one. The standard library only.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # as in screens.cover
import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any

    from console.snapshot import StatusSnapshot

_LARGEST = 8 << 20  # bytes
_LONGEST_S = 3  # the process ends itself then


class Zero:
    """T+0."""

    def __init__(self, at: datetime) -> None:
        self.at = at


class FirstIncident:
    """Of the current incident what the header shows; see :class:`screens.incident_now.IncidentNow`."""

    def __init__(
        self, alias: str, severity: str, is_open: bool, began: datetime | None, ended: datetime | None
    ) -> None:
        self.alias = alias
        self.severity = severity
        self.open = is_open
        self.zero = Zero(began) if began is not None else None
        self.ended = ended


class First:
    """What was read. ``incident_known`` is False while there may be one nevertheless."""

    def __init__(self) -> None:
        self.title = ""
        self.severities: tuple[str, ...] = ()
        self.status: StatusSnapshot | None = None
        self.incident: FirstIncident | None = None
        self.incident_known = False


class Early:
    """The process. ``take`` is called once."""

    def __init__(self, pid: int, pipe: int) -> None:
        self._pid = pid
        self._pipe = pipe

    def take(self, patience: float) -> First | None:
        """What it has read, at most *patience* seconds from now; it is gone afterwards."""
        import pickle
        import select

        data = bytearray()
        deadline = time.monotonic() + patience
        poll = select.poll()
        poll.register(self._pipe, select.POLLIN)
        try:
            while len(data) <= _LARGEST and poll.poll(max(deadline - time.monotonic(), 0) * 1000):
                piece = os.read(self._pipe, 1 << 16)
                if not piece:
                    break
                data += piece
        finally:
            self.close()
        first, at = None, 0
        while at + 4 <= len(data):
            size = int.from_bytes(data[at : at + 4], "little")
            if at + 4 + size > len(data):
                break
            first = pickle.loads(data[at + 4 : at + 4 + size])  # noqa: S301  # our own process wrote it
            at += 4 + size
        return first if isinstance(first, First) else None

    def close(self) -> None:
        """End it."""
        if self._pid:
            os.close(self._pipe)
            try:
                os.kill(self._pid, _signal.SIGKILL)
                os.waitpid(self._pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
            self._pid = 0


def begin(fields: Mapping[str, Any]) -> Early | None:
    """Start reading for a console with these options; None where that would help nobody, or can't be done."""
    if len(os.sched_getaffinity(0)) < 2:
        return None
    try:
        out, into = os.pipe()
    except OSError:
        return None
    try:
        pid = os.fork()
    except OSError:
        os.close(out)
        os.close(into)
        return None
    if pid:
        os.close(into)
        return Early(pid, out)
    try:
        os.close(out)
        _be_alone()
        _read(fields, into)
    except BaseException:  # noqa: S110  # whatever it is, the console meets it again, and says it
        pass
    finally:
        os._exit(0)


def _be_alone() -> None:
    """Nothing of the terminal, nor of what our parent does at a signal."""
    for number in (_signal.SIGHUP, _signal.SIGTERM, _signal.SIGINT):
        _signal.signal(number, _signal.SIG_DFL)
    _signal.alarm(_LONGEST_S)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)


def _read(fields: Mapping[str, Any], into: int) -> None:
    from screens.start import Start, deps_from

    deps = deps_from(Start(**fields))
    first = First()
    first.title = deps.config.title
    first.severities = tuple(level.name for level in deps.config.severities)
    from console.watch.status_reader import StatusReader

    first.status = StatusReader(deps.paths.status_db, deps.clock).poll()
    _send(into, first)
    from screens import incident_now

    incident = incident_now.read(deps.open_journal(read_only=True, create=False), "")
    first.incident_known = True
    if incident is not None:
        began = incident.zero.at if incident.zero is not None else None
        first.incident = FirstIncident(incident.alias, incident.severity, incident.open, began, incident.ended)
    _send(into, first)


def _send(into: int, first: First) -> None:
    import pickle

    data = pickle.dumps(first, protocol=5)
    data = len(data).to_bytes(4, "little") + data
    while data:
        data = data[os.write(into, data) :]
