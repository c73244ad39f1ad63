"""Choosing a runbook: all of them, searched as one types, those for the alert one came from first, with the reason."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.widget import Widget

from console.runbook.ready import sources_of, starting_values
from console.runbook.review import overdue
from screens import actions
from screens.desk import Desk
from screens.errands import RunbookFor
from screens.performs import Performs
from screens.runbook_info import preview_lines
from screens.runbook_shelf import Found, Shelf, Stock
from screens.widgets.line import Lines
from screens.widgets.steps_text import TextPane
from screens.widgets.table import Column, ListRows, Table, fitted
from screens.widgets.text import Words, width_of

if TYPE_CHECKING:
    from console.runbook.model import Runbook
    from console.runbook.ranking import Card


_WIDE = 100  # cells from which there is room for a column with the review


_LOOK_S = 0.7  # how often one looks what was read meanwhile


def _columns(widest: int, width: int) -> tuple[Column, ...]:
    """The list's columns at *width* cells: as wide as the *widest* title, what is left for the reason."""
    shown: tuple[Column, ...] = (fitted(widest, 16, width // 2), Column(flex=1, least=10))
    if width >= 60:
        shown = (*shown, Column(width=8, align="right"))
    return (*shown, Column(width=20)) if width >= _WIDE else shown


@dataclass(frozen=True)
class Offer:
    """A runbook in the list, and why it stands where it does."""

    card: Card
    why: str = ""


@dataclass(frozen=True)
class Beginning:
    """A runbook that is to be followed: why it was offered, its first values, and where those are from."""

    runbook: Runbook
    why: str
    values: Mapping[str, str]
    sources: Mapping[str, str]


class PickerView(Performs, Widget, inherit_bindings=False):
    """The list and, with Enter, the steps of one. *start* is called with what is chosen, *told* when what was found stands
    in the list."""

    DEFAULT_CSS = "PickerView { width: 100%; height: 1fr; layout: vertical; }"
    where: ClassVar[str] = "picker"

    def __init__(self, desk: Desk, start: Callable[[Beginning], None], told: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.desk = desk
        self.head = Lines(lambda: desk.look, height=1, id="picker-head")
        self.table = Table(desk, (), empty=(("  reading the runbooks", "dim"),), id="runbooks")
        self.preview = TextPane(desk, id="runbook-preview")
        self.errand: RunbookFor | None = None
        self.purpose = ""  # what the choice is for: "" a first run, else in words
        self.words = ""
        self.previewed = ""
        self._start = start
        self._has_told = told
        self._shelf = Shelf()
        self._stock: Stock | None = None
        self._found = Found("", None)
        self._cards: dict[str, Card] = {}
        self._book: Runbook | None = None  # the one in the preview
        self._searching = False
        self._told = ""  # the problem that was told last

    def compose(self) -> ComposeResult:
        yield self.head
        yield self.table
        yield self.preview

    def on_mount(self) -> None:
        self.preview.display = False
        self.desk.became_ready.subscribe(self, lambda _: self.load(), immediate=True)
        self.load()

    def on_unmount(self) -> None:
        self._shelf.close()

    @property
    def is_settled(self) -> bool:
        """Whether every runbook was read, and what fits is shown."""
        return self._stock is not None and not self._stock.missing and not self._searching

    # ── the library ─────────────────────────────────────────────────────────────────────────────────────────────

    def load(self) -> None:
        """Look at the folders, off the UI thread; what is new is read while one may search the rest."""
        deps = self.desk.deps
        if deps is None:
            return
        errand = self.errand
        first = (errand.named, errand.name, *errand.labels.values()) if errand is not None else ()

        async def read() -> None:
            stock = await self._shelf.load(deps.runbook_paths, first)
            while True:
                changed = self._stock is None or (stock.count, stock.problems) != (
                    self._stock.count,
                    self._stock.problems,
                )
                self._stock = stock
                self.search() if changed or not stock.missing else self._draw_head()
                if not stock.missing:
                    break
                await asyncio.sleep(_LOOK_S)
                stock = await self._shelf.more()
            if stock.problems and stock.problems[0] != self._told:
                self._told = stock.problems[0]
                self.desk.say(self._told, "error")

        self.run_worker(read(), group="library", exclusive=True)

    def search(self) -> None:
        """Look again, off the UI thread: the words, the errand or the runbooks are others now."""
        stock = self._stock
        if stock is None or self._searching:
            return  # the search under way sees that it is out of date, and searches again
        self._searching = True
        words, errand = self.words, self.errand

        async def run() -> None:
            try:
                found = await self._shelf.find(words, errand)
            finally:
                self._searching = False
            if (self.words, self.errand) == (words, errand):
                self._show(found)
            if (self.words, self.errand, self._stock) != (words, errand, stock):
                self.search()

        self.run_worker(run(), group="search")

    def _show(self, found: Found) -> None:
        self._found = found
        cards = found.cards
        self._cards = {card.key: card for card in cards}
        if not cards:
            where = (
                "none in the configured folders" if not self.words else f"nothing matches /{self.words}; esc shows all"
            )
            self.table.empty = ((f"  {where}", "dim"),)
        self._shape()
        self.table.show(ListRows(list(self._cards), lambda index: self._cells(self._offer(cards[index]))))
        self._draw_head()
        self._has_told()

    def _offer(self, card: Card) -> Offer:
        return Offer(card, self._found.reason(card))

    def _shape(self) -> None:
        self.table.shape(_columns(self._stock.widest if self._stock is not None else 0, self.size.width))

    def _cells(self, offer: Offer) -> tuple[Words, ...]:
        card = offer.card
        about: Words = ((offer.why, "notice"),) if offer.why else ((card.section or card.symptom, "dim"),)
        if card.broken:
            about = ((f"broken: {card.broken}", "error"),)
        elif self.size.width < _WIDE and overdue(card, self.desk.now().date()):
            about = (*self._reviewed(card), ("  ", "text"), *about)
        return (
            ((card.title, "title"),),
            about,
            ((f"{card.steps} step{'s' if card.steps != 1 else ''}", "dim"),),
            self._reviewed(card),
        )

    def _reviewed(self, card: Card) -> Words:
        late = overdue(card, self.desk.now().date())
        if late:
            return ((f"review {late} d overdue", "degraded"),)
        return ((f"reviewed {card.reviewed}" if card.reviewed else PurePath(card.path).name, "faint"),)

    def _draw_head(self) -> None:
        for_what = f" for {self.errand.name}" if self.errand is not None else ""
        purpose = self.purpose or "which runbook"
        left: Words = ((f" {purpose}{for_what}?", "title"), (f"  {len(self._cards):,}", "dim"))
        why: Words = ((", the likely first", "dim"),) if self.errand is not None else ()
        stock = self._stock
        if stock is not None and stock.missing:
            why = (*why, (f"  reading {stock.files - stock.missing:,} of {stock.files:,} files", "notice"))
        hint = (("Enter shows the steps, s starts ", "faint"),)
        fits = width_of((*left, *why, *hint), self.desk.look) < (self.size.width or 1000)
        self.head.put((*left, *why), hint if fits else ())  # the line at the bottom has these keys too

    # ── what is chosen ──────────────────────────────────────────────────────────────────────────────────────────

    @property
    def offer(self) -> Offer | None:
        """The runbook under the cursor, or in the preview."""
        card = self._cards.get(self.previewed or self.table.key)
        return self._offer(card) if card is not None else None

    @property
    def labels(self) -> Mapping[str, str]:
        """What parameters are filled from: the alert one came from, else the incident's."""
        if self.errand is not None:
            return {"alertname": self.errand.name, **self.errand.labels}
        incident = self.desk.incident
        return incident.state.labels if incident is not None else {}

    def open_for(self, errand: RunbookFor | None, purpose: str = "") -> None:
        """Begin a choice."""
        self.errand, self.purpose = errand, purpose
        self.close_preview()
        self.words = ""
        self.table.pinned = True
        self._draw_head()
        self.search()

    def scrolls(self) -> Performs:
        """What the arrows move."""
        return self.preview if self.previewed else self.table

    def covered(self) -> frozenset[str] | None:
        """What waits behind the preview."""
        return frozenset({"preview"}) if self.previewed else None

    def situation(self) -> actions.Situation:
        return self.desk.situation("runbook" if self.offer is not None else "")

    def place(self) -> str:
        return self.preview.place if self.previewed else self.table.place

    def set_words(self, words: str) -> None:
        """Filter as one types."""
        self.words = words.strip()
        self.table.pinned = True
        self.search()

    def close_preview(self) -> bool:
        """Back to the list; False when it was there."""
        if not self.previewed:
            return False
        self.previewed, self._book = "", None
        self.preview.display = False
        self.table.display = True
        return True

    async def _opened(self, offer: Offer) -> Runbook | None:
        """The runbook from its file; said when it is there no more."""
        book = await self._shelf.open(offer.card)
        if book is None:
            self.desk.say(f"{offer.card.path} does not hold it any more", "error")
            self.load()
        return book

    async def do_preview(self) -> None:
        offer = self.offer
        if offer is None or self.previewed:
            return
        self._book = await self._opened(offer)
        if self._book is None:
            return
        self.previewed = offer.card.key
        self.table.display = False
        self.preview.display = True
        self._draw_preview(top=True)

    def _draw_preview(self, *, top: bool = False) -> None:
        offer, runbook = self.offer, self._book
        if offer is not None and runbook is not None:
            width = max(self.size.width, 40)
            values, sources = self._first_values(runbook)
            lines = preview_lines(runbook, values, sources, offer.why, width, self.desk.look)
            self.preview.show(lines, top=top)

    def _first_values(self, runbook: Runbook) -> tuple[dict[str, str], dict[str, str]]:
        values = starting_values(runbook, self.labels, {})
        whose = "alert" if self.errand is not None else "incident"
        return values, sources_of(runbook, self.labels, values, whose)

    async def do_start(self) -> None:
        offer = self.offer
        if (
            self._searching and not self.previewed
        ):  # typed ahead: what stands under the cursor now was not what was meant
            self.desk.say("the list was still changing: s again starts what is under the cursor")
            return
        if offer is None:
            return
        runbook = self._book if self.previewed else await self._opened(offer)
        if runbook is not None and not runbook.phases:
            self.desk.say(f"it has no steps: {runbook.broken or 'a page to read'}", "error")
        elif runbook is not None:
            self._start(Beginning(runbook, offer.why, *self._first_values(runbook)))

    def on_resize(self) -> None:
        self._shape()
        self._draw_head()
        self._draw_preview()

    def redraw_all(self) -> None:
        """The look changed."""
        self._draw_head()
        self._draw_preview()
