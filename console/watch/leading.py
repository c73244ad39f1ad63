"""To lead: run the schedule, keep the board, publish, record. Ends when told to, or when another leads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from msgspec.structs import replace

from console.clock import Clock
from console.journal.errors import JournalError, Missing
from console.journal.events import Event, Maintenance
from console.snapshot import Alert, Feed, Report, Source, StatusSnapshot
from console.watch.board import Board
from console.watch.changes import Changes, Kept
from console.watch.checks import Check
from console.watch.feeds import FeedBoard
from console.watch.history import History
from console.watch.lease import BEAT_S, Lease
from console.watch.measure import measure
from console.watch.plan import Plan
from console.watch.probing import Remembering, Tools, Vitals
from console.watch.recorder import GAP_S, Published, Recorder, gap
from console.watch.schedule import Punctuality, Scheduler, run_once
from console.watch.state import Machine, Result
from console.watch.status_file import Unusable
from console.watch.threads import OneThread

_CALM_S: Final = 0.2  # between two publications, however much happens
_AT_LEAST_S: Final = 4.0  # a snapshot is published so often even when nothing changed: ages do
_FED_S: Final = 10.0  # a single pass waits so long for sources of alerts
_FAILURES: Final = 5  # publications that fail in a row before status.db is thrown away

MakeFeed = Callable[[Sequence[Alert], Sequence[Source]], Feed]
"""Makes the feed of a lead out of the alerts that the last leader left, and how its sources were."""


class Leading:
    """The time of one lead."""

    def __init__(
        self,
        recorder: Recorder,
        lease: Lease,
        plan: Plan,
        clock: Clock,
        in_thread: OneThread,
        say: Callable[[Event], None],
        make_feed: MakeFeed | None = None,
    ) -> None:
        self._recorder = recorder
        self._lease = lease
        self._plan = plan
        self._checks = plan.checks
        self._clock = clock
        self._in_thread = in_thread
        self._say = say
        self._make_feed = make_feed
        self._feeds = FeedBoard(Kept())
        self._punctuality = Punctuality()
        self._hurry: Callable[[str], None] = lambda key: None  # the schedule's, while it runs
        self._hurry_source: Callable[[str], None] = lambda key: None  # the feed's
        self._published = Published()
        self.hands_on = False  # the same process leads on, by another plan
        self.config_problem = ""  # why the files of the configuration are not what is in force
        self._configured_at = clock.now()
        self._urgent = asyncio.Event()
        self._warm = asyncio.Event()
        self._version = lease.epoch * 1_000_000
        self._snapshot_at = 0.0
        self._failures = 0
        self._seen_at, self._seen_boot = clock.now(), clock.boottime()

    async def run(self, stop: asyncio.Event) -> None:
        """Lead until *stop*. Raises ``Superseded`` when another leads; then nothing more is written."""
        board = await self._begin()
        async with Tools(self._vitals, self._plan.place) as tools:
            scheduler = Scheduler(
                self._checks,
                lambda check: measure(check, tools),
                lambda check, result: self._take(board, check, result),
                self._clock,
            )
            self._punctuality, self._hurry = scheduler.punctuality, scheduler.hurry
            running = asyncio.create_task(scheduler.run())
            running.add_done_callback(lambda _: self._urgent.set())
            remembering = asyncio.create_task(self._remember(board))
            feeding = self._start_feed()
            stopping = asyncio.create_task(self._hurry_at(stop))
            try:
                while not stop.is_set():
                    await self._publish(board)
                    for task in (running, feeding, remembering):
                        if task.done() and not task.cancelled():
                            task.result()
                    await self._pause()
            finally:
                running.cancel()
                feeding.cancel()
                remembering.cancel()
                stopping.cancel()
        await self._end(board)

    async def once(self) -> StatusSnapshot:
        """Lead for one run of every check."""
        board = await self._begin()
        await self._remember(board)
        async with Tools(self._vitals, self._plan.place) as tools:
            feeding = self._start_feed()
            try:
                await run_once(
                    self._checks,
                    lambda check: measure(check, tools),
                    lambda check, result: self._take(board, check, result),
                )
                await self._fed()
            finally:
                feeding.cancel()
        return await self._end(board)

    def _start_feed(self) -> asyncio.Task[None]:
        async def nothing() -> None:
            await asyncio.get_running_loop().create_future()

        if self._make_feed is None:
            return asyncio.create_task(nothing())
        feed = self._make_feed(tuple(self._feeds.known.values()), self._feeds.sources)
        self._hurry_source = feed.hurry
        feeding = asyncio.create_task(feed.run(self._take_report))
        feeding.add_done_callback(lambda _: self._urgent.set())
        return feeding

    def _take_report(self, report: Report) -> None:
        self._feeds.take(report, self._clock.now())
        self._warm.set()
        if self._feeds.has_news:
            self._urgent.set()

    async def _fed(self) -> None:
        """Wait until each source of alerts has said something, or long enough."""
        if self._make_feed is None:
            return
        try:
            async with asyncio.timeout(_FED_S):
                while not self._feeds.sources or any(one.state == "warming" for one in self._feeds.sources):
                    self._warm.clear()
                    await self._warm.wait()
        except TimeoutError:
            pass

    async def _begin(self) -> Board:
        kept = await self._in_thread(self._recorder.load)
        for check in self._checks:
            before = kept.machines.get(check.key) or Machine()
            if before.memory and before.of == check.question and isinstance(check.probe, Remembering):
                check.probe.resume(before.memory)
        now = self._clock.now()
        board = Board(self._checks, kept, now, sentinels=self._plan.sentinels, windows=self._plan.windows)
        self._feeds = FeedBoard(kept)
        last = await self._in_thread(self._recorder.last_published)
        # What came out of the journal is to be in status.db too.
        board.put_back(board.everything().then(self._feeds.everything()))
        board.put_back(Changes(news=gap(last, now)))
        board.maintain(now, since=last)
        self._seen_at, self._seen_boot = now, self._clock.boottime()
        await self._publish(board)  # brings in what was acknowledged while nobody led
        return board

    async def _remember(self, board: Board) -> None:
        """Read the histories, piece by piece: between two of them we are heard."""
        found: dict[str, History] = {}
        last = ""
        try:
            while piece := await self._in_thread(partial(self._recorder.histories, last)):
                found |= piece
                last = max(piece)
        except Unusable:
            pass  # what could not be read begins anew
        board.take_histories(found)

    async def _end(self, board: Board) -> StatusSnapshot:
        """The last publication; then the lead is given up, unless :attr:`hands_on`."""
        board.put_back(board.last_rollups())
        await self._publish(board, last=True)
        if not self.hands_on:
            await self._in_thread(self._recorder.release)
        return self._snapshot(board)

    async def _hurry_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._urgent.set()

    async def _pause(self) -> None:
        """Until it is time to publish again: after a beat, or soon after something happened."""
        try:
            async with asyncio.timeout(BEAT_S - _CALM_S):
                await self._urgent.wait()
        except TimeoutError:
            pass
        await asyncio.sleep(_CALM_S)

    def _take(self, board: Board, check: Check, result: Result) -> float | None:
        pause = board.take(check, result, self._clock.now(), self._clock.boottime())
        if board.has_news:
            self._urgent.set()
        for key in board.take_wanted():
            self._hurry(key)
        return pause

    async def _publish(self, board: Board, *, last: bool = False) -> None:
        self._urgent.clear()
        self._note_sleep(board)
        self._feeds.expire(self._clock.now())
        board.maintain(self._clock.now())
        changes = board.drain().then(self._feeds.drain())
        boot = self._clock.boottime()
        snapshot = None
        if changes or last or boot - self._snapshot_at >= _AT_LEAST_S:
            self._version += 1
            self._snapshot_at = boot
            snapshot = self._snapshot(board)
        try:
            done = await self._in_thread(lambda: self._recorder.publish(changes, snapshot))
        except Missing:
            raise
        except (Unusable, JournalError):
            board.put_back(changes)
            self._failures += 1
            if self._failures >= _FAILURES:
                self._failures = 0
                await self._give_up_status()
            return
        self._failures = 0
        self._published = done
        for event in done.recorded:
            self._say(event)
        for seen in done.acknowledged:
            if isinstance(seen.body, Maintenance):
                board.told(seen.body, seen.at)
            elif not board.acknowledge(seen.body, seen.actor, seen.at):
                self._feeds.acknowledge(seen.body, seen.actor, seen.at)
            self._urgent.set()  # whoever acknowledged is looking
        for key in done.wanted:
            self._hurry(key)
            self._hurry_source(key)
        if done.rebuilt:
            board.put_back(board.everything().then(self._feeds.everything()))
            board.store_histories()

    def _note_sleep(self, board: Board) -> None:
        """A machine that was suspended (or a process that was, with nobody to take over) did not watch meanwhile."""
        now, boot = self._clock.now(), self._clock.boottime()
        if boot - self._seen_boot >= GAP_S:
            board.put_back(Changes(news=gap(self._seen_at, now)))
        self._seen_at, self._seen_boot = now, boot

    async def _give_up_status(self) -> None:
        try:
            await self._in_thread(self._recorder.give_up_status)
        except (JournalError, OSError):
            pass  # not now, then later

    def _snapshot(self, board: Board) -> StatusSnapshot:
        ours = board.snapshot(
            self._clock.now(),
            self._clock.boottime(),
            epoch=self._lease.epoch,
            config_hash=self._lease.config_hash,
            version=self._version,
            note=self._punctuality.words(self._clock.boottime()),
        )
        alerts, groups = self._feeds.shown()
        return replace(
            ours,
            alerts=(*ours.alerts, *alerts),
            groups=groups,
            sources=(*ours.sources, *self._feeds.sources, *self._config_source()),
            silences=self._feeds.silences,
        )

    def _config_source(self) -> tuple[Source, ...]:
        if not self.config_problem:
            return ()
        since = self._configured_at
        return (Source(name="config", kind="configuration", state="stale", last_ok=since, error=self.config_problem),)

    def _vitals(self) -> Vitals:
        minute_ago = self._clock.boottime() - 60
        return Vitals(
            journal_error=self._published.problem,
            unsaved=self._published.unsaved,
            lateness_ms=self._punctuality.percentile_ms(0.99),
            skipped=self._punctuality.skipped_since(minute_ago),
        )
