"""Four processes append at once and are killed with SIGKILL at random: nothing acknowledged is lost, chains are valid."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from console.journal.events import Declared, New, Origin
from console.journal.store import Journal
from tests.e2e.crash import appender

ORIGIN = Origin(program="cli", host="test")
WRITERS = 4
KILLS = int(os.environ.get("VIGIE_KILLS", "150"))


class Outcome:
    """What the journal holds against what the processes took for saved."""

    def __init__(self, database: Path, acks: Path, streams: list[str]) -> None:
        self.acknowledged = [
            line for file in sorted(acks.iterdir()) for line in file.read_text().split("\n") if len(line) == 26
        ]
        with Journal.open(database, actor="test", origin=ORIGIN, create=False) as journal:
            journal.check_integrity()
            self.verdicts = [journal.verify(stream) for stream in streams]
            stored = [event.id for stream in streams for event in journal.all(stream)]
        self.doubled = len(stored) - len(set(stored))
        self.lost = set(self.acknowledged) - set(stored)
        # A writer dies at most once between commit and ack, so no more than that may be saved without having been said.
        self.unsaid = len(set(stored) - set(self.acknowledged)) - len(streams)


def massacre(folder: Path, how: str, kills: int, seed: int, life: float = 0.08) -> Outcome:
    """Run the writers, kill one after the other at random moments (*life*: mean seconds), see what is left."""
    rng = random.Random(seed)
    database = folder / "vigie.db"
    acks = folder / "acks"
    acks.mkdir()
    with Journal.open(database, actor="test", origin=ORIGIN) as journal:
        streams = [journal.declare([New(body=Declared(title=f"incident {n}"))])[0] for n in range(2)]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([appender.__name__])
    born = 0

    def spawn() -> tuple[BaseProcess, Path]:
        nonlocal born
        born += 1
        said = acks / f"{born:05}"
        stream = streams[born % len(streams)]
        process = context.Process(
            target=appender.append_and_say, args=(database, stream, f"writer {born}", said, how), daemon=True
        )
        process.start()
        return process, said

    def acked_one(said: Path) -> bool:
        return said.exists() and said.stat().st_size > 0

    writers = [spawn() for _ in range(WRITERS)]
    try:
        for _ in range(kills):
            # Every life is worth killing: one that has saved something. Then it goes on for a random while.
            deadline = time.monotonic() + 60
            while not (ripe := [n for n, (_, said) in enumerate(writers) if acked_one(said)]):
                ended = [process.exitcode for process, _ in writers if not process.is_alive()]
                assert not ended, f"a writer ended by itself: {ended}"
                assert time.monotonic() < deadline, "nobody saved anything for a minute"
                time.sleep(0.002)
            victim = rng.choice(ripe)
            process, _ = writers[victim]
            pause = time.monotonic() + rng.expovariate(1 / life)
            if rng.random() < 0.25:  # one that hangs while it may hold the lock, then dies
                os.kill(_pid(process), signal.SIGSTOP)
            while time.monotonic() < pause:
                time.sleep(0.001)
            process.kill()
            process.join()
            writers[victim] = spawn()
    finally:
        for process, _ in writers:
            process.kill()
            process.join()
    return Outcome(database, acks, streams)


def _pid(process: BaseProcess) -> int:
    assert process.pid is not None
    return process.pid


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_four_writers_killed_at_random_lose_no_acknowledged_event(tmp_path: Path) -> None:
    outcome = massacre(tmp_path, "honest", KILLS, seed=1)
    print(f"{KILLS} kills, {len(outcome.acknowledged)} events acknowledged, {len(outcome.lost)} lost")
    assert len(outcome.acknowledged) > KILLS
    assert outcome.lost == set()
    assert outcome.doubled == 0
    assert [verdict.problem for verdict in outcome.verdicts] == ["", ""]
    assert 0 <= outcome.unsaid <= KILLS + WRITERS


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_kill_test_catches_a_journal_that_acknowledges_before_it_commits(tmp_path: Path) -> None:
    outcome = massacre(tmp_path, "ack-first", max(80, KILLS // 2), seed=2, life=0.01)
    print(f"control: {len(outcome.acknowledged)} events acknowledged too early, {len(outcome.lost)} lost")
    assert outcome.lost, "the negative control lost nothing: this test could not fail"
    assert [verdict.problem for verdict in outcome.verdicts] == ["", ""]  # what is there is still whole
