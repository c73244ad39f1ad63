"""Arming: a command may be run by a key only once the terminal has shown it, and every key from before that is dropped.

After the frame with the command, the terminal is asked for a cursor position report (DSR 6, ECMA-48; the answer is a CPR)
at a place that no other question used, so the answer belongs to that frame. Terminals answer in the order in which they
draw, and their answer comes between the keys typed before and after it: a key behind the answer was pressed by somebody
who could see the command. A link that is slow only makes the answer late. Our own driver asks behind every frame anyway:
it sends no second question then, and passes that answer on under the name of the place.

A terminal that has never answered anything is told so, and the key must be pressed twice: the second time at least
:data:`STILL_S` after every other key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from textual.app import App

ASK_AGAIN_S: Final = 2.0  # an answer that takes longer may be lost: a key asks once more
SILENT_S: Final = 5.0  # a terminal that answered nothing in this time, ever, does not answer
STILL_S: Final = 1.0  # no key for so long before the second press
WITHIN_S: Final = 30.0  # the second press belongs to the first for so long

Place = tuple[int, int]  # row and column, from 1, as in the report
Verdict = Literal["run", "unseen", "asked", "again"]


@dataclass
class Arming:
    """Which subject (a command, exactly as shown) the next key may run. Times are seconds of a monotonic clock.

    ``press`` says ``run``; or ``unseen``: the key came before the terminal had shown it; ``asked``: as before, and the
    question must be put once more; ``again``: this terminal does not answer, press once more.
    """

    rows: int = 24
    columns: int = 80
    subject: str = ""
    armed: bool = False
    answers: bool = False  # whether this terminal has ever answered
    _asked: dict[Place, int] = field(default_factory=dict)  # place -> which showing it asks about
    _showing: int = 0  # counts the subjects shown: one that comes back is another showing
    counter: Iterator[int] = field(default_factory=count)  # shared by all who ask one terminal: no place twice
    _since: float | None = None  # when the frame of this showing was written
    _last_asked: float = 0.0
    _last_key: float = float("-inf")
    _first_press: float | None = None

    def show(self, subject: str) -> bool:
        """*subject* is what is on its way to the screen now ("" for nothing). Whether that is another than before."""
        if subject == self.subject:
            return False
        self.subject = subject
        self._showing += 1
        self.armed = False
        self._since = None
        self._first_press = None
        return True

    @property
    def is_framed(self) -> bool:
        """Whether the frame with the subject was written."""
        return self._since is not None

    def framed(self, now: float) -> Place | None:
        """The frame that shows the subject was written: the place to ask the terminal for; None when nothing is to be
        asked."""
        if not self.subject or self._since is not None:
            return None
        self._since = now
        return self.ask(now)

    def ask(self, now: float) -> Place:
        """A question about what is on the screen now."""
        place = self._place()
        self._asked[place] = self._showing
        self._last_asked = now
        return place

    def _place(self) -> Place:
        # Row 1 is left out: "\x1b[1;2R" is also what some terminals send for shift+F3.
        rows, columns = max(self.rows - 1, 1), max(self.columns - 1, 1)
        number = (next(self.counter) + 1) * 7 % (rows * columns)
        while len(self._asked) > 8:
            del self._asked[next(iter(self._asked))]
        return number % rows + 2, number // rows + 1

    def answered(self, place: Place) -> bool:
        """The terminal reported *place*. Whether the subject became armed by it."""
        showing = self._asked.pop(place, None)
        if showing is None:
            return False
        self.answers = True
        if showing != self._showing or not self.subject or self._since is None:
            return False
        self.armed = True
        return True

    def is_silent(self, now: float) -> bool:
        """Whether this terminal answers nothing, as far as is known: the frame is there long enough, and nothing came ever."""
        return self._since is not None and not self.answers and now - self._since >= SILENT_S

    def key(self, now: float) -> None:
        """Any key but the one that runs was pressed."""
        self._last_key = now
        self._first_press = None

    def press(self, now: float) -> Verdict:
        """The key that runs was pressed."""
        quiet = now - self._last_key
        self._last_key = now
        if self.armed:
            return "run"
        if self._since is None:
            return "unseen"
        if self.is_silent(now):
            first = self._first_press
            if first is not None and quiet >= STILL_S and now - first <= WITHIN_S:
                return "run"
            self._first_press = now
            return "again"
        if now - self._last_asked >= ASK_AGAIN_S:
            return "asked"
        return "unseen"

    def spent(self) -> None:
        """The subject was run: one showing arms one run; the next frame is another."""
        self.subject = ""
        self.armed = False
        self._since = None
        self._asked.clear()
        self._first_press = None


def question(place: Place) -> str:
    """What to write to the terminal, behind the frame: go there, report, come back (DECSC, CUP, DSR 6, DECRC)."""
    row, column = place
    return f"\x1b7\x1b[{row};{column}H\x1b[6n\x1b8"


def write_question(app: App[Any], place: Place) -> None:
    """Ask the terminal, behind everything that was written before."""
    driver = app._driver  # there is no public way to write behind a frame
    if driver is not None:
        driver.write(question(place))
        driver.flush()
