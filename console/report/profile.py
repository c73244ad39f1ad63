"""Who the report is for. ``external``: people become roles, hosts are not named, private notes are left out and counted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final, Literal

import msgspec

from console.incident.timeline import Line
from console.journal.events import CommandStarted, Noted
from console.report.record import PRIVATE, Record

Profile = Literal["internal", "external"]
SOMEBODY: Final = "responder"
# Lines that name hosts, users and paths by their nature.
_INTERNAL_KINDS: Final = frozenset({"command_started", "command_finished", "attached"})


class View:
    """Lines and names as one profile shows them. ``left_out`` counts what it did not show."""

    def __init__(self, record: Record, profile: Profile) -> None:
        self.profile = profile
        self.left_out: dict[str, set[str]] = {"private": set(), "internal": set()}
        self._spans = record.incident.role_spans()
        self._clean = _cleaner(record) if profile == "external" else None

    @property
    def external(self) -> bool:
        """Whether outsiders will read it."""
        return self.profile == "external"

    def person(self, name: str, at: datetime | None = None) -> str:
        """*name*, or the role they held at *at* (``responder`` for none)."""
        if not self.external:
            return name
        held = [
            span.role
            for span in self._spans
            if span.person == name and (at is None or (span.start <= at and (span.end is None or at < span.end)))
        ]
        return held[0] if held else SOMEBODY

    def text(self, text: str) -> str:
        """*text* with the names of people and hosts replaced, for outsiders."""
        return text if self._clean is None else self._clean(text)

    def lines(self, lines: Iterator[Line]) -> Iterator[Line]:
        """The lines that this profile shows, as it shows them."""
        for line in lines:
            shown = self.line(line)
            if shown is not None:
                yield shown

    def line(self, line: Line) -> Line | None:
        """One line as this profile shows it; None when it is left out."""
        if not self.external:
            return line
        if PRIVATE in getattr(line.event.body, "tags", ()):
            self.left_out["private"].add(line.id)
            return None
        body = line.event.body
        if line.event.kind in _INTERNAL_KINDS or (isinstance(body, Noted) and body.evidence):
            self.left_out["internal"].add(line.id)
            return None
        return msgspec.structs.replace(
            line,
            actor=self.person(line.actor, line.at),
            text=self.text(line.text),
            notes=tuple(self.text(note) for note in line.notes),
        )


def _cleaner(record: Record) -> Callable[[str], str]:
    incident = record.incident
    people = {*incident.actors, *(fact.person for fact in incident.roles), *(task.owner for task in incident.tasks)}
    hosts = {body.host for command in record.commands if isinstance(body := command.started.body, CommandStarted)}
    names = {name: SOMEBODY for name in people if len(name) > 1} | {host: "a host" for host in hosts if len(host) > 1}
    if not names:
        return lambda text: text
    longest_first = sorted(names, key=lambda name: (-len(name), name))
    pattern = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, longest_first)) + r")(?!\w)")
    return lambda text: pattern.sub(lambda match: names[match.group()], text)
