"""The link as it is felt: said past a limit, slow and fast with a gap between them, and what steps down by itself."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from console.clock import FixedClock
from console.config import ConfigError, load
from console.incident import actions as incidents
from screens.link import AWAY_S, BEAT_S, CALM_S, FAST_S, SLOW_S, Link
from screens.main import short_way

NOW = datetime(2026, 11, 21, 14, 5, 9, tzinfo=UTC)


def felt(link: Link, seconds: float, now: float, *, size: int = 40, times: int = 5) -> bool:
    return link.take([(seconds, size)] * times, now)


def test_nothing_measured_says_nothing_and_is_fast() -> None:
    link = Link()
    assert not link.slow and link.words() == "" and link.trip is None
    assert not link.take([], 1.0) and not link.slow
    assert not link.wants_answer(100.0)  # a terminal that never answers is not asked again and again


def test_one_late_answer_is_not_a_slow_link() -> None:
    link = Link()
    assert not link.take([(0.9, 30)], 1.0) and link.words() == ""
    felt(link, 0.004, 2.0)
    link.take([(0.9, 30)], 3.0)
    assert not link.slow and link.words() == ""


def test_slow_is_said_and_fast_again_only_after_a_while() -> None:
    link = Link()
    assert felt(link, 0.31, 1.0) and link.slow and link.words() == "link 310 ms"
    between = (SLOW_S + FAST_S) / 2
    assert not felt(link, between, 2.0) and link.slow
    assert not felt(link, between, 2.0 + 2 * CALM_S) and link.slow  # not slow, not fast: it stays what it was
    assert not felt(link, 0.02, 30.0) and link.slow
    assert not felt(link, between, 31.0)
    assert not felt(link, 0.02, 32.0) and not felt(link, 0.02, 31.9 + CALM_S) and link.slow
    assert felt(link, 0.02, 32.0 + CALM_S) and not link.slow and link.words() == ""
    assert not felt(link, between, 60.0) and not link.slow


def test_a_large_frame_tells_the_load_and_not_the_way() -> None:
    link = Link()
    felt(link, 0.02, 1.0)
    felt(link, 4.5, 2.0, size=4_300, times=3)  # 9,600 bit/s at the end of a short way
    assert link.slow and link.trip == 0.02 and link.words() == "link 1.0 kB/s"
    link = Link()
    felt(link, 0.03, 1.0, size=4_300, times=3)
    assert not link.slow and link.words() == ""
    link = Link()
    felt(link, 0.31, 1.0, size=600, times=3)  # the way there is not known yet: this may be all of it
    assert link.words() == "" and not link.slow and link.wants_answer(2.0)
    felt(link, 0.3, 2.5, times=2)
    assert link.words() == "link 300 ms" and link.rate is None


def test_long_ways_in_words() -> None:
    link = Link()
    felt(link, 1.234, 1.0)
    assert link.words() == "link 1200 ms"
    felt(link, 12.0, 2.0)
    assert link.words() == "link 12 s"


@pytest.mark.parametrize(("mode", "slow"), [("slow", True), ("fast", False)])
def test_what_was_asked_for_counts_whatever_is_measured(mode: str, slow: bool) -> None:
    link = Link(mode)
    assert link.slow is slow
    felt(link, 0.5 if mode == "fast" else 0.001, 1.0)
    assert link.slow is slow
    assert link.words() == ("link 500 ms" if mode == "fast" else "link slow")  # what is so is said all the same


def test_a_quiet_terminal_is_asked_now_and_then_while_somebody_is_there() -> None:
    link = Link()
    felt(link, 0.2, 100.0)
    link.touch(100.0)
    assert not link.wants_answer(109.0) and link.wants_answer(110.0) and not link.wants_answer(110.5)
    assert link.wants_answer(120.5)
    assert not link.wants_answer(100.0 + AWAY_S + 1)
    link.touch(500.0)
    assert link.wants_answer(500.0)


def test_what_steps_down() -> None:
    fast, slow = Link(), Link("slow")
    assert [fast.age(s) for s in (3, 47, 192)] == ["3s", "47s", "3m12s"]
    assert [slow.age(s) for s in (3, 47, 192, 7_390)] == ["<10s", "40s", "3m", "2h03m"]
    assert fast.time(NOW) == "14:05:09Z" and slow.time(NOW) == "14:05Z"
    minute = [NOW + timedelta(seconds=second) for second in range(60)]
    assert len({fast.beat(at) for at in minute}) == 60
    assert len({slow.beat(at) for at in minute}) == 60 // BEAT_S + 1


# ── in the console ──────────────────────────────────────────────────────────────────────────────────────────────


class Terminal:
    """A driver's measurements."""

    def __init__(self) -> None:
        self.found: list[tuple[float, int]] = []
        self.asked = 0
        self.easy: tuple[float | None, float | None] = (None, None)
        self.first: Any = tuple

    def trips(self) -> list[tuple[float, int]]:
        found, self.found = self.found, []
        return found

    def ask(self) -> None:
        self.asked += 1

    def go_easy(self, trip: float | None, rate: float | None) -> None:
        self.easy = trip, rate


async def test_the_header_says_it_and_the_clocks_step_down(console: Any, given: Any) -> None:
    console.declare(incidents.declare("x", severity="SEV2", impact_start=datetime.now(UTC) - timedelta(minutes=9)))
    async with console.open(size=(80, 24)):
        desk, header = console.app.desk, console.app.bridge.header
        await console.until(lambda: desk.incident is not None)
        terminal = desk.terminal = Terminal()
        console.show(given.snapshot(given.check("api", "http", "DOWN")))
        terminal.found = [(0.31, 40)] * 5
        header.tick()
        await console.pilot.pause()
        first, second, third = console.lines()[:3]
        assert "link 310 ms" in third, third
        assert first.rstrip().endswith("Z") and first.rstrip()[-4] == ":", first  # 14:05Z
        assert "<10s ok" in second and second.count(":") == 1, second  # T+00:09
        assert desk.reader.calm_s > 0
        await console.press("2")
        assert "impact    00:09" in console.text() and "00:09:" not in console.text()
        await console.press("p")
        terminal.found = [(0.01, 40)] * 5
        desk.link.touch(0.0)
        header.tick()
        assert desk.link.slow  # not yet: it must have been fast for a while
        desk.link._calm_since -= CALM_S
        terminal.found = [(0.01, 40)]
        header.tick()
        await console.pilot.pause()
        assert "link" not in console.lines()[2] and console.lines()[0].count(":") == 2
        assert desk.reader.calm_s == 0


async def test_on_a_slow_link_the_terminal_gets_its_frames_in_portions(console: Any) -> None:
    async with console.open(size=(80, 24)):
        desk, header = console.app.desk, console.app.bridge.header
        terminal = desk.terminal = Terminal()
        terminal.found = [(1.3, 1000)]
        header.tick()
        assert terminal.easy == (None, None)  # what of it is the way is not known yet
        terminal.found = [(0.3, 40)] * 2
        header.tick()
        assert terminal.easy == (0.3, 1000)
        terminal.found = [(0.35, 300)]
        header.tick()
        assert terminal.easy == (0.3, None)  # another link
        terminal.found = [(1.3, 1000)]
        desk.link.mode = "fast"
        header.tick()
        assert terminal.easy == (0.3, None)


async def test_the_row_that_is_looked_at(console: Any, given: Any) -> None:
    async with console.open(size=(80, 24)):
        bridge = console.app.bridge
        console.show(given.snapshot(*(given.check(f"api {n}", "http", "DOWN") for n in range(5))))
        await console.press("j", "j")
        row = next(y for y, line in enumerate(console.lines()) if line.startswith(("▌", ">")))
        assert bridge.looked_at() == (2, row)
        await console.press("n")
        await console.type("x")
        typed = next(y for y, line in enumerate(console.lines()) if line.startswith("n> x"))
        assert bridge.looked_at() == (typed, 2, row)


async def test_asked_for_by_an_option(console: Any) -> None:
    console.deps = replace(console.deps, link="slow", clock=FixedClock(NOW))
    async with console.open():
        assert "link slow" in console.lines()[2] and console.lines()[0].rstrip().endswith("14:05Z")


async def test_on_a_slow_link_ages_wait_for_the_beat_and_states_do_not(console: Any, given: Any) -> None:
    console.deps = replace(console.deps, link="slow", clock=FixedClock(NOW))
    async with console.open():
        room = console.app.bridge.rooms["status"]
        room._tick()
        drawn: list[int] = []
        room.table.changed = lambda: drawn.append(1)
        for _ in range(20):
            console.deps.clock.advance(1)
            room._tick()
        assert len(drawn) == 2
        console.show(given.snapshot(given.check("api", "http", "DOWN")))
        await console.until(lambda: "api" in console.text())


async def test_states_that_changed_are_not_held_back_by_the_reader(console: Any, given: Any) -> None:
    calm = given.snapshot(given.check("api", "http", "OK", detail="1"))
    same = given.snapshot(given.check("api", "http", "OK", detail="2"))
    down = given.snapshot(given.check("api", "http", "DOWN", detail="3"))
    told: list[Any] = []
    from screens.reader import Reader

    class Told:
        def __getattr__(self, name: str) -> Any:
            return lambda *arguments: told.append(arguments) if name == "take_status" else None

    class Status:
        problem = ""
        now = calm

        def poll(self) -> Any:
            return self.now

    reader = Reader(lambda: console.deps, lambda call, *arguments: call(*arguments), Told())
    reader._status = status = Status()  # type: ignore[assignment]
    reader.calm_s = 3600.0
    for status.now in (calm, same, same, down, same):
        reader._read_status()
    assert [one.checks[0].detail for (one,) in told] == ["1", "3", "2"]
    await asyncio.sleep(0)


# ── options ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_options(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from console.commands.context import Context, Fail, Options

    assert (short_way(["--link", "slow"]) or {})["link"] == "slow"
    assert (short_way(["--link=fast"]) or {})["link"] == "fast"
    assert short_way(["--link", "quick"]) is None
    config = tmp_path / "vigie.yaml"
    config.write_text("link: slow\n")
    options = Options(config=str(config))
    monkeypatch.delenv("VIGIE_LINK", raising=False)
    assert Context(options).link == "slow"
    monkeypatch.setenv("VIGIE_LINK", "fast")
    assert Context(options).link == "fast"
    assert Context(Options(config=str(config), link="auto")).link == "auto"
    monkeypatch.setenv("VIGIE_LINK", "quick")
    with pytest.raises(Fail, match="VIGIE_LINK: expected auto, slow, fast, got 'quick'"):
        _ = Context(options).link
    config.write_text("link: quick\n")
    with pytest.raises(ConfigError, match=r"vigie.yaml:1: link: expected auto, slow, fast"):
        load(config)
