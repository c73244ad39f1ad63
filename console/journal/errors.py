"""What can be wrong with a database, each in one line that an operator can act on."""

from __future__ import annotations

import sqlite3
from pathlib import Path


class JournalError(Exception):
    """The journal can't be used as asked; ``str()`` is one line with a way on."""


class NotOurs(JournalError):
    """The file is not a Vigie database."""


class Newer(JournalError):
    """The database was written by a newer Vigie."""


class Corrupt(JournalError):
    """SQLite finds the file damaged."""


class Locked(JournalError):
    """Another process holds the write lock for too long."""


class DiskFull(JournalError):
    """No space left for the write."""


class ReadOnly(JournalError):
    """The file or its folder can't be written by this user."""


class Interrupted(ReadOnly):
    """A writer was killed in the middle of a write; whoever may write undoes its half by opening the database."""


class NetworkFileSystem(JournalError):
    """The file lies where SQLite's locks can't be trusted."""


class WalRefused(JournalError):
    """The file is in WAL mode and this SQLite has the WAL-reset bug."""


class Missing(JournalError):
    """There is no database, and none was to be made."""


class Refused(JournalError):
    """A guard refused the transaction: the lease was lost."""


def translate(error: sqlite3.Error, path: Path) -> JournalError:
    """The one-line error for what SQLite said about *path*."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    text = str(error)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Locked(f"{path}: another process holds the database; it can be written again when that one lets go")
    if code == sqlite3.SQLITE_FULL:
        return DiskFull(f"{path}: no space left on the disk; it can be written again when there is room")
    if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY_ROLLBACK:
        return Interrupted(
            f"{path}: a writer was killed in the middle of a write; open it once without --read-only to undo that"
        )
    if code == sqlite3.SQLITE_READONLY:
        return ReadOnly(f"{path}: read-only for this user; --read-only opens it for reading, --db names another file")
    if code == sqlite3.SQLITE_NOTADB:
        return NotOurs(f"{path}: not a Vigie database; --db names another file")
    if code == sqlite3.SQLITE_CORRUPT:
        return Corrupt(
            f"{path}: the database is damaged ({text}); move it aside and a new one starts, "
            "`sqlite3 COPY .recover` may save what can be read"
        )
    if code == sqlite3.SQLITE_CANTOPEN:
        return ReadOnly(
            f"{path}: can't be opened ({text}); check the folder and its permissions, or --db names another file"
        )
    if code == sqlite3.SQLITE_IOERR:
        return DiskFull(f"{path}: the disk refused the write ({text}); it can be written again when the disk takes it")
    return JournalError(f"{path}: {text}")
