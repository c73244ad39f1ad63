"""Following a command in a plain terminal: its output as it comes, ctrl-C forwarded, its end."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Final, Protocol, Self

from console.journal.events import CommandFinished
from console.runbook.handle import CommandHandle, cancel, interrupt
from console.runbook.output import Display
from console.runbook.pace import Follower
from console.runbook.tail import OutputReader

QUICK_S: Final = 0.01
SLOW_S: Final = 0.1
RECORD_WAIT_S: Final = 5.0
_CHUNK: Final = 1 << 16


class Sink(Protocol):
    """Where output goes."""

    def put(self, data: bytes) -> None:
        """Take the next raw bytes."""
        ...

    def done(self) -> None:
        """There are no more."""
        ...


class RawSink:
    """Byte for byte to stdout: for pipes and files."""

    def put(self, data: bytes) -> None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def done(self) -> None:
        """Nothing is held back."""


class LineSink:
    """Made visible, line by line: for a terminal, where output could do harm."""

    def __init__(self, indent: str = "") -> None:
        self._window = Display(limit=_CHUNK + 1)
        self._indent = indent

    def put(self, data: bytes) -> None:
        self._window.feed(data)
        self._print(self._window.take())

    def done(self) -> None:
        self._print(self._window.lines())

    def _print(self, lines: list[str]) -> None:
        if lines:
            sys.stdout.write("".join(f"{self._indent}{line}\n" for line in lines))
            sys.stdout.flush()


class Forwarded:
    """While it is entered, ctrl-C interrupts the command, a second one ends it, and SIGTERM ends it."""

    def __init__(self, handle: CommandHandle, by: str) -> None:
        self._handle, self._by = handle, by
        self._before: dict[int, Any] = {}
        self._interrupts = 0

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._forward)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _forward(self, number: int, _frame: FrameType | None) -> None:
        self._interrupts += 1
        try:
            if number == signal.SIGINT and self._interrupts == 1:
                interrupt(self._handle, self._by)
            else:
                cancel(self._handle, self._by)
        except OSError:
            pass  # the spool is out of reach: the command goes on, and is still being recorded


def follow(
    handle: CommandHandle, sink: Sink, by: str, note: Callable[[str], None], pace: Follower | None = None
) -> CommandFinished | None:
    """Copy the output of *handle* to *sink* until it ends. None when its supervisor is gone without a word.

    The command waits for *pace*, if there is one, so that *sink* misses nothing.

    Raises ``BrokenPipeError`` when nobody reads on; the command has then been ended, as it would have been by the shell.
    """
    reader = OutputReader(handle)
    try:
        with Forwarded(handle, by):
            finish = _copy(handle, reader, sink, note, pace)
            sink.done()
    except BrokenPipeError:
        cancel(handle, f"{by}, whose output nobody reads any more")
        raise
    if finish is not None:
        limit = time.monotonic() + RECORD_WAIT_S
        while not handle.is_recorded and time.monotonic() < limit:
            time.sleep(QUICK_S)
        if not handle.is_recorded:
            note("its end is not in the journal yet: the supervisor goes on trying")
    return finish


def _copy(
    handle: CommandHandle, reader: OutputReader, sink: Sink, note: Callable[[str], None], pace: Follower | None
) -> CommandFinished | None:
    pause = QUICK_S
    while True:
        finish = handle.finish
        alive = finish is not None or handle.is_running
        reader.refresh()
        moved = False
        while True:
            skipped, data = reader.read(_CHUNK)
            if skipped:
                note(f"{skipped} bytes came too fast to be shown or kept")
            if not data:
                break
            moved = True
            sink.put(data)
            if pace is not None:
                pace.at(reader.position)
        if finish is not None:
            return finish
        if not alive:
            return handle.finish  # it may have ended between the two looks
        if pace is not None:
            pace.at(reader.position)
        pause = QUICK_S if moved else min(pause * 1.5, SLOW_S)
        time.sleep(pause)


def exit_code(finish: CommandFinished | None) -> int:
    """What a shell would exit with; 125 when nobody knows."""
    if finish is None:
        return 125
    if finish.exit_code is not None:
        return finish.exit_code
    if finish.signal is not None:
        return 128 + finish.signal
    return 125
