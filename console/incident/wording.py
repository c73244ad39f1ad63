"""What each kind of event says, in a word and a line of text: the one table that every view reads.

Returned text has been made visible, may hold several lines, and is never markup.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from console.clock import span
from console.journal import events as k
from console.sanitize import one_line, visible

_Words = tuple[str, str]


def words(event: k.Event) -> _Words:
    """``(kind word, text)`` of an event as it was recorded. Unknown kinds are shown with their fields."""
    body = event.body
    if isinstance(body, k.Erased):
        return one_line(event.kind, 40), "[redacted]"
    if isinstance(body, k.Unknown):
        fields = json.dumps(dict(body.fields), ensure_ascii=False, sort_keys=True, default=str)
        return one_line(body.kind, 40), visible(f"{fields} (not known to this version: {body.problem or 'upgrade'})")
    say = _SAY.get(type(body))
    if say is None:
        return one_line(event.kind, 40), one_line(str(body))
    word, text = say(body)
    return one_line(word, 40), visible(text)


def _and(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _reason(text: str) -> str:
    return f": {text}" if text else ""


def _declared(body: k.Declared) -> _Words:
    services = f"({', '.join(body.services)})" if body.services else ""
    source = f"from {body.source}" if body.source else ""
    return "declared", _and("Drill:" if body.drill else "", body.severity, body.title, services, source)


def _noted(body: k.Noted) -> _Words:
    text = body.text
    if body.evidence:
        text = _and(text, f"$ {body.evidence} (recorded, NOT run)")
    marks = ", ".join(mark.replace("_", " ") for mark in body.marks)
    if marks and body.note == "note":
        return "milestone", text or marks  # with a text, the timeline's notes name the milestones
    return body.note, text or marks


def _impact(body: k.ImpactWindow) -> _Words:
    start = f"{body.start:%Y-%m-%d %H:%M} UTC"
    end = "ongoing" if body.end is None else f"{body.end:%Y-%m-%d %H:%M} UTC"
    return "impact", f"Impact from {start} to {end}" if body.end else f"Impact since {start}, ongoing"


def _role(body: k.RoleSet) -> _Words:
    return "role", f"{body.role}: {'@' + body.person if body.person else 'nobody'}"


def _task(body: k.TaskOpened) -> _Words:
    owner = f"@{body.owner}" if body.owner else "no owner"
    back = "" if body.check_back_ms is None else f", back in {span(body.check_back_ms / 1000)}"
    return "task", f"{body.text} ({owner}{back})"


def _closed(body: k.Closed) -> _Words:
    chain = f"; chain before: {body.count} events, head {body.head}" if body.head else ""
    return "closed", f"Closed{_reason(body.reason)}{chain}"


def _attached(body: k.Attached) -> _Words:
    files = f", {len(body.files)} files" if body.files else ""
    return "attached", f"{body.name} ({body.size} bytes{files}, SHA-256 {body.sha256})"


def _imported(body: k.Imported) -> _Words:
    zone = f", zone {body.tz}" if body.tz else ""
    kept = f"; kept as it was: {', '.join(sorted(map(str, body.facts)))}" if body.facts else ""
    return "import", f"{body.events} events from {body.source} (SHA-256 {body.sha256[:16]}{zone}){kept}"


def _revised(body: k.Revised) -> _Words:
    parts = []
    if body.text is not None:
        parts.append(f"text: {body.text}")
    if body.occurred_at is not None:
        parts.append(f"time: {body.occurred_at:%Y-%m-%d %H:%M:%S} UTC")
    if body.note is not None:
        parts.append(f"kind: {body.note}")
    return "edit", f"{body.target} now says {', '.join(parts) or 'the same'}"


def _run(body: k.RunStarted) -> _Words:
    return "runbook", _and(f"Follows {body.title}", f"({body.why})" if body.why else "")


def _step(verb: str) -> Callable[[Any], _Words]:
    def say(body: Any) -> _Words:
        more = getattr(body, "text", "") or getattr(body, "reason", "") or getattr(body, "answer", "")
        return "step", f"{verb} {body.title or body.step}{_reason(more)}"

    return say


def _param(body: k.ParamSet) -> _Words:
    return "parameter", f"{body.name} = {'(secret)' if body.secret else body.value}"


def _started(body: k.CommandStarted) -> _Words:
    return "command", f"$ {body.text} ({body.user}@{body.host}, {body.cwd})"


def command_outcome(body: k.CommandFinished) -> str:
    """How a command ended: ``exit 1 after 3s, 120 bytes``."""
    how = {
        "exited": f"exit {body.exit_code}",
        "signalled": f"ended by signal {body.signal}",
        "cancelled": "cancelled",
        "stopped": "stopped",
        "timed_out": "timed out",
        "not_started": "not started",
    }.get(body.outcome, f"outcome {body.outcome}")
    size = f", {body.size} bytes" if body.size else ", no output"
    cut = f" ({body.kept} kept)" if body.kept < body.size else ""
    took = span(body.duration_ms / 1000) if body.duration_ms >= 1000 else f"{body.duration_ms} ms"
    tries = f", try {body.attempts}" if body.attempts > 1 else ""
    judged = {"held": ", as expected", "warned": f", warning: {body.why}", "failed": f", not as expected: {body.why}"}
    return f"{how} after {took}{tries}{judged.get(body.verdict, '')}{size}{cut}{_reason(body.error)}"


def _finished(body: k.CommandFinished) -> _Words:
    first = one_line(body.head, 80)
    return "command", command_outcome(body) + (f" | {first}" if first else "")


def _check(body: k.CheckChanged) -> _Words:
    return "check", f"{body.service}/{body.check} {body.old} → {body.new}{_reason(body.detail)}"


def _flapping(body: k.CheckFlapping) -> tuple[str, str]:
    if body.began:
        return "check", f"{body.service}/{body.check} flaps: {body.percent} % of its last results differ"
    return "check", f"{body.service}/{body.check} has settled: {body.state}"


def _maintenance(body: k.Maintenance) -> tuple[str, str]:
    of = f" of {', '.join(body.services)}" if body.services else ""
    if not body.began:
        return "watch", f"Maintenance {body.name}{of} is over"
    until = f", until {body.until:%Y-%m-%d %H:%M} UTC" if body.until else ""
    return "watch", f"Maintenance {body.name}{of} begins{until}{_reason(body.reason)}"


def _raised(body: k.AlertRaised) -> _Words:
    return "alert", _and(body.name, body.severity, _labels(body.labels))


def _resolved(body: k.AlertResolved) -> _Words:
    return "alert", _and(f"{body.name} resolved", f"({body.evidence})" if body.evidence else "")


def _labels(labels: Any) -> str:
    shown = [f"{name}={value}" for name, value in sorted(labels.items()) if name not in ("alertname", "severity")]
    return f"({', '.join(shown)})" if shown else ""


def _acked(body: k.Acknowledged) -> _Words:
    return "ack", f"{body.name}{_reason(body.reason)}"


def _silenced(body: k.Silenced) -> _Words:
    until = f" until {body.ends_at:%Y-%m-%d %H:%M} UTC" if body.ends_at and not body.ended else ""
    return "silence", f"{'Ended' if body.ended else 'Created'} {body.silence}{until}{_reason(body.comment)}"


_SAY: Final[dict[type, Callable[[Any], _Words]]] = {
    k.Declared: _declared,
    k.Noted: _noted,
    k.TitleSet: lambda body: ("title", body.title),
    k.SummarySet: lambda body: ("summary", body.text),
    k.SeveritySet: lambda body: ("severity", f"{body.severity or 'none'}{_reason(body.reason)}"),
    k.ServicesSet: lambda body: ("services", ", ".join(body.services) or "none"),
    k.ImpactWindow: _impact,
    k.RoleSet: _role,
    k.TaskOpened: _task,
    k.TaskClosed: lambda body: ("task", f"{body.task} {body.outcome}{_reason(body.text)}"),
    k.Closed: _closed,
    k.Reopened: lambda body: ("reopened", f"Reopened{_reason(body.reason)}"),
    k.Attached: _attached,
    k.Imported: _imported,
    k.Revised: _revised,
    k.Starred: lambda body: ("star", f"{body.target} {'is' if body.on else 'is not'} part of the story"),
    k.Undone: lambda body: ("undo", f"{body.target} no longer counts{_reason(body.reason)}"),
    k.Redacted: lambda body: ("redaction", f"{body.target} was erased{_reason(body.reason)}"),
    k.RunStarted: _run,
    k.ParamSet: _param,
    k.StepTicked: _step("Done:"),
    k.StepObserved: _step("Seen at"),
    k.StepSkipped: _step("Skipped"),
    k.StepFailed: _step("Failed:"),
    k.StepUndone: _step("Taken back:"),
    k.StepJumped: _step("Went to"),
    k.StepDecided: _step("Decided at"),
    k.StepApproved: _step("Approved:"),
    k.StepWaiting: lambda body: (
        "step",
        f"Waits {span(body.wait_ms / 1000)} at {body.title or body.step}, until {body.until:%H:%M:%S} UTC",
    ),
    k.StepWaitCut: lambda body: (
        "step",
        f"Cut short with {span(body.left_ms / 1000)} left: {body.title or body.step}{_reason(body.text)}",
    ),
    k.PauseConfirmed: lambda body: ("step", f"Confirmed before {body.phase}{_reason(body.text)}"),
    k.RunSwitched: lambda body: ("runbook", f"Switched to another runbook{_reason(body.reason)}"),
    k.RunEnded: lambda body: ("runbook", f"Runbook {body.outcome}{_reason(body.text)}"),
    k.CommandStarted: _started,
    k.CommandFinished: _finished,
    k.CheckChanged: _check,
    k.CheckFlapping: _flapping,
    k.Maintenance: _maintenance,
    k.AlertRaised: _raised,
    k.AlertResolved: _resolved,
    k.Acknowledged: _acked,
    k.Silenced: _silenced,
    k.SourceLost: lambda body: ("source", f"{body.source} is lost{_reason(body.error)}"),
    k.SourceBack: lambda body: ("source", f"{body.source} is back after {span(body.away_ms / 1000)}"),
    k.WatchLed: lambda body: ("watch", f"{body.holder} leads the watch (epoch {body.epoch})"),
    k.SegmentOpened: lambda body: ("watch", f"New segment after {body.previous or 'nothing'}"),
}
