"""What every command is given: the options before the command's name, and what follows from them, lazily."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from msgspec import Struct

from console import config as configuration
from console.clock import Clock, SystemClock

if TYPE_CHECKING:
    from console.journal.events import Origin
    from console.journal.store import Journal


class Options(Struct, frozen=True, kw_only=True):
    """The options that stand before the command's name; the console gets the same."""

    config: str | None = None
    db: str | None = None
    actor: str | None = None
    read_only: bool = False
    runbooks: tuple[str, ...] = ()
    packs: tuple[str, ...] = ()
    link: str | None = None


class Fail(Exception):
    """Ends a command with one line on stderr and an exit code."""

    def __init__(self, line: str, code: int = 2) -> None:
        super().__init__(line)
        self.code = code


def fail(line: str, code: int = 2) -> NoReturn:
    """End the command: *line* on stderr, exit *code* (2: usage or configuration)."""
    raise Fail(line, code)


def current_actor(named: str | None = None) -> str:
    """Who acts: ``--actor``, ``VIGIE_ACTOR``, the one behind sudo, the user."""
    import pwd

    name = named or os.environ.get("VIGIE_ACTOR") or os.environ.get("SUDO_USER")
    if name:
        return name
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid{os.getuid()}"


def here(program: str) -> Origin:
    """The origin of events that this process writes as *program*."""
    import socket

    from console.journal.events import Origin

    try:
        tty = os.ttyname(0).removeprefix("/dev/")
    except OSError:
        tty = ""
    return Origin(program=program, host=socket.gethostname(), tty=tty, uid=os.getuid())


class Context:
    """One call of ``vigie``: options, and configuration, paths and journal made from them when asked for."""

    def __init__(self, options: Options, open_console: Callable[[Options], int] | None = None) -> None:
        self.options = options
        self.clock: Clock = SystemClock()
        self._open_console = open_console

    @cached_property
    def config_file(self) -> Path | None:
        """The configuration file in use."""
        return configuration.find(self.options.config)

    @cached_property
    def config(self) -> configuration.Config:
        """The configuration."""
        return configuration.load(self.config_file)

    def forgive(self) -> None:
        """For commands that write down what happened: a configuration that can't be used must not keep them from it.

        They go on with what can be read of it, and one line on stderr says so.
        """
        try:
            self.config  # noqa: B018 - asked for its error
        except configuration.ConfigError as error:
            from console.salvage import salvage

            found = self.__dict__.get("config_file")
            self.__dict__["config_file"] = found
            self.__dict__["config"] = configuration.Config() if found is None else salvage(found)
            self.note(f"vigie: {error}; this goes to {self.paths.database} all the same")

    @cached_property
    def paths(self) -> configuration.Paths:
        """Where the database and its folder are."""
        if self.options.db or os.environ.get("VIGIE_DB"):  # a broken configuration must not hide a named database
            return configuration.resolve_paths(configuration.Config(), None, self.options.db)
        return configuration.resolve_paths(self.config, self.config_file, None)

    @cached_property
    def file_mode(self) -> int:
        """The mode of files beside the database: as it has itself; before there is one, as configured."""
        from console.journal import place

        return place.file_mode_of(self.paths.database, self.config.file_mode)

    @cached_property
    def actor(self) -> str:
        """Who acts."""
        return current_actor(self.options.actor)

    @cached_property
    def link(self) -> str:
        """How the console takes the link to the operator: ``--link``, ``VIGIE_LINK``, the configuration."""
        for name, value in (("--link", self.options.link), ("VIGIE_LINK", os.environ.get("VIGIE_LINK"))):
            if value:
                if value not in configuration.LINKS:
                    fail(f"{name}: expected {', '.join(configuration.LINKS)}, got {value!r}")
                return value
        return self.config.link

    @cached_property
    def runbook_paths(self) -> list[Path]:
        """Folders and files to look for runbooks in: ``--runbooks`` first, then the configuration's."""
        named = [Path(entry).expanduser().absolute() for entry in self.options.runbooks]
        for path in named:
            if not path.exists():
                fail(f"{path}: no such runbook folder")
        return named + configuration.runbook_paths(self.config, self.config_file)

    def journal(self, *, read_only: bool = False, create: bool = True, program: str = "cli") -> Journal:
        """The journal, opened; use it as a context manager. Raises a one-line ``JournalError``."""
        from console.journal.store import Journal

        if self.options.read_only and not read_only:
            fail("this call would write, and --read-only says not to")
        return Journal.open(
            self.paths.database,
            actor=self.actor,
            origin=here(program),
            clock=self.clock,
            read_only=read_only,
            create=create,
            file_mode=self.config.file_mode if create else 0o600,  # a broken configuration hides no database
        )

    def reader(self) -> Journal:
        """The journal for reading alone; there must be one."""
        from console.journal.errors import Interrupted

        try:
            return self.journal(read_only=True, create=False)
        except Interrupted:
            if self.options.read_only:
                raise
            self.journal(create=False).close()  # undoes what the killed writer left half done
            return self.journal(read_only=True, create=False)

    def incident(self, journal: Journal, named: str | None = None) -> str | None:
        """The stream of the incident that is meant: *named*, ``VIGIE_INCIDENT``, or the newest open one (None: none is open).

        A name that fits no incident ends the command.
        """
        wanted = named or os.environ.get("VIGIE_INCIDENT")
        if wanted:
            stream = journal.resolve(wanted)
            if stream is None:
                fail(f"no incident {wanted}; `vigie incidents` lists them")
            return stream
        return newest_open(journal)

    def open_console(self) -> int:
        """Open the screens."""
        if self._open_console is None:
            fail("this way of starting Vigie has no screens; call `vigie`")
        return self._open_console(self.options)

    def again(self) -> Context:
        """The same call, with nothing read yet: files may have changed."""
        return Context(self.options, self._open_console)

    def elsewhere(self, *, config: Path, database: Path) -> Context:
        """The same call over another configuration and database (the demo's own)."""
        from msgspec.structs import replace

        return Context(replace(self.options, config=str(config), db=str(database)), self._open_console)

    @staticmethod
    def echo(text: str) -> None:
        """A line of data on stdout, made visible whatever it holds."""
        from console.sanitize import visible

        sys.stdout.write(visible(text) + "\n")

    @staticmethod
    def note(text: str) -> None:
        """A line for people on stderr. That nobody can be told is no reason to stop."""
        from console.sanitize import visible

        try:
            sys.stderr.write(visible(text) + "\n")
        except OSError:
            pass

    @staticmethod
    def json(document: Any) -> None:
        """One JSON document on stdout."""
        import json

        sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")


def newest_open(journal: Journal) -> str | None:
    """The newest incident that is not closed."""
    for info in journal.incidents():
        last = journal.rows(
            "SELECT kind FROM events WHERE stream = ? AND kind IN ('closed', 'reopened') ORDER BY seq DESC LIMIT 1",
            (info.stream,),
        )
        if not last or last[0][0] == "reopened":
            return info.stream
    return None
