"""Writing a runbook's file: all of it or nothing, never over another one unless asked, its mode and its links kept."""

from __future__ import annotations

import os
from pathlib import Path


def create(path: Path, text: str) -> None:
    """Write a new file. Raises ``FileExistsError`` where there is anything by that name, and other ``OSError``."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def replace(path: Path, text: str) -> None:
    """Put *text* into the file that *path* leads to, in one step: a reader sees the old or the new one. A symbolic link
    stays one; mode and, where permitted, owner stay as they were. Raises ``OSError``."""
    target = path.resolve(strict=True)
    status = target.stat()
    fresh = target.with_name(f".{target.name[:80]}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8", errors="surrogateescape"))
            file.flush()
            if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
                try:
                    os.fchown(file.fileno(), status.st_uid, status.st_gid)
                except PermissionError:
                    pass  # then it is ours from now on
            os.fchmod(file.fileno(), status.st_mode & 0o7777)
            os.fsync(file.fileno())
        fresh.replace(target)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
