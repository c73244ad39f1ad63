"""Follow a growing text file: through rotation (a new file under the name) and truncation (``copytruncate``), line by line.

Where the reading stands can be kept as a :class:`Position`. Whoever goes on from it later finds the file again, also
under the name that a rotation gave it meanwhile, reads it to its end, and goes on with the new one.
"""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from msgspec import Struct

BLOCK: Final = 1 << 20
MOST: Final = 32 * BLOCK  # bytes read in one go; what is more is skipped and said
LINE: Final = 4096  # bytes of a line that are looked at
_HEAD: Final = 512  # bytes at a file's beginning that tell it from another: inodes are used again
_SURE: Final = 64  # bytes that are enough to know a copy by
_SIBLINGS: Final = 100  # files that are looked at


class Position(Struct, frozen=True):
    """A place in a file that may have another name by now."""

    device: int
    inode: int
    offset: int
    head: str  # digest of its first bytes, up to the offset


class Follower:
    """Where the reading of one file stands: *start*, or the file's end. Use from one thread at a time."""

    def __init__(self, path: Path, start: Position | None = None) -> None:
        self._path = path
        self._start = start
        self.gone = False  # there was no file under the name at the last look
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
            self._file = self._begun() if first else self._path.open("rb")
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

    def position(self) -> Position | None:
        """Where the reading stands, before the line that is not whole yet; None while no file is open."""
        if self._file is None:
            return None
        offset = self._file.tell() - len(self._rest)
        status = os.fstat(self._file.fileno())
        return Position(status.st_dev, status.st_ino, offset, _head(self._file, offset))

    def _begun(self) -> BinaryIO:
        """The file to begin with, at the place to begin at."""
        if self._start is not None:
            for path in (self._path, *self._siblings()):
                try:
                    file = path.open("rb")
                except OSError:
                    continue
                if _is_at(file, self._start):
                    file.seek(self._start.offset)
                    return file
                file.close()
            return self._path.open("rb")  # another file: all of it is new
        file = self._path.open("rb")
        file.seek(0, os.SEEK_END)
        return file

    def _siblings(self) -> list[Path]:
        """Files that ours may have become: ``app.log.1``, ``app.log-20261128``, ``app.1.log``; the newest first."""
        try:
            others = [path for path in self._path.parent.glob(f"{glob.escape(self._path.stem)}*") if path != self._path]
            found = [(path.stat().st_mtime, path) for path in others if path.is_file()]
        except OSError:
            return []
        return [path for _, path in sorted(found, reverse=True)[:_SIBLINGS]]

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
            self.gone = True
            return False
        self.gone = False
        ours = os.fstat(self._file.fileno())
        return (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino)


def _head(file: BinaryIO, offset: int) -> str:
    return hashlib.sha256(os.pread(file.fileno(), min(offset, _HEAD), 0)).hexdigest()[:16]


def _is_at(file: BinaryIO, start: Position) -> bool:
    """Whether *file* is the one that *start* is in, or a copy of it."""
    status = os.fstat(file.fileno())
    if status.st_size < start.offset:
        return False
    same = (status.st_dev, status.st_ino) == (start.device, start.inode)
    return (same or start.offset >= _SURE) and _head(file, start.offset) == start.head
