"""Sentinels: checks of our own link. When all of them fail, what is far away is not DOWN: we can't see it.

Then a failure of any other remote check says nothing and counts as UNKNOWN, under one banner; a success still counts.
A single failed run of each sentinel is enough to stop believing failures, and a single good one of any to start again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from console.clock import to_us
from console.journal.events import New, SourceBack, SourceLost
from console.snapshot import Source
from console.watch.state import BAD, Result

if TYPE_CHECKING:
    from console.watch.checks import Check

LINK: Final = "link"  # the name of our own link among the sources
_ASK_AGAIN_S: Final = 2.0


class Sentinels:
    """How the sentinels are. *keys* are those of their checks; none: nothing is ever hidden."""

    def __init__(self, keys: frozenset[str], lost: Mapping[str, datetime]) -> None:
        self.keys = keys
        self.since = lost.get(LINK) if keys else None  # when our own link was lost; None while it is there
        self._last: dict[str, tuple[bool, datetime]] = {}  # answered, when
        self._asked_at: datetime | None = None
        self._answered_at: datetime | None = None
        self._changed: dict[str, datetime | None] = {LINK: None} if LINK in lost and not keys else {}

    def take(self, key: str, result: Result, now: datetime) -> list[New]:
        """A sentinel's result. Returns what is to be recorded."""
        answered = result.state not in BAD
        self._last[key] = (answered, now)
        if answered:
            self._answered_at = now
        down = len(self._last) == len(self.keys) and not any(good for good, _ in self._last.values())
        if down and self.since is None:
            self.since = self._changed[LINK] = now
            body = SourceLost(source=LINK, kind="sentinels", error=blind_words(self))
            return [New(body=body, occurred_at=now, dedupe=f"lost:{LINK}:{to_us(now)}")]
        if answered and self.since is not None:
            since, self.since = self.since, None
            self._changed[LINK] = None
            away = SourceBack(source=LINK, kind="sentinels", away_ms=(now - since) // timedelta(milliseconds=1))
            return [New(body=away, occurred_at=now, dedupe=f"back:{LINK}:{to_us(since)}")]
        return []

    def drain_lost(self) -> dict[str, datetime | None]:
        """What has changed of :meth:`lost`, once."""
        changed, self._changed = self._changed, {}
        return changed

    def lost(self) -> dict[str, datetime | None]:
        """For the next leader."""
        return {} if self.since is None else {LINK: self.since}

    def answered_since(self, moment: datetime) -> bool:
        """Whether a sentinel was reached after *moment*."""
        return self._answered_at is not None and self._answered_at >= moment

    def ask(self, now: datetime) -> frozenset[str]:
        """The sentinels that should run at once; none when they were asked a moment ago."""
        if self._asked_at is not None and now - self._asked_at < timedelta(seconds=_ASK_AGAIN_S):
            return frozenset()
        self._asked_at = now
        return self.keys

    def hides(self, check: Check, last_at: datetime | None) -> bool:
        """Whether the state of *check* is not known, because nothing was heard of it since our link was lost."""
        if self.since is None or not check.remote or check.key in self.keys:
            return False
        return last_at is None or last_at < self.since

    def source(self) -> Source | None:
        """Our own link among the sources; None when nothing watches it."""
        if not self.keys:
            return None
        if self.since is not None:
            return Source(name=LINK, kind="sentinels", state="lost", last_ok=self._answered_at, error=blind_words(self))
        state = "ok" if self._answered_at is not None else "warming"
        return Source(name=LINK, kind="sentinels", state=state, last_ok=self._answered_at)


def blind_words(sentinels: Sentinels) -> str:
    """What is said of everything that is far away while our own link is down."""
    names = sorted(sentinels.keys)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"our own link is down: no answer from {', '.join(names[:3])}{more}"
