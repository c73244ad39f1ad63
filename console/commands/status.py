"""``vigie status``: one pass over every check and source, here and now, with or without a watch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from console.clock import rfc3339, span
from console.commands.context import Context
from console.snapshot import OK, STALE, Alert, CheckState, Source, StatusSnapshot

if TYPE_CHECKING:
    from console.watch.checks import Check
    from console.watch.probing import Vitals
    from console.watch.state import Machine


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def status(ctx: Context, as_json: bool) -> int:
    """Run every check once and show how things are. Exit 1 when something is not OK.

    Nothing is recorded. A single bad result counts here; the watch waits for more before it believes one.
    """
    from console.watch.checks import checks_of

    snapshot = _take(ctx, checks_of(ctx.config, ctx.config_file))
    if as_json:
        ctx.json(document(snapshot))
    else:
        for line in lines(snapshot):
            ctx.echo(line)
        if not ctx.config.services:
            where = ctx.config_file or "vigie.yaml (`vigie config path` says where)"
            ctx.note(f"no service is configured: this is the host itself. Add services to {where}")
    return int(snapshot.overall != OK)


def _take(ctx: Context, checks: Sequence[Check]) -> StatusSnapshot:
    import asyncio

    from console.watch.board import SOURCE
    from console.watch.describing import describe, describe_alerts
    from console.watch.loop import WatchLoop
    from console.watch.measure import measure
    from console.watch.probing import Place, Tools
    from console.watch.schedule import run_once
    from console.watch.state import Machine, Result, step

    machines: dict[str, Machine] = {}

    def note(check: Check, result: Result) -> None:
        policy = replace(check.policy, hold=0.0)  # one pass is all there is
        machines[check.key] = step(Machine(), result, ctx.clock.now(), ctx.clock.boottime(), policy)[0]

    async def run() -> None:
        vitals = _vitals(ctx)
        place = Place(base=ctx.config_file and ctx.config_file.absolute().parent, beats=ctx.paths.beats)
        async with Tools(lambda: vitals, place) as tools:
            await run_once(checks, lambda check: measure(check, tools), note)

    with asyncio.Runner(loop_factory=WatchLoop) as runner:
        runner.run(run())
    now = ctx.clock.now()
    passed = StatusSnapshot(
        taken_at=now,
        checks=tuple(describe(check, machines[check.key]) for check in checks),
        alerts=describe_alerts((check, machines[check.key]) for check in checks),
        sources=(Source(name=SOURCE, kind="checks", last_ok=now),),
    )
    return _with_history(passed, _published(ctx))


def _vitals(ctx: Context) -> Vitals:
    """Whether the journal could be written now, as far as that can be told without writing."""
    from console.journal.errors import JournalError
    from console.journal.store import Journal
    from console.watch.probing import Vitals

    if not ctx.paths.database.exists():
        return Vitals()
    try:
        with ctx.journal(read_only=ctx.options.read_only, create=False) as journal:
            if isinstance(journal, Journal) and not ctx.options.read_only:
                journal.transact(lambda _db: None)
    except JournalError as error:
        return Vitals(journal_error=str(error))
    return Vitals()


def _published(ctx: Context) -> StatusSnapshot | None:
    """What the watch that leads has published; None when nobody leads."""
    from console.watch.status_reader import StatusReader

    reader = StatusReader(ctx.paths.status_db, ctx.clock)
    try:
        return reader.poll() if reader.heard().alive else None
    finally:
        reader.close()


def _with_history(passed: StatusSnapshot, published: StatusSnapshot | None) -> StatusSnapshot:
    """Since when, and who has seen it: only the watch knows that."""
    if published is None:
        return passed
    checks = {check.key: check for check in published.checks}
    alerts = {alert.fingerprint: alert for alert in published.alerts}
    return replace(
        passed,
        checks=tuple(_since(check, checks.get(check.key)) for check in passed.checks),
        alerts=tuple(_episode(alert, alerts.get(alert.fingerprint)) for alert in passed.alerts),
    )


def _since(check: CheckState, known: CheckState | None) -> CheckState:
    if known is None or known.state != check.state:
        return check
    return replace(check, since=known.since, overlays=tuple(one for one in known.overlays if one != STALE))


def _episode(alert: Alert, known: Alert | None) -> Alert:
    return alert if known is None else replace(alert, starts_at=known.starts_at, ack=known.ack)


# ── what is printed ──────────────────────────────────────────────────────────────────────────────────────────────


def document(snapshot: StatusSnapshot) -> dict[str, Any]:
    """The contract's shape of ``status --json``."""
    services: dict[str, list[CheckState]] = {}
    for check in snapshot.checks:
        services.setdefault(check.service, []).append(check)
    return {
        "overall": snapshot.overall,
        "services": [
            {"name": name, "state": _worst(checks), "checks": [_check(one, snapshot.taken_at) for one in checks]}
            for name, checks in services.items()
        ],
        "sources": [
            {
                "name": source.name,
                "kind": source.kind,
                "state": source.state,
                "age_s": _age(source.last_ok, snapshot.taken_at),
                "error": source.error,
            }
            for source in snapshot.sources
        ],
        "alerts": [_alert(alert) for alert in snapshot.alerts],
    }


def _check(check: CheckState, now: datetime) -> dict[str, Any]:
    return {
        "name": check.name,
        "kind": check.kind,
        "state": check.state,
        "raw": check.raw,
        "since": rfc3339(check.since) if check.since else None,
        "age_s": _age(check.last_at, now),
        "latency_ms": check.latency_ms,
        "detail": check.detail,
        "overlays": list(check.overlays),
        "value": check.value,
        "unit": check.unit,
        "runbook": check.runbook,
    }


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "fingerprint": alert.fingerprint,
        "name": alert.name,
        "severity": alert.severity,
        "state": alert.state,
        "starts_at": rfc3339(alert.starts_at),
        "labels": dict(alert.labels),
        "runbook": alert.runbook,
        "acknowledged_by": alert.ack.actor if alert.ack else None,
    }


def _age(moment: datetime | None, now: datetime) -> float | None:
    return None if moment is None else round(max(0.0, (now - moment).total_seconds()), 3)


def _worst(checks: Sequence[CheckState]) -> str:
    return StatusSnapshot(taken_at=checks[0].last_at or datetime.min, checks=tuple(checks)).overall


def lines(snapshot: StatusSnapshot) -> list[str]:
    """The same for people: a verdict, then a line for each check, the worst first."""
    counts = snapshot.counts()
    words = "  ".join(f"{word} {count}" for word, count in counts.items() if count)
    order = list(counts)
    rows = sorted(snapshot.checks, key=lambda check: (order.index(check.counts_as), check.key))
    width = min(40, max((len(check.key) for check in rows), default=0))
    result = [f"{snapshot.overall}: {words}"]
    for check in rows:
        since = ""
        if check.since is not None and check.state != OK:
            seconds = (snapshot.taken_at - check.since).total_seconds()
            since = f"  for {span(seconds)}" if seconds >= 1 else ""
        book = f"  -> {check.runbook}" if check.runbook and check.state != OK else ""
        result.append(f"{check.state:<8}  {check.key:<{width}}  {check.kind:<7}  {check.detail}{since}{book}")
    return result
