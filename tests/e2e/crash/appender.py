"""A process that appends to a journal and says so, to be killed: ``appender.py DB STREAM NAME ACKS HOW COUNT``.

It writes one line, the event's id, to the file ACKS for every event that it takes for saved. HOW is ``honest`` (after
the append returned), or one of the two wrong ways that show that the tests can fail: ``ack-first`` (inside the
transaction, before the commit) and ``unsynced`` (``synchronous=OFF``: committed, but not on disk).
"""

from __future__ import annotations

import os
import random
import sqlite3
import sys
import time
from pathlib import Path

from console.clock import SystemClock
from console.journal import transaction
from console.journal.events import New, Noted, Origin
from console.journal.store import Journal

HOW = ("honest", "ack-first", "unsynced")


def append_and_say(database: Path, stream: str, name: str, acks: Path, how: str, count: int = 0) -> None:
    """Append *count* events (0 = until killed), each in its own transaction."""
    clock = SystemClock()
    origin = Origin(program="cli", host="test")
    pace = random.Random(name)
    said = os.open(acks, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    with Journal.open(database, actor=name, origin=origin, create=False, busy_s=60) as journal:
        if how == "unsynced":
            journal.transact(lambda _: None)  # settle the connection before its pragma is turned against it
            journal.rows("PRAGMA synchronous = OFF")
        number = 0
        while not count or number < count:
            number += 1
            news = [
                New(
                    body=Noted(text=f"{name} {number} " + "x" * (number * 37 % 900)),
                    id=transaction.new_id(clock.now()),
                )
            ]
            line = f"{news[0].id}\n".encode()
            if how == "ack-first":

                def work(db: sqlite3.Connection, news: list[New] = news, line: bytes = line) -> None:
                    transaction.insert(db, transaction.Stamp(clock.now(), name, origin), stream, news)
                    os.write(said, line)

                journal.transact(work)
            else:
                journal.append(stream, news)
                os.write(said, line)
            # SQLite's lock is not fair: with no pause at all a new process may wait for seconds to get its first turn.
            time.sleep(pace.random() * 0.003)


if __name__ == "__main__":
    append_and_say(Path(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4]), sys.argv[5], int(sys.argv[6]))
