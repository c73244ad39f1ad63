"""The status file of a command: what its supervisor says about it, for whoever comes by later.

``<id>.status`` is one JSON object, replaced whole. ``state`` goes through

``launching``  announced; nothing was started yet
``starting``   the supervisor has it; from here on it may have run
``running``    started: ``child`` is its process
``finished``   ended: ``finish`` is the body of the event that is to be recorded
``recorded``   ended, and the event is in the journal

A recorded one is renamed to ``<id>.done``, so that whoever looks for unfinished business reads nothing else.
Whether somebody still looks after the command is told by the lock on its output file, not by a pid.
``<id>.control`` takes requests, one JSON object a line: ``{"do": "cancel"|"interrupt", "by": name}``.
"""

from __future__ import annotations

import errno
import json
import os
from typing import Any

LAUNCHING = "launching"
STARTING = "starting"
RUNNING = "running"
FINISHED = "finished"
RECORDED = "recorded"


def status_path(folder: str, command: str) -> str:
    """The status file of *command* while its end is not recorded."""
    return f"{folder}/{command}.status"


def done_path(folder: str, command: str) -> str:
    """The status file of *command* from then on."""
    return f"{folder}/{command}.done"


def control_path(folder: str, command: str) -> str:
    """The file that takes requests for *command*."""
    return f"{folder}/{command}.control"


def write(folder: str, status: dict[str, Any], *, mode: int = 0o600, sync: bool = False) -> None:
    """Replace the status file of ``status["command"]``. Raises ``OSError``."""
    path = status_path(folder, status["command"])
    fresh = f"{path}.{os.getpid()}"
    handle = os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        os.fchmod(handle, mode)
        data = json.dumps(status).encode()
        if os.write(handle, data) < len(data):  # a disk that just filled up takes a part, and says nothing
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), fresh)
        if sync:
            os.fsync(handle)
    except OSError:
        os.unlink(fresh)  # noqa: PTH108 - no pathlib before the spawn
        raise
    finally:
        os.close(handle)
    os.rename(fresh, path)  # noqa: PTH104 - no pathlib before the spawn
    if status["state"] == RECORDED:
        os.rename(path, done_path(folder, status["command"]))  # noqa: PTH104 - as above


def read(folder: str, command: str) -> dict[str, Any] | None:
    """The status of *command*; None when there is none, or none that can be read."""
    for path in (status_path(folder, command), done_path(folder, command)):
        try:
            with open(path, "rb") as file:  # noqa: PTH123 - no pathlib before the spawn
                found = json.loads(file.read(1 << 22))
        except (OSError, ValueError):
            continue
        if isinstance(found, dict) and found.get("command") == command:
            return found
    return None


def unrecorded(folder: str) -> list[dict[str, Any]]:
    """Every status whose end is not in the journal yet, oldest first."""
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".status"))  # noqa: PTH208 - no pathlib here
    except OSError:
        return []
    found = [read(folder, name.removesuffix(".status")) for name in names]
    return [one for one in found if one is not None and one["state"] != RECORDED]


def is_looked_after(path: str) -> bool:
    """Whether a launcher or supervisor holds the lock on the output file *path*."""
    import fcntl

    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def ask(folder: str, command: str, do: str, by: str, *, mode: int = 0o600) -> None:
    """Leave a request for the supervisor. Raises ``OSError``."""
    path = control_path(folder, command)
    handle = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        if os.fstat(handle).st_uid == os.geteuid():
            os.fchmod(handle, mode)  # whatever the umask: the supervisor may be another user's
        os.write(handle, json.dumps({"do": do, "by": by}).encode() + b"\n")
    finally:
        os.close(handle)


def requests(folder: str, command: str, offset: int) -> tuple[list[dict[str, Any]], int]:
    """The requests after byte *offset*, and where to go on."""
    try:
        with open(control_path(folder, command), "rb") as file:  # noqa: PTH123 - no pathlib before the spawn
            file.seek(offset)
            data = file.read(1 << 16)
    except OSError:
        return [], offset
    whole = data[: data.rfind(b"\n") + 1]
    found = []
    for line in whole.splitlines():
        try:
            one = json.loads(line)
        except ValueError:
            continue
        if isinstance(one, dict):
            found.append(one)
    return found, offset + len(whole)
