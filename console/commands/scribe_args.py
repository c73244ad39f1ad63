"""What ``declare`` and ``note`` share: raw text after known long options, times in options, stdin, what can't be saved."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, NoReturn

import click

from console.commands.context import Context, fail
from console.sanitize import one_line

if TYPE_CHECKING:
    from console.incident.grammar import Entry
    from console.incident.times import Moment

LIMIT: Final = 1 << 20  # bytes of one note from stdin; more is evidence, not a note


class RawTail(click.Command):
    """A command whose arguments are text as it was typed, after long options that it knows.

    There are no short options: ``-5m restarted`` is text. ``--`` ends the options.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        flags, valued = self._options(ctx)
        rest = list(args)
        options: list[str] = []
        while rest and rest[0].startswith("--"):
            name, assigned, _ = rest[0].partition("=")
            if rest[0] == "--":
                rest.pop(0)
                break
            if name in flags and not assigned:
                options.append(rest.pop(0))
            elif name in valued and (assigned or len(rest) > 1):
                taken = 1 if assigned else 2
                options += rest[:taken]
                del rest[:taken]
            elif name in valued:
                raise click.UsageError(f"Option {name!r} requires an argument.", ctx)
            else:
                self._refuse_near_miss(name, [*flags, *valued], ctx)
                if name[2:3].isalpha():  # more likely a slip than text: it is kept, and said so
                    click.echo(f"vigie: {one_line(name)} is no option here: taken as text", err=True)
                break
        return super().parse_args(ctx, [*options, "--", *rest])

    def _options(self, ctx: click.Context) -> tuple[list[str], list[str]]:
        flags = ["--help"]
        valued: list[str] = []
        for parameter in self.get_params(ctx):
            if isinstance(parameter, click.Option):
                (flags if parameter.is_flag else valued).extend(parameter.opts)
        return flags, valued

    @staticmethod
    def _refuse_near_miss(name: str, known: Sequence[str], ctx: click.Context) -> None:
        # Text may begin with two dashes, but ``--incidnet`` is no text: it would land in the wrong incident.
        near = get_close_matches(name, known, n=1, cutoff=0.75)
        if near:
            raise click.UsageError(
                f"No such option: {name}; did you mean {near[0]}? (`--` before it makes it text)", ctx
            )


def typed(words: Sequence[str], prompt: str) -> str:
    """The text: the arguments, else stdin (asked for on a terminal). Undecodable bytes stay, as visible marks."""
    if words:
        return os.fsencode(" ".join(words)).decode("utf-8", "surrogateescape")  # UTF-8 also where the locale says ASCII
    if sys.stdin.isatty():
        sys.stderr.write(prompt)
        sys.stderr.flush()
        return sys.stdin.readline()
    data = sys.stdin.buffer.read(LIMIT + 1)
    if len(data) > LIMIT:
        fail("more than 1 MB: keep it as evidence instead, with `vigie attach --name NAME -`")
    return data.decode("utf-8", "surrogateescape")


def moment(ctx: Context, text: str, option: str = "--at") -> Moment:
    """The time that an option names: as in the scribe line (``@`` may be left out), or RFC 3339. Bad ones end the command."""
    import re

    from console.clock import parse_rfc3339
    from console.incident import times

    value = text.strip()
    token = value if value.startswith(("-", "@")) else f"@{value}"
    try:
        if re.fullmatch(times.TIME, token):
            return times.read(token, ctx.clock.now(), ctx.config.zone())
        return times.Moment(at=parse_rfc3339(value), precision="second")
    except (times.TimeProblem, ValueError) as problem:
        fail(f"{option}: {problem}")


def settle(entry: Entry, allow_future: bool) -> None:
    """Ask about, or refuse, what an entry's problems say; returns when it may be saved."""
    if entry.refusals:
        fail(entry.refusals[0].text)
    for question in entry.questions:
        if allow_future:
            continue
        if not sys.stdin.isatty():
            fail(f"{question.text} --allow-future records it as it is")
        sys.stderr.write(f"? {question.text} [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            fail("not recorded", 1)


def timed(ctx: Context, entry: Entry, at: str, allow_future: bool) -> Entry:
    """*entry* with the time of an option; a time that is ahead is asked about as one in the text is."""
    import msgspec

    from console.incident.grammar import Entry, Problem, utc_words

    if entry.at is not None:
        fail(f"--at {at}: the text has a time as well; one is enough")
    when = moment(ctx, at)
    now = ctx.clock.now()
    if (when.at - now).total_seconds() > 60:
        problem = Problem(code="future", text=f"{utc_words(when.at, 'minute')} is ahead: really?", confirmable=True)
        settle(Entry(context="note", frozen=now, problems=(problem,)), allow_future)
    return msgspec.structs.replace(entry, at=when.at, precision=when.precision)


def unsaved(error: Exception, text: str) -> NoReturn:
    """The journal refused: say why, and give the words back."""
    from console.sanitize import visible

    sys.stderr.write(f"not saved: {visible(text).rstrip()}\n")
    raise error
