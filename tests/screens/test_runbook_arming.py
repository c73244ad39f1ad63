"""A command may run only after the terminal has answered for the frame that shows it."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from screens.arming import ASK_AGAIN_S, SILENT_S, STILL_S, WITHIN_S, Arming, question


def test_a_key_before_the_answer_is_dropped_and_after_it_runs() -> None:
    arming = Arming()
    assert arming.show("systemctl restart feeder")
    assert arming.press(0.0) == "unseen"  # nothing was even written yet
    place = arming.framed(10.0)
    assert place is not None
    assert arming.press(10.1) == "unseen"
    assert arming.answered(place)
    assert arming.press(10.2) == "run"
    arming.spent()
    assert arming.press(10.3) != "run"


def test_the_answer_for_another_frame_arms_nothing() -> None:
    arming = Arming()
    arming.show("ls")
    first = arming.framed(1.0)
    arming.show("rm -r /srv")
    second = arming.framed(2.0)
    assert first is not None and second is not None and first != second
    assert not arming.answered(first)
    assert arming.press(2.1) == "unseen"
    assert not arming.answered((2, 79))  # a report that nobody asked for
    assert arming.answered(second)
    assert arming.press(2.2) == "run"


def test_an_unchanged_frame_stays_armed_and_asks_nothing() -> None:
    arming = Arming()
    arming.show("ls")
    place = arming.framed(1.0)
    assert place is not None
    arming.answered(place)
    assert not arming.show("ls")
    assert arming.framed(2.0) is None
    assert arming.press(2.1) == "run"


def test_a_lost_answer_is_asked_for_again() -> None:
    arming = Arming(answers=True)
    arming.show("ls")
    arming.framed(1.0)
    assert arming.press(1.0 + ASK_AGAIN_S) == "asked"
    place = arming.ask(1.0 + ASK_AGAIN_S)
    assert arming.press(1.5 + ASK_AGAIN_S) == "unseen"
    assert arming.press(1000.0) == "asked"  # a terminal that answers is never taken for one that does not
    assert arming.answered(place)
    assert arming.press(1001.0) == "run"


def test_a_terminal_that_never_answers_wants_the_key_twice_and_not_in_one_burst() -> None:
    arming = Arming()
    arming.show("ls")
    arming.framed(1.0)
    assert arming.press(1.0 + SILENT_S - 0.1) == "asked"
    late = 1.0 + SILENT_S
    assert arming.press(late) == "again"
    assert arming.press(late + 0.01) == "again"  # held down, or typed ahead
    arming.key(late + 0.5)
    assert arming.press(late + 0.6 + STILL_S) == "again"  # another key in between: it begins anew
    assert arming.press(late + 0.7 + 2 * STILL_S) == "run"


def test_the_second_press_must_come_in_time() -> None:
    arming = Arming()
    arming.show("ls")
    arming.framed(1.0)
    assert arming.press(10.0) == "again"
    assert arming.press(11.0 + WITHIN_S) == "again"


def test_the_question_goes_there_asks_and_comes_back() -> None:
    assert question((5, 12)) == "\x1b7\x1b[5;12H\x1b[6n\x1b8"


@given(st.integers(3, 60), st.integers(10, 200), st.integers(1, 60))
def test_places_lie_on_the_screen_below_the_first_row_and_differ(rows: int, columns: int, count: int) -> None:
    arming = Arming(rows=rows, columns=columns)
    seen = []
    for number in range(count):
        arming.show(f"command {number}")
        place = arming.framed(float(number))
        assert place is not None
        assert 2 <= place[0] <= rows and 1 <= place[1] <= columns
        assert re.fullmatch(r"\x1b7\x1b\[\d+;\d+H\x1b\[6n\x1b8", question(place))
        seen.append(place)
    window = (rows - 1) * (columns - 1)
    assert all(len(set(seen[at : at + 9])) == len(seen[at : at + 9]) for at in range(len(seen))) or window < 63


@given(st.lists(st.sampled_from(["show-a", "show-b", "frame", "answer", "stray", "x", "key"]), max_size=60))
def test_nothing_runs_that_was_not_answered_for(steps: list[str]) -> None:
    """Whatever happens in whatever order, on a terminal that answers: a run is of a subject that was answered for since
    it last came up."""
    arming = Arming(answers=True)
    outstanding: list[tuple[tuple[int, int], int]] = []
    showing = 0
    answered_for = -1
    now = 0.0
    for step in steps:
        now += 0.7
        if step.startswith("show"):
            showing += arming.show(step)
        elif step == "frame":
            place = arming.framed(now)
            if place is not None:
                outstanding.append((place, showing))
        elif step == "answer" and outstanding:
            place, answered_for = outstanding.pop(0)
            arming.answered(place)
        elif step == "stray":
            arming.answered((1, 1))
        elif step == "key":
            arming.key(now)
        elif step == "x" and arming.press(now) == "run":
            assert answered_for == showing
            assert arming.subject
