"""An event of the watch as one line for people."""

from __future__ import annotations

from console.clock import rfc3339, span
from console.journal.events import AlertRaised, AlertResolved, CheckChanged, Event, SourceBack, SourceLost
from console.sanitize import one_line


def tell(event: Event) -> str:
    """``2026-11-21T14:00:09Z api/http OK → DOWN: http 503``."""
    at = rfc3339(event.occurred_at.replace(microsecond=0))
    return one_line(f"{at} {_words(event)}", 300)


def _words(event: Event) -> str:
    body = event.body
    if isinstance(body, CheckChanged):
        return f"{body.service}/{body.check} {body.old} → {body.new}: {body.detail}"
    if isinstance(body, AlertRaised):
        return f"alert {body.name} {body.severity} raised ({body.fingerprint})"
    if isinstance(body, AlertResolved):
        return f"alert {body.name} resolved: {body.evidence}"
    if isinstance(body, SourceLost):
        return f"source {body.source} lost: {body.error}"
    if isinstance(body, SourceBack):
        return f"source {body.source} is back after {span(body.away_ms / 1000)}"
    return event.kind
