"""The ``vigie watch`` process: it stands by until nobody leads, then leads; it ends when told to, or when not needed.

``python -m console.daemon`` is the detached form that a console starts (console.watch.keeper): it leaves the console's
session, and ends a minute after the last console is gone. ``vigie watch`` is the same process in the foreground; it
stays, and stands by while another leads.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from console.clock import Clock
    from console.commands.context import Context
    from console.journal.events import Event
    from console.snapshot import StatusSnapshot
    from console.watch.leading import Leading, MakeFeed
    from console.watch.lease import Lease
    from console.watch.plan import Plan
    from console.watch.recorder import Recorder
    from console.watch.threads import OneThread

_STAND_BY_S: Final = 0.5  # between two looks at the lease
_PATIENCE_S: Final = 5.0  # a watch that a console started waits so long for the lead
_IDLE_S: Final = 60.0  # and goes on for so long without any console
_CONSOLE_GONE_S: Final = 30.0  # a console that was not heard for so long is gone
_GRACE_S: Final = 2.5  # from a signal to the end, at the worst
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Outcome(Enum):
    """Why a watch ended."""

    STOPPED = "told to stop"
    NOT_NEEDED = "another watch leads"
    IDLE = "no console is open"


@dataclass(frozen=True)
class Watch:
    """What a watch process is made of. *stays*: whether or not a console is open, and while another leads."""

    recorder: Recorder
    plan: Plan
    clock: Clock
    say: Callable[[str], None]
    stays: bool
    thread: OneThread
    make_feed: MakeFeed | None = None

    async def run(self, stop: asyncio.Event) -> Outcome:
        """Stand by and lead until *stop*, or until not needed. Raises ``JournalError`` where waiting can't help."""
        try:
            while not stop.is_set():
                lease = await self._lead_when_free(stop)
                if lease is None:
                    return Outcome.STOPPED if stop.is_set() else Outcome.NOT_NEEDED
                ended = await self._lead(lease, stop)
                if ended is not None:
                    return ended
            return Outcome.STOPPED
        finally:
            await self.thread(self.recorder.close)
            self.thread.end()

    async def once(self) -> StatusSnapshot | None:
        """Lead for one run of every check; None when another leads."""
        try:
            patience = self.clock.boottime() + _PATIENCE_S
            lease = await self.thread(self.recorder.try_lead)
            # A leader that nobody can hear may be dead: that takes a moment to tell.
            while lease is None and self.clock.boottime() < patience and not await self.thread(self.recorder.heard):
                await asyncio.sleep(_STAND_BY_S)
                lease = await self.thread(self.recorder.try_lead)
            if lease is None:
                return None
            return await self._leading(lease).once()
        finally:
            await self.thread(self.recorder.close)
            self.thread.end()

    def _leading(self, lease: Lease) -> Leading:
        from console.watch.leading import Leading

        return Leading(self.recorder, lease, self.plan, self.clock, self.thread, self._tell, self.make_feed)

    async def _lead_when_free(self, stop: asyncio.Event) -> Lease | None:
        from console.journal.errors import DiskFull, Locked

        patience = self.clock.boottime() + _PATIENCE_S
        told = False
        while not stop.is_set():
            try:
                lease = await self.thread(self.recorder.try_lead)
            except (Locked, DiskFull) as error:
                self.say(f"waiting: {error}")
            else:
                if lease is not None:
                    self.say(f"leads: epoch {lease.epoch}, {len(self.plan.checks)} checks")
                    return lease
            if not self.stays and self.clock.boottime() > patience:
                return None
            if self.stays and not told:
                self.say("another watch leads: standing by")
                told = True
            await _wait(stop, _STAND_BY_S)
        return None

    async def _lead(self, lease: Lease, stop: asyncio.Event) -> Outcome | None:
        """One lead. None: stand by again."""
        from console.journal.errors import JournalError, Missing
        from console.watch.status_file import Superseded, Unusable

        leading = self._leading(lease)
        enough = asyncio.Event()
        watching = [asyncio.create_task(_pass_on(stop, enough))]
        idle = None
        if not self.stays:
            idle = asyncio.create_task(self._until_idle(enough))
            watching.append(idle)
        try:
            await leading.run(enough)
        except Superseded:
            self.say("another watch took the lead")
            return None if self.stays else Outcome.NOT_NEEDED
        except Missing:
            raise
        except (JournalError, Unusable) as error:
            self.say(f"can't go on leading: {error}")
            await _wait(stop, 2 * _STAND_BY_S)
            return None
        finally:
            for task in watching:
                task.cancel()
        return Outcome.IDLE if idle is not None and idle.done() and not stop.is_set() else Outcome.STOPPED

    async def _until_idle(self, enough: asyncio.Event) -> None:
        """Set *enough* when no console has been heard for a while."""
        heard_at = self.clock.boottime()
        while self.clock.boottime() - heard_at < _IDLE_S:
            await asyncio.sleep(4 * _STAND_BY_S)
            ages = await self.thread(self._console_ages)
            if any(age < _CONSOLE_GONE_S for age in ages):
                heard_at = self.clock.boottime()
        enough.set()

    def _console_ages(self) -> list[float]:
        from console.watch.status_file import Unusable

        try:
            return self.recorder.console_ages()
        except Unusable:
            return [0.0]  # not known: stay

    def _tell(self, event: Event) -> None:
        from console.watch.telling import tell

        self.say(tell(event))


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass


async def _pass_on(source: asyncio.Event, target: asyncio.Event) -> None:
    await source.wait()
    target.set()


def make_watch(ctx: Context, *, stays: bool, say: Callable[[str], None]) -> Watch:
    """The watch that *ctx* describes. Raises ``ConfigError``."""
    from console.alerts.feeds import feed_of
    from console.commands.context import here
    from console.journal.store import Journal
    from console.watch.lease import new_holder
    from console.watch.plan import plan_of
    from console.watch.recorder import Recorder
    from console.watch.threads import OneThread

    plan = plan_of(ctx.config, ctx.config_file, ctx.paths.beats)
    make_feed = feed_of(ctx.config, ctx.config_file, ctx.clock)
    origin = here("watch")

    def open_journal() -> Journal:
        # A locked journal must not keep the leader from its heartbeat for long.
        return Journal.open(
            ctx.paths.database,
            actor="vigie",
            origin=origin,
            clock=ctx.clock,
            file_mode=ctx.file_mode,
            busy_s=1.0,
        )

    recorder = Recorder(
        open_journal,
        ctx.paths.status_db,
        holder=new_holder(),
        config_hash=ctx.config.hash(),
        clock=ctx.clock,
        file_mode=ctx.file_mode,
    )
    return Watch(
        recorder=recorder,
        plan=plan,
        clock=ctx.clock,
        say=say,
        stays=stays,
        thread=OneThread("vigie-store"),
        make_feed=make_feed,
    )


def run_watch(watch: Watch) -> int:
    """Run until a signal or the end. Returns the exit code: 0, or 128 + the signal's number."""
    from console.watch.loop import WatchLoop

    caught: list[int] = []

    async def main() -> Outcome:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def heard(number: int) -> None:
            caught.append(number)
            stop.set()
            # a hung call must not keep the process: what was acknowledged is on disk
            late = threading.Timer(_GRACE_S, os._exit, [128 + number])
            late.daemon = True
            late.start()

        for number in _SIGNALS:
            loop.add_signal_handler(number, heard, number)
        return await watch.run(stop)

    with asyncio.Runner(loop_factory=WatchLoop) as runner:
        outcome = runner.run(main())
    watch.say(f"ends: {outcome.value}")
    return 128 + caught[0] if caught else 0


def say_on_stderr(line: str) -> None:
    """One line for people; a closed or full stderr is no reason to stop watching."""
    from console.sanitize import one_line

    try:
        sys.stderr.write(one_line(line) + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass


def main(argv: Sequence[str]) -> int:
    """The detached process. Its standard streams are where its starter pointed them: the watch's log."""
    parser = argparse.ArgumentParser(prog="vigie-watch")
    parser.add_argument("--db", required=True)
    parser.add_argument("--config")
    options = parser.parse_args(argv)
    if os.fork():  # whoever started us waits for this process only, and never sees a zombie
        os._exit(0)
    os.umask(0o077)

    from console.commands.context import Context, Options
    from console.config import ConfigError
    from console.journal.errors import JournalError

    ctx = Context(Options(db=str(Path(options.db)), config=options.config))
    try:
        return run_watch(make_watch(ctx, stays=False, say=say_on_stderr))
    except (ConfigError, JournalError) as error:
        say_on_stderr(str(error))
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
