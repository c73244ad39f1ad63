"""The scribe grammar: one typed line to one :class:`Entry`, as written down in ``docs/scribe.md``. Pure.

Tokens count only at the start of a line; times also at the end of a declare or ``+milestone`` line; a note's last word
may name its kind. Everything else is text, and no word of it is lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from typing import Final, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from console.clock import parse_span, span
from console.incident import times
from console.journal.events import MILESTONES, NOTE_KINDS
from console.sanitize import visible

Context = Literal["note", "declare"]
SEVERITIES: Final = ("SEV1", "SEV2", "SEV3", "SEV4", "SEV5")


class Problem(Struct, frozen=True, kw_only=True):
    """Why an entry can't be saved as it stands. ``text`` is one line.

    A ``confirmable`` one is a question that is answered by saving again; otherwise the line has to change. ``options``
    are (label, whole line to use instead).
    """

    code: str
    text: str
    confirmable: bool = False
    options: tuple[tuple[str, str], ...] = ()


class Entry(Struct, frozen=True, kw_only=True):
    """What a typed line means. ``at`` None = the moment it is saved; times are aware UTC."""

    context: Context
    text: str = ""  # the note's text, the task, or the incident's title
    at: datetime | None = None  # for a declare: the start of impact
    precision: str = "microsecond"
    note: str = "note"
    tags: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    starred: bool = False
    question: bool = False
    evidence: str = ""
    task: bool = False
    owner: str = ""
    check_back_ms: int | None = None
    severity: str = ""
    services: tuple[str, ...] = ()
    summary: str = ""  # a declare's further lines
    tokens: tuple[str, ...] = ()  # the words that were read as tokens, as they were typed
    frozen: datetime  # the now that relative times were read from
    problems: tuple[Problem, ...] = ()
    hints: tuple[str, ...] = ()  # worth a look, nothing to answer

    @property
    def questions(self) -> tuple[Problem, ...]:
        """The problems that a second Enter answers."""
        return tuple(problem for problem in self.problems if problem.confirmable)

    @property
    def refusals(self) -> tuple[Problem, ...]:
        """The problems that need another line."""
        return tuple(problem for problem in self.problems if not problem.confirmable)


@dataclass
class _Draft:
    """An entry while it is being read."""

    typed: str
    context: Context
    now: datetime
    zone: ZoneInfo
    severities: Sequence[str]
    at: datetime | None = None
    precision: str = "microsecond"
    timed: bool = False
    note: str = "note"
    kinded: bool = False
    tags: list[str] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    starred: bool = False
    question: bool = False
    evidence: str = ""
    task: bool = False
    owner: str = ""
    check_back_ms: int | None = None
    severity: str = ""
    services: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    floor: int = 0  # 1 after an escape: the first word is text, also when it is the last one


# A rule reads one token at the start of what is left; it returns how many characters it took, 0 for "not mine".
_Rule = Callable[[_Draft, str], int]

_END = r"(?=\s|$)"
_TIME: Final = re.compile(times.TIME + _END)
_TIME_LAST: Final = re.compile(rf"(?:^|(?<=\s))({times.TIME})$")
_SIGN: Final = re.compile(r"[!?](?:(?=\s|$)|(?=[^\W_]))")
_TAG_WORD: Final = r"[^\W\d_][\w./-]*"
_TAG: Final = re.compile(rf"#({_TAG_WORD}):?" + _END)
_TAG_LAST: Final = re.compile(rf"(?:^|(?<=\s))#({_TAG_WORD})$")
_MILESTONE: Final = re.compile(r"\+([A-Za-z][A-Za-z_-]*)" + _END)
_EVIDENCE: Final = re.compile(r"\$(?=[ \t]+\S)")
_TASK: Final = re.compile(r"todo:?(?=[ \t]+\S)")
_OWNER: Final = re.compile(r"@([^\W\d_][\w.-]*)" + _END)
_SPAN: Final = re.compile(r"(?=[0-9])(?:[0-9]{1,3}d)?(?:[0-9]{1,4}h)?(?:[0-9]{1,5}m(?:in)?)?(?:[0-9]{1,6}s)?" + _END)
_SEVERITY_LIKE: Final = re.compile(r"(sev-?[0-9]{1,2}):?" + _END, re.IGNORECASE)
_NOTE_STARTS: Final = (_TIME, _SIGN, _TAG, _MILESTONE, _EVIDENCE, _TASK)
_DECLARE_STARTS: Final = (_SEVERITY_LIKE, _TIME, _TAG)
_ALMOST_TIME: Final = re.compile(r"@[0-9]\S*|-[0-9]+[a-z]\S*", re.IGNORECASE)


def parse(
    text: str,
    now: datetime,
    zone: ZoneInfo,
    context: Context = "note",
    *,
    severities: Sequence[str] = SEVERITIES,
    given: str = "",
    since: str = "",
) -> Entry:
    """Read one scribe line. *now* is the moment of its first keystroke; bare times are in *zone*.

    *given* are the words with which a declare line began, and *since* the time behind them: see :func:`_around`.
    Never raises for what was typed: what is wrong stands in ``problems``.
    """
    typed = visible(text).strip()
    draft = _Draft(typed=typed, context=context, now=now, zone=zone, severities=severities)
    if not typed:
        draft.problems.append(Problem(code="empty", text="nothing typed yet"))
        return _finish(draft, "")
    at = _place_of(visible(given).strip(), typed) if context == "declare" else -1
    if at >= 0:
        title, summary = _around(draft, at, len(visible(given).strip()), since)
        return _finish(draft, title, summary=summary)
    rest = _take_leading(draft, typed)
    if context == "declare":
        title, _, summary = rest.partition("\n")
        title = _take_trailing(draft, title.rstrip(), services=True)
        if not title:
            draft.problems.append(Problem(code="no-title", text="an incident needs a title: what is broken"))
        return _finish(draft, title, summary=summary.strip())
    if draft.marks and "\n" not in rest:
        rest = _take_trailing(draft, rest, services=False)
    elif not draft.task and not draft.evidence:
        _read_last_kind(draft, rest)
    if not rest and not draft.marks and not draft.evidence:
        draft.problems.append(
            Problem(
                code="empty", text=f"nothing to record after {' '.join(draft.tokens)}; a \\ before it makes it text"
            )
        )
    return _finish(draft, rest)


def _place_of(given: str, typed: str) -> int:
    """Where *given* still stands in the first line of *typed*, behind nothing but whole words; -1 when it doesn't."""
    at = typed.partition("\n")[0].find(given) if given else -1
    return at if at <= 0 or typed[at - 1].isspace() else -1


def _around(draft: _Draft, at: int, length: int, since: str) -> tuple[str, str]:
    """Title and summary of a line that began with a problem's words: those are text, whatever they say. What was typed in
    front of them is read as a line of its own, with tokens at both its ends; its time is instead of *since*."""
    given = draft.typed[at : at + length]
    front = _take_trailing(draft, _take_leading(draft, draft.typed[:at].rstrip()), services=True)
    behind, _, summary = draft.typed[at + length :].partition("\n")
    draft.floor = 0
    if draft.timed and behind.strip() == since:
        behind = ""
    behind = _take_trailing(draft, behind.rstrip(), services=True)
    return f"{front} {given}".strip() + behind, summary.strip()


def _finish(draft: _Draft, text: str, summary: str = "") -> Entry:
    return Entry(
        context=draft.context,
        text=text,
        at=draft.at,
        precision=draft.precision,
        note=draft.note,
        tags=tuple(draft.tags),
        marks=tuple(draft.marks),
        starred=draft.starred,
        question=draft.question,
        evidence=draft.evidence,
        task=draft.task,
        owner=draft.owner,
        check_back_ms=draft.check_back_ms,
        severity=draft.severity,
        services=tuple(draft.services),
        summary=summary,
        tokens=tuple(draft.tokens),
        frozen=draft.now,
        problems=tuple(draft.problems),
        hints=tuple(draft.hints),
    )


def _take_leading(draft: _Draft, rest: str) -> str:
    rules = _DECLARE_RULES if draft.context == "declare" else _NOTE_RULES
    while rest:
        if _is_escape(rest, draft.context):
            draft.floor = 1
            return rest[1:]
        for rule in rules:
            length = rule(draft, rest)
            if length:
                draft.tokens.append(rest[:length])
                rest = rest[length:].lstrip()
                break
        else:
            break
        if draft.evidence:
            return ""
        if draft.task:
            return _take_task(draft, rest)
    if rest and not draft.timed and _ALMOST_TIME.match(rest):
        draft.hints.append(f"{rest.split()[0]} is not read as a time")
    return rest


def _take_trailing(draft: _Draft, text: str, *, services: bool) -> str:
    """Times, and the services of a declare, at the end of the line."""
    found_services: list[str] = []
    while text:
        match = _TIME_LAST.search(text)
        if match and not draft.timed and match.start() >= draft.floor:
            _read_time(draft, match[1])
        else:
            match = _TAG_LAST.search(text) if services else None
            if match is None or match.start() < draft.floor:
                break
            found_services.insert(0, match[1])
        draft.tokens.append(match[0])
        text = text[: match.start()].rstrip()
    draft.services += [name for name in found_services if name not in draft.services]
    last = text.rfind("\\")
    if last >= 0 and (last == 0 or text[last - 1].isspace()) and _is_token(text[last + 1 :], services):
        return text[:last] + text[last + 1 :]
    return text


def _is_token(word: str, services: bool) -> bool:
    return bool(_TIME_LAST.fullmatch(word) or (services and _TAG_LAST.fullmatch(word)))


def _is_escape(rest: str, context: Context) -> bool:
    """Whether *rest* begins with a backslash (or several) before what would be a token."""
    bare = rest.lstrip("\\")
    starts = _DECLARE_STARTS if context == "declare" else _NOTE_STARTS
    return bare != rest and any(start.match(bare) for start in starts)


def _read_last_kind(draft: _Draft, rest: str) -> None:
    match = _TAG_LAST.search(rest)
    if (
        match
        and match.start() >= draft.floor
        and not draft.kinded
        and "\n" not in rest
        and match[1].lower() in NOTE_KINDS
    ):
        draft.note = match[1].lower()


def _read_time(draft: _Draft, token: str) -> None:
    draft.timed = True
    try:
        moment = times.read(token, draft.now, draft.zone)
    except times.TimeProblem as problem:
        at = draft.typed.find(token)
        before, after = draft.typed[:at], draft.typed[at + len(token) :]
        options = tuple((label, before + choice + after) for label, choice in problem.choices)
        draft.problems.append(Problem(code=problem.code, text=str(problem), options=options))
        return
    draft.at, draft.precision = moment.at, moment.precision
    if times.is_future(moment, draft.now, draft.zone):
        ahead = span((moment.at - draft.now).total_seconds())
        draft.problems.append(
            Problem(
                code="future",
                text=f"{utc_words(moment.at, moment.precision)} is {ahead} ahead: really?",
                confirmable=True,
            )
        )


def _time(draft: _Draft, rest: str) -> int:
    match = None if draft.timed else _TIME.match(rest)
    if match is None:
        return 0
    _read_time(draft, match[0])
    return match.end()


def _sign(draft: _Draft, rest: str) -> int:
    if not _SIGN.match(rest):
        return 0
    if rest[0] == "!" and not draft.starred:
        draft.starred = True
        return 1
    if rest[0] == "?" and not draft.question:
        draft.question = True
        return 1
    return 0


def is_tag(word: str) -> bool:
    """Whether *word* could stand behind ``#`` in a line."""
    return re.fullmatch(_TAG_WORD, word) is not None


def _tag(draft: _Draft, rest: str) -> int:
    match = _TAG.match(rest)
    if match is None:
        return 0
    word = match[1]
    if draft.context == "declare":
        if word not in draft.services:
            draft.services.append(word)
    elif word.lower() in NOTE_KINDS and not draft.kinded:
        draft.note, draft.kinded = word.lower(), True
    elif word not in draft.tags:
        draft.tags.append(word)
    return match.end()


def _milestone(draft: _Draft, rest: str) -> int:
    match = _MILESTONE.match(rest)
    if match is None:
        return 0
    word = match[1].lower().replace("-", "_")
    if word in MILESTONES:
        if word not in draft.marks:
            draft.marks.append(word)
        return match.end()
    near = get_close_matches(word, MILESTONES, n=1, cutoff=0.75)
    if near:
        fixed = draft.typed.replace(match[0], "+" + near[0], 1)
        draft.problems.append(
            Problem(
                code="milestone",
                text=f"no milestone {match[1]!r}; did you mean +{near[0]}? (\\{match[0]} writes it as text)",
                options=((f"+{near[0]}", fixed),),
            )
        )
    return 0


def _evidence(draft: _Draft, rest: str) -> int:
    if not _EVIDENCE.match(rest):
        return 0
    draft.evidence = rest[1:].strip()
    return 1


def _task(draft: _Draft, rest: str) -> int:
    match = _TASK.match(rest)
    if match is None:
        return 0
    draft.task = True
    return match.end()


def _take_task(draft: _Draft, rest: str) -> str:
    """``@owner`` and the check-back time, in either order, then the text."""
    while rest:
        if rest[0] == "\\" and (_OWNER.match(rest[1:]) or _SPAN.match(rest[1:])):
            return rest[1:]
        owner, back = _OWNER.match(rest), _SPAN.match(rest)
        if owner and not draft.owner:
            draft.owner, match = owner[1], owner
        elif back and draft.check_back_ms is None:
            draft.check_back_ms, match = int(parse_span(back[0].replace("min", "m")) * 1000), back
        else:
            return rest
        draft.tokens.append(match[0])
        rest = rest[match.end() :].lstrip()
    return rest


def _severity(draft: _Draft, rest: str) -> int:
    if draft.severity:
        return 0
    for name in draft.severities:
        match = re.match(re.escape(name) + r":?" + _END, rest, re.IGNORECASE)
        if match:
            draft.severity = name
            return match.end()
    like = _SEVERITY_LIKE.match(rest)
    if like:
        draft.problems.append(
            Problem(
                code="severity",
                text=f"no severity {like[1]!r}; known: {', '.join(draft.severities)} (\\{like[1]} writes it as text)",
            )
        )
    return 0


_NOTE_RULES: Final[tuple[_Rule, ...]] = (_time, _sign, _tag, _milestone, _evidence, _task)
_DECLARE_RULES: Final[tuple[_Rule, ...]] = (_severity, _time, _tag)


def utc_words(at: datetime, precision: str) -> str:
    if precision == "day":
        return f"{at:%Y-%m-%d}"
    clock = f"{at:%H:%M:%S}" if precision == "second" else f"{at:%H:%M}"
    return f"{'~' if precision in ('approx', 'hour') else ''}{at:%Y-%m-%d} {clock} UTC"
