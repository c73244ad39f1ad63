"""``vigie declare``: an incident in one line."""

from __future__ import annotations

import click

from console.commands.context import Context, fail
from console.commands.scribe_args import RawTail, settle, timed, typed, unsaved


@click.command(cls=RawTail)
@click.option("--title", metavar="TEXT", help="The title; TEXT, if there is any, becomes the summary.")
@click.option("--severity", metavar="NAME", help="SEV2, or just 2.")
@click.option("--service", "services", multiple=True, metavar="NAME", help="An affected service; may be repeated.")
@click.option("--at", metavar="TIME", help="When the impact began: -8m, 14:32, 2024-03-10T13:27Z.")
@click.option("--drill", is_flag=True, help="An exercise: left out of metrics across incidents.")
@click.option("--allow-future", is_flag=True, help="Record a time that is ahead without asking.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of the id.")
@click.argument("words", nargs=-1, metavar="[TEXT…]")
@click.pass_obj
def declare(
    ctx: Context,
    title: str | None,
    severity: str | None,
    services: tuple[str, ...],
    at: str | None,
    drill: bool,
    allow_future: bool,
    as_json: bool,
    words: tuple[str, ...],
) -> None:
    """Declare an incident in one line, such as: sev2 checkout 5xx -8m #payments. Prints its id."""
    import msgspec

    from console.incident.entry import Entry, parse, preview, to_events
    from console.journal.errors import JournalError

    ctx.forgive()
    now = ctx.clock.now()
    text = typed(words, "what is broken> ") if words or not title else ""
    if title and not text:
        entry = Entry(context="declare", text="", frozen=now)
    else:
        names = [level.name for level in ctx.config.severities]
        entry = parse(text, now, ctx.config.zone(), "declare", severities=names)
    if title:
        problems = tuple(problem for problem in entry.problems if problem.code != "no-title")
        summary = "\n".join(part for part in (entry.text, entry.summary) if part)
        entry = msgspec.structs.replace(entry, text=title, summary=summary, problems=problems)
    if severity:
        level = ctx.config.severity(severity)
        if level is None:
            known = ", ".join(each.name for each in ctx.config.severities)
            fail(f"--severity: no level {severity!r}; known: {known}")
        entry = msgspec.structs.replace(entry, severity=level.name)
    if at:
        entry = timed(ctx, entry, at, allow_future)
    entry = msgspec.structs.replace(entry, services=tuple(dict.fromkeys((*entry.services, *services))))
    settle(entry, allow_future)
    try:
        with ctx.journal() as journal:
            stream, alias, events = journal.declare(to_events(entry, confirmed=True, drill=drill))
    except JournalError as error:
        unsaved(error, text or entry.text)
    ctx.note(preview(entry))
    if as_json:
        ctx.json({"incident": alias, "stream": stream, "events": [event.id for event in events]})
    else:
        ctx.echo(alias)
