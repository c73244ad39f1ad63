"""The programs of the comparison: how each is started, what it shows when it is there, its keys. Missing ones are named.

Debian's come from the host or from .cache/servers, PyPI's from .cache/peers (``tests/tools/fetch_peers.sh``).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from tests.bench import _minimal, _naive
from tests.bench._link import NONE, Link
from tests.bench._peers import script
from tests.bench._tty import Meter
from tests.tools import servers

SIZE: Final = (120, 40)
VIGIE: Final = "Vigie"
MINIMAL: Final = "one Static"
NAIVE: Final = "naive Textual"
LINES: Final = 200_000  # of the log that lnav and toolong open

_DOWN: Final = ("down",) * 12 + ("up",) * 8
_JK: Final = ("j",) * 12 + ("k",) * 8


@dataclass(frozen=True)
class Program:
    """``start(link)`` runs it; ``live`` is a pattern of its first useful screen. No keys: it has none that compare."""

    name: str
    start: Callable[[Link], Meter]
    live: str
    cursor: tuple[str, ...] = ()
    page: tuple[str, ...] = ()
    rounds: int = 99  # of starts, at most


def programs(folder: Path) -> dict[str, Program]:
    """Every peer that is here, by name; files that they show are made in *folder*."""
    text, log = folder / "lines.txt", folder / "feeder.log"
    text.write_text("".join(f"line {n} of a file, {'word ' * 16}\n" for n in range(2000)))
    log.write_text("".join(_log_line(number) for number in range(LINES)))
    (folder / "requests").mkdir()
    found: list[Program | None] = [
        _own(folder, MINIMAL, Path(_minimal.__file__), "READY"),
        _own(folder, NAIVE, Path(_naive.__file__), "service-000", cursor=_DOWN, page=("pgdn",)),
        _debian(folder, "htop", ("-d", "15"), r"Mem\[", cursor=_DOWN),
        _debian(folder, "btop", ("--utf-force",), r"proc", cursor=_DOWN),
        _debian(folder, "less", (text,), r"line 1 of", cursor=_JK, page=("pgdn",)),
        _debian(folder, "vim", ("-n", "-i", "NONE", text), r"line 1 of", cursor=_JK, page=("ctrl+f",)),
        _debian(folder, "tig", (), r"commit 299", cursor=_JK, page=("pgdn",), cwd=_repository(folder)),
        _debian(folder, "lnav", (log,), rf"line {LINES - 1} ", cursor=("k", "j") * 8, page=("pgup",)),
        _pypi(folder, "glances", "glances", (), r"MEM"),
        _pypi(folder, "posting", "posting", ("--collection", folder / "requests"), r"Enter a URL", rounds=3),
        _pypi(folder, "harlequin", "harlequin", (), r"Query Editor", rounds=3),
        _pypi(folder, "toolong", "tl", (log,), rf"line {LINES - 1} ", rounds=3),
    ]
    return {one.name: one for one in found if one is not None}


def htop_over(folder: Path, pids: str) -> Program | None:
    """htop showing the processes *pids* and no others, in the order of their numbers, anew each second."""
    return _debian(folder, "htop", ("-d", "10", "-p", pids, "-s", "PID"), r"Mem\[")


def still_htop(folder: Path) -> Program | None:
    """htop that draws by itself only every ten seconds, so that what a key costs can be told."""
    return _debian(folder, "htop", ("-d", "100"), r"Mem\[", cursor=_DOWN)


def _log_line(number: int) -> str:
    minutes, seconds = divmod(number, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    stamp = f"2026-03-{days + 1:02d}T{hours:02d}:{minutes:02d}:{seconds:02d}Z"
    return f"{stamp} feeder[{number % 90}] INFO: line {number} stored, queue {number % 97}\n"


def _run(argv: Sequence[str | os.PathLike[str]], env: Mapping[str, str], cwd: Path | None, link: Link = NONE) -> Meter:
    return Meter(argv, size=SIZE, env=env, cwd=cwd, link=link)


def _own(
    folder: Path, name: str, module: Path, live: str, cursor: tuple[str, ...] = (), page: tuple[str, ...] = ()
) -> Program:
    start = partial(_run, [script(folder, module)], {"HOME": str(folder)}, folder)
    return Program(name, start, live, cursor, page)


def _debian(
    folder: Path,
    name: str,
    argv: Sequence[str | os.PathLike[str]],
    live: str,
    cursor: tuple[str, ...] = (),
    page: tuple[str, ...] = (),
    cwd: Path | None = None,
) -> Program | None:
    found = servers.find(name)
    if found is None:
        print(f"  {name}: not here (sh tests/tools/fetch_peers.sh), left out", flush=True)
        return None
    env = {"HOME": str(folder), "LESS": "", "LESSHISTFILE": "-", "LC_ALL": "C.UTF-8"}
    if servers.ROOT in found.parents:
        env |= {k: v for k, v in servers.environment().items() if k == "LD_LIBRARY_PATH"}
        unpacked = servers.ROOT / "usr/share/terminfo"
        env["TERMINFO_DIRS"] = f"/etc/terminfo:/lib/terminfo:/usr/share/terminfo:{unpacked}"
    return Program(name, partial(_run, [found, *argv], env, cwd or folder), live, cursor, page)


def _pypi(
    folder: Path, package: str, command: str, argv: Sequence[str | os.PathLike[str]], live: str, rounds: int = 99
) -> Program | None:
    found = servers.REPO / ".cache" / "peers" / package / "bin" / command
    if not os.access(found, os.X_OK):
        print(f"  {package}: not here (sh tests/tools/fetch_peers.sh), left out", flush=True)
        return None
    return Program(package, partial(_run, [found, *argv], {"HOME": str(folder)}, folder), live, rounds=rounds)


def _repository(folder: Path) -> Path:
    """A repository with 300 commits; an empty folder where there is no git."""
    place = folder / "repository"
    place.mkdir()
    stream = "".join(
        f"commit refs/heads/main\ncommitter Ann <ann@example.org> {1_770_000_000 + n * 600} +0000\n"
        f"data {len(f'commit {n}: the feeder')}\ncommit {n}: the feeder\n"
        for n in range(300)
    )
    try:
        subprocess.run(["git", "init", "-q", "-b", "main", place], check=True, capture_output=True)
        subprocess.run(["git", "-C", place, "fast-import", "--quiet"], input=stream.encode(), check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"  tig has nothing to show: {error}", flush=True)
    return place
