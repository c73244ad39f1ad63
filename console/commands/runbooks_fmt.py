"""``vigie runbooks fmt``: runbooks written the one usual way."""

from __future__ import annotations

from pathlib import Path

import click

from console.commands.context import Context, fail


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Change nothing; exit 1 when a file would change.")
@click.pass_obj
def fmt(ctx: Context, paths: tuple[Path, ...], check: bool) -> int:
    """Write runbook files or folders the one usual way; prints the files that change. What they say stays the same."""
    from console.runbook.fmt import format_text
    from console.runbook.library import MAX_BYTES, files_under
    from console.runbook.rewrite import replace
    from console.sanitize import one_line

    missing = next((path for path in paths if not path.exists()), None)
    if missing is not None:
        fail(f"{missing}: no such file or folder")
    count = 0
    for path in (file for folder in paths for file in files_under(folder)):
        try:
            if path.stat().st_size > MAX_BYTES:
                ctx.note(one_line(f"{path}: too large, left as it is"))
                continue
            text = path.read_bytes().decode("utf-8")
            made = format_text(text, str(path))
            if made == text:
                continue
            count += 1
            ctx.echo(one_line(str(path)))
            if not check:
                replace(path, made)
        except UnicodeDecodeError:
            ctx.note(one_line(f"{path}: not UTF-8, left as it is"))
        except OSError as error:
            fail(one_line(f"{path}: {error.strerror}"))
    return int(check and count > 0)
