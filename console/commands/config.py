"""``vigie config show|schema|path``."""

from __future__ import annotations

import click

from console.commands.context import Context


@click.group()
def config() -> None:
    """Show the configuration, its keys, and every path in use."""


@config.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def show(ctx: Context, as_json: bool) -> None:
    """The configuration as it is understood, defaults filled in."""
    import msgspec

    from console.services import encode_span
    from console.watch.plan import plan_of

    plan_of(ctx.config, ctx.config_file)  # what no check can be made of is not understood
    document = msgspec.to_builtins(ctx.config, enc_hook=encode_span)
    if as_json:
        ctx.json(document)
        return
    import yaml

    source = ctx.config_file
    ctx.note(f"# from {source}" if source else "# no configuration file: these are the defaults")
    ctx.echo(yaml.safe_dump(document, sort_keys=False, allow_unicode=True).rstrip())
    if not ctx.config.services:
        ctx.note(
            "# no services are configured, so this host is watched; add services: to the file (docs/configuration.md)"
        )


@config.command()
@click.pass_obj
def schema(ctx: Context) -> None:
    """The keys that vigie.yaml may have, as JSON Schema (https://json-schema.org)."""
    import msgspec

    from console.config import Config
    from console.services import Span

    def describe(kind: type) -> dict[str, object]:
        if kind is Span:
            return {"type": "string", "description": "a duration such as 30s, 5m, 1h20m, 500ms"}
        raise NotImplementedError(kind)

    ctx.json(msgspec.json.schema(Config, schema_hook=describe))


@config.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def path(ctx: Context, as_json: bool) -> None:
    """Every path in use."""
    from console.config import default_config_files

    paths = ctx.paths
    found = {
        "configuration": str(ctx.config_file or ""),
        "database": str(paths.database),
        "status": str(paths.status_db),
        "drafts": str(paths.drafts),
        "output": str(paths.spool),
        "evidence": str(paths.evidence),
        "log": str(paths.log),
    }
    if as_json:
        ctx.json({**found, "runbooks": [str(folder) for folder in ctx.runbook_paths]})
        return
    if not found["configuration"]:
        found["configuration"] = f"(none: the defaults; {' or '.join(map(str, default_config_files()))} would be read)"
    for name, value in found.items():
        ctx.echo(f"{name:<14} {value}")
    for folder in ctx.runbook_paths:
        ctx.echo(f"{'runbooks':<14} {folder}")
