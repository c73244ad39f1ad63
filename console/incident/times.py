"""Times as an operator types them: ``-5m``, ``@14:32Z``, ``@yday 23:50``, ``@2024-03-10 13:27``, ``@2024-03-10``.

A bare clock time is the most recent past one in the given zone. A local time that happened twice (the clocks went back)
asks which; one that never happened (they went forward) is refused. Zone rules are those of the IANA database.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

from msgspec import Struct

from console.clock import EPOCH, span

_CLOCK: Final = r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})?"
_RELATIVE: Final = r"-(?=[0-9]+(?:d|h|m|s))(?:[0-9]{1,5}d)?(?:[0-9]{1,5}h)?(?:[0-9]{1,5}m(?:in)?)?(?:[0-9]{1,6}s)?~?"
_ABSOLUTE: Final = (
    r"@(?:(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|yday|yesterday|today)(?:(?:T|[ ]+)" + _CLOCK + r")?"
    r"|" + _CLOCK + r"|[0-9]{13}|[0-9]{10})~?"
)
TIME: Final = rf"(?:{_RELATIVE}|{_ABSOLUTE})"  # one time token, to be followed by white space or the end of the line

_PARTS: Final = re.compile(
    r"@(?:(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2}|yday|yesterday|today)(?:[T ]+)?)?"
    r"(?:(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?(?P<zone>[Zz]|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_UNITS: Final = re.compile(r"([0-9]+)(d|h|m|s)")
_SECONDS: Final = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_SLACK: Final = timedelta(seconds=60)  # two watches never agree: less than this ahead is "now"


class Moment(Struct, frozen=True, kw_only=True):
    """A point in time, aware UTC, with how precisely it is known (one of ``events.PRECISIONS``)."""

    at: datetime
    precision: str


class TimeProblem(Exception):
    """A token that looks like a time but is none, or may be two. ``str()`` is one line for the operator.

    ``choices`` are (label, token) pairs: tokens to type instead.
    """

    def __init__(self, code: str, text: str, choices: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(text)
        self.code = code
        self.choices = tuple(choices)


def is_future(moment: Moment, now: datetime, zone: tzinfo) -> bool:
    """Whether *moment* lies ahead of *now*; a whole day counts by its date in *zone*."""
    if moment.precision == "day":
        return moment.at.date() > max(now.astimezone(zone).date(), now.astimezone(UTC).date())
    return moment.at > now + _SLACK


def read(token: str, now: datetime, zone: tzinfo) -> Moment:
    """The moment that a time token means, seen from *now*. Raises :class:`TimeProblem`."""
    approximate = token.endswith("~")
    bare = token.removesuffix("~")
    try:
        moment = _relative(bare, now, zone) if bare.startswith("-") else _absolute(bare, now, zone)
    except (OverflowError, OSError, ValueError):
        raise TimeProblem("not-a-time", f"{token} is not a time") from None
    if moment.at < EPOCH:
        raise TimeProblem("not-a-time", f"{token} is before 1970")
    if approximate and moment.precision != "day":
        return Moment(at=moment.at, precision="approx")
    return moment


def read_local(naive: datetime, zone: tzinfo) -> datetime:
    """The one UTC instant of a local wall-clock time. Raises :class:`TimeProblem` where there are two, or none."""
    found = _instants(naive, zone)
    if len(found) == 1:
        return found[0]
    if found:
        raise _twice(naive, found, zone)
    raise _never(naive, zone)


def _relative(token: str, now: datetime, zone: tzinfo) -> Moment:
    parts = _UNITS.findall(token)
    units = {unit for _, unit in parts}
    back = timedelta(seconds=sum(int(count) * _SECONDS[unit] for count, unit in parts))
    if units == {"d"}:
        return _whole_day((now.astimezone(zone) - back).replace(tzinfo=None))
    at = (now - back).astimezone(UTC).replace(microsecond=0)
    return Moment(at=at, precision="second" if "s" in units else "minute")


def _absolute(token: str, now: datetime, zone: tzinfo) -> Moment:
    if token[1:].isdigit():
        stamp = int(token[1:])
        seconds, millis = divmod(stamp, 1000) if len(token) == 14 else (stamp, 0)
        at = datetime.fromtimestamp(seconds, UTC) + timedelta(milliseconds=millis)
        return Moment(at=at, precision="second")
    match = _PARTS.fullmatch(token)
    if match is None:
        raise TimeProblem("not-a-time", f"{token} is not a time")
    own = _zone(match["zone"])
    where = own or zone
    today = now.astimezone(where).replace(tzinfo=None)
    if match["hour"] is None:
        return _whole_day(_day(match["day"], today))
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"] or 0)
    precision = "second" if match["second"] else "minute"
    try:
        day = _day(match["day"], today).replace(hour=hour, minute=minute, second=second, microsecond=0)
    except ValueError:
        raise TimeProblem("not-a-time", f"{token} is not a time: hours go to 23, minutes and seconds to 59") from None
    if match["day"]:
        return Moment(at=read_local(day, where), precision=precision)
    return Moment(at=_latest_past(day, now, where), precision=precision)


def _whole_day(day: datetime) -> Moment:
    # Midnight UTC of the date as it was written: shown in UTC, it reads as that date again.
    return Moment(at=datetime(day.year, day.month, day.day, tzinfo=UTC), precision="day")


def _day(word: str | None, today: datetime) -> datetime:
    if word is None or word == "today":
        return today
    if word in ("yday", "yesterday"):
        return today - timedelta(days=1)
    return datetime.strptime(word, "%Y-%m-%d")


def _zone(text: str | None) -> tzinfo | None:
    if not text:
        return None
    if text in "Zz":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)


def _instants(naive: datetime, zone: tzinfo) -> list[datetime]:
    """Every UTC instant at which clocks in *zone* show *naive*: none, one or two, in order."""
    found: list[datetime] = []
    for fold in (0, 1):
        instant = naive.replace(tzinfo=zone, fold=fold).astimezone(UTC)
        if instant.astimezone(zone).replace(tzinfo=None) == naive and instant not in found:
            found.append(instant)
    return sorted(found)


def _latest_past(today: datetime, now: datetime, zone: tzinfo) -> datetime:
    for back in range(3):
        naive = today - timedelta(days=back)
        found = _instants(naive, zone)
        if not found and naive.replace(tzinfo=zone).astimezone(UTC) <= now:
            raise _never(naive, zone)
        past = [instant for instant in found if instant <= now]
        if len(past) == 2:
            raise _twice(naive, past, zone)
        if past:
            return past[0]
    raise TimeProblem("not-a-time", f"no {today:%H:%M} in the last two days in {zone}")  # pragma: no cover


def _twice(naive: datetime, found: Sequence[datetime], zone: tzinfo) -> TimeProblem:
    choices = []
    for instant in found:
        local = instant.astimezone(zone)
        token = f"@{local:%Y-%m-%dT%H:%M}" + (f":{local:%S}" if local.second else "") + _offset(local)
        choices.append((f"{local:%H:%M} {local.tzname()} = {instant:%H:%M}Z", token))
    which = " or ".join(f"{token} ({label})" for label, token in choices)
    return TimeProblem(
        "ambiguous", f"{naive:%Y-%m-%d %H:%M} happened twice in {zone}: the clocks went back. {which}?", choices
    )


def _never(naive: datetime, zone: tzinfo) -> TimeProblem:
    before = naive.replace(tzinfo=zone, fold=0).utcoffset()
    after = naive.replace(tzinfo=zone, fold=1).utcoffset()
    jump = abs(((before or timedelta()) - (after or timedelta())).total_seconds())
    return TimeProblem(
        "nonexistent",
        f"{naive:%Y-%m-%d %H:%M} never happened in {zone}: the clocks went forward by {span(jump)}",
    )


def _offset(local: datetime) -> str:
    text = local.strftime("%z")
    return f"{text[:3]}:{text[3:5]}"
