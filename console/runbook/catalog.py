"""Every runbook at hand as a card and an index of words (SQLite's FTS5), kept between starts: finding one of thousands reads none.

It holds what finding needs and nothing that could run: whoever opens a runbook gets it from its file. A file is known by its
path, size, times, inode, and the version of the reader.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from math import log
from pathlib import Path
from typing import Final

import msgspec

from console.runbook.lexicon import fold
from console.runbook.ranking import Alert, Card, Texts, Wanted, certain, likely, spaced
from console.runbook.spelling import near, scattered

_SCHEMA: Final = """
CREATE TABLE file (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, stamp TEXT NOT NULL, problem TEXT NOT NULL, seen INTEGER NOT NULL);
CREATE TABLE card (id INTEGER PRIMARY KEY AUTOINCREMENT, file INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX card_file ON card (file);
CREATE VIRTUAL TABLE words USING fts5(title, names, symptoms, body, tokenize = "unicode61 remove_diacritics 0", prefix = '1 2 3');
CREATE VIRTUAL TABLE vocabulary USING fts5vocab(words, 'row');
"""
_VERSION: Final = 2
_ORDER: Final = "bm25(words, 10.0, 8.0, 6.0, 2.0)"
_CANDIDATES: Final = 300
_WIDER: Final = 60
"""How many known words a part of a word may stand for."""
_MANY: Final = 1000
"""So many runbooks that hold a word are told apart by more than their text."""

Stamps = Mapping[str, str]
"""Path of each file at hand, as it is shown, in the library's order → what it was when it was looked at."""

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Card)


def _either(*asked: str) -> str:
    """What FTS5 is asked for any of these; "" for none."""
    some = [one for one in asked if one]
    return some[0] if len(some) == 1 else f"({' OR '.join(some)})" if some else ""


class Catalog:
    """One connection, for one thread at a time. Raises ``sqlite3.Error``: a cache may always be thrown away."""

    def __init__(self, path: Path | None = None) -> None:
        """Over the file *path*, made where it is missing; in memory without one."""
        self._db = sqlite3.connect(
            str(path) if path is not None else ":memory:", timeout=3.0, isolation_level=None, check_same_thread=False
        )
        try:
            self._db.execute("PRAGMA synchronous = OFF")
            self._db.execute("PRAGMA trusted_schema = OFF")
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version != _VERSION:
                self._make(version)
        except BaseException:
            self._db.close()
            raise
        self._stamps: dict[str, str] = {}
        self._cards: dict[int, Card] = {}
        self._last = 0
        self._known: tuple[list[str], dict[str, int]] | None = None  # the vocabulary in order; in how many runbooks
        self._titles: tuple[list[int], str] | None = None  # the cards by title; their folded titles, a line each
        self.problems: tuple[str, ...] = ()

    def _make(self, version: int) -> None:
        if version:
            raise sqlite3.DatabaseError(f"a catalog of version {version}")
        self._db.execute("BEGIN IMMEDIATE")
        if self._db.execute("PRAGMA user_version").fetchone()[0] != _VERSION:  # another one made it meanwhile
            for statement in _SCHEMA.strip().split(";\n"):
                self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {_VERSION}")
        self._db.execute("COMMIT")

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    # ── what is in it ───────────────────────────────────────────────────────────────────────────────────────────

    def put(self, files: Iterable[tuple[str, str, str, Sequence[tuple[Card, Texts]]]], day: int = 0) -> None:
        """Take in files: path, stamp, what is wrong with it, its runbooks. *day* is when they were seen, for :meth:`prune`.

        What another process has taken in meanwhile stays: whoever has looked since knows its rows.
        """
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            for path, stamp, problem, runbooks in files:
                if db.execute("SELECT 1 FROM file WHERE path = ? AND stamp = ?", (path, stamp)).fetchone():
                    continue
                self._drop("path = ?", (path,))
                file = db.execute(
                    "INSERT INTO file (path, stamp, problem, seen) VALUES (?, ?, ?, ?)", (path, stamp, problem, day)
                ).lastrowid
                for card, texts in runbooks:
                    row = db.execute(
                        "INSERT INTO card (file, data) VALUES (?, ?)", (file, _ENCODER.encode(card))
                    ).lastrowid
                    db.execute(
                        "INSERT INTO words (rowid, title, names, symptoms, body) VALUES (?, ?, ?, ?, ?)",
                        (row, texts.title, texts.names, texts.symptoms, texts.body),
                    )
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")

    def _drop(self, where: str, given: tuple[object, ...]) -> None:
        rows = self._db.execute(f"SELECT id FROM file WHERE {where}", given).fetchall()  # noqa: S608 - ours
        for (file,) in rows:
            for (card,) in self._db.execute("SELECT id FROM card WHERE file = ?", (file,)).fetchall():
                self._db.execute("DELETE FROM words WHERE rowid = ?", (card,))
            self._db.execute("DELETE FROM card WHERE file = ?", (file,))
            self._db.execute("DELETE FROM file WHERE id = ?", (file,))

    def prune(self, stamps: Stamps, day: int, *, keep_days: int, most_bytes: int) -> None:
        """Note that *stamps* are in use; forget what nobody used for *keep_days*, or all the rest above *most_bytes*."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany("UPDATE file SET seen = ? WHERE path = ?", [(day, path) for path in stamps])
            pages, size = (self._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
            self._drop("seen < ?", (day if pages * size > most_bytes else day - keep_days,))
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        free = self._db.execute("PRAGMA freelist_count").fetchone()[0]
        if free * 2 > pages:
            self._db.execute("VACUUM")

    # ── what is at hand ─────────────────────────────────────────────────────────────────────────────────────────

    def stock(self, stamps: Stamps) -> list[str]:
        """From here on the files at hand are these; those that are not known, or not as they are now, are returned."""
        self._stamps = dict(stamps)
        self._cards, self._last = {}, 0
        return self.more()

    def more(self) -> list[str]:
        """Take up what was put in since, by whichever process; what is still missing, in the library's order."""
        rows = self._db.execute("SELECT id, path, stamp, problem FROM file").fetchall()
        here = {file: path for file, path, stamp, _ in rows if self._stamps.get(path) == stamp}
        added = self._db.execute("SELECT id, file, data FROM card WHERE id > ? ORDER BY id", (self._last,)).fetchall()
        for row, file, data in added:
            self._last = max(self._last, row)
            if file in here:
                self._cards[row] = _DECODER.decode(data)
        self._known = self._titles = None
        self.problems = tuple(problem for file, _, _, problem in rows if problem and file in here)
        self._vocabulary()
        self._by_title()
        known = set(here.values())
        return [path for path in self._stamps if path not in known]

    @property
    def count(self) -> int:
        """How many runbooks are at hand, pages aside."""
        return sum(not card.page for card in self._cards.values())

    def cards(self, pages: bool = False) -> list[Card]:
        """All of them, by title; pages only when asked for."""
        return [self._cards[row] for row in self._by_title() if pages or not self._cards[row].page]

    def _by_title(self) -> list[int]:
        """Every card, by title."""
        if self._titles is None:
            order = sorted(self._cards, key=self._place)
            self._titles = (
                order,
                "\n".join(f"{fold(self._cards[row].title)} {self._cards[row].stem}" for row in order),
            )
        return self._titles[0]

    def _place(self, row: int) -> tuple[bool, str, str]:
        """People's own before those that ship."""
        card = self._cards[row]
        return card.path.startswith("shipped/"), card.title.casefold(), card.path

    def _vocabulary(self) -> tuple[list[str], dict[str, int]]:
        if self._known is None:
            counts = dict(self._db.execute("SELECT term, doc FROM vocabulary").fetchall())
            self._known = (sorted(counts), counts)
        return self._known

    # ── searching ───────────────────────────────────────────────────────────────────────────────────────────────

    def search(self, words: str, pages: bool = False) -> list[Card]:
        """The runbooks that hold every word (case and accents aside; the beginning of a word will do), best first: then
        those that hold it inside a word, and where a word is nowhere, those with one that it is a slip of. Where that finds
        nothing, the titles that hold the letters in this order. No words: all, by title."""
        wanted = spaced(words).split()
        if not wanted:
            return self.cards(pages)
        if len(wanted) == 1 and len(wanted[0]) == 1:  # most of them: by title will do
            hit = set(self._match(self._beginning(wanted[0]), ranked=False))
            return [self._cards[row] for row in self._by_title() if row in hit and (pages or not self._cards[row].page)]
        narrow = [self._beginning(word) for word in wanted]
        found = self._best(" AND ".join(narrow)) if all(narrow) else []
        wider = [self._inside(word, bool(beginning)) for word, beginning in zip(wanted, narrow, strict=True)]
        wide = wider  # of one word, those that it begins are found already
        if len(wanted) > 1:
            wide = [_either(beginning, more) for beginning, more in zip(narrow, wider, strict=True)]
        if any(wider) and all(wide):
            first = set(found)
            found += [row for row in self._best(" AND ".join(wide)) if row not in first]
        if not found:
            found = self._scattered("".join(wanted))
        return [self._cards[row] for row in found if pages or not self._cards[row].page]

    def _beginning(self, word: str) -> str:
        """What FTS5 is asked for a word: where it begins one; "" when it begins none."""
        known, _ = self._vocabulary()
        at = bisect_left(known, word)
        if at >= len(known) or not known[at].startswith(word):
            return ""
        return f'"{word}"*' if len(word) > 1 else f'{{title names}} : "{word}"*'

    def _inside(self, word: str, begins: bool) -> str:
        """What FTS5 is asked for the words that hold *word* inside; where it *begins* none either, for those it is a slip
        of; "" for none."""
        if len(word) < 3:
            return ""
        known, _ = self._vocabulary()
        inside = [one for one in known if word in one and not one.startswith(word)][:_WIDER]
        if not inside and not begins:
            inside = near(word, known)
        return _either(*(f'"{one}"' for one in inside))

    def _best(self, query: str) -> list[int]:
        """What matches, best first. Of very many, those that match by more than their text; the others by title: a word that
        thousands hold says nothing about one of them, and weighing them would take longer than a key may."""
        hit = set(self._match(query, ranked=False))
        if len(hit) < _MANY:
            return self._match(query)
        first = self._match(f"{{title names symptoms}} : ({query})")
        hit.difference_update(first)
        return [*first, *(row for row in self._by_title() if row in hit)]

    def _match(self, query: str, limit: int = -1, *, ranked: bool = True) -> list[int]:
        if not query:
            return []
        order = f"ORDER BY {_ORDER}" if ranked else ""
        rows = self._db.execute(
            f"SELECT rowid FROM words WHERE words MATCH ? {order} LIMIT ?",  # noqa: S608 - a constant
            (query, limit),
        )
        return [row for (row,) in rows.fetchall() if row in self._cards]

    def _scattered(self, letters: str) -> list[int]:
        order = self._by_title()
        text = self._titles[1] if self._titles is not None else ""
        if len(letters) < 3 or len(letters) > 40:
            return []
        pattern = scattered(letters)
        found: list[tuple[int, int]] = []
        for at, line in enumerate(text.split("\n")):
            hit = pattern.search(line)
            if hit is not None:
                found.append((hit.end() - hit.start(), order[at]))
        found.sort(key=lambda pair: pair[0])
        return [row for _, row in found]

    # ── for an alert ────────────────────────────────────────────────────────────────────────────────────────────

    def rank(self, alert: Alert, limit: int = 10) -> list[tuple[Card, float, str]]:
        """The runbooks for *alert*, best first, each with a score from 0 to 100 and the reason in words."""
        wanted = Wanted(alert)
        found: dict[int, tuple[float, str]] = {}
        for row, card in self._cards.items():
            score, reason = certain(wanted, card)
            if score > 0 and not card.page:
                found[row] = (score, reason)
        _, counts = self._vocabulary()
        held = sorted((word for word in wanted.words if word in counts), key=lambda word: (counts[word], word))[:40]
        if held and len(found) < limit:
            total = len(self._cards)

            def weight(word: str) -> float:
                return log(1 + (total + 1) / (counts.get(word, 0) + 0.5))

            rows = self._match(" OR ".join(f'"{word}"' for word in held), _CANDIDATES)
            for row, texts in self._texts([row for row in rows if row not in found]):
                card = self._cards[row]
                if card.match or card.page:
                    continue  # one that declares what it is for matches by that alone
                score, reason = likely(wanted, texts, weight)
                if score > 0:
                    found[row] = (score, reason)
        order = sorted(found, key=lambda row: (-found[row][0], self._cards[row].title.casefold()))[:limit]
        return [(self._cards[row], round(found[row][0], 1), found[row][1]) for row in order]

    def _texts(self, rows: Sequence[int]) -> list[tuple[int, Texts]]:
        marks = ",".join("?" * len(rows))
        found = self._db.execute(
            f"SELECT rowid, title, names, symptoms, body FROM words WHERE rowid IN ({marks})",  # noqa: S608 - marks
            list(rows),
        )
        return [(row, Texts(*texts)) for row, *texts in found.fetchall()]
