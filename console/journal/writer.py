"""The console's writer: one thread, one connection, whole transactions, in order.

Callers never wait. While the database is locked or the disk is full the work stays queued in its order, ``unsaved``
counts it and ``problem`` says why in one line; it is saved when it can be. A refusal that waiting can't cure
(corrupt, not ours, a lost lease) fails that piece of work alone.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from console.journal.errors import DiskFull, Locked
from console.journal.events import Event, New
from console.journal.store import Journal

T = TypeVar("T")
_FIRST_WAIT_S: Final = 0.05
_LONGEST_WAIT_S: Final = 2.0


class Writer:
    """Writes through *open_journal*'s connection in a thread of its own; it is opened there, lazily."""

    def __init__(self, open_journal: Callable[[], Journal], on_change: Callable[[], None] = lambda: None) -> None:
        self._open = open_journal
        self._on_change = on_change
        self._queue: deque[tuple[Callable[[Journal], Any], Future[Any]]] = deque()
        self._wake = threading.Condition()
        self.still = threading.Lock()  # held while something is written
        self._closing = False
        self._problem: str | None = None
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._thread.start()

    def submit(self, stream: str, news: Sequence[New]) -> Future[list[Event]]:
        """Queue an append; the future is done when the events are on disk. Give each New an id to make retries safe."""
        kept = list(news)
        return self.submit_work(lambda journal: journal.append(stream, kept))

    def submit_work(self, work: Callable[[Journal], T]) -> Future[T]:
        """Queue any work on the journal (one transaction each)."""
        future: Future[T] = Future()
        with self._wake:
            if self._closing:
                raise RuntimeError("the writer is closed")
            self._queue.append((work, future))
            self._wake.notify()
        self._on_change()
        return future

    @property
    def unsaved(self) -> int:
        """How many pieces of work are not on disk yet."""
        return len(self._queue)

    @property
    def problem(self) -> str | None:
        """Why nothing is being saved, in one line; None when all is well."""
        return self._problem

    def close(self, timeout: float = 2.0) -> int:
        """Save what can be saved within *timeout* seconds, then stop. Returns how much stayed unsaved."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join(timeout)
        return len(self._queue)

    def _run(self) -> None:
        journal: Journal | None = None
        wait = _FIRST_WAIT_S
        try:
            while True:
                with self._wake:
                    while not self._queue and not self._closing:
                        self._wake.wait()
                    if not self._queue:
                        return
                    work, future = self._queue[0]
                try:
                    with self.still:
                        if journal is None:
                            journal = self._open()
                        result = work(journal)
                except (Locked, DiskFull) as error:
                    self._say(str(error))
                    with self._wake:
                        if self._closing and wait >= _LONGEST_WAIT_S:
                            return
                        self._wake.wait(wait)
                    wait = min(wait * 2, _LONGEST_WAIT_S)
                    continue
                except BaseException as error:  # the caller gets it, whatever it is; the thread must live on
                    self._done()
                    future.set_exception(error)
                else:
                    self._done()
                    future.set_result(result)
                wait = _FIRST_WAIT_S
                self._say(None)
        finally:
            if journal is not None:
                journal.close()

    def _done(self) -> None:
        with self._wake:
            self._queue.popleft()

    def _say(self, problem: str | None) -> None:
        self._problem = problem
        self._on_change()
