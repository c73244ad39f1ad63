"""Output as a terminal would draw it: colours, several progress bars, bytes that are no text; judged beside pyte."""

from __future__ import annotations

import hashlib

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.runbook.output import Display, LineWindow, extracts, is_binary
from console.runbook.sgr import Pen, nearest
from console.sanitize import is_clean
from screens.look import Look


def words(raw: bytes) -> list[str | tuple[tuple[str, str], ...]]:
    window = LineWindow()
    window.feed(raw)
    return window.words()


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"plain\n", ["plain"]),
        (b"\x1b[31mred\x1b[0m plain\n", [(("red", "red"), (" plain", ""))]),
        (b"\x1b[1;31mred\nstill\x1b[m\n", [(("red", "bold red"),), (("still", "bold red"),)]),
        (b"\x1b[38;5;196mhot\x1b[39m\n", [(("hot", "bright_red"),)]),
        (b"\x1b[38;2;10;200;10mgrass\n", [(("grass", "bright_green"),)]),
        (b"\x1b[38:2:10:200:10mgrass\n", [(("grass", "bright_green"),)]),
        (b"\x1b[92mA\x1b[22;93mB\n", [(("A", "bright_green"), ("B", "bright_yellow"))]),
        (b"\x1b[4munder\x1b[24m\n", [(("under", "underline"),)]),
        (b"\x1b[41;31msame\n", ["same"]),  # red on red: nobody could read it
        (b"\x1b[8mhidden\n", ["hidden"]),
        (b"\x1b[30mblack\n", [(("black", "bright_black"),)]),
        (b"\x1b[?25l\x1b[>4;1mnot SGR\n", ["not SGR"]),
        (b"\x1b[32m 10 %\r\x1b[33m 20 %\x1b[0m\n", [((" 20 %", "yellow"),)]),
        (b"ab\x1b[31mcd\r\x1b[0mAB\n", [(("AB", ""), ("cd", "red"))]),
        (b"\x1b[31mabc\x1b[0m\r\x1b[2Kdone\n", ["done"]),
        (b"\x1b[99999999m\x1b[;;;;mx\n", ["x"]),
        (b"\x1b[38;5mx\n", ["x"]),
    ],
)
def test_colours(raw: bytes, shown: list[str | tuple[tuple[str, str], ...]]) -> None:
    assert words(raw) == shown


@given(st.lists(st.integers(0, 300), max_size=8))
def test_every_style_can_be_drawn(numbers: list[int]) -> None:
    pen = Pen()
    pen.take(";".join(map(str, numbers)))
    assert Look().style(f"sgr:{pen.words}") is not None


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_every_colour_has_a_neighbour(red: int, green: int, blue: int) -> None:
    assert Look().style(f"sgr:{nearest(red, green, blue)}").color is not None


def test_several_progress_bars_like_those_of_container_tools() -> None:
    raw = b"a: 0 %\nb: 0 %\nc: 0 %\n"
    for done in (50, 100):
        for place, name in enumerate(b"abc"):
            up = 3 - place
            raw += b"\x1b[%dA\r\x1b[2K%c: %d %%\x1b[%dB\r" % (up, name, done, up)
    raw += b"all there\n"
    window = LineWindow()
    window.feed(raw)
    assert window.lines() == ["a: 100 %", "b: 100 %", "c: 100 %", "all there"]


_PIECES = st.sampled_from(
    [
        *(b"abc", b"x", b"long words ", b"\r", b"\n", b"\r\n", b"\b", b"\t"),
        *(b"\x1b[K", b"\x1b[1K", b"\x1b[2K", b"\x1b[A", b"\x1b[2A", b"\x1b[3C", b"\x1b[2D", b"\x1b[5G"),
        *(b"\x1b[31m", b"\x1b[0m", b"\x1b[F", b"\x1b[J"),
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(_PIECES, max_size=40))
def test_as_a_terminal_would(pieces: list[bytes]) -> None:
    """On a screen that is tall and wide enough a terminal shows the same; a newline there also goes to the first column."""
    raw = b"".join(pieces)
    screen = pyte.Screen(600, 60)
    screen.set_mode(pyte.modes.LNM)
    pyte.ByteStream(screen).feed(raw)
    window = LineWindow()
    window.feed(raw)
    wanted = [line.rstrip() for line in screen.display]
    found = [line.rstrip() for line in window.lines()]
    length = max(len(found), max((at + 1 for at, line in enumerate(wanted) if line), default=0))
    assert found + [""] * (length - len(found)) == wanted[:length]


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_whatever_it_is_nothing_hostile_is_left(raw: bytes) -> None:
    for line in words(raw):
        for text in [line] if isinstance(line, str) else [text for text, _ in line]:
            assert is_clean(text) and "\n" not in text


@given(
    st.lists(st.sampled_from([b"\x1b[31m", b"\x1b[", b"0m", b"a", b"\n", b"\xc3", b"\xa9"]), max_size=20),
    st.integers(1, 3),
)
def test_pieces_give_the_same_as_the_whole(pieces: list[bytes], size: int) -> None:
    raw = b"".join(pieces)
    window = LineWindow()
    for at in range(0, len(raw), size):
        window.feed(raw[at : at + size])
    assert window.words() == words(raw)


@pytest.mark.parametrize(
    ("data", "binary"),
    [
        (b"\x7fELF\x02\x01\x01" + bytes(60), True),
        (bytes(range(256)) * 8, True),
        (b"".join(hashlib.sha256(bytes([n])).digest() for n in range(128)), True),
        ("Grüße aus Zürich, 你好, привет\n".encode() * 20, False),
        (b"\x1b[32mok\x1b[0m \x08\x08 10 %\r" * 40, False),
        (b"GET /a/path/that/is/long\0GET /another/long/path/here\0", False),
        (b"\0\1\2", False),
        (b"", False),
    ],
)
def test_what_is_no_text(data: bytes, binary: bool) -> None:
    assert is_binary(data) is binary


def test_binary_output_is_said_to_be_so() -> None:
    display = Display()
    display.feed(b"reading the image\n")
    display.feed(b"\x7fELF" + bytes(100_000))
    assert display.lines()[-1].startswith("[100004 bytes that are no text, not shown; they begin with 7f 45 4c 46 00")
    display.feed(b"done, and this is a line of text again\n")
    assert [line[:12] for line in display.lines()] == ["reading the ", "[100004 byte", "done, and th"]
    found = extracts(b"\x7fELF" + bytes(4092), bytes(4096), 10**6, {})
    assert found["head"].startswith("[1000000 bytes that are no text")
