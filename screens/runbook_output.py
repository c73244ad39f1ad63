"""What a command writes, while it runs and after: read in the reader's thread, a window of lines at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from console.journal.events import CommandFinished
    from console.runbook.handle import CommandHandle
    from console.runbook.run import Command
    from console.runbook.tail import OutputWindow
    from screens.desk import Desk
    from screens.widgets.text import Words

LINES: Final = 1000  # kept for the screen; the whole is on disk
_PIECE: Final = 1 << 18  # bytes taken in one turn, so that nothing else waits long


@dataclass(frozen=True)
class Output:
    """What is known of a command's output. ``path`` is where the whole is, "" when it is nowhere."""

    command: str
    lines: tuple[Words, ...] = ()  # a coloured piece's token is ``sgr:`` and its style in words
    size: int = 0
    path: str = ""
    running: bool = False
    behind: bool = False  # more is there already
    finish: CommandFinished | None = None  # how it ended; known here a moment before the journal has it

    @property
    def is_lost(self) -> bool:
        """Nobody looks after it any more, and nobody wrote down its end."""
        return bool(self.path) and not self.running and not self.behind and self.finish is None


class _Tail:
    """One command's output. Belongs to the reader's thread."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self._handle: CommandHandle | None = None
        self._window: OutputWindow | None = None
        self._last: Output | None = None

    def look(self, spool: Path) -> Output | None:
        """What there is now; None when nothing changed."""
        from console.runbook.recover import find
        from console.runbook.tail import watch_output

        if self._handle is None:
            self._handle = find(_Places(spool), self.command.command)
            if self._handle is not None:
                self._window = watch_output(self._handle, LINES)
        handle, window = self._handle, self._window
        if handle is None or window is None:
            found = self._from_record()
        else:
            running, finish = handle.is_running, handle.finish  # before the output, so that its last bytes are seen
            behind = window.poll(_PIECE)
            lines = self._last.lines if self._last is not None and not behind else tuple(map(_coloured, window.words()))
            found = Output(self.command.command, lines, window.size, str(handle.output), running, behind, finish)
        if found == self._last:
            return None
        self._last = found
        return found

    def _from_record(self) -> Output:
        """The spool is gone, or on another host: what the record kept."""
        finish = self.command.finish
        if finish is None:
            return Output(self.command.command)
        lines = (
            [*finish.head.split("\n"), *(("…", *finish.tail.split("\n")) if finish.tail else ())] if finish.head else []
        )
        return Output(self.command.command, tuple(lines), finish.size)


def _coloured(line: str | tuple[tuple[str, str], ...]) -> Words:
    return line if isinstance(line, str) else tuple((text, f"sgr:{style}" if style else "code") for text, style in line)


@dataclass(frozen=True)
class _Places:
    spool: Path


class OutputFeed:
    """Follows the output of one command at a time; *changed* is called on the UI thread."""

    def __init__(self, desk: Desk, changed: Callable[[Output], None]) -> None:
        self._desk = desk
        self._changed = changed
        self._tail: _Tail | None = None
        self._asked = False
        self._wanted: Command | None = None
        self.now: Output | None = None

    def follow(self, command: Command | None) -> None:
        """Watch this command; None for none. The same one again, with its end, keeps what was read."""
        before, self._wanted = self._wanted, command
        if command is None:
            self._tail, self.now = None, None
        elif before is None or before.command != command.command:
            self._tail, self.now = _Tail(command), None
            self.look()
        elif before.finish is None and command.finish is not None:
            if self._tail is not None:
                self._tail.command = command
            self.look()

    @property
    def live(self) -> bool:
        """Whether more may come."""
        if self._wanted is None:
            return False
        return self._wanted.finish is None or self.now is None or self.now.behind

    def look(self) -> None:
        """Read what is new, off the UI thread; one look at a time."""
        tail, deps = self._tail, self._desk.deps
        if tail is None or deps is None or self._asked:
            return
        self._asked = True
        spool = deps.paths.spool

        def take(output: Output | None) -> None:
            self._asked = False
            if tail is not self._tail:
                self.look()  # another command is wanted by now
                return
            if output is not None:
                self.now = output
                self._changed(output)
                if output.behind:
                    self.look()

        def failed(line: str) -> None:
            self._asked = False
            self._desk.say(line, "error")

        self._desk.read(lambda _: tail.look(spool), take, failed)
