"""What the list shows of the newest status, and in which order: worked out beside the keys where there is very much of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from screens import status_entries, status_feed, status_rows, status_view
from screens.desk import Desk
from screens.status_entries import Entry
from screens.status_view import View, Wanted

if TYPE_CHECKING:
    from console.snapshot import StatusSnapshot
    from screens.look import Look

MANY: Final = 2000  # entries from which on they are put in order beside the keys
_AGAIN: Final = timedelta(seconds=2)  # between two looks at what the status does not carry, and …
_SHARE: Final = 20  # … so many times as long as the last one took


class Order:
    """*holding* tells whether the rows keep their places now; *begin* runs what is given beside the keys; *show* is called
    when there is another view, with the key that the cursor goes to; *ring* with what is critical and counts as new."""

    def __init__(
        self,
        desk: Desk,
        *,
        holding: Callable[[], bool],
        begin: Callable[[Coroutine[Any, Any, None]], object],
        show: Callable[[str], None],
        ring: Callable[[frozenset[str]], None],
    ) -> None:
        self._desk = desk
        self._holding = holding
        self._begin = begin
        self._show = show
        self._ring = ring
        self.view = View((), {})
        self.entries: list[Entry] = []
        self.snapshot: StatusSnapshot | None = None  # the newest one that is in order
        self.wanted = Wanted()  # all but the order that is held
        self.feed = status_feed.FeedSearch(desk, self._found_more)
        self.busy = False  # a thread is at it
        self._waiting: StatusSnapshot | None = None  # the newest one, not ordered yet
        self._again = False
        self._to = ""  # where the cursor goes when they are ordered
        self._looked_at = desk.now()

    def arrived(self, snapshot: StatusSnapshot) -> None:
        """A status has come in."""
        if self._feed_wanted(snapshot) and self._desk.now() - self._looked_at > max(_AGAIN, _SHARE * self.feed.took):
            self._look_further(snapshot, keep=True)
        if len(snapshot.checks) + len(snapshot.alerts) + len(self.feed.found.entries) > MANY:
            self._order(snapshot)
            return
        self._waiting = None
        self.snapshot = snapshot
        self.entries = status_entries.entries(snapshot, self.entries, self.feed.found.entries)
        self._tell(status_entries.critical(self.entries))
        self.again()

    def want(self, wanted: Wanted, to: str = "") -> None:
        """Show something else from here on; the cursor goes to the key *to*."""
        further = (wanted.filter, wanted.inside) != (self.wanted.filter, self.wanted.inside)
        self.wanted = wanted
        if further:
            self._look_further(self.snapshot)
        self.again(to)

    def again(self, to: str = "") -> None:
        """Put in order what is there."""
        if len(self.entries) > MANY:
            self._order(None, to)
        else:
            self.view = self._made(self.entries, self._now_wanted(to), self.snapshot)
            self._show(to)

    # ── in a thread ─────────────────────────────────────────────────────────────────────────────────────────────

    def _order(self, snapshot: StatusSnapshot | None, to: str = "") -> None:
        """Order very many in a thread: of *snapshot*, or of what is there. Keys are not held up by it; the newest counts."""
        self._waiting = snapshot or self._waiting
        self._to = to or self._to
        self._again = True
        if not self.busy:
            self.busy = True
            self._begin(self._order_apart())

    async def _order_apart(self) -> None:
        try:
            while self._again:
                snapshot, self._waiting, self._again = self._waiting, None, False
                to, self._to = self._to, ""
                wanted = self._now_wanted(to)
                entries, critical, view = await asyncio.to_thread(
                    self._ordered, snapshot, self.entries, wanted, self._desk.look
                )
                if snapshot is not None and self._waiting is None:
                    self.entries, self.snapshot = entries, snapshot
                    self._tell(critical)
                now = self._now_wanted(to)
                if replace(now, held=None) != replace(wanted, held=None) or (now.held is None) != (wanted.held is None):
                    self._again = True  # another filter meanwhile, or the operator moved: the order is held
                    self._to = self._to or to
                    continue
                self.view = view
                self._show(to)
        finally:
            self.busy = False

    def _ordered(
        self, snapshot: StatusSnapshot | None, before: list[Entry], wanted: Wanted, look: Look
    ) -> tuple[list[Entry], frozenset[str], View]:
        """Runs in a thread."""
        entries = before
        if snapshot is not None:
            entries = status_entries.entries(snapshot, before, self.feed.found.entries)
        view = self._made(entries, wanted, snapshot or self.snapshot)
        view.longest, status_rows.handlings(view, look)
        return entries, status_entries.critical(entries), view

    def _made(self, entries: list[Entry], wanted: Wanted, snapshot: StatusSnapshot | None) -> View:
        groups = snapshot.groups if snapshot is not None else ()
        unread = 0
        if groups:
            there = sum(1 for entry in entries if entry.check is None)
            unread = max(sum(group.count for group in groups) - there, 0)
        return status_view.view(entries, wanted, self._desk.now(), groups, unread=unread)

    def _now_wanted(self, to: str = "") -> Wanted:
        """What the list should show now, with the order that is held."""
        held = self.view if self._holding() and self.view.keys and not to else None
        return replace(self.wanted, held=held) if held is not None else self.wanted

    # ── what the status does not carry ──────────────────────────────────────────────────────────────────────────

    def _feed_wanted(self, snapshot: StatusSnapshot | None) -> bool:
        """Whether there are alerts that only status.db has, and they may have to be shown."""
        if snapshot is None or not snapshot.groups:
            return False
        if not (self.wanted.filter or self.wanted.inside.startswith("$alert:")):
            return False
        return snapshot.foreign > sum(1 for alert in snapshot.alerts if alert.source != "vigie")

    def _look_further(self, snapshot: StatusSnapshot | None, *, keep: bool = False) -> None:
        if self._feed_wanted(snapshot):
            self._looked_at = self._desk.now()
            inside = self.wanted.inside
            name = inside.partition(":")[2] if inside.startswith("$alert:") else ""
            self.feed.look(self.wanted.filter, name, keep=keep)
        elif self.feed.found.entries or self.feed.going:
            self.feed.stop()
            self._found_more(self.feed.found)

    def _found_more(self, _: status_feed.Found) -> None:
        snapshot = self._waiting or self.snapshot
        if snapshot is not None:
            self.arrived(snapshot)

    def _tell(self, critical: frozenset[str]) -> None:
        if self.wanted.filter or self.wanted.inside:  # what was read besides is not new
            critical = critical.difference(entry.key for entry in self.feed.found.entries)
        self._ring(critical)
