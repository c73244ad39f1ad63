"""Raw bytes to lines: a terminal's line editing without the terminal, and nothing hostile left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.runbook.output import EXTRACT_CHARACTERS, LineWindow, display_lines, extracts, mask
from console.sanitize import is_clean


@pytest.mark.parametrize(
    ("raw", "lines"),
    [
        (b"", []),
        (b"one\ntwo\n", ["one", "two"]),
        (b"no newline", ["no newline"]),
        (b"\n\nx", ["", "", "x"]),
        (b"crlf\r\nnext\r\n", ["crlf", "next"]),
        (b"10%\r50%\r100%\n", ["100%"]),
        (b"long line\rshort\n", ["shortline"]),
        (b"long line\rshort\x1b[K\n", ["short"]),
        (b"typo\x08\x08\x08hat\n", ["that"]),
        (b"a\tb\n", ["a       b"]),
        (b"\x1b[31mred\x1b[0m plain\n", ["red plain"]),
        (b"\x1b]0;title\x07after\n", ["after"]),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\n", ["link"]),
        (b"\x1bPq#0\x1b\\sixel\n", ["sixel"]),
        (b"\x1bc\x1b7\x1b(Breset\n", ["reset"]),
        (b"\x1b[2Jclear\n", ["clear"]),
        (b"ab\x1b[2Dx\n", ["xb"]),
        (b"ab\x1b[5Gx\n", ["ab  x"]),
        (b"ab\x1b[1Kx\n", ["  x"]),
        (b"gone\x1b[2K\rhere\n", ["here"]),
        (b"nul\x00bell\x07\n", ["nul<NUL>bell<BEL>"]),
        ("csi as one character \x9b31m\n".encode(), ["csi as one character <U+009B>31m"]),
        ("bidi \u202eabc\n".encode(), ["bidi <U+202E>abc"]),
        (b"bad \xff\xfe utf-8\n", ["bad \\xff\\xfe utf-8"]),
        ("d\xe9j\xe0 vu, 部署\n".encode(), ["déjà vu, 部署"]),
        (b"[/red] [@click=app.quit]x\n", ["[/red] [@click=app.quit]x"]),
        (b"\x1b[999999999999999999999Cfar\n", ["<a long line>"]),
    ],
)
def test_lines(raw: bytes, lines: list[str]) -> None:
    found = display_lines(raw)
    if lines == ["<a long line>"]:
        assert len(found[0]) < 2100
    else:
        assert found == lines


def test_a_long_line_is_cut_and_says_so() -> None:
    (line,) = display_lines(b"x" * 5000 + b"\n", width=100)
    assert line == "x" * 100 + "… [4900 more characters]"


def test_the_window_keeps_the_last_lines() -> None:
    window = LineWindow(limit=3)
    window.feed(b"".join(b"%d\n" % number for number in range(10)))
    assert window.lines() == ["7", "8", "9"]


@given(st.binary(max_size=400), st.integers(1, 50))
def test_pieces_give_the_same_as_the_whole(raw: bytes, size: int) -> None:
    window = LineWindow()
    for start in range(0, len(raw), size):
        window.feed(raw[start : start + size])
    assert window.lines() == display_lines(raw)


_NASTY = st.lists(
    st.sampled_from(
        [
            b"\x1b[",
            b"\x1b]0;",
            b"\x07",
            b"\x1b\\",
            b"\x9b",
            b"31m",
            b"K",
            b"\r",
            b"\n",
            b"\x08",
            b"\t",
            b"a",
            "\u202e".encode(),
        ]
    )
)


@given(st.one_of(st.binary(max_size=400), _NASTY.map(b"".join)))
def test_nothing_hostile_is_left(raw: bytes) -> None:
    for line in display_lines(raw):
        assert is_clean(line)
        assert "\n" not in line
        assert "\t" not in line


@given(_NASTY.map(b"".join), st.integers(1, 7))
def test_escape_sequences_may_come_in_pieces(raw: bytes, size: int) -> None:
    window = LineWindow()
    for start in range(0, len(raw), size):
        window.feed(raw[start : start + size])
    assert window.lines() == display_lines(raw)


def test_an_unfinished_escape_holds_back_only_so_much() -> None:
    window = LineWindow()
    window.feed(b"\x1b]0;" + b"x" * 100_000 + b"\nnext")
    assert window.lines()[-1] == "next"


def test_extracts() -> None:
    assert extracts(b"a\nb\n", b"a\nb\n", 4, {}) == {"head": "a\nb", "tail": ""}
    many = b"".join(b"%d\n" % number for number in range(50))
    assert extracts(many, many, len(many), {}) == {
        "head": "\n".join(map(str, range(20))),
        "tail": "\n".join(map(str, range(30, 50))),
    }
    lost = extracts(b"first\nsec", b"artial\nlast\n", 10**9, {})
    assert lost == {"head": "first\nsec", "tail": "last"}
    assert len(extracts(b"x" * 4096, b"y" * 4096, 9000, {})["head"]) == EXTRACT_CHARACTERS + 1


@pytest.mark.parametrize(
    ("data", "how", "masked"),
    [
        (b"user=ana pw=hunter22 x", {}, b"user=ana pw=[secret pw] x"),
        (b"ends in hunt", {"cut_end": True}, b"ends in [secret pw]"),
        (b"ter22 begins", {"cut_start": True}, b"[secret pw] begins"),
        (b"ends in hunt", {}, b"ends in hunt"),
    ],
)
def test_secrets_are_masked_also_where_they_are_cut(data: bytes, how: dict[str, bool], masked: bytes) -> None:
    assert mask(data, {"pw": "hunter22"}, **how) == masked


def test_a_secret_of_two_characters_is_not_masked() -> None:
    assert mask(b"ok", {"pw": "ok"}) == b"ok"


@given(
    st.lists(
        st.sampled_from(
            [b"a", b"one line", b"\n", b"\n", b"\r", b"\x08", b"\t", b"\x1b[K", b"\x1b]0;t\nt\x07", b"\x1b"]
        )
    )
)
def test_a_flood_leaves_what_single_bytes_leave(pieces: list[bytes]) -> None:
    raw = b"".join(pieces)
    whole, slow = LineWindow(3), LineWindow(3)
    whole.feed(raw)
    for at in range(len(raw)):
        slow.feed(raw[at : at + 1])
    assert whole.lines() == slow.lines()
