"""What a runbook is, once read: the same structs for Markdown and YAML, for the screen, the journal and ``--json``.

Everything is frozen: a run keeps the JSON of the runbook that it was started with (:meth:`Runbook.to_json`), so that an
edited file never changes a run under way. Lines are 1-based and inclusive, in the file at ``path``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final, Literal

import msgspec

StepKind = Literal["do", "run", "check", "wait", "decide", "approve", "call", "note", "pause"]
Tty = Literal["no", "yes", "follow"]
Effect = Literal["read", "change", "destructive"]
Level = Literal["error", "warning", "info"]
PhaseKind = Literal["steps", "diagnose", "act", "verify", "rollback", "escalate", "checklist"]
InfoKind = Literal["text", "heading", "symptoms", "contacts", "escalation", "links", "template", "metadata"]
ParamType = Literal["string", "int", "number", "bool", "host", "port", "duration", "path", "url"]
Form = Literal["plain", "annotated", "yaml"]


class Problem(msgspec.Struct, frozen=True):
    """Something a person should know about a file. *code* is stable, like ``R012``; *line* 0 means the whole file."""

    line: int
    level: Level
    code: str
    message: str


class Command(msgspec.Struct, frozen=True):
    """Text that can be run or copied. Only ``runnable`` ones may run, once every name in *params* has a value."""

    text: str
    lang: str
    """``sh`` for shell; otherwise what the text is: ``api``, ``path``, ``sql``, ``promql``, ``python``…"""
    runnable: bool
    why_not: str | None = None
    params: tuple[str, ...] = ()
    line: int = 0
    end_line: int = 0
    title: str = ""
    tty: Tty = "no"
    """``yes``: wants the terminal; ``follow``: runs until it is stopped, and a signal is then its normal end."""
    effect: Effect = "change"
    warnings: tuple[str, ...] = ()


class Param(msgspec.Struct, frozen=True):
    """A value that the operator fills in. It reaches a command by environment only (see ``params.bind``)."""

    name: str
    default: str | None = None
    secret: bool = False
    source: str = ""
    """As written in the file, ``<bot-id>`` or ``$DOMAIN``; ``front matter`` for a declared one."""
    line: int = 0
    scope: Literal["command", "text"] = "command"
    """``text``: it stands only in text to copy (a message template), so no command waits for it."""
    description: str = ""
    pattern: str | None = None
    choices: tuple[str, ...] = ()
    from_label: str | None = None
    """``from: alert.instance`` in a file: the alert label that fills it first."""
    type: ParamType = "string"
    """What a value must look like (``param_types.refusal``)."""
    required: bool = True
    """Not required: an empty value is a value."""
    minimum: float | None = None
    maximum: float | None = None
    choices_from: Command | None = None
    """A command whose output lines are the choices; run on request only, never to show a list."""


class Retry(msgspec.Struct, frozen=True):
    """How often to try again, and after how many seconds."""

    attempts: int = 1
    every: float = 0.0
    backoff: float = 1.0
    """How much longer each pause is than the one before: 2 doubles it."""


class Expect(msgspec.Struct, frozen=True):
    """What a machine can judge about a finished command (``expect`` of an annotated runbook)."""

    exit: int = 0
    warn_exit: int | None = None
    """This exit status is a warning: neither passed nor failed."""
    match: str | None = None
    """A pattern that must be found in what the command printed (``re.search``, ``^`` and ``$`` at lines)."""


class Option(msgspec.Struct, frozen=True):
    """One answer of a decision; *goto* is a step id, a phase title, ``end`` or empty (go on)."""

    answer: str
    goto: str = ""


class Step(msgspec.Struct, frozen=True):
    """One thing to do, tick and answer for. *body* is Markdown, shown as it stands in the file."""

    id: str
    kind: StepKind
    title: str
    body: str = ""
    commands: tuple[Command, ...] = ()
    expect: str | None = None
    line: int = 0
    end_line: int = 0
    parent: str = ""
    """The task item or sub-heading that this step stands under, for showing."""
    depth: int = 0
    checkbox: bool = False
    checked: bool = False
    """As ticked in the file itself; a run never takes it over."""
    optional: bool = False
    decision: bool = False
    """The text branches (*if … otherwise …*): the operator decides, Vigie never does."""
    wait_s: float | None = None
    """Seconds of a timer the operator may start."""
    calls: tuple[str, ...] = ()
    """Sibling runbook files that the text links to."""
    notes: tuple[str, ...] = ()
    """Admonitions and remarks that stand before the step."""
    output: str | None = None
    """Sample output from the file, display only."""
    whole: Command | None = None
    """The whole block as one script, where *commands* are its parts."""
    # What follows is only set by annotated runbooks. A ``tty`` that the author gave stands in each of the commands.
    effect: Effect | None = None
    confirm: str | None = None
    """``enter``, or ``type-<param>``: its value is typed before the command may run."""
    check: Expect | None = None
    """What decides whether a command passed; None: exit 0 is "finished", and a person judges."""
    on_fail: str = "ask"
    """``ask``, ``stop``, ``continue`` or ``goto:<step id>``."""
    undo: str | None = None
    """A step id, or words that say how."""
    next: str | None = None
    """The id of the step that comes after this one, a phase title, or ``end``."""
    options: tuple[Option, ...] = ()
    timeout_s: float | None = None
    retry: Retry | None = None
    """Of a ``check`` or a ``wait``: how it polls. Of a ``run``: how often it is tried."""
    required: bool = False
    """Later steps wait for this one."""
    assignee: str | None = None
    host: str | None = None
    """Where commands run, by ssh; ``$name`` is the value of a parameter."""
    cwd: str | None = None
    env: dict[str, str] = {}
    capture: dict[str, str] = {}
    """Parameter → what fills it: ``stdout``, ``stderr`` (both without outer blank lines), ``first_line``, ``last_line``,
    ``exit``, or ``/pattern/``, whose first group (or whole match) in stdout it is."""
    ask: str | None = None
    """The question of a ``decide``, what a ``pause`` confirms, what an ``approve`` approves; None: the title says it."""
    role: str | None = None
    """Who may do this step (``Runbook.roles``); of an ``approve``: who may approve."""
    approvals: int = 1
    """Of an ``approve``: how many people, none of them the runner."""
    call_params: dict[str, str] = {}
    """Of a ``call``: the called runbook's parameters; a value ``$name`` is that parameter's value here."""
    until: str | None = None
    """Of a ``wait``: the id of the check that it waits for. Its commands, ``check`` and ``retry`` are this step's too."""


class Phase(msgspec.Struct, frozen=True):
    """Steps under one heading, in file order. *line* is that of the heading."""

    title: str
    line: int
    end_line: int
    steps: tuple[Step, ...]
    kind: PhaseKind = "steps"
    pause: str | None = None
    """A DO-CONFIRM point before the phase: what to confirm."""


class Info(msgspec.Struct, frozen=True):
    """Text to read, never a step. *shared* ones belong to the whole file and stand in each of its runbooks."""

    title: str
    body: str
    line: int
    end_line: int
    kind: InfoKind = "text"
    shared: bool = False
    params: tuple[str, ...] = ()


class Escalation(msgspec.Struct, frozen=True):
    """When to call for help, and whom: ``after_s`` seconds into the run."""

    after_s: float
    to: str


class Role(msgspec.Struct, frozen=True):
    """Who a role is on this host: login names and groups. One without either is taken at the operator's word."""

    name: str
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    description: str = ""


class Contact(msgspec.Struct, frozen=True):
    """Somebody to reach: *reach* is a number, an address or a channel; *when* says for what."""

    name: str
    reach: str = ""
    when: str = ""


class Runbook(msgspec.Struct, frozen=True):
    """One incident or procedure. ``section`` is the path of headings above it in its file."""

    id: str
    title: str
    path: str
    symptoms: tuple[str, ...] = ()
    match: dict[str, str] = {}
    """Label → wanted value or pattern; an alert that has them all is what this runbook is for."""
    owner: str | None = None
    reviewed: str | None = None
    review_every: str | None = None
    params: tuple[Param, ...] = ()
    phases: tuple[Phase, ...] = ()
    info: tuple[Info, ...] = ()
    line: int = 1
    end_line: int = 1
    section: str = ""
    service: tuple[str, ...] = ()
    severity: str | None = None
    tags: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    escalate: Escalation | None = None
    metadata: dict[str, str] = {}
    """Front-matter keys that Vigie has no use for, kept as text."""
    roles: tuple[Role, ...] = ()
    contacts: tuple[Contact, ...] = ()
    form: Form = "plain"
    """``annotated``: Markdown whose steps carry keys; ``yaml``: the YAML form."""
    broken: str = ""
    """``line 12: key: what was expected``: what is wrong with the file. Its commands can only be copied."""
    hash: str = ""
    """SHA-256 of everything above, in hex: two runbooks with the same hash read the same."""

    def steps(self) -> Iterator[Step]:
        """Every step, in file order."""
        for phase in self.phases:
            yield from phase.steps

    def step(self, step_id: str) -> Step | None:
        """The step called *step_id*."""
        return next((step for step in self.steps() if step.id == step_id), None)

    def param(self, name: str) -> Param | None:
        """The parameter called *name*."""
        return next((param for param in self.params if param.name == name), None)

    def role(self, name: str) -> Role | None:
        """The role called *name*."""
        return next((role for role in self.roles if role.name == name), None)

    def to_json(self) -> bytes:
        """The runbook as one JSON object; :func:`from_json` gives it back equal."""
        return _ENCODER.encode(self)

    def sealed(self) -> Runbook:
        """The same runbook with its ``hash`` set."""
        bare = msgspec.structs.replace(self, hash="")
        return msgspec.structs.replace(self, hash=hashlib.sha256(_ENCODER.encode(bare)).hexdigest())


class Document(msgspec.Struct, frozen=True):
    """A file, read. There is always at least one runbook for a file that could be read; one without phases is a page
    to read, and none at all means that ``problems`` says why."""

    path: str
    runbooks: tuple[Runbook, ...]
    problems: tuple[Problem, ...] = ()

    def to_json(self) -> bytes:
        """The shape of ``vigie runbooks show --json``."""
        return _ENCODER.encode(self)


_ENCODER: Final = msgspec.json.Encoder()


def from_json(data: bytes | str) -> Runbook:
    """The runbook that :meth:`Runbook.to_json` wrote. Raises ``msgspec.ValidationError``. Unknown keys are ignored."""
    return msgspec.json.decode(data, type=Runbook)


def document_from_json(data: bytes | str) -> Document:
    """The document that :meth:`Document.to_json` wrote. Raises ``msgspec.ValidationError``."""
    return msgspec.json.decode(data, type=Document)
