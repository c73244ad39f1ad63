"""What a watch is made of, out of the files that the operator writes; made anew when they change, or when asked to.

A new configuration that is wrong changes nothing: the old one stays in force, and :attr:`Reloading.problem` says why.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from console.commands.context import Context
    from console.config import Config
    from console.watch.leading import MakeFeed
    from console.watch.plan import Plan

Seen = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True)
class Recipe:
    """What follows from the files."""

    plan: Plan
    make_feed: MakeFeed | None
    config_hash: str
    keep_s: float  # how long the watch's record is kept
    config: Config
    source: Path | None  # the file that it was read from
    digest: str  # tells whether anything in them changed


def recipe_of(ctx: Context) -> Recipe:
    """Read everything. Raises ``ConfigError``: one line."""
    from console.alerts.feeds import feed_of, rule_files
    from console.watch.plan import plan_of

    config, source = ctx.config, ctx.config_file
    rules = rule_files(config, source)
    digest = hashlib.sha256(config.hash().encode())
    for path in rules:
        try:
            digest.update(path.read_bytes())
        except OSError:
            pass  # reading the rules says so
    return Recipe(
        plan=plan_of(config, source, ctx.paths.beats),
        make_feed=feed_of(config, source, ctx.clock),
        config_hash=config.hash(),
        keep_s=float(config.watch_keep),
        config=config,
        source=source,
        digest=digest.hexdigest(),
    )


class Reloading:
    """The recipe in force, and the files behind it. *make* gives a context that has read nothing yet."""

    def __init__(self, make: Callable[[], Context]) -> None:
        self._make = make
        first = make()
        self._database = first.paths.database
        self.recipe = recipe_of(first)
        self.problem = ""  # one line; "" when the files say what is in force
        self._seen = self._before = self._look()

    def changed(self) -> bool:
        """Whether the files are others than those that were read, and have been left alone since the last call."""
        now = self._look()
        settled, self._before = now == self._before, now
        return settled and now != self._seen

    def reload(self) -> bool:
        """Read the files again. Returns whether there is a new recipe; if not, :attr:`problem` may say why."""
        from console.config import ConfigError
        from console.safe_yaml import YamlError

        self._seen = self._before = self._look()
        ctx = self._make()
        try:
            if self.recipe.source is not None and not self.recipe.source.exists():
                raise ConfigError(f"{self.recipe.source}: gone")
            found = recipe_of(ctx)
            if ctx.paths.database != self._database:
                raise ConfigError(f"{ctx.config_file}: database: another one needs a restart of the watch")
        except (ConfigError, YamlError, OSError) as error:
            self.problem = f"the old configuration is in force: {error}"
            return False
        self.problem = ""
        if found.digest == self.recipe.digest:
            return False
        self.recipe = found
        self._seen = self._before = self._look()
        return True

    def _look(self) -> Seen:
        found = []
        for path in self._files():
            try:
                stat = path.stat()
                found.append((str(path), stat.st_mtime_ns, stat.st_size, stat.st_ino))
            except OSError:
                found.append((str(path), 0, 0, 0))
        return tuple(found)

    def _files(self) -> tuple[Path, ...]:
        from console.alerts.feeds import rule_files
        from console.config import default_config_files

        rules = rule_files(self.recipe.config, self.recipe.source)
        return (*default_config_files(), *rules) if self.recipe.source is None else (self.recipe.source, *rules)
