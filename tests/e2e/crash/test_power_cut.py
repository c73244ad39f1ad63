"""Power cuts: after any system call, with any fate of what was not synced, every acknowledged event is there."""

from __future__ import annotations

import os
import random
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from console.journal.errors import JournalError
from console.journal.events import Declared, New, Origin
from console.journal.store import Journal
from tests.e2e.crash import appender
from tests.e2e.crash.power_cut import Call, Disk, Mood, calls, record
from tests.tools import servers

ORIGIN = Origin(program="cli", host="test")
EVENTS = 40
CUTS = int(os.environ.get("VIGIE_CUTS", "500"))
MOODS: tuple[Mood, ...] = ("lost", "kept", "mixed", "mixed")


@dataclass
class Tally:
    """What the cuts did."""

    cuts: int = 0
    lost: int = 0  # cuts that lost an acknowledged event
    broken: int = 0  # cuts after which the database or its chain was not whole
    worst: int = 0  # acknowledged events that one cut lost
    problems: list[str] = field(default_factory=list)


def cut_power(folder: Path, how: str, events: int, cuts: int, seed: int) -> Tally:
    """Record one run of the appender, then cut the power *cuts* times at random places in it."""
    strace = servers.require("strace")
    data = folder / "data"
    data.mkdir()
    database = data / "vigie.db"
    with Journal.open(database, actor="test", origin=ORIGIN) as journal:
        stream, _, _ = journal.declare([New(body=Declared(title="power"))])
    acks = folder / "acks"
    disk = Disk(data)  # as it was before; everything of it is certain
    log = folder / "strace.log"
    program = Path(appender.__file__)
    record([sys.executable, program, database, stream, "writer", acks, how, str(events)], strace, log)

    happened = list(calls(log, folder))
    assert sum(call.path == os.fspath(acks) and call.kind == "write" for call in happened) == events
    rng = random.Random(seed)
    places = sorted(rng.choices(range(1, len(happened) + 1), k=cuts))
    tally, said, at = Tally(), [], 0
    for number, place in enumerate(places):
        for call in happened[at:place]:
            if call.path == os.fspath(acks):
                said += [call.data.decode().strip()] if call.kind == "write" else []
            else:
                disk.play(call)
        at = place
        mood = MOODS[number % len(MOODS)]
        look(folder / "after", disk.cut(mood, rng), stream, said, tally, f"cut {number} after call {place}, {mood}")
    return tally


def look(folder: Path, found: dict[str, bytes], stream: str, said: list[str], tally: Tally, where: str) -> None:
    """Start again from what the cut left, and count."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in found.items():
        (folder / name).write_bytes(content)
    tally.cuts += 1
    try:
        with Journal.open(folder / "vigie.db", actor="test", origin=ORIGIN, create=False) as journal:
            journal.check_integrity()
            verdict = journal.verify(stream)
            stored = {event.id for event in journal.all(stream)}
    except (JournalError, ValueError) as error:
        tally.broken += 1
        tally.problems.append(f"{where}: {error}")
        return
    if not verdict.ok:
        tally.broken += 1
        tally.problems.append(f"{where}: {verdict.problem}")
    lost = [identity for identity in said if identity not in stored]
    if lost:
        tally.lost += 1
        tally.worst = max(tally.worst, len(lost))
        tally.problems.append(f"{where}: lost {len(lost)} of {len(said)}")


def test_the_disk_model_drops_what_was_not_synced_and_keeps_what_was(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0" * 1024)
    a, b, folder = os.fspath(tmp_path / "a"), os.fspath(tmp_path / "b"), os.fspath(tmp_path)
    disk, rng = Disk(tmp_path), random.Random(0)
    disk.play(Call("write", a, 0, b"1" * 1024))
    assert disk.cut("lost", rng)["a"] == b"0" * 1024
    assert disk.cut("kept", rng)["a"] == b"1" * 1024
    torn = {disk.cut("mixed", rng)["a"] for _ in range(50)}
    assert {b"1" * 512 + b"0" * 512, b"0" * 512 + b"1" * 512} <= torn
    disk.play(Call("sync", a))
    assert disk.cut("lost", rng)["a"] == b"1" * 1024
    disk.play(Call("truncate", a, size=3))
    disk.play(Call("create", b))
    disk.play(Call("write", b, 2, b"x"))
    disk.play(Call("sync", b))
    assert disk.cut("lost", rng) == {"a": b"1" * 1024}  # b is synced, but its name is not
    disk.play(Call("sync", folder))
    assert disk.cut("lost", rng) == {"a": b"1" * 1024, "b": b"\0\0x"}
    disk.play(Call("unlink", b))
    assert "b" in disk.cut("lost", rng)
    assert "b" not in disk.cut("kept", rng)
    with pytest.raises(ValueError, match="unmodelled"):
        disk.play(Call("unmodelled rename", a))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_power_cut_loses_no_acknowledged_event(tmp_path: Path) -> None:
    tally = cut_power(tmp_path, "honest", EVENTS, CUTS, seed=1)
    print(f"{tally.cuts} power cuts: {tally.lost} lost an acknowledged event, {tally.broken} left damage")
    assert tally.problems == []
    assert tally.cuts == CUTS


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_power_cut_test_catches_a_journal_that_does_not_sync(tmp_path: Path) -> None:
    tally = cut_power(tmp_path, "unsynced", EVENTS, max(40, CUTS // 10), seed=2)
    print(f"control: {tally.lost} cuts lost, {tally.broken} left damage, worst {tally.worst} of {EVENTS} events")
    assert tally.lost > tally.cuts // 10, "the negative control lost nothing: this test could not fail"
