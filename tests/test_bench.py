"""What the benchmarks measure with: a simulated link, the meter's answers, and how figures are held against the bar."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.bench._link import MODEM, Link, Wire
from tests.bench._peer_tables import BEGIN, END, figures, write
from tests.bench._programs import VIGIE
from tests.bench._results import TIMED_OUT, Results, words_of
from tests.bench._tty import Meter


def test_a_link_delays_and_carries_ten_bits_a_byte_both_ways() -> None:
    wire = Wire(Link("slow", 9_600, 0.3))
    wire.send_down(1.0, b"x" * 96)
    assert wire.arrived(1.1) == []
    arrived = wire.arrived(10.0)
    assert b"".join(data for _, data in arrived) == b"x" * 96
    assert arrived[-1][0] == pytest.approx(1.0 + 96 / 960 + 0.15)
    wire.send_up(2.0, b"y" * 48)
    assert wire.reached(2.19) == b""
    assert wire.reached(2.21) == b"y" * 48
    assert wire.next() is None


def test_a_link_that_is_full_takes_no_more() -> None:
    wire = Wire(MODEM)
    wire.send_down(0.0, b"x" * 40_000)
    assert not wire.has_room
    wire.arrived(8.0)
    assert wire.has_room


_ASKS = """
import os, sys, termios, tty
tty.setcbreak(0)
sys.stdout.write("\\x1b[2J\\x1b[5;7Hab\\x1b[6n")
sys.stdout.flush()
answer = b""
while not answer.endswith(b"R"):
    answer += os.read(0, 1)
print("\\r\\ngot", answer[2:-1].decode(), flush=True)
os.read(0, 1)
"""


@pytest.mark.parametrize("link", [Link("none"), Link("short", 56_000, 0.05)])
def test_the_meter_says_where_the_cursor_is(link: Link) -> None:
    with Meter([sys.executable, "-c", _ASKS], link=link) as meter:
        at = meter.until(r"got 5;9", 20)
    assert at >= link.rtt


@pytest.mark.parametrize("ahead", [4, 5, 6])
def test_a_question_that_arrives_in_two_pieces_is_answered(ahead: int) -> None:
    script = _ASKS.replace("\\x1b[2J", " " * ahead + "\\x1b[2J")
    with Meter([sys.executable, "-c", script], link=Link("short and slow", 9_600, 0.02)) as meter:
        meter.until(r"got 5;9", 10)


def test_figures_are_held_against_the_bar(tmp_path: Path) -> None:
    results = Results()
    results.put("cursor B", VIGIE, 150)
    results.put("cursor B", "htop", 300)
    results.put("page B", VIGIE, 2_000)
    results.put("page B", "less", 4_000)
    held = f"catching up after 30 held pages, {MODEM.name}"
    results.put(held, VIGIE, 1.0)
    results.put(held, "less", None)
    found = {figure.name: figure for figure in figures(results)}
    assert found["bytes a cursor move"].goal.endswith("hit")
    assert found["bytes a page"].goal.endswith("MISS")
    assert found[held].ratio == 0 and found[held].goal.endswith("hit")
    assert results.get(held, "less") == TIMED_OUT

    path = tmp_path / "performance.md"
    path.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write(results, path)
    text = path.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    assert "| bytes a page | 2,000 B | less 4,000 B | 0.50× | ≤ 0.3× | **miss** |" in text
    assert "never" in text
    path.write_text("no place\n")
    with pytest.raises(ValueError, match="no place for the tables"):
        write(results, path)


def test_the_unit_of_a_measure_ends_its_name() -> None:
    assert words_of("timeline opened, ms") == ("timeline opened", "ms")
    assert words_of("key, p95 ms") == ("key, p95", "ms")
    assert words_of(f"start, {MODEM.name}") == (f"start, {MODEM.name}", "s")
