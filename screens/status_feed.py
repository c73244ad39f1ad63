"""The alerts of other systems that the status does not carry: read in windows, beside the keys, where somebody looks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from screens.status_entries import Entry, alert_entry

if TYPE_CHECKING:
    from console.journal.store import Journal
    from console.status_filter import Filter
    from screens.desk import Desk

WINDOW: Final = 250  # alerts read at a time: a few milliseconds
KEPT: Final = 2000  # that fit are shown; more are counted


class Found(Struct, frozen=True):
    """What was found so far."""

    entries: tuple[Entry, ...] = ()
    fitting: int = 0
    read: int = 0
    hidden_critical: int = 0  # left out by the filter
    done: bool = False


class FeedSearch:
    """Goes through all of them, a window after the other; *then* is told when there is more, on the UI thread."""

    def __init__(self, desk: Desk, then: Callable[[Found], None]) -> None:
        self._desk = desk
        self._then = then
        self._number = 0  # of the search that is wanted
        self.found = Found()
        self.going = False
        self.took = timedelta(0)  # the last one, to its end
        self._began = desk.now()

    def look(self, filter: Filter | None, name: str = "", *, keep: bool = False) -> None:
        """Begin anew: what fits *filter*, of one alert's *name* if it is given. With *keep* what was found before counts until
        this search has come to its end."""
        if not keep:
            self.found = Found()
        self._number += 1
        self.going = True
        self._began = self._desk.now()
        self._window(self._number, filter, name, None, Found())

    def stop(self) -> None:
        """Nothing is looked for any more."""
        self._number += 1
        self.going = False
        self.found = Found()

    def _window(
        self, number: int, filter: Filter | None, name: str, after: tuple[int, str] | None, so_far: Found
    ) -> None:
        desk = self._desk
        now = desk.now()

        def read(_: Journal) -> tuple[Found, tuple[int, str] | None]:
            from console.watch.status_reader import mark

            fits = filter.matcher(now) if filter else None
            alerts = desk.reader.alerts(name, after, WINDOW)
            entries = [alert_entry(alert) for alert in alerts]
            fitting = [entry for entry in entries if fits is None or fits(entry)]
            hidden = sum(entry.critical for entry in entries) - sum(entry.critical for entry in fitting)
            found = Found(
                (*so_far.entries, *fitting)[:KEPT],
                so_far.fitting + len(fitting),
                so_far.read + len(alerts),
                so_far.hidden_critical + hidden,
                done=len(alerts) < WINDOW or (fits is None and so_far.fitting + len(fitting) >= KEPT),
            )
            return found, mark(alerts[-1]) if alerts else None

        def came(answer: tuple[Found, tuple[int, str] | None]) -> None:
            if number != self._number:
                return
            found, last = answer
            # The first screenful at once, and then only what is settled: rows that come by the hundred are no help.
            first = not so_far.read
            if found.done:
                self.took = desk.now() - self._began
            if found.done or (first and not self.found.read):
                self.found, self.going = found, not found.done
                self._then(found)
            if not found.done:
                self._window(number, filter, name, last, found)

        desk.read(read, came, lambda line: self._failed(number, line))

    def _failed(self, number: int, line: str) -> None:
        if number == self._number:
            self.going = False
            self._desk.say(line, "error")
