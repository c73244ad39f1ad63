"""Half-typed lines, saved as they are typed: a small mutable 0600 file beside the journal. Never for secrets.

It is not part of the record: it may be thrown away, and it survives a killed console.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from console.journal import place
from console.journal.errors import translate


class Drafts:
    """Texts by key (``"scribe:1000"``); use from one thread at a time."""

    def __init__(self, path: Path, file_mode: int = 0o600) -> None:
        """*file_mode* is that of the database beside it: it says who shares the folder. The drafts are their owner's alone."""
        self._path = path
        try:
            if not place.check(path):
                place.make_folder(path.parent, file_mode)
                fresh = place.blank(path, 0o600)
                with_tables = sqlite3.connect(fresh, isolation_level=None)
                with_tables.execute(
                    "CREATE TABLE drafts (key TEXT PRIMARY KEY NOT NULL, text TEXT NOT NULL, saved_at REAL NOT NULL) STRICT"
                )
                with_tables.close()
                place.settle(fresh, path)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=0.5, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = TRUNCATE")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("PRAGMA secure_delete = ON")
            self._db.execute("SELECT count(*) FROM drafts").fetchone()
        except sqlite3.Error as error:
            raise translate(error, path) from None

    def put(self, key: str, text: str) -> None:
        """Keep *text*; an empty one clears it. Raises :class:`JournalError` when it can't be kept."""
        try:
            if text:
                self._db.execute(
                    "INSERT INTO drafts (key, text, saved_at) VALUES (?, ?, ?) "
                    "ON CONFLICT (key) DO UPDATE SET text = excluded.text, saved_at = excluded.saved_at",
                    (key, text.encode("utf-8", "replace").decode(), time.time()),
                )
            else:
                self._db.execute("DELETE FROM drafts WHERE key = ?", (key,))
        except sqlite3.Error as error:
            raise translate(error, self._path) from None

    def get(self, key: str) -> str:
        """The text kept under *key*; "" if there is none."""
        try:
            row = self._db.execute("SELECT text FROM drafts WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error as error:
            raise translate(error, self._path) from None
        return str(row[0]) if row else ""

    def keys(self, prefix: str) -> list[str]:
        """The keys that begin with *prefix*, oldest first."""
        rows = self._db.execute(
            "SELECT key FROM drafts WHERE substr(key, 1, ?) = ? ORDER BY saved_at", (len(prefix), prefix)
        ).fetchall()
        return [str(row[0]) for row in rows]

    def clear(self, key: str) -> None:
        """Forget *key*."""
        self.put(key, "")

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
