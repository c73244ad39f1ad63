"""Records from elsewhere, read as incidents: JSON, CSV, or one line an event. Pure; all or nothing.

Nothing is guessed: a line that can't be read fails with its number, and then nothing of the file is imported. Keys, marks
and zones that Vigie has no word for are kept in the record and reported. The dedupe keys depend on content alone, so the
same file imported twice into one incident adds nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from datetime import datetime, tzinfo
from pathlib import PurePath
from typing import Final, Literal

from console.clock import rfc3339
from console.incident import actions, import_json, import_text
from console.incident.records import Batch, Case, Failure, Reader, Unreadable
from console.journal.events import Declared, Imported, New, Noted
from console.sanitize import one_line, visible

Format = Literal["json", "csv", "lines"]
LIMIT: Final = 256 * 1024 * 1024  # bytes of a file


def read(data: bytes, name: str, *, now: datetime, zone: tzinfo, form: Format | None = None, title: str = "") -> Batch:
    """Read a file's bytes. Raises :class:`Unreadable`.

    *zone* is for times without an offset where the file names no zone; *form* overrides what the name and content say;
    *title* is for files that have none.
    """
    if len(data) > LIMIT:
        raise Unreadable([Failure(line=0, text=f"too large: {len(data)} bytes (at most {LIMIT})")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable([Failure(line=line, text="not UTF-8 text")]) from None
    form = form or guess(name, text)
    reader = Reader(now=now, zone=zone)
    stem = one_line(PurePath(name).stem) or "imported"
    if form == "json":
        cases = import_json.read(text, reader, title or stem)
    else:
        items = import_text.read_csv(text, reader) if form == "csv" else import_text.read_lines(text, reader)
        if not items and not reader.failures:
            reader.fail(1, "no event in it")
        cases = [Case(title=title or stem, tz=str(zone), items=tuple(items))]
    if reader.failures:
        raise Unreadable(reader.failures)
    return Batch(
        source=one_line(PurePath(name).name),
        sha256=hashlib.sha256(data).hexdigest(),
        cases=tuple(cases),
        kept=tuple(f"{what} ({count}×)" if count > 1 else what for what, count in reader.kept.items()),
    )


def guess(name: str, text: str) -> Format:
    """The format by the file's name, else by how it begins."""
    suffix = PurePath(name).suffix.lower()
    if suffix in (".json", ".csv", ".tsv"):
        return "json" if suffix == ".json" else "csv"
    start = text.lstrip()[:1]
    if start in ("{", "["):
        return "json"
    head = text.lstrip().split("\n", 1)[0].lower()
    if any(head.startswith(f"{column}{mark}") for column in ("at", "time", "timestamp") for mark in (",", ";", "\t")):
        return "csv"
    return "lines"


# ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────


def file_key(batch: Batch, index: int) -> str:
    """The dedupe key of a whole case: the same file's same case has it again."""
    return f"import:{batch.sha256[:32]}:{index}"


def declared(batch: Batch, index: int) -> New:
    """The first event of a new incident made of case *index*. It stamps no milestone: an import declares nothing."""
    case = batch.cases[index]
    body = Declared(
        title=one_line(case.title),
        severity=case.severity,
        services=case.services,
        source=f"import {batch.source}",
        drill=case.drill,
    )
    return New(body=body, dedupe=f"{file_key(batch, index)}:declared")


def closed(batch: Batch, index: int, count: int, head: str) -> New:
    """The end of a new incident, so that a record of the past is never the current one; the chain before it is given."""
    closing = actions.close(count, head, f"a record of the past, from {batch.source}")
    return New(body=closing.body, dedupe=f"{file_key(batch, index)}:closed")


def events(batch: Batch, index: int, *, into: bool = False) -> list[New]:
    """Everything else of case *index*; the same content has the same dedupe keys.

    *into* an incident that has a title and severity of its own, the case's are kept as facts.
    """
    case = batch.cases[index]
    own = {"title": case.title, "severity": case.severity, "services": list(case.services)} if into else {}
    imported = Imported(
        source=batch.source,
        sha256=batch.sha256,
        events=len(case.items),
        tz=case.tz,
        facts={**{name: value for name, value in own.items() if value}, **case.facts},
    )
    news = [New(body=imported, dedupe=file_key(batch, index))]
    if case.summary:
        summary = actions.set_summary(case.summary)
        news.append(New(body=summary.body, dedupe=_key("summary", case.summary)))
    for start, end, precision in case.windows:
        window = actions.impact_window(start, end, precision=precision)
        key = _key("window", rfc3339(start), rfc3339(end) if end else "")
        news.append(New(body=window.body, occurred_at=start, precision=precision, dedupe=key))
    seen: Counter[str] = Counter()
    for item in case.items:
        body = Noted(
            text=visible(item.text),
            note=item.kind,
            tags=item.tags,
            marks=item.marks,
            starred=item.starred,
            question=item.question,
            evidence=item.evidence,
            extra=dict(item.extra),
        )
        content = _key("item", rfc3339(item.at), item.precision, item.kind, item.text, *item.marks, item.actor)
        seen[content] += 1
        key = content if seen[content] == 1 else f"{content}:{seen[content]}"
        news.append(
            New(body=body, occurred_at=item.at, precision=item.precision, dedupe=key, actor=one_line(item.actor))
        )
    return news


def _key(*parts: str) -> str:
    text = json.dumps(parts, ensure_ascii=True)
    return "import:" + hashlib.sha256(text.encode()).hexdigest()[:32]
