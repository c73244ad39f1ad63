"""What the watch knows, in memory: every check's state, the alerts that failing checks raise, who has seen them.

Results go in; what has to be stored and recorded comes out as :class:`Changes`. No IO here, and no clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from console.journal.events import Acknowledged, Maintenance
from console.snapshot import (
    ACKED,
    DEGRADED,
    DOWN,
    MAINT,
    OK,
    PENDING,
    SUPPRESSED,
    UNKNOWN,
    Ack,
    Alert,
    CheckState,
    Source,
    StatusSnapshot,
)
from console.watch import asked
from console.watch.bodies import Bodies
from console.watch.changes import Changes, Kept, Sample, Seen
from console.watch.describing import alert_of, changed, describe, flapping, raised, resolved
from console.watch.histories import Histories
from console.watch.history import History
from console.watch.maintenance import Window, covering, open_now
from console.watch.maintenance import news as maintenance_news
from console.watch.sentinels import Sentinels, blind_words
from console.watch.state import (
    BAD,
    Machine,
    Result,
    held_s,
    is_stale,
    overlays,
    pause,
    step,
    unseen,
)

if TYPE_CHECKING:
    from console.watch.checks import Check

SOURCE: Final = "checks"  # the name of our own scheduler among the sources
_RANK: Final = {OK: 0, PENDING: 0, UNKNOWN: 1, DEGRADED: 1, DOWN: 2}


class Board:
    """The checks of one configuration. *sentinels* are keys of checks; *windows* those of maintenance."""

    def __init__(
        self,
        checks: Sequence[Check],
        kept: Kept,
        now: datetime,
        *,
        sentinels: frozenset[str] = frozenset(),
        windows: Sequence[Window] = (),
    ) -> None:
        self.checks = {check.key: check for check in checks}
        self._of_service: dict[str, list[str]] = {}
        for check in checks:
            self._of_service.setdefault(check.service, []).append(check.key)
        self._by_fingerprint = {check.fingerprint: check for check in checks}
        self._machines = {key: _taken_over(check, kept.machines.get(key)) for key, check in self.checks.items()}
        self._histories = Histories(self.checks, kept.histories)
        self._bodies = Bodies(kept.bodies)
        self._sentinels = Sentinels(sentinels, kept.lost)
        self._configured, self._asked = tuple(windows), dict(kept.windows)
        self._open: tuple[Window, ...] = ()  # windows, as they were looked at last
        # Where nobody has ever led, a window that is open already begins in the record too.
        self._maintained_at = min((one.begin - _INSTANT for one in open_now(windows, now)), default=now)
        self._wanted: set[str] = set()  # checks whose word is wanted before another's is believed
        self._shown: dict[str, tuple[object, ...]] = {}  # what a check's public form was made of
        self._alerts = {mark: alert for mark, alert in kept.alerts.items() if mark in self._by_fingerprint}
        self._seen = {mark: seen for mark, seen in kept.seen.items() if mark in self._by_fingerprint}
        self._states: dict[str, CheckState] = {}
        self._results: set[str] = set()  # checks that have answered since we lead
        self._changes = Changes()
        self._changes.lost.update(self._sentinels.drain_lost())
        self._forget(kept, now)

    def _forget(self, kept: Kept, now: datetime) -> None:
        """Drop what the configuration no longer names; an alert of it can't resolve by itself any more."""
        for key in kept.machines.keys() - self.checks.keys():
            self._changes.machines[key] = None
        for mark in kept.alerts.keys() - self._by_fingerprint.keys():
            self._changes.alerts[mark] = None
            self._changes.news.append(resolved(kept.alerts[mark], now, "no longer watched"))
        self._changes.bodies |= self._bodies.drop(kept.bodies.keys() - self.checks.keys())
        for check in self.checks.values():
            before = kept.machines.get(check.key)
            if before is not None and before.of and before.of != check.question:
                self._changes.bodies |= self._bodies.drop([check.key])
            if before is not None and self._machines[check.key].hard == PENDING and check.fingerprint in self._alerts:
                self._drop_alert(check, now, "the check was changed")
        for mark in kept.seen.keys() - self._by_fingerprint.keys() - kept.feed.keys():
            self._changes.seen[mark] = None

    def take(self, check: Check, result: Result, now: datetime, boot: float) -> float | None:
        """Note a result. Returns in how many seconds to look again when that should not wait for the grid."""
        before = self._machines[check.key]
        self._results.add(check.key)
        self._note_history(check, before, result, now, boot)
        if check.key in self._sentinels.keys:
            self._changes.news += self._sentinels.take(check.key, result, now)
            self._changes.lost.update(self._sentinels.drain_lost())
        if self._is_blind(check, result):
            self._put(check, unseen(before, blind_words(self._sentinels), now, boot))
            return None
        machine, transition = step(
            before,
            replace(result, got="") if result.got else result,
            now,
            boot,
            check.policy,
            believed=self._is_believed(check, before, result, now),
        )
        self._changes.bodies |= self._bodies.take(check.key, result, machine, now)
        self._put(check, machine)
        if transition is not None:
            if (transition.old, transition.new) != (PENDING, OK):  # that everything is well from the start is no event
                self._changes.news.append(changed(check, machine, transition.old, now))
            self._clear_outdated_ack(check, transition.old, machine)
        if machine.flapping != before.flapping:
            self._changes.news.append(flapping(check, machine, now))
        self._settle_alert(check, machine, now)
        if result.state in BAD and before.streak == 0:
            self._ask_parents(check, now)
        return pause(machine, check.policy)

    def _put(self, check: Check, machine: Machine) -> None:
        self._machines[check.key] = self._changes.machines[check.key] = machine

    def _note_history(self, check: Check, before: Machine, result: Result, now: datetime, boot: float) -> None:
        sample = Sample(at=now, state=result.state, latency_ms=result.latency_ms, value=result.value)
        self._changes.samples.append((check.key, sample))
        last = before.last.state if before.last is not None else UNKNOWN
        self._changes.rollups += self._histories.add(
            check.key,
            now.timestamp(),
            held_s(before, boot, check.policy),
            last,
            latency_ms=result.latency_ms if result.state in (OK, DEGRADED) else None,
            value=result.value,
        )

    # ── our own link ─────────────────────────────────────────────────────────────────────────────────────────────

    def _is_blind(self, check: Check, result: Result) -> bool:
        """Whether a failure follows from our own link and says nothing of the service. A success always says something."""
        remote = check.remote and check.key not in self._sentinels.keys
        return remote and result.state in BAD and self._sentinels.since is not None

    def _is_believed(self, check: Check, before: Machine, result: Result, now: datetime) -> bool:
        """Whether a failure far away may be believed: once a sentinel has answered since it began."""
        if not check.remote or result.state not in BAD or check.key in self._sentinels.keys or not self._sentinels.keys:
            return True
        began = before.streak_at if before.streak and before.streak_at is not None else now
        if before.hard in BAD or self._sentinels.answered_since(began):
            return True
        self._wanted |= self._sentinels.ask(now)
        return False

    def _ask_parents(self, check: Check, now: datetime) -> None:
        """A failure may follow from a parent's: its checks are to say how they are."""
        for parent in check.parents:
            for key in self._of_service.get(parent, ()):
                last = self._machines[key].last_at
                if last is None or (now - last).total_seconds() > _JUST_NOW_S:
                    self._wanted.add(key)

    def take_wanted(self) -> set[str]:
        """Keys of checks that should run at once, out of their turn."""
        wanted, self._wanted = self._wanted, set()
        return wanted

    def acknowledge(self, event: Acknowledged, actor: str, at: datetime) -> bool:
        """Somebody has seen an episode; it is noted only if that is the one going on now. Returns whether it is."""
        check = self._by_fingerprint.get(event.fingerprint)
        if check is None:
            return False
        machine = self._machines[check.key]
        if machine.hard not in BAD or machine.since is None or _whole(machine.since) != _whole(event.starts_at):
            return False
        seen = Seen(starts_at=machine.since, ack=Ack(actor=actor, at=at, reason=event.reason, expires=event.expires))
        self._seen[check.fingerprint] = seen
        self._changes.seen[check.fingerprint] = seen
        return True

    def _clear_outdated_ack(self, check: Check, old: str, machine: Machine) -> None:
        """An acknowledgement ends with its problem, and when the problem grows worse."""
        seen = self._seen.get(check.fingerprint)
        if seen is None:
            return
        if machine.hard not in BAD or _RANK[machine.hard] > _RANK[old] or seen.starts_at != machine.since:
            self._unsee(check.fingerprint)

    def _unsee(self, mark: str) -> None:
        del self._seen[mark]
        self._changes.seen[mark] = None

    def _settle_alert(self, check: Check, machine: Machine, now: datetime) -> None:
        """Raise, update or resolve. UNKNOWN neither raises nor resolves: it is no evidence; while it flaps none ends."""
        alert = self._alerts.get(check.fingerprint)
        if machine.hard == OK and alert is not None:
            if not machine.flapping:
                self._drop_alert(check, now, machine.last.detail if machine.last else "")
        elif machine.hard in (DOWN, DEGRADED):
            updated = alert_of(check, machine, alert)
            if alert is None:
                if self._suppressed(check) or self._window_of(check):
                    return
                self._changes.news.append(raised(updated, now))
            elif updated == alert:
                return
            self._alerts[check.fingerprint] = updated
            self._changes.alerts[check.fingerprint] = updated

    def _drop_alert(self, check: Check, now: datetime, evidence: str) -> None:
        alert = self._alerts.pop(check.fingerprint)
        self._changes.alerts[check.fingerprint] = None
        self._changes.news.append(resolved(alert, now, evidence))

    def _suppressed(self, check: Check) -> bool:
        """Whether a service that this one needs is DOWN, or about to be."""
        return any(self._fails(key) for parent in check.parents for key in self._of_service.get(parent, ()))

    def _fails(self, key: str) -> bool:
        machine = self._machines[key]
        about_to = machine.streak > 0 and machine.last is not None and machine.last.state == DOWN
        return machine.hard == DOWN or about_to or self._suppressed(self.checks[key])

    # ── maintenance ──────────────────────────────────────────────────────────────────────────────────────────────

    def maintain(self, now: datetime, since: datetime | None = None) -> None:
        """Open and close the windows, and record which did: since the last time, or since *since*."""
        windows = (*self._configured, *self._asked.values())
        start = since if since is not None else self._maintained_at
        if windows and start < now:
            self._changes.news += maintenance_news(windows, start, now)
        self._maintained_at = now
        self._open = tuple(covering(windows, now))

    def told(self, body: Maintenance, at: datetime) -> None:
        """Somebody began maintenance by hand, or ended it."""
        self._asked = asked.told(self._asked, body, at)

    def _window_of(self, check: Check) -> str:
        """The name of the open window that *check* is in."""
        return next((one.name for one in self._open if one.covers_check(check.service, check.key)), "")

    @property
    def has_news(self) -> bool:
        """Whether there is something to record."""
        return bool(self._changes.news)

    def drain(self) -> Changes:
        """What has to be stored and recorded, once."""
        changes, self._changes = self._changes, Changes()
        changes.rollups += self._histories.owed()
        return changes

    def put_back(self, changes: Changes) -> None:
        """*changes* could not be stored: they come first in the next :meth:`drain`."""
        self._changes = changes.then(self._changes)

    def everything(self) -> Changes:
        """What a new status.db needs at once; nothing to record. The histories follow in pieces: :meth:`store_histories`."""
        self._bodies.lost()
        return Changes(
            machines=dict(self._machines),
            alerts=dict(self._alerts),
            seen=dict(self._seen),
            lost=self._sentinels.lost(),
        )

    def take_histories(self, found: Mapping[str, History]) -> None:
        """What the last leader left, where it did not come with the rest."""
        self._changes.rollups += self._histories.take(found)

    def store_histories(self) -> None:
        """status.db is a new one: from now on each :meth:`drain` has a piece of them."""
        self._histories.owe()

    def last_rollups(self) -> Changes:
        """What the histories have gathered since they were stored last: for the end of a lead."""
        return Changes(rollups=self._histories.flush())

    # ── what readers see ─────────────────────────────────────────────────────────────────────────────────────────

    def snapshot(
        self, now: datetime, boot: float, *, epoch: int, config_hash: str, version: int, note: str = ""
    ) -> StatusSnapshot:
        """Everything as it is at *now*. *note* is about the checks as a source."""
        for mark, seen in list(self._seen.items()):
            if seen.ack.expires is not None and seen.ack.expires <= now:
                self._unsee(mark)
        warm = all(key in self._results or self._is_fresh(check, boot) for key, check in self.checks.items())
        sources = [Source(name=SOURCE, kind="checks", state="ok" if warm else "warming", last_ok=now, note=note)]
        link = self._sentinels.source()
        return StatusSnapshot(
            taken_at=now,
            checks=tuple(self._state(check, boot) for check in self.checks.values()),
            alerts=tuple(self._with_ack(alert) for alert in self._alerts.values()),
            sources=(*sources, *([link] if link is not None else [])),
            epoch=epoch,
            config_hash=config_hash,
            version=version,
        )

    def _with_ack(self, alert: Alert) -> Alert:
        seen = self._seen.get(alert.fingerprint)
        return alert if seen is None else replace(alert, ack=seen.ack)

    def _state(self, check: Check, boot: float) -> CheckState:
        machine = self._machines[check.key]
        extra = [SUPPRESSED] if machine.hard in BAD and check.parents and self._suppressed(check) else []
        extra += [ACKED] if check.fingerprint in self._seen else []
        window = self._window_of(check) if self._open else ""
        extra += [MAINT] if window else []
        over = overlays(machine, check.policy, boot, extra=tuple(extra))
        blind = machine.blind or self._sentinels.hides(check, machine.last_at)
        made_of = (machine.last_at, machine.hard, over, window, blind)
        # Most checks have no new result between two publications.
        if self._shown.get(check.key) == made_of:
            return self._states[check.key]
        state = describe(check, machine, over, history=self._histories.of(check.key))
        if blind:
            state = replace(state, state=UNKNOWN, raw=UNKNOWN, soft=None, detail=self._blind_detail(machine))
        self._states[check.key] = state = replace(state, maintenance=window) if window else state
        self._shown[check.key] = made_of
        return state

    def _blind_detail(self, machine: Machine) -> str:
        before = "" if machine.hard in (PENDING, UNKNOWN) else f"; it was {machine.hard} before"
        return blind_words(self._sentinels) + before

    def _is_fresh(self, check: Check, boot: float) -> bool:
        """Whether what the last leader knew of *check* may still be believed."""
        last = self._machines[check.key].last_boot
        return (
            last is not None
            and boot - last >= 0
            and not is_stale(boot - last, check.policy.interval, check.policy.timeout)
        )


_INSTANT: Final = timedelta(microseconds=1)
_JUST_NOW_S: Final = 2.0  # a parent that answered so lately is not asked again


def _taken_over(check: Check, machine: Machine | None) -> Machine:
    """What the last leader knew of *check*; nothing when it asked something else."""
    if machine is None or (machine.of and machine.of != check.question):
        return Machine(of=check.question)
    return machine if machine.of else replace(machine, of=check.question)


def _whole(moment: datetime) -> datetime:
    """To the second: an episode is named with that precision (console.snapshot.Alert.episode)."""
    return moment.replace(microsecond=0)
