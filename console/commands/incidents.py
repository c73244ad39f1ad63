"""``vigie incidents``: the list, and the search over all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from console.commands.context import Context
from console.commands.reading import folded, open_journal

if TYPE_CHECKING:
    from console.journal.store import Journal


@click.command()
@click.option("--search", metavar="TEXT", help="Only incidents whose record holds all these words.")
@click.option("--open", "only_open", is_flag=True, help="Only those that are not closed.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def incidents(ctx: Context, search: str | None, only_open: bool, as_json: bool) -> int:
    """List incidents, newest first; with --search also the lines that match, and what mitigated each. Exit 1: none found."""
    from console.journal.errors import Missing

    rows: list[dict[str, Any]] = []
    missing = False
    try:
        with open_journal(ctx) as journal:
            rows = _rows(journal, search, [level.name for level in ctx.config.severities])
    except Missing as error:
        missing = True
        ctx.note(str(error))  # a slip in --db must not look like a quiet night
    rows = [row for row in rows if row["status"] == "open" or not only_open]
    if as_json:
        ctx.json(rows)
    else:
        for row in rows:
            _show(ctx, row)
        if not rows and not missing:
            ctx.note("no incident" + (f" speaks of {search}" if search else " yet; `vigie declare` makes one"))
    return int(bool(search) and not rows)


def _rows(journal: Journal, search: str | None, severities: list[str]) -> list[dict[str, Any]]:
    from console.clock import rfc3339
    from console.incident.annotations import of_events
    from console.incident.metrics import compute
    from console.incident.timeline import line

    matches: dict[str, list[Any]] = {}
    if search is not None:
        for event in journal.search(search, limit=500):
            matches.setdefault(event.stream, []).append(event)
    rows = []
    for info in journal.incidents():
        if search is not None and info.stream not in matches:
            continue
        incident = folded(journal, info.stream)
        found = matches.get(info.stream, [])
        notes = of_events(journal, found)
        metrics = compute(incident)
        mitigated = metrics.milestones["mitigated"]
        rows.append(
            {
                "incident": info.alias,
                "stream": info.stream,
                "status": incident.status,
                "severity": incident.severity,
                "severity_peak": incident.peak_severity(severities),
                "title": incident.title,
                "services": list(incident.services),
                "created_at": rfc3339(info.created_at),
                "declared_at": rfc3339(incident.declared_at) if incident.declared_at else None,
                "first_at": rfc3339(incident.first_at or info.created_at),
                "started_at": rfc3339(metrics.milestones["impact_start"].at)
                if metrics.milestones["impact_start"]
                else None,
                "reopened": incident.reopened,
                "drill": incident.drill,
                "events": info.count,
                "head": info.head,
                "matches": [line(event, notes, None).text for event in found],
                "mitigated_by": _text(journal, mitigated.event) if mitigated and mitigated.event else None,
            }
        )
    return rows


def _text(journal: Journal, event_id: str) -> str | None:
    from console.incident.annotations import of_events
    from console.incident.timeline import line

    event = journal.get(event_id)
    return None if event is None else line(event, of_events(journal, [event]), None).text


def _show(ctx: Context, row: dict[str, Any]) -> None:
    from console.sanitize import one_line

    services = f" [{', '.join(row['services'])}]" if row["services"] else ""
    when = (row["started_at"] or row["declared_at"] or row["first_at"])[:16].replace("T", " ")
    text = f"{row['incident']:<8} {row['status']:<6} {row['severity'] or '-':<5} {when}  {row['title']}{services}"
    ctx.echo(one_line(text).replace("  ", " ") if "\n" in text else text)
    for match in row["matches"][:5]:
        ctx.echo(f"         {one_line(match, 200)}")
    if row["matches"] and row["mitigated_by"] not in (None, "mitigated"):  # a bare milestone says nothing of how
        ctx.echo(f"         mitigated by: {one_line(row['mitigated_by'], 200)}")
