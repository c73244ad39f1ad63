"""Import of CSV (with a header) and of plain lines (the scribe grammar, each with its time)."""

from __future__ import annotations

import csv
import io
import re
from typing import Final
from zoneinfo import ZoneInfo

from console.incident import grammar as scribe
from console.incident.records import Item, Reader
from console.sanitize import one_line, visible

# Other words for our columns that files in the wild use.
_COLUMNS: Final = {
    "at": "at",
    "time": "at",
    "timestamp": "at",
    "when": "at",
    "date": "at",
    "precision": "precision",
    "kind": "kind",
    "type": "kind",
    "text": "text",
    "message": "text",
    "description": "text",
    "note": "text",
    "marks": "marks",
    "milestone": "marks",
    "actor": "actor",
    "author": "actor",
    "who": "actor",
    "user": "actor",
    "tags": "tags",
}
_DAY: Final = re.compile(r"#{0,6}\s*([0-9]{4}-[0-9]{2}-[0-9]{2})(?:\s*\(UTC\))?")
_STAMPED: Final = re.compile(
    r"(?:[-*]\s+)?\[?(~?)(?:([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]+([0-9]{1,2}:[0-9]{2}\S*))?|([0-9]{1,2}:[0-9]{2}\S*))(?=[\s\],]|$)"
)


def read_csv(text: str, reader: Reader) -> list[Item]:
    """Items of a CSV text: a header row, then one event a row. Comma, semicolon or tab."""
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    items: list[Item] = []
    try:
        header = [one_line(name).lower() for name in next(rows, [])]
        columns = [_COLUMNS.get(name, "") for name in header]
        if "at" not in columns:
            reader.fail(1, f"no column with the time: expected 'at' among {', '.join(header) or 'nothing'}")
            return []
        for name, column in zip(header, columns, strict=True):
            if not column:
                reader.keep(f"column {name!r}")
        line = rows.line_num + 1
        for row in rows:
            if any(cell.strip() for cell in row):
                item = _row(row, header, columns, line, reader)
                items += [item] if item else []
            line = rows.line_num + 1
    except csv.Error as error:
        reader.fail(rows.line_num, f"not CSV: {error}")
    return items


def _row(row: list[str], header: list[str], columns: list[str], line: int, reader: Reader) -> Item | None:
    if len(row) != len(header):
        reader.fail(line, f"{len(row)} cells, the header has {len(header)}")
        return None
    cells: dict[str, str] = {}
    extra: dict[str, str] = {}
    for name, column, cell in zip(header, columns, row, strict=True):
        if column and column not in cells:
            cells[column] = cell.strip()
        elif cell.strip():
            extra[name] = visible(cell)
    try:
        moment = reader.time(cells["at"], reader.zone)
        precision = reader.precision(cells.get("precision", ""), moment.precision)
    except ValueError as error:
        reader.fail(line, str(error))
        return None
    marks = tuple(reader.mark(word) for word in re.split(r"[\s;,|]+", cells.get("marks", "")) if word)
    text = visible(cells.get("text", ""))
    if not (text or marks):
        reader.fail(line, "an event needs text or marks")
        return None
    return Item(
        at=moment.at,
        precision=precision,
        kind=one_line(cells.get("kind", "")) or "note",
        text=text,
        marks=marks,
        tags=tuple(word for word in re.split(r"[\s;,|]+", one_line(cells.get("tags", ""))) if word),
        actor=one_line(cells.get("actor", "")),
        extra=extra,
    )


def read_lines(text: str, reader: Reader) -> list[Item]:
    """Items of plain lines, each a scribe line with a time: ``@14:32 text``, ``14:32 text``, ``2024-03-10 14:32 text``.

    A line that is only a date gives it to the bare times below.
    """
    items: list[Item] = []
    day: str | None = None
    for number, line in enumerate(text.split("\n"), 1):  # as an editor counts them
        stripped = line.strip()
        if not stripped:
            continue
        heading = _DAY.fullmatch(stripped)
        if heading:
            day = heading[1]
            continue
        item = _line(_with_time(stripped, day), number, reader)
        items += [item] if item else []
    return items


def _with_time(line: str, day: str | None) -> str:
    """*line* with a time at its start written as a scribe token."""
    match = _STAMPED.match(line)
    if match is None:
        clock = re.match(r"@([0-9]{1,2}:[0-9]{2}\S*)", line)
        return f"@{day} {clock[1]}{line[clock.end() :]}" if clock and day else line
    about, date, time, bare = match.groups()
    token = f"{date} {time}" if time else (date or (f"{day} {bare}" if day else bare))
    rest = line[match.end() :].lstrip("],").lstrip()
    return f"@{token.rstrip('],~')}{'~' if about or token.endswith('~') else ''} {rest}"


def _line(line: str, number: int, reader: Reader) -> Item | None:
    zone = reader.zone if isinstance(reader.zone, ZoneInfo) else ZoneInfo("UTC")
    found = scribe.parse(line, reader.now, zone)
    if found.problems:
        reader.fail(number, found.problems[0].text)
        return None
    if found.at is None:
        reader.fail(number, "no time: a line begins with one, e.g. @14:32 or 2024-03-10 14:32")
        return None
    if found.task:
        who = f"@{found.owner} " if found.owner else ""
        found_text, kind, tags = f"{who}{found.text}", "action", (*found.tags, "todo")
    else:
        found_text, kind, tags = found.text, found.note, found.tags
    return Item(
        at=found.at,
        precision=found.precision,
        kind=kind,
        text=found_text,
        marks=found.marks,
        tags=tags,
        starred=found.starred,
        question=found.question,
        evidence=found.evidence,
    )
