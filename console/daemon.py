"""The ``vigie watch`` process: it stands by until nobody leads, then leads; it ends when told to, or when not needed.

``python -m console.daemon`` is the detached form that a console starts (console.watch.keeper): it leaves the console's
session, and ends a minute after the last console is gone. ``vigie watch`` is the same process in the foreground; it
stays, and stands by while another leads. SIGHUP, and a change of the files, make either read its configuration again.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from console import systemd

if TYPE_CHECKING:
    from console.clock import Clock
    from console.commands.context import Context
    from console.journal.events import Event
    from console.reloading import Reloading
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
_FILES_S: Final = 1.0  # between two looks at the files of the configuration
_FORGET_S: Final = 3600.0  # between two looks for what is past its time


class Outcome(Enum):
    """Why a watch ended."""

    STOPPED = "told to stop"
    NOT_NEEDED = "another watch leads"
    IDLE = "no console is open"


@dataclass
class Watch:
    """What a watch process is made of. *stays*: whether or not a console is open, and while another leads."""

    recorder: Recorder
    plan: Plan
    clock: Clock
    say: Callable[[str], None]
    stays: bool
    thread: OneThread
    make_feed: MakeFeed | None = None
    beats: Callable[[], AbstractAsyncContextManager[None]] = nullcontext  # takes heartbeats while we lead
    reloading: Reloading | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)  # somebody wants the configuration read again

    async def run(self, stop: asyncio.Event) -> Outcome:
        """Stand by and lead until *stop*, or until not needed. Raises ``JournalError`` where waiting can't help."""
        try:
            from console.watch.lease import Lease

            while not stop.is_set():
                lease = await self._lead_when_free(stop)
                if lease is None:
                    return Outcome.STOPPED if stop.is_set() else Outcome.NOT_NEEDED
                ended: Outcome | Lease | None = lease
                while isinstance(ended, Lease):
                    ended = await self._lead(ended, stop)
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
            await self._read_again()
            await _wait(stop, _STAND_BY_S)
        return None

    async def _lead(self, lease: Lease, stop: asyncio.Event) -> Outcome | Lease | None:
        """One lead. None: stand by again; a lease: lead on by it, with another plan."""
        from console.journal.errors import JournalError, Missing
        from console.watch.status_file import Superseded, Unusable

        leading = self._leading(lease)
        enough = asyncio.Event()
        watching = [
            asyncio.create_task(_pass_on(stop, enough)),
            asyncio.create_task(self._follow_files(leading, enough)),
            asyncio.create_task(self._forget()),
        ]
        idle = None
        if not self.stays:
            idle = asyncio.create_task(self._until_idle(enough))
            watching.append(idle)
        try:
            async with self.beats():
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
        if leading.hands_on:
            if not stop.is_set():
                return await self.thread(self.recorder.retake)
            await self.thread(self.recorder.release)
        return Outcome.IDLE if idle is not None and idle.done() and not stop.is_set() else Outcome.STOPPED

    async def _follow_files(self, leading: Leading, enough: asyncio.Event) -> None:
        """Until there is another plan: then hand the lead on to it."""
        while not await self._read_again():
            leading.config_problem = self.reloading.problem if self.reloading is not None else ""
            await _wait(self.asked, _FILES_S)
        leading.hands_on = True
        enough.set()

    async def _read_again(self) -> bool:
        """Read the files again if they have changed or somebody asked for it. Returns whether there is a new plan."""
        if self.reloading is None:
            return False
        asked = self.asked.is_set()
        if not await asyncio.to_thread(self.reloading.changed) and not asked:
            return False
        self.asked.clear()
        systemd.tell_reloading()
        new = await asyncio.to_thread(self.reloading.reload)
        if new:
            recipe = self.reloading.recipe
            self.plan, self.make_feed = recipe.plan, recipe.make_feed
            self.recorder.configure(recipe.config_hash)
            self.say(f"configuration read again: {len(self.plan.checks)} checks")
        else:
            self.say(self.reloading.problem or "configuration read again: nothing has changed")
        systemd.tell("READY=1")
        return new

    async def _forget(self) -> None:
        """Drop what the watch recorded longer ago than it is kept."""
        from console.journal.errors import JournalError
        from console.watch.status_file import Superseded, Unusable

        while self.reloading is not None:
            moment = self.clock.now() - timedelta(seconds=self.reloading.recipe.keep_s)
            try:
                gone = await self.thread(lambda: self.recorder.forget_before(moment))  # noqa: B023 - awaited at once
            except (JournalError, Superseded, Unusable) as error:
                self.say(f"old segments stay for now: {error}")
            else:
                for segment in gone:
                    self.say(f"dropped {segment}: past watch_keep")
            await asyncio.sleep(_FORGET_S)

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
    from console.commands.context import here
    from console.journal.store import Journal
    from console.reloading import Reloading
    from console.watch.beats import listening
    from console.watch.lease import new_holder
    from console.watch.recorder import Recorder
    from console.watch.threads import OneThread

    reloading = Reloading(ctx.again)
    recipe = reloading.recipe
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
        config_hash=recipe.config_hash,
        clock=ctx.clock,
        file_mode=ctx.file_mode,
    )
    return Watch(
        recorder=recorder,
        plan=recipe.plan,
        clock=ctx.clock,
        say=say,
        stays=stays,
        thread=OneThread("vigie-store"),
        make_feed=recipe.make_feed,
        beats=lambda: listening(ctx.paths.beats, ctx.clock, ctx.file_mode, say),
        reloading=reloading,
    )


def run_watch(watch: Watch) -> int:
    """Run until a signal or the end. Returns the exit code: 0, or 128 + the signal's number."""
    from console.watch.loop import WatchLoop

    caught: list[int] = []
    terminal = _has_terminal()

    async def main() -> Outcome:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def heard(number: int) -> None:
            if number == signal.SIGHUP and terminal == _has_terminal():
                watch.asked.set()
                return
            caught.append(number)
            systemd.tell("STOPPING=1")
            stop.set()
            # a hung call must not keep the process: what was acknowledged is on disk
            late = threading.Timer(_GRACE_S, os._exit, [128 + number])
            late.daemon = True
            late.start()

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, heard, number)
        alive = asyncio.create_task(_tell_alive())
        try:
            return await watch.run(stop)
        finally:
            alive.cancel()

    with asyncio.Runner(loop_factory=WatchLoop) as runner:
        outcome = runner.run(main())
    watch.say(f"ends: {outcome.value}")
    return 128 + caught[0] if caught else 0


def _has_terminal() -> bool:
    """Whether this process has a terminal that is there: a hang-up takes it away, ``kill -HUP`` does not."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


async def _tell_alive() -> None:
    """Say to systemd that the service is up, and that its loop goes round."""
    systemd.tell("READY=1")
    every = systemd.watchdog_s()
    while every is not None:
        systemd.tell("WATCHDOG=1")
        await asyncio.sleep(every)


def say_on_stderr(line: str) -> None:
    """One line for people; a closed or full stderr is no reason to stop watching."""
    from console.sanitize import one_line

    systemd.tell(f"STATUS={one_line(line)}")
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
