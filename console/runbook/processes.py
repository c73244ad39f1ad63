"""Processes of this host as the kernel tells them: the descendants of a command, and whose signal it was.

Linux only (``/proc``, ``prctl``). Read by the supervisor before it starts a command, so it imports nothing heavy; that is
why it is not psutil.
"""

from __future__ import annotations

import os
import signal
import sys

_PR_SET_CHILD_SUBREAPER = 36


def boot_id() -> str:
    """This boot of the kernel; ``""`` where it can't be read."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:  # noqa: PTH123 - no pathlib before the spawn
            return file.read().strip()
    except OSError:
        return ""


def user_name() -> str:
    """Who this process acts as for the kernel, whatever ``$USER`` says; ``uid1000`` where nobody has that number."""
    import pwd

    uid = os.geteuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid{uid}"


def become_subreaper() -> bool:
    """From here on an orphaned descendant becomes this process's child instead of init's: no double fork escapes."""
    import ctypes

    return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def _stat(pid: str) -> list[bytes] | None:
    """The fields of ``/proc/<pid>/stat`` after the name: state, ppid, pgrp, … (proc_pid_stat(5)); None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - no pathlib before the spawn
            text = file.read()
    except OSError:
        return None
    return text[text.rindex(b")") + 2 :].split()


def descendants(root: int) -> list[int]:
    """The living processes below *root* (not itself, no zombies), parents before children."""
    children: dict[int, list[int]] = {}
    dead: set[int] = set()
    for name in os.listdir("/proc"):  # noqa: PTH208 - no pathlib before the spawn
        if not name.isdigit():
            continue
        fields = _stat(name)
        if fields is None:
            continue
        if fields[0] in (b"Z", b"X"):
            dead.add(int(name))
        children.setdefault(int(fields[1]), []).append(int(name))
    found: list[int] = []
    waiting = [root]
    while waiting:
        for child in children.get(waiting.pop(0), ()):
            waiting.append(child)
            if child not in dead:
                found.append(child)
    return found


def send(pids: list[int], number: int) -> None:
    """Signal every process of *pids* that is still there and ours to signal."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            pass


def exists(pid: int) -> bool:
    """Whether a process *pid* lives (not a zombie)."""
    fields = _stat(str(pid))
    return fields is not None and fields[0] not in (b"Z", b"X")


def names(pids: list[int]) -> str:
    """``sleep (4711), feeder (4712)``: short names for a record; at most five."""
    found = []
    for pid in pids[:5]:
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - no pathlib here
                found.append(f"{file.read().strip()} ({pid})")
        except OSError:
            continue
    more = f" and {len(pids) - 5} more" if len(pids) > 5 else ""
    return ", ".join(found) + more


def reap() -> tuple[dict[int, int], bool]:
    """Every child that has ended, adopted ones too, as pid → wait status; and whether any is left.

    For a subreaper "no child left" is the kernel's word that nothing below it lives; a scan of ``/proc`` can miss a process
    that is born while it looks.
    """
    found: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found, False
        if pid == 0:
            return found, True
        found[pid] = status


def pending_term_sender() -> int | None:
    """Take one waiting (blocked) SIGTERM: the pid that sent it, 0 for the kernel or another pid namespace, or None."""
    info = signal.sigtimedwait([signal.SIGTERM], 0)
    return None if info is None else info.si_pid


def hide_arguments(keep: int) -> None:
    """Blank this process's argument list for ``ps`` and ``pkill -f`` after its first *keep* arguments.

    What the operator asks to have run must not be found in our own command line: ``vigie exec -- pkill -f feeder``
    would end itself. The bytes are overwritten where the kernel reads them (fields 48 and 49 of proc_pid_stat(5));
    ``sys.argv`` is a copy and stays.
    """
    fields = _stat("self")
    if not sys.platform.startswith("linux") or fields is None or len(fields) < 47:
        return
    start, end = int(fields[45]), int(fields[46])
    if not 0 < start < end:
        return
    import ctypes

    place = start
    for _ in range(keep):
        place += len(ctypes.string_at(place)) + 1
        if place >= end:
            return
    ctypes.memset(place, 0, end - place)
