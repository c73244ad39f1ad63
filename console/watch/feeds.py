"""Alerts of other systems in the watch: what came and went since the last report, who has seen them, what is recorded.

A report is the whole truth of its moment; differences go to status.db and the journal. No IO here, and no clock.
Silences are recorded once each, also those that were made elsewhere: the event's key is the silence's id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from console.clock import to_us
from console.journal.events import Acknowledged, New, Silenced, SourceBack, SourceLost
from console.snapshot import Ack, Alert, AlertGroup, Report, SilenceState, Source
from console.watch.changes import Changes, Kept, Seen
from console.watch.describing import raised, resolved
from console.watch.sentinels import LINK

SHOWN: Final = 500  # alerts in a snapshot; the rest is read from status.db where somebody looks
SILENCES: Final = 200  # and silences
_BAD: Final = ("lost", "stale")
_JUST_ENDED: Final = timedelta(minutes=10)  # an end that is older is no news to a process that has just begun


class FeedBoard:
    """The alerts that feeds report, by fingerprint."""

    def __init__(self, kept: Kept) -> None:
        self._alerts: dict[str, Alert] = dict(kept.feed)  # without their acknowledgement
        self._seen: dict[str, Seen] = {mark: seen for mark, seen in kept.seen.items() if mark in kept.feed}
        self._sources: tuple[Source, ...] = tuple(source for source in kept.sources if source.kind != "checks")
        self._silences: dict[str, SilenceState] = {}
        self._lost: dict[str, datetime] = {
            name: since for name, since in kept.lost.items() if name != LINK
        }  # since when
        self._changes = Changes()
        self._shown: tuple[tuple[Alert, ...], tuple[AlertGroup, ...]] | None = None

    def take(self, report: Report, now: datetime) -> None:
        """*report* is what is true now."""
        before, after = self._alerts, {alert.fingerprint: alert for alert in report.alerts}
        self._alerts = after  # what is put from here on is of now
        for mark, alert in after.items():
            known = before.get(mark)
            if known is alert or known == alert:
                continue
            self._shown = None
            self._put(alert)
            if known is None or known.starts_at != alert.starts_at:
                if known is not None:
                    self._end(known, now, "began anew")
                self._changes.news.append(raised(alert, now))
            elif alert.level < known.level and mark in self._seen:
                self._unsee(mark)  # it has grown worse since somebody looked
        for mark in before.keys() - after.keys():
            self._shown = None
            self._changes.feed[mark] = None
            self._end(before[mark], now, report.evidence.get(mark, ""))
        self._note_sources(report.sources, now)
        self._note_silences(report.silences, now)

    def _put(self, alert: Alert) -> None:
        seen = self._seen.get(alert.fingerprint)
        same = seen is not None and seen.starts_at == alert.starts_at
        self._changes.feed[alert.fingerprint] = replace(alert, ack=seen.ack) if seen is not None and same else alert

    def _end(self, alert: Alert, now: datetime, evidence: str) -> None:
        self._changes.news.append(resolved(alert, now, evidence or f"{alert.source} no longer reports it"))
        if alert.fingerprint in self._seen:
            self._unsee(alert.fingerprint)

    def _note_sources(self, sources: tuple[Source, ...], now: datetime) -> None:
        for source in sources:
            since = self._lost.get(source.name)
            if source.state in _BAD and since is None:
                self._lost[source.name] = now
                self._changes.lost[source.name] = now
                body = SourceLost(source=source.name, kind=source.kind, error=source.error)
                self._changes.news.append(New(body=body, occurred_at=now, dedupe=f"lost:{source.name}:{to_us(now)}"))
            elif source.state == "ok" and since is not None:
                del self._lost[source.name]
                self._changes.lost[source.name] = None
                away = SourceBack(
                    source=source.name, kind=source.kind, away_ms=(now - since) // timedelta(milliseconds=1)
                )
                self._changes.news.append(New(body=away, occurred_at=now, dedupe=f"back:{source.name}:{to_us(since)}"))
        self._sources = sources

    def _note_silences(self, silences: tuple[SilenceState, ...], now: datetime) -> None:
        for silence in silences:
            known = self._silences.get(silence.id)
            if known == silence:
                continue
            if silence.state == "expired":
                told = known is not None and known.state != "expired"
                if told or (known is None and now - silence.ends_at < _JUST_ENDED):
                    self._changes.news.append(silenced(silence, now))
            elif known is None or known.ends_at != silence.ends_at or known.state == "expired":
                self._changes.news.append(silenced(silence, now))
        if silences or self._silences:
            self._silences = {silence.id: silence for silence in silences}

    # ── acknowledgements ─────────────────────────────────────────────────────────────────────────────────────────

    def acknowledge(self, event: Acknowledged, actor: str, at: datetime) -> bool:
        """Somebody has seen an episode. Returns whether it is one of these, going on now."""
        alert = self._alerts.get(event.fingerprint)
        if alert is None or _whole(alert.starts_at) != _whole(event.starts_at):
            return False
        ack = Ack(actor=actor, at=at, reason=event.reason, expires=event.expires)
        self._seen[alert.fingerprint] = seen = Seen(starts_at=alert.starts_at, ack=ack)
        self._changes.seen[alert.fingerprint] = seen
        self._put(alert)
        self._shown = None
        return True

    def _unsee(self, mark: str) -> None:
        del self._seen[mark]
        self._changes.seen[mark] = None
        if mark in self._alerts:
            self._put(self._alerts[mark])
        self._shown = None

    def expire(self, now: datetime) -> None:
        """End the acknowledgements whose time is over."""
        for mark, seen in list(self._seen.items()):
            if seen.ack.expires is not None and seen.ack.expires <= now:
                self._unsee(mark)

    # ── what readers see ─────────────────────────────────────────────────────────────────────────────────────────

    @property
    def known(self) -> Mapping[str, Alert]:
        """Every alert by fingerprint, without its acknowledgement."""
        return self._alerts

    @property
    def sources(self) -> tuple[Source, ...]:
        """How the sources are."""
        return self._sources

    @property
    def silences(self) -> tuple[SilenceState, ...]:
        """The silences that have not ended, the last to begin first."""
        found = [one for one in self._silences.values() if one.state != "expired"]
        return tuple(sorted(found, key=lambda one: one.starts_at, reverse=True)[:SILENCES])

    def shown(self) -> tuple[tuple[Alert, ...], tuple[AlertGroup, ...]]:
        """The first alerts by their place, and how many of each name there are."""
        if self._shown is None:
            alerts = [self._with_ack(alert) for alert in self._alerts.values()]
            alerts.sort(key=lambda alert: alert.place)
            self._shown = (tuple(alerts[:SHOWN]), groups(alerts))
        return self._shown

    def _with_ack(self, alert: Alert) -> Alert:
        seen = self._seen.get(alert.fingerprint)
        return alert if seen is None or seen.starts_at != alert.starts_at else replace(alert, ack=seen.ack)

    @property
    def has_news(self) -> bool:
        """Whether there is something to record."""
        return bool(self._changes.news)

    def drain(self) -> Changes:
        """What has to be stored and recorded, once."""
        changes, self._changes = self._changes, Changes()
        return changes

    def everything(self) -> Changes:
        """All that a new status.db needs; nothing to record."""
        feed: dict[str, Alert | None] = {mark: self._with_ack(alert) for mark, alert in self._alerts.items()}
        return Changes(feed=feed, seen=dict(self._seen), lost=dict(self._lost))


def groups(alerts: Iterable[Alert]) -> tuple[AlertGroup, ...]:
    """*alerts*, in the order of their place, counted by name; the most urgent name first."""
    found: dict[str, list[Alert]] = {}
    for alert in alerts:
        found.setdefault(alert.name, []).append(alert)
    return tuple(
        AlertGroup(
            name=name,
            count=len(members),
            unhandled=sum(not alert.handled for alert in members),
            level=members[0].level,
            severity=members[0].severity,
            newest=max(alert.starts_at for alert in members),
        )
        for name, members in found.items()
    )


def silenced(silence: SilenceState, now: datetime) -> New:
    """That *silence* was made, given another end, or has ended. The same whoever sees it: recorded once."""
    ended = silence.state == "expired"
    body = Silenced(
        silence=silence.id,
        matchers=tuple({"name": name, "op": sign, "value": value} for name, sign, value in silence.matchers),
        comment=silence.comment,
        ends_at=silence.ends_at,
        ended=ended,
        source=silence.source,
        author=silence.author,
        starts_at=silence.starts_at,
    )
    when = silence.ends_at if ended else silence.updated_at or now
    mark = "ended" if ended else str(to_us(silence.ends_at) // 1_000_000)
    return New(body=body, occurred_at=min(when, now), dedupe=f"silence:{silence.id}:{mark}")


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
