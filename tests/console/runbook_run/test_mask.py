"""Secrets never reach what is kept, wherever the stream is cut and however they were encoded on the way."""

from __future__ import annotations

import base64
import json
from itertools import pairwise
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.runbook.mask import Masker, forms

from .conftest import Desk

SECRET = "s3cr3t/värde+&='\""


def masked(pieces: list[bytes], secrets: dict[str, str]) -> bytes:
    masker = Masker(forms(secrets))
    return b"".join(masker.feed(piece) for piece in pieces) + masker.flush()


@given(st.lists(st.integers(0, 60), max_size=6))
def test_wherever_it_is_cut(cuts: list[int]) -> None:
    whole = b"before s3cr3t-word, s3cr3t-word-longer s3cr3t-wor end s3cr3t-w"
    places = [0, *sorted(cuts), len(whole)]
    pieces = [whole[one:other] for one, other in pairwise(places)]
    found = masked(pieces, {"pw": "s3cr3t-word", "other": "s3cr3t-word-longer"})
    assert found == b"before [secret pw], [secret other] s3cr3t-wor end s3cr3t-w"


@given(st.lists(st.sampled_from([b"a", b"b", b"ab", b"aab", b"aa"]), max_size=12), st.integers(1, 5))
def test_pieces_give_the_same_as_the_whole(words: list[bytes], size: int) -> None:
    data = b"".join(words)
    secrets = {"one": "aab", "two": "abab"}
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    once, cut = masked([data], secrets), masked(pieces, secrets)
    assert cut == once
    assert b"aab" not in once and b"abab" not in once


@pytest.mark.parametrize(
    "shown",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        quote(SECRET, safe="").lower(),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        SECRET.encode().hex(),
        *(base64.b64encode(b"u" * shift + SECRET.encode() + b"tail").decode() for shift in range(4)),
        base64.urlsafe_b64encode(b"user:" + SECRET.encode()).decode(),
    ],
)
def test_encoded_it_is_masked_too(shown: str) -> None:
    found = masked([f"Authorization: Basic {shown} end\n".encode()], {"pw": SECRET}).decode()
    assert "[secret pw]" in found
    assert "värde" not in found
    assert shown not in found


def test_a_key_of_several_lines_is_masked_line_by_line() -> None:
    key = "-----BEGIN KEY-----\nAAAABBBBCCCC\nDDDDEEEEFFFF\n-----END KEY-----"
    assert b"BBBB" not in masked([key.replace("\n", "\r\n").encode()], {"key": key})
    assert b"EEEE" not in masked([b"grep: DDDDEEEEFFFF\n"], {"key": key})


def test_what_is_no_secret_is_left_alone() -> None:
    data = bytes(range(256)) * 20
    assert masked([data], {"pw": "not in there", "short": "ab"}) == data


def test_the_spool_never_holds_it_and_says_that_it_was_there(desk: Desk) -> None:
    whole = 'printf %s "$VIGIE_P_pw"'
    script = f"{whole} | cut -c1-7 | tr -d '\\n'; sleep 0.2; {whole} | cut -c8-; {whole} | base64"
    finish, output = desk.run(script, env={"VIGIE_P_pw": "hunter2-hunter2"}, secrets={"pw": "hunter2-hunter2"})
    assert finish.masked == 2
    assert output.startswith("[secret pw]\n[secret pw]")
    assert "hunter2-hunter2" not in str(desk.events())
    desk.journal.close()
    for path in [path for path in desk.spool.iterdir() if path.exists()]:
        assert b"hunter2-hunter2" not in path.read_bytes()
