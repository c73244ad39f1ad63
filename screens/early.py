"""The first data, read by a process of its own while this one imports Textual: what the first live frame shows.

It reads what the reader's thread will read again (:mod:`screens.reader`): configuration, status, the current incident;
nothing is written. Where the configuration has not changed since a screen was kept, what is needed of it stands with
that, and it is not read. What has not come when the first frame is drawn comes with the next one. The standard library
only.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # as in screens.cover
import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path
    from typing import Any

    from console.journal.store import Journal
    from console.snapshot import StatusSnapshot
    from screens.kept import Kept

_LARGEST = 8 << 20  # bytes
_LONGEST_S = 3  # the process ends itself then
_BUSY_S = 0.5
_REST_S = 0.05  # once the status is there, the incident has so long


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
    """The process. ``take`` is called once. What it reads stands in *memory*, however much that is: it waits for nobody."""

    def __init__(self, pid: int, pipe: int, memory: int) -> None:
        self._pid = pid
        self._pipe = pipe  # a byte, when there is something; closed, when there is nothing more to come
        self._memory = memory

    def take(self, patience: float) -> First | None:
        """What it has read, at most *patience* seconds from now; it is gone afterwards."""
        import select

        said = b""
        deadline = time.monotonic() + patience
        poll = select.poll()
        poll.register(self._pipe, select.POLLIN)
        try:
            while poll.poll(max(deadline - time.monotonic(), 0) * 1000):
                piece = os.read(self._pipe, 2)
                if not piece:
                    break
                said += piece
                deadline = min(deadline, time.monotonic() + _REST_S)
            return _unpacked(_newest(self._memory, len(said))) if said else None
        finally:
            self.close()

    def close(self) -> None:
        """End it."""
        if self._pid:
            os.close(self._pipe)
            os.close(self._memory)
            try:
                os.kill(self._pid, _signal.SIGKILL)
                os.waitpid(self._pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
            self._pid = 0


def begin(fields: Mapping[str, Any], kept: Kept | None = None) -> Early | None:
    """Start reading for a console with these options, and what the last one with them left; None where that would help
    nobody, or can't be done."""
    if len(os.sched_getaffinity(0)) < 2:
        return None
    handles: list[int] = []
    try:
        handles += os.pipe()
        handles.append(os.memfd_create("first"))
        pid = os.fork()
    except OSError:
        for handle in handles:
            os.close(handle)
        return None
    out, into, memory = handles
    if pid:
        os.close(into)
        return Early(pid, out, memory)
    try:
        os.close(out)
        _be_alone()
        _read(fields, kept, into, memory)
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


def _read(fields: Mapping[str, Any], kept: Kept | None, into: int, memory: int) -> None:
    from console.clock import SystemClock

    first = First()
    if kept is not None:
        from pathlib import Path

        from console.config import Paths

        first.title, first.severities = kept.title, kept.severities
        paths = Paths(Path(kept.database))
    else:
        from screens.start import Start, deps_from

        deps = deps_from(Start(**fields))
        first.title = deps.config.title
        first.severities = tuple(level.name for level in deps.config.severities)
        paths = deps.paths
    from console.watch.status_reader import StatusReader

    first.status = StatusReader(paths.status_db, SystemClock()).poll()
    _send(into, memory, first)
    from screens import incident_now

    incident = incident_now.read(_journal(paths.database), "")
    first.incident_known = True
    if incident is not None:
        began = incident.zero.at if incident.zero is not None else None
        first.incident = FirstIncident(incident.alias, incident.severity, incident.open, began, incident.ended)
    _send(into, memory, first)


def _journal(database: Path) -> Journal:
    """For reading alone: nobody acts."""
    from console.journal.events import Origin
    from console.journal.store import Journal

    return Journal.open(
        database, actor="", origin=Origin(program="console"), read_only=True, create=False, busy_s=_BUSY_S
    )


def _send(into: int, memory: int, first: First) -> None:
    """One more message: its length, itself; then the byte."""
    data = _packed(first)
    data = len(data).to_bytes(4, "little") + data
    while data:
        data = data[os.write(memory, data) :]
    os.write(into, b".")


def _newest(memory: int, count: int) -> bytes:
    """The last of *count* messages."""
    at = size = 0
    for _ in range(count):
        at += size
        size = int.from_bytes(os.pread(memory, 4, at), "little")
        at += 4
    return os.pread(memory, size, at)


def _packed(first: First) -> bytes:
    from msgspec import msgpack

    one = first.incident
    incident = (one.alias, one.severity, one.open, one.zero.at if one.zero else None, one.ended) if one else None
    return msgpack.encode((first.title, first.severities, first.status, first.incident_known, incident))


def _unpacked(data: bytes) -> First:
    from datetime import datetime

    from msgspec import msgpack

    from console.snapshot import StatusSnapshot

    incident_form = tuple[str, str, bool, datetime | None, datetime | None]
    form = tuple[str, tuple[str, ...], StatusSnapshot | None, bool, incident_form | None]
    first = First()
    first.title, first.severities, first.status, first.incident_known, incident = msgpack.decode(data, type=form)
    if incident is not None:
        first.incident = FirstIncident(*incident)
    return first
