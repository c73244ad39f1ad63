"""``vigie runbooks``: list, show, check and write runbooks; ``run`` goes through one, line by line."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from console.commands.context import Context, fail

if TYPE_CHECKING:
    from console.runbook.library import Library
    from console.runbook.model import Document, Problem

_ELSEWHERE: Final = {
    "run": ("console.commands.runbooks_run", "run", "Go through a runbook, step by step, in an incident.")
}


class _Group(click.Group):
    """Commands of this file, and those that are imported only when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_ELSEWHERE})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _ELSEWHERE:
            module, attribute, _ = _ELSEWHERE[cmd_name]
            command: click.Command = getattr(import_module(module), attribute)
            return command
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, self.commands[name].get_short_help_str(80)) for name in self.commands]
        rows += [(name, words) for name, (_, _, words) in _ELSEWHERE.items()]
        with formatter.section("Commands"):
            formatter.write_dl(sorted(rows))


@click.group(cls=_Group)
def runbooks() -> None:
    """List, show, check, write and run runbooks."""


@runbooks.command("list")
@click.argument("words", nargs=-1)
@click.option("--pages", is_flag=True, help="Also files without steps.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def list_(ctx: Context, words: tuple[str, ...], pages: bool, as_json: bool) -> int:
    """List the runbooks at hand, or those that hold all the WORDS, best first. Exit 1 when none does."""
    from console.sanitize import one_line

    library = _library(ctx)
    found = [entry for entry, _ in library.search(" ".join(words), pages)]
    for problem in library.problems:
        if problem.problem.level == "error":
            ctx.note(f"vigie: {one_line(str(problem))}")
    if as_json:
        ctx.json(
            {
                "runbooks": [
                    {
                        "id": entry.id,
                        "title": entry.runbook.title,
                        "path": entry.runbook.path,
                        "line": entry.runbook.line,
                        "section": entry.runbook.section,
                        "steps": sum(1 for _ in entry.runbook.steps()),
                        "owner": entry.runbook.owner,
                        "reviewed": entry.runbook.reviewed,
                        "symptoms": list(entry.runbook.symptoms),
                    }
                    for entry in found
                ]
            }
        )
    else:
        width = min(max((len(entry.id) for entry in found), default=0), 44)
        for entry in found:
            steps = sum(1 for _ in entry.runbook.steps())
            ctx.echo(f"{entry.id:<{width}}  {steps:>3} steps  {one_line(entry.runbook.title, 90)}")
    return 0 if found else 1


@runbooks.command()
@click.argument("what", metavar="FILE|NAME")
@click.option("--json", "as_json", is_flag=True, help="The parsed steps as one JSON document.")
@click.pass_obj
def show(ctx: Context, what: str, as_json: bool) -> int:
    """Show a runbook as it is read: every step with its commands, parameters and lines. Exit 1 when the file gives no step."""
    from console.commands.runbooks_outline import outline
    from console.sanitize import one_line

    document = _document(ctx, what)
    if as_json:
        import msgspec

        ctx.json(msgspec.to_builtins(document))
    else:
        for runbook in document.runbooks:
            for line in outline(runbook, shared=runbook is document.runbooks[0]):
                ctx.echo(line)
    for problem in document.problems:
        ctx.note(
            one_line(
                f"{document.path}:{problem.line}: {problem.message}"
                if problem.line
                else f"{document.path}: {problem.message}"
            )
        )
    if not document.runbooks:
        return 2
    return 0 if any(runbook.phases for runbook in document.runbooks) else 1


@runbooks.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option("--all", "everything", is_flag=True, help="Also remarks (level info).")
@click.pass_obj
def lint(ctx: Context, paths: tuple[Path, ...], as_json: bool, everything: bool) -> int:
    """Check runbook files or folders (the configured ones by default). Exit 1 when there are errors."""
    from console.runbook.library import files_under, read_runbook_file
    from console.runbook.lint import lint_file
    from console.sanitize import one_line

    wanted = list(paths) or ctx.runbook_paths
    missing = next((path for path in wanted if not path.exists()), None)
    if missing is not None:
        fail(f"{missing}: no such file or folder")
    today = ctx.clock.now().date()
    found: list[tuple[Path, Problem]] = []
    for path in (file for folder in wanted for file in files_under(folder)):
        document = read_runbook_file(path)
        found.extend(
            (path, problem) for problem in lint_file(path, document, today) if everything or problem.level != "info"
        )
    if as_json:
        rows = [
            {"path": str(p), "line": one.line, "level": one.level, "code": one.code, "message": one.message}
            for p, one in found
        ]
        ctx.json({"problems": rows})
    else:
        for path, one in found:
            ctx.echo(one_line(f"{path}:{one.line}: {one.level} {one.code} {one.message}"))
    return 1 if any(one.level == "error" for _, one in found) else 0


@runbooks.command()
@click.argument("title")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The file to write; by default the title's words, in this folder.",
)
@click.pass_obj
def new(ctx: Context, title: str, output: Path | None) -> int:
    """Write a new runbook to fill in; prints its path. An existing file is never touched."""
    import json
    from importlib import resources

    from console.runbook.markdown import slug
    from console.sanitize import one_line

    title = one_line(title, 120)
    if not title:
        fail("a runbook needs a title: what somebody sees when it is needed")
    path = output or Path(f"{slug(title) or 'runbook'}.md")
    template = resources.files("console.runbook").joinpath("new_runbook.md").read_text(encoding="utf-8")
    heading, front = template.split("\n---\n", 1)[1], template.split("\n---\n", 1)[0]
    quoted = json.dumps(title, ensure_ascii=False)
    text = front.format(title=quoted, owner=json.dumps(ctx.actor), today=ctx.clock.now().date().isoformat()) + "\n---\n"
    text += heading.replace("{title}", title)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        fail(f"{path}: exists already")
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    ctx.echo(str(path))
    return 0


def _library(ctx: Context) -> Library:
    from console.runbook.library import load_library

    return load_library(ctx.runbook_paths)


def _document(ctx: Context, what: str) -> Document:
    """The document of a file, or of the one runbook of the library that *what* names."""
    from console.runbook.library import read_runbook_file
    from console.runbook.model import Document

    path = Path(what)
    if path.is_file():
        return read_runbook_file(path)
    if path.is_dir():
        fail(f"{what}: is a folder; `vigie --runbooks {what} runbooks list` lists it")
    entry = _library(ctx).get(what)
    if entry is None:
        fail(f"{what}: no such file, and no runbook of that name; `vigie runbooks list` lists them")
    return Document(entry.runbook.path, (entry.runbook,))
