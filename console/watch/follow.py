"""Follow a growing text file: through rotation (a new file under the name) and truncation (``copytruncate``), line by line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

BLOCK: Final = 1 << 20
MOST: Final = 32 * BLOCK  # bytes read in one go; what is more is skipped and said
LINE: Final = 4096  # bytes of a line that are looked at


class Follower:
    """Where the reading of one file stands. Starts at the file's end. Use from one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._began = False
        self._rest = b""  # of a line that is not whole yet
        self._dropping = False  # in a line that is too long
        self.skipped = 0  # bytes that were never looked at

    def lines(self) -> Iterator[str]:
        """The whole lines that came since the last call, without their ends. Raises ``OSError`` while there is no file."""
        left = MOST
        first = not self._began
        if self._file is None:
            self._file = self._path.open("rb")
            if first:
                self._file.seek(0, os.SEEK_END)
            self._began = True
        for _ in range(10):  # rotated more than that between two looks: the rest comes next time
            for line in self._read(left):
                left -= len(line) + 1
                yield line[:LINE].decode("utf-8", "replace")
            if not self._replaced():
                return
            if self._rest and not self._dropping:  # nobody will end it any more
                yield self._rest[:LINE].decode("utf-8", "replace")
            self._file.close()
            self._rest, self._dropping = b"", False
            self._file = None
            try:
                self._file = self._path.open("rb")
            except FileNotFoundError:
                return  # between two files: the next look finds the new one, from its start

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _read(self, most: int) -> Iterator[bytes]:
        file = self._file
        assert file is not None  # noqa: S101 - lines() opened it
        size, at = os.fstat(file.fileno()).st_size, file.tell()
        if size < at:  # copied away and truncated
            file.seek(0)
            at, self._rest, self._dropping = 0, b"", False
        if size - at > most:
            self.skipped += size - at - most
            file.seek(size - most)
            self._rest, self._dropping = b"", True
        while block := file.read(BLOCK):
            *whole, rest = (self._rest + block).split(b"\n")
            for line in whole:
                if self._dropping:
                    self._dropping = False
                else:
                    yield line
            if len(rest) > BLOCK:  # the head of an endless line counts as a line
                if not self._dropping:
                    yield rest
                rest, self._dropping = b"", True
            self._rest = rest

    def _replaced(self) -> bool:
        assert self._file is not None  # noqa: S101 - lines() opened it
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        ours = os.fstat(self._file.fileno())
        return (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino)
