"""Time: where it comes from, and how people write and read it.

Everything inside Vigie is an aware UTC ``datetime``; on disk it is whole microseconds since the epoch; in JSON it is
RFC 3339 with ``Z``. Durations are measured on a monotonic clock, never by subtracting wall-clock times.
"""

from __future__ import annotations

import os
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Clock(Protocol):
    """What code that needs the time is given."""

    def now(self) -> datetime:
        """The wall clock, aware, UTC, to the microsecond."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that is never set back (stops while the machine sleeps)."""
        ...

    def boottime(self) -> float:
        """Seconds since boot, the same in every process of this host, counting sleep (CLOCK_BOOTTIME)."""
        ...


class SystemClock:
    """The real clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def boottime(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)


class FixedClock:
    """A clock that stands still until it is moved: for tests, replays and the seeded demo."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)
        self._elapsed = 1000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._elapsed

    def boottime(self) -> float:
        return self._elapsed

    def advance(self, seconds: float) -> None:
        """Move all three clocks forward by *seconds*."""
        self._now += timedelta(seconds=seconds)
        self._elapsed += seconds


def to_us(moment: datetime) -> int:
    """Whole microseconds since the epoch. A naive *moment* raises ``ValueError``."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return (moment - EPOCH) // _MICROSECOND


def from_us(microseconds: int) -> datetime:
    """The inverse of :func:`to_us`."""
    return EPOCH + timedelta(microseconds=microseconds)


def rfc3339(moment: datetime) -> str:
    """``2024-03-10T13:27:00Z``; a fraction only where there is one (RFC 3339, always UTC)."""
    text = moment.astimezone(UTC).isoformat()
    return text.removesuffix("+00:00") + "Z"


def parse_rfc3339(text: str) -> datetime:
    """An RFC 3339 time with a zone, as aware UTC. Raises ``ValueError`` with what was expected.

    The first and the last year that Python knows are refused: in some zone they would be outside of it.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"not a time: {text!r} (expected e.g. 2024-03-10T13:27:00Z)") from None
    if moment.tzinfo is None:
        raise ValueError(f"a time without a zone: {text!r} (expected e.g. 2024-03-10T13:27:00Z)")
    if not 1 < moment.year < 9999:
        raise ValueError(f"not a time that can be kept: {text!r}")
    return moment.astimezone(UTC)


_SPAN: Final = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?")


def parse_span(text: str) -> float:
    """A duration such as ``1h20m``, ``90s``, ``500ms``, ``2d`` in seconds. Raises ``ValueError``."""
    match = _SPAN.fullmatch(text.strip())
    if not text.strip() or match is None:
        raise ValueError(f"not a duration: {text!r} (expected e.g. 30s, 5m, 1h20m, 500ms)")
    days, hours, minutes, seconds, millis = match.groups(default="0")
    return int(days) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(seconds) + int(millis) / 1000


def span(seconds: float) -> str:
    """A duration for people, at most two units: ``0s``, ``59s``, ``3m12s``, ``6h10m``, ``13d``, ``-23m``."""
    if seconds < 0:
        return "-" + span(-seconds)
    whole = int(seconds)
    days, rest = divmod(whole, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, secs = divmod(rest, 60)
    if days:
        return f"{days}d{hours}h" if hours else f"{days}d"
    if hours:
        return f"{hours}h{minutes:02d}m" if minutes else f"{hours}h"
    if minutes:
        return f"{minutes}m{secs:02d}s" if secs else f"{minutes}m"
    return f"{secs}s"


def t_plus(seconds: float) -> str:
    """Time on an incident's clock: ``T+00:17`` (hours:minutes), ``T−00:27`` before zero."""
    minutes = int(abs(seconds)) // 60
    sign = "−" if seconds < 0 and minutes else "+"
    return f"T{sign}{minutes // 60:02d}:{minutes % 60:02d}"


def local_zone() -> str:
    """The IANA name of the machine's time zone, ``UTC`` when it can't be told."""
    from pathlib import Path
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    candidates = [os.environ.get("TZ", "").lstrip(":")]
    try:
        candidates.append(str(Path("/etc/localtime").resolve()).partition("/zoneinfo/")[2])
        candidates.append(Path("/etc/timezone").read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError):
        pass
    for name in candidates:
        try:
            if name:
                ZoneInfo(name)
                return name
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return "UTC"
