"""Frames at the pace of the terminal: after each one it is asked where its cursor is (DSR 6), and while too much is
unanswered nothing more is sent, so that a slow link carries the newest state and never a queue of old ones. What changes
by itself leaves room for the answer to a key.

Terminals answer in order. Every question is kept with the place it must report, whoever asked: so an answer that
belongs to somebody else (:mod:`screens.arming`) is told from one that belongs to a frame, even when one was lost.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

from msgspec import Struct

FRAMES: Final = 3  # unanswered frames that hold the next one back
UNASKED: Final = 1  # the same for what nobody waits for: the answer to a key always finds room
ANSWER_S: Final = 1.5  # so long after a key, frames are its answer
BYTES: Final = 1200  # or so many unanswered bytes
PATIENCE_S: Final = 5.0  # a terminal that has answered before is waited for so long
FIRST_S: Final = 0.8  # one that has never answered
MUTE_S: Final = 0.1  # one that let us wait in vain: a frame each so often
_SLOW: Final = 800  # bytes a second of the slowest link: so much longer for each byte on its way
_MUTE_LINK: Final = 4000  # the same where nothing has ever come back, which is rarely the link
_IN_VAIN: Final = 2
_DOUBLED: Final = 4  # times
_REMEMBERED: Final = 64  # questions
_WAYS: Final = 16  # answers, the quickest of which tells the way alone

Place = tuple[int, int]  # row and column, from 1, as in the report
Trip = tuple[float, int]  # seconds for the way there and back of so many bytes


class _Question(Struct):
    place: Place
    size: int  # bytes of the frame; 0 for a question that is not ours
    frame: bool
    at: float
    waiting: bool  # counts against the next frame
    also: tuple[Place, ...] = ()  # what somebody else wants to know when this is answered


class Pace:
    """Which questions are open, and whether another frame may be sent. Times are seconds of a monotonic clock.

    Questions are put by one thread and answered by another.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal handler may come in between
        self._open: deque[_Question] = deque(maxlen=_REMEMBERED)
        self._vain = 0
        self._heard = float("-inf")  # when the last key came
        self._answered = float("-inf")  # when the last answer came
        self._ways: deque[float] = deque(maxlen=_WAYS)  # seconds from a question to its answer
        self.bytes = BYTES  # unanswered, that hold the next frame back
        self.answers = False  # whether the terminal has ever answered
        self.astray = False  # it reported a place where it can't be: something else has written to it
        self.trips: deque[Trip] = deque(maxlen=_REMEMBERED)  # what was measured; who reads it empties it
        self._told: list[Place] = []
        self._unsure: list[Place] = []

    @property
    def idle(self) -> bool:
        """Whether every question was answered."""
        return not self._open

    @property
    def in_vain(self) -> bool:
        """Whether the last answer that was waited for did not come."""
        return self._vain > 0

    def sent(self, now: float, size: int, place: Place) -> None:
        """A frame of *size* bytes was sent with the question; the terminal should report *place*."""
        with self._lock:
            self._open.append(_Question(place, size, frame=True, at=now, waiting=True))

    def heard(self, now: float) -> None:
        """A key came: the way from the terminal is open, and its answers would come, too."""
        self._heard = now

    def checked(self, now: float, place: Place) -> None:
        """The terminal was asked ahead of a frame: it should still report *place*, where the last one ended."""
        with self._lock:
            self._open.append(_Question(place, 0, frame=True, at=now, waiting=False))

    def asked(self, now: float, place: Place) -> None:
        """Somebody else's question was sent."""
        with self._lock:
            self._open.append(_Question(place, 0, frame=False, at=now, waiting=False))

    def asked_with_frame(self, place: Place) -> bool:
        """Somebody wants to know when the newest frame is on the screen, under the name *place*: its own answer tells. False
        when no answer to a frame is awaited."""
        with self._lock:
            for question in reversed(self._open):
                if question.frame:
                    question.also += (place,)
                    return True
            return False

    def told(self) -> tuple[list[Place], list[Place]]:
        """Of what was :meth:`asked_with_frame`, since the last call: what was answered, and what must be asked in another
        way, because the terminal reported a place that cannot be told from a key."""
        with self._lock:
            told, self._told = self._told, []
            unsure, self._unsure = self._unsure, []
            return told, unsure

    def answered(self, place: Place, now: float | None = None) -> bool:
        """The terminal reported *place* (at *now*: then the way there and back is kept in :attr:`trips`). Whether that is
        somebody else's answer."""
        with self._lock:
            self.answers = True
            self._vain = 0
            for index, question in enumerate(self._open):
                if question.place == place:
                    if now is not None and question.frame:
                        self._measure(question, sum(self._open[at].size for at in range(index + 1)), now)
                    for _ in range(index + 1):
                        self._told += self._open.popleft().also
                    return not question.frame
            # A place that nobody asked for: a terminal that counts its columns otherwise, or a key that looks like it.
            if self._open and self._open[0].frame:
                self._unsure += self._open.popleft().also
                self.astray = True
                return False
            return True

    def _measure(self, question: _Question, size: int, now: float) -> None:
        """*question* was answered *now*, and *size* bytes have come since the last answer."""
        if question.size:
            self._ways.append(now - question.at)
            # Sent behind others it began its way when those had left the link, as late as their answer says.
            began = max(question.at, self._answered - min(self._ways))
            self.trips.append((now - began, size))
        self._answered = now

    def is_asked_for(self, now: float) -> bool:
        """Whether somebody waits for what changes now: a key came a moment ago."""
        return now - self._heard < ANSWER_S

    def hold(self, now: float, *, rest: bool = False) -> float:
        """Seconds for which the next frame must wait, at most: an answer may come before. 0: send it. *rest*: it is the rest
        of one that somebody waits for."""
        with self._lock:
            waiting = [question for question in self._open if question.waiting]
            size = sum(question.size for question in waiting)
            many = FRAMES if rest or self.is_asked_for(now) or not self.answers else UNASKED
            if size < self.bytes and len(waiting) < FRAMES:
                # What nobody waits for, waits; but not long for an answer that may have been lost.
                late = waiting[-1].at + FIRST_S + size / _SLOW - now if len(waiting) >= many else 0.0
                return max(late, 0.0)
            left = waiting[0].at + self.patience(size, waiting[0].at) - now
            if left > 0:
                return left
            self._vain += 1
            for question in waiting:  # still known, so that a late answer is not taken for another's
                question.waiting = False
            return 0.0

    def patience(self, size: int, since: float = 0.0) -> float:
        """Seconds to wait for the answer behind *size* bytes that were sent at *since*.

        Where not even keys come the link stands still: each frame more would only be in its queue, so the wait doubles.
        """
        if not self.answers:
            return (MUTE_S if self._vain >= _IN_VAIN else FIRST_S) + size / _MUTE_LINK
        if self._heard <= since:
            return PATIENCE_S * (1 << min(self._vain, _DOUBLED)) + size / _SLOW
        return (FIRST_S if self._vain >= _IN_VAIN else PATIENCE_S) + size / _SLOW

    def awaits(self) -> bool:
        """Whether a terminal that answers still has something to answer."""
        with self._lock:
            return self.answers and bool(self._open)

    def forget(self) -> None:
        """Nothing that was asked will be answered."""
        with self._lock:
            self._open.clear()
