"""The postmortem: the record as Markdown, HTML or JSON. Same journal, same bytes: no wall clock, no event written.

A template (Jinja2, sandboxed) gets plain values and two iterators, so that a long incident is written as it is read.
Whatever it prints is escaped (:mod:`console.report.markdown`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from console.clock import rfc3339
from console.incident import metrics as measured
from console.incident import timeline
from console.incident.metrics import Metrics
from console.incident.timeline import Line
from console.journal.events import MILESTONES, Attached
from console.journal.store import Journal
from console.report import evidence as commands
from console.report.markdown import Md, block, code, fence, finalize, inline
from console.report.profile import Profile, View
from console.report.prompts import seeded
from console.report.record import SEEDS, Record, full_timeline, story
from console.sanitize import one_line, visible

DEFAULT: Final = "postmortem"


class TemplateProblem(Exception):
    """A template can't be used; ``str()`` is one line with file and line."""


def markdown(
    journal: Journal, record: Record, *, template: str = "", profile: Profile = "internal", version: str = ""
) -> Iterator[str]:
    """The report in pieces. *template* is a file, or the name of one that ships. Raises :class:`TemplateProblem`."""
    import jinja2

    name, source = load_template(template or DEFAULT)
    environment = _environment()
    try:
        compiled = environment.from_string(source)
        yield from compiled.generate(**context(journal, record, profile, version))
    except jinja2.TemplateSyntaxError as error:
        raise TemplateProblem(f"{name}:{error.lineno}: {error.message}") from None
    except (jinja2.TemplateError, TypeError, ValueError, AttributeError, ArithmeticError, LookupError) as error:
        raise TemplateProblem(f"{name}:{_template_line(error)}: {one_line(str(error))}") from None
    except (MemoryError, RecursionError) as error:
        what = "asks for more memory than there is" if isinstance(error, MemoryError) else "calls itself without end"
        raise TemplateProblem(f"{name}:{_template_line(error)}: {what}") from None


def _template_line(error: BaseException) -> int:
    """The template's line in which *error* was raised; 1 when it can't be told."""
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def load_template(name: str) -> tuple[str, str]:
    """``(name for messages, source)`` of a shipped template or a file. Raises :class:`TemplateProblem`."""
    shipped = template_names()
    if name in shipped:
        return name, files("console.report").joinpath(f"templates/{name}.md.j2").read_text(encoding="utf-8")
    path = Path(name).expanduser()
    try:
        return str(path), path.read_text(encoding="utf-8")
    except OSError as error:
        known = ", ".join(shipped)
        raise TemplateProblem(f"{path}: {error.strerror}; a file, or one of: {known}") from None
    except UnicodeDecodeError:
        raise TemplateProblem(f"{path}: not UTF-8 text") from None


def template_names() -> list[str]:
    """The templates that ship."""
    folder = files("console.report").joinpath("templates")
    return sorted(each.name.removesuffix(".md.j2") for each in folder.iterdir() if each.name.endswith(".md.j2"))


def _environment() -> Any:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        finalize=finalize,
        autoescape=False,
    )
    environment.filters.update(
        inline=inline, block=block, code=code, fence=fence, entry=entry, by_date=by_date, utc=utc
    )
    return environment


# ── filters ──────────────────────────────────────────────────────────────────────────────────────────────────────


def entry(line: Line, dated: bool = False) -> Md:
    """A timeline line as a list item: ``- 23:09 T+00:17 ★ [status] Declared — @ann (notes)``."""
    first, *more = visible(line.text).split("\n")
    parts = [f"- {line.date} {line.clock}" if dated else f"- {line.clock}", line.t, "★" if line.starred else ""]
    parts += ["[watch]" if line.watch else "", f"[{_again(line.kind)}]"]
    text = inline(first)
    parts.append(f"~~{text}~~" if line.undone and text else text)
    if not line.watch:
        parts.append(f"— @{_again(line.actor)}")
    parts += [f"[{inline(note)}]" if note.startswith("edited") else f"({inline(note)})" for note in line.notes]
    item = " ".join(part for part in parts if part)
    return Md(f"{item}\n\n{fence(line.text, indent=2)}\n") if more else Md(item)


@lru_cache(maxsize=1024)
def _again(text: str) -> Md:
    """:func:`inline` for the few names and kinds that stand on every line."""
    return inline(text)


def by_date(lines: Iterable[Line]) -> Iterator[tuple[str, Iterator[Line]]]:
    """Lines under the UTC date that they belong to; a date comes again only if the order goes back to it."""
    yield from groupby(lines, key=lambda line: line.date)


def utc(moment: datetime | None) -> str:
    """``2018-10-21 23:09:04 UTC``, or ``not recorded``."""
    return "not recorded" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


# ── what a template is given ─────────────────────────────────────────────────────────────────────────────────────


def context(journal: Journal, record: Record, profile: Profile, version: str) -> dict[str, Any]:
    """The names that a template may use; documented in ``docs/postmortem.md``."""
    view = View(record, profile)
    incident, metrics = record.incident, record.metrics
    return {
        "front": front_matter(record, profile, version),
        "id": record.alias,
        "stream": record.stream,
        "title": view.text(incident.title),
        "summary": view.text(incident.summary),
        "status": incident.status,
        "drill": incident.drill,
        "partial": incident.partial,
        "severity": incident.severity,
        "peak_severity": incident.peak_severity(),
        "severity_spans": [
            {"severity": span.severity, "start": utc(span.start), "end": utc(span.end) if span.end else "now"}
            for span in incident.severity_spans()
        ],
        "services": list(incident.services),
        "responders": [
            f"{span.role}: {'@' + span.person if not view.external else 'held'}"
            f" ({span.start:%Y-%m-%d %H:%M}–{span.end.strftime('%Y-%m-%d %H:%M') if span.end else 'end'} UTC)"
            for span in incident.role_spans()
        ],
        "zero": f"{record.zero.at:%Y-%m-%d %H:%M} UTC ({record.zero.basis})" if record.zero else "",
        "basis": record.zero.basis if record.zero else "",
        "metrics": metrics,
        "intervals": interval_rows(metrics),
        "milestones": milestone_rows(metrics),
        "impact": measured.impact_words(metrics),
        "prompts": seeded(record, view),
        "comms": list(view.lines(record.line(event) for event in record.live(record.by_kind.get("comms", [])))),
        "more_comms": max(record.totals.get("comms", 0) - SEEDS, 0),
        "questions": list(view.lines(record.line(event) for event in record.live(record.questions))),
        "tasks": _tasks(record, view),
        "evidence": [] if view.external else [_evidence_row(each) for each in commands.commands(record)],
        "typed": list(view.lines(record.line(event) for event in record.live(record.typed))),
        "attached": [] if view.external else _attachments(record),
        "story": lambda: view.lines(story(journal, record)),
        "timeline": lambda: view.lines(full_timeline(journal, record)),
        "left_out": lambda: _left_out(view),
        "count": record.count,
        "edits": incident.revision_count,
        "redactions": len(incident.redactions),
        "head": record.head,
        "as_of": utc(record.as_of),
        "verify": f"vigie verify {record.alias} --against THIS-FILE.md",
        "profile": profile,
        "version": version,
    }


def interval_rows(metrics: Metrics) -> list[dict[str, str]]:
    """Label, value and both endpoints of each interval, in words."""
    return [
        {
            "label": f"{found.label} ({found.start} → {found.end})",
            "value": measured.value_words(found),
            "start": measured.moment_words(metrics.milestones[found.start]),
            "end": measured.moment_words(metrics.milestones[found.end]),
        }
        for found in metrics.intervals.values()
    ]


def milestone_rows(metrics: Metrics) -> list[dict[str, str]]:
    """Every milestone, recorded or not, then the marks that are none of ours."""
    found = [(name, metrics.milestones[name]) for name in MILESTONES] + list(metrics.marks.items())
    return [
        {"name": name, "when": measured.moment_words(stamp), "stamps": str(stamp.stamps) if stamp else ""}
        for name, stamp in found
    ]


def _tasks(record: Record, view: View) -> list[dict[str, Any]]:
    rows = []
    for task in record.incident.live(record.incident.tasks):
        outcome = record.incident.task_outcome(task)
        text = record.incident.wording(task, task.text)
        owner = view.person(task.owner) if task.owner else ""
        rows.append(
            {
                "text": view.text(text),
                "owner": f"@{owner}" if owner else "",
                "status": outcome or "open",
                "open": not outcome,
            }
        )
    return rows


def _evidence_row(found: commands.Evidence) -> dict[str, Any]:
    return {
        "command": found.command,
        "multiline": "\n" in found.command,
        "title": found.title,
        "host": found.host,
        "user": found.user,
        "cwd": found.cwd,
        "actor": found.actor,
        "started": utc(found.started),
        "ended": utc(found.ended),
        "outcome": found.outcome,
        "exit_code": "none" if found.exit_code is None else str(found.exit_code),
        "sha256": found.sha256,
        "head": found.head,
        "cut": found.cut,
    }


def _attachments(record: Record) -> list[dict[str, str]]:
    bodies = [event.body for event in record.live(record.attached)]
    return [
        {"name": body.name, "size": str(body.size), "sha256": body.sha256}
        for body in bodies
        if isinstance(body, Attached)
    ]


def _left_out(view: View) -> list[str]:
    if not view.external:
        return []
    return [
        f"External profile: people are named by role; left out: {len(view.left_out['private'])} private notes, "
        f"{len(view.left_out['internal'])} lines with commands, evidence or attachments."
    ]


def front_matter(record: Record, profile: Profile, version: str) -> Md:
    """YAML between the ``---`` lines. Values are JSON, which YAML reads as it is, so nothing of them is syntax."""
    incident = record.incident
    view = View(record, profile)
    values: dict[str, Any] = {
        "id": record.alias,
        "stream": record.stream,
        "title": one_line(view.text(incident.title)),
        "status": incident.status,
        "review": "Draft",
        "severity": incident.severity or None,
        "severity_peak": incident.peak_severity() or None,
        "services": list(incident.services),
        "drill": incident.drill,
        **{name: rfc3339(found.at) if found else None for name, found in record.metrics.milestones.items()},
        "t_zero": record.zero.basis if record.zero else None,
        "impact_seconds": measured.as_json(record.metrics)["impact_seconds"],
        "impact_open": record.metrics.impact_open,
        "profile": profile,
        "as_of": rfc3339(record.as_of) if record.as_of else None,
        "events": record.count,
        "chain_head": record.head,
        "vigie": version,
    }
    return Md("\n".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()))


# ── JSON ────────────────────────────────────────────────────────────────────────────────────────────────


def as_json(journal: Journal, record: Record, *, profile: Profile = "internal", version: str = "") -> Iterator[str]:
    """The report as one JSON document, in pieces; its ``timeline`` has the objects of ``vigie timeline --json``."""
    view = View(record, profile)
    given = context(journal, record, profile, version)
    document = {
        "id": record.alias,
        "stream": record.stream,
        **{name: given[name] for name in ("title", "summary", "status", "severity", "peak_severity", "severity_spans")},
        **{
            name: given[name]
            for name in ("services", "responders", "drill", "partial", "tasks", "evidence", "attached")
        },
        "t_zero": {"at": rfc3339(record.zero.at), "basis": record.zero.basis} if record.zero else None,
        "metrics": measured.as_json(record.metrics),
        "prompts": [
            {"key": each.key, "title": each.title, "question": each.question, "seeds": [line.id for line in each.seeds]}
            for each in given["prompts"]
        ],
        "events": record.count,
        "edits": given["edits"],
        "redactions": given["redactions"],
        "chain_head": record.head,
        "as_of": rfc3339(record.as_of) if record.as_of else None,
        "profile": profile,
        "vigie": version,
    }
    yield json.dumps(document, ensure_ascii=False, indent=1)[:-2]
    yield ',\n "timeline": ['
    for number, line in enumerate(view.lines(full_timeline(journal, record))):
        shown = timeline.as_json(line, record.alias)
        if view.external:
            shown = {key: shown[key] for key in _PUBLIC} | {"actor": line.actor}
        yield ("," if number else "") + "\n  " + json.dumps(shown, ensure_ascii=False)
    left = {name: len(ids) for name, ids in view.left_out.items()}
    yield f'\n ],\n "left_out": {json.dumps(left)}\n}}\n'


_PUBLIC: Final = ("id", "occurred_at", "precision", "kind", "text", "starred", "marks", "t", "notes", "watch", "undone")
