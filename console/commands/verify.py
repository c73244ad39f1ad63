"""``vigie verify``: recompute hash chains, and hold them against what an export printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from console.commands.context import Context, fail

if TYPE_CHECKING:
    from console.journal.store import Journal

# As the front matter, the JSON export, and the footer of the shipped template (Markdown or HTML) print them.
_STREAM: Final = re.compile(r'^ ?"?stream"?: "([0-9A-Z]{26})"|^(?:<p>)?Stream ([0-9A-Z]{26}),', re.MULTILINE)
_COUNT: Final = re.compile(r'^ ?"?events"?: ([0-9]{1,12}),?$|Chain head after ([0-9]{1,12}) events', re.MULTILINE)
_HEAD: Final = re.compile(
    r'^ ?"?chain_head"?: "([0-9a-f]{64})"|Chain head after [0-9]+ events: (?:`|<code>)([0-9a-f]{64})(?:`|</code>)',
    re.MULTILINE,
)
_LIMIT: Final = 256 * 1024 * 1024


class Anchor(NamedTuple):
    """Count and head that were printed once."""

    stream: str
    events: int
    head: str


@click.command()
@click.argument("incident", required=False, metavar="[ID]")
@click.option("--against", metavar="FILE", help="An export: its count and head must still be in the chain.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def verify(ctx: Context, incident: str | None, against: str | None, as_json: bool) -> int:
    """Recompute the hash chain of one incident, or of all streams. Exit 1 and the first bad seq when one is broken."""
    if against and ctx.paths.holds(Path(against)):
        fail(f"{against}: is the record itself, or a part of it; name an export")
    anchor = _anchor(Path(against)) if against else None
    from console.commands import progress

    with ctx.reader() as journal, progress.cancellable("not everything was checked"), progress.shown() as shown:
        streams = _streams(journal, incident, anchor)
        shown.phase("checking the chain", sum(journal.head(stream)[0] for stream in streams))
        journal.reading = shown.step
        rows = [_check(journal, stream, anchor) for stream in streams]
    if as_json:
        ctx.json(rows)
    else:
        for row in rows:
            ctx.echo(_words(row))
    return int(any(not row["ok"] for row in rows))


def _streams(journal: Journal, incident: str | None, anchor: Anchor | None) -> list[str]:
    if incident is not None:
        stream = journal.resolve(incident)
        if stream is None:
            fail(f"no incident {incident}; `vigie incidents` lists them")
        return [stream]
    return [anchor.stream] if anchor else [info.stream for info in reversed(journal.streams())]


def _check(journal: Journal, stream: str, anchor: Anchor | None) -> dict[str, Any]:
    verdict = journal.verify(stream)
    row: dict[str, Any] = {
        "incident": journal.alias(stream),
        "stream": stream,
        "ok": verdict.ok,
        "events": verdict.count,
        "head": verdict.head,
        "bad_seq": verdict.bad_seq,
        "problem": verdict.problem,
    }
    if anchor is not None and verdict.ok:
        row |= _against(journal, stream, verdict.count, anchor)
    return row


def _against(journal: Journal, stream: str, count: int, anchor: Anchor) -> dict[str, Any]:
    if stream != anchor.stream:
        return {"ok": False, "problem": f"the export is of another stream, {anchor.stream}"}
    if not count:
        return {"ok": False, "problem": "the export's incident is not in this database"}
    if count < anchor.events:
        lost = anchor.events - count
        return {
            "ok": False,
            "bad_seq": count + 1,
            "problem": f"the export saw {anchor.events} events: the last {lost} are gone",
        }
    found = journal.rows("SELECT hash FROM events WHERE stream = ? AND seq = ?", (stream, anchor.events))
    if not found or found[0][0] != anchor.head:
        return {
            "ok": False,
            "bad_seq": anchor.events,
            "problem": "the chain is not the one that the export saw: it was rebuilt",
        }
    return {"against": {"events": anchor.events, "head": anchor.head, "since": count - anchor.events}}


def _words(row: dict[str, Any]) -> str:
    if not row["ok"]:
        where = f" at seq {row['bad_seq']}" if row["bad_seq"] is not None else ""
        return f"{row['incident']}  BROKEN{where}: {row['problem']}"
    since = row.get("against", {}).get("since")
    matched = "" if since is None else f", as the export saw it ({since} events since)"
    return f"{row['incident']}  ok  {row['events']} events, head {row['head'] or '-'}{matched}"


def _anchor(path: Path) -> Anchor:
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            text = stream.read(_LIMIT)
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    found = [pattern.search(text) for pattern in (_STREAM, _COUNT, _HEAD)]
    values = [next((group for group in match.groups() if group), "") for match in found if match]
    if len(values) < 3:
        fail(f"{path}: no stream, count and chain head in it (an export of the default template prints them)")
    return Anchor(stream=values[0], events=int(values[1]), head=values[2])
