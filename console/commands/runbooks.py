"""``vigie runbooks``: list, show, check and write runbooks; ``run`` goes through one, line by line."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from console.commands.context import Context, fail

if TYPE_CHECKING:
    from console.runbook.at_hand import AtHand
    from console.runbook.model import Document

_ELSEWHERE: Final = {
    "convert": ("console.commands.runbooks_convert", "convert", "Turn plain Markdown into the annotated form."),
    "fmt": ("console.commands.runbooks_fmt", "fmt", "Write runbooks the one usual way."),
    "lint": ("console.commands.runbooks_lint", "lint", "Check runbook files or folders."),
    "new": ("console.commands.runbooks_new", "new", "Write a new runbook to fill in."),
    "run": ("console.commands.runbooks_run", "run", "Go through a runbook, step by step, in an incident."),
    "approve": ("console.commands.runbooks_approve", "approve", "Approve a step of somebody else's run."),
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
    from console.runbook.review import overdue
    from console.sanitize import one_line

    today = ctx.clock.now().date()
    runbooks = _at_hand(ctx)
    found = runbooks.search(" ".join(words), pages)
    for problem in runbooks.problems:
        ctx.note(f"vigie: {one_line(problem)}")
    if as_json:
        ctx.json(
            {
                "runbooks": [
                    {
                        "id": name,
                        "title": card.title,
                        "path": card.path,
                        "line": card.line,
                        "section": card.section,
                        "steps": card.steps,
                        "owner": card.owner,
                        "reviewed": card.reviewed,
                        "symptoms": list(card.symptoms),
                        "broken": card.broken,
                        "overdue_days": overdue(card, today),
                    }
                    for name, card in found
                ]
            }
        )
    else:
        width = min(max((len(name) for name, _ in found), default=0), 44)
        for name, card in found:
            late = overdue(card, today)
            tail = "   (broken)" if card.broken else f"   (review {late} d overdue)" if late else ""
            ctx.echo(f"{name:<{width}}  {card.steps:>3} steps  {one_line(card.title, 90)}{tail}")
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
    if not document.runbooks or any(runbook.broken for runbook in document.runbooks):
        return 2
    return 0 if any(runbook.phases for runbook in document.runbooks) else 1


def _at_hand(ctx: Context) -> AtHand:
    from console.runbook.at_hand import at_hand

    return at_hand(ctx.runbook_paths)


def _document(ctx: Context, what: str) -> Document:
    """The document of a file, or of the one runbook of the library that *what* names."""
    from console.runbook.library import read_runbook_file
    from console.runbook.model import Document

    path = Path(what)
    if path.is_file():
        return read_runbook_file(path)
    if path.is_dir():
        fail(f"{what}: is a folder; `vigie --runbooks {what} runbooks list` lists it")
    runbook = _at_hand(ctx).get(what)
    if runbook is None:
        fail(f"{what}: no such file, and no runbook of that name; `vigie runbooks list` lists them")
    return Document(runbook.path, (runbook,))
