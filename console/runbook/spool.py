"""The spool: a command's raw output on disk, byte for byte, up to a cap.

The first half of the cap is kept as ``<id>.out``; what comes later goes to numbered segments, of which only the last ones
stay, so that a flood never fills the disk. When the command ends the segments are joined behind the head, with one line of
ours where bytes were left out; the SHA-256 is that of the finished file, so ``sha256sum`` agrees.

The supervisor imports this before it starts a command: nothing heavy here.
"""

from __future__ import annotations

import errno
import os
from typing import Any

HEAD_EXTRACT = 4096  # bytes at either end that are remembered for the record
SEGMENTS = 8  # that hold the tail while the command runs


def output_path(folder: str, command: str) -> str:
    """Where the output of *command* is kept."""
    return f"{folder}/{command}.out"


def head_limit(cap: int) -> int:
    """Bytes of the beginning that are kept for a cap of *cap* bytes."""
    return cap // 2


def cut_line(missing: int) -> bytes:
    """What stands in the file where *missing* bytes do not."""
    return f"\n[vigie: {missing} bytes of output were not kept here]\n".encode()


def create(folder: str, command: str, mode: int = 0o600) -> int:
    """Make the output file and take its lock; the descriptor is inheritable, and the lock lives as long as it is open
    anywhere: it says that somebody looks after the command. Raises ``OSError``."""
    import fcntl

    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(output_path(folder, command), flags, mode)
    try:
        os.fchmod(handle, mode)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle


class Spool:
    """The writing end. Never raises for a full disk: it goes on counting, and says what was lost in ``problem``."""

    def __init__(self, folder: str, command: str, handle: int, *, cap: int, mode: int = 0o600) -> None:
        self.path = output_path(folder, command)
        self.size = 0  # bytes that the command wrote
        self.problem = ""
        self.first = b""  # HEAD_EXTRACT bytes at the most
        self.last = b""
        self._handle = handle
        self._mode = mode
        self._head = head_limit(cap)
        self._tail = cap - self._head
        self._segment_size = max(self._tail // SEGMENTS, 1)
        self._segments: list[tuple[int, int]] = []  # (offset of the first byte, bytes)
        self._segment = -1
        self._head_written = 0

    def write(self, chunk: bytes) -> None:
        """Keep *chunk* as far as the cap goes."""
        if len(self.first) < HEAD_EXTRACT:
            self.first += chunk[: HEAD_EXTRACT - len(self.first)]
        self.last = chunk[-HEAD_EXTRACT:] if len(chunk) >= HEAD_EXTRACT else (self.last + chunk)[-HEAD_EXTRACT:]
        if self.problem:
            self.size += len(chunk)
            return
        rest = memoryview(chunk)
        try:
            while rest:
                taken = self._write_some(rest)
                self.size += taken
                rest = rest[taken:]
        except OSError as error:
            lost = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else str(error.strerror)
            self.problem = f"{lost}: output after byte {self.size} was not kept"
            self.size += len(rest)

    def _write_some(self, rest: memoryview) -> int:
        if self._head_written < self._head:
            taken = os.write(self._handle, rest[: self._head - self._head_written])
            self._head_written += taken
            return taken
        if not self._segments or self._segments[-1][1] >= self._segment_size:
            self._next_segment()
        offset, length = self._segments[-1]
        taken = os.write(self._segment, rest[: self._segment_size - length])
        self._segments[-1] = (offset, length + taken)
        return taken

    def _next_segment(self) -> None:
        if self._segment >= 0:
            os.close(self._segment)
            self._segment = -1
        while len(self._segments) > SEGMENTS:
            os.unlink(segment_path(self.path, self._segments.pop(0)[0]))  # noqa: PTH108 - no pathlib before the spawn
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        self._segment = os.open(segment_path(self.path, self.size), flags, 0o600)
        os.fchmod(self._segment, self._mode)
        self._segments.append((self.size, 0))

    def finish(self, *, keep: bool = False) -> dict[str, Any]:
        """Join head and tail; with *keep* the segments stay until :meth:`forget_segments`, for one who must not miss a byte.
        The result: ``size`` and ``kept`` in bytes, ``sha256`` of the file, ``head``, ``cut`` and
        ``tail``: how many bytes of the file are which; ``tail_at``: which byte of the output the tail begins with."""
        if self._segment >= 0:
            os.close(self._segment)
            self._segment = -1
        behind = sum(length for _, length in self._segments)
        wanted = min(behind, self._tail)
        end = sum(self._segments[-1]) if self._segments else self._head_written
        missing = end - wanted - self._head_written
        line = cut_line(missing) if missing else b""
        cut = tail = 0
        try:
            _write_all(self._handle, line)
            cut = len(line)
            skip = behind - wanted
            for offset, length in self._segments:
                if skip < length:
                    tail += _copy(segment_path(self.path, offset), self._handle, skip)
                skip = max(0, skip - length)
                if not keep:
                    _forget(segment_path(self.path, offset))
        except OSError as error:
            self.problem = self.problem or f"{error.strerror}: the end of the output was not kept"
            os.ftruncate(self._handle, self._head_written + cut + tail)
            keep = False
        if not keep:
            self.forget_segments()
        return {
            "size": self.size,
            "kept": self._head_written + tail,
            "sha256": _sha256(self._handle),
            "head": self._head_written,
            "cut": cut,
            "tail": tail,
            "tail_at": end - wanted,
        }

    def forget_segments(self) -> None:
        """Remove what :meth:`finish` has joined. Only after the status says so: until then readers need them."""
        for offset, _ in self._segments:
            _forget(segment_path(self.path, offset))
        self._segments = []

    def close(self) -> None:
        """Let go of the file and its lock."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def segment_path(path: str, offset: int) -> str:
    """The file that holds the output from byte *offset* on, while the command runs."""
    return f"{path}.{offset:015d}"


def _write_all(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def _copy(name: str, target: int, skip: int) -> int:
    copied = 0
    source = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.lseek(source, skip, os.SEEK_SET)
        while chunk := os.read(source, 1 << 18):
            _write_all(target, chunk)
            copied += len(chunk)
    finally:
        os.close(source)
    return copied


def _forget(name: str) -> None:
    try:
        os.unlink(name)  # noqa: PTH108 - no pathlib here
    except OSError:
        pass


def _sha256(handle: int) -> str:
    import hashlib

    digest = hashlib.sha256()
    os.lseek(handle, 0, os.SEEK_SET)
    while chunk := os.read(handle, 1 << 18):
        digest.update(chunk)
    return digest.hexdigest()
