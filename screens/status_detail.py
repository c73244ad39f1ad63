"""What the status screen knows of one check or alert, as lines to read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from console.clock import rfc3339, span
from screens.glyphs import STATES
from screens.status_entries import Entry
from screens.status_rows import spark
from screens.widgets.text import Span, Words, wrap

if TYPE_CHECKING:
    from console.journal.events import Event
    from console.journal.store import Journal
    from console.snapshot import Alert, Availability, CheckState
    from console.watch.changes import LastBody, Sample
    from screens.desk import Desk

_DAYS: Final = timedelta(days=7)
_RESULTS: Final = 20  # that are listed
_BODY_LINES: Final = 40  # of what a failing check got


class History(Struct, frozen=True):
    """What was kept of an entry: transitions from the journal, results and what the last bad one got from the status."""

    key: str
    of: tuple[str, ...]  # how the entry was when this was read
    transitions: tuple[tuple[datetime, str, str], ...]  # when, state token's name, words
    samples: tuple[Sample, ...] = ()
    body: LastBody | None = None


def history(desk: Desk, entry: Entry | None, then: Callable[[History], None]) -> None:
    """Read the history of *entry* off the UI thread."""
    if entry is None or entry.group is not None:
        return
    now = desk.now()

    def read(journal: Journal) -> History:
        from console.journal.watch_log import about

        mark = entry.alert.fingerprint if entry.alert is not None else ""
        subjects = [f"raised:{mark}", f"resolved:{mark}"] if mark else []
        if entry.check is not None:
            subjects += [f"check:{entry.check.key}", f"flapping:{entry.check.key}"]
        events = about(journal, subjects, mark, start=now - _DAYS, end=now)
        found = [line for event in events if (line := _transition(event, entry)) is not None]
        samples = desk.reader.samples(entry.check.key) if entry.check is not None else []
        body = desk.reader.last_body(entry.check.key) if entry.check is not None else None
        return History(entry.key, _how(entry), tuple(reversed(found[-200:])), tuple(samples), body)

    desk.read(read, then, key="history")


def outdated(past: History | None, entry: Entry | None) -> bool:
    """Whether something has happened to *entry* since its *past* was read."""
    return past is not None and entry is not None and past.key == entry.key and past.of != _how(entry)


def _how(entry: Entry) -> tuple[str, ...]:
    check = entry.check
    if check is None:
        return (entry.state,)
    return (entry.state, check.raw, "" if check.raw == "OK" else check.detail)


def _transition(event: Event, entry: Entry) -> tuple[datetime, str, str] | None:
    from console.journal import events

    body = event.body
    check, alert = entry.check, entry.alert
    if isinstance(body, events.CheckChanged) and check is not None:
        if (body.service, body.check) == (check.service, check.name):
            return event.occurred_at, body.new, f"{body.old} -> {body.new}  {body.detail}"
    elif isinstance(body, events.CheckFlapping) and check is not None:
        if (body.service, body.check) == (check.service, check.name):
            what = "began to flap" if body.began else "flaps no more"
            return (
                event.occurred_at,
                body.state if not body.began else "DEGRADED",
                f"{what}, now {body.state or 'unknown'}",
            )
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
    names = wrap(entry.name, width - 8, look)
    found: list[Words] = [((f" {look.sign(token)} {letter}  ", token), (names[0], "title"))]
    found += [((f"      {name}", "title"),) for name in names[1:]]
    found += [((f"      {line}", "text"),) for line in wrap(entry.detail, width - 6, look)]
    found.append("")
    for name, value in _facts(entry, now, desk):
        first = True
        for line in wrap(value, width - 18, look):
            found.append(((f"   {name if first else '':<13} ", "dim"), (line, "text")))
            first = False
    found += _mapping("labels", entry.labels, width, desk)
    if entry.alert is not None:
        found += _mapping("annotations", entry.alert.annotations, width, desk)
    if entry.group is not None:
        return [*found, "", (("   Enter shows them one by one", "dim"),)]
    found.append("")
    found.append(((" history", "title"), ("  (7 days)", "dim")))
    if past is None or past.key != entry.key:
        found.append((("   reading…", "dim"),))
        return found
    return found + _past(past, desk, width)


def _past(past: History, desk: Desk, width: int) -> list[Words]:
    look, now = desk.look, desk.now()
    found: list[Words] = []
    values = [sample.latency_ms for sample in past.samples if sample.latency_ms is not None]
    if values and not desk.link.slow:  # the picture moves with every result: a slow link has better to carry
        found.append((("   latency       ", "dim"), (spark(values, width - 20, look.ascii_only), "accent")))
    if not past.transitions:
        found.append((("   no change recorded", "dim"),))
    for at, state, words in past.transitions:
        _, tone = STATES.get(state, ("U", "unknown"))
        when = f"{at:%H:%M:%S}Z" if now - at < timedelta(hours=12) else f"{at:%Y-%m-%d %H:%M}Z"
        first = True
        for line in wrap(words, width - 22, look):
            mark = (f"   {when:<17} {look.sign(tone)} ", tone) if first else (" " * 22, "dim")
            found.append((mark, (line, "text")))
            first = False
    if past.body is not None:
        found += _body(past.body, desk, width)
    if past.samples:
        found += ["", ((" last results", "title"),)]
    for sample in reversed(past.samples[-_RESULTS:]):
        letter, tone = STATES.get(sample.state, ("U", "unknown"))
        latency = f"{sample.latency_ms:,.0f} ms" if sample.latency_ms is not None else ""
        value = f"   {sample.value:g}" if sample.value is not None else ""
        row = (
            (f"   {sample.at:%H:%M:%S}Z ", "dim"),
            (f"{look.sign(tone)} {letter} ", tone),
            (f"{latency:>10}{value}", "text"),
        )
        found.append(row)
    return found


def _body(body: LastBody, desk: Desk, width: int) -> list[Words]:
    """The beginning of what the check got when it failed, as far as a screen should carry it."""
    came = f"  (first came {_ago(body.at, desk.now())} ago)"
    found: list[Words] = ["", ((" last body", "title"), (came, "dim"))]
    found += [((f"   {line}", "dim"),) for line in wrap(body.detail, width - 4, desk.look)]
    rest = wrap(body.text, width - 6, desk.look)
    found += [((f"     {line}", "text"),) for line in rest[:_BODY_LINES]]
    if len(rest) > _BODY_LINES:
        found.append(((f"     {len(rest) - _BODY_LINES} more lines", "dim"),))
    return found


def _facts(entry: Entry, now: datetime, desk: Desk) -> list[tuple[str, str]]:
    facts: list[tuple[str, str]] = []
    if entry.since is not None:
        facts.append(("since", f"{rfc3339(entry.since.replace(microsecond=0))} ({_ago(entry.since, now)} ago)"))
    if entry.group is not None:
        facts.append(("members", f"{entry.group.count:,}: {entry.group.words}"))
    if entry.check is not None:
        facts += _check_facts(entry.check, now, desk)
    if entry.alert is not None:
        facts += _alert_facts(entry.alert, now, desk)
    if entry.runbook:
        facts.append(("runbook", entry.runbook))
    return facts


def _check_facts(check: CheckState, now: datetime, desk: Desk) -> Iterator[tuple[str, str]]:
    yield "kind", check.kind
    soft = f", soft {check.soft[0]} of {check.soft[1]}" if check.soft is not None else ""
    yield "state", f"{check.state}, last result {check.raw}{soft}"
    if check.last_at is not None:
        yield "last result", f"{_ago(check.last_at, now)} ago, every {span(check.interval_s)}"
    yield from _conditions(check, desk)
    if check.latency_ms is not None:
        late = f", started {check.lateness_ms:.0f} ms late" if check.lateness_ms else ""
        usual = ""
        if check.p50_ms is not None and check.p95_ms is not None:
            usual = f"; p50 {check.p50_ms:.0f} ms, p95 {check.p95_ms:.0f} ms"
        yield "latency", f"{check.latency_ms:.0f} ms{usual}{late}"
    if check.value is not None:
        yield "value", f"{check.value:g} {check.unit}".strip()
    if check.availability:
        yield "available", ", ".join(_share(one) for one in check.availability)
    if check.overlays:
        yield "marks", ", ".join(check.overlays).lower()
    if check.maintenance:
        yield "maintenance", check.maintenance


def _share(one: Availability) -> str:
    window = span(one.window_s)
    if one.share is None:
        return f"{window}: not known"
    percent = f"{one.share * 100:.3f}".rstrip("0").rstrip(".")
    if one.share < 1 and percent == "100":
        percent = "99.999"  # what was not always up never reads as if it had been
    known = one.known_s / one.window_s
    return f"{window}: {percent} %" + (f" (known for {span(one.known_s)})" if known < 0.99 else "")


def _conditions(check: CheckState, desk: Desk) -> Iterator[tuple[str, str]]:
    """What it must fulfil, as the configuration says."""
    services = desk.deps.config.services if desk.deps is not None else ()
    for service in services:
        for config in service.checks if service.name == check.service else ():
            if (config.name or config.kind) == check.name:
                for name, found in (
                    ("must hold", config.conditions or ()),
                    ("else slow", config.degraded_conditions),
                    ("ends when", config.recover_when),
                ):
                    yield from ((name, condition) for condition in found)


def _alert_facts(alert: Alert, now: datetime, desk: Desk) -> Iterator[tuple[str, str]]:
    told = ", ".join(alert.reported_by) if alert.reported_by else alert.source
    yield "alert", f"{alert.name}, {alert.severity or 'no severity'}, {alert.state}, from {told}"
    if alert.ack is not None:
        when = f"{alert.ack.at:%H:%M}Z, {_ago(alert.ack.at, now)} ago"
        ends = f"; until {alert.ack.expires:%Y-%m-%d %H:%M}Z" if alert.ack.expires is not None else ""
        yield "acknowledged", f"by {alert.ack.actor} at {when}: {alert.ack.reason}{ends}"
    silences = {one.id: one for one in desk.status.silences} if desk.status is not None else {}
    for mark in alert.silenced_by:
        silence = silences.get(mark)
        if silence is None:
            yield "silenced", f"by {mark}"
        else:
            left = span(max((silence.ends_at - now).total_seconds(), 0))
            yield "silenced", f"by {silence.author or 'nobody'}: {silence.comment or 'no comment'}; ends in {left}"
    if alert.inhibited_by:
        named = {one.fingerprint: one.name for one in desk.status.alerts} if desk.status is not None else {}
        yield "inhibited", "by " + ", ".join(named.get(mark, mark) for mark in alert.inhibited_by)


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


def how_to_add(desk: Desk) -> str:
    """Where services are configured, for a console that has none."""
    from console.config import default_config_files

    deps = desk.deps
    path = deps.config_file if deps is not None and deps.config_file is not None else default_config_files()[0]
    home = Path.home()
    short = f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
    return f"add services: in {short}; `vigie config schema` says how"
