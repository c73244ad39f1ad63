"""An event of the watch as one line for people."""

from __future__ import annotations

from console.clock import rfc3339, span
from console.journal.events import (
    AlertRaised,
    AlertResolved,
    CheckChanged,
    CheckFlapping,
    Event,
    Maintenance,
    Silenced,
    SourceBack,
    SourceLost,
)
from console.sanitize import one_line


def tell(event: Event) -> str:
    """``2026-11-21T14:00:09Z api/http OK → DOWN: http 503``."""
    at = rfc3339(event.occurred_at.replace(microsecond=0))
    return one_line(f"{at} {_words(event)}", 300)


def _words(event: Event) -> str:
    body = event.body
    if isinstance(body, CheckChanged):
        return f"{body.service}/{body.check} {body.old} → {body.new}: {body.detail}"
    if isinstance(body, CheckFlapping):
        name = f"{body.service}/{body.check}"
        return f"{name} flaps ({body.percent} %)" if body.began else f"{name} has settled: {body.state}"
    if isinstance(body, Maintenance):
        return f"maintenance {body.name} {'begins' if body.began else 'is over'}"
    if isinstance(body, AlertRaised):
        return f"alert {body.name} {body.severity} raised ({body.fingerprint})"
    if isinstance(body, AlertResolved):
        return f"alert {body.name} resolved: {body.evidence}"
    if isinstance(body, SourceLost):
        return f"source {body.source} lost: {body.error}"
    if isinstance(body, SourceBack):
        return f"source {body.source} is back after {span(body.away_ms / 1000)}"
    if isinstance(body, Silenced):
        what = "ended" if body.ended else "created"
        return f"silence {body.silence} {what} by {body.author or 'somebody'}: {body.comment}"
    return event.kind
