"""What is typed or chosen to change an incident: each function makes the question, and its answer becomes events."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from screens.asks import Ask, Choice
from screens.incident_board import ROLES
from screens.palette import matching

if TYPE_CHECKING:
    from console.config import SeverityConfig
    from console.incident.state import Incident, Task
    from console.journal.events import Event, New
    from console.journal.store import Journal
    from screens.desk import Desk
    from screens.incident_now import IncidentNow

_ABOUT: Final = {
    "trigger": "what set it off happened",
    "impact_start": "the first user was hurt",
    "detected": "somebody or something noticed",
    "declared": "it was called an incident",
    "acknowledged": "somebody took it",
    "mitigated": "users no longer hurt; the cause may be there still",
    "resolved": "the cause is gone or contained",
    "impact_end": "the last user was no longer hurt",
}
_TRIES: Final = 8


class _Moved(Exception):
    """The chain grew between the look and the append."""


def _append(desk: Desk, incident: IncidentNow, news: Sequence[New], said: str) -> None:
    desk.write(incident.stream, news, lambda _: desk.say(said))


def severity(desk: Desk, incident: IncidentNow) -> Ask:
    """The house's levels with their words; with a reason behind the name when one is typed."""
    levels: Sequence[SeverityConfig] = desk.deps.config.severities if desk.deps is not None else ()
    choices = [Choice(level.name, f"{level.name:<6}", level.description) for level in levels]
    if incident.severity:
        choices.append(Choice("", "none  ", "take the severity away"))

    def submit(name: str) -> str | None:
        from console.incident import actions

        if name == incident.severity:
            return f"it is {name} already"
        _append(desk, incident, [actions.set_severity(name)], f"{incident.alias} is {name or 'without a severity'} now")
        return None

    return Ask(
        id="severity",
        label="severity>",
        submit=submit,
        choices=lambda text: matching(text, choices),
        hint="type a number or words, arrows choose, Enter sets it, esc leaves",
    )


def milestone(desk: Desk, incident: IncidentNow) -> Ask:
    """Which milestone; then when, in the scribe's grammar, now if nothing is typed."""
    stamps = incident.state.milestones()

    def about(name: str) -> str:
        known = stamps.get(name)
        return _ABOUT[name] + (f"   stamped {known[-1].at:%H:%M}Z" if known else "")

    choices = [Choice(name, f"{name:<13}", about(name)) for name in _ABOUT]

    def submit(name: str) -> None:
        desk.ask(_when(desk, incident, name))

    return Ask(
        id="milestone",
        label="milestone>",
        submit=submit,
        choices=lambda text: matching(text, choices),
        hint="type its name, arrows choose; the time comes next",
    )


def _when(desk: Desk, incident: IncidentNow, name: str) -> Ask:
    from console.incident.entry import parse, preview
    from screens.scribe import severities, zone

    began: list[datetime] = []

    def entry(text: str) -> Any:
        if not began or not text.strip():
            began[:] = [desk.now()]
        return parse(f"+{name} {text}".strip(), began[0], zone(desk), "note", severities=severities(desk))

    asked: list[str] = []

    def submit(text: str) -> str | None:
        from console.incident.entry import to_events

        found = entry(text)
        if found.refusals:
            return str(found.refusals[0].text)
        if found.questions and text not in asked:
            asked.append(text)
            return f"{found.questions[0].text} Enter again saves it"
        news = to_events(found, saved_at=desk.now(), confirmed=True)
        _append(desk, incident, news, f"{name} is stamped")
        return None

    return Ask(
        id="milestone-when",
        label=f"+{name}>",
        submit=submit,
        typed=entry,
        preview=lambda text: preview(entry(text), incident.zero.at if incident.zero is not None else None),
        hint="Enter stamps now; -8m earlier; @14:32 at a time; words behind it are kept",
    )


def title(desk: Desk, incident: IncidentNow) -> Ask:
    """Another title."""

    def submit(text: str) -> str | None:
        from console.incident import actions

        if not text.strip():
            return "a title says what is broken, in a few words"
        if text.strip() != incident.title:
            _append(desk, incident, [actions.set_title(text)], "the title is changed; the old one stays in the record")
        return None

    return Ask(
        id="title", label="title>", submit=submit, text=incident.title, hint="what is broken, for whom, in a few words"
    )


def summary(desk: Desk, incident: IncidentNow) -> Ask:
    """Another summary; kept as a draft while it is typed."""

    def submit(text: str) -> str | None:
        from console.incident import actions

        if text.strip() != incident.state.summary:
            _append(desk, incident, [actions.set_summary(text)], "the summary is saved")
        return None

    return Ask(
        id="summary",
        label="summary>",
        submit=submit,
        text=incident.state.summary,
        draft=f"summary:{incident.stream}",
        hint="what happened, who was hurt, how it ended: two or three sentences",
    )


def role(desk: Desk, incident: IncidentNow) -> Ask:
    """Take a role; ``ops @bob`` gives it to somebody, ``ops -`` leaves it empty."""
    holders = incident.state.role_holders()
    me = desk.deps.actor if desk.deps is not None else ""

    def submit(text: str) -> str | None:
        from console.incident import actions

        words = text.split()
        if not words:
            return f"which role? {', '.join(ROLES)}"
        name = words[0].lower()
        person = " ".join(words[1:]).removeprefix("@") or me
        if person == "-":
            person = ""
        if holders.get(name, "") == person:
            return f"{person or 'nobody'} has {name} already"
        said = f"{person} has {name} now" if person else f"nobody has {name} now"
        _append(desk, incident, [actions.set_role(name, person)], said)
        return None

    def preview(text: str) -> str:
        words = text.split()
        if not words:
            return ""
        person = " ".join(words[1:]).removeprefix("@") or me
        now = holders.get(words[0].lower(), "")
        return f"{words[0].lower()}: {now or 'nobody'} -> {'nobody' if person == '-' else person}"

    return Ask(
        id="role",
        label="role>",
        submit=submit,
        preview=preview,
        hint=f"{' '.join(ROLES)}; Enter: {me} takes it; ops @bob; ops - nobody",
    )


def task_done(desk: Desk, incident: IncidentNow) -> Ask | None:
    """Which open task is done; None when none is open."""
    state: Incident = incident.state
    tasks: dict[str, Task] = {task.task: task for task in state.open_tasks()}
    if not tasks:
        return None
    choices = [
        Choice(task.task, state.wording(task, task.text)[:60], f"@{task.owner}" if task.owner else "unassigned")
        for task in tasks.values()
    ]

    def submit(task: str) -> None:
        from console.incident import actions

        _append(desk, incident, [actions.close_task(task)], "the task is done")

    return Ask(
        id="task",
        label="done>",
        submit=submit,
        choices=lambda text: matching(text, choices),
        hint="which one is done? arrows choose, Enter says so",
    )


def close(desk: Desk, incident: IncidentNow, done: Callable[[Event], None]) -> Ask:
    """Close it, with a reason; *done* gets the event, which holds count and head of the chain before it."""

    def submit(text: str) -> str | None:
        if not text.strip():
            return "a reason, please: how do we know that it is over?"

        def closed(events: list[Event]) -> None:
            done(events[0])

        desk.work(lambda journal: close_in(journal, incident.stream, text.strip()), closed)
        return None

    missing = [name for name in ("mitigated", "resolved", "impact_end") if not incident.state.milestones().get(name)]
    running = len(incident.state.running)
    warning = [f"{running} command{'s' if running > 1 else ''} still running"] if running else []
    warning += [f"not stamped: {', '.join(missing)}"] if missing else []
    return Ask(
        id="close",
        label=f"close {incident.alias}, because>",
        submit=submit,
        draft=f"close:{incident.stream}",
        hint=(("; ".join(warning), "degraded"),) if warning else "Enter closes it, esc leaves; it can be reopened",
    )


def close_in(journal: Journal, stream: str, reason: str) -> list[Event]:
    """Append the closing event with the very chain that it closes. Raises a one-line ``JournalError``."""
    from console.incident import actions
    from console.journal import transaction
    from console.journal.errors import JournalError

    for _ in range(_TRIES):
        count, head = journal.head(stream)

        def unmoved(db: sqlite3.Connection, seen: tuple[int, str] = (count, head)) -> None:
            if transaction.count_and_head(db, stream) != seen:
                raise _Moved

        try:
            return journal.append(stream, [actions.close(count, head, reason)], guard=unmoved)
        except _Moved:
            continue
    raise JournalError("others write to this incident all the time: not closed, try again")


def reopen(desk: Desk, incident: IncidentNow) -> Ask:
    """Open it again, with a reason."""

    def submit(text: str) -> str | None:
        from console.incident import actions

        if not text.strip():
            return "a reason, please: what came back?"
        _append(desk, incident, [actions.reopen(text.strip())], f"{incident.alias} is open again")
        return None

    return Ask(
        id="reopen",
        label=f"reopen {incident.alias}, because>",
        submit=submit,
        draft=f"reopen:{incident.stream}",
        hint="Enter opens it again; every stamp stays",
    )
