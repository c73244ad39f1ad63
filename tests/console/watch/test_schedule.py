"""The schedule: a grid that spreads, bounded concurrency, late runs left out, no check forgotten."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.clock import SystemClock
from console.services import CheckConfig, ServiceConfig, Span
from console.snapshot import OK
from console.watch.checks import Check, compile_checks
from console.watch.places import Places
from console.watch.schedule import Punctuality, Scheduler, missed, next_due, place_on_grid, run_once
from console.watch.state import Result


def checks(count: int, interval: float = 0.2, hosts: int = 1, name: str = "c", **more: object) -> tuple[Check, ...]:
    """*count* tcp checks on *hosts* hosts. They are never measured here."""
    configs = tuple(
        CheckConfig(
            kind="tcp",
            name=f"{name}{i}",
            interval=Span(interval),
            options={"host": f"127.0.0.{i % hosts + 1}", "port": 9},
            **more,  # type: ignore[arg-type]
        )
        for i in range(count)
    )
    return compile_checks([ServiceConfig(name="s", checks=configs)])


def places(many: Sequence[Check], **limits: Any) -> Places:
    return Places((check.probe.host for check in many), **limits)


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


@given(st.floats(0, 1e7), st.floats(0.1, 3600), st.text(max_size=20))
def test_the_next_due_time_is_on_the_grid_and_ahead(now: float, interval: float, key: str) -> None:
    fraction = place_on_grid(key)
    assert 0 <= fraction < 1
    due = next_due(now, interval, fraction)
    assert now < due <= now + interval * (1 + 1e-6)
    steps = due / interval - fraction
    assert abs(steps - round(steps)) < 1e-3


def test_keys_spread_over_the_interval() -> None:
    tenths = Counter(int(place_on_grid(f"service{i}/http") * 10) for i in range(1000))
    assert len(tenths) == 10
    assert max(tenths.values()) < 160


def test_missed_counts_grid_points() -> None:
    assert missed(10, 10.5, 1) == 0
    assert missed(10, 13.5, 1) == 3
    assert missed(10, 9, 1) == 0


def test_punctuality() -> None:
    kept = Punctuality()
    assert kept.percentile_ms(0.99) == 0
    for lateness in range(100):
        kept.ran(lateness / 1000)
    assert kept.percentile_ms(0.5) == pytest.approx(50)
    assert kept.percentile_ms(0.99) == pytest.approx(99)
    kept.skipped(2, 100.0)
    kept.skipped(0, 130.0)
    kept.skipped(3, 140.0)
    assert kept.skipped_since(110) == 3


async def test_every_check_runs_again_and_again_within_its_bounds() -> None:
    running, worst, runs = Counter[str](), Counter[str](), Counter[str]()

    async def run(check: Check) -> Result:
        for name in ("all", check.probe.host):
            running[name] += 1
            worst[name] = max(worst[name], running[name])
        await asyncio.sleep(0.01)
        for name in ("all", check.probe.host):
            running[name] -= 1
        return Result(state=OK)

    def take(check: Check, result: Result) -> float | None:
        assert result.lateness_ms is not None
        runs[check.key] += 1
        return None

    many = checks(24, hosts=4)
    task = asyncio.create_task(
        Scheduler(many, run, take, SystemClock(), places=places(many, at_once=6, per_host=2)).run()
    )
    await until(lambda: len(runs) == 24 and min(runs.values()) >= 3)
    task.cancel()
    assert worst["all"] <= 6
    assert all(worst[check.probe.host] <= 2 for check in many)


async def test_what_hangs_gives_its_place_to_others() -> None:
    runs = Counter[str]()
    forever = asyncio.Event()
    hung, well = checks(40, hosts=40, name="hung"), checks(4, hosts=4, name="well")

    async def run(check: Check) -> Result:
        runs[check.name] += 1
        if check.name.startswith("hung"):
            await forever.wait()
        return Result(state=OK)

    many = [*hung, *well]
    few = places(many, at_once=3, per_host=2, patience_s=0.01)
    task = asyncio.create_task(Scheduler(many, run, lambda *_: None, SystemClock(), places=few).run())
    await until(lambda: all(runs[check.name] >= 3 for check in well) and all(runs[check.name] for check in hung))
    assert all(runs[check.name] == 1 for check in hung)  # never twice at once
    task.cancel()


async def test_what_only_waits_is_bounded_too() -> None:
    inside = most = 0
    gate = asyncio.Event()
    few = Places(["a"], at_once=4, per_host=2, waiting=3, patience_s=0.01)

    async def hang(host: str) -> None:
        nonlocal inside, most
        async with few.place(host):
            inside += 1
            most = max(most, inside)
            await gate.wait()
            inside -= 1

    tasks = [asyncio.create_task(hang(host)) for host in "aaaaaaaaaa"]
    await until(lambda: inside == 5)  # three wait, two are the host's
    begin = SystemClock().boottime()
    await until(lambda: SystemClock().boottime() - begin > 0.1)
    gate.set()
    await asyncio.gather(*tasks)
    assert most == 5
    assert inside == 0
    async with few.place("a"), few.place("a"), few.place(""), few.place(""):  # every place was given back once
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0), few.place(""):
                pass


async def test_a_process_that_can_not_keep_up_takes_on_no_more() -> None:
    inside = 0
    few = Places([], at_once=1, patience_s=0.02)

    async def hang() -> None:
        nonlocal inside
        async with few.place(""):
            inside += 1
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(hang()) for _ in range(2)]
    await until(lambda: inside == 1)
    time.sleep(0.3)  # the loop is busy with something else
    for _ in range(5):  # its timers come now, late, and whoever waits for a place would have it
        await asyncio.sleep(0)
    assert inside == 1
    await until(lambda: inside == 2)  # it can breathe again
    for task in tasks:
        task.cancel()


async def test_a_cancelled_check_gives_all_back() -> None:
    few = Places([], at_once=1, waiting=1, patience_s=0.005)

    inside = 0

    async def hang() -> None:
        nonlocal inside
        async with few.place(""):
            inside += 1
            await asyncio.Event().wait()

    for turn in range(1, 4):
        tasks = [asyncio.create_task(hang()) for _ in range(3)]
        await until(lambda turn=turn: inside == 2 * turn)  # one waits, one is at work, one is in the queue
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    async with asyncio.timeout(1), few.place(""):
        pass


async def test_a_hung_check_does_not_stall_the_others() -> None:
    runs = Counter[str]()
    forever = asyncio.Event()
    many = checks(5, hosts=5)

    async def run(check: Check) -> Result:
        if check.name == "c0":
            await forever.wait()
        return Result(state=OK)

    def take(check: Check, result: Result) -> None:
        runs[check.name] += 1

    task = asyncio.create_task(Scheduler(many, run, take, SystemClock(), places=places(many, at_once=3)).run())
    await until(lambda: all(runs[f"c{i}"] >= 4 for i in range(1, 5)))
    assert runs["c0"] == 0
    task.cancel()


async def test_late_runs_are_left_out_and_counted() -> None:
    started = Counter[str]()
    gate = asyncio.Event()
    many = checks(2, interval=0.1, hosts=1)

    async def run(check: Check) -> Result:
        started[check.name] += 1
        await gate.wait()
        return Result(state=OK)

    scheduler = Scheduler(many, run, lambda *_: None, SystemClock(), places=places(many, per_host=1, waiting=0))
    task = asyncio.create_task(scheduler.run())
    await until(lambda: sum(started.values()) == 1)
    begin = SystemClock().boottime()
    await until(lambda: SystemClock().boottime() - begin > 0.5)
    assert sum(started.values()) == 1  # one holds the host's only place, the other waits: no burst of it builds up
    gate.set()
    await until(lambda: min(started["c0"], started["c1"]) >= 2)
    assert scheduler.punctuality.skipped_since(0) >= 6
    task.cancel()


async def test_an_asked_for_pause_comes_before_the_grid() -> None:
    runs = 0

    async def run(_check: Check) -> Result:
        return Result(state=OK)

    def take(_check: Check, _result: Result) -> float | None:
        nonlocal runs
        runs += 1
        return 0.01 if runs < 5 else None

    task = asyncio.create_task(Scheduler(checks(1, interval=3600), run, take, SystemClock()).run())
    await until(lambda: runs == 5)
    task.cancel()


async def test_a_run_that_raises_is_not_forgotten() -> None:
    runs = 0

    async def run(_check: Check) -> Result:
        nonlocal runs
        runs += 1
        raise RuntimeError("a fault of ours")

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)
    task = asyncio.create_task(Scheduler(checks(1, interval=0.1), run, lambda *_: None, SystemClock()).run())
    await until(lambda: runs >= 3)
    task.cancel()


async def test_run_once_runs_each_once() -> None:
    seen: list[str] = []

    async def run(check: Check) -> Result:
        return Result(state=OK)

    await run_once(checks(30, hosts=3), run, lambda check, _: seen.append(check.key))
    assert sorted(seen) == sorted(f"s/c{i}" for i in range(30))


async def test_a_check_can_be_run_out_of_its_turn() -> None:
    runs = Counter[str]()
    gate = asyncio.Event()

    async def run(check: Check) -> Result:
        runs[check.name] += 1
        if runs[check.name] == 3:
            await gate.wait()
        return Result(state=OK)

    many = checks(2, interval=3600)
    scheduler = Scheduler(many, run, lambda check, result: None, SystemClock())
    task = asyncio.create_task(scheduler.run())
    await until(lambda: runs["c0"] == 1 and runs["c1"] == 1)
    await until(lambda: len(scheduler._heap) == 2)
    scheduler.hurry("s/c0")
    await until(lambda: runs["c0"] == 2 and len(scheduler._heap) == 2)
    scheduler.hurry("s/c0")
    await until(lambda: runs["c0"] == 3)
    scheduler.hurry("s/c0")  # running: not twice at once
    scheduler.hurry("nobody/knows")
    gate.set()
    await until(lambda: len(scheduler._heap) == 2)
    assert runs == {"c0": 3, "c1": 1}
    task.cancel()
