"""Frames wait for the terminal's answers, and each answer goes to who asked."""

from __future__ import annotations

import pytest

from screens.term.pace import ANSWER_S, BYTES, FIRST_S, FRAMES, MUTE_S, PATIENCE_S, Pace


def test_frames_are_held_back_by_number_and_by_bytes() -> None:
    pace = Pace()
    pace.heard(0)
    for number in range(FRAMES):
        assert pace.hold(0) == 0
        pace.sent(0, 10, (2, number + 1))
    assert pace.hold(0) > 0
    assert pace.answered((2, 1)) is False
    assert pace.hold(0) == 0
    pace.sent(0, BYTES, (3, 1))
    assert pace.hold(0) > 0
    pace.answered((3, 1))  # answers come in order: those before it were lost
    assert pace.hold(0) == 0


def test_what_changes_by_itself_leaves_room_for_the_answer_to_a_key() -> None:
    pace = Pace()
    pace.answered((1, 20))
    pace.sent(5, 10, (2, 1))
    assert pace.hold(5) > 0  # one frame that nobody waits for
    pace.heard(5)
    for number in range(FRAMES - 1):
        assert pace.hold(5) == 0
        pace.sent(5, 10, (3, number + 1))
    assert pace.hold(5) > 0
    pace.answered((3, 1))
    assert pace.hold(5) == 0
    pace.sent(5 + ANSWER_S, 10, (4, 1))
    assert 0 < pace.hold(5 + ANSWER_S) < 1  # that key was answered


def test_an_answer_that_was_lost_holds_up_nothing_for_long() -> None:
    pace = Pace()
    pace.answered((1, 20))
    pace.sent(5, 10, (2, 1))
    assert 0 < pace.hold(5) < 1
    assert pace.hold(6) == 0


def test_answers_go_to_who_asked() -> None:
    pace = Pace()
    pace.sent(0, 10, (5, 5))
    pace.asked(0, (5, 5))
    assert pace.answered((5, 5)) is False
    assert pace.answered((5, 5)) is True
    assert pace.answered((9, 9)) is True  # nobody asked: whoever it is for


def test_a_frame_that_answers_late_is_not_taken_for_another_question() -> None:
    pace = Pace()
    pace.sent(0, BYTES, (5, 5))
    assert pace.hold(FIRST_S + 1) == 0
    pace.asked(3, (5, 5))
    assert pace.answered((5, 5)) is False
    assert pace.answered((5, 5)) is True


def test_a_frame_answers_for_who_asks_about_it() -> None:
    pace = Pace()
    assert not pace.asked_with_frame((9, 1))  # no frame is awaited: a question of its own
    pace.sent(0, 10, (5, 5))
    pace.sent(0, 10, (6, 6))
    assert pace.asked_with_frame((9, 1))
    pace.answered((5, 5))
    assert pace.told() == ([], [])
    pace.answered((6, 6))
    assert pace.told() == ([(9, 1)], [])
    assert pace.told() == ([], [])


def test_an_answer_from_elsewhere_tells_nobody_that_a_frame_was_seen() -> None:
    """It may be a key that looks like a report: who asked must ask again, apart."""
    pace = Pace()
    pace.sent(0, 10, (5, 5))
    assert pace.asked_with_frame((9, 1))
    pace.answered((3, 3))
    assert pace.told() == ([], [(9, 1)])


def test_a_place_that_nobody_named_still_frees_a_frame() -> None:
    pace = Pace()
    pace.sent(0, BYTES, (5, 5))
    assert pace.answered((1, 1)) is False
    assert pace.hold(0) == 0


def test_a_terminal_that_never_answers_gets_its_frames() -> None:
    pace = Pace()
    now, waits = 0.0, []
    for _ in range(4):
        pace.sent(now, BYTES, (2, 2))
        waits.append(pace.hold(now))
        now += waits[-1]
        assert pace.hold(now) == 0
    assert waits == pytest.approx([wait + BYTES / 4000 for wait in (FIRST_S, FIRST_S, MUTE_S, MUTE_S)])


def test_one_that_answered_is_waited_for() -> None:
    pace = Pace()
    pace.sent(0, 1, (2, 2))
    pace.answered((2, 2))
    pace.sent(1, BYTES, (2, 3))
    pace.heard(1.5)
    assert pace.hold(1) == PATIENCE_S + BYTES / 800
    assert pace.hold(1 + PATIENCE_S + BYTES / 800) == 0


def test_a_link_that_stands_still_gets_a_frame_ever_more_rarely() -> None:
    pace = Pace()
    pace.sent(0, 1, (2, 2))
    pace.answered((2, 2))
    now, waits = 1.0, []
    for _ in range(5):
        pace.sent(now, BYTES, (2, 3))
        waits.append(pace.hold(now) - BYTES / 800)
        now += pace.hold(now)
        assert pace.hold(now) == 0
    assert waits == pytest.approx([PATIENCE_S * factor for factor in (1, 2, 4, 8, 16)])
    assert sum(waits[:4]) > 60  # a minute's stall leaves four frames in the link, not one for each change


def test_a_terminal_that_stopped_answering_is_not_waited_for_by_somebody_who_types() -> None:
    pace = Pace()
    pace.sent(0, 1, (2, 2))
    pace.answered((2, 2))
    now = 1.0
    for wait in (PATIENCE_S, PATIENCE_S, FIRST_S):
        pace.sent(now, BYTES, (2, 3))
        pace.heard(now + 0.1)
        assert pace.hold(now) == pytest.approx(wait + BYTES / 800)
        now += pace.hold(now)
        assert pace.hold(now) == 0


def test_a_report_from_where_the_cursor_cannot_be_is_noticed() -> None:
    pace = Pace()
    pace.sent(0, 10, (5, 5))
    pace.answered((5, 5))
    assert not pace.astray
    pace.sent(0, 10, (5, 6))
    pace.answered((24, 1))
    assert pace.astray


def test_a_look_ahead_of_a_frame_is_no_measure_and_holds_nothing_back() -> None:
    pace = Pace()
    pace.checked(0, (5, 5))
    pace.sent(0, 10, (6, 6))
    assert pace.answered((5, 5), 1.0) is False and not pace.trips
    assert pace.answered((6, 6), 1.0) is False and list(pace.trips) == [(1.0, 10)]


def test_what_was_sent_behind_others_is_measured_by_itself() -> None:
    """Of a link that takes 0.3 s there and back and carries 1,000 bytes a second."""
    pace = Pace()
    pace.sent(0, 100, (2, 1))
    pace.answered((2, 1), 0.4)
    for number in range(3):
        pace.sent(1 + number / 100, 400, (3, number + 1))
    for number in range(3):
        pace.answered((3, number + 1), 1.7 + 0.4 * number)
    assert [(round(seconds, 2), size) for seconds, size in pace.trips] == [
        (0.4, 100),
        (0.7, 400),
        (0.8, 400),
        (0.8, 400),
    ]
    pace.sent(9, 50, (4, 1))
    pace.sent(9, 50, (5, 1))
    pace.answered((5, 1), 9.4)
    assert pace.trips[-1] == (pytest.approx(0.4), 100)  # the answer in between was lost
