"""What a failed condition says to a tired person."""

import pytest

from console.watch.conditions import Body, parse
from console.watch.failing import in_words

VALUES = {
    "STATUS": 503,
    "RESPONSE_TIME": 812.0,
    "BODY": Body('{"used": {"percent": 100.0}, "state": "STARTING", "n": [1, 2]}'),
}


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("[STATUS] == 200", "status is 503, not 200"),
        ("[STATUS] < 400", "status is 503, not < 400"),
        ("[STATUS] != 503", "status is 503, must not be 503"),
        ("[RESPONSE_TIME] < 500ms", "response time is 812.0, not < 500ms"),
        ("[BODY].used.percent < 95", "used.percent is 100.0, not < 95"),
        ("[BODY].state == UP", "state is STARTING, not UP"),
        ("[BODY].gone == UP", "gone is missing"),
        ("[BODY].state == any(UP, READY)", "state is STARTING, not any(UP, READY)"),
        ("len([BODY].n) > 5", "not len([BODY].n) (2) > 5"),
        ("has([BODY].error) == true", "not has([BODY].error) (false) == true"),
    ],
)
def test_it_names_the_value_and_what_was_wanted(condition: str, words: str) -> None:
    parsed = parse(condition)
    assert not parsed.evaluate(VALUES).held
    assert in_words(parsed, VALUES) == words
