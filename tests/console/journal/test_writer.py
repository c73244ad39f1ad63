"""The console's writer: in order, never blocking, nothing lost while the database can't be written."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from console.journal.errors import DiskFull
from console.journal.events import New, Noted
from console.journal.store import Journal
from console.journal.writer import Writer

Open = Callable[..., Journal]


class Watcher:
    """Waits for a state of the writer without sleeping."""

    def __init__(self) -> None:
        self.moved = threading.Condition()
        self.writer: Writer | None = None

    def __call__(self) -> None:
        with self.moved:
            self.moved.notify_all()

    def until(self, holds: Callable[[Writer], bool]) -> None:
        writer = self.writer
        assert writer is not None
        with self.moved:
            assert self.moved.wait_for(lambda: holds(writer), timeout=30)


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


@pytest.fixture
def writer(opened: Open, watcher: Watcher) -> Iterator[Writer]:
    made = watcher.writer = Writer(lambda: opened(busy_s=0.05), watcher)
    yield made
    made.close(5)


def note(text: str) -> list[New]:
    return [New(body=Noted(text=text))]


def test_a_future_is_done_when_the_event_is_on_disk(writer: Writer, journal: Journal, stream: str) -> None:
    (event,) = writer.submit(stream, note("a")).result(30)
    assert journal.get(event.id) == event
    assert (writer.unsaved, writer.problem) == (0, None)


def test_while_locked_lines_wait_in_order_and_are_saved_later(
    writer: Writer, watcher: Watcher, journal: Journal, stream: str, db: Path
) -> None:
    writer.submit(stream, note("before")).result(30)
    holder = sqlite3.connect(db, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    waiting: list[Future[object]] = [writer.submit(stream, note(text)) for text in "abc"]  # type: ignore[misc]
    watcher.until(lambda w: w.problem is not None)
    assert writer.unsaved == 3
    assert "another process" in (writer.problem or "")
    assert not any(future.done() for future in waiting)
    holder.execute("ROLLBACK")
    holder.close()
    for future in waiting:
        future.result(30)
    assert [event.body.text for event in journal.window(stream)[1:]] == ["before", "a", "b", "c"]  # type: ignore[union-attr]
    watcher.until(lambda w: w.problem is None and w.unsaved == 0)


def test_a_full_disk_is_waited_out(watcher: Watcher, opened: Open, journal: Journal, stream: str) -> None:
    room = threading.Event()

    def make() -> Journal:
        if not room.is_set():
            raise DiskFull("no space left on the disk")
        return opened()

    writer = watcher.writer = Writer(make, watcher)
    future = writer.submit(stream, note("kept"))
    watcher.until(lambda w: w.problem is not None)
    room.set()
    future.result(30)
    assert writer.close(5) == 0


def test_one_refused_piece_of_work_does_not_stop_the_rest(writer: Writer, stream: str) -> None:
    bad = writer.submit("nowhere", note("x"))
    good = writer.submit(stream, note("y"))
    with pytest.raises(LookupError):
        bad.result(30)
    assert good.result(30)


def test_closing_says_what_stayed_unsaved(opened: Open, stream: str, db: Path) -> None:
    holder = sqlite3.connect(db, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    writer = Writer(lambda: opened(busy_s=0.01))
    writer.submit(stream, note("x"))
    assert writer.close(0.3) == 1
    holder.close()
    with pytest.raises(RuntimeError):
        writer.submit(stream, note("y"))
