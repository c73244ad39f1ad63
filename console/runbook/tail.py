"""Watching a command's output while it grows, and after: bounded memory, however much there is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from console.runbook import spool, status
from console.runbook.handle import CommandHandle
from console.runbook.output import Display

CATCH_UP: Final = 1 << 20  # a reader that is further behind skips to the end
SHOWN: Final = 1 << 18  # bytes before the end that it then begins with
CHUNK: Final = 1 << 17


class OutputReader:
    """Reads the raw output of *handle* in order. ``position`` and ``size`` count bytes that the command wrote."""

    def __init__(self, handle: CommandHandle) -> None:
        self.position = 0
        self.size = 0
        self._handle = handle
        self._path = str(handle.output)
        self._head = spool.head_limit(handle.cap_bytes)
        self._layout: dict[str, int] | None = None

    def refresh(self) -> None:
        """Look how much there is by now."""
        if self._layout is None:
            found = status.read(str(self._handle.folder), self._handle.command)
            self._layout = None if found is None else _layout(found)
        if self._layout is not None:
            self.size = self._layout["size"]
            return
        segments = self._segments()
        if segments:
            self.size = max(self.size, segments[-1] + _size(spool.segment_path(self._path, segments[-1])))
        else:
            self.size = max(self.size, min(_size(self._path), self._head))

    def read(self, limit: int = CHUNK) -> tuple[int, bytes]:
        """``(bytes that are not there any more, the next ones)``; ``b""`` when there is nothing now."""
        if self._layout is not None:
            return self._read_finished(limit)
        if self.position < self._head:
            return 0, self._piece(self._path, self.position, min(limit, self._head - self.position))
        segments = self._segments()
        at = max((offset for offset in segments if offset <= self.position), default=-1)
        if at < 0:
            if self._is_joined():  # that is when they go
                return self._read_finished(limit)
            at = min(segments, default=-1)
        if at < 0:
            return 0, b""
        skipped = max(0, at - self.position)
        self.position += skipped
        data = self._piece(spool.segment_path(self._path, at), self.position - at, limit)
        if not data and (later := [offset for offset in segments if offset > at]):
            data = self._piece(spool.segment_path(self._path, min(later)), self.position - min(later), limit)
        return skipped, data

    def _is_joined(self) -> bool:
        self.refresh()
        return self._layout is not None

    def skip_to(self, position: int) -> None:
        """Go on at *position*."""
        self.position = max(self.position, position)

    def _read_finished(self, limit: int) -> tuple[int, bytes]:
        layout = self._layout or {}
        if self.position < layout["head"]:
            return 0, self._piece(self._path, self.position, min(limit, layout["head"] - self.position))
        skipped = max(0, layout["tail_at"] - self.position) if layout["tail"] else 0
        self.position += skipped
        inside = self.position - layout["tail_at"]
        if inside >= layout["tail"]:
            return skipped, b""
        return skipped, self._piece(self._path, layout["head"] + layout["cut"] + inside, limit)

    def _piece(self, path: str, offset: int, limit: int) -> bytes:
        if offset < 0:
            return b""
        try:
            with Path(path).open("rb") as file:
                data = os.pread(file.fileno(), limit, offset)
        except OSError:
            return b""  # joined or dropped just now: the next look finds the rest
        self.position += len(data)
        return data

    def _segments(self) -> list[int]:
        if _size(self._path) < self._head:
            return []
        prefix = f"{self._handle.command}.out."
        try:
            names = [entry.name for entry in self._handle.folder.iterdir()]
        except OSError:
            return []
        return sorted(int(name[len(prefix) :]) for name in names if name.startswith(prefix))


class OutputWindow:
    """The last lines of a command's output, for a screen; call :meth:`poll` now and then."""

    def __init__(self, handle: CommandHandle, limit: int = 1000) -> None:
        self._reader = OutputReader(handle)
        self._window = Display(limit)

    @property
    def size(self) -> int:
        """Bytes that the command has written."""
        return self._reader.size

    def poll(self, most: int = CATCH_UP) -> bool:
        """Take what is new, *most* bytes at a time; whether there was anything."""
        reader = self._reader
        reader.refresh()
        before = reader.position
        if reader.size - reader.position > CATCH_UP:
            self._left_out(reader.size - SHOWN - reader.position)
            reader.skip_to(reader.size - SHOWN)
        taken = 0
        while taken < most:
            skipped, data = reader.read()
            taken += len(data)
            if skipped:
                self._left_out(skipped)
            if not data:
                break
            self._window.feed(data)
        return reader.position != before

    def lines(self) -> list[str]:
        """The lines as they may be shown."""
        return self._window.lines()

    def words(self) -> list[str | tuple[tuple[str, str], ...]]:
        """The same with their colours (``LineWindow.words``)."""
        return self._window.words()

    def _left_out(self, missing: int) -> None:
        self._window.skip(f"… {missing} bytes are left out here …")


def watch_output(handle: CommandHandle, limit: int = 1000) -> OutputWindow:
    """A window over the last *limit* lines of what *handle* writes."""
    return OutputWindow(handle, limit)


def _layout(found: dict[str, Any]) -> dict[str, int] | None:
    layout = found.get("layout")
    return layout if isinstance(layout, dict) else None


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116 - looked at many times a second
    except OSError:
        return 0
