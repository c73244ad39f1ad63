"""The one thread that reads: status, journal, and whatever a screen wants from them.

It looks whether another process has committed (``PRAGMA data_version``) and whether the status has a new version, a few
times a second; it folds the current incident; it answers the screens' questions in order. What it finds goes to the UI
thread through *deliver*; nothing here touches a widget.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from console.journal.events import Event
    from console.journal.store import Journal
    from console.snapshot import Alert, StatusSnapshot
    from console.watch.changes import LastBody, Sample
    from console.watch.status_reader import StatusReader
    from screens.incident_now import IncidentNow
    from screens.start import Deps, MakeDeps

TICK_S: Final = 0.25
_PAGE: Final = 500


class Listener(Protocol):
    """Who is told, on the UI thread."""

    def ready(self, deps: Deps) -> None: ...

    def fatal(self, line: str) -> None: ...

    def take_status(self, snapshot: StatusSnapshot) -> None: ...

    def take_incident(self, incident: IncidentNow | None) -> None: ...

    def take_events(self, events: tuple[Event, ...]) -> None: ...

    def take_trouble(self, what: str, line: str) -> None: ...


class _Job(Struct, frozen=True):
    key: str
    work: Callable[[Any], Any]
    then: Callable[[Any], None]
    failed: Callable[[str], None]


class Reader:
    """Reads in a thread of its own. ``ask`` may be called from any thread and never waits."""

    def __init__(self, make_deps: MakeDeps, deliver: Callable[..., object], listener: Listener) -> None:
        self._make_deps = make_deps
        self._deliver = deliver
        self._listener = listener
        self.still = threading.Lock()  # held while the journal or the status is read
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._newest: dict[str, _Job] = {}
        self._stop = threading.Event()
        self._journal: Journal | None = None
        self._status: StatusReader | None = None
        self._file: tuple[int, int] | None = None  # device and inode of the database, when it was opened
        self._snapshot: StatusSnapshot | None = None
        self._position = -1
        self._chosen = ""
        self._wanted: str | None = None  # chosen on the UI thread, not yet taken up in ours
        self._incident: IncidentNow | None = None
        self._told: dict[str, str] = {}  # what goes wrong, as last told
        self.calm_s = 0.0  # a status in which no state changed waits for so long; set on the UI thread
        self._delivered_at = float("-inf")
        self._thread = threading.Thread(target=self._run, name="reader", daemon=True)

    @property
    def opened(self) -> bool:
        """Whether the journal has been opened: from then on it exists."""
        return self._journal is not None

    def start(self) -> None:
        """Begin: configuration, journal, status."""
        self._thread.start()

    def ask(
        self,
        work: Callable[[Journal], Any],
        then: Callable[[Any], None],
        failed: Callable[[str], None],
        key: str = "",
    ) -> None:
        """Run *work* on the journal in the reader's thread; *then* gets its result on the UI thread, *failed* one line.

        Of jobs with the same *key* only the newest still waiting is run.
        """
        job = _Job(key, work, then, failed)
        if key:
            self._newest[key] = job
        self._jobs.put(job)

    def poke(self) -> None:
        """Look now: something of ours was written."""
        self._jobs.put(None)

    def choose(self, stream: str) -> None:
        """Make *stream* the current incident; "" follows the newest open one."""
        self._wanted = stream
        self.poke()

    def close(self, timeout: float = 1.0) -> None:
        """Stop and close the connections."""
        self._stop.set()
        self._jobs.put(None)
        if self._thread.is_alive():
            self._thread.join(timeout)

    # ── in the thread ───────────────────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        try:
            if self._prepare():
                self._loop()
        except Exception as error:  # the console must say so rather than stand still
            self._deliver(self._listener.take_trouble, "reader", f"reading stopped: {type(error).__name__}: {error}")
        finally:
            if self._journal is not None:
                self._journal.close()
            if self._status is not None:
                self._status.close()

    def _prepare(self) -> bool:
        from console.commands.context import Fail
        from console.config import ConfigError
        from console.journal.errors import DiskFull, JournalError, Locked

        try:
            self._deps = self._make_deps()
        except (ConfigError, Fail, OSError) as error:
            self._deliver(self._listener.fatal, str(error))
            return False
        self._deliver(self._listener.ready, self._deps)
        while not self._stop.is_set():
            self._look_at_status()  # it waits for no journal, however long that takes to open and to fold
            try:
                self._journal = self._open()
                self._file = self._identity()
                self._deliver(self._listener.take_trouble, "journal", "")
                return True
            except (Locked, DiskFull) as error:  # these pass; the console stays, and says so
                self._deliver(self._listener.take_trouble, "journal", str(error))
                self._stop.wait(1.0)
            except (JournalError, OSError) as error:
                self._deliver(self._listener.fatal, str(error))
                return False
        return False

    def _open(self) -> Journal:
        # Not read-only although it only reads: after another process was killed in the middle of a write, a reader
        # must be able to undo that half, or it can't read at all.
        return self._deps.open_journal()

    def _loop(self) -> None:
        self._tick()
        due = time.monotonic() + TICK_S
        while not self._stop.is_set():
            try:
                job = self._jobs.get(timeout=max(due - time.monotonic(), 0))
            except queue.Empty:
                job = None
            with self.still:
                if job is not None and (not job.key or self._newest.get(job.key) is job):
                    self._do(job)
                if job is None or time.monotonic() >= due:  # also while questions keep coming
                    self._tick()
                    due = time.monotonic() + TICK_S

    def _do(self, job: _Job) -> None:
        from console.journal.errors import JournalError

        if self._journal is None:
            return
        try:
            result = job.work(self._journal)
        except (JournalError, ValueError, LookupError, OSError) as error:
            self._deliver(job.failed, str(error))
        except Exception as error:  # a fault of ours: one line, and the thread lives on
            self._deliver(job.failed, f"{type(error).__name__}: {error}")
        else:
            self._deliver(job.then, result)

    def _tick(self) -> None:
        from console.journal.errors import JournalError

        self._look_at_status()
        try:
            self._read_journal()
            self._deliver_once("journal", "")
            self._deliver_once("file", self._file_gone())
        except JournalError as error:
            self._deliver_once("journal", str(error))

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = self._deps.paths.database.stat()  # never opened by path: that would drop SQLite's locks
        except OSError:
            return None
        return (found.st_dev, found.st_ino)

    def _file_gone(self) -> str:
        """One line when the file we read is no longer the one at its path; "" while it is."""
        if self._identity() == self._file:
            return ""
        return f"{self._deps.paths.database.name} was removed or replaced: this is the old one; leave with q, open it again"

    def _look_at_status(self) -> None:
        try:
            self._read_status()
        except OSError as error:
            self._deliver_once("status", str(error))

    def _deliver_once(self, what: str, line: str) -> None:
        if self._told.get(what, "") != line:
            self._told[what] = line
            self._deliver(self._listener.take_trouble, what, line)

    def _read_journal(self) -> None:
        from screens import incident_now

        journal = self._journal
        if journal is None:
            return
        if self._wanted is not None:
            self._chosen, self._wanted = self._wanted, None
            self._incident, self._position = None, -1
        if self._position < 0:
            journal.changed()  # first: what is committed from here on is seen by the next look
            self._position = journal.last_pos()
            self._incident = incident_now.read(journal, self._chosen)
            self._deliver(self._listener.take_incident, self._incident)
            return
        if not journal.changed():
            return
        while not self._stop.is_set():
            events = journal.since(self._position, _PAGE)
            if not events:
                return
            self._position = events[-1].pos
            self._deliver(self._listener.take_events, tuple(events))
            before = self._incident
            self._incident = incident_now.follow(journal, self._chosen, before, events)
            if self._incident is not before:
                self._deliver(self._listener.take_incident, self._incident)

    def _read_status(self) -> None:
        if self._status is None:
            from console.watch.status_reader import StatusReader

            self._status = StatusReader(self._deps.paths.status_db, self._deps.clock)
        snapshot = self._status.poll()
        self._deliver_once("status", self._status.problem)
        if snapshot is not None and snapshot is not self._snapshot:
            now = time.monotonic()
            if now - self._delivered_at < self.calm_s and _states(snapshot) == _states(self._snapshot):
                return
            self._snapshot, self._delivered_at = snapshot, now
            self._deliver(self._listener.take_status, snapshot)

    def samples(self, key: str) -> list[Sample]:
        """The kept results of a check, oldest first. For work that runs in this thread."""
        return self._status.history(key) if self._status is not None else []

    def last_body(self, key: str) -> LastBody | None:
        """What a check got when it failed (:meth:`StatusReader.last_body`). For work that runs in this thread."""
        return self._status.last_body(key) if self._status is not None else None

    def alerts(self, name: str, after: tuple[int, str] | None, limit: int) -> list[Alert]:
        """A window of the alerts of other systems (:meth:`StatusReader.alerts`). For work that runs in this thread."""
        return self._status.alerts(name=name, after=after, limit=limit) if self._status is not None else []


def _states(snapshot: StatusSnapshot | None) -> tuple[Any, ...]:
    """All of a status that must be seen at once, whatever the link."""
    if snapshot is None:
        return ()
    return (
        [(check.service, check.name, check.state, check.overlays) for check in snapshot.checks],
        [(alert.fingerprint, alert.state, alert.ack, alert.severity) for alert in snapshot.alerts],
        [(source.name, source.state) for source in snapshot.sources],
    )
