"""What the status screen knows of one check or alert, as lines to read; and its acknowledgement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from console.clock import rfc3339, span
from screens.glyphs import STATES
from screens.status_rows import Entry
from screens.widgets.text import Span, Words, wrap

if TYPE_CHECKING:
    from console.journal.events import Event
    from console.journal.store import Journal
    from console.snapshot import Alert
    from console.watch.changes import Sample
    from screens.desk import Desk

_DAYS: Final = timedelta(days=7)
_SPARKS: Final = "▁▂▃▄▅▆▇█"
_SPARKS_ASCII: Final = "_.-=+*#@"


@dataclass(frozen=True)
class History:
    """What was kept of an entry: transitions from the journal, results from the status."""

    key: str
    transitions: tuple[tuple[datetime, str, str], ...]  # when, state token's name, words
    samples: tuple[Sample, ...] = ()


def history(desk: Desk, entry: Entry | None, then: Callable[[History], None]) -> None:
    """Read the history of *entry* off the UI thread."""
    if entry is None:
        return
    now = desk.now()

    def read(journal: Journal) -> History:
        events = journal.watch_between(now - _DAYS, now, limit=5000)
        found = [line for event in events if (line := _transition(event, entry)) is not None]
        samples = desk.reader.samples(entry.check.key) if entry.check is not None else []
        return History(entry.key, tuple(reversed(found[-200:])), tuple(samples))

    desk.read(read, then, key="history")


def _transition(event: Event, entry: Entry) -> tuple[datetime, str, str] | None:
    from console.journal import events

    body = event.body
    check, alert = entry.check, entry.alert
    if isinstance(body, events.CheckChanged) and check is not None:
        if (body.service, body.check) == (check.service, check.name):
            return event.occurred_at, body.new, f"{body.old} -> {body.new}  {body.detail}"
    elif isinstance(body, events.AlertRaised) and alert is not None and body.fingerprint == alert.fingerprint:
        return event.occurred_at, "DOWN", f"raised {body.severity}"
    elif isinstance(body, events.AlertResolved) and alert is not None and body.fingerprint == alert.fingerprint:
        return event.occurred_at, "OK", f"resolved  {body.evidence}"
    elif isinstance(body, events.Acknowledged) and alert is not None and body.fingerprint == alert.fingerprint:
        return event.occurred_at, "SOFT", f"acknowledged by {event.actor}: {body.reason}"
    return None


def lines(entry: Entry, past: History | None, desk: Desk, width: int) -> list[Words]:
    """Everything known about *entry*, as lines of at most *width* cells."""
    look = desk.look
    now = desk.now()
    letter, token = STATES[entry.state]
    found: list[Words] = [((f" {look.sign(token)} {letter}  ", token), (entry.name, "title"))]
    found += [((f"      {line}", "text"),) for line in wrap(entry.detail, width - 6, look)]
    found.append("")
    for name, value in _facts(entry, now):
        first = True
        for line in wrap(value, width - 18, look):
            found.append(((f"   {name if first else '':<13} ", "dim"), (line, "text")))
            first = False
    found += _mapping("labels", entry.labels, width, desk)
    if entry.alert is not None:
        found += _mapping("annotations", entry.alert.annotations, width, desk)
    found.append("")
    found.append(((" history", "title"), ("  (7 days)", "dim")))
    if past is None or past.key != entry.key:
        found.append((("   reading…", "dim"),))
        return found
    if past.samples:
        found.append((("   latency       ", "dim"), (_spark(past.samples, width - 20, look.ascii_only), "accent")))
    if not past.transitions:
        found.append((("   no change recorded", "dim"),))
    for at, state, words in past.transitions:
        _, tone = STATES.get(state, ("U", "unknown"))
        found.append(((f"   {at:%Y-%m-%d %H:%M:%S}Z ", "dim"), (look.sign(tone) + " ", tone), (words, "text")))
    return found


def _facts(entry: Entry, now: datetime) -> list[tuple[str, str]]:
    facts: list[tuple[str, str]] = []
    if entry.since is not None:
        facts.append(("since", f"{rfc3339(entry.since.replace(microsecond=0))} ({_ago(entry.since, now)} ago)"))
    check = entry.check
    if check is not None:
        facts.append(("kind", check.kind))
        soft = f", soft {check.soft[0]} of {check.soft[1]}" if check.soft is not None else ""
        facts.append(("state", f"{check.state}, last result {check.raw}{soft}"))
        if check.last_at is not None:
            facts.append(("last result", f"{_ago(check.last_at, now)} ago, every {span(check.interval_s)}"))
        if check.latency_ms is not None:
            late = f", started {check.lateness_ms:.0f} ms late" if check.lateness_ms else ""
            facts.append(("latency", f"{check.latency_ms:.0f} ms{late}"))
        if check.value is not None:
            facts.append(("value", f"{check.value:g} {check.unit}".strip()))
        if check.overlays:
            facts.append(("marks", ", ".join(check.overlays).lower()))
    alert = entry.alert
    if alert is not None:
        facts.append(("alert", f"{alert.name}, {alert.severity or 'no severity'}, {alert.state}, from {alert.source}"))
        if alert.ack is not None:
            when = f"{alert.ack.at:%H:%M}Z, {_ago(alert.ack.at, now)} ago"
            facts.append(("acknowledged", f"by {alert.ack.actor} at {when}: {alert.ack.reason}"))
    if entry.runbook:
        facts.append(("runbook", entry.runbook))
    return facts


def _ago(moment: datetime, now: datetime) -> str:
    return span(max((now - moment).total_seconds(), 0))


def _mapping(title: str, values: Mapping[str, str], width: int, desk: Desk) -> list[Words]:
    if not values:
        return []
    found: list[Words] = ["", ((f" {title}", "title"),)]
    for key, value in sorted(values.items()):
        first = True
        for line in wrap(str(value), width - 22, desk.look):
            head: Span = (f"   {key if first else '':<17} ", "dim")
            found.append((head, (line, "text")))
            first = False
    return found


def _spark(samples: tuple[Sample, ...], width: int, ascii_only: bool) -> str:
    values = [sample.latency_ms for sample in samples[-max(width, 8) :] if sample.latency_ms is not None]
    if not values:
        return ""
    steps = _SPARKS_ASCII if ascii_only else _SPARKS
    top = max(values) or 1.0
    return "".join(steps[min(int(value / top * (len(steps) - 1)), len(steps) - 1)] for value in values)


def acknowledge(desk: Desk, alert: Alert, reason: str) -> None:
    """Record that this episode has been seen. Local, not a silence."""
    from console.journal.events import Acknowledged, New

    body = Acknowledged(
        fingerprint=alert.fingerprint,
        name=alert.name,
        starts_at=alert.starts_at,
        reason=reason,
        service=alert.labels.get("service", ""),
    )
    new = New(body=body)
    desk.work(
        lambda journal: journal.append_watch([new]),
        lambda _: desk.say(f"acknowledged: {alert.name}"),
        lambda why: desk.say(f"not acknowledged: {why}", "error"),
    )


def how_to_add(desk: Desk) -> str:
    """Where services are configured, for a console that has none."""
    from console.config import default_config_files

    deps = desk.deps
    path = deps.config_file if deps is not None and deps.config_file is not None else default_config_files()[0]
    home = Path.home()
    short = f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
    return f"add services: in {short}; `vigie config schema` says how"
