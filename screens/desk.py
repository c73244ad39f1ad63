"""What the rooms share: what is known now, how to ask for more, how to write, how to say something.

A desk holds no widget. Rooms read its fields, subscribe to its signals, and call its methods, on the UI thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from textual.signal import Signal

from screens.actions import Situation
from screens.asks import Ask
from screens.drafts import DraftKeeper
from screens.link import Link
from screens.look import Look
from screens.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.dom import DOMNode

    from console.journal.events import Event, New
    from console.journal.store import Journal
    from console.journal.writer import Writer
    from console.snapshot import StatusSnapshot
    from screens.early import First
    from screens.incident_now import IncidentNow
    from screens.keeping import Keeping
    from screens.lag import LoopLag
    from screens.start import Deps, MakeDeps
    from screens.term.guest import Outcome, Program
    from screens.vitals import Vitals

T = TypeVar("T")
CALM_STATUS_S: Final = 8.0  # on a slow link a status in which no state changed waits for so long


class Measured(Protocol):
    """A driver that measures the link."""

    first: Callable[[], Sequence[int]]  # rows that are looked at

    def trips(self) -> Sequence[tuple[float, int]]: ...

    def ask(self) -> None: ...

    def go_easy(self, trip: float | None, rate: float | None) -> None: ...


class Desk:
    """Shared by the rooms of one console. Signals are published after the field they speak of has changed."""

    def __init__(self, owner: DOMNode, deliver: Callable[..., object], make_deps: MakeDeps, look: Look) -> None:
        """*owner* owns the signals; *deliver* calls a function on the UI thread, from any thread."""
        self._deliver = deliver
        self.look = look
        self.first: First | None = None  # what was read before the configuration and the record were
        self.deps: Deps | None = None  # None until the configuration has been read
        self.read_only = False
        self.status: StatusSnapshot | None = None  # None: nothing was published yet
        self.incident: IncidentNow | None = None
        self.incident_known = False  # until the record was read, no incident is not "no incident"
        self.troubles: dict[str, str] = {}  # what goes wrong now, by where: journal, file, status, drafts, writer
        self.status_changed: Signal[StatusSnapshot] = Signal(owner, "status")
        self.incident_changed: Signal[IncidentNow | None] = Signal(owner, "incident")
        self.events_arrived: Signal[tuple[Event, ...]] = Signal(owner, "events")
        self.look_changed: Signal[Look] = Signal(owner, "look")
        self.became_ready: Signal[Deps] = Signal(owner, "ready")
        self.troubled: Signal[Mapping[str, str]] = Signal(owner, "troubles")
        self.said: Signal[tuple[str, str]] = Signal(
            owner, "said"
        )  # (line, tone); ("", line): that line is no longer so
        self.asked: Signal[Ask | None] = Signal(owner, "asked")
        self.drafts_loaded: Signal[Mapping[str, str]] = Signal(owner, "drafts")
        self.terminal_answered: Signal[tuple[int, int]] = Signal(owner, "answer")  # row, column of a cursor report
        self._answered = False  # whether one of these has ever been
        self.questions = count()  # numbers the questions to the terminal
        self.mode_wanted: Signal[tuple[str, Any]] = Signal(owner, "mode")
        self.end: Callable[[int, str], None] = lambda code, line: None  # set by the application
        self.repaint: Callable[[], None] = lambda: None  # so is this
        self.link = Link()
        self.terminal: Measured | None = None  # the driver, where it measures; set by the application
        self.vitals: Vitals  # from the moment on when the configuration has been read
        self._lag: LoopLag | None = None
        self.stop: Callable[[], None] = lambda: None  # ctrl-Z
        self.stopped: Callable[[], list[str]] = list  # programs that were lent the terminal and stopped
        # And this: hand the terminal to a program, *then* gets how it went. See screens.suspending.
        self.lend: Callable[[Program, Callable[[Outcome], None]], None] = lambda program, then: None
        self.drafts = DraftKeeper(deliver, self._drafts_loaded)
        self.reader = Reader(make_deps, deliver, self)
        self._writer: Writer | None = None
        self._early: list[tuple[Any, Any, Any]] = []  # what was asked for before there was a writer
        self._unplaced: list[Callable[[IncidentNow | None], None]] = []  # before it was known which incident is open
        self._keeping: Keeping | None = None

    def begin_with(self, first: First) -> None:
        """Show *first* until the reader has read for itself; before anything is drawn."""
        self.first = first
        self.status = first.status

    def open(self) -> None:
        """Start the reader; everything else follows when the configuration has been read."""
        self.reader.start()

    def close(self) -> int:
        """Save what waits, close everything. Returns how much could not be saved."""
        unsaved = len(self._early) + len(self._unplaced)
        unsaved += self._writer.close(1.5) if self._writer is not None else 0
        if self._lag is not None:
            self._lag.uninstall()
        self.drafts.close(0.5)
        if self._keeping is not None:
            self._keeping.close()
        self.reader.close(0.5)
        return unsaved

    @contextmanager
    def held_still(self, timeout: float) -> Iterator[None]:
        """In here no thread of ours is in the middle of a read or a write, as far as that can be had within *timeout*
        seconds: the process may be stopped without locking out others. What waited to be written is, before."""
        deadline = monotonic() + timeout
        while self.unsaved and monotonic() < deadline - timeout / 2:
            sleep(0.01)
        self.drafts.flush(timeout / 2)
        stills = [self.reader.still, *(part.still for part in (self._writer, self._keeping) if part is not None)]
        held = [still for still in stills if still.acquire(timeout=max(deadline - monotonic(), 0))]
        try:
            yield
        finally:
            for still in held:
                still.release()

    # ── time and place ──────────────────────────────────────────────────────────────────────────────────────────

    def now(self) -> datetime:
        """The wall clock, aware, UTC."""
        return self.deps.clock.now() if self.deps is not None else datetime.now(UTC)

    def situation(self, target: str = "", facts: frozenset[str] = frozenset()) -> Situation:
        """For the registry: whether there is an incident, whether this console may write."""
        return Situation(target, self.incident is not None, self.read_only, self.incident_known, facts)

    def _measure_myself(self) -> None:
        """From now on, rather than from the start: importing is no lag, and these are not needed for the first frame."""
        from asyncio import get_running_loop

        from screens.lag import LoopLag
        from screens.vitals import Vitals

        self._lag = LoopLag()
        self._lag.install(get_running_loop())
        self.vitals = Vitals(self, self._lag)

    @property
    def terminal_answers(self) -> bool:
        """Whether the terminal has ever answered a question: then it is waited for."""
        return self._answered or bool(getattr(self.terminal, "answers", False))

    def terminal_answered_at(self, place: tuple[int, int]) -> None:
        """The terminal reported *place* for the cursor."""
        self._answered = True
        self.terminal_answered.publish(place)

    # ── the link ────────────────────────────────────────────────────────────────────────────────────────────────

    def feel_link(self, now: float) -> bool:
        """Take what the driver measured since the last time; *now* is monotonic. Whether the link became slow, or fast."""
        if self.terminal is None:
            return False
        changed = self.link.take(self.terminal.trips(), now)
        if self.link.wants_answer(now):
            self.terminal.ask()
        self.terminal.go_easy(self.link.trip, self.link.narrow if self.link.slow else None)
        if changed:
            self.reader.calm_s = CALM_STATUS_S if self.link.slow else 0.0
        return changed

    # ── saying and asking ───────────────────────────────────────────────────────────────────────────────────────

    def say(self, line: str, tone: str = "notice") -> None:
        """Tell the operator in the hint line; ``tone="error"`` for what went wrong. It never covers what is typed."""
        self.said.publish((line, tone))

    def ask(self, ask: Ask | None) -> None:
        """Open the prompt line with *ask*; None closes it."""
        self.asked.publish(ask)

    def go(self, mode: str, message: Any = None) -> None:
        """Change to a mode (``"runbook"``); *message* is handed to its room's ``visit``."""
        self.mode_wanted.publish((mode, message))

    def leave(self) -> None:
        """Leave the console; commands and the watch go on."""
        self.end(0, "")

    # ── reading and writing ─────────────────────────────────────────────────────────────────────────────────────

    def read(
        self,
        work: Callable[[Journal], T],
        then: Callable[[T], None],
        failed: Callable[[str], None] | None = None,
        key: str = "",
    ) -> None:
        """Run *work* on the journal off the UI thread; *then* gets the result here. Of one *key* only the newest runs."""
        self.reader.ask(work, then, failed or (lambda line: self.say(line, "error")), key)

    def write(
        self,
        stream: str,
        news: Sequence[New],
        then: Callable[[list[Event]], None] | None = None,
        failed: Callable[[str], None] | None = None,
    ) -> None:
        """Append to *stream*; *then* is called here when the events are on disk, *failed* when they never will be."""
        kept = list(news)
        self.work(lambda journal: journal.append(stream, kept), then, failed)

    def work(
        self,
        work: Callable[[Journal], T],
        then: Callable[[T], None] | None = None,
        failed: Callable[[str], None] | None = None,
    ) -> None:
        """Any other write, in the writer's thread, in order."""
        refuse = failed or (lambda line: self.say(line, "error"))
        if self.read_only:
            refuse("this console is read-only")
            return
        writer = self._writer
        if writer is None:  # still starting: it is done in its turn, a moment from now
            self._early.append((work, then, failed))
            return

        def done(future: Any) -> None:
            error = future.exception()
            self.reader.poke()
            if error is not None:
                self._deliver(refuse, self._without_path(str(error)))
            elif then is not None:
                self._deliver(then, future.result())

        writer.submit_work(work).add_done_callback(done)

    @property
    def unsaved(self) -> int:
        """Writes that are not on disk yet."""
        return len(self._unplaced) + (self._writer.unsaved if self._writer is not None else len(self._early))

    def when_known(self, then: Callable[[IncidentNow | None], None]) -> None:
        """Call *then* with the current incident: now, or as soon as the record could be read. Until then it is unsaved."""
        if self.incident_known:
            then(self.incident)
        else:
            self._unplaced.append(then)

    def choose(self, stream: str) -> None:
        """Make *stream* the current incident."""
        self.reader.choose(stream)

    # ── what the reader's thread delivers ───────────────────────────────────────────────────────────────────────

    def ready(self, deps: Deps) -> None:
        self.deps = deps
        self.read_only = deps.read_only
        self.link.mode = deps.link
        self._measure_myself()
        self.reader.calm_s = CALM_STATUS_S if self.link.slow else 0.0
        if not deps.read_only:  # such a console writes nothing, drafts neither
            from console.journal.writer import Writer

            self.drafts.start(deps.paths.drafts, self._drafts_failed, file_mode=deps.file_mode)
            # A database that was there and is gone is not made anew behind the operator's back.
            self._writer = Writer(lambda: deps.open_journal(create=not self.reader.opened), self._writer_moved)
            if deps.watching:
                from screens.keeping import Keeping

                self._keeping = Keeping(deps, self._keeper_said, self.vitals.now)
        early, self._early = self._early, []
        for asked in early:
            self.work(*asked)
        self.became_ready.publish(deps)

    def fatal(self, line: str) -> None:
        self.end(2, line)

    def take_status(self, snapshot: StatusSnapshot) -> None:
        self.status = snapshot
        self.status_changed.publish(snapshot)

    def take_incident(self, incident: IncidentNow | None) -> None:
        self.incident, self.incident_known = incident, True
        unplaced, self._unplaced = self._unplaced, []
        for then in unplaced:
            then(incident)
        self.incident_changed.publish(incident)

    def take_events(self, events: tuple[Event, ...]) -> None:
        self.events_arrived.publish(events)

    def _without_path(self, line: str) -> str:
        """*line* without the path of our own database at its front: on 80 columns the rest would not be seen."""
        return line.removeprefix(f"{self.deps.paths.database}: ") if self.deps is not None else line

    def take_trouble(self, what: str, line: str) -> None:
        line = self._without_path(line)
        if self.troubles.get(what, "") == line:
            return
        if line:
            self.troubles[what] = line
            self.say(line, "error")
        else:
            self.said.publish(("", self.troubles.pop(what)))
        self.troubled.publish(self.troubles)

    def set_look(self, look: Look) -> None:
        """Draw with *look* from now on."""
        self.look = look
        self.look_changed.publish(look)

    def _writer_moved(self) -> None:
        self._deliver(self._writer_changed)

    def _writer_changed(self) -> None:
        if self._writer is not None:
            self.take_trouble("writer", self._writer.problem or "")
            self.troubled.publish(self.troubles)

    def _keeper_said(self, line: str) -> None:
        self._deliver(self.take_trouble, "watch", line)

    def _drafts_loaded(self, texts: Mapping[str, str]) -> None:
        self.drafts_loaded.publish(texts)

    def _drafts_failed(self, line: str) -> None:
        self.take_trouble("drafts", line)
