"""``sqlite``: what a query of a SQLite database gives. Reads only: the file, its folder and its journal stay as they are."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from msgspec import Struct

from console.snapshot import DEGRADED, DOWN, OK, UNKNOWN
from console.watch.probing import ProbeError, Reading, Tools

PLACEHOLDERS: Final = frozenset(("VALUE", "ROW", "ROWS"))
CONDITIONS: Final = ()
_MOST_ROWS: Final = 10_000
_STEPS: Final = 10_000  # of SQLite's machine between two looks at whether to go on
_TEXT: Final = 100  # characters of a value in the detail
_ROWS_SHOWN: Final = 20
_READING: Final = frozenset(
    (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)
)


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of a ``sqlite`` check: limits on the first value of the first row."""

    path: str
    query: str
    warn: float | None = None
    fail: float | None = None
    immutable: bool = False  # nobody writes to it: a copy, a read-only medium; no lock is taken

    def __post_init__(self) -> None:
        if not self.path or not self.query.strip():
            raise ValueError("expected a path and a query")


class Probe:
    """Opens the file anew each time, so that one that was replaced is the one that counts."""

    host = ""

    def __init__(self, options: Options, wanted: frozenset[str]) -> None:
        self._options = options

    async def measure(self, tools: Tools) -> Reading:
        path, enough = tools.path(self._options.path), threading.Event()
        try:
            rows, columns = await tools.blocking(lambda: _ask(path, self._options, enough))
        except asyncio.CancelledError:
            enough.set()  # the query ends too
            raise
        except sqlite3.Error as error:
            return Reading(state=_blame(error), detail=_words(path, error))
        value = rows[0][0] if rows else None
        row = dict(zip(columns, map(_plain, rows[0]), strict=True)) if rows else {}
        number = float(value) if isinstance(value, int | float) else None
        shown = "no row" if not rows else str(_plain(value))[:_TEXT]
        more = f" and {len(rows) - 1} more rows" if len(rows) > 1 else ""
        values: dict[str, object] = {"ROW": row, "ROWS": len(rows)}
        if rows:
            values["VALUE"] = _plain(value)
        state = OK
        if number is None and (self._options.warn is not None or self._options.fail is not None):
            return Reading(state=UNKNOWN, detail=f"expected a number, got {shown}", got=_table(columns, rows))
        if number is not None:
            state = _graded(number, self._options.warn, self._options.fail)
        detail = f"{', '.join(columns[:1])} {shown}{more}"
        return Reading(state=state, detail=detail, values=values, value=number, got=_table(columns, rows))


def _graded(value: float, warn: float | None, fail: float | None) -> str:
    if fail is not None and value >= fail:
        return DOWN
    return DEGRADED if warn is not None and value >= warn else OK


def _ask(path: Path, options: Options, enough: threading.Event) -> tuple[list[tuple[Any, ...]], list[str]]:
    if not path.exists():
        raise ProbeError(f"{path}: no such database")
    uri = f"file:{quote(str(path.absolute()))}?mode=ro" + ("&immutable=1" if options.immutable else "")
    database = sqlite3.connect(uri, uri=True, timeout=1.0, check_same_thread=False)
    try:
        database.execute("PRAGMA query_only = ON")
        database.set_progress_handler(enough.is_set, _STEPS)
        # a query may neither attach another file nor load code
        database.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY)
        cursor = database.execute(options.query)
        rows = cursor.fetchmany(_MOST_ROWS)
        return rows, [str(one[0]) for one in cursor.description or ()]
    finally:
        database.close()


def _table(columns: list[str], rows: list[tuple[Any, ...]]) -> str:
    """The first rows, one on each line, under the names of their columns."""
    lines = [" | ".join(str(_plain(value))[:_TEXT] for value in row) for row in rows[:_ROWS_SHOWN]]
    return "\n".join([" | ".join(columns), *lines]) if lines else ""


def _plain(value: Any) -> Any:
    return f"{len(value)} bytes" if isinstance(value, bytes) else value


def _blame(error: sqlite3.Error) -> str:
    """A damaged database is DOWN; everything else is that we could not measure."""
    name = getattr(error, "sqlite_errorname", "")
    return DOWN if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) else UNKNOWN


def _words(path: Path, error: sqlite3.Error) -> str:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith("SQLITE_CORRUPT"):
        return f"{path.name} is damaged: {error}"
    if name == "SQLITE_NOTADB":
        return f"{path.name} is not a SQLite database"
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return f"{path.name} is locked by a writer"
    if name == "SQLITE_AUTH":
        return f"the query does more than read: {error}"
    if name == "SQLITE_CANTOPEN":
        return f"{path.name} can't be opened here"
    return f"the query failed: {error}"
