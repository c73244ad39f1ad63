"""``vigie export``: the postmortem, most of it already written. Writes no event."""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

import click

from console.commands.context import Context, fail
from console.commands.reading import chosen

if TYPE_CHECKING:
    from console.journal.store import Journal
    from console.report.profile import Profile
    from console.report.record import Record


@click.command()
@click.argument("incident", required=False, metavar="[ID]")
@click.option("--template", default="", metavar="NAME|FILE", help="A shipped template, or a Jinja2 file of your own.")
@click.option("--profile", type=click.Choice(["internal", "external"]), default="internal", help="Who will read it.")
@click.option("--format", "form", type=click.Choice(["md", "html", "json"]), default="md", help="md by default.")
@click.option("-o", "--output", metavar="FILE", help="Write here (mode 0600) instead of stdout; whole or not at all.")
@click.pass_obj
def export(ctx: Context, incident: str | None, template: str, profile: str, form: str, output: str | None) -> None:
    """The postmortem from the record: same journal, same bytes."""
    from console.commands import progress
    from console.report import record as gathering
    from console.report.postmortem import TemplateProblem

    if template and form == "json":
        fail("--template is for md and html; json has its own shape")
    to_file = bool(output) and output != "-"
    left = f"{output} was not written" if to_file else "what was written is incomplete"
    # Where stdout is a terminal, or a pipe to a pager, a line of ours would stand in the middle of what is read.
    out = None if to_file or _is_file(sys.stdout) else io.StringIO()
    with ctx.reader() as journal, progress.cancellable(left), progress.shown(out) as shown:
        stream = chosen(ctx, journal, incident)
        shown.phase(f"exporting {journal.alias(stream)}", _passes(form) * journal.head(stream)[0])
        journal.reading = shown.step
        record = gathering.gather(journal, stream)
        try:
            pieces = _pieces(journal, record, template, cast("Profile", profile), form)
            if output and to_file:
                _write(_target(ctx, output), pieces)
            else:
                sys.stdout.writelines(pieces)
        except TemplateProblem as problem:
            fail(str(problem))
    if record.incident.partial:
        ctx.note(record.incident.partial)


def _is_file(stream: TextIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):
        return False


def _passes(form: str) -> int:
    """How often the events are read: what there is, (the story,) the whole timeline."""
    return 2 if form == "json" else 3


def _pieces(journal: Journal, record: Record, template: str, profile: Profile, form: str) -> Iterator[str]:
    from console.cli import version
    from console.report import html, postmortem

    if form == "json":
        return postmortem.as_json(journal, record, profile=profile, version=version())
    pieces = postmortem.markdown(journal, record, template=template, profile=profile, version=version())
    return pieces if form == "md" else html.page(pieces, f"{record.alias} {record.incident.title}")


def _target(ctx: Context, output: str) -> Path:
    """The file that *output* means, links followed; what must not be written over ends the command."""
    path = Path(output)
    if path.is_dir():
        fail(f"{output}: is a folder; name a file in it")
    if ctx.paths.holds(path):
        fail(f"{output}: is the record itself, or a part of it; name another file")
    return path if path.exists() and not path.is_file() else path.resolve()


def _write(path: Path, pieces: Iterable[str]) -> None:
    """Write *pieces* to a file beside *path*, then move it there: a broken export never replaces a whole one.

    A device or a pipe is written as it is: a file in its place would take it away from everybody.
    """
    import tempfile

    from console.commands.progress import to_the_end

    if path.exists() and not path.is_file():
        with path.open("w", encoding="utf-8", newline="") as out:
            out.writelines(pieces)
        return
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:200]}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
            out.writelines(pieces)
            out.flush()
            os.fsync(out.fileno())
        with to_the_end():
            Path(name).replace(path)
    except BaseException as error:
        Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)
        raise
