"""The fold that makes an :class:`~console.incident.state.Incident` of its events: one small function per kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from console.incident.state import (
    KEPT_KINDS,
    QUESTIONS,
    RECENT,
    Command,
    Fact,
    Held,
    Incident,
    Line,
    Listed,
    Redaction,
    Revision,
    Run,
    Stamp,
    Task,
    Told,
    Window,
)
from console.journal.events import (
    Closed,
    CommandFinished,
    CommandStarted,
    Declared,
    Erased,
    Event,
    ImpactWindow,
    Imported,
    Noted,
    Redacted,
    Reopened,
    Revised,
    RoleSet,
    RunEnded,
    RunStarted,
    RunSwitched,
    ServicesSet,
    SeveritySet,
    Starred,
    SummarySet,
    TaskClosed,
    TaskOpened,
    TitleSet,
    Undone,
    Unknown,
)
from console.sanitize import one_line

_LINE: Final = 300  # characters of a kept line

_Apply = Callable[[Incident, Event, Any], None]


class IncidentFold:
    """Implements ``console.journal.folds.Fold[Incident]``."""

    name: str = "incident"
    version: int = 3  # grows with every change of Incident's shape or of what a kind does to it

    def initial(self) -> Incident:
        """Nothing known yet."""
        return Incident()

    def apply(self, state: Incident, event: Event) -> Incident:
        """*state* after *event*, changed in place."""
        state.stream = event.stream
        state.count += 1
        state.last_seq, state.last_hash = event.seq, event.hash
        state.last_recorded_at = event.recorded_at
        state.actors[event.actor] = state.actors.get(event.actor, 0) + 1
        state.kinds[event.kind] = state.kinds.get(event.kind, 0) + 1
        if event.kind == "declared" and event.origin.program != "import":
            state.declared_at, state.declared_by = event.occurred_at, event.actor
            state.stamps.append(Stamp(**_from(event), milestone="declared", envelope=True))
        body = event.body
        if isinstance(body, Unknown):
            state.unknown[body.kind] = state.unknown.get(body.kind, 0) + 1
            return state
        if isinstance(body, Erased):
            return state
        handler = _HANDLERS.get(type(body))
        if handler is not None:
            handler(state, event, body)
        if not (isinstance(body, _RECORD) or (event.origin.program == "import" and isinstance(body, _IMPORT))):
            if state.first_at is None or event.occurred_at < state.first_at:
                state.first_at = event.occurred_at
            if state.last_at is None or event.occurred_at > state.last_at:
                state.last_at = event.occurred_at
        return state


# Events about the record, or the import, say nothing of when the incident was.
_RECORD: Final = (Revised, Starred, Undone, Redacted)
_IMPORT: Final = (Declared, Imported, Closed, SummarySet, TitleSet)


def fold(events: Iterable[Event], state: Incident | None = None) -> Incident:
    """The incident that *events* (in order of seq) amount to, on top of *state*."""
    folding = IncidentFold()
    result = folding.initial() if state is None else state
    for event in events:
        result = folding.apply(result, event)
    return result


def _from(event: Event) -> dict[str, Any]:
    return {
        "event": event.id,
        "seq": event.seq,
        "at": event.occurred_at,
        "precision": event.precision,
        "actor": event.actor,
    }


def _declared(state: Incident, event: Event, body: Declared) -> None:
    state.titles.append(Told(**_from(event), value=body.title))
    if body.severity:
        state.severities.append(Told(**_from(event), value=body.severity))
    if body.services:
        state.service_lists.append(Listed(**_from(event), values=body.services))
    if body.impact_start is not None:
        started = {**_from(event), "at": body.impact_start}
        state.stamps.append(Stamp(**started, milestone="impact_start"))
    state.source, state.labels, state.drill = body.source, dict(body.labels), body.drill


def _noted(state: Incident, event: Event, body: Noted) -> None:
    for milestone in body.marks:
        state.stamps.append(Stamp(**_from(event), milestone=milestone))
    if not (body.question or body.note in KEPT_KINDS):
        return
    line = Line(**_from(event), kind=body.note, text=one_line(body.text or body.evidence, _LINE))
    if body.question:
        state.questions.append(line)
        del state.questions[:-QUESTIONS]
    else:
        kept = state.recent.setdefault(body.note, [])
        kept.append(line)
        del kept[:-RECENT]


def _title(state: Incident, event: Event, body: TitleSet) -> None:
    state.titles.append(Told(**_from(event), value=body.title))


def _summary(state: Incident, event: Event, body: SummarySet) -> None:
    state.summaries.append(Told(**_from(event), value=body.text))


def _severity(state: Incident, event: Event, body: SeveritySet) -> None:
    state.severities.append(Told(**_from(event), value=body.severity))


def _services(state: Incident, event: Event, body: ServicesSet) -> None:
    state.service_lists.append(Listed(**_from(event), values=body.services))


def _window(state: Incident, event: Event, body: ImpactWindow) -> None:
    state.windows.append(Window(**_from(event), start=body.start, end=body.end))


def _role(state: Incident, event: Event, body: RoleSet) -> None:
    state.roles.append(Held(**_from(event), role=body.role, person=body.person))


def _task_opened(state: Incident, event: Event, body: TaskOpened) -> None:
    if any(task.task == body.task for task in state.tasks):
        return
    state.tasks.append(
        Task(**_from(event), task=body.task, text=body.text, owner=body.owner, check_back_ms=body.check_back_ms)
    )


def _task_closed(state: Incident, event: Event, body: TaskClosed) -> None:
    for task in state.tasks:
        if task.task == body.task:
            task.closed.append(Told(**_from(event), value=body.outcome))


def _closed(state: Incident, event: Event, body: Closed) -> None:
    state.lifecycle.append(Told(**_from(event), value="closed"))


def _reopened(state: Incident, event: Event, body: Reopened) -> None:
    state.lifecycle.append(Told(**_from(event), value="reopened"))


def _imported(state: Incident, event: Event, body: Imported) -> None:
    state.imports[event.dedupe or event.id] = body.source


def _revised(state: Incident, event: Event, body: Revised) -> None:
    kept: list[Fact] = [*state.titles, *state.summaries, *state.tasks, *state.questions]
    for lines in state.recent.values():
        kept += lines
    held = any(fact.event == body.target for fact in kept)
    state.revisions.setdefault(body.target, []).append(
        Revision(
            **_from(event),
            target=body.target,
            to=body.occurred_at,
            to_precision=body.precision,
            note=body.note,
            text=body.text if held else None,
            reworded=body.text is not None,
        )
    )


def _undone(state: Incident, event: Event, body: Undone) -> None:
    if body.target != event.id:
        state.undos.append((event.id, body.target))


def _redacted(state: Incident, event: Event, body: Redacted) -> None:
    state.redactions[body.target] = Redaction(**_from(event), reason=body.reason)
    for told in (*state.titles, *state.summaries):
        if told.event == body.target:
            told.value = ""
    for task in state.tasks:
        if task.event == body.target:
            task.text = ""
    for revisions in state.revisions.values():
        for revision in revisions:
            if revision.event == body.target:
                revision.text = None
    for lines in (state.questions, *state.recent.values()):
        lines[:] = [line for line in lines if line.event != body.target]


def _run_started(state: Incident, event: Event, body: RunStarted) -> None:
    state.runs[body.run] = Run(**_from(event), run=body.run, title=body.title)


def _run_ended(state: Incident, event: Event, body: RunEnded) -> None:
    if body.run in state.runs:
        state.runs[body.run].outcome = body.outcome


def _run_switched(state: Incident, event: Event, body: RunSwitched) -> None:
    if body.run in state.runs:
        state.runs[body.run].outcome = "switched"


def _command_started(state: Incident, event: Event, body: CommandStarted) -> None:
    state.commands += 1
    state.running[body.command] = Command(
        **_from(event), text=one_line(body.text, _LINE), host=body.host, user=body.user, boot_id=body.boot_id
    )


def _command_finished(state: Incident, event: Event, body: CommandFinished) -> None:
    state.running.pop(body.command, None)
    if body.exit_code != 0:
        state.failed_commands += 1


_HANDLERS: Final[dict[type, _Apply]] = {
    Declared: _declared,
    Noted: _noted,
    TitleSet: _title,
    SummarySet: _summary,
    SeveritySet: _severity,
    ServicesSet: _services,
    ImpactWindow: _window,
    RoleSet: _role,
    TaskOpened: _task_opened,
    TaskClosed: _task_closed,
    Closed: _closed,
    Reopened: _reopened,
    Imported: _imported,
    Revised: _revised,
    Undone: _undone,
    Redacted: _redacted,
    RunStarted: _run_started,
    RunEnded: _run_ended,
    RunSwitched: _run_switched,
    CommandStarted: _command_started,
    CommandFinished: _command_finished,
}
