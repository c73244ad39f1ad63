"""Every check's history in memory: what the last leader left comes in pieces, while results come in already.

Thousands of histories take seconds to read, and a leader must be heard meanwhile: until they are all here, what is
measured waits and is put in after them. For a new status.db they go out in pieces, too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final

from console.watch.history import History, Rollup

_PIECE: Final = 20  # histories that go into one publication: some 4,500 rows

Rows = list[tuple[str, Rollup]]


class Histories:
    """The histories of the checks *keys*. *kept* None: they come later, by :meth:`take`."""

    def __init__(self, keys: Iterable[str], kept: Mapping[str, History] | None) -> None:
        found = kept or {}
        self._all = {key: found.get(key) or History() for key in keys}
        self._waiting: list[tuple[str, partial[list[Rollup]]]] | None = [] if kept is None else None
        self._owed: deque[str] = deque()

    def of(self, key: str) -> History:
        """The history of one check."""
        return self._all[key]

    def add(
        self, key: str, now: float, seconds: float, before: str, *, latency_ms: float | None, value: float | None
    ) -> Rows:
        """A result came (:meth:`console.watch.history.History.add`). Returns what has to be stored."""
        if self._waiting is not None:
            late = partial(History.add, now=now, seconds=seconds, before=before, latency_ms=latency_ms, value=value)
            self._waiting.append((key, late))
            return []
        return [(key, row) for row in self._all[key].add(now, seconds, before, latency_ms=latency_ms, value=value)]

    def take(self, found: Mapping[str, History]) -> Rows:
        """All that the last leader left. Returns what has to be stored of that which came meanwhile."""
        waiting, self._waiting = self._waiting or [], None
        self._all |= {key: history for key, history in found.items() if key in self._all}
        return [(key, row) for key, late in waiting for row in late(self._all[key])]

    def flush(self) -> Rows:
        """The slots that are being filled, for the end of a lead."""
        return [(key, row) for key, history in self._all.items() for row in history.flush()]

    def owe(self) -> None:
        """All has to be stored again: status.db is a new one."""
        self._owed = deque(self._all)

    def owed(self) -> Rows:
        """The next piece of what :meth:`owe` asked for."""
        if self._waiting is not None:
            return []
        keys = [self._owed.popleft() for _ in range(min(_PIECE, len(self._owed)))]
        return [(key, row) for key in keys for row in self._all[key].rows()]
