"""``vigie status``: one pass over every check and source, here and now, with or without a watch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from console.clock import rfc3339, span
from console.commands.context import Context
from console.snapshot import GONE_BECAUSE, OK, STALE, Alert, Availability, CheckState, Report, StatusSnapshot

if TYPE_CHECKING:
    from console.watch.plan import Plan
    from console.watch.probing import Vitals
    from console.watch.state import Result

OURS = "vigie"  # the source of our own checks' alerts
_MOST = 100_000  # alerts of other systems that a watch is asked for
_SHOWN = 50  # and that are shown to people


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def status(ctx: Context, as_json: bool) -> int:
    """Run every check once, ask every source of alerts once, and show how things are. Exit 1 when something is not OK.

    Nothing is recorded. A single bad result counts here; the watch waits for more before it believes one.
    """
    from console.alerts.feeds import rules_of
    from console.watch.plan import plan_of

    rules_of(ctx.config, ctx.config_file)  # a rule that can't be read is told before anything is asked
    snapshot = _take(ctx, plan_of(ctx.config, ctx.config_file, ctx.paths.beats))
    if as_json:
        ctx.json(document(snapshot))
    else:
        for line in lines(snapshot):
            ctx.echo(line)
        if not ctx.config.services:
            where = ctx.config_file or "vigie.yaml (`vigie config path` says where)"
            ctx.note(f"no service is configured: this is the host itself. Add services to {where}")
    return int(snapshot.overall != OK)


def _take(ctx: Context, plan: Plan) -> StatusSnapshot:
    import asyncio

    from console.alerts.engine import SOURCE as RULES
    from console.alerts.feeds import look_once
    from console.watch.loop import WatchLoop
    from console.watch.measure import measure
    from console.watch.probing import Tools
    from console.watch.schedule import run_once

    results: dict[str, Result] = {}
    published, foreign = _published(ctx)

    async def run() -> Report:
        vitals = _vitals(ctx)
        async with Tools(lambda: vitals, plan.place) as tools:
            report, _ = await asyncio.gather(
                look_once(
                    ctx.config,
                    ctx.config_file,
                    ctx.clock,
                    foreign,
                    published.sources if published is not None else (),
                    rules=published is None,  # what has waited for its time only the watch knows
                ),
                run_once(
                    plan.checks,
                    lambda check: measure(check, tools),
                    lambda check, result: results.update({check.key: result}),
                ),
            )
        return report

    with asyncio.Runner(loop_factory=WatchLoop) as runner:
        report = runner.run(run())
    passed = judged(plan, results, ctx.clock.now(), ctx.clock.boottime())
    of_watch = published.sources if published is not None else ()
    passed = replace(
        passed,
        sources=(*passed.sources, *report.sources, *(one for one in of_watch if one.name == RULES)),
        alerts=(
            *passed.alerts,
            *sorted(report.alerts, key=lambda one: one.place),
            *(one for one in foreign if one.source == RULES),
        ),
        silences=report.silences,
    )
    return _with_history(passed, published, foreign)


def judged(plan: Plan, results: Mapping[str, Result], now: datetime, boot: float) -> StatusSnapshot:
    """What one result of each check makes: no threshold and no hold, but parents, windows and our own link count."""
    import dataclasses

    from console.watch.board import Board
    from console.watch.changes import Kept

    checks = [dataclasses.replace(one, policy=replace(one.policy, hold=0.0)) for one in plan.checks]
    parents = {check.service: check.parents for check in checks}

    def depth(service: str) -> int:
        return 1 + max((depth(parent) for parent in parents.get(service, ())), default=0)

    board = Board(checks, Kept(), now, sentinels=plan.sentinels, windows=plan.windows)
    board.maintain(now, since=now)
    # Whoever others depend on is heard first.
    for check in sorted(checks, key=lambda one: (one.key not in plan.sentinels, depth(one.service))):
        board.take(check, results[check.key], now, boot)
    snapshot = board.snapshot(now, boot, epoch=0, config_hash="", version=0)
    bare = tuple(replace(check, p50_ms=None, p95_ms=None, availability=()) for check in snapshot.checks)
    return replace(snapshot, checks=bare)


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


def _published(ctx: Context) -> tuple[StatusSnapshot | None, list[Alert]]:
    """What the watch that leads has published, and the alerts of other systems; None when nobody leads."""
    from console.watch.status_reader import StatusReader

    reader = StatusReader(ctx.paths.status_db, ctx.clock)
    try:
        if not reader.heard().alive:
            return None, []
        return reader.poll(), reader.alerts(limit=_MOST)
    finally:
        reader.close()


def _with_history(passed: StatusSnapshot, published: StatusSnapshot | None, foreign: Sequence[Alert]) -> StatusSnapshot:
    """Since when, and who has seen it: only the watch knows that."""
    if published is None:
        return passed
    checks = {check.key: check for check in published.checks}
    alerts = {alert.fingerprint: alert for alert in (*foreign, *published.alerts)}
    return replace(
        passed,
        checks=tuple(_since(check, checks.get(check.key)) for check in passed.checks),
        alerts=tuple(_episode(alert, alerts.get(alert.fingerprint)) for alert in passed.alerts),
    )


def _since(check: CheckState, known: CheckState | None) -> CheckState:
    if known is None:
        return check
    figures = replace(check, p50_ms=known.p50_ms, p95_ms=known.p95_ms, availability=known.availability)
    if known.state != check.state:
        return figures
    overlays = dict.fromkeys((*(one for one in known.overlays if one != STALE), *check.overlays))
    return replace(figures, since=known.since, soft=known.soft, overlays=tuple(overlays))


def _episode(alert: Alert, known: Alert | None) -> Alert:
    if known is None or (alert.source != OURS and int(alert.starts_at.timestamp()) != int(known.starts_at.timestamp())):
        return alert
    return replace(alert, starts_at=known.starts_at, ack=known.ack)


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
                "note": source.note,
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
        "soft": list(check.soft) if check.soft else None,
        "maintenance": check.maintenance,
        "p50_ms": check.p50_ms,
        "p95_ms": check.p95_ms,
        "availability": {span(one.window_s): _availability(one) for one in check.availability},
        "labels": dict(check.labels),
    }


def _availability(one: Availability) -> dict[str, float | None]:
    share = None if one.share is None else round(one.share, 6)
    return {"share": share, "known_s": one.known_s, "window_s": one.window_s}


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
        "source": alert.source,
        "reported_by": list(alert.reported_by),
        "silenced_by": list(alert.silenced_by),
        "inhibited_by": list(alert.inhibited_by),
        "why": alert.annotations.get(GONE_BECAUSE, ""),
    }


def _age(moment: datetime | None, now: datetime) -> float | None:
    return None if moment is None else round(max(0.0, (now - moment).total_seconds()), 3)


def _worst(checks: Sequence[CheckState]) -> str:
    return StatusSnapshot(taken_at=checks[0].last_at or datetime.min, checks=tuple(checks)).overall


def lines(snapshot: StatusSnapshot) -> list[str]:
    """The same for people: a verdict, then a line for each check, the worst first."""
    counts = snapshot.counts()
    words = "  ".join(f"{word} {count}" for word, count in counts.items() if count)
    firing = sum(not alert.handled for alert in snapshot.alerts if alert.source != OURS)
    words += f"  ALERTS {firing:,}" if firing else ""
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
    result += [
        f"{source.state.upper():<8}  {source.name}  {source.kind}  {source.error}"
        for source in snapshot.sources
        if source.state != "ok"
    ]
    foreign = [alert for alert in snapshot.alerts if alert.source != OURS]
    result += [_alert_line(alert, snapshot.taken_at) for alert in foreign[:_SHOWN]]
    if len(foreign) > _SHOWN:
        result.append(f"and {len(foreign) - _SHOWN:,} more alerts")
    return result


def _alert_line(alert: Alert, now: datetime) -> str:
    handled = "acked" if alert.ack else "silenced" if alert.silenced_by else "inhibited" if alert.inhibited_by else ""
    labels = " ".join(f"{name}={value}" for name, value in sorted(alert.labels.items()) if name != "alertname")
    words = [alert.severity or "alert", handled, alert.name, labels, f"from {alert.source}"]
    why = alert.annotations.get(GONE_BECAUSE, "")
    words += [f"{alert.state}: {why}" if why else "", f"for {span(max(0.0, (now - alert.starts_at).total_seconds()))}"]
    return "  ".join(word for word in words if word) + (f"  -> {alert.runbook}" if alert.runbook else "")
