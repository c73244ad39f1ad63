"""From runbook files to the catalog: which files there are, reading those that it does not know, here or in a process apart.

Reading a file takes up to a hundredth of a second of a whole processor; thousands of them are read by a process of their own,
which this module is when it is run, after everything else on the host. One at a time reads for all consoles of a user.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from console.runbook import lexicon
from console.runbook.catalog import Catalog
from console.runbook.lexicon import fold
from console.runbook.library import SHIPPED, FileProblem, files_in, read_known, shipped_files, use_lexicons
from console.runbook.model import Document, Problem, Runbook
from console.runbook.ranking import Card, Texts, describe

FEW: Final = 24
"""Files that are read at once, in the caller's thread; for more a process is worth its start."""
_BATCH_S: Final = 0.3
_KEEP_DAYS: Final = 30
_MOST_BYTES: Final = 256_000_000
_DAY_S: Final = 86400


def place(environ: Sequence[tuple[str, str]] | None = None) -> Path | None:
    """Where the catalog is kept, made for this user alone; None where that can't be."""
    found = dict(environ if environ is not None else os.environ.items())
    home = found.get("HOME", "")
    cache = found.get("XDG_CACHE_HOME") or (f"{home}/.cache" if home.startswith("/") else "")
    if not cache.startswith("/"):
        return None
    folder = Path(cache) / "vigie"
    path = folder / "runbooks-2.db"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
    try:
        status = os.fstat(handle)
        if status.st_uid != os.geteuid():
            return None
        if status.st_mode & 0o077:
            os.fchmod(handle, 0o600)
    except OSError:
        return None
    finally:
        os.close(handle)
    return path


def open_catalog(path: Path) -> Catalog:
    """The catalog kept at *path*, begun anew where the file is damaged. Raises ``sqlite3.Error`` and ``OSError``."""
    try:
        return Catalog(path)
    except sqlite3.OperationalError:  # no room, or locked for seconds
        raise
    except sqlite3.DatabaseError:
        for name in (path, path.with_name(path.name + "-journal")):
            name.unlink(missing_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        return Catalog(path)


# ── which files there are ───────────────────────────────────────────────────────────────────────────────────────────


def reader() -> str:
    """The version of the code that reads runbooks: another one may read them differently."""
    folder = Path(__file__).parent
    files = sorted([*folder.glob("*.py"), *folder.glob("*.yaml")])
    state = [(file.name, status.st_size, status.st_mtime_ns) for file in files for status in (file.stat(),)]
    return hashlib.sha256(repr(state).encode()).hexdigest()[:16]


def scan(folders: Sequence[Path], shipped: bool = True) -> tuple[dict[str, str], dict[str, Path], tuple[str, ...]]:
    """The files at hand, in the library's order: what each is now, by the name it is shown under; where it is; and what was
    wrong with folders."""
    problems: list[FileProblem] = use_lexicons(folders)
    version = hashlib.sha256(f"{reader()}{lexicon.signature()}".encode()).hexdigest()[:16]
    stamps: dict[str, str] = {}
    where: dict[str, Path] = {}
    named: list[tuple[str, Path]] = []
    for folder in folders:
        if folder.exists():
            named += [(str(path), path) for path in files_in(folder, problems)]
        else:
            problems.append(FileProblem(str(folder), Problem(0, "error", "R001", "no such folder of runbooks")))
    if shipped:
        named += [(f"{SHIPPED}/{path.name}", path) for path in shipped_files()]
    for name, path in named:
        try:
            status = path.stat()
        except OSError as error:
            problems.append(FileProblem(name, Problem(0, "error", "R001", error.strerror or "can't be read")))
            continue
        stamps[name] = f"{version}:{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}:{status.st_ino}"
        where[name] = path
    return stamps, where, tuple(str(one) for one in problems if one.problem.level == "error")


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def read(
    catalog: Catalog,
    stamps: dict[str, str],
    where: dict[str, Path],
    missing: Sequence[str],
    wanted: Callable[[], bool] = lambda: True,
) -> None:
    """Read *missing* into the catalog, what was read every third of a second; ends early once *wanted* is false."""
    day = int(time.time()) // _DAY_S
    batch: list[tuple[str, str, str, list[tuple[Card, Texts]]]] = []
    begun = time.monotonic()
    for name in missing:
        document = read_known(where[name], name)
        batch.append((name, stamps[name], _problem(document), list(map(describe, document.runbooks, range(10**6)))))
        if time.monotonic() - begun > _BATCH_S:
            catalog.put(batch, day)
            batch, begun = [], time.monotonic()
            if not wanted():
                return
    catalog.put(batch, day)
    catalog.prune(stamps, day, keep_days=_KEEP_DAYS, most_bytes=_MOST_BYTES)


def _problem(document: Document) -> str:
    errors = [str(FileProblem(document.path, one)) for one in document.problems if one.level == "error"]
    return errors[0] if errors else ""


def nearest_first(missing: Sequence[str], words: Sequence[str]) -> list[str]:
    """*missing*, those first whose file's name is, or holds, one of *words*: what an alert is about is read first."""
    wanted = [word for word in (fold(one) for one in words) if len(word) > 2]

    def apart(name: str) -> int:
        stem = fold(name.rsplit("/", 1)[-1].split(".", 1)[0])
        return 0 if stem in wanted else 1 if any(word in stem for word in wanted) else 2

    return sorted(missing, key=apart)


def find_runbook(name: str, folders: Sequence[Path]) -> Runbook | None:
    """The runbook with steps that has this id, title or file name, by the catalog; files that it does not know are read,
    those of that name first."""
    kept = place()
    try:
        catalog = open_catalog(kept) if kept is not None else Catalog()
    except (sqlite3.Error, OSError):
        catalog = Catalog()
    stamps, where, _ = scan(folders)
    wanted = fold(name)
    try:
        missing = nearest_first(catalog.stock(stamps), [name])
        close = [path for path in missing if wanted in fold(path)]
        for batch in (close, [path for path in missing if path not in close], None):
            for card in catalog.cards():
                if (card.id == name or wanted == card.stem or wanted in card.names) and card.steps:
                    return open_card(card, where)
            if batch:
                read(catalog, stamps, where, batch)
                catalog.more()
    finally:
        catalog.close()
    return None


def open_card(card: Card, where: Mapping[str, Path]) -> Runbook | None:
    """The runbook of *card*, from its file as it is now; None when it is not there any more."""
    path = where.get(card.path)
    found = read_known(path, card.path).runbooks if path is not None else ()
    same = [book for book in found if book.id == card.id]
    if len(same) == 1:
        return same[0]
    return found[card.number] if card.number < len(found) and found[card.number].id == card.id else None


class Apart:
    """The process that reads. It ends with its console; what it has read stays read."""

    def __init__(self, database: Path, folders: Sequence[Path], first: Sequence[str] = ()) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-m", "console.runbook.stocking"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # ctrl-C and ctrl-Z are the console's
        )
        asked = {"database": str(database), "folders": [str(folder) for folder in folders], "first": list(first)}
        pipe = self._child.stdin
        if pipe is not None:
            try:
                pipe.write(json.dumps(asked).encode())
                pipe.close()
            except BrokenPipeError:
                pass

    @property
    def runs(self) -> bool:
        """Whether it still reads."""
        return self._child.poll() is None

    def stop(self) -> None:
        """End it."""
        self._child.kill()
        self._child.wait()


def main() -> int:
    """Read what stdin names into the catalog."""
    import fcntl

    os.nice(10)  # after the keys, the checks, and the commands
    asked = json.load(sys.stdin)
    database = Path(asked["database"])
    parent = os.getppid()
    with database.with_name(database.name + ".lock").open("a") as lock:
        os.fchmod(lock.fileno(), 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)  # another console's may be reading the same files
        stamps, where, _ = scan([Path(folder) for folder in asked["folders"]])
        catalog = Catalog(database)
        try:
            missing = nearest_first(catalog.stock(stamps), asked["first"])
            read(catalog, stamps, where, missing, lambda: os.getppid() == parent)
        finally:
            catalog.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
