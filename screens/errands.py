"""What one room asks of another: the messages of ``desk.go(mode, errand)``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RunbookFor:
    """To the Runbook screen: the runbook for this alert or check; ``named`` is what the alert or configuration names."""

    name: str  # alert name, or service/check
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    named: str = ""
    severity: str = ""
    starts_at: float | None = None  # seconds since the epoch


@dataclass(frozen=True)
class ShowEvent:
    """To the Timeline screen: put the cursor on this event."""

    event: str
    stream: str = ""
