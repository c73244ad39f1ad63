"""``vigie silence``: keep alerts from telling anybody, in their Alertmanager, for everybody; list and end silences."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from console.clock import parse_span, rfc3339, span
from console.commands.context import Context, fail

if TYPE_CHECKING:
    from console.alerts.alertmanager import GettableAlert, Matcher, Silence
    from console.alerts.silences import Alertmanagers, Asked, Made

T = TypeVar("T")
_NAMED = 10  # alerts that a preview names


@click.command()
@click.argument("what", metavar="[MATCHER…|ALERT|SILENCE]", nargs=-1)
@click.option("--for", "for_", metavar="SPAN", default=None, help="How long, such as 2h (the default).")
@click.option("--comment", default="", help="Why; required. Whoever finds the silence reads it.")
@click.option("--author", default="", help="Who; you, if nobody is named.")
@click.option("--on", "names", metavar="NAME", multiple=True, help="Only this Alertmanager; may be said again.")
@click.option("--list", "list_", is_flag=True, help="List the silences that have not ended.")
@click.option("--extend", is_flag=True, help="Give SILENCE an end that is --for from now.")
@click.option("--expire", is_flag=True, help="End SILENCE now.")
@click.option("--dry-run", is_flag=True, help="Say what it would match, and make none.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def silence(
    ctx: Context,
    what: tuple[str, ...],
    for_: str | None,
    comment: str,
    author: str,
    names: tuple[str, ...],
    list_: bool,
    extend: bool,
    expire: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Silence alerts by matchers (queue=a, queue=~'a.*'), or one alert by its name or fingerprint. It shows what would
    fall silent first, and asks.

    Exit 1 when nothing fits, or an Alertmanager did not take it.
    """
    if sum((list_, extend, expire)) > 1:
        fail("expected one of --list, --extend and --expire")
    call = _Call(ctx, names, author.strip() or ctx.actor, as_json)
    if list_:
        return call.show()
    if not dry_run and ctx.options.read_only:
        fail("this call would write, and --read-only says not to")
    if not what:
        fail("expected a matcher such as alertname=QueueDeep, an alert, or a silence; --list shows the silences")
    try:
        seconds = parse_span(for_) if for_ is not None else 7200.0
    except ValueError as error:
        fail(f"--for: {error}")
    if expire:
        return call.expire(what)
    if extend:
        return call.extend(what, seconds, comment)
    if not comment.strip() and not dry_run:
        fail("--comment: a silence needs one: whoever finds it reads it")
    return call.create(what, seconds, comment, ask=not (yes or dry_run), make=not dry_run)


class _Call:
    """One call of the command."""

    def __init__(self, ctx: Context, names: Sequence[str], author: str, as_json: bool) -> None:
        from pathlib import Path

        self._ctx = ctx
        self._author = author
        self._as_json = as_json
        configured = ctx.config.alertmanagers
        if not configured:
            fail("no Alertmanager is configured: silences are made there (alertmanagers: in vigie.yaml)")
        unknown = set(names) - {one.name for one in configured}
        if unknown:
            fail(
                f"--on: no Alertmanager is named {sorted(unknown)[0]}; there are {', '.join(c.name for c in configured)}"
            )
        self._configs = [one for one in configured if not names or one.name in names]
        self._base = ctx.config_file.parent if ctx.config_file is not None else Path.cwd()

    def _run(self, work: Callable[[Alertmanagers], Awaitable[T]]) -> T:
        import asyncio

        from console.alerts.silences import Alertmanagers

        async def run() -> T:
            async with Alertmanagers(self._configs, self._base) as servers:
                return await work(servers)

        return asyncio.run(run())

    def _ask(self) -> list[Asked]:
        asked = self._run(lambda servers: servers.ask())
        for one in asked:
            if one.error:
                self._ctx.note(f"{one.source}: {one.error}")
        if all(one.error for one in asked):
            fail("no Alertmanager answers", 1)
        return asked

    # ── listing ──────────────────────────────────────────────────────────────────────────────────────────────────

    def show(self) -> int:
        """``--list``."""
        from console.alerts.silences import matched

        asked = self._ask()
        seen: dict[str, tuple[str, Silence]] = {}
        for one in asked:
            for silence in one.silences:
                if silence.status.state != "expired":
                    seen.setdefault(silence.id, (one.source, silence))
        now = self._ctx.clock.now()
        rows = []
        for source, silence in sorted(seen.values(), key=lambda row: row[1].ends_at):
            alerts = next(one.alerts for one in asked if one.source == source)
            rows.append((source, silence, _count(lambda s=silence, a=alerts: matched(s.matchers, a))))  # type: ignore[misc]
        if self._as_json:
            self._ctx.json({"silences": [{**_document(s, source), "alerts": count} for source, s, count in rows]})
            return 0
        for source, silence, count in rows:
            left = span((silence.ends_at - now).total_seconds())
            when = f"for {left} more" if silence.status.state == "active" else f"from {rfc3339(silence.starts_at)}"
            self._ctx.echo(
                f"{silence.id}  {source}  {when}  {count} alert{'' if count == 1 else 's'}  {_written(silence.matchers)}"
                f"  by {silence.created_by or 'nobody'}: {silence.comment or 'no reason given'}"
            )
        if not rows:
            self._ctx.note("nothing is silenced")
        return 0

    # ── making ───────────────────────────────────────────────────────────────────────────────────────────────────

    def create(self, what: Sequence[str], seconds: float, comment: str, *, ask: bool, make: bool) -> int:
        """Make a silence, after a preview."""
        from console.alerts.silences import Draft, matched
        from console.sanitize import one_line

        asked = self._ask()
        matchers = self._meant(what, asked)
        now = self._ctx.clock.now()
        draft = Draft(
            matchers=matchers,
            starts_at=now,
            ends_at=now + timedelta(seconds=seconds),
            author=self._author,
            comment=one_line(comment, 1000),
        )
        wrong = draft.refuse() if make else ""
        if wrong:
            fail(wrong)
        hit: dict[str, GettableAlert] = {}
        for one in asked:
            hit.update((alert.fingerprint, alert) for alert in matched(matchers, one.alerts))
        every = len({alert.fingerprint for one in asked for alert in one.alerts})
        self._preview(draft.ends_at, matchers, list(hit.values()), every)
        if not make:
            return 0 if hit else 1
        if ask and not _agreed():
            return 1
        made = self._run(lambda servers: servers.create(draft, asked))
        return self._told(made, "silenced by")

    def _preview(
        self, ends_at: datetime, matchers: Sequence[Matcher], hit: Sequence[GettableAlert], every: int
    ) -> None:
        where = ", ".join(one.name for one in self._configs)
        self._ctx.note(f"{_written(matchers)}  until {rfc3339(ends_at)}  on {where}")
        self._ctx.note(f"fits {len(hit)} of {every} alerts{':' if hit else ' now'}")
        for alert in hit[:_NAMED]:
            self._ctx.note(f"  {_alert(alert)}")
        if len(hit) > _NAMED:
            self._ctx.note(f"  and {len(hit) - _NAMED} more")

    def _meant(self, what: Sequence[str], asked: Sequence[Asked]) -> tuple[Matcher, ...]:
        """Matchers, or an alert's name or fingerprint."""
        from console.alerts.silences import exactly, matcher_of

        if len(what) == 1 and "=" not in what[0] and "~" not in what[0]:
            named = what[0]
            alerts = [alert for one in asked for alert in one.alerts]
            for alert in alerts:
                if alert.fingerprint == named or (len(named) >= 6 and alert.fingerprint.startswith(named.lower())):
                    return exactly(alert.labels)
            if any(alert.labels.get("alertname") == named for alert in alerts):
                return (matcher_of(f"alertname={named}"),)
            fail(f"no alert is named {named}, here or there; a silence for later needs a matcher: alertname={named}", 1)
        try:
            return tuple(matcher_of(one) for one in what)
        except ValueError as error:
            fail(str(error))

    # ── ending and extending ─────────────────────────────────────────────────────────────────────────────────────

    def expire(self, what: Sequence[str]) -> int:
        """``--expire``."""
        asked = self._ask()
        chosen = [self._one(asked, named) for named in what]

        async def work(servers: Alertmanagers) -> list[Made]:
            return [await servers.expire(source, silence.id) for source, silence in chosen]

        return self._told(self._run(work), "ended:")

    def extend(self, what: Sequence[str], seconds: float, comment: str) -> int:
        """``--extend``."""
        asked = self._ask()
        chosen = [self._one(asked, named) for named in what]
        ends_at = self._ctx.clock.now() + timedelta(seconds=seconds)

        async def work(servers: Alertmanagers) -> list[Made]:
            return [
                await servers.extend(source, silence, ends_at, silence.created_by or self._author, comment)
                for source, silence in chosen
            ]

        try:
            return self._told(self._run(work), f"until {rfc3339(ends_at)}:")
        except ValueError as error:
            fail(str(error))

    def _one(self, asked: Sequence[Asked], named: str) -> tuple[str, Silence]:
        from console.alerts.silences import found

        fitting = found(asked, named)
        if len(fitting) != 1:
            fail(f"{'no' if not fitting else 'more than one'} silence is named {named}; `vigie silence --list`", 1)
        return fitting[0]

    # ── afterwards ───────────────────────────────────────────────────────────────────────────────────────────────

    def _told(self, made: Sequence[Made], words: str) -> int:
        """Say and record what came of it."""
        from console.alerts.judge import state_of
        from console.journal.errors import JournalError
        from console.watch.feeds import silenced

        done = [(one.source, one.silence) for one in made if one.silence is not None]
        for one in made:
            if one.silence is None:
                self._ctx.note(f"{one.source}: {one.error}")
        if done:
            now = self._ctx.clock.now()
            try:
                with self._ctx.journal() as journal:
                    journal.append_watch([silenced(state_of(silence, source), now) for source, silence in done])
            except JournalError as error:
                self._ctx.note(f"done, and not recorded: {error}")
        if self._as_json:
            self._ctx.json({"silences": [_document(silence, source) for source, silence in done]})
        else:
            for source, silence in done:
                self._ctx.echo(f"{silence.id}")
                self._ctx.note(f"{words} {silence.id} on {source}")
        return int(not done or any(one.silence is None for one in made))


def _count(fit: Callable[[], Sequence[object]]) -> int:
    """How many alerts fit; a pattern that only Go can read fits none that we could count."""
    try:
        return len(fit())
    except ValueError:
        return 0


def _agreed() -> bool:
    if not sys.stdin.isatty():
        fail("nobody is there to ask: say --yes, or --dry-run to see only")
    return click.confirm("silence them for everybody?", default=False, err=True)


def _written(matchers: Sequence[Matcher]) -> str:
    return " ".join(str(one) for one in matchers)


def _alert(alert: GettableAlert) -> str:
    labels = " ".join(f"{name}={value}" for name, value in sorted(alert.labels.items()) if name != "alertname")
    return f"{alert.labels.get('alertname', '(no alertname)')}  {labels}  {alert.status.state}"


def _document(silence: Silence, source: str) -> dict[str, Any]:
    return {
        "id": silence.id,
        "source": source,
        "state": silence.status.state,
        "matchers": [{"name": one.name, "op": one.operator, "value": one.value} for one in silence.matchers],
        "author": silence.created_by,
        "comment": silence.comment,
        "starts_at": rfc3339(silence.starts_at),
        "ends_at": rfc3339(silence.ends_at),
    }
