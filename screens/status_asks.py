"""What the status screen writes and asks for: acknowledgements, declarations, checks to be run again."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from console.clock import parse_span, span
from screens.asks import Ask
from screens.errands import RunbookFor
from screens.status_entries import Entry

if TYPE_CHECKING:
    from console.journal.store import Journal
    from console.watch.acknowledge import Target
    from screens.desk import Desk
    from screens.widgets.text import Words

_MAINTENANCE_S: Final = 3600.0  # where nobody says how long
_FOR: Final = re.compile(r"(?:^|\s+)for (\S+)$")


def reason_and_time(text: str) -> tuple[str, float | None]:
    """``waiting for the vendor for 2h`` as (reason, seconds); None: until the episode ends."""
    text = text.strip()
    match = _FOR.search(text)
    if match is None:
        return text, None
    try:
        seconds = parse_span(match[1])
    except ValueError:
        return text, None
    return text[: match.start()].strip(), seconds


def target(entry: Entry) -> Target | None:
    """What would be acknowledged: the alert's episode, or a failing check that raised none."""
    from console.watch.acknowledge import Target, of_check

    alert = entry.alert
    if alert is None:
        return of_check(entry.check) if entry.check is not None else None
    service = entry.check.service if entry.check is not None else alert.labels.get("service", "")
    return Target(fingerprint=alert.fingerprint, name=alert.name, starts_at=alert.starts_at, service=service)


def acknowledge(desk: Desk, entry: Entry) -> Ask | None:
    """The line that acknowledges *entry*: local, for its episode; not a silence. None where there is no episode."""
    what = target(entry)
    if what is None:
        return None

    def submit(text: str) -> str | None:
        reason, seconds = reason_and_time(text)
        if not reason:
            return "a reason, please: it is what the next one reads"
        if seconds is not None and seconds <= 0:
            return "for how long? such as: for 2h"
        _record(desk, what, reason, seconds)
        return None

    def preview(text: str) -> Words:
        reason, seconds = reason_and_time(text)
        ends = _until(desk.now(), seconds)
        return ((f"{reason}  ", "text"), (ends, "dim"))

    return Ask(
        id="ack",
        label="ack, because>",
        submit=submit,
        draft=f"ack:{what.fingerprint}@{int(what.starts_at.timestamp())}",
        preview=preview,
        hint=f"{entry.name}: say why (… for 2h); Enter acknowledges, esc leaves",
    )


def _until(now: datetime, seconds: float | None) -> str:
    if seconds is None:
        return "until it is over or grows worse ('for 2h' ends it sooner)"
    try:
        return f"until {now + timedelta(seconds=seconds):%Y-%m-%d %H:%M}Z, or until it is over"
    except OverflowError:
        return "until it is over"


def _record(desk: Desk, what: Target, reason: str, seconds: float | None) -> None:
    from console.watch.acknowledge import event, until

    try:
        expires = until(desk.now(), seconds)
    except OverflowError:
        expires = None
    new = event(what, reason=reason, expires=expires)
    ends = f" for {span(seconds)}" if seconds is not None and expires is not None else ""
    desk.work(
        lambda journal: journal.append_watch([new]),
        lambda _: desk.say(f"acknowledged: {what.name}{ends}"),
        lambda why: desk.say(f"not acknowledged: {why}", "error"),
    )


def maintenance(desk: Desk, service: str, open_now: str) -> Ask:
    """The line that begins maintenance of *service*, or ends it; *open_now* names the window that its check is in."""
    from console.watch import asked

    ends = bool(open_now) and open_now == asked.name_of([service])

    def read(text: str) -> tuple[str, float]:
        reason, seconds = reason_and_time(text)
        return reason, _MAINTENANCE_S if seconds is None else seconds

    def submit(text: str) -> str | None:
        reason, seconds = read(text)
        if ends and reason == "end":
            _maintain(desk, service, "", 0)
            return None
        if not reason:
            return "a reason, please: it is what the next one reads"
        if not 0 < seconds <= asked.LONGEST.total_seconds():
            return "for how long? 7d at most, such as: for 2h"
        _maintain(desk, service, reason, seconds)
        return None

    def preview(text: str) -> Words:
        reason, seconds = read(text)
        if ends and reason == "end":
            return (("over now", "text"),)
        until = desk.now() + timedelta(seconds=min(seconds, asked.LONGEST.total_seconds()))
        return ((f"{reason}  ", "text"), (f"until {until:%Y-%m-%d %H:%M}Z; 'for 2h' says how long", "dim"))

    known = ""
    if open_now:
        known = f"in maintenance: {open_now}" + (", 'end' ends it" if ends else "")
    return Ask(
        id="maintenance",
        label="maintenance, because>",
        submit=submit,
        draft=f"maintenance:{service}",
        preview=preview,
        hint=f"{service}: {known or 'still checked, nobody is alerted'}; say why (… for 2h); esc leaves",
    )


def _maintain(desk: Desk, service: str, reason: str, seconds: float) -> None:
    """Begin it for so long; 0 ends the one that is open."""
    from console.watch import asked

    now = desk.now()

    def record(journal: Journal) -> str:
        if seconds:
            until = (now + timedelta(seconds=seconds)).replace(microsecond=0)
            journal.append_watch([asked.began([service], now=now, until=until, reason=reason)])
            return f"maintenance of {service} for {span(seconds)}"
        window = asked.windows(journal, now).get(asked.name_of([service]))
        if window is None:
            return f"no maintenance of {service} is open"
        journal.append_watch([asked.ended(window, now=now)])
        return f"maintenance of {service} is over"

    desk.work(record, desk.say, lambda why: desk.say(f"maintenance not recorded: {why}", "error"))


def declare(desk: Desk, entry: Entry) -> Ask:
    """The declare line for *entry*, with its labels."""
    from screens import scribe

    kind = f"check {entry.key}" if entry.check is not None else f"alert {entry.key.partition('@')[0]}"
    if entry.group is not None:
        kind = f"group {entry.name}"
    service = entry.check.service if entry.check is not None else entry.labels.get("service", "")
    since = ""
    if entry.since is not None and entry.problem:
        minutes = int((desk.now() - entry.since).total_seconds() // 60)
        since = f"-{minutes}m" if 0 < minutes < 24 * 60 else ""
    name = entry.alert.name if entry.alert is not None else entry.name
    words = f"{name}: {entry.group.words if entry.group is not None else entry.detail}"[:120].strip(" :")
    return scribe.declare(
        desk,
        text=words,
        since=since,
        labels=entry.labels,
        source=kind,
        services=(service,) if service else (),
    )


def runbook(entry: Entry) -> RunbookFor:
    """What the Runbook screen is asked for."""
    alert = entry.alert
    return RunbookFor(
        name=alert.name if alert is not None else entry.name,
        labels=entry.labels,
        annotations=alert.annotations if alert is not None else {},
        named=entry.runbook,
        severity=entry.severity or (alert.severity if alert is not None else ""),
        starts_at=entry.since.timestamp() if entry.since is not None else None,
    )


def recheck(desk: Desk, entry: Entry) -> None:
    """Ask the watch to run the check now, or to ask the alert's source again."""
    deps = desk.deps
    if deps is None:
        return
    if entry.check is not None:
        key, words = entry.check.key, f"to check {entry.check.key} now"
    elif entry.alert is not None:
        key, words = entry.alert.source, f"to ask {entry.alert.source} now"
    else:
        return

    def ask(_: Journal) -> str:
        from console.watch.status_reader import ask_for

        return ask_for(deps.paths.status_db, key, deps.clock)

    def asked(why: str) -> None:
        desk.say(f"not asked: {why}" if why else f"asked the watch {words}", "error" if why else "notice")

    desk.read(ask, asked, key="recheck")
