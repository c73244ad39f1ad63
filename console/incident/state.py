"""What an incident is: the fold of its events.

The state holds facts (titles, severities, stamps, roles, tasks, …) with the event that each came from, never the text of
every line: a stream of 100,000 notes folds into a state of constant size. Undo and revise are answered when the state
is read, so that an undo can itself be undone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, TypeVar

from msgspec import Struct

from console.journal.events import NOTE_KINDS

RECENT: Final = 5  # last lines of each kind that are kept for the sitrep
QUESTIONS: Final = 20


class Fact(Struct, kw_only=True):
    """Something that an event says. ``at`` is when it was so, aware UTC."""

    event: str
    seq: int
    at: datetime
    precision: str = "microsecond"
    actor: str = ""


class Told(Fact, kw_only=True):
    """A value from here on: a title, a summary, a severity, ``closed`` or ``reopened``."""

    value: str


class Listed(Fact, kw_only=True):
    """Values from here on: the services."""

    values: tuple[str, ...] = ()


class Held(Fact, kw_only=True):
    """A role from here on; ``person`` "" = nobody."""

    role: str
    person: str


class Stamp(Fact, kw_only=True):
    """A milestone (or a mark of an import that we have no word for) stamped."""

    milestone: str
    envelope: bool = False  # stands even when the event's body is redacted


class Window(Fact, kw_only=True):
    """A stretch of impact; ``end`` None while it goes on."""

    start: datetime
    end: datetime | None = None


class Line(Fact, kw_only=True):
    """A line kept for the sitrep, cut to 300 characters."""

    kind: str
    text: str


class Task(Fact, kw_only=True):
    """A task; ``closed`` holds what ended it, the last live one counts."""

    task: str
    text: str
    owner: str = ""
    check_back_ms: int | None = None
    closed: list[Told] = []


class Revision(Fact, kw_only=True):
    """A later time, kind or (for facts that are held here) wording of ``target``."""

    target: str
    to: datetime | None = None
    to_precision: str | None = None
    note: str | None = None
    text: str | None = None
    reworded: bool = False


class Redaction(Fact, kw_only=True):
    """The body of an event was erased."""

    reason: str = ""


class Run(Fact, kw_only=True):
    """A runbook that is, or was, followed."""

    run: str
    title: str
    outcome: str = ""  # "" while it goes on


class Command(Fact, kw_only=True):
    """A command that has not ended yet, as far as the journal knows."""

    text: str
    host: str = ""
    user: str = ""
    boot_id: str = ""


class RoleSpan(Struct, frozen=True, kw_only=True):
    """Who held a role, from when to when; ``end`` None = still."""

    role: str
    person: str
    start: datetime
    end: datetime | None = None


class SeveritySpan(Struct, frozen=True, kw_only=True):
    """A severity from when to when; ``end`` None = still."""

    severity: str
    start: datetime
    end: datetime | None = None


F = TypeVar("F", bound=Fact)


class Incident(Struct, kw_only=True):
    """An incident as its events say. Plain data: encode it, decode it, fold on."""

    stream: str = ""
    count: int = 0  # events seen
    last_seq: int = 0
    last_hash: str = ""
    last_recorded_at: datetime | None = None  # "as of"
    first_at: datetime | None = None  # the earliest thing that happened
    last_at: datetime | None = None  # the latest thing that happened
    declared_at: datetime | None = None
    declared_by: str = ""
    source: str = ""
    labels: dict[str, str] = {}
    drill: bool = False
    titles: list[Told] = []
    summaries: list[Told] = []
    severities: list[Told] = []
    service_lists: list[Listed] = []
    roles: list[Held] = []
    stamps: list[Stamp] = []
    windows: list[Window] = []
    tasks: list[Task] = []
    lifecycle: list[Told] = []
    runs: dict[str, Run] = {}
    running: dict[str, Command] = {}
    recent: dict[str, list[Line]] = {}
    questions: list[Line] = []
    undos: list[tuple[str, str]] = []  # (undo, target) in order of seq
    revisions: dict[str, list[Revision]] = {}
    redactions: dict[str, Redaction] = {}
    actors: dict[str, int] = {}  # events by each
    kinds: dict[str, int] = {}
    commands: int = 0
    failed_commands: int = 0
    imports: dict[str, str] = {}  # dedupe key of the import → its source
    unknown: dict[str, int] = {}  # kinds that this version does not know

    # ── what counts ──────────────────────────────────────────────────────────────────────────────────────────────

    def _undone(self) -> set[str]:
        """What is undone: the last undo always stands, and takes an earlier one back by naming it."""
        gone: set[str] = set()
        for undo, target in reversed(self.undos):
            if undo not in gone:
                gone.add(target)
        return gone

    def live(self, facts: Iterable[F]) -> Iterator[F]:
        """Those of *facts* that were neither undone nor redacted."""
        gone = self._undone()
        for fact in facts:
            if fact.event in self.redactions and not (isinstance(fact, Stamp) and fact.envelope):
                continue
            if fact.event not in gone:
                yield fact

    def live_revisions(self, event: str) -> list[Revision]:
        """The revisions of *event* that count, oldest first."""
        return list(self.live(self.revisions.get(event, ())))

    def when(self, fact: Fact) -> tuple[datetime, str]:
        """``(at, precision)`` of a fact, as last revised."""
        at, precision = fact.at, fact.precision
        for revision in self.live_revisions(fact.event) if fact.event in self.revisions else ():
            if revision.to is not None:
                at, precision = revision.to, revision.to_precision or precision
        return at, precision

    def wording(self, fact: Fact, text: str) -> str:
        """*text* of a fact, as last revised."""
        for revision in self.live_revisions(fact.event) if fact.event in self.revisions else ():
            if revision.text is not None:
                text = revision.text
        return text

    def _ordered(self, facts: Iterable[F]) -> list[F]:
        return sorted(self.live(facts), key=lambda fact: (self.when(fact)[0], fact.seq))

    # ── what it is ───────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def title(self) -> str:
        """The title, ``[redacted]`` or ``[no title]`` when there is none to show."""
        last = _last(self.live(self.titles))
        if last is not None:
            return self.wording(last, last.value)
        return "[redacted]" if self.redactions else "[no title]"

    @property
    def summary(self) -> str:
        """The summary, or ""."""
        last = _last(self.live(self.summaries))
        return "" if last is None else self.wording(last, last.value)

    @property
    def severity(self) -> str:
        """The severity now, or ""."""
        found = self._ordered(self.severities)
        return found[-1].value if found else ""

    def peak_severity(self, names: Sequence[str] = ()) -> str:
        """The worst severity it ever had: the first in *names*; names not listed rank by spelling, after those."""
        values = {fact.value for fact in self.live(self.severities) if fact.value}
        order = {name: rank for rank, name in enumerate(names)}
        return min(values, key=lambda value: (order.get(value, len(order)), value), default="")

    def severity_spans(self) -> list[SeveritySpan]:
        """Time at each severity, in order."""
        found = self._ordered(self.severities)
        spans: list[SeveritySpan] = []
        for fact in found:
            at = self.when(fact)[0]
            if spans and spans[-1].severity == fact.value:
                continue
            if spans:
                spans[-1] = SeveritySpan(severity=spans[-1].severity, start=spans[-1].start, end=at)
            spans.append(SeveritySpan(severity=fact.value, start=at))
        return [span for span in spans if span.severity]

    @property
    def services(self) -> tuple[str, ...]:
        """The affected services now."""
        last = _last(self.live(self.service_lists))
        return () if last is None else last.values

    @property
    def is_open(self) -> bool:
        """Not closed, or reopened since."""
        last = _last(self.live(self.lifecycle))
        return last is None or last.value == "reopened"

    @property
    def status(self) -> str:
        """``open`` or ``closed``."""
        return "open" if self.is_open else "closed"

    @property
    def reopened(self) -> int:
        """How often it was reopened."""
        return sum(fact.value == "reopened" for fact in self.live(self.lifecycle))

    @property
    def closed_at(self) -> datetime | None:
        """When it was last closed; None while it is open."""
        last = _last(self.live(self.lifecycle))
        return self.when(last)[0] if last is not None and last.value == "closed" else None

    @property
    def partial(self) -> str:
        """ "" or why this state may lack something."""
        if not self.unknown:
            return ""
        return f"partial: {sum(self.unknown.values())} events of kinds this version does not know; upgrade"

    def role_holders(self) -> dict[str, str]:
        """Role → person, for roles that somebody holds now."""
        holders: dict[str, str] = {}
        for fact in self._ordered(self.roles):
            holders[fact.role] = fact.person
        return {role: person for role, person in holders.items() if person}

    def role_spans(self) -> list[RoleSpan]:
        """Who held which role when, by start."""
        current: dict[str, RoleSpan] = {}
        spans: list[RoleSpan] = []
        for fact in self._ordered(self.roles):
            at = self.when(fact)[0]
            before = current.pop(fact.role, None)
            if before is not None and before.person == fact.person:
                current[fact.role] = before
                continue
            if before is not None:
                spans.append(RoleSpan(role=before.role, person=before.person, start=before.start, end=at))
            if fact.person:
                current[fact.role] = RoleSpan(role=fact.role, person=fact.person, start=at)
        return sorted([*spans, *current.values()], key=lambda span: (span.start, span.role))

    def milestones(self) -> dict[str, list[Stamp]]:
        """Every live stamp by milestone, earliest first, at its revised time. Unknown marks are among them."""
        found: dict[str, list[Stamp]] = {}
        for stamp in self._ordered(self.stamps):
            at, precision = self.when(stamp)
            moved = Stamp(
                event=stamp.event,
                seq=stamp.seq,
                at=at,
                precision=precision,
                actor=stamp.actor,
                milestone=stamp.milestone,
            )
            found.setdefault(stamp.milestone, []).append(moved)
        return found

    def impact_windows(self) -> list[Window]:
        """Live impact windows by start; a later one with the same start stands for the earlier."""
        by_start = {window.start: window for window in sorted(self.live(self.windows), key=lambda fact: fact.seq)}
        return [by_start[start] for start in sorted(by_start)]

    def open_tasks(self) -> list[Task]:
        """Tasks that are neither done nor dropped."""
        return [task for task in self.live(self.tasks) if _last(self.live(task.closed)) is None]

    def task_outcome(self, task: Task) -> str:
        """``done``, ``dropped``, or "" while it is open."""
        last = _last(self.live(task.closed))
        return "" if last is None else last.value

    def active_runs(self) -> list[Run]:
        """Runbooks being followed now."""
        return [run for run in self.runs.values() if not run.outcome]

    def last_lines(self, *kinds: str) -> list[Line]:
        """The kept lines of *kinds* that still count, newest first."""
        found = [line for kind in kinds for line in self.live(self.recent.get(kind, ()))]
        return sorted(found, key=lambda line: (self.when(line)[0], line.seq), reverse=True)

    def open_questions(self) -> list[Line]:
        """The kept ``?`` lines, newest first."""
        return sorted(self.live(self.questions), key=lambda line: line.seq, reverse=True)

    @property
    def revision_count(self) -> int:
        """How many edits there were."""
        return sum(len(found) for found in self.revisions.values())


def _last(facts: Iterable[F]) -> F | None:
    found: F | None = None
    for fact in facts:
        if found is None or fact.seq >= found.seq:
            found = fact
    return found


KEPT_KINDS: Final = frozenset(NOTE_KINDS)
