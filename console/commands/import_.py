"""``vigie import``: records from elsewhere; all or nothing."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from console.commands.context import Context, fail

if TYPE_CHECKING:
    from console.commands.progress import Progress
    from console.incident.importer import Format
    from console.incident.records import Batch
    from console.journal.store import Journal

_STEP = 200  # events between two looks at how far it is
_SHOWN = 50  # failures that are listed


@click.command("import")
@click.argument("file", metavar="FILE")
@click.option("--into", metavar="ID", help="Add to this incident instead of making a new one.")
@click.option("--open", "stays_open", is_flag=True, help="It goes on here: don't close the new incident.")
@click.option("--dry-run", is_flag=True, help="Read and report; write nothing.")
@click.option("--title", default="", metavar="TEXT", help="For a file that has no title.")
@click.option("--tz", metavar="ZONE", help="For times without an offset, where the file names no zone.")
@click.option("--format", "form", type=click.Choice(["json", "csv", "lines"]), help="Else by name and content.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def import_(
    ctx: Context,
    file: str,
    into: str | None,
    stays_open: bool,
    dry_run: bool,
    title: str,
    tz: str | None,
    form: str | None,
    as_json: bool,
) -> None:
    """Read events from JSON, CSV, or one line an event: all or nothing. Prints the incidents made or added to.

    A new incident is closed at once, so that a record of the past never becomes the current one; --open leaves it open.
    The same file again adds nothing: what is there already is known by its content.
    """
    from console.commands import progress

    with progress.cancellable("nothing was imported"), progress.shown() as shown:
        shown.phase(f"reading {file}")
        batch = _read(ctx, file, title, tz, cast("Format | None", form))
        if into and len(batch.cases) > 1:
            fail(f"{file}: {len(batch.cases)} incidents in it; --into takes one")
        if dry_run:
            rows = [_row("-", case.title, len(case.items), 0) for case in batch.cases]
        else:
            with ctx.journal(program="import", create=not into) as journal:
                rows = _write(ctx, journal, batch, into, stays_open, shown)
    if as_json:
        ctx.json({"source": batch.source, "sha256": batch.sha256, "incidents": rows, "kept": list(batch.kept)})
        return
    for what in batch.kept:
        ctx.note(f"kept as it is: {what}")
    for row in rows:
        added = "dry run" if dry_run else f"{row['added']} added"
        ctx.echo(f"{row['incident']}  {row['events']} events, {added}  {row['title']}")


def _row(alias: str, title: str, events: int, added: int) -> dict[str, Any]:
    return {"incident": alias, "title": title, "events": events, "added": added}


def _read(ctx: Context, file: str, title: str, tz: str | None, form: Format | None) -> Batch:
    from zoneinfo import ZoneInfo

    from console.incident import importer
    from console.incident.records import Unreadable

    try:
        zone = ZoneInfo(tz) if tz else ctx.config.zone()
    except (KeyError, ValueError, OSError):
        fail(f"--tz: not a time zone: {tz!r} (expected e.g. Europe/Paris)")
    if file == "-":
        data, name = sys.stdin.buffer.read(importer.LIMIT + 1), "stdin"
    else:
        path = Path(file)
        if not path.exists():
            fail(f"{file}: no such file")
        if path.is_dir():
            fail(f"{file}: is a folder; name a file")
        if ctx.paths.holds(path):
            fail(f"{file}: is the record itself, or a part of it")
        with path.open("rb") as stream:
            data, name = stream.read(importer.LIMIT + 1), file
    try:
        return importer.read(data, name, now=ctx.clock.now(), zone=zone, form=form, title=title)
    except Unreadable as refused:
        from console.sanitize import one_line

        shown = refused.failures[:_SHOWN]
        for failure in shown[:-1] if len(refused.failures) <= _SHOWN else shown:
            ctx.note(one_line(f"{name}:{failure.line}: {failure.text}"))
        if len(refused.failures) > _SHOWN:
            fail(f"{name}: {len(refused.failures)} failures, nothing was imported")
        last = shown[-1]
        fail(f"{name}:{last.line}: {last.text}; nothing was imported")


def _write(
    ctx: Context, journal: Journal, batch: Batch, into: str | None, stays_open: bool, shown: Progress
) -> list[dict[str, Any]]:
    from contextlib import ExitStack

    from console.commands import progress
    from console.incident import importer
    from console.journal import transaction

    target = None
    if into:
        target = journal.resolve(into)
        if target is None:
            fail(f"no incident {into}; `vigie incidents` lists them")
    stamp = transaction.Stamp(now=ctx.clock.now(), actor=journal.actor, origin=journal.origin)

    shown.phase(f"importing {batch.source}", sum(len(case.items) for case in batch.cases))
    last = ExitStack()

    def work(db: sqlite3.Connection) -> list[dict[str, Any]]:
        rows = []
        for index, case in enumerate(batch.cases):
            stream = target or _earlier(db, f"{importer.file_key(batch, index)}:declared")
            fresh = stream is None
            if stream is None:
                stream, _ = transaction.new_incident(db, stamp)
                transaction.insert(db, stamp, stream, [importer.declared(batch, index)])
            before = transaction.count_and_head(db, stream)[0]
            news = importer.events(batch, index, into=target is not None)
            added = 0
            for start in range(0, len(news), _STEP):
                made = transaction.insert(db, stamp, stream, news[start : start + _STEP])
                # The first one of all only says where they come from.
                added += sum(event.seq > before for event in (made if start else made[1:]))
                shown.step(len(made))
            if fresh and not stays_open:
                count, head = transaction.count_and_head(db, stream)
                transaction.insert(db, stamp, stream, [importer.closed(batch, index, count, head)])
            rows.append({**_row(stream, case.title, len(case.items), added), "new": fresh})
        last.enter_context(progress.to_the_end())
        return rows

    with last:
        rows = journal.transact(work)
    for row in rows:
        row["stream"], row["incident"] = row["incident"], journal.alias(row["incident"])
        if not row["new"] and not row["added"]:
            ctx.note(f"{row['incident']} holds all of it already")
    return rows


def _earlier(db: sqlite3.Connection, dedupe: str) -> str | None:
    row = db.execute("SELECT stream FROM events WHERE dedupe = ? LIMIT 1", (dedupe,)).fetchone()
    return str(row[0]) if row else None
