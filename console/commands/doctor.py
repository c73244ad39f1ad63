"""``vigie doctor``: is this installation fit for a bad night? Each finding is one line, with a way on."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from typing import Final

import click
from msgspec import Struct

from console.clock import span
from console.commands.context import Context
from console.config import ConfigError
from console.journal import connection, place
from console.journal.errors import JournalError, Missing
from console.sanitize import one_line

GOOD: Final = "ok"
NOTE: Final = "note"  # works, and worth knowing
BAD: Final = "bad"
_LOW_SPACE: Final = 200_000_000  # bytes: room for a night of output and events


class Finding(Struct, frozen=True):
    """What one look found."""

    level: str
    about: str
    text: str


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option("--live", "alive", is_flag=True, help="How the running consoles and the watch keep up, right now.")
@click.pass_obj
def doctor(ctx: Context, as_json: bool, alive: bool) -> int:
    """Check this installation: configuration, database, disk, runbooks, watch, terminal. Exit 1 when something is bad.

    With --live: the event loop's lag, frames, bytes and the link of each console that runs on this database, and how late
    the watch starts its checks. Exit 1 when none runs, or one hangs.
    """
    if alive:
        from console.commands.doctor_live import live

        return live(ctx, as_json)
    findings = [finding for look in LOOKS for finding in look(ctx)]
    if as_json:
        ctx.json([{"level": one.level, "about": one.about, "text": one.text} for one in findings])
    else:
        for one in findings:
            ctx.echo(f"{one.level:<5} {one.about:<14} {one_line(one.text)}")
    return int(any(one.level == BAD for one in findings))


def _python(_ctx: Context) -> Iterator[Finding]:
    yield Finding(GOOD, "python", f"{sys.version.split()[0]}, {sys.executable}")
    if not connection.wal_is_safe():
        text = (
            f"{sqlite3.sqlite_version} has the WAL-reset bug: databases use TRUNCATE, which is safe and a little slower"
        )
        yield Finding(NOTE, "sqlite", text)
    else:
        yield Finding(GOOD, "sqlite", f"{sqlite3.sqlite_version}, free of the WAL-reset bug: new databases use WAL")


def _configuration(ctx: Context) -> Iterator[Finding]:
    from console.watch.plan import plan_of

    try:
        config, source = ctx.config, ctx.config_file
        plan_of(config, source)
    except ConfigError as error:
        yield Finding(BAD, "configuration", str(error))
        return
    if source is None:
        yield Finding(
            NOTE, "configuration", "no vigie.yaml: this host is watched (`vigie config schema` lists the keys)"
        )
        return
    checks = sum(len(service.checks) for service in config.services)
    yield Finding(GOOD, "configuration", f"{source}: {len(config.services)} services, {checks} checks")


def _database(ctx: Context) -> Iterator[Finding]:
    path = ctx.paths.database
    try:
        with ctx.reader() as journal:
            journal.check_integrity()
            streams = journal.streams()
            broken = [verdict for info in streams if not (verdict := journal.verify(info.stream)).ok]
            events = sum(info.count for info in streams)
            mode = "WAL" if journal.mode == "wal" else "TRUNCATE"  # a reader has not set its own
    except Missing:
        folder = next(parent for parent in path.parents if parent.is_dir())
        if os.access(folder, os.W_OK | os.X_OK):
            yield Finding(NOTE, "database", f"{path}: none yet; the first event makes it")
        else:
            yield Finding(BAD, "database", f"{path}: none yet, and {folder} can't be written; --db names another file")
    except JournalError as error:
        yield Finding(BAD, "database", str(error))
        return
    else:
        for verdict in broken:
            yield Finding(BAD, "chain", f"{verdict.stream} is broken at seq {verdict.bad_seq}: {verdict.problem}")
        yield Finding(GOOD, "database", f"{path}: {events} events in {len(streams)} streams, {mode}, synchronous=FULL")
        if path.stat().st_mode & 0o007:
            yield Finding(BAD, "permissions", f"{path} can be read by everybody: chmod o-rwx {path}")
        elif not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
            yield Finding(
                BAD, "permissions", f"{path}: this user can't write it (or its folder); --read-only looks at it"
            )
        has, wanted = place.file_mode_of(path), _wanted_mode(ctx)
        if has != wanted:
            yield Finding(NOTE, "permissions", f"{path}: mode {has:04o} counts, though database_mode says {wanted:04o}")
    kind = place.file_system(path)
    if kind:
        yield Finding(GOOD, "file system", kind)


def _wanted_mode(ctx: Context) -> int:
    try:
        return ctx.config.file_mode
    except ConfigError:  # told on a line of its own
        return place.file_mode_of(ctx.paths.database)


def _space(ctx: Context) -> Iterator[Finding]:
    folder = next(parent for parent in (ctx.paths.database, *ctx.paths.database.parents) if parent.is_dir())
    free = shutil.disk_usage(folder).free
    level = GOOD if free > _LOW_SPACE else BAD
    yield Finding(
        level,
        "disk",
        f"{free / 1e9:.1f} GB free at {folder}" + ("" if level == GOOD else ": make room before the night"),
    )


def _runbooks(ctx: Context) -> Iterator[Finding]:
    from console.runbook.at_hand import at_hand
    from console.runbook.review import overdue

    try:
        runbooks = at_hand(ctx.runbook_paths)
    except ConfigError as error:
        yield Finding(BAD, "runbooks", str(error))
        return
    today = ctx.clock.now().date()
    whole = {name: card for name, card in runbooks.cards.items() if not card.broken and not card.page}
    late = [(days, name, card) for name, card in whole.items() if (days := overdue(card, today))]
    yield Finding(GOOD, "runbooks", f"{len(whole)} to choose from")
    for days, name, card in sorted(late, key=lambda one: -one[0])[:10]:
        owner = f", {card.owner}" if card.owner else ""
        text = f"{name}: its review is {days} days overdue{owner}; `vigie runbooks lint` lists them all"
        yield Finding(NOTE, "runbooks", text)
    for problem in runbooks.problems[:10]:
        yield Finding(NOTE, "runbooks", problem)


def _watch(ctx: Context) -> Iterator[Finding]:
    from console.watch.status_file import leader_age

    age = leader_age(ctx.paths.status_db, ctx.clock)
    if age is None:
        yield Finding(
            NOTE, "watch", "nobody leads; the console starts a watch by itself, `vigie watch` runs one without"
        )
    else:
        yield Finding(GOOD if age < 6 else BAD, "watch", f"the leader was heard {span(age)} ago")
        yield from _watch_configuration(ctx)


def _watch_configuration(ctx: Context) -> Iterator[Finding]:
    """Whether the watch runs by the files that are there now."""
    from console.watch.status_reader import StatusReader

    reader = StatusReader(ctx.paths.status_db, ctx.clock)
    try:
        snapshot, heard = reader.poll(), reader.heard()
    finally:
        reader.close()
    for source in snapshot.sources if snapshot is not None else ():
        if source.kind == "configuration":
            yield Finding(BAD, "watch", source.error)
            return
    try:
        expected = ctx.config.hash()
    except ConfigError:  # told on a line of its own
        return
    if heard.leader is not None and heard.leader.config_hash != expected:
        yield Finding(NOTE, "watch", "it runs by another configuration than this call")


def _tools(_ctx: Context) -> Iterator[Finding]:
    for name, use in (("bash", "runs the commands of runbooks"), ("ssh", "for steps on other hosts")):
        if shutil.which(name) is None:
            yield Finding(BAD if name == "bash" else NOTE, "tools", f"no {name} on the PATH: it {use}")
    yield from _logout()


def _logout() -> Iterator[Finding]:
    """Whether commands and the watch outlive the operator's session."""
    from console.runbook import processes, scope

    user = processes.user_name()
    if not scope.kills_at_logout(user):
        return
    if not scope.prefix(user):
        text = (
            "ends your processes at logout (KillUserProcesses), and there is no systemd-run or user manager to give them a "
            "scope: commands end with the session"
        )
        yield Finding(BAD, "logind", text)
    elif not scope.lingers(user):
        text = (
            "ends your processes at logout: commands get a scope of their own, and "
            f"`loginctl enable-linger {user}` lets it outlive your last session"
        )
        yield Finding(NOTE, "logind", text)
    else:
        yield Finding(
            GOOD, "logind", "ends your processes at logout; commands get a scope of their own, and you linger"
        )


def _terminal(_ctx: Context) -> Iterator[Finding]:
    term = os.environ.get("TERM", "")
    if not sys.stdout.isatty():
        yield Finding(NOTE, "terminal", "none here: the console needs one, every command works without")
        return
    size = shutil.get_terminal_size()
    level = BAD if term in ("", "dumb") else GOOD if size.columns >= 80 and size.lines >= 24 else NOTE
    encoding = sys.stdout.encoding.lower()
    drawn = "Unicode" if encoding == "utf-8" else f"ASCII ({encoding})"
    yield Finding(level, "terminal", f"TERM={term or '(not set)'}, {size.columns}×{size.lines}, {drawn}")


LOOKS: Final[tuple[Callable[[Context], Iterator[Finding]], ...]] = (
    _python,
    _configuration,
    _database,
    _space,
    _runbooks,
    _watch,
    _tools,
    _terminal,
)
