"""Typed parameters: what is taken, what is refused, and that hostile text is never taken for a host, a port, a number."""

from __future__ import annotations

import pytest

from console.runbook.model import Param
from console.runbook.ready import refusal

HOSTILE = ("$(rm -rf ~)", "'; id #", "a\nb", "a\0b", "’; id", "-oProxyCommand=id", "--force", "\u202e1", " ")


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("int", ("0", "-7", "+12"), ("1.5", "", "1e3", "٣٤x", *HOSTILE)),
        ("number", ("0", "-1.5", "1e3", ".5"), ("", "nan", "inf", "1,5", *HOSTILE)),
        ("bool", ("true", "false"), ("yes", "", *HOSTILE)),
        ("host", ("db1", "db-1.example.net", "10.0.0.1", "::1"), ("", "a b", *HOSTILE)),
        ("port", ("1", "65535"), ("0", "65536", "-1", "", *HOSTILE)),
        ("duration", ("90s", "1h30m", "250ms", "5"), ("", "soon", "5 m", *HOSTILE)),
        ("path", ("/srv/x y", "x"), ("-rf", "a\nb", "a\0b")),
        ("url", ("https://a.example/x?y=1",), ("", "a.example", "javascript:x", *HOSTILE)),
    ],
)
def test_types(kind: str, good: tuple[str, ...], bad: tuple[str, ...]) -> None:
    param = Param("x", type=kind)  # type: ignore[arg-type]  # a literal
    assert [value for value in good if refusal(param, value)] == []
    assert [value for value in bad if not refusal(param, value)] == []


def test_limits() -> None:
    param = Param("x", type="int", minimum=1, maximum=10)
    assert (refusal(param, "0"), refusal(param, "11"), refusal(param, "5")) == (
        "expected at least 1",
        "expected at most 10",
        "",
    )
    assert refusal(Param("x", type="int", required=False), "") == ""
