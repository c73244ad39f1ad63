"""What a leader takes over, and what has changed since it was last stored."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from msgspec import Struct

from console.journal.events import New
from console.snapshot import Ack, Alert, Source
from console.watch.history import History, Rollup
from console.watch.maintenance import Window
from console.watch.state import Machine

_SAMPLES_KEPT: Final = 10_000  # while they can't be stored


class Seen(Struct, frozen=True, kw_only=True):
    """An acknowledgement and the episode that it is of."""

    starts_at: datetime
    ack: Ack


class Sample(Struct, frozen=True, kw_only=True):
    """One result, for a check's history."""

    at: datetime
    state: str
    latency_ms: float | None = None
    value: float | None = None


class LastBody(Struct, frozen=True, kw_only=True):
    """The beginning of what a failing check got, and when that text first came. Both texts are from outside."""

    at: datetime
    detail: str  # of the result that it came with; one clean line
    text: str  # not sanitised


class Kept(Struct, frozen=True, kw_only=True):
    """What outlives a leader."""

    machines: Mapping[str, Machine] = {}  # by check key
    alerts: Mapping[str, Alert] = {}  # by fingerprint
    seen: Mapping[str, Seen] = {}  # by fingerprint
    feed: Mapping[str, Alert] = {}  # of other systems, by fingerprint, without acknowledgement
    lost: Mapping[str, datetime] = {}  # other sources that are lost, since when
    histories: Mapping[str, History] | None = {}  # by check key; None: they come later
    sources: tuple[Source, ...] = ()  # as they were published last
    bodies: Mapping[str, LastBody] = {}  # by check key
    windows: Mapping[str, Window] = {}  # of maintenance begun by hand, by name


class Changes(Struct, kw_only=True):
    """What has happened since it was last asked for. None as a value: forget that key."""

    machines: dict[str, Machine | None] = {}
    alerts: dict[str, Alert | None] = {}
    seen: dict[str, Seen | None] = {}
    feed: dict[str, Alert | None] = {}  # alerts of other systems, with their acknowledgement
    lost: dict[str, datetime | None] = {}
    samples: list[tuple[str, Sample]] = []
    rollups: list[tuple[str, Rollup]] = []
    bodies: dict[str, LastBody | None] = {}
    news: list[New] = []

    def __bool__(self) -> bool:
        return any(getattr(self, field) for field in self.__struct_fields__)

    def then(self, later: Changes) -> Changes:
        """These, and *later* ones after them."""
        return Changes(
            machines={**self.machines, **later.machines},
            alerts={**self.alerts, **later.alerts},
            seen={**self.seen, **later.seen},
            feed={**self.feed, **later.feed},
            lost={**self.lost, **later.lost},
            samples=[*self.samples, *later.samples][-_SAMPLES_KEPT:],
            rollups=[*self.rollups, *later.rollups][-_SAMPLES_KEPT:],
            bodies={**self.bodies, **later.bodies},
            news=[*self.news, *later.news],
        )
