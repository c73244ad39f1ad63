"""What the status screen says of itself: in the header's third line, and with the bell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from console.sanitize import one_line
from console.snapshot import Source
from screens.look import Look
from screens.status_feed import Found
from screens.status_view import View, Wanted
from screens.widgets.text import Span, width_of

_BETWEEN: Final = timedelta(seconds=30)  # two rings


class Bell:
    """Rings once for what is new, hard, critical and nobody's yet; never twice within half a minute."""

    def __init__(self) -> None:
        self.muted = False
        self._known: frozenset[str] | None = None  # keys; None before the first status
        self._rang_at: datetime | None = None

    def rings(self, critical: frozenset[str], now: datetime) -> bool:
        """Whether to ring, now that the keys *critical* are."""
        fresh = self._known is not None and critical - self._known
        self._known = critical
        if not fresh or self.muted or (self._rang_at is not None and now - self._rang_at < _BETWEEN):
            return False
        self._rang_at = now
        return True


_WORST_FIRST: Final = ("lost", "stale", "warming")


def foot(view: View, sources: Sequence[Source]) -> tuple[Span, ...]:
    """The line below the list: why a source can't be believed, the worst first; else the labels that all alerts share."""
    wrong = [source for source in sources if source.error and source.state in _WORST_FIRST]
    if wrong:
        first = min(wrong, key=lambda source: _WORST_FIRST.index(source.state))
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        return ((f"    {first.name} {first.state}{more}: ", "unknown"), (one_line(first.error), "dim"))
    words = " ".join(f"{name}={value}" for name, value in sorted(view.shared))
    return (("    all alerts: ", "faint"), (words, "dim")) if words else ()


def parts(view: View, wanted: Wanted, further: Found, words: str, going: bool, muted: bool) -> list[tuple[Span, ...]]:
    """What there is to say, the most important first: new rows, what a filter (*words*) hides, the group that is open, how
    many are shown of how many, what else is not as usual. *further* was found beyond the status, or is still (*going*)."""
    found: list[tuple[Span, ...]] = []
    hidden = view.hidden_critical
    if further.done:
        hidden += further.hidden_critical - view.hidden_foreign
    if words and hidden:
        found.append(((f"filter hides {hidden:,} critical", "down"),))
    if view.new:
        found.append(((f"+{view.new} new (Home)", "degraded"),))
    fitting = view.fitting - view.fitting_foreign + max(view.fitting_foreign, further.fitting)
    if words or wanted.inside:
        found.append(((f"{fitting:,} of {view.total:,}" + ("…" if going else ""), "text"),))
    if wanted.inside:
        found.append(((f"in {wanted.inside.partition(':')[2]}", "accent"),))
    if words:
        found.append(((f"/{words}", "accent"),))
    elif wanted.problems:
        found.append((("problems only", "accent"),))
    if wanted.sort != "worst":
        found.append(((f"by {wanted.sort}" if wanted.sort == "name" else f"{wanted.sort} first", "accent"),))
    if muted:
        found.append((("bell off", "dim"),))
    return found


def fitted(said: Sequence[tuple[Span, ...]], room: int, look: Look) -> tuple[Span, ...]:
    """As many of *said* as stand in *room* columns, from the front; the first one always."""
    spans: tuple[Span, ...] = ()
    for part in said:
        longer = (*spans, ("  ", "text"), *part) if spans else part
        if spans and width_of(longer, look) > room:
            continue
        spans = longer
    return spans
