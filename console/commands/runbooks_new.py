"""``vigie runbooks new``: a runbook to fill in, from a template."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from console.commands.context import Context, fail

TEMPLATES: Final = {"rb": ".md", "rb-fr": ".md", "alert": ".md", "yaml": ".runbook.yaml"}


@click.command()
@click.argument("name", required=False)
@click.option(
    "--template",
    type=click.Choice(tuple(TEMPLATES)),
    default="rb",
    show_default=True,
    help="rb: symptoms to contacts; rb-fr: the same in French; alert: one alert; yaml: the YAML form.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The file or folder; by default the name's words, here."
)
@click.pass_obj
def new(ctx: Context, name: str | None, template: str, output: Path | None) -> int:
    """Write a new runbook to fill in; prints its path. NAME is its title ("RB-042: The queue is stuck"). An existing file
    is never touched."""
    from console.runbook.ids import slug
    from console.runbook.rewrite import create
    from console.sanitize import one_line

    title = one_line(name if name is not None else _untitled(template), 120)
    if not title:
        fail("a runbook needs a title: what somebody sees when it is needed")
    path = Path(f"{slug(title) or 'runbook'}{TEMPLATES[template]}")
    if output is not None:
        path = output / path if output.is_dir() else output
    if template == "yaml" and not path.name.endswith((".yaml", ".yml")):
        fail(f"{path}: the YAML form is a .runbook.yaml file")
    try:
        create(path, _filled(ctx, template, title))
    except FileExistsError:
        fail(f"{path}: exists already")
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    ctx.echo(str(path))
    return 0


def _untitled(template: str) -> str:
    return "RB-XXX: Titre du runbook" if template.endswith("fr") else "RB-XXX: Title of the runbook"


def _filled(ctx: Context, template: str, title: str) -> str:
    import json
    from importlib import resources

    name = f"{template}{TEMPLATES[template]}.template"
    text = resources.files("runbooks").joinpath("templates", name).read_text(encoding="utf-8")
    values = {
        "{title}": json.dumps(title, ensure_ascii=False),
        "{heading}": title,
        "{owner}": json.dumps(ctx.actor, ensure_ascii=False),
        "{today}": ctx.clock.now().date().isoformat(),
    }
    # Line by line: a title that holds "{owner}" stays as it is.
    lines = []
    for line in text.split("\n"):
        key = next((one for one in values if one in line), None)
        lines.append(line if key is None else line.replace(key, values[key], 1))
    return "\n".join(lines)
