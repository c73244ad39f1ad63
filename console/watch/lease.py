"""Who leads the watch: one process for each database, by a lease in the journal.

The lease row lies in the journal's database, so that taking it and every append can check it in their own transaction;
the leader's heartbeats go to status.db, so that the journal is not written every second. Each take-over makes the
*epoch* one greater; whoever holds an older one is refused, however long it slept.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sqlite3
from functools import lru_cache
from pathlib import Path
from typing import Final

from msgspec import Struct

from console.clock import Clock, to_us
from console.journal.errors import Refused
from console.journal.events import New, WatchLed
from console.journal.store import Guard, Journal
from console.watch.status_file import Leader

NAME: Final = "watch"
BEAT_S: Final = 1.0  # how often the leader is heard
SILENCE_S: Final = 3.5  # after so long without a beat another may lead


class Lease(Struct, frozen=True, kw_only=True):
    """The row in the journal's database. Epoch 0: nobody has ever led."""

    epoch: int = 0
    holder: str = ""
    boot_id: str = ""
    config_hash: str = ""


@lru_cache(maxsize=1)
def boot_id() -> str:
    """The kernel's id of this boot; CLOCK_BOOTTIME values of another one mean nothing."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def new_holder() -> str:
    """A name for this process that no other has: ``host:pid:start:random``; start is that of ``/proc/<pid>/stat``."""
    pid = os.getpid()
    return f"{socket.gethostname()}:{pid}:{_process(pid)[1]}:{secrets.token_hex(4)}"


def _process(pid: int) -> tuple[str, str]:
    """State letter and start time (clock ticks after boot) of a process; empty when there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return "", ""
    fields = text.rpartition(")")[2].split()
    return fields[0], fields[19]


def unblock(holder: str) -> bool:
    """Kill the silent leader *holder* if it is stopped (SIGSTOP) on this host. Returns whether it was.

    For one case alone: it was stopped within a transaction, so that it holds the journal's write lock, and nobody can
    save anything until it goes on or ends. SQLite then rolls back what it had begun; the outbox has the events.
    """
    host, _, rest = holder.partition(":")
    pid, start, *_ = [*rest.split(":"), "", ""]
    if host != socket.gethostname() or not pid.isdigit() or _process(int(pid)) != ("T", start):
        return False
    try:
        os.kill(int(pid), signal.SIGKILL)
    except OSError:
        return False
    return True


def read(journal: Journal) -> Lease:
    """The lease as it stands."""
    rows = journal.rows("SELECT epoch, holder, boot_id, config_hash FROM lease WHERE name = ?", (NAME,))
    if not rows:
        return Lease()
    epoch, holder, boot, config_hash = rows[0]
    return Lease(epoch=epoch, holder=holder, boot_id=boot, config_hash=config_hash)


def is_free(lease: Lease, leader: Leader | None, *, boot: str, now_s: float, unchanged_s: float) -> bool:
    """Whether the lead may be taken.

    *leader* is status.db's row, *now_s* CLOCK_BOOTTIME, *unchanged_s* for how long we have seen nothing change: all
    there is to go by when status.db knows nothing of the lease's epoch.
    """
    if lease.epoch == 0 or lease.boot_id != boot:
        return True
    if leader is not None and leader.epoch == lease.epoch:
        return now_s - leader.beat_ms / 1000 > SILENCE_S
    return unchanged_s > SILENCE_S


def take(journal: Journal, seen: Lease, *, holder: str, config_hash: str, clock: Clock) -> Lease:
    """Take the lead over from *seen*, recording it. Raises ``Refused`` when somebody was faster."""
    mine = Lease(epoch=seen.epoch + 1, holder=holder, boot_id=boot_id(), config_hash=config_hash)
    row = (NAME, mine.epoch, mine.holder, mine.boot_id, mine.config_hash, to_us(clock.now()))

    def swap(db: sqlite3.Connection) -> None:
        found = db.execute("SELECT epoch FROM lease WHERE name = ?", (NAME,)).fetchone()
        if (found[0] if found else 0) != seen.epoch:
            raise Refused("another process took the lead first")
        db.execute(
            "INSERT OR REPLACE INTO lease (name, epoch, holder, boot_id, config_hash, taken_at) VALUES (?, ?, ?, ?, ?, ?)",
            row,
        )

    led = WatchLed(holder=holder, epoch=mine.epoch, config_hash=config_hash, boot_id=mine.boot_id)
    journal.append_watch([New(body=led, dedupe=f"led:{mine.epoch}")], guard=swap)
    return mine


def guard(mine: Lease) -> Guard:
    """For every append of the leader by *mine*: refuses when another leads."""

    def check(db: sqlite3.Connection) -> None:
        found = db.execute("SELECT epoch, holder FROM lease WHERE name = ?", (NAME,)).fetchone()
        if found != (mine.epoch, mine.holder):  # the holder too: another journal may be at the same epoch
            raise Refused("another process leads the watch")

    return check
