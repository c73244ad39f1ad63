"""``vigie note``: a line on the timeline, in scribe grammar."""

from __future__ import annotations

import click

from console.commands.context import Context, fail
from console.commands.scribe_args import RawTail, settle, timed, typed, unsaved


@click.command(cls=RawTail)
@click.option("--incident", metavar="ID", help="Which incident (VIGIE_INCIDENT; else the newest open one).")
@click.option("--at", metavar="TIME", help="When it happened: -5m, 14:32, 2024-03-10T13:27Z; a final ~ is 'about'.")
@click.option("--kind", metavar="KIND", help="decision, action, finding, comms, …")
@click.option("--tag", "tags", multiple=True, metavar="WORD", help="A tag; may be repeated.")
@click.option("--mark", "marks", multiple=True, metavar="MILESTONE", help="A milestone that it stamps.")
@click.option("--star", is_flag=True, help="A key event: part of the story.")
@click.option("--question", is_flag=True, help="An open question.")
@click.option("--allow-future", is_flag=True, help="Record a time that is ahead without asking.")
@click.option("--json", "as_json", is_flag=True, help="The recorded event as one JSON document.")
@click.argument("words", nargs=-1, metavar="[TEXT…]")
@click.pass_obj
def note(
    ctx: Context,
    incident: str | None,
    at: str | None,
    kind: str | None,
    tags: tuple[str, ...],
    marks: tuple[str, ...],
    star: bool,
    question: bool,
    allow_future: bool,
    as_json: bool,
    words: tuple[str, ...],
) -> None:
    """Write a line on the timeline, such as: -5m restarted the feeder #action. Without TEXT it reads stdin."""
    import msgspec

    from console.commands.reading import folded
    from console.incident import timeline
    from console.incident.annotations import Annotations
    from console.incident.clocks import zero_of
    from console.incident.entry import parse, preview, to_events
    from console.incident.grammar import is_tag
    from console.incident.metrics import compute
    from console.journal.errors import JournalError
    from console.journal.events import MILESTONES, NOTE_KINDS

    ctx.forgive()
    now = ctx.clock.now()
    if kind and kind.lower() not in NOTE_KINDS:
        fail(f"--kind: expected one of {', '.join(NOTE_KINDS)}, got {kind!r}")
    stamped = tuple(mark.lower().replace("-", "_") for mark in marks)
    for mark in stamped:
        if mark not in MILESTONES:
            fail(f"--mark: expected one of {', '.join(MILESTONES)}, got {mark!r}")
    tags = tuple(tag.removeprefix("#") for tag in tags)
    for tag in tags:
        if not is_tag(tag):
            fail(f"--tag: expected one word of letters, digits, _ . / -, a letter first, got {tag!r}")
    text = typed(words, "note> ") if words or not stamped else ""
    entry = parse(text, now, ctx.config.zone())
    if stamped:
        problems = tuple(problem for problem in entry.problems if problem.code != "empty")
        entry = msgspec.structs.replace(entry, problems=problems)
    if at:
        entry = timed(ctx, entry, at, allow_future)
    settle(entry, allow_future)
    entry = msgspec.structs.replace(
        entry,
        note=kind.lower() if kind else entry.note,
        tags=tuple(dict.fromkeys((*entry.tags, *tags))),
        marks=tuple(dict.fromkeys((*entry.marks, *stamped))),
        starred=entry.starred or star,
        question=entry.question or question,
    )
    try:
        with ctx.journal(create=False) as journal:
            stream = ctx.incident(journal, incident)
            if stream is None:
                fail("no incident is open; `vigie declare` makes one, --incident ID names one")
            events = journal.append(stream, to_events(entry, confirmed=True))
            alias = journal.alias(stream)
            zero = zero_of(compute(folded(journal, stream)))
    except JournalError as error:
        unsaved(error, text)
    if as_json:
        shown = timeline.line(events[0], Annotations(), zero)
        ctx.json(timeline.as_json(shown, alias))
    else:
        ctx.echo(f"{alias} {preview(msgspec.structs.replace(entry, problems=()), zero.at if zero else None)}")
