"""``vigie runbooks run NAME --plain``: the guided run, line by line."""

from __future__ import annotations

import select
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from console.commands.context import Context, fail

if TYPE_CHECKING:
    from console.commands.guided import Talk
    from console.journal.store import Journal
    from console.runbook.model import Runbook


@click.command("run")
@click.argument("name")
@click.option("--plain", is_flag=True, help="Line by line, without the screens.")
@click.option(
    "--answers", type=click.File("r", encoding="utf-8"), metavar="FILE", help="Read the keys from FILE, a line each."
)
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter's value; may be repeated.")
@click.option("--incident", metavar="ID", help="The incident it belongs to.")
@click.pass_obj
def run(
    ctx: Context, name: str, plain: bool, answers: TextIO | None, params: tuple[str, ...], incident: str | None
) -> int:
    """Follow a runbook step by step; what is done goes on the incident's timeline.

    NAME is a runbook's id or title, or a file. A run that was left goes on where it stopped. Exit 0: it was ended;
    1: it was left with steps open.
    """
    from console.commands.guided import Desk, GuidedRun
    from console.commands.guided_kinds import Mistyped
    from console.runbook.actions import Refused
    from console.runbook.calls import find_called
    from console.runbook.recover import reconcile

    if not plain and answers is None:
        fail("the full-screen run is in the console (`vigie`, then 3); --plain runs it here, line by line")
    given = _given(params)
    runbook = _runbook(ctx, name)
    with ctx.journal(create=False) as journal:
        stream = ctx.incident(journal, incident)
        if stream is None:
            fail("a run belongs to an incident, and none is open; `vigie declare` makes one")
        reconcile(journal, ctx.paths)
        _prune(ctx)
        talk, at = _talk(answers)
        try:
            run_id, content, secrets = _begin(journal, stream, runbook, given, talk)
            desk = Desk(
                journal,
                ctx.paths,
                stream,
                Path.cwd(),
                ctx.config.output_cap_bytes,
                ctx.file_mode,
                find=lambda wanted: find_called(wanted, runbook, ctx.runbook_paths),
                ssh_config=ctx.config.ssh_config,
                instruction=ctx.config.instruction,
                keep=ctx.config.output_kept,
            )
            ended = GuidedRun(desk, content, run_id, secrets, talk).walk()
        except Mistyped as error:
            fail(f"{answers.name}:{at[0]}: {error}" if answers is not None else str(error))
        except Refused as error:
            fail(str(error))
        except KeyboardInterrupt:
            talk.say("left; the same command goes on here")
            return 130
    return 0 if ended else 1


def _prune(ctx: Context) -> None:
    """Output that is older, or more, than is kept."""
    from console.runbook.retention import prune

    config = ctx.config
    prune(ctx.paths.spool, total=config.output_total_bytes, age_s=config.output_keep, now=time.time())


def _given(params: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in params:
        name, equals, value = one.partition("=")
        if not equals or not name:
            fail(f"--param {one}: expected NAME=VALUE")
        found[name] = value
    return found


def _runbook(ctx: Context, name: str) -> Runbook:
    from console.runbook.library import load_library

    path = Path(name)
    if path.is_file():
        library = load_library([path], shipped=False)
        if len(library.entries) > 1:
            ids = ", ".join(entry.id for entry in library.entries)
            fail(f"{name} holds several runbooks; `vigie --runbooks {name} runbooks run ID` runs one of: {ids}")
        if library.entries:
            return library.entries[0].runbook
        fail(str(library.problems[0]) if library.problems else f"{name}: nothing to run in it: a page to read")
    from console.runbook.at_hand import at_hand

    runbook = at_hand(ctx.runbook_paths).get(name)
    if runbook is None:
        fail(f"no runbook {name}; `vigie runbooks list` lists them")
    if not runbook.phases:
        fail(f"{runbook.id} is a page to read, without steps; `vigie runbooks show {runbook.id}` shows it")
    return runbook


def _begin(
    journal: Journal, stream: str, runbook: Runbook, given: Mapping[str, str], talk: Talk
) -> tuple[str, Runbook, dict[str, str]]:
    """The run to follow – one that was left, or a new one –, its runbook as frozen then, and the secrets given now."""
    from console.journal.events import Declared
    from console.journal.folds import fold_stream
    from console.runbook import actions, progress
    from console.runbook.ready import starting_values
    from console.runbook.run import RunsFold

    secret = {param.name for param in runbook.params if param.secret}
    secrets = {name: value for name, value in given.items() if name in secret}
    runs = fold_stream(journal, stream, RunsFold())
    for view in reversed(progress.views(runs)):
        frozen = progress.runbook_of(runs.runs[view.run])
        if view.end is None and view.runbook == runbook.id and frozen is not None:
            talk.say(f"going on: {view.settled} of {len(view.steps)} steps are settled")
            if frozen.hash != runbook.hash:
                talk.say("the file has changed since this run was started; the run keeps the text it began with")
            for name, value in given.items():
                actions.append(journal, stream, actions.set_param(view, name, value, secret=name in secret))
            return view.run, frozen, secrets
    first = journal.window(stream, after_seq=0, limit=1)
    labels = first[0].body.labels if first and isinstance(first[0].body, Declared) else {}
    values = starting_values(runbook, labels, given)
    news = actions.start_run(runbook, values, why="vigie runbooks run")
    actions.append(journal, stream, news)
    return getattr(news[0].body, "run", ""), runbook, {name: values[name] for name in values if name in secret}


def _talk(answers: TextIO | None) -> tuple[Talk, list[int]]:
    """How to talk, and the line of *answers* that was read last."""
    from console.commands.guided import PROMPT, Talk
    from console.commands.guided_kinds import Mistyped
    from console.sanitize import visible

    def say(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    if answers is not None:
        lines = _lines(answers, at := [0])

        def answer(question: str) -> str | None:
            found = next(lines, None)
            if found is None and question != PROMPT:
                raise Mistyped(f"no answer is left to “{question.strip()}”")
            say(question + visible(found or ""))
            return found

        def answer_unseen(question: str) -> str | None:
            found = next(lines, None)
            if found is None:
                raise Mistyped(f"no answer is left to “{question.strip()}”")
            return found

        def pause(seconds: float) -> bool:
            time.sleep(seconds)
            return False

        return Talk(say=say, ask=answer, ask_secret=answer_unseen, wait=pause, strict=True), at

    def ask(question: str) -> str | None:
        _forget_typed_ahead()
        sys.stdout.write(question)
        sys.stdout.flush()
        line = sys.stdin.readline()
        return line.rstrip("\n") if line else None

    def ask_secret(question: str) -> str | None:
        import getpass

        return getpass.getpass(question) if sys.stdin.isatty() else ask(question)

    def wait(seconds: float) -> bool:
        """Until a line comes, or that long; nothing that was typed before counts."""
        _forget_typed_ahead()
        try:
            if not select.select([sys.stdin], [], [], seconds)[0]:
                return False
        except (OSError, ValueError):
            time.sleep(seconds)
            return False
        except KeyboardInterrupt:
            return True
        sys.stdin.readline()
        return True

    return Talk(say=say, ask=ask, ask_secret=ask_secret, wait=wait), [0]


def _lines(answers: TextIO, at: list[int]) -> Iterator[str]:
    """Each line; *at* says which one was last. One that is no text ends the run like any other mistake."""
    while True:
        at[0] += 1
        try:
            line = answers.readline()
        except UnicodeDecodeError:
            fail(f"{answers.name}:{at[0]}: not UTF-8")
        if not line:
            return
        yield line.rstrip("\n")


def _forget_typed_ahead() -> None:
    """What was typed before the step was shown answers nothing."""
    import termios

    try:
        termios.tcdrain(sys.stdout.fileno())
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
    except (termios.error, OSError, ValueError):
        pass  # not a terminal
