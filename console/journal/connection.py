"""Opening the database as it must be opened: pragmas, journal mode, identity, migrations.

Journal mode (reliability, finding 1): SQLite 3.7.0 to 3.51.2 can corrupt a WAL database that several processes share
(fixed in 3.51.3, back-ported to 3.50.7 and 3.44.6). A fixed library makes new databases with WAL, others with TRUNCATE;
an existing database keeps the mode that it was made with, because an older library may have it open.
"""

from __future__ import annotations

import sqlite3
from importlib.resources import files
from pathlib import Path
from typing import Final

from console.journal import place
from console.journal.errors import Corrupt, JournalError, Newer, NotOurs, ReadOnly, WalRefused, translate

APPLICATION_ID: Final = 0x56494749  # "VIGI"


def wal_is_safe(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> bool:
    """Whether a SQLite *version* is free of the WAL-reset bug."""
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)


def migrations() -> list[tuple[int, str]]:
    """The numbered migrations as ``(number, SQL)``, ascending."""
    entries = files("console.journal.migrations").iterdir()
    found = [
        (int(entry.name[:4]), entry.read_text(encoding="utf-8")) for entry in entries if entry.name.endswith(".sql")
    ]
    return sorted(found)


def known_version() -> int:
    """The newest schema that this Vigie knows: its last migration's number."""
    return max(
        int(entry.name[:4]) for entry in files("console.journal.migrations").iterdir() if entry.name.endswith(".sql")
    )


def statements(script: str) -> list[str]:
    """*script* cut into complete statements, so that all of them run in one transaction of ours."""
    found, current = [], ""
    for line in script.splitlines(keepends=True):
        if not current and (not line.strip() or line.lstrip().startswith("--")):
            continue
        current += line
        if sqlite3.complete_statement(current):
            found.append(current)
            current = ""
    return found


def connect(path: Path, *, read_only: bool, busy_s: float) -> sqlite3.Connection:
    """A connection with the pragmas that every connection of ours has. Nothing is written."""
    mode = "ro" if read_only else "rw"
    uri = "file:" + str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23") + f"?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=busy_s, check_same_thread=False)
    try:
        for pragma in (
            "trusted_schema = OFF",
            "foreign_keys = ON",
            "recursive_triggers = ON",
            "mmap_size = 0",
            "synchronous = FULL",
            "secure_delete = ON",
            "cell_size_check = ON",
        ):
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def open_database(path: Path, *, read_only: bool, create: bool, file_mode: int, busy_s: float) -> sqlite3.Connection:
    """An open, checked, migrated connection. Raises a :class:`JournalError` in one line for whatever is wrong."""
    path = path.absolute()
    if not place.check(path):
        if read_only or not create:
            raise place.missing(path)
        _make(path, file_mode, busy_s)
    connection = None
    try:
        _refuse_unsafe_wal(path, busy_s)
        connection = connect(path, read_only=read_only, busy_s=busy_s)
        _check_identity(connection, path)
        if not read_only:
            if journal_mode(connection) != "wal":
                connection.execute("PRAGMA journal_mode = TRUNCATE")  # unlike WAL it is not remembered in the file
            _require_writable(connection)
            _migrate(connection, path)
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise translate(error, path) from None
    except JournalError:
        if connection is not None:
            connection.close()
        raise
    return connection


def journal_mode(connection: sqlite3.Connection) -> str:
    """``truncate``, ``wal``, …"""
    return str(connection.execute("PRAGMA journal_mode").fetchone()[0]).lower()


def _make(path: Path, file_mode: int, busy_s: float) -> None:
    try:
        place.make_folder(path.parent, file_mode)
    except OSError as error:
        raise ReadOnly(
            f"{path.parent}: can't be made ({error.strerror}); --db names a file in a folder of yours"
        ) from None
    fresh = place.blank(path, file_mode)
    try:
        connection = connect(fresh, read_only=False, busy_s=busy_s)
        try:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            _migrate(connection, path)
            if wal_is_safe():
                connection.execute("PRAGMA journal_mode = WAL")
        finally:
            connection.close()
    except sqlite3.Error as error:
        fresh.unlink(missing_ok=True)
        raise translate(error, path) from None
    place.settle(fresh, path)


def _refuse_unsafe_wal(path: Path, busy_s: float) -> None:
    if wal_is_safe():
        return
    try:
        probe = connect(path, read_only=True, busy_s=busy_s)  # a reader never checkpoints, so looking is harmless
        try:
            mode = journal_mode(probe)
        finally:
            probe.close()
    except sqlite3.OperationalError as error:
        # A writer died in the middle. Only a database with a rollback journal can be in that state, never one in WAL;
        # the writable connection that comes next rolls it back.
        if error.sqlite_errorcode == sqlite3.SQLITE_READONLY_ROLLBACK:
            return
        raise
    if mode == "wal":
        raise WalRefused(
            f"{path}: in WAL mode, which this SQLite ({sqlite3.sqlite_version}) can corrupt; "
            "use the Vigie that made it, or a Python with SQLite 3.51.3 or newer"
        )


def _check_identity(connection: sqlite3.Connection, path: Path) -> None:
    identity = connection.execute("PRAGMA application_id").fetchone()[0]
    if identity != APPLICATION_ID:
        raise NotOurs(f"{path}: a SQLite database, but not Vigie's; --db names another file")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > known_version():
        raise Newer(
            f"{path}: made by a newer Vigie (schema {version}, this one knows {known_version()}); upgrade Vigie"
        )


def _require_writable(connection: sqlite3.Connection) -> None:
    # SQLite falls back to reading only without a word; asking for the write lock tells the truth.
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            return  # writable, only not at this moment: writers wait and retry
        raise


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    current = connection.execute("PRAGMA user_version").fetchone()[0]
    newest = known_version()
    if current >= newest:
        return
    if current:
        _backup_before(connection, path, current)
    connection.execute("BEGIN IMMEDIATE")
    try:
        current = connection.execute("PRAGMA user_version").fetchone()[0]  # another process may have been first
        for number, script in migrations():
            if number > current:
                for statement in statements(script):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _backup_before(connection: sqlite3.Connection, path: Path, version: int) -> None:
    target = path.with_name(f"{path.name}.schema-{version}.backup")
    if target.exists():
        return
    fresh = place.blank(target, 0o600)
    connection.execute("VACUUM INTO ?", (str(fresh),))
    place.settle(fresh, target)


def check_integrity(connection: sqlite3.Connection, path: Path) -> None:
    """Raise :class:`Corrupt` when SQLite's own check finds damage."""
    try:
        found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise translate(error, path) from None
    if found != "ok":
        raise Corrupt(
            f"{path}: the database is damaged ({found}); move it aside and start a new one, never repair it in place"
        )
