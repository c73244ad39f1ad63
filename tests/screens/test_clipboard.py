"""Copying through the terminal, also through tmux and GNU screen; the cell driver lets exactly these sequences pass."""

from __future__ import annotations

import base64
import time

import pytest

from screens.clipboard import MOST, sequences
from screens.driver import _OURS

DATA = base64.b64encode(b"echo hi").decode()


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, [f"\x1b]52;c;{DATA}\x07"]),
        ({"TMUX": "/tmp/x,1,0"}, [f"\x1b]52;c;{DATA}\x07", f"\x1bPtmux;\x1b\x1b]52;c;{DATA}\x07\x1b\\"]),
        ({"TERM": "screen", "STY": "1.x"}, [f"\x1bP\x1b]52;c;{DATA}\x07\x1b\\"]),
    ],
)
def test_sequences(environ: dict[str, str], wanted: list[str]) -> None:
    assert sequences("echo hi", environ) == wanted


@pytest.mark.parametrize("environ", [{}, {"TMUX": "x"}, {"TERM": "screen.xterm", "STY": "1.x"}])
@pytest.mark.parametrize("text", ["x", "é" * 3000, "\x1b]0;owned\x07", "a\nb"])
def test_the_driver_lets_them_pass_and_nothing_can_be_hidden_in_them(environ: dict[str, str], text: str) -> None:
    for one in sequences(text, environ):
        assert _OURS.fullmatch(one)


def test_what_looks_like_one_does_not_pass_and_is_told_quickly() -> None:
    before = time.monotonic()
    for hostile in (
        "\x1bP" + "A" * 20_000 + "\x1b]0;x\x07",
        "\x1bPA\x1b\\" * 5000 + "\x1b[2J",
        "\x1bPtmux;\x1b\x1b]0;x\x07\x1b\\",
    ):
        assert _OURS.fullmatch(hostile) is None
    assert time.monotonic() - before < 20  # not exponential; how long it takes is no business of this test


def test_too_long_for_any_terminal() -> None:
    assert sequences("x" * MOST, {}) == []
