"""Where a database may live: the checks that need the file system, and making the file safely.

An existing database is never opened by path here, only ``stat``-ed: opening and closing it outside SQLite would drop
SQLite's own locks and can lose acknowledged data (reliability, finding 2).
"""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import Final

from console.journal.errors import JournalError, Missing, NetworkFileSystem, NotOurs, ReadOnly

# File systems whose locks or syncs can't be trusted by SQLite between hosts.
_NETWORK: Final = frozenset(
    "9p afs beegfs ceph cifs coda davfs fuse.cephfs fuse.davfs fuse.glusterfs fuse.rclone fuse.s3fs fuse.sshfs gfs2 gpfs "
    "lustre ncpfs nfs nfs4 ocfs2 pvfs2 smb2 smb3 smbfs virtiofs".split()
)


def file_system(path: Path, mounts: str | None = None) -> str:
    """The type of the file system that *path* lies on, from ``/proc/self/mountinfo`` (or *mounts*); "" if unknown."""
    if mounts is None:
        try:
            mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
    target = str(path)
    best, kind = -1, ""
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split()
        if len(fields) < 5 or not right:
            continue
        point = fields[4].encode().decode("unicode_escape", errors="replace")
        prefix = point.rstrip("/") + "/"
        if (target == point or target.startswith(prefix)) and len(point) >= best:
            best, kind = len(point), right.split()[0]
    return kind


def check(path: Path, *, mounts: str | None = None) -> bool:
    """Whether *path* exists as something SQLite may open. Raises a :class:`JournalError` where it must not."""
    kind = file_system(path, mounts)
    if kind in _NETWORK:
        raise NetworkFileSystem(
            f"{path}: on a network file system ({kind}), where a database can be damaged; --db names a local file"
        )
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ReadOnly(f"{path}: can't be reached ({error.strerror}); --db names another file") from None
    if not stat.S_ISREG(found.st_mode):
        raise NotOurs(f"{path}: not a file; --db names the database")
    for _ in range(20):  # a database being made has two names for a moment
        if found.st_nlink == 1:
            break
        time.sleep(0.05)
        found = path.stat()
    if found.st_nlink > 1:
        raise JournalError(
            f"{path}: has {found.st_nlink} names (hard links), and SQLite is safe with one; remove the others"
        )
    if found.st_size == 0:
        raise NotOurs(f"{path}: empty, so not a Vigie database; remove it to begin anew, or --db names another file")
    return True


def file_mode_of(database: Path, default: int = 0o600) -> int:
    """The mode for files beside *database*: who may use it may use them, whatever configuration one comes with.

    *default* where there is none yet.
    """
    try:
        return stat.S_IMODE(database.stat().st_mode) & 0o660 | 0o600
    except OSError:
        return default


def make_folder(folder: Path, file_mode: int) -> None:
    """*folder*, each missing level: for its owner alone, or setgid for the group that *file_mode* lets in."""
    missing: list[Path] = []
    while not folder.is_dir():
        missing.append(folder)
        if folder.parent == folder:
            break
        folder = folder.parent
    for level in reversed(missing):
        try:
            level.mkdir(mode=0o700)
        except FileExistsError:
            if not level.is_dir():
                raise
            continue  # another process was first, and gives it its mode
        if file_mode & 0o060:
            level.chmod(0o2770 if file_mode & 0o020 else 0o2750)


def blank(path: Path, file_mode: int, way_on: str = "--db names a file in a folder of yours") -> Path:
    """An empty file beside *path* with exactly *file_mode* for SQLite to fill; :func:`settle` gives it its name."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}.new")
    try:
        handle = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ReadOnly(f"{path}: can't be made ({error.strerror}); {way_on}") from None
    try:
        os.fchmod(handle, file_mode)
    finally:
        os.close(handle)
    return fresh


def settle(fresh: Path, path: Path) -> bool:
    """Give the finished *fresh* its name; False where another process was first. Either way *fresh* is gone."""
    try:
        os.link(fresh, path, follow_symlinks=False)
        return True
    except FileExistsError:
        return False
    finally:
        fresh.unlink()
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make names made in *folder* survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def missing(path: Path) -> Missing:
    """The error for a database that is not there and was not to be made."""
    return Missing(f"{path}: no database there yet; `vigie declare` or the console makes one, --db names another")
