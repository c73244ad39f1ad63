"""Trying again: how often a command is tried, how long between, and until when. Pure."""

from __future__ import annotations

from typing import Any

MOST_S = 3600.0  # between two tries, however often the time was doubled
KEPT = 20  # tries that the record names one by one


class Again:
    """*attempts* 0 is without end; *every* seconds lie between two tries, times *backoff* after each; *deadline* seconds after
    the first one nothing is started any more."""

    def __init__(self, given: dict[str, Any] | None) -> None:
        given = given or {}
        self.attempts = int(given.get("attempts", 1))
        self.deadline: float | None = given.get("deadline")
        self._every = float(given.get("every") or 0.0)
        self._backoff = max(float(given.get("backoff") or 1.0), 1.0)

    def pause_after(self, tried: int, elapsed: float) -> float | None:
        """Seconds until the next try after *tried* of them, *elapsed* seconds after the first began; None for no more."""
        if self.attempts and tried >= self.attempts:
            return None
        try:
            pause = min(self._every * self._backoff ** (tried - 1), MOST_S)
        except OverflowError:
            pause = MOST_S
        if self.deadline is not None and elapsed + pause >= self.deadline:
            return None
        return pause
