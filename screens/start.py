"""What a console starts with: the options as given, and everything that follows from them.

:class:`Start` is light, for the first paint; :class:`Deps` needs the configuration and is made in the reader's thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from console.clock import Clock
    from console.config import Config, Paths
    from console.journal.events import Origin
    from console.journal.store import Journal


# How long SQLite waits for another process's lock. Short: the writer tries again by itself, and the operator is told.
_BUSY_S: Final = 0.5


class Start(Struct, frozen=True):
    """The options before the command's name (the same fields as ``console.commands.context.Options``)."""

    config: str | None = None
    db: str | None = None
    actor: str | None = None
    read_only: bool = False
    runbooks: tuple[str, ...] = ()
    packs: tuple[str, ...] = ()
    link: str | None = None


@dataclass(frozen=True)
class Deps:
    """What the screens are given: where things are, who acts, the clock. Never changes while a console runs."""

    config: Config
    config_file: Path | None
    paths: Paths
    runbook_paths: tuple[Path, ...]
    clock: Clock
    actor: str
    origin: Origin
    read_only: bool
    watching: bool = True  # start a watch when nobody leads
    link: str = "auto"  # how the link to the operator is taken: screens.link.MODES

    @property
    def file_mode(self) -> int:
        """The mode of files beside the database."""
        from console.journal import place

        return place.file_mode_of(self.paths.database, self.config.file_mode)

    def open_journal(self, *, read_only: bool = False, create: bool = True) -> Journal:
        """The journal, for one thread; made where there is none, unless told not to. Raises a one-line ``JournalError``."""
        from console.journal.store import Journal

        return Journal.open(
            self.paths.database,
            actor=self.actor,
            origin=self.origin,
            clock=self.clock,
            read_only=read_only or self.read_only,
            create=create and not self.read_only,
            file_mode=self.config.file_mode,
            busy_s=_BUSY_S,
        )


def deps_from(start: Start) -> Deps:
    """Read the configuration and find everything. Raises ``ConfigError`` or ``Fail``, one line each."""
    from console.commands.context import Context, Options, here

    context = Context(
        Options(
            config=start.config,
            db=start.db,
            actor=start.actor,
            read_only=start.read_only,
            runbooks=start.runbooks,
            packs=start.packs,
            link=start.link,
        )
    )
    return Deps(
        config=context.config,
        config_file=context.config_file,
        paths=context.paths,
        runbook_paths=tuple(context.runbook_paths),
        clock=context.clock,
        actor=context.actor,
        origin=here("console"),
        read_only=start.read_only,
        link=context.link,
    )


MakeDeps = Callable[[], Deps]
