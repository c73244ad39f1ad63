"""Silencing an alert in its Alertmanager: which alerts, for how long and why, and only then, seen and confirmed, made.

Servers are asked in a thread with a loop of its own: the screen never waits for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from console.clock import parse_span
from console.snapshot import Alert, SilenceState
from screens.asks import Ask, Choice
from screens.desk import Desk

if TYPE_CHECKING:
    from console.alerts.alertmanager import Matcher, Silence
    from console.alerts.silences import Alertmanagers, Asked, Draft, Made

T = TypeVar("T")
_USUAL: Final = "2h "
_NAMED: Final = 4  # alerts that a question names
_ANOTHER: Final = "another"


def begin(desk: Desk, alert: Alert) -> None:
    """Ask what is to be silenced; of an alert that is silenced already, what is to become of its silence."""
    known = {one.id: one for one in (desk.status.silences if desk.status is not None else ())}
    ids = [one for one in alert.silenced_by if one in known]
    if ids:
        desk.ask(_existing(desk, alert, [known[one] for one in ids]))
    else:
        desk.ask(_which(desk, alert))


def _existing(desk: Desk, alert: Alert, silences: Sequence[SilenceState]) -> Ask:
    choices: list[Choice] = []
    for one in silences:
        about = f"{one.id[:8]} by {one.author or 'nobody'}: {one.comment or 'no reason given'}"
        choices += [Choice(f"extend {one.id}", "extend it", about), Choice(f"end {one.id}", "end it now", about)]
    choices.append(Choice(_ANOTHER, "another", "make another silence for it"))

    def submit(chosen: str) -> str | None:
        what, _, silence = chosen.partition(" ")
        if what == "extend":
            desk.ask(_longer(desk, silence))
        elif what == "end":
            desk.ask(_end(desk, silence, alert.name))
        else:
            desk.ask(_which(desk, alert))
        return None

    return Ask(
        id="silence", label="silenced>", submit=submit, choices=lambda text: choices, hint=f"{alert.name} is silenced"
    )


def _which(desk: Desk, alert: Alert) -> Ask:
    """The matchers, the alert's own labels to begin with."""
    from console.alerts.silences import exactly, matched, matchers_of

    async def submit(text: str) -> str | None:
        try:
            matchers = matchers_of(text)
        except ValueError as error:
            return str(error)
        if not matchers:
            return "which alerts? a matcher such as alertname=QueueDeep"
        asked = await _with_servers(desk, lambda servers: servers.ask())
        answered = [one for one in asked if not one.error]
        if not answered:
            return "; ".join(f"{one.source}: {one.error}" for one in asked)[:200] or "no Alertmanager is configured"
        found = {
            one.fingerprint: one.labels.get("alertname", "?") for am in answered for one in matched(matchers, am.alerts)
        }
        every = len({one.fingerprint for am in answered for one in am.alerts})
        names = list(found.values())
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        words = f"fits {len(names)} of {every}: {', '.join(names[:_NAMED]) or 'none now'}{more}"
        desk.ask(_why(desk, _Preview(matchers, tuple(asked), words)))
        return None

    return Ask(
        id="silence",
        label="silence>",
        submit=submit,
        text=" ".join(str(one) for one in exactly(alert.labels)),
        draft=f"silence:{alert.fingerprint}",
        hint="Enter looks what fits; fewer labels silence more; also != =~ !~",
    )


@dataclass(frozen=True)
class _Preview:
    """What is to be silenced, what the servers say of it, and that in words."""

    matchers: tuple[Matcher, ...]
    asked: tuple[Asked, ...]
    words: str


def _why(desk: Desk, preview: _Preview) -> Ask:
    """For how long, and why."""
    from console.alerts.silences import Draft

    def submit(text: str) -> str | None:
        deps = desk.deps
        if deps is None:
            return "still starting"
        length, _, comment = text.strip().partition(" ")
        try:
            seconds = parse_span(length)
        except ValueError as error:
            return str(error)
        now = deps.clock.now()
        draft = Draft(
            matchers=preview.matchers,
            starts_at=now,
            ends_at=now + timedelta(seconds=seconds),
            author=deps.actor,
            comment=comment.strip(),
        )
        wrong = draft.refuse()
        if wrong:
            return wrong
        desk.ask(_confirm(desk, draft, preview))
        return None

    return Ask(
        id="silence-why",
        label="for, because>",
        submit=submit,
        text=_USUAL,
        hint=f"{preview.words}; 2h and why, then Enter",
    )


def _confirm(desk: Desk, draft: Draft, preview: _Preview) -> Ask:
    async def submit(text: str) -> str | None:
        if text.strip().casefold() not in ("y", "yes"):
            return "type y to silence them; esc leaves"
        return await _carry_out(desk, lambda servers: servers.create(draft, preview.asked), "silenced by")

    until = f"until {draft.ends_at:%H:%M}Z, for everybody"
    return Ask(
        id="silence-confirm",
        label="silence them? y>",
        submit=submit,
        hint=((f"{preview.words}; {until}", "degraded"),),
        armed=True,
    )


def _longer(desk: Desk, silence: str) -> Ask:
    async def submit(text: str) -> str | None:
        deps = desk.deps
        try:
            seconds = parse_span(text.strip())
        except ValueError as error:
            return str(error)
        if deps is None:
            return "still starting"
        ends_at, actor = deps.clock.now() + timedelta(seconds=seconds), deps.actor

        async def work(servers: Alertmanagers) -> list[Made]:
            source, one = await _find(servers, silence)
            return [await servers.extend(source, one, ends_at, one.created_by or actor)]

        return await _carry_out(desk, work, f"until {ends_at:%H:%M}Z:")

    return Ask(
        id="silence-longer",
        label="for how long from now>",
        submit=submit,
        text=_USUAL.strip(),
        hint="such as 2h or 30m",
    )


def _end(desk: Desk, silence: str, name: str) -> Ask:
    async def submit(text: str) -> str | None:
        if text.strip().casefold() not in ("y", "yes"):
            return "type y to end it; esc leaves it"

        async def work(servers: Alertmanagers) -> list[Made]:
            source, one = await _find(servers, silence)
            return [await servers.expire(source, one.id)]

        return await _carry_out(desk, work, "ended:")

    hint = ((f"the silence {silence[:8]} of {name} ends for everybody", "degraded"),)
    return Ask(id="silence-end", label="end it? y>", submit=submit, hint=hint, armed=True)


async def _find(servers: Alertmanagers, silence: str) -> tuple[str, Silence]:
    from console.alerts.silences import found

    fitting = found(await servers.ask(), silence)
    if not fitting:
        raise ValueError("no Alertmanager that answers has that silence")
    return fitting[0]


async def _carry_out(desk: Desk, work: Callable[[Alertmanagers], Awaitable[list[Made]]], words: str) -> str | None:
    """Do it and record it; why not, in one line."""
    from console.alerts.judge import state_of
    from console.watch.feeds import silenced

    try:
        made = await _with_servers(desk, work)
    except ValueError as error:
        return str(error)
    done = [(one.source, one.silence) for one in made if one.silence is not None]
    wrong = "; ".join(f"{one.source}: {one.error}" for one in made if one.silence is None)
    deps = desk.deps
    if not done or deps is None:
        return wrong or "no Alertmanager took it"
    now = deps.clock.now()
    news = [silenced(state_of(silence, source), now) for source, silence in done]
    said = ", ".join(f"{silence.id[:8]} on {source}" for source, silence in done)
    desk.work(
        lambda journal: journal.append_watch(news),
        lambda _: desk.say(f"{words} {said}" + (f"; {wrong}" if wrong else "")),
        lambda why: desk.say(f"done ({said}), and not recorded: {why}", "error"),
    )
    return None


async def _with_servers(desk: Desk, work: Callable[[Alertmanagers], Awaitable[T]]) -> T:
    """Run *work* in a thread, on a loop of its own."""
    deps = desk.deps
    configs = deps.config.alertmanagers if deps is not None else ()
    base = deps.config_file.parent if deps is not None and deps.config_file is not None else Path.cwd()

    def run() -> T:
        from console.alerts.silences import Alertmanagers

        async def inside() -> T:
            async with Alertmanagers(configs, base) as servers:
                return await work(servers)

        return asyncio.run(inside())

    return await asyncio.to_thread(run)
