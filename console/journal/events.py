"""The glossary of Vigie: every kind of event, and the envelope that carries it.

An event is one immutable fact. Its *body* is one of the small structs below; ``kind`` is the struct's tag. Fields are
only ever added, with a default; a kind is never renamed or removed. Times inside bodies are aware UTC; durations are
whole milliseconds; there are no floats in a body (canonical JSON has none).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias

from msgspec import Struct

WATCH: Final = "watch"  # what happens outside incidents; stored in monthly segments ``watch:2026-11``

# How precisely ``occurred_at`` is known.
PRECISIONS: Final = ("microsecond", "second", "minute", "hour", "approx", "day")

# Milestones of an incident (incident-records): each may be stamped more than once, every stamp is kept.
MILESTONES: Final = (
    "trigger",
    "impact_start",
    "detected",
    "declared",
    "acknowledged",
    "mitigated",
    "resolved",
    "impact_end",
)

# Kinds of a note that have a meaning of their own; any other word is a tag.
NOTE_KINDS: Final = ("note", "decision", "action", "finding", "comms", "impact", "status", "alert", "report", "role")


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of every kind. ``nonce`` goes with the text when it is redacted, so that a hash can't be guessed back."""

    nonce: str = ""


# ── incidents ────────────────────────────────────────────────────────────────────────────────────────────────────


class Declared(Body, tag="declared", frozen=True, kw_only=True):
    """An incident exists. Its alias (``INC-7``) is assigned with the stream, and is local to this database."""

    title: str
    severity: str = ""
    services: tuple[str, ...] = ()
    labels: Mapping[str, str] = {}  # of the alert or check it was declared from
    source: str = ""  # "check api/http", "alert 9f2c…", "import github.json", "" for a person
    impact_start: datetime | None = None
    drill: bool = False


class Noted(Body, tag="noted", frozen=True, kw_only=True):
    """A line of the record: text, what kind of note it is, and the milestones that it stamps."""

    text: str
    note: str = "note"  # one of NOTE_KINDS, or a word of an import that we keep
    tags: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()  # milestones that this line stamps at its occurred_at
    starred: bool = False  # ``!``: a key event
    question: bool = False  # ``?``: open question
    evidence: str = ""  # ``$ cmd``: recorded, NOT run
    extra: Mapping[str, Any] = {}  # unknown keys of an imported line, kept


class TitleSet(Body, tag="title_set", frozen=True, kw_only=True):
    """The incident's title from here on."""

    title: str


class SummarySet(Body, tag="summary_set", frozen=True, kw_only=True):
    """The incident's summary from here on."""

    text: str


class SeveritySet(Body, tag="severity_set", frozen=True, kw_only=True):
    """The severity from here on; ``""`` takes it away."""

    severity: str
    reason: str = ""


class ServicesSet(Body, tag="services_set", frozen=True, kw_only=True):
    """Which services are affected from here on."""

    services: tuple[str, ...]


class ImpactWindow(Body, tag="impact_window", frozen=True, kw_only=True):
    """A stretch of impact; ``end`` None while it goes on. Impact is the union of windows."""

    start: datetime
    end: datetime | None = None


class RoleSet(Body, tag="role_set", frozen=True, kw_only=True):
    """Who holds a role (ic, ops, comms, scribe, next-ic, …) from here on; ``person`` "" leaves it empty."""

    role: str
    person: str


class TaskOpened(Body, tag="task_opened", frozen=True, kw_only=True):
    """Somebody is to do something and report back."""

    task: str  # a short id, unique in the stream
    text: str
    owner: str = ""
    check_back_ms: int | None = None


class TaskClosed(Body, tag="task_closed", frozen=True, kw_only=True):
    """A task is done, or dropped with a reason."""

    task: str
    outcome: str = "done"  # done | dropped
    text: str = ""


class Closed(Body, tag="closed", frozen=True, kw_only=True):
    """The incident is over. ``count`` and ``head`` are the chain before this event: keep them elsewhere."""

    reason: str = ""
    count: int = 0
    head: str = ""


class Reopened(Body, tag="reopened", frozen=True, kw_only=True):
    """It was not over."""

    reason: str = ""


class Attached(Body, tag="attached", frozen=True, kw_only=True):
    """Evidence kept byte for byte beside the database, named by its hash."""

    name: str
    sha256: str
    size: int  # bytes
    media: str = "application/octet-stream"
    files: Mapping[str, str] = {}  # for a folder kept as tar: path → SHA-256


class Imported(Body, tag="imported", frozen=True, kw_only=True):
    """Where the lines that follow came from, and what in it Vigie has no word for."""

    source: str
    sha256: str
    events: int
    tz: str = ""
    facts: Mapping[str, Any] = {}  # unknown top-level keys, kept


# ── the record itself ────────────────────────────────────────────────────────────────────────────────────────────


class Revised(Body, tag="revised", frozen=True, kw_only=True):
    """A later wording or time of the event ``target``; None leaves that part. The original stays in the journal."""

    target: str  # event id
    text: str | None = None
    occurred_at: datetime | None = None
    precision: str | None = None
    note: str | None = None


class Starred(Body, tag="starred", frozen=True, kw_only=True):
    """``target`` is (not) part of the story."""

    target: str
    on: bool = True


class Undone(Body, tag="undone", frozen=True, kw_only=True):
    """``target`` no longer counts; it is shown struck out."""

    target: str
    reason: str = ""


class Redacted(Body, tag="redacted", frozen=True, kw_only=True):
    """The body of ``target`` was erased from the database. Its place, time and hash stay."""

    target: str
    reason: str = ""


# ── runbooks ─────────────────────────────────────────────────────────────────────────────────────────────────────


class RunStarted(Body, tag="run_started", frozen=True, kw_only=True):
    """A runbook is being followed. Its content is frozen here: what was read then is what the record shows."""

    run: str  # run id, unique
    runbook: str  # runbook id
    title: str
    path: str = ""
    sha256: str = ""  # of the source file
    content: str = ""  # the parsed runbook as JSON (console.runbook.model)
    params: Mapping[str, str] = {}  # initial values, secrets left out
    why: str = ""  # why it was offered: "alertname VaRExceedance"
    sources: Mapping[str, str] = {}  # where initial values are from: "alert's label instance", "default"


class ParamSet(Body, tag="param_set", frozen=True, kw_only=True):
    """A run's parameter has this value from here on; a secret's value is never stored."""

    run: str
    name: str
    value: str = ""
    secret: bool = False


class StepTicked(Body, tag="step_ticked", frozen=True, kw_only=True):
    """A step was done."""

    run: str
    step: str
    title: str = ""
    text: str = ""  # an observed value


class StepObserved(Body, tag="step_observed", frozen=True, kw_only=True):
    """One line of what was seen at a step."""

    run: str
    step: str
    title: str = ""
    text: str


class StepSkipped(Body, tag="step_skipped", frozen=True, kw_only=True):
    """A step was left out, and why."""

    run: str
    step: str
    title: str = ""
    reason: str


class StepFailed(Body, tag="step_failed", frozen=True, kw_only=True):
    """A step was tried and did not work."""

    run: str
    step: str
    title: str = ""
    text: str = ""


class StepUndone(Body, tag="step_undone", frozen=True, kw_only=True):
    """The last tick, skip or fail of a step is taken back."""

    run: str
    step: str
    title: str = ""


class StepJumped(Body, tag="step_jumped", frozen=True, kw_only=True):
    """The operator went to another step."""

    run: str
    step: str  # where to
    title: str = ""


class StepDecided(Body, tag="step_decided", frozen=True, kw_only=True):
    """A decision of the runbook was answered."""

    run: str
    step: str
    title: str = ""
    answer: str


class StepApproved(Body, tag="step_approved", frozen=True, kw_only=True):
    """Somebody else than the one who works on it says that a step may be done. Counts only for another uid (``origin.uid``,
    from the operating system). ``subject``: which commands, as they read then (``console.runbook.subjects``); one that
    reads differently later needs another approval; "" approves the step itself."""

    run: str
    step: str
    title: str = ""
    text: str = ""
    subject: str = ""


class StepWaiting(Body, tag="step_waiting", frozen=True, kw_only=True):
    """A wait began; it is over at ``until``, whoever looks then. A later one replaces it."""

    run: str
    step: str
    title: str = ""
    until: datetime
    wait_ms: int = 0


class StepWaitCut(Body, tag="step_wait_cut", frozen=True, kw_only=True):
    """A wait was cut short."""

    run: str
    step: str
    title: str = ""
    text: str = ""
    left_ms: int = 0


class PauseConfirmed(Body, tag="pause_confirmed", frozen=True, kw_only=True):
    """What is to be confirmed before a phase was confirmed."""

    run: str
    phase: str  # its title
    text: str = ""


class RunSwitched(Body, tag="run_switched", frozen=True, kw_only=True):
    """Wrong runbook: the work goes on in another run; this one's record stays."""

    run: str
    to_run: str
    reason: str = ""


class RunEnded(Body, tag="run_ended", frozen=True, kw_only=True):
    """The operator is done with this runbook."""

    run: str
    outcome: str = "done"  # done | abandoned
    text: str = ""


class CommandStarted(Body, tag="command_started", frozen=True, kw_only=True):
    """A command is about to run: written before it is spawned."""

    command: str  # id of this execution, unique
    text: str  # as shown to the operator, secrets masked
    run: str = ""
    step: str = ""
    title: str = ""
    host: str
    user: str
    cwd: str
    params: Mapping[str, str] = {}
    boot_id: str = ""  # with another boot id, a command without an end is "unknown", never re-run
    spool: str = ""  # where its output is being kept
    tty: str = ""  # "follow": ending by a signal is its normal end; "yes": it had the operator's terminal


class CommandFinished(Body, tag="command_finished", frozen=True, kw_only=True):
    """A command ended. Written by its supervisor, whether or not a console is there. Exit 0 is "finished", not "fixed"."""

    command: str
    run: str = ""
    step: str = ""
    exit_code: int | None = None  # None when ended by a signal or unknown
    signal: int | None = None
    outcome: str = (
        "exited"  # exited | signalled | cancelled | stopped (a ``follow``) | timed_out | not_started | unknown
    )
    duration_ms: int = 0
    sha256: str = ""  # of the output that was kept
    size: int = 0  # bytes that it wrote
    kept: int = 0  # bytes that were kept
    head: str = ""  # the first lines, made visible
    tail: str = ""  # the last lines, made visible, when the head is not all
    error: str = ""
    verdict: str = ""  # what the runbook expected of it: held | warned | failed; "" when it says nothing
    why: str = ""  # what did not fit: "exit 3, expected 0"
    then: str = ""  # what the runbook says follows: ask | stop | continue | retry | goto:<step>
    captured: Mapping[str, str] = {}  # values for later steps, taken from its output; never those of secrets
    attempts: int = 1  # how often it was tried
    tries: tuple[
        Mapping[str, Any], ...
    ] = ()  # the last ones before this end: {"n", "at_us", "exit"|"signal", "ms", "why"}
    masked: int = 0  # how many times a secret's value was masked in its output


# ── the watch ────────────────────────────────────────────────────────────────────────────────────────────────────


class CheckChanged(Body, tag="check_changed", frozen=True, kw_only=True):
    """A check's hard state changed."""

    service: str
    check: str
    kind: str
    old: str
    new: str
    detail: str = ""
    labels: Mapping[str, str] = {}


class CheckFlapping(Body, tag="check_flapping", frozen=True, kw_only=True):
    """A check began to change its state all the time, or has settled (``began`` false) in ``state``."""

    service: str
    check: str
    kind: str
    began: bool
    state: str = ""  # the hard state at that moment
    percent: int = 0  # of weighted changes among the last results
    labels: Mapping[str, str] = {}


class Maintenance(Body, tag="maintenance", frozen=True, kw_only=True):
    """A maintenance window began, or is over (``began`` false): a configured one, or one by hand (``asked``)."""

    name: str
    began: bool
    services: tuple[str, ...] = ()  # services and service/check; none: everything
    until: datetime | None = None
    reason: str = ""
    asked: bool = False  # somebody said so; else the configuration did, or its time was up


class AlertRaised(Body, tag="alert_raised", frozen=True, kw_only=True):
    """An alert began; (fingerprint, starts_at) is its episode."""

    fingerprint: str
    name: str
    severity: str = ""
    starts_at: datetime
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    source: str = "vigie"


class AlertResolved(Body, tag="alert_resolved", frozen=True, kw_only=True):
    """An alert ended, and by what evidence."""

    fingerprint: str
    name: str
    starts_at: datetime
    evidence: str = ""
    source: str = "vigie"
    labels: Mapping[str, str] = {}


class Acknowledged(Body, tag="acknowledged", frozen=True, kw_only=True):
    """Somebody has seen an alert's episode. Local; cleared when it resolves or grows worse."""

    fingerprint: str
    name: str
    starts_at: datetime
    reason: str = ""
    expires: datetime | None = None
    service: str = ""


class Silenced(Body, tag="silenced", frozen=True, kw_only=True):
    """A silence was created (or ended, with ``ended``)."""

    silence: str
    matchers: tuple[Mapping[str, Any], ...] = ()
    comment: str = ""
    ends_at: datetime | None = None
    ended: bool = False
    source: str = "vigie"
    author: str = ""  # whom the Alertmanager names
    starts_at: datetime | None = None


class SourceLost(Body, tag="source_lost", frozen=True, kw_only=True):
    """A source no longer answers: from here on its data is old."""

    source: str
    kind: str = ""
    error: str = ""


class SourceBack(Body, tag="source_back", frozen=True, kw_only=True):
    """A source answers again."""

    source: str
    kind: str = ""
    away_ms: int = 0


class WatchLed(Body, tag="watch_led", frozen=True, kw_only=True):
    """A watch process took the lead."""

    holder: str
    epoch: int
    config_hash: str = ""
    boot_id: str = ""


class SegmentOpened(Body, tag="segment_opened", frozen=True, kw_only=True):
    """A new monthly segment of the watch stream, tied to the end of the one before."""

    previous: str = ""
    count: int = 0
    head: str = ""


class Unknown(Struct, frozen=True, kw_only=True):
    """A kind that this version does not know, or one it can't read: kept as it is, shown, never dropped."""

    kind: str
    fields: Mapping[str, Any]
    problem: str = ""


class Erased(Struct, frozen=True, kw_only=True):
    """What is left of a redacted body."""

    reason: str = ""
    by: str = ""
    at: datetime | None = None


KINDS: Final[Mapping[str, type[Body]]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (
        Declared,
        Noted,
        TitleSet,
        SummarySet,
        SeveritySet,
        ServicesSet,
        ImpactWindow,
        RoleSet,
        TaskOpened,
        TaskClosed,
        Closed,
        Reopened,
        Attached,
        Imported,
        Revised,
        Starred,
        Undone,
        Redacted,
        RunStarted,
        ParamSet,
        StepTicked,
        StepObserved,
        StepSkipped,
        StepFailed,
        StepUndone,
        StepJumped,
        StepDecided,
        StepApproved,
        StepWaiting,
        StepWaitCut,
        PauseConfirmed,
        RunSwitched,
        RunEnded,
        CommandStarted,
        CommandFinished,
        CheckChanged,
        CheckFlapping,
        Maintenance,
        AlertRaised,
        AlertResolved,
        Acknowledged,
        Silenced,
        SourceLost,
        SourceBack,
        WatchLed,
        SegmentOpened,
    )
}

AnyBody: TypeAlias = Body | Unknown | Erased


class Origin(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which program wrote an event, and where it sat."""

    program: str  # console | cli | watch | supervisor | import
    host: str = ""
    tty: str = ""
    uid: int = -1


class Event(Struct, frozen=True, kw_only=True):
    """The envelope. ``seq`` counts from 1 in its stream and is the only order; clocks are data."""

    id: str  # ULID
    stream: str
    seq: int
    recorded_at: datetime
    occurred_at: datetime
    precision: str = "microsecond"
    actor: str
    origin: Origin
    kind: str
    body: AnyBody
    version: int = 1  # of the envelope and the chain
    dedupe: str | None = None
    body_hash: str = ""  # hex SHA-256
    hash: str = ""  # hex SHA-256, links to the event before
    pos: int = 0  # order of arrival in this database, across streams; not part of the chain


class New(Struct, frozen=True, kw_only=True):
    """What a writer hands to the journal; the store adds id, seq, times, hashes."""

    body: Body
    occurred_at: datetime | None = None  # None = now
    precision: str = "microsecond"
    dedupe: str | None = None  # unique in the stream: a second append with the same key returns the first event
    id: str = ""  # ULID chosen by the caller makes a retry idempotent
    actor: str = ""  # "" = the store's actor
