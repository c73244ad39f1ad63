"""``vigie runbooks lint``: what would trip somebody up, by file and line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from console.commands.context import Context, fail

if TYPE_CHECKING:
    from console.commands.progress import Progress
    from console.runbook.model import Problem


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option("--all", "everything", is_flag=True, help="Also remarks (level info).")
@click.option(
    "--alerts",
    metavar="FILE|URL",
    help="Also: alerts without a runbook, dead runbook_urls. A rule file or folder, a Prometheus, an Alertmanager.",
)
@click.option("--check-urls", is_flag=True, help="With --alerts: ask for each http address.")
@click.option("--rules", is_flag=True, help="Print the table of rules, and nothing else.")
@click.pass_obj
def lint(
    ctx: Context,
    paths: tuple[Path, ...],
    as_json: bool,
    everything: bool,
    alerts: str | None,
    check_urls: bool,
    rules: bool,
) -> int:
    """Check runbook files or folders (the configured ones by default). Exit 1 when there are errors."""
    from console.runbook.lint_rules import CODES, table
    from console.sanitize import one_line

    if rules:
        for row in table():
            ctx.echo(row)
        return 0
    if check_urls and alerts is None:
        fail("--check-urls: only together with --alerts")
    wanted = list(paths) or ctx.runbook_paths
    missing = next((path for path in wanted if not path.exists()), None)
    if missing is not None:
        fail(f"{missing}: no such file or folder")
    from console.commands import progress

    with progress.cancellable("not everything was checked"), progress.shown() as telling:
        found, count = _files(ctx, wanted, telling)
    if alerts is not None:
        found += _alerts(alerts, wanted, check_urls)
    shown = [(path, one) for path, one in found if everything or one.level != "info"]
    if as_json:
        rows = [
            {
                "path": path,
                "line": one.line,
                "level": one.level,
                "code": one.code,
                "message": one.message,
                "fix": CODES[one.code].fix,
            }
            for path, one in shown
        ]
        ctx.json({"problems": rows})
    else:
        for path, one in shown:
            place = f"{path}:{one.line}" if one.line else path
            ctx.echo(one_line(f"{place}: {one.level} {one.code} {one.message}; fix: {CODES[one.code].fix}"))
        ctx.note(_summary(found, count, everything))
    return 1 if any(one.level == "error" for _, one in found) else 0


def _files(ctx: Context, wanted: list[Path], telling: Progress) -> tuple[list[tuple[str, Problem]], int]:
    from console.runbook import lexicon
    from console.runbook.library import files_under, load_library, read_runbook_file
    from console.runbook.lint import lint_file

    today = ctx.clock.now().date()
    paths = [path for folder in wanted for path in files_under(folder)]
    telling.phase("reading runbooks", len(paths))
    documents = []
    for path in paths:
        documents.append((path, read_runbook_file(path)))
        telling.step()
    at_hand = load_library([path for path in ctx.runbook_paths if path not in wanted])
    known = {lexicon.fold(name) for entry in at_hand.entries for name in (entry.id, entry.runbook.title)}
    known |= {lexicon.fold(name) for _, one in documents for r in one.runbooks for name in (r.id, r.title)}
    telling.phase("checking runbooks", len(documents))
    found = []
    for path, one in documents:
        found += [(str(path), problem) for problem in lint_file(path, one, today, known)]
        telling.step()
    return found, len(documents)


def _alerts(source: str, wanted: list[Path], check_urls: bool) -> list[tuple[str, Problem]]:
    from console.runbook.library import load_library
    from console.runbook.lint_alerts import SourceError, check_alerts, fetch, read_alerts

    try:
        rules = read_alerts(source)
    except SourceError as error:
        fail(str(error))
    return check_alerts(rules, load_library(wanted), fetch if check_urls else None)


def _summary(found: list[tuple[str, Problem]], count: int, everything: bool) -> str:
    levels = [one.level for _, one in found]
    hidden = levels.count("info")
    more = f"; --all shows {hidden} remarks" if hidden and not everything else ""
    return f"{count} file{'s' * (count != 1)}: {levels.count('error')} errors, {levels.count('warning')} warnings{more}"
