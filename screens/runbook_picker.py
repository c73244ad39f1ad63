"""Choosing a runbook: all of them, searched as one types, those for the alert one came from first, with the reason."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.widget import Widget

from console.runbook.ready import starting_values
from console.runbook.review import overdue
from screens import actions
from screens.desk import Desk
from screens.errands import RunbookFor
from screens.look import Look
from screens.performs import Performs
from screens.runbook_info import preview_lines
from screens.widgets.line import Lines
from screens.widgets.steps_text import TextPane
from screens.widgets.table import Column, ListRows, Table, fitted
from screens.widgets.text import Words, width_of

if TYPE_CHECKING:
    from console.runbook.library import Entry, Library, Shelf
    from console.runbook.model import Runbook


_WIDE = 100  # cells from which there is room for a column with the review


def _columns(titles: Sequence[str], width: int, look: Look) -> tuple[Column, ...]:
    """The list's columns at *width* cells: titles as long as they are here, what is left for the reason."""
    longest = max((width_of(title, look) for title in titles), default=0)
    shown: tuple[Column, ...] = (fitted(longest, 16, width // 2), Column(flex=1, least=10))
    if width >= 60:
        shown = (*shown, Column(width=8, align="right"))
    return (*shown, Column(width=20)) if width >= _WIDE else shown


@dataclass(frozen=True)
class Offer:
    """A runbook in the list, and why it stands where it does."""

    entry: Entry
    why: str = ""
    score: float = 0.0


@dataclass(frozen=True)
class Found:
    """One answer of the library: for which words and errand, in order."""

    words: str
    errand: RunbookFor | None
    offers: tuple[Offer, ...]


def find(library: Library, words: str, errand: RunbookFor | None) -> Found:
    """The runbooks that hold *words*; for an *errand* those that fit it first. Takes a while in a large library."""
    ranked: dict[str, Offer] = {}
    if errand is not None:
        annotations = {**errand.annotations, **({"runbook": errand.named} if errand.named else {})}
        summary = errand.annotations.get("summary", "")
        for entry, score, reason in library.rank(errand.name, errand.labels, annotations, summary):
            ranked[entry.id] = Offer(entry, reason, score)
    held = [entry for entry, _ in library.search(words)]
    first = [ranked[entry.id] for entry in held if entry.id in ranked]
    first.sort(key=lambda offer: -offer.score)
    rest = [Offer(entry) for entry in held if entry.id not in ranked]
    if not words.strip():
        rest.sort(key=lambda offer: offer.entry.runbook.title.casefold())
    return Found(words, errand, (*first, *rest))


class PickerView(Performs, Widget, inherit_bindings=False):
    """The list and, with Enter, the steps of one. *start* is called with the runbook, its first values, and why."""

    DEFAULT_CSS = "PickerView { width: 100%; height: 1fr; layout: vertical; }"
    where: ClassVar[str] = "picker"

    def __init__(self, desk: Desk, start: Callable[[Offer, Mapping[str, str]], None]) -> None:
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
        self._library: Library | None = None
        self._shelf: Shelf | None = None
        self._offers: dict[str, Offer] = {}
        self._searching = False

    def compose(self) -> ComposeResult:
        yield self.head
        yield self.table
        yield self.preview

    def on_mount(self) -> None:
        self.preview.display = False
        self.desk.became_ready.subscribe(self, lambda _: self.load(), immediate=True)
        self.load()

    # ── the library ─────────────────────────────────────────────────────────────────────────────────────────────

    def load(self) -> None:
        """Read the runbooks, off the UI thread; again to see what changed on disk."""
        deps = self.desk.deps
        if deps is None:
            return

        async def read() -> None:
            from console.runbook.library import Shelf, load_library

            self._shelf = self._shelf or Shelf()  # what did not change on disk is not read again
            library = await asyncio.to_thread(load_library, deps.runbook_paths, self._shelf)
            self._library = library
            self.search()
            if library.problems:
                errors = [str(problem) for problem in library.problems if problem.problem.level == "error"]
                if errors:
                    self.desk.say(errors[0], "error")

        self.run_worker(read(), group="library", exclusive=True)

    def search(self) -> None:
        """Look again, off the UI thread: the words, the errand or the library are others now."""
        library = self._library
        if library is None or self._searching:
            return  # the search under way sees that it is out of date, and searches again
        self._searching = True
        words, errand = self.words, self.errand

        async def run() -> None:
            try:
                found = await asyncio.to_thread(find, library, words, errand)
            finally:
                self._searching = False
            if (self.words, self.errand, self._library) != (words, errand, library):
                self.search()
            else:
                self._show(found)

        self.run_worker(run(), group="search")

    def _show(self, found: Found) -> None:
        self._offers = {offer.entry.id: offer for offer in found.offers}
        keys = list(self._offers)
        if not keys:
            where = (
                "none in the configured folders" if not self.words else f"nothing matches /{self.words}; esc shows all"
            )
            self.table.empty = ((f"  {where}", "dim"),)
        self._shape()
        self.table.show(ListRows(keys, lambda index: self._cells(self._offers[keys[index]])))
        self._draw_head()

    def _shape(self) -> None:
        titles = [offer.entry.runbook.title for offer in self._offers.values()]
        self.table.shape(_columns(titles, self.size.width, self.desk.look))

    def _cells(self, offer: Offer) -> tuple[Words, ...]:
        runbook = offer.entry.runbook
        count = sum(len(phase.steps) for phase in runbook.phases)
        about: Words = (
            ((offer.why, "notice"),) if offer.why else ((runbook.section or "; ".join(runbook.symptoms[:1]), "dim"),)
        )
        if runbook.broken:
            about = ((f"broken: {runbook.broken}", "error"),)
        elif self.size.width < _WIDE and overdue(runbook, self.desk.now().date()):
            about = (*self._reviewed(runbook), ("  ", "text"), *about)
        return (
            ((runbook.title, "title"),),
            about,
            ((f"{count} step{'s' if count != 1 else ''}", "dim"),),
            self._reviewed(runbook),
        )

    def _reviewed(self, runbook: Runbook) -> Words:
        late = overdue(runbook, self.desk.now().date())
        if late:
            return ((f"review {late} d overdue", "degraded"),)
        return ((f"reviewed {runbook.reviewed}" if runbook.reviewed else PurePath(runbook.path).name, "faint"),)

    def _draw_head(self) -> None:
        for_what = f" for {self.errand.name}" if self.errand is not None else ""
        purpose = self.purpose or "which runbook"
        left = ((f" {purpose}{for_what}?", "title"), (f"  {len(self._offers):,}", "dim"))
        why = ((", the likely first", "dim"),) if self.errand is not None else ()
        hint = (("Enter shows the steps, s starts ", "faint"),)
        fits = width_of((*left, *why, *hint), self.desk.look) < (self.size.width or 1000)
        self.head.put((*left, *why), hint if fits else ())  # the line at the bottom has these keys too

    # ── what is chosen ──────────────────────────────────────────────────────────────────────────────────────────

    @property
    def offer(self) -> Offer | None:
        """The runbook under the cursor, or in the preview."""
        return self._offers.get(self.previewed or self.table.key)

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
        if self._library is not None:
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
        self.previewed = ""
        self.preview.display = False
        self.table.display = True
        return True

    def do_preview(self) -> None:
        offer = self.offer
        if offer is None or self.previewed:
            return
        self.previewed = offer.entry.id
        self.table.display = False
        self.preview.display = True
        self._draw_preview(top=True)

    def _draw_preview(self, *, top: bool = False) -> None:
        offer = self.offer
        if offer is not None and self.previewed:
            runbook = offer.entry.runbook
            width = max(self.size.width, 40)
            lines = preview_lines(runbook, starting_values(runbook, self.labels, {}), offer.why, width, self.desk.look)
            self.preview.show(lines, top=top)

    def do_start(self) -> None:
        offer = self.offer
        if (
            self._searching and not self.previewed
        ):  # typed ahead: what stands under the cursor now was not what was meant
            self.desk.say("the list was still changing: s again starts what is under the cursor")
            return
        if offer is not None and not offer.entry.runbook.phases:
            self.desk.say(f"it has no steps: {offer.entry.runbook.broken or 'a page to read'}", "error")
        elif offer is not None:
            self._start(offer, starting_values(offer.entry.runbook, self.labels, {}))

    def on_resize(self) -> None:
        self._shape()
        self._draw_head()
        self._draw_preview()

    def redraw_all(self) -> None:
        """The look changed."""
        self._draw_head()
        self._draw_preview()
