"""Keeping a command to the pace of the one who must not miss a byte of its output: ``vigie exec … | reader``.

The follower says through a pipe how far it has read, eight bytes at a time; the supervisor lets the command wait, as the
shell's own pipe would, before what was not read yet falls out of the spool. A follower that is gone holds up nobody.

The supervisor imports this before it starts a command: nothing heavy here.
"""

from __future__ import annotations

import os

_WORD = 8


class Follower:
    """The reading side, in the process that copies the output on."""

    def __init__(self) -> None:
        self.handle, self._writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)  # handle: for the supervisor

    def handed_over(self) -> None:
        """The supervisor has its end."""
        os.close(self.handle)

    def at(self, position: int) -> None:
        """*position* bytes have been passed on. To be said again while waiting: a word may not have found room."""
        try:
            os.write(self._writer, position.to_bytes(_WORD, "little"))
        except (BlockingIOError, BrokenPipeError):
            pass


class Pace:
    """The supervisor's side; without a *handle* (-1) nobody is waited for."""

    def __init__(self, handle: int, *, head: int, tail: int, chunk: int) -> None:
        self.handle = handle
        self._head = head
        self._window = tail // 2
        self._position = 0
        self.chunk = chunk if handle < 0 else max(1, min(chunk, tail // 4))  # bytes to take at a time

    def is_behind(self, size: int) -> bool:
        """Whether the follower has so much of *size* bytes before it that more could push some of it out."""
        return self.handle >= 0 and size - max(self._position, self._head) > self._window

    def look(self) -> bool:
        """Take what the follower says; False when it is gone, and nobody is waited for any more."""
        try:
            while said := os.read(self.handle, _WORD * 512):
                self._position = int.from_bytes(said[-_WORD:], "little")
        except BlockingIOError:
            return True
        os.close(self.handle)
        self.handle = -1
        return False
