"""The watch as real processes: one leads, another takes over from a killed or stopped one, nothing is doubled."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

from console import daemon
from console.clock import SystemClock
from console.commands.context import Context, Options
from console.config import Paths, load
from console.journal.events import AlertRaised, AlertResolved, CheckChanged, Event, Origin, WatchLed
from console.journal.store import Journal
from console.snapshot import DOWN, OK
from console.watch import keeper
from console.watch.keeper import Keeper
from console.watch.status_reader import Heard, StatusReader, ask_for

VIGIE = [sys.executable, "-P", "-c", "from console.cli import run; run()"]


def until(condition: Callable[[], Any], what: str, seconds: float = 20) -> Any:
    """The first true value of *condition*; fails after *seconds*."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    return pytest.fail(f"not within {seconds} s: {what}")


class Place:
    """A database, a configuration with one tcp check of a port that can be opened and closed, and watch processes."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.paths = Paths(folder / "vigie.db")
        self.config = folder / "vigie.yaml"
        self._stack = stack
        self._listening: socket.socket | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.config.write_text(
            "services:\n  - name: feed\n    checks:\n      - {kind: tcp, host: 127.0.0.1, "
            f"port: {self.port}, interval: 200ms, retry_interval: 100ms, fail_threshold: 2, recover_threshold: 2}}\n"
        )
        self.reader = StatusReader(self.paths.status_db, SystemClock())
        stack.callback(self.reader.close)
        stack.callback(self.close_port)

    def open_port(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", self.port))

    def close_port(self) -> None:
        if self._listening is not None:
            self._listening.close()
            self._listening = None

    def watch(self, *arguments: str) -> subprocess.Popen[str]:
        command = [*VIGIE, "--db", str(self.paths.database), "--config", str(self.config), "watch", *arguments]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self._stack.callback(_end, process)
        return process

    def heard(self) -> Heard:
        return self.reader.heard()

    def leader_pid(self) -> int | None:
        heard = self.heard()
        return int(heard.leader.holder.split(":")[1]) if heard.alive and heard.leader else None

    def leader_among(self, processes: list[subprocess.Popen[str]]) -> subprocess.Popen[str] | None:
        pid = self.leader_pid()
        return next((process for process in processes if process.pid == pid), None)

    def state(self) -> str:
        snapshot = self.reader.poll()
        return snapshot.checks[0].state if snapshot and snapshot.checks and self.heard().alive else ""

    def wait_for(self, state: str) -> None:
        until(lambda: self.state() == state, f"{state} is seen", 30)

    def events(self) -> list[Event]:
        with Journal.open(
            self.paths.database, actor="t", origin=Origin(program="cli"), read_only=True, create=False
        ) as journal:
            assert all(journal.verify(info.stream).ok for info in journal.streams())
            found: list[Event] = []
            while page := journal.since(found[-1].pos if found else 0):
                found += page
            return found

    def bodies(self, *kinds: type) -> list[Any]:
        return [event.body for event in self.events() if isinstance(event.body, kinds)]


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.kill()
    process.wait()
    if process.stderr is not None:
        process.stderr.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(tmp_path, stack)


def assert_each_transition_once(place: Place) -> None:
    """Every change starts where the one before ended, and raised and resolved alternate, each episode once."""
    changes = place.bodies(CheckChanged)
    for before, after in pairwise(changes):
        assert after.old == before.new, [(one.old, one.new) for one in changes]
    alerts = place.bodies(AlertRaised, AlertResolved)
    for position, body in enumerate(alerts):
        assert isinstance(body, AlertRaised if position % 2 == 0 else AlertResolved)
        assert body.starts_at == alerts[position - position % 2].starts_at
    epochs = [body.epoch for body in place.bodies(WatchLed)]
    assert epochs == sorted(set(epochs))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_and_gives_the_lead_up(place: Place, number: signal.Signals) -> None:
    process = place.watch()
    until(place.leader_pid, "somebody leads")
    until(lambda: place.state() == DOWN, "the port is seen closed")
    process.send_signal(number)
    assert process.wait(timeout=6) == 128 + number
    assert not place.heard().alive
    second = place.watch()
    until(place.leader_pid, "the next leads at once", 3)
    place.open_port()
    until(lambda: place.state() == OK, "the port is seen open")
    second.terminate()
    second.wait(timeout=6)
    assert_each_transition_once(place)
    assert [type(body) for body in place.bodies(AlertRaised, AlertResolved)] == [AlertRaised, AlertResolved]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_another_leads_within_six_seconds(place: Place, number: signal.Signals) -> None:
    place.open_port()
    processes = {process.pid: process for process in (place.watch(), place.watch())}
    first = until(place.leader_pid, "somebody leads")
    until(lambda: place.state() == OK, "the port is seen open")
    epoch = place.heard().leader.epoch  # type: ignore[union-attr]  # it was just heard
    place.close_port()
    until(lambda: place.state() == DOWN, "the port is seen closed")

    began = time.monotonic()
    os.kill(first, number)

    def another() -> bool:
        heard = place.heard()
        return heard.alive and heard.leader is not None and heard.leader.epoch > epoch

    until(another, "another leads", 10)
    assert time.monotonic() - began < 6
    second = place.leader_pid()
    assert second != first
    assert second in processes
    place.open_port()
    until(lambda: place.state() == OK, "the new leader sees the port open")
    before = [event.id for event in place.events()]
    if number == signal.SIGSTOP:
        os.kill(first, signal.SIGCONT)
        place.close_port()
        until(lambda: place.state() == DOWN, "the new leader goes on")
        assert place.leader_pid() == second
        after = [event for event in place.events() if event.id not in before]
        assert [event.kind for event in after] == ["check_changed", "alert_raised"]
        assert processes[first].poll() in (
            None,
            -signal.SIGKILL,
        )  # it stands by, unless it was hit within a transaction
    assert_each_transition_once(place)
    assert [body.new for body in place.bodies(CheckChanged)][:2] == [DOWN, OK]


STUCK = """
import os, signal, sqlite3, sys
from pathlib import Path
from console.clock import SystemClock
from console.journal.events import Origin
from console.journal.store import Journal
from console.watch.lease import new_holder
from console.watch.recorder import Recorder

database, status = map(Path, sys.argv[1:])
recorder = Recorder(
    lambda: Journal.open(database, actor="vigie", origin=Origin(program="watch")),
    status, holder=new_holder(), config_hash="", clock=SystemClock(),
)
assert recorder.try_lead()
recorder.load()
held = sqlite3.connect(database, isolation_level=None)
held.execute("BEGIN EXCLUSIVE")
os.kill(os.getpid(), signal.SIGSTOP)
"""


def test_a_leader_stopped_while_it_writes_the_journal_is_ended(place: Place) -> None:
    """Nobody could save anything any more, nor take the lead: the one case in which a watch ends another."""
    command = [sys.executable, "-c", STUCK, str(place.paths.database), str(place.paths.status_db)]
    with subprocess.Popen(command) as stuck:
        until(lambda: psutil.Process(stuck.pid).status() == psutil.STATUS_STOPPED, "it holds the lock, and is stopped")
        process = place.watch()
        until(lambda: place.leader_pid() == process.pid, "another leads")
        assert stuck.wait(timeout=10) == -signal.SIGKILL
    assert [body.epoch for body in place.bodies(WatchLed)] == [1, 2]


@pytest.mark.slow
def test_kills_and_stalls_at_random_double_and_lose_nothing(place: Place) -> None:
    """Three watches, the port opening and closing; the leader is killed or stopped again and again."""
    chance = random.Random(7)
    running = [place.watch() for _ in range(3)]
    stopped: list[subprocess.Popen[str]] = []
    wanted = DOWN
    changes = 0
    for _ in range(12):
        victim = until(lambda: place.leader_among(running), "one that runs leads", 30)
        place.wait_for(wanted)
        if wanted == DOWN:
            place.open_port()
            wanted = OK
        else:
            place.close_port()
            wanted = DOWN
        changes += 1
        time.sleep(chance.random() * 0.5)  # not a wait: when in its work the leader is hit is left to chance
        running.remove(victim)
        if chance.random() < 0.5:
            victim.kill()
            victim.wait()
        else:
            victim.send_signal(signal.SIGSTOP)
            stopped.append(victim)
        if len(stopped) > 2:
            awake = stopped.pop(0)
            awake.send_signal(signal.SIGCONT)
            running.append(awake)
        running[:] = [process for process in running if process.poll() is None]
        while len(running) < 2:
            running.append(place.watch())
    for process in stopped:
        process.send_signal(signal.SIGCONT)
    place.wait_for(wanted)
    assert_each_transition_once(place)
    # the first DOWN comes out of PENDING; every later change of the port was seen, whoever led
    assert len(place.bodies(CheckChanged)) == changes + 1


def test_once_records_and_says_how_things_are(place: Place) -> None:
    # What is published once in a second must not be stale before it is read.
    place.config.write_text(
        place.config.read_text().replace("{kind: tcp,", "{kind: tcp, timeout: 1s,").replace("200ms", "2s")
    )
    down = place.watch("--once")
    assert down.wait(timeout=20) == 1
    assert place.state() == ""  # nobody leads any more
    place.open_port()
    assert place.watch("--once").wait(timeout=20) == 1  # one good result is not believed yet
    assert place.watch("--once").wait(timeout=20) == 0
    assert [body.new for body in place.bodies(CheckChanged)] == [DOWN, OK]
    leading = place.watch()
    until(place.leader_pid, "somebody leads")
    until(lambda: (found := place.reader.poll()) and found.overall == OK, "every check has answered to it")
    other = place.watch("--once")
    assert other.wait(timeout=20) == 0
    assert other.stderr is not None
    assert "another watch leads" in other.stderr.read()
    assert leading.poll() is None


def test_a_removed_database_ends_it_and_is_not_made_again(place: Place) -> None:
    process = place.watch()
    until(place.leader_pid, "somebody leads")
    place.paths.database.unlink()
    assert process.wait(timeout=10) == 2
    assert process.stderr is not None
    assert "removed while it was watched" in process.stderr.read()
    assert not place.paths.database.exists()


def test_a_wrong_configuration_is_one_line(place: Place) -> None:
    place.config.write_text("services:\n  - name: a\n    checks:\n      - {kind: http, url: nowhere}\n")
    process = place.watch()
    assert process.wait(timeout=20) == 2
    assert process.stderr is not None
    text = process.stderr.read()
    assert text.count("\n") == 1
    assert f"{place.config}:4: services[0].checks[0]" in text


# ── the detached one ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def detached(place: Place) -> Iterator[Place]:
    yield place
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if "console.daemon" in line and str(place.paths.database) in line:
            process.kill()


def test_a_console_starts_one_and_finds_it_again(detached: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_SECRET", "hunter2")
    place = detached
    console = Keeper(place.paths, load(place.config), place.config)
    assert not console.tick().alive
    assert "starting one" in console.problem
    until(lambda: console.tick().alive, "the watch that was started leads")
    pid = place.leader_pid()
    assert pid is not None
    assert console.problem == ""
    process = psutil.Process(pid)
    assert "hunter2" not in " ".join(process.cmdline())
    assert os.getsid(pid) != os.getsid(0)
    assert process.terminal() is None
    assert process.cwd() == "/"
    keeper.start(place.paths, place.config)  # and a second one that is started anyway goes away
    until(lambda: "another watch leads" in keeper.last_words(place.paths), "the second one ends")
    assert place.leader_pid() == pid
    assert place.paths.log.stat().st_mode & 0o777 == 0o600

    other = place.config.with_name("other.yaml")
    other.write_text("title: another\n")
    stranger = Keeper(place.paths, load(other), other)
    assert stranger.tick().alive
    assert "another configuration" in stranger.problem
    stranger.close()

    process.kill()
    until(lambda: (heard := console.tick()).alive and heard.leader and heard.leader.epoch > 1, "a new one leads")
    assert place.leader_pid() != pid
    console.close()


def test_it_ends_by_itself_when_no_console_is_left(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "_IDLE_S", 1.0)
    monkeypatch.setattr(daemon, "_CONSOLE_GONE_S", 2.0)
    context = Context(Options(db=str(place.paths.database), config=str(place.config)))
    console = Keeper(place.paths, load(place.config), place.config)
    monkeypatch.setattr(keeper, "start", lambda *_: pytest.fail("nobody was to be started"))
    said: list[str] = []

    async def run() -> daemon.Outcome:
        watch = daemon.make_watch(context, stays=False, say=said.append)
        task = asyncio.create_task(watch.run(asyncio.Event()))
        async with asyncio.timeout(20):
            while not place.heard().alive:
                await asyncio.sleep(0.02)
        began = time.monotonic()
        while time.monotonic() - began < 4:  # well past the time after which it would leave a place without consoles
            console._presence.beat()
            await asyncio.sleep(0.1)
            assert not task.done()
        console._presence.leave()
        async with asyncio.timeout(20):
            return await task

    assert asyncio.run(run()) is daemon.Outcome.IDLE
    console._reader.close()
    assert not place.heard().alive


def test_a_second_detached_watch_is_not_needed(place: Place) -> None:
    place.watch()
    until(place.leader_pid, "somebody leads")
    context = Context(Options(db=str(place.paths.database), config=str(place.config)))
    watch = daemon.make_watch(context, stays=False, say=lambda _: None)
    assert asyncio.run(watch.run(asyncio.Event())) is daemon.Outcome.NOT_NEEDED


def test_a_check_that_is_asked_for_runs_at_once(place: Place) -> None:
    place.config.write_text(place.config.read_text().replace("interval: 200ms", "interval: 1h"))
    place.open_port()
    place.watch()
    place.wait_for(OK)  # the first run comes soon, the next in an hour
    place.close_port()
    assert ask_for(place.paths.status_db, "feed/tcp", SystemClock()) == ""
    place.wait_for(DOWN)
