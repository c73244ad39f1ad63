"""The first-60-seconds screen as lines: pure functions from the incident's state and the time to words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from console.clock import span
from console.config import SeverityConfig
from console.incident.clocks import Clock, clocks_of
from console.incident.metrics import Metrics, compute
from console.incident.state import Incident, Line, Task
from console.incident.timeline import LEAD_UP
from console.incident.wording import words
from console.journal.events import MILESTONES, CheckChanged, Event
from screens.header import severity_token
from screens.look import Look
from screens.widgets.text import Span, Words, wrap

ROLES: Final = ("ic", "ops", "comms", "scribe", "next-ic")
HEAD: Final = 4  # lines of the head
AFTER: Final = timedelta(minutes=5)  # behind T+0: what was noticed a little late belongs to the beginning too
_LABEL: Final = 12  # cells of the label column
_CHANGES: Final = 8


@dataclass(frozen=True)
class Changes:
    """What the watch saw around the beginning of an incident, newest last, and how much more there was."""

    stream: str
    events: tuple[Event, ...]
    left_out: int = 0

    @classmethod
    def of(cls, stream: str, found: Sequence[Event]) -> Changes:
        return cls(stream, tuple(found[-_CHANGES:]), max(len(found) - _CHANGES, 0))


@dataclass(frozen=True)
class Facts:
    """An incident with what is computed from it once, when it changes, not once a second."""

    alias: str
    state: Incident
    metrics: Metrics
    level: SeverityConfig | None
    levels: tuple[str, ...]

    @classmethod
    def of(cls, alias: str, state: Incident, severities: Sequence[SeverityConfig]) -> Facts:
        level = next((one for one in severities if one.name.casefold() == state.severity.casefold()), None)
        return cls(alias, state, compute(state), level, tuple(one.name for one in severities))


# ── the head: it never scrolls away ──────────────────────────────────────────────────────────────────────────────


def head(facts: Facts, now: datetime, *, coarse: bool = False) -> list[tuple[Words, Words]]:
    """:data:`HEAD` lines, left and right: what, how bad and for whom, how long by both clocks, *coarse* without seconds."""
    state, metrics = facts.state, facts.metrics
    status: list[Span] = [(state.status.upper(), "ok" if not state.is_open else "title")]
    if state.drill:
        status.insert(0, ("DRILL  ", "degraded"))
    if state.reopened:
        status.append((f" reopened x{state.reopened}", "degraded"))
    running = clocks_of(state, metrics, now)
    zero, impact, declared = running.zero, running.impact, running.declared
    basis = f"T+0 is {zero.basis}" if zero is not None else "no T+0 yet"
    by = f" by {state.declared_by}" if state.declared_by else ""
    return [
        (((f" {facts.alias} ", "accent"), (state.title, "title")), (*status, (" ", "text"))),
        (((" ", "text"), *_severity(facts)), ()),
        (_clock_words("impact", impact, "m stamps impact_start", "", coarse), ((basis + " ", "dim"),)),
        (_clock_words("declared", declared, "nobody declared it here: an import", by, coarse), ()),
    ]


def _severity(facts: Facts) -> tuple[Span, ...]:
    state = facts.state
    if state.severity:
        spans: list[Span] = [(state.severity, severity_token(state.severity, facts.levels))]
        if facts.level is not None and facts.level.description:
            spans.append((f" {facts.level.description}", "dim"))
    else:
        spans = [("no severity yet", "degraded"), (" s sets it", "faint")]
    spans.append(("   ", "text"))
    services = ", ".join(state.services)
    spans.append((services, "text") if services else ("no service named", "faint"))
    return tuple(spans)


def _clock_words(label: str, clock: Clock | None, missing: str, behind: str, coarse: bool) -> tuple[Span, ...]:
    if clock is None:
        return ((f" {label:<8} ", "dim"), ("not recorded", "degraded"), (f"  {missing}", "faint"))
    about = "~" if clock.approximate else " "
    return (
        (f" {label:<8} ", "dim"),
        (about + long_span(clock.seconds, coarse=coarse and clock.running), "title"),
        ("  running " if clock.running else "  stopped ", "dim" if clock.running else "ok"),
        (f" since {clock.since:%Y-%m-%d %H:%M:%S}Z{behind}", "dim"),
    )


def long_span(seconds: float, *, coarse: bool = False) -> str:
    """``00:12:44``, *coarse* ``00:12``; days before it when there are any."""
    sign = "-" if seconds < 0 else ""
    hours, rest = divmod(int(abs(seconds)), 3600)
    days, hours = divmod(hours, 24)
    return f"{sign}{f'{days}d ' if days else ''}{hours:02d}:{rest // 60:02d}" + ("" if coarse else f":{rest % 60:02d}")


# ── the board ────────────────────────────────────────────────────────────────────────────────────────────────────


def board(facts: Facts, changes: Changes | None, now: datetime, width: int, look: Look) -> list[Words]:
    """Everything else, in the order in which somebody who has just arrived asks for it."""
    page = _Page(width, look)
    state = facts.state
    page.put("Roles", _roles(state))
    page.put("Updates", _updates(facts, now))
    _tasks(page, state, now)
    _told(page, "Decision", state, state.last_lines("decision")[:1], "no decision recorded")
    _work(page, state, now)
    _told(page, "Finding", state, state.last_lines("finding")[:1])
    _told(page, "Question", state, state.open_questions()[:5])
    page.put("Stamped", _stamped(facts))
    missing = [name for name in MILESTONES if facts.metrics.milestones[name] is None]
    if missing:
        page.put("Missing", ((", ".join(missing), "degraded"),))
    _changes(page, changes, facts)
    if state.summary:
        page.text("Summary", state.summary)
    source = f"{state.source}   " if state.source else ""
    page.put(
        "Record", ((f"{source}{_many(state.count, 'event')}, {_many(len(state.actors), 'person', 'people')}", "dim"),)
    )
    page.put("", ((f"chain head {state.last_hash}", "faint"),))
    if state.partial:
        page.put("", ((state.partial, "unknown"),))
    return page.lines


class _Page:
    def __init__(self, width: int, look: Look) -> None:
        self.lines: list[Words] = []
        self.look = look
        self.room = max(width - _LABEL - 2, 10)
        self._label = ""

    def put(self, label: str, words: Sequence[Span]) -> None:
        self.lines.append((self._named(label), *words))

    def text(self, label: str, text: str, tone: str = "text", before: Sequence[Span] = (), most: int = 4) -> None:
        """*text*, wrapped; *before* stands on its first line."""
        taken = sum(len(part) for part, _ in before)
        found = wrap(text, self.room - taken, self.look)
        if len(found) > most:
            found = [*found[: most - 1], found[most - 1] + " " + self.look.sign("more")]
        for number, line in enumerate(found):
            lead = tuple(before) if number == 0 else ((" " * taken, "text"),)
            self.put(label if number == 0 else "", (*lead, (line, tone)))

    def _named(self, label: str) -> Span:
        shown = "" if label == self._label else label
        self._label = label or self._label
        return (f" {shown:<{_LABEL}}", "accent" if shown else "dim")


def _roles(state: Incident) -> list[Span]:
    holders = state.role_holders()
    spans: list[Span] = []
    for role in (*ROLES, *sorted(set(holders) - set(ROLES))):
        person = holders.get(role, "")
        spans += [
            (f"{role} ", "dim"),
            (person or "nobody", "title" if person else "degraded" if role == "ic" else "faint"),
        ]
        spans.append(("  ", "text"))
    return spans


def _updates(facts: Facts, now: datetime) -> list[Span]:
    state = facts.state
    told = state.last_lines("comms")
    last = state.when(told[0])[0] if told else None
    spans: list[Span] = []
    if last is None:
        spans.append(("none sent yet", "degraded" if state.is_open else "dim"))
    else:
        spans.append((f"last {last:%H:%M}Z, {_ago(last, now)} ago", "text"))
    cadence = float(facts.level.update) if facts.level is not None else 0.0
    start = last or facts.state.declared_at
    if not state.is_open:
        return spans
    if not cadence or start is None:
        spans.append(("   no cadence set" + (f" for {state.severity}" if state.severity else ""), "faint"))
        return spans
    left = (start + timedelta(seconds=cadence) - now).total_seconds()
    if left >= 0:
        spans += [("   next due in ", "dim"), (_minutes(left), "text"), (f"  (every {span(cadence)})", "faint")]
    else:
        spans += [("   next OVERDUE by ", "down"), (_minutes(-left), "down"), (f"  (every {span(cadence)})", "faint")]
    return spans


def _tasks(page: _Page, state: Incident, now: datetime) -> None:
    tasks = state.open_tasks()
    if not tasks:
        page.put("Tasks", (("none open", "dim"), ("   n, then: todo @ann 10m check the db", "faint")))
        return
    for task in sorted(tasks, key=lambda task: _due(state, task) or datetime.max.replace(tzinfo=now.tzinfo)):
        page.text("Tasks", state.wording(task, task.text), before=_timer(state, task, now), most=2)


def _due(state: Incident, task: Task) -> datetime | None:
    if task.check_back_ms is None:
        return None
    return state.when(task)[0] + timedelta(milliseconds=task.check_back_ms)


def _timer(state: Incident, task: Task, now: datetime) -> list[Span]:
    owner: Span = (f"@{task.owner} ", "title") if task.owner else ("unassigned ", "degraded")
    due = _due(state, task)
    if due is None:
        return [owner, (f"{_ago(state.when(task)[0], now)} ", "dim")]
    left = (due - now).total_seconds()
    if left >= 0:
        return [owner, (f"back in {_minutes(left)} ", "dim")]
    return [owner, (f"BACK {_minutes(-left)} AGO ", "down")]


def _told(page: _Page, label: str, state: Incident, lines: Sequence[Line], empty: str = "") -> None:
    if not lines and empty:
        page.put(label, ((empty, "dim"),))
    for line in lines:
        at = state.when(line)[0]
        text = state.wording(line, line.text)
        page.text(label, text, before=((f"{at:%H:%M}Z @{line.actor} ", "dim"),), most=2)


def _work(page: _Page, state: Incident, now: datetime) -> None:
    for run in state.active_runs():
        page.text("Runbook", run.title, before=((f"{run.at:%H:%M}Z @{run.actor} ", "dim"),), most=1)
    for command in state.running.values():
        where = f"{_ago(command.at, now)} @{command.actor} on {command.host} "
        page.text("Running", command.text, "code", before=((where, "dim"),), most=1)


def _stamped(facts: Facts) -> list[Span]:
    spans: list[Span] = []
    for name in MILESTONES:
        mark = facts.metrics.milestones[name]
        if mark is not None:
            about = "~" if mark.precision in ("approx", "hour", "day") else ""
            more = f" x{mark.stamps}" if mark.stamps > 1 else ""
            spans += [(f"{name} ", "dim"), (f"{about}{mark.at:%H:%M}Z{more}", "text"), ("  ", "text")]
    return spans or [("nothing yet", "degraded")]


def _changes(page: _Page, changes: Changes | None, facts: Facts) -> None:
    if changes is None or changes.stream != facts.state.stream:
        page.put("Before", (("looking at what the watch saw before", "faint"), (page.look.sign("more"), "faint")))
        return
    if not changes.events:
        page.put("Before", ((f"the watch saw no change in the {span(LEAD_UP.total_seconds())} before T+0", "dim"),))
        return
    for event in changes.events:
        token, text = change_words(event)
        page.text("Before", text, before=((f"{event.occurred_at:%H:%M:%S}Z ", "dim"),), tone=token, most=1)
    if changes.left_out:
        page.put("", ((f"and {changes.left_out} more: 4 shows all", "faint"),))


def change_words(event: Event) -> tuple[str, str]:
    """``(token, words)`` of what the watch recorded."""
    body = event.body
    token = {"alert_raised": "down", "alert_resolved": "ok", "source_lost": "unknown", "source_back": "ok"}.get(
        event.kind, "dim"
    )
    if isinstance(body, CheckChanged):
        token = _STATE_TOKENS.get(body.new, "unknown")
    return token, words(event)[1]


_STATE_TOKENS: Final = {"OK": "ok", "DOWN": "down", "DEGRADED": "degraded", "UNKNOWN": "unknown", "PENDING": "pending"}


def nothing(recent: Sequence[tuple[str, str]] = ()) -> list[Words]:
    """What stands here while no incident is chosen."""
    lines: list[Words] = [
        "",
        ((" No incident is open.", "title"),),
        "",
        ((" D", "accent"), (" declares one, in one line; only the words are needed:", "text")),
        (("     sev2 checkout answers 5xx -8m #payments", "code"),),
        (("     severity, what is broken, when the impact began, which service", "dim"),),
        "",
        ((" 1", "accent"), (" then D on a failing check or alert takes its words, labels and service along.", "text")),
        ((" i", "accent"), (" lists the incidents there were, to read or to reopen.", "text")),
        (("     $ vigie declare sev2 checkout answers 5xx", "code"), ("   from any shell on this host", "dim")),
    ]
    if recent:
        lines += ["", ((" Before", "title"),)]
        lines += [((f"   {alias:<8} ", "dim"), (title, "text")) for alias, title in recent]
    return lines


def _ago(at: datetime, now: datetime) -> str:
    return _minutes(max((now - at).total_seconds(), 0))


def _minutes(seconds: float) -> str:
    """Coarse enough that a line changes rarely: seconds under a minute in tens, then minutes."""
    if seconds < 60:
        return f"{int(seconds) // 10 * 10}s" if seconds >= 10 else "10s"
    return span(int(seconds) // 60 * 60)


def _many(count: int, one: str, more: str = "") -> str:
    return f"{count:,} {one if count == 1 else more or one + 's'}"
