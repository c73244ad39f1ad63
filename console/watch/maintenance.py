"""Maintenance windows: out of the configuration, once, or every week at a time of day, in the configured zone.

A window that comes again begins at a time on the wall, so it follows the change to summer time: one that would begin in
the hour that is left out begins as much later, one in the hour that comes twice begins in the first of them. It lasts as
long as it says, whatever the wall clock does meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

from msgspec import Struct

from console.clock import parse_rfc3339, to_us
from console.journal.events import Maintenance, New
from console.services import MaintenanceConfig

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Occurrence(Struct, frozen=True, kw_only=True):
    """One time that a window is open. Aware UTC."""

    begin: datetime
    end: datetime


class Window(Struct, frozen=True, kw_only=True):
    """One configured window. *covers*: services, or service/check; none means everything."""

    name: str
    covers: frozenset[str] = frozenset()
    reason: str = ""
    once: Occurrence | None = None
    days: frozenset[int] = frozenset()  # 0 = Monday
    at: time = time(0)
    lasts: timedelta = timedelta(0)
    zone: tzinfo = UTC
    asked: bool = False  # begun by hand (console.watch.asked), which recorded it

    def covers_check(self, service: str, key: str) -> bool:
        """Whether the check *key* of *service* is in it."""
        return not self.covers or service in self.covers or key in self.covers

    def between(self, start: datetime, end: datetime) -> list[Occurrence]:
        """The times that it is open at some moment of ``(start, end]``, in their order."""
        if self.once is not None:
            return [self.once] if self.once.begin <= end and self.once.end > start else []
        first = (start - self.lasts).astimezone(self.zone).date() - timedelta(days=1)
        last = end.astimezone(self.zone).date()
        found = []
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            if day.weekday() in self.days:
                begin = self._begin(day)
                if begin <= end and begin + self.lasts > start:
                    found.append(Occurrence(begin=begin, end=begin + self.lasts))
        return found

    def _begin(self, day: date) -> datetime:
        return datetime.combine(day, self.at, self.zone).astimezone(UTC)

    def open_at(self, now: datetime) -> Occurrence | None:
        """The occurrence that *now* is in; None when it is closed."""
        return next((one for one in self.between(now, now) if one.begin <= now < one.end), None)


def window_of(config: MaintenanceConfig, zone: tzinfo) -> Window:
    """The window that *config* means. Raises ``ValueError``: ``(key, what was expected)`` are its arguments."""
    covers = frozenset(config.services)
    if config.begin or config.end:
        for key, text in (("days", config.days), ("at", config.at), ("lasts", config.lasts)):
            if text:
                raise ValueError(key, "not together with from and until")
        begin, end = _moment("from", config.begin, zone), _moment("until", config.end, zone)
        if end <= begin:
            raise ValueError("until", "expected a time after from")
        once = Occurrence(begin=begin, end=end)
        return Window(name=config.name, covers=covers, reason=config.reason, once=once)
    if not config.at:
        raise ValueError("at", "expected from and until, or at and lasts")
    if not 0 < config.lasts <= 7 * 86400:
        raise ValueError("lasts", "expected a duration of up to 7d, such as 2h")
    unknown = next((day for day in config.days if day.lower()[:3] not in DAYS), None)
    if unknown is not None:
        raise ValueError("days", f"expected {' '.join(DAYS)}, got {unknown!r}")
    return Window(
        name=config.name,
        covers=covers,
        reason=config.reason,
        days=frozenset(DAYS.index(day.lower()[:3]) for day in config.days) or frozenset(range(7)),
        at=_time(config.at),
        lasts=timedelta(seconds=float(config.lasts)),
        zone=zone,
    )


def _time(text: str) -> time:
    try:
        return datetime.strptime(text, "%H:%M").time()
    except ValueError:
        raise ValueError("at", f"expected a time such as 22:30, got {text!r}") from None


def _moment(key: str, text: str, zone: tzinfo) -> datetime:
    try:
        naive = datetime.fromisoformat(text)
        return parse_rfc3339(text) if naive.tzinfo is not None else naive.replace(tzinfo=zone).astimezone(UTC)
    except ValueError:
        raise ValueError(key, f"expected a time such as 2026-11-28 22:00, got {text!r}") from None


def news(windows: Iterable[Window], since: datetime, now: datetime) -> list[New]:
    """What began or ended in ``(since, now]``. The dedupe keys tell each from every other, whoever leads."""
    found: list[New] = []
    for window in windows:
        for one in window.between(since, now):
            if since < one.begin <= now and not window.asked:
                found.append(_new(window, one, began=True))
            if since < one.end <= now:
                found.append(_new(window, one, began=False))
    return sorted(found, key=lambda new: new.occurred_at or now)


def _new(window: Window, one: Occurrence, *, began: bool) -> New:
    body = Maintenance(
        name=window.name,
        began=began,
        services=tuple(sorted(window.covers)),
        until=one.end,
        reason=window.reason if began else "",
    )
    word, moment = ("begin", one.begin) if began else ("end", one.end)
    return New(body=body, occurred_at=moment, dedupe=f"maintenance:{window.name}:{word}:{to_us(moment)}")


def open_now(windows: Iterable[Window], now: datetime) -> list[Occurrence]:
    """When each window that is open at *now* began and ends."""
    return [one for window in windows if (one := window.open_at(now)) is not None]


def covering(windows: Sequence[Window], now: datetime) -> list[Window]:
    """The windows that are open at *now*."""
    return [window for window in windows if window.open_at(now) is not None]
