"""The postmortem as rows to read, kept in a file without a name, so that an incident of 100,000 lines costs no memory.

A short one is built in a thread of its own with a connection of its own; a long one in a process (``report_apart.py``),
since a thread that computes for seconds takes every other turn away from the keys."""

from __future__ import annotations

import os
import tempfile
import time
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, overload

from screens.look import Look
from screens.widgets.text import Words, wrap

if TYPE_CHECKING:
    from console.journal.store import Journal
    from console.report.record import Record
    from screens.start import Deps

TO_BE_WRITTEN: Final = "_To be written_"
_YIELD_S: Final = 0.004  # after so long the other threads get their turn


@dataclass(frozen=True)
class Gap:
    """Something that the report lacks: what, how to mend it, and the row where it would stand (-1: nowhere)."""

    key: str
    what: str
    mend: str
    row: int = -1
    tone: str = "degraded"


class Rows(Sequence[Words]):
    """Rows of a file, read as they are looked at."""

    def __init__(self, file: IO[bytes] | None = None, ends: array[int] | None = None) -> None:
        """Empty; or over a *file* that holds rows, and the places where they end."""
        self._file = file or tempfile.TemporaryFile(prefix="vigie-report-")  # noqa: SIM115 - closed with the rows
        self._ends: array[int] = array("Q") if ends is None else ends
        self._waiting: list[bytes] = []
        self._size = 0

    def add(self, row: str) -> None:
        """One more row."""
        data = row.encode("utf-8", "replace")
        self._waiting.append(data)
        self._size += len(data)
        self._ends.append(self._size)
        if len(self._waiting) > 500:
            self.flush()

    def flush(self) -> None:
        """Put what waits into the file."""
        self._file.write(b"".join(self._waiting))
        self._waiting.clear()
        self._file.flush()

    def close(self) -> None:
        """Let the file go."""
        self._file.close()

    @property
    def ends(self) -> array[int]:
        """Where each row ends in the file, in bytes."""
        return self._ends

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, index: int) -> Words: ...
    @overload
    def __getitem__(self, index: slice) -> list[Words]: ...
    def __getitem__(self, index: int | slice) -> Words | list[Words]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        text = self.text(index)
        return ((" ", "text"), (text, tone(text)))

    def text(self, index: int) -> str:
        """One row as text."""
        start = self._ends[index - 1] if index else 0
        return os.pread(self._file.fileno(), self._ends[index] - start, start).decode("utf-8", "replace")


def tone(text: str) -> str:
    """How a row of Markdown looks: headings and prompts stand out, tables and fences stand back."""
    if text.startswith("#"):
        return "title"
    if text.startswith(TO_BE_WRITTEN):
        return "degraded"
    if text.startswith(("|", "---", "```")):
        return "dim"
    return "star" if " ★ " in text[:40] or " * [" in text[:40] else "text"


@dataclass(frozen=True)
class Report:
    """A report as it was at one moment of the record."""

    stream: str
    alias: str
    title: str
    count: int
    head: str
    as_of: str
    size: int  # bytes of the Markdown
    width: int
    took_s: float
    rows: Rows = field(compare=False, repr=False)
    gaps: tuple[Gap, ...] = ()


class Stopped(Exception):
    """Nobody wants this report any more."""


def build(deps: Deps, stream: str, width: int, look: Look, wanted: Callable[[], bool]) -> Report:
    """The internal report on *stream*, wrapped to *width* cells, in this thread. Raises a one-line ``JournalError``,
    ``TemplateProblem``, ``LookupError``; :class:`Stopped` once it is not *wanted* any more."""
    rows = Rows()
    try:
        with deps.open_journal(read_only=True) as journal:
            return compose(journal, stream, width, look, rows, lambda pieces: _paced(pieces, wanted))
    except BaseException:
        rows.close()
        raise


def compose(
    journal: Journal,
    stream: str,
    width: int,
    look: Look,
    rows: Rows,
    paced: Callable[[Iterable[str]], Iterable[str]] = lambda pieces: pieces,
) -> Report:
    """The report, its lines put into *rows*; its pieces go through *paced*."""
    from console.cli import version
    from console.report.postmortem import markdown
    from console.report.record import gather

    started = time.monotonic()
    record = gather(journal, stream)
    written: dict[str, int] = {}  # the heading above a prompt -> the row where it stands
    size = 0
    heading = ""
    for line, length in _lines(paced(markdown(journal, record, version=version()))):
        size += length
        if line.startswith("## "):
            heading = line[3:]
        elif line.startswith(TO_BE_WRITTEN):
            written[heading] = len(rows)
        for row in wrap(line, width, look) if line else ("",):
            rows.add(row)
    rows.flush()
    return Report(
        stream=stream,
        alias=record.alias,
        title=record.incident.title,
        count=record.count,
        head=record.head,
        as_of=f"{record.as_of:%Y-%m-%d %H:%M:%S}Z" if record.as_of else "",
        size=size,
        width=width,
        took_s=time.monotonic() - started,
        rows=rows,
        gaps=tuple(gaps(record, written)),
    )


def _paced(pieces: Iterable[str], wanted: Callable[[], bool]) -> Iterator[str]:
    """*pieces*, with a turn for the screen every few milliseconds."""
    due = time.monotonic() + _YIELD_S
    for piece in pieces:
        yield piece
        if time.monotonic() >= due:
            if not wanted():
                raise Stopped
            time.sleep(0.001)
            due = time.monotonic() + _YIELD_S


def _lines(pieces: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Whole lines, and how many bytes each is with its newline."""
    held = ""
    for piece in pieces:
        held += piece
        if "\n" in piece:
            *whole, held = held.split("\n")
            for line in whole:
                yield line, len(line.encode("utf-8", "replace")) + 1
    if held:
        yield held, len(held.encode("utf-8", "replace"))


def gaps(record: Record, written: dict[str, int]) -> Iterator[Gap]:
    """What the record lacks, the hardest to get later first; then what people have to write."""
    incident, metrics = record.incident, record.metrics
    for name, found in metrics.milestones.items():
        if found is None and name != "trigger":
            yield Gap(f"milestone:{name}", f"{name} is not recorded", "2 then m stamps it, at the time it was")
    for one in metrics.intervals.values():
        if one.negative:
            yield Gap(
                f"negative:{one.name}",
                f"{one.label}: {one.end} is before {one.start}",
                "4: one of the two times is wrong",
                tone="down",
            )
    if not incident.severity:
        yield Gap("severity", "no severity was ever set", "2 then s")
    if not incident.services:
        yield Gap("services", "no service is named", "vigie declare and D take #service")
    if not incident.role_spans():
        yield Gap("roles", "nobody held a role", "2 then r")
    if not record.totals.get("comms"):
        yield Gap("comms", "no word to anybody outside is recorded", "n then #comms what was told to whom")
    for task in incident.open_tasks():
        owner = f"@{task.owner}" if task.owner else "no owner"
        yield Gap(
            f"task:{task.task}", f"open task ({owner}): {incident.wording(task, task.text)}", "2 then d when it is done"
        )
    for command in incident.running.values():
        yield Gap(f"running:{command.event}", f"a command without an end: {command.text}", "3 shows it")
    if not incident.summary:
        yield Gap("summary", "Summary is to be written", "2 then y", written.get("Summary", -1), "notice")
    for heading, row in written.items():
        if heading != "Summary":
            yield Gap(f"prompt:{heading}", f"{heading} is to be written", "in the file, after w", row, "notice")


def target_of(path: str) -> Path:
    """The file that *path* means. Raises ``OSError`` with a line that says why it can't be written."""
    target = Path(path).expanduser().absolute()
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder: name a file in it")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target.parent}: no such folder")
    if target.exists():
        raise FileExistsError(f"nothing was overwritten: {target} is there already, name another file")
    return target


def write(deps: Deps, stream: str, path: str, fill: Callable[[int], None] | None = None) -> tuple[str, int]:
    """Write the report to a new file (mode 0600), whole or not at all: ``(path, bytes)``. *fill* writes it to a descriptor;
    by default this thread does. Raises ``OSError`` with a line that says why, ``FileExistsError`` when there is one already,
    and what :func:`build` raises."""
    target = target_of(path)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as out:
            if fill is not None:
                fill(out.fileno())
            else:
                with deps.open_journal(read_only=True) as journal:
                    put_markdown(journal, stream, out.fileno())
            os.fsync(out.fileno())
            size = os.fstat(out.fileno()).st_size
        try:
            os.link(name, target)  # unlike a rename this never replaces what somebody put there meanwhile
        except FileExistsError:
            raise FileExistsError(f"nothing was overwritten: {target} is there already, name another file") from None
    finally:
        Path(name).unlink(missing_ok=True)
    return str(target), size


def put_markdown(journal: Journal, stream: str, descriptor: int) -> None:
    """The report's Markdown to *descriptor*."""
    from console.cli import version
    from console.report.postmortem import markdown
    from console.report.record import gather

    record = gather(journal, stream)
    with open(descriptor, "w", encoding="utf-8", newline="", closefd=False) as out:
        out.writelines(markdown(journal, record, version=version()))


def suggestion(alias: str) -> str:
    """A file name to start from, in the folder one is in."""
    try:
        folder = Path.cwd()
    except OSError:
        folder = Path.home()
    return str(folder / f"{alias.lower()}-postmortem.md")
