"""The runbooks at hand for commands that list, count or look one up: by the catalog, so that no file it knows is read again."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from console.runbook import stocking
from console.runbook.catalog import Catalog
from console.runbook.lexicon import fold
from console.runbook.library import unique_id
from console.runbook.model import Runbook
from console.runbook.ranking import Card


@dataclass(frozen=True)
class AtHand:
    """All of them, in the order of the folders, the shipped ones last; ids are unique among them, as in a library."""

    cards: Mapping[str, Card]
    """By id."""
    problems: tuple[str, ...]
    _catalog: Catalog
    _where: Mapping[str, Path]

    def search(self, words: str, pages: bool = False) -> list[tuple[str, Card]]:
        """Those that hold every word, best first, each with its id. No words: all, in order."""
        if not words.strip():
            return [(name, card) for name, card in self.cards.items() if pages or not card.page]
        ids = {card.key: name for name, card in self.cards.items()}
        return [(ids[card.key], card) for card in self._catalog.search(words, pages) if card.key in ids]

    def get(self, name: str) -> Runbook | None:
        """The runbook with this id or title, or with an id that only one runbook's starts with; read from its file."""
        folded = fold(name)
        found = self.cards.get(name)
        if found is None and folded:
            every = self.cards.items()
            same = [card for one, card in every if folded in (fold(card.title), fold(one))]
            close = [card for one, card in every if fold(one).startswith(folded) and not card.page]
            found = same[0] if same else close[0] if len(close) == 1 else None
        return stocking.open_card(found, self._where) if found is not None else None


def at_hand(folders: Sequence[Path]) -> AtHand:
    """What is in *folders* now. What the catalog does not know is read, and known from then on."""
    try:
        return _look(folders, stocking.place())
    except (sqlite3.Error, OSError):  # full, locked for seconds, damaged: it is a cache, one in memory will do
        return _look(folders, None)


def _look(folders: Sequence[Path], place: Path | None) -> AtHand:
    catalog = stocking.open_catalog(place) if place is not None else Catalog()
    stamps, where, problems = stocking.scan(folders)
    missing = catalog.stock(stamps)
    if missing:
        stocking.read(catalog, stamps, where, missing)
        catalog.more()
    order = {path: at for at, path in enumerate(stamps)}
    cards: dict[str, Card] = {}
    taken: set[str] = set()
    for card in sorted(catalog.cards(pages=True), key=lambda card: (order[card.path], card.number)):
        cards[unique_id(card.id, card.path, taken)] = card
    return AtHand(cards, (*problems, *catalog.problems), catalog, where)
