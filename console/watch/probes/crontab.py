"""``crontab``: whether an entry stands in a crontab, so that a job that was lost with a host is missed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final

from msgspec import Meta, Struct

from console.snapshot import DOWN
from console.watch.probing import ProbeError, Reading, Tools
from console.watch.running import run

PLACEHOLDERS: Final = frozenset(("COUNT", "SCHEDULE"))
CONDITIONS: Final = ()
_SYSTEM: Final = ("/etc/crontab", "/etc/cron.d")
_SETTING: Final = re.compile(r"\s*[A-Za-z_][A-Za-z0-9_]*\s*=")
_MOST: Final = 1_000_000  # bytes of a crontab


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of a ``crontab`` check. It looks at one place: a user's crontab, a file or folder, or the system's own."""

    pattern: str  # a regular expression, searched in the command
    schedule: str = ""  # "15 2 * * *": that it must have
    user: str = ""  # whose `crontab -l`; "-" = the watch's own
    file: str = ""  # or a file of entries without a user, such as one in /var/spool/cron
    min_count: Annotated[int, Meta(ge=0)] = 1

    def __post_init__(self) -> None:
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise ValueError(f"pattern: not a regular expression: {error}") from None
        if self.user and self.file:
            raise ValueError("expected one of user and file")
        if self.user.startswith("-") and self.user != "-":
            raise ValueError(f"user: expected a user, got {self.user!r}")


class Probe:
    """Reads entries; comments and settings are none."""

    host = ""

    def __init__(self, options: Options, wanted: frozenset[str]) -> None:
        self._options = options
        self._pattern = re.compile(options.pattern)

    async def measure(self, tools: Tools) -> Reading:
        options = self._options
        if options.user:
            entries = _entries(await self._listed(), named=False)
        elif options.file:
            path = tools.path(options.file)
            entries = _entries(await tools.blocking(lambda: _text(path)), named=False)
        else:
            entries = _entries(await tools.blocking(_of_system), named=True)
        found = [schedule for schedule, command in entries if self._pattern.search(command)]
        wanted = " ".join(options.schedule.split())
        right = [one for one in found if not wanted or one == wanted]
        values: dict[str, object] = {"COUNT": len(right), "SCHEDULE": found[0] if found else ""}
        if len(right) >= options.min_count:
            return Reading(detail=f"there, {', '.join(sorted(set(right)))}" if right else "none there", values=values)
        words = f"no entry with {options.pattern}"
        if found and wanted:
            words = f"there at {', '.join(sorted(set(found)))}, expected {wanted}"
        elif right:
            words = f"{len(right)} entries, expected at least {options.min_count}"
        return Reading(state=DOWN, detail=words, values=values)

    async def _listed(self) -> str:
        who = [] if self._options.user == "-" else ["-u", self._options.user]
        done = await run(["crontab", *who, "-l"], environment={"LC_ALL": "C"})
        if done.code == 0:
            return done.output
        if "no crontab for" in done.errors:
            return ""
        said = done.errors.strip().splitlines()
        raise ProbeError(f"crontab: {said[0] if said else f'exit {done.code}'}")


def _entries(text: str, *, named: bool) -> list[tuple[str, str]]:
    """``(schedule, command)`` of each entry; *named*: a user stands between the two."""
    found = []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#") or _SETTING.match(line):
            continue
        count = 1 if line.lstrip().startswith("@") else 5
        words = line.split(None, count + named)
        if len(words) == count + named + 1:
            found.append((" ".join(words[:count]), words[-1]))
    return found


def _of_system() -> str:
    texts = []
    for name in _SYSTEM:
        path = Path(name)
        for one in sorted(path.iterdir()) if path.is_dir() else [path]:
            texts += [_text(one)] if one.is_file() and not one.name.startswith(".") else []
    return "\n".join(texts)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MOST).decode("utf-8", "replace")
    except OSError as error:
        raise ProbeError(f"{path}: {(error.strerror or str(error)).lower()}") from None
