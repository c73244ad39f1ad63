"""What a failed condition says to a tired person."""

import pytest

from console.watch.conditions import Body, parse
from console.watch.failing import in_words

VALUES = {
    "STATUS": 503,
    "RESPONSE_TIME": 812.0,
    "CERTIFICATE_EXPIRATION": 12.2 * 86_400_000,
    "BODY": Body('{"used": {"percent": 100.0}, "state": "STARTING", "n": [1, 2], "ready": false}'),
}


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("[STATUS] == 200", "status is 503, expected 200"),
        ("[STATUS] < 400", "status is 503, expected below 400"),
        ("[STATUS] != 503", "status is 503, expected not 503"),
        ("[RESPONSE_TIME] < 500ms", "response time is 812 ms, expected below 500ms"),
        ("[CERTIFICATE_EXPIRATION] >= 28d", "the certificate's end is 12 days, expected at least 28d"),
        ("[BODY].used.percent < 95", "used.percent is 100, expected below 95"),
        ("[BODY].state == UP", "state is STARTING, expected UP"),
        ("[BODY].gone == UP", "gone is missing"),
        ("[BODY].n == 3", "n is [1,2], expected 3"),
        ("[BODY].ready == true", "ready is false, expected true"),
        ("[BODY].state == any(UP, READY)", "state is STARTING, expected one of UP, READY"),
        ("[BODY].state == pat(UP*)", "state is STARTING, expected UP*"),
        ("len([BODY].n) > 5", "not len([BODY].n) (2) > 5"),
        ("has([BODY].error) == true", "not has([BODY].error) (false) == true"),
    ],
)
def test_it_names_the_value_and_what_was_wanted(condition: str, words: str) -> None:
    parsed = parse(condition)
    assert not parsed.evaluate(VALUES).held
    assert in_words(parsed, VALUES) == words


def test_a_value_that_the_detail_tells_is_not_told_twice() -> None:
    assert in_words(parse("[STATUS] == 200"), VALUES, ("STATUS",)) == "expected 200"
    assert in_words(parse("[BODY].state == UP"), VALUES, ("STATUS",)).startswith("state is STARTING")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.0, 1e300, 10**400, "", None, [], "x" * 10_000])
def test_no_value_breaks_the_words(value: object) -> None:
    for name in ("VALUE", "RESPONSE_TIME"):
        words = in_words(parse(f"[{name}] == 7"), {name: value})
        assert words.endswith("expected 7")
        assert len(words) < 200
