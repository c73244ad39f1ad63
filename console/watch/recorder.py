"""The watch's hold on its two databases: the journal, where what happened goes once, and status.db, what is true now.

Everything here blocks and belongs to one thread. A leader's order of writing is: state and outbox in status.db, the
outbox's events in the journal, the outbox emptied. Each step checks the epoch in its transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from console.clock import Clock, to_us
from console.journal.errors import DiskFull, JournalError, Locked, Missing, Refused
from console.journal.events import Acknowledged, Event, Maintenance, New, SourceBack, SourceLost
from console.journal.store import Journal
from console.snapshot import StatusSnapshot
from console.watch import asked, lease
from console.watch.board import SOURCE
from console.watch.changes import Changes, Kept
from console.watch.history import History
from console.watch.lease import Lease
from console.watch.recall import newest_first, recall
from console.watch.status_db import StatusDb
from console.watch.status_file import Leader, Superseded, Unusable

_WANTED_MS: Final = 10_000  # a request that is older than this has been overtaken by the schedule
GAP_S: Final = 10.0  # nobody watched for longer than this: worth an event
_RECORDING_S: Final = 1.0  # of one publication: a storm of alerts must not cost the heartbeat
_HISTORIES: Final = 200  # read in one go: a tenth of a second
_BACK_OFF_S: Final = 5.0  # between attempts to write to a journal that is locked or has no room


class Seen(Struct, frozen=True, kw_only=True):
    """What somebody said that a leader must heed, out of the journal."""

    body: Acknowledged | Maintenance
    actor: str
    at: datetime


class Published(Struct, frozen=True, kw_only=True):
    """What came of a publication."""

    acknowledged: tuple[Seen, ...] = ()
    recorded: tuple[Event, ...] = ()  # what the journal has now
    unsaved: int = 0
    problem: str = ""  # why the journal has not everything
    wanted: tuple[str, ...] = ()  # keys of checks that somebody wants run at once
    rebuilt: bool = False  # status.db was made anew: it needs everything


def gap(last: datetime | None, now: datetime) -> list[New]:
    """The events that tell that nobody watched between *last* and *now*; none when that was short."""
    if last is None or now - last < timedelta(seconds=GAP_S):
        return []
    away_ms = (now - last) // timedelta(milliseconds=1)
    lost = SourceLost(source=SOURCE, kind="checks", error="nobody watched")
    back = SourceBack(source=SOURCE, kind="checks", away_ms=away_ms)
    return [
        New(body=lost, occurred_at=last, dedupe=f"lost:{SOURCE}:{to_us(last)}"),
        New(body=back, occurred_at=now, dedupe=f"back:{SOURCE}:{to_us(last)}"),
    ]


class Recorder:
    """One process's connections. The journal is opened at the first use; it stays open."""

    def __init__(
        self,
        open_journal: Callable[[], Journal],
        status_path: Path,
        *,
        holder: str,
        config_hash: str,
        clock: Clock,
        file_mode: int = 0o600,
    ) -> None:
        self._open_journal = open_journal
        self._status_path = status_path
        self._holder = holder
        self._config_hash = config_hash
        self._clock = clock
        self._file_mode = file_mode
        self._journal: Journal | None = None
        self._inode = 0
        self._gone = ""  # the journal was removed: it is not for us to make a new one
        self._status: StatusDb | None = None
        self._lease = Lease()
        self._watched: tuple[Lease, Leader | None] | None = None
        self._watched_since = 0.0
        self._cursor = 0
        self._unread = True  # the journal may hold acknowledgements that we have not seen
        self._outbox: list[New] = []  # stored, not yet in the journal
        self._again_at = 0.0
        self._trouble = ""

    # ── the lead ─────────────────────────────────────────────────────────────────────────────────────────────────

    def try_lead(self) -> Lease | None:
        """Take the lead if it is free; None when somebody leads. Raises ``JournalError``."""
        try:
            return self._try_lead()
        except Locked:
            leader = self._status_leader()
            silent_s = self._clock.boottime() - leader.beat_ms / 1000 if leader is not None else 0.0
            if leader is None or silent_s <= lease.SILENCE_S or not lease.unblock(leader.holder):
                raise
            return self._try_lead()

    def _try_lead(self) -> Lease | None:
        journal = self._connected()
        found, leader = lease.read(journal), self._status_leader()
        now = self._clock.boottime()
        if leader is None and self._watched is not None and self._watched[0] == found:
            leader = self._watched[1]  # can't be read at this moment: what was known stays true
        if (found, leader) != self._watched:
            self._watched, self._watched_since = (found, leader), now
        unchanged = now - self._watched_since
        if not lease.is_free(found, leader, boot=lease.boot_id(), now_s=now, unchanged_s=unchanged):
            return None
        try:
            mine = lease.take(journal, found, holder=self._holder, config_hash=self._config_hash, clock=self._clock)
        except Refused:
            return None
        self._lease = mine
        return mine

    def configure(self, config_hash: str) -> None:
        """From the next lead on, another configuration is in force."""
        self._config_hash = config_hash

    def retake(self) -> Lease | None:
        """Take the lead over from ourselves, by the configuration that is in force now; None when somebody was faster."""
        try:
            mine = lease.take(
                self._connected(), self._lease, holder=self._holder, config_hash=self._config_hash, clock=self._clock
            )
        except Refused:
            return None
        self._lease = mine
        return mine

    def forget_before(self, moment: datetime) -> list[str]:
        """Drop the watch's segments that ended before *moment*. Raises ``JournalError``."""
        journal = self._connected()
        gone = journal.drop_watch(moment, guard=lease.guard(self._lease))
        if gone and self._status is not None:
            self._status.belongs_to(self._lease.epoch, journal.since(0, 1)[0].id)
        return gone

    def heard(self) -> bool:
        """Whether the process that holds the lease has been heard of lately."""
        held, leader = lease.read(self._connected()), self._status_leader()
        if leader is None or leader.epoch != held.epoch or leader.boot_id != lease.boot_id():
            return False
        return self._clock.boottime() - leader.beat_ms / 1000 <= lease.SILENCE_S

    def load(self) -> Kept:
        """Become the only writer of status.db, and take over what the last leader knew, but for the histories."""
        self._open_status()
        assert self._status is not None  # noqa: S101 - opened above
        journal = self._connected()
        cursor = self._status.cursor()
        self._outbox = [new for _, new in self._status.outbox(limit=-1)]
        self._cursor = journal.last_pos() if cursor is None else cursor
        kept = recall(newest_first(journal)) if cursor is None else self._status.kept(histories=False)
        return replace(kept, windows=asked.windows(journal, self._clock.now()))

    def histories(self, after: str) -> dict[str, History]:
        """The next of the histories that the last leader left, by their keys; empty when that was all."""
        return {} if self._status is None else self._status.histories(after, _HISTORIES)

    def last_published(self) -> datetime | None:
        """When the last snapshot was taken, by whomever; None when there was none."""
        return None if self._status is None else self._status.published_at()

    def release(self) -> None:
        """Give the lead up, so that the next need not wait."""
        if self._status is not None:
            try:
                self._status.beat(self._lease.epoch, 0)
            except (Superseded, Unusable):
                pass

    def close(self) -> None:
        """Release both connections."""
        if self._status is not None:
            self._status.close()
            self._status = None
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    # ── as the leader ────────────────────────────────────────────────────────────────────────────────────────────

    def publish(self, changes: Changes, snapshot: StatusSnapshot | None) -> Published:
        """Store, publish, record, and look for acknowledgements.

        Raises :class:`Superseded` when another leads, :class:`Unusable` when status.db takes nothing (nothing is lost:
        hand *changes* in again).
        """
        try:
            self._still_ours()  # also finds out that the journal was removed or replaced
        except Locked:
            pass  # status.db has its own guard; the events wait
        rebuilt = self._heal()
        assert self._status is not None  # noqa: S101 - _heal opens it or raises
        changes.news = [new if new.id else replace(new, id=_new_id()) for new in changes.news]
        recorded: list[Event] = []
        if changes.news or self._outbox:
            # What is shown is recorded first; where the journal can't take it, it is shown all the same.
            self._store(changes, None)
            self._outbox += changes.news
            recorded = self._record()
            changes = Changes()
        self._store(changes, snapshot)
        return Published(
            acknowledged=tuple(self._acknowledgements()),
            recorded=tuple(recorded),
            unsaved=len(self._outbox),
            problem=self._trouble,
            wanted=tuple(self._wanted()),
            rebuilt=rebuilt,
        )

    def _store(self, changes: Changes, snapshot: StatusSnapshot | None) -> None:
        assert self._status is not None  # noqa: S101 - publish() opened it
        self._status.write(
            self._lease.epoch,
            changes,
            beat_ms=self._beat_ms(),
            snapshot=snapshot,
            cursor=self._cursor,
            problem=self._trouble,
        )

    def _wanted(self) -> list[str]:
        if self._status is None:
            return []
        return self._status.take_wanted(self._lease.epoch, lease.boot_id(), self._beat_ms() - _WANTED_MS)

    def console_ages(self) -> list[float]:
        """Seconds since each console was heard."""
        if self._status is None:
            return []
        return self._status.console_ages(lease.boot_id(), self._beat_ms())

    def _record(self) -> list[Event]:
        """Move the outbox into the journal. Returns what arrived; why the rest did not is ``_trouble``."""
        assert self._status is not None  # noqa: S101 - publish() opened it
        done: list[Event] = []
        if self._clock.boottime() < self._again_at:
            return done
        self._trouble = ""
        enough = self._clock.monotonic() + _RECORDING_S
        while self._outbox and self._clock.monotonic() < enough:
            waiting = self._status.outbox()
            if not waiting:  # a rebuilt status.db does not know of them any more; the journal still must
                waiting = [(0, new) for new in self._outbox]
            try:
                done += self._connected().append_watch([new for _, new in waiting], guard=lease.guard(self._lease))
            except Refused as error:
                raise Superseded(str(error)) from None
            except JournalError as error:
                self._trouble = str(error)
                self._again_at = self._clock.boottime() + (_BACK_OFF_S if isinstance(error, Locked | DiskFull) else 30)
                break
            self._status.recorded(self._lease.epoch, [n for n, _ in waiting], beat_ms=self._beat_ms())
            arrived = {new.id for _, new in waiting}
            self._outbox = [new for new in self._outbox if new.id not in arrived]
        return done

    def _acknowledgements(self) -> list[Seen]:
        """What was acknowledged, and what maintenance begun or ended, since the last look, by whomever."""
        found: list[Seen] = []
        try:
            journal = self._connected()
            if not journal.changed() and not self._unread:
                return found
            self._unread = True
            while events := journal.since(self._cursor):
                found += [
                    Seen(body=event.body, actor=event.actor, at=event.occurred_at)
                    for event in events
                    if isinstance(event.body, Acknowledged)
                    or (isinstance(event.body, Maintenance) and event.body.asked)
                ]
                self._cursor = events[-1].pos
            self._unread = False
        except JournalError:
            pass  # the next look finds them
        return found

    # ── connections ──────────────────────────────────────────────────────────────────────────────────────────────

    def _connected(self) -> Journal:
        """The journal that is at its path now. Raises ``Missing`` when the one that was open has been removed."""
        if self._journal is not None and _inode(self._journal.path) != self._inode:
            path = self._journal.path
            self._journal.close()
            self._journal = None
            self._gone = "" if path.exists() else f"{path}: removed while it was watched"
        if self._gone:
            raise Missing(self._gone)
        if self._journal is None:
            self._journal = self._open_journal()
            self._inode = _inode(self._journal.path)
            self._unread = True
        return self._journal

    def _status_leader(self) -> Leader | None:
        """status.db's row about the leader; None when it can't be read."""
        try:
            if self._status is not None and self._status.moved():
                self._status.close()
                self._status = None
            if self._status is None:
                if not self._status_path.exists():
                    return None
                self._status = StatusDb.open(self._status_path, file_mode=self._file_mode)
            return self._status.leader()
        except Unusable:
            return None

    def _heal(self) -> bool:
        """Whether status.db had to be made anew, because somebody removed it or it is damaged."""
        if self._status is not None and not self._status.moved():
            return False
        if self._status is not None:
            self._status.close()
            self._status = None
        return self._open_status()

    def _still_ours(self) -> None:
        """Raises :class:`Superseded` when the lease in the journal is not the one that we took."""
        if lease.read(self._connected()) != self._lease:
            raise Superseded("another process leads")

    def give_up_status(self) -> None:
        """status.db can't be written: throw it away, if the lead is still ours. The next publication makes it anew."""
        self._still_ours()
        if self._status is not None:
            self._status.close()
            self._status = None
        StatusDb.discard(self._status_path)

    def _open_status(self) -> bool:
        """Open status.db as its writer; a damaged or stuck one is thrown away. Returns whether it is new."""
        fresh = not self._status_path.exists()
        try:
            self._lead_status()
        except Unusable:
            self.give_up_status()
            fresh = True
            self._lead_status()
        return fresh

    def _lead_status(self) -> None:
        if self._status is None:
            self._status = StatusDb.open(self._status_path, file_mode=self._file_mode)
        self._status.take_lead(
            Leader(
                epoch=self._lease.epoch,
                holder=self._holder,
                boot_id=lease.boot_id(),
                config_hash=self._config_hash,
                beat_ms=self._beat_ms(),
            ),
            self._connected().since(0, 1)[0].id,
        )

    def _beat_ms(self) -> int:
        return int(self._clock.boottime() * 1000)


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def _new_id() -> str:
    from ulid import ULID

    return str(ULID())
