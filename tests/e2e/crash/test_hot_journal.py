"""A process killed after it began to overwrite the database: the next one undoes its half and goes on."""

from __future__ import annotations

import multiprocessing
import sqlite3
import time
from pathlib import Path

import pytest

from console.commands.context import Context, Options
from console.journal.connection import wal_is_safe
from console.journal.errors import Interrupted
from console.journal.events import Declared, New, Noted, Origin
from console.journal.store import Journal

ORIGIN = Origin(program="cli", host="test")


def half_write(database: Path, stream: str, ready: Path) -> None:
    """Overwrite pages of the database inside a transaction, say so, and wait to be killed."""
    with Journal.open(database, actor="victim", origin=ORIGIN) as journal:

        def work(db: sqlite3.Connection) -> None:
            db.execute("PRAGMA cache_size = 1")  # pages spill into the file before the commit
            db.execute("UPDATE streams SET created_at = 1")
            db.execute("CREATE TABLE half (text TEXT)")
            db.executemany("INSERT INTO half VALUES (?)", [("x" * 3000,)] * 500)
            ready.touch()
            time.sleep(600)

        journal.transact(work)


@pytest.mark.skipif(wal_is_safe(), reason="a WAL database has no rollback journal")
def test_a_half_written_transaction_is_undone_at_the_next_open(tmp_path: Path) -> None:
    database = tmp_path / "vigie.db"
    with Journal.open(database, actor="test", origin=ORIGIN) as journal:
        stream, alias, _ = journal.declare([New(body=Declared(title="before"))])
        created = journal.streams()[0].created_at
    ready = tmp_path / "ready"
    victim = multiprocessing.get_context("spawn").Process(target=half_write, args=(database, stream, ready))
    victim.start()
    try:
        deadline = time.monotonic() + 60
        while not ready.exists():
            assert victim.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        victim.kill()
        victim.join()
    assert Path(f"{database}-journal").stat().st_size > 0  # it is hot
    with pytest.raises(Interrupted, match="killed in the middle"):
        Journal.open(database, actor="test", origin=ORIGIN, read_only=True)
    with pytest.raises(Interrupted):
        Context(Options(db=str(database), read_only=True)).reader()
    with Context(Options(db=str(database))).reader() as reading:  # a command that only reads mends it first
        assert [info.alias for info in reading.incidents()] == ["INC-1"]
    with Journal.open(database, actor="test", origin=ORIGIN) as journal:
        assert journal.streams()[0].created_at == created
        journal.append(stream, [New(body=Noted(text="after"))])
        assert journal.verify(stream).count == 2
        assert journal.verify(stream).ok
        assert alias == "INC-1"
        journal.check_integrity()
