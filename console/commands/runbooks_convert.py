"""``vigie runbooks convert``: plain Markdown in the annotated form."""

from __future__ import annotations

from pathlib import Path

import click

from console.commands.context import Context, fail


@click.command()
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The file to write; by default it is printed.")
@click.option("-i", "--in-place", is_flag=True, help="Write it into FILE itself.")
@click.pass_obj
def convert(ctx: Context, path: Path, output: Path | None, in_place: bool) -> int:
    """Turn plain Markdown into the annotated form: every line stays, each step gets its id and kind on a line before it,
    the parameters are declared. An existing file is never written over, except with --in-place."""
    from console.runbook.convert import ConvertError
    from console.runbook.convert import convert as converted
    from console.runbook.library import MAX_BYTES
    from console.runbook.rewrite import create, replace

    if output is not None and in_place:
        fail("either --output or --in-place, not both")
    if path.suffix.lower() in (".yaml", ".yml"):
        fail(f"{path}: is in the YAML form, which says all of this already")
    try:
        if path.stat().st_size > MAX_BYTES:
            fail(f"{path}: too large for a runbook")
        text = path.read_bytes().decode("utf-8")
        made = converted(text, str(path))
    except UnicodeDecodeError:
        fail(f"{path}: not UTF-8; save it as UTF-8 first")
    except ConvertError as error:
        fail(f"{path}: {error}")
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    if output is None and not in_place:
        ctx.echo(made.removesuffix("\n"))
        return 0
    target = output or path
    try:
        if in_place:
            replace(path, made)
        else:
            create(target, made)
    except FileExistsError:
        fail(f"{target}: exists already")
    except OSError as error:
        fail(f"{target}: {error.strerror}")
    ctx.echo(str(target))
    return 0
