"""The runbooks that a console has at hand: its catalog, in a thread of its own, and the process that reads new files."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from screens.errands import RunbookFor

if TYPE_CHECKING:
    import tempfile
    from pathlib import Path

    from console.runbook.catalog import Catalog
    from console.runbook.model import Runbook
    from console.runbook.ranking import Card
    from console.runbook.stocking import Apart

T = TypeVar("T")


@dataclass(frozen=True)
class Stock:
    """How far the reading is: runbooks at hand, files, those not read yet; what is wrong; the widest title, in cells."""

    count: int = 0
    files: int = 0
    missing: int = 0
    problems: tuple[str, ...] = ()
    widest: int = 0


@dataclass(frozen=True)
class Found:
    """One answer: for which words and errand, the runbooks in order, and the reason of those that fit the errand."""

    words: str
    errand: RunbookFor | None
    cards: tuple[Card, ...] = ()
    why: Mapping[str, str] | None = None

    def reason(self, card: Card) -> str:
        """Why *card* stands where it does; "" for one that only is there."""
        return (self.why or {}).get(card.key, "")


def find(catalog: Catalog, words: str, errand: RunbookFor | None) -> Found:
    """The runbooks that hold *words*; for an *errand* those that fit it first."""
    from console.runbook.ranking import Alert

    held = catalog.search(words)
    if errand is None:
        return Found(words, errand, tuple(held))
    annotations = {**errand.annotations, **({"runbook": errand.named} if errand.named else {})}
    ranked = catalog.rank(Alert(errand.name, errand.labels, annotations, errand.annotations.get("summary", "")))
    why = {card.key: reason for card, _, reason in ranked}
    keys = {card.key for card in held}
    first = [card for card, _, _ in ranked if card.key in keys]
    return Found(words, errand, (*first, *(card for card in held if card.key not in why)), why)


class Shelf:
    """See the module. The coroutines are for the UI; whatever they need happens in the thread, in order."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="runbooks")
        self._catalog: Catalog | None = None
        self._database: Path | None = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._where: dict[str, Path] = {}
        self._folders: tuple[Path, ...] = ()
        self._first: tuple[str, ...] = ()
        self._problems: tuple[str, ...] = ()
        self._apart: Apart | None = None
        self._read_apart = 0  # processes since the last look at the folders

    async def load(self, folders: Sequence[Path], first: Sequence[str] = ()) -> Stock:
        """Look what there is now. A few new files are read at once; for more a process begins, and :meth:`more` goes on. Files
        whose names hold one of the words *first* are read first."""
        return await self._do(lambda: self._load(tuple(folders), tuple(first)))

    async def more(self) -> Stock:
        """Take up what was read since."""
        return await self._do(self._more)

    async def find(self, words: str, errand: RunbookFor | None) -> Found:
        """:func:`find` among those at hand."""
        return await self._do(
            lambda: find(self._catalog, words, errand) if self._catalog is not None else Found("", None)
        )

    async def open(self, card: Card) -> Runbook | None:
        """The runbook itself, from its file as it is now; None when it is not there any more."""
        return await self._do(lambda: self._open(card))

    def close(self) -> None:
        """Nothing goes on after this."""
        apart, self._apart = self._apart, None
        if apart is not None:
            apart.stop()
        self._thread.submit(self._close)
        self._thread.shutdown(wait=False)

    # ── in the thread ───────────────────────────────────────────────────────────────────────────────────────────

    async def _do(self, work: Callable[[], T]) -> T:
        import sqlite3

        def guarded() -> T:
            try:
                return work()
            except (sqlite3.Error, OSError):  # the file is full, gone or damaged: it is a cache, another one will do
                self._begin_again()
                return work()

        return await asyncio.get_running_loop().run_in_executor(self._thread, guarded)

    def _place(self) -> Path:
        import tempfile
        from pathlib import Path

        from console.runbook import stocking

        found = stocking.place() if self._scratch is None else None
        if found is None:
            self._scratch = self._scratch or tempfile.TemporaryDirectory(prefix="vigie-")
            found = Path(self._scratch.name) / "runbooks.db"
        return found

    def _load(self, folders: tuple[Path, ...], first: tuple[str, ...]) -> Stock:
        from console.runbook import stocking

        if self._catalog is None:
            self._database = self._place()
            self._catalog = stocking.open_catalog(self._database)
        self._folders, self._first, self._read_apart = folders, first, 0
        stamps, self._where, self._problems = stocking.scan(folders)
        missing = self._catalog.stock(stamps)
        if missing and len(missing) <= stocking.FEW:
            stocking.read(self._catalog, stamps, self._where, stocking.nearest_first(missing, first))
            missing = self._catalog.more()
        return self._stock(missing)

    def _more(self) -> Stock:
        return self._stock(self._catalog.more() if self._catalog is not None else [])

    def _stock(self, missing: Sequence[str]) -> Stock:
        from rich.cells import cell_len

        from console.runbook import stocking

        if self._catalog is None:
            return Stock()
        if missing and (self._apart is None or not self._apart.runs):
            self._read_apart += 1
            if self._read_apart > 2 or self._database is None:  # files that change while they are read
                missing = ()
            else:
                self._apart = stocking.Apart(self._database, self._folders, self._first)
        widest = max((cell_len(card.title) for card in self._catalog.cards()), default=0)
        problems = (*self._problems, *self._catalog.problems)
        return Stock(self._catalog.count, len(self._where), len(missing), problems, widest)

    def _open(self, card: Card) -> Runbook | None:
        from console.runbook.stocking import open_card

        return open_card(card, self._where)

    def _begin_again(self) -> None:
        import tempfile

        if self._catalog is not None:
            self._catalog.close()
        self._catalog = None
        if self._apart is not None:
            self._apart.stop()
            self._apart = None
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="vigie-")
        self._load(self._folders, self._first)

    def _close(self) -> None:
        if self._catalog is not None:
            self._catalog.close()
            self._catalog = None
        if self._scratch is not None:
            with contextlib.suppress(OSError):
                self._scratch.cleanup()
