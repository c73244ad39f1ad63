"""Heartbeats: the last sign of life of each job, one small file each, so that it survives whatever restarts.

A job says ``vigie beat NAME``, or a line to the Unix socket beside the database: ``NAME``, ``NAME ok`` or
``NAME fail why it failed``.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from console.clock import Clock
from console.sanitize import one_line

SOCKET: Final = "beat.sock"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_MESSAGE: Final = 200  # characters
_AHEAD: Final = timedelta(minutes=5)  # a clock may be so far before ours
_LINE: Final = 1024  # bytes
_PATIENCE_S: Final = 5.0
_AT_ONCE: Final = 32


class BeatError(ValueError):
    """A heartbeat that can't be taken; ``str()`` is one line."""


class Beat(Struct, frozen=True, kw_only=True):
    """One sign of life."""

    name: str
    at: datetime
    ok: bool = True
    message: str = ""


def good_name(name: str) -> bool:
    """Whether *name* may name a job: letters, digits, ``.``, ``_`` and ``-``."""
    return _NAME.fullmatch(name) is not None


def keep(folder: Path, beat: Beat, now: datetime, mode: int = 0o600) -> bool:
    """Put *beat* into *folder*; on disk when this returns. False: a later one is there already.

    Raises :class:`BeatError`, ``OSError``.
    """
    if not good_name(beat.name):
        raise BeatError(f"expected a name of letters, digits, '.', '_' and '-', got {one_line(beat.name, 40)!r}")
    if beat.at > now + _AHEAD:
        raise BeatError("a heartbeat can't come from the future")
    known = last(folder, beat.name)
    if known is not None and known.at > beat.at:
        return False
    folder.mkdir(parents=True, exist_ok=True, mode=0o700 if mode == 0o600 else 0o770)
    clean = Beat(name=beat.name, at=beat.at, ok=beat.ok, message=one_line(beat.message, _MESSAGE))
    written = folder / f".{beat.name}.{os.getpid()}"
    try:
        with open(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:  # noqa: PTH123 - a mode
            file.write(msgspec.json.encode(clean))
            file.flush()
            os.fsync(file.fileno())
        written.replace(folder / f"{beat.name}.json")
    finally:
        written.unlink(missing_ok=True)
    return True


def last(folder: Path, name: str) -> Beat | None:
    """The last heartbeat of *name*; None when there was none. Raises ``OSError``."""
    try:
        with (folder / f"{name}.json").open("rb") as file:
            return msgspec.json.decode(file.read(_LINE * 4), type=Beat)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError:
        raise OSError(f"{folder / name}.json is not a heartbeat") from None


def read_line(line: str, now: datetime) -> Beat:
    """What a job says to the socket. Raises :class:`BeatError`."""
    name, _, rest = line.strip().partition(" ")
    word, _, message = rest.strip().partition(" ")
    if not good_name(name) or word not in ("", "ok", "fail"):
        raise BeatError("expected NAME, NAME ok or NAME fail and why")
    return Beat(name=name, at=now, ok=word != "fail", message=message)


@asynccontextmanager
async def listening(folder: Path, clock: Clock, mode: int, say: Callable[[str], None]) -> AsyncIterator[None]:
    """Take heartbeats from a Unix socket in *folder*. Where that can't be, it is said, and all else goes on."""
    server, ours = None, 0
    path = folder / SOCKET
    try:
        _make_room(path, mode)
        server = await asyncio.start_unix_server(_Listener(folder, clock, mode), path, limit=_LINE)
        path.chmod(mode)
        ours = path.stat().st_ino
    except OSError as error:
        say(f"no heartbeats over a socket: {path}: {error.strerror or error}")
    try:
        yield
    finally:
        if server is not None:
            server.close()
            _unlink_if(path, ours)


def _make_room(path: Path, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if mode == 0o600 else 0o770)
    path.unlink(missing_ok=True)  # whoever leads may; the one before us is gone


def _unlink_if(path: Path, inode: int) -> None:
    """Whoever took the lead from us has put a socket of its own there."""
    try:
        if path.stat().st_ino == inode:
            path.unlink()
    except OSError:
        pass


class _Listener:
    def __init__(self, folder: Path, clock: Clock, mode: int) -> None:
        self._folder, self._clock, self._mode = folder, clock, mode
        self._talking = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._talking += 1
        try:
            if self._talking > _AT_ONCE:
                raise BeatError("too many at once")
            async with asyncio.timeout(_PATIENCE_S):
                line = (await reader.readline()).decode("utf-8", "replace")
            now = self._clock.now()
            beat = read_line(line, now)
            await asyncio.to_thread(keep, self._folder, beat, now, self._mode)
            answer = "ok"
        except (BeatError, ValueError) as error:  # ValueError: a line without end
            answer = f"error: {error if isinstance(error, BeatError) else 'expected one short line'}"
        except (OSError, TimeoutError) as error:
            answer = f"error: {one_line(str(error) or 'nothing was said', 200)}"
        finally:
            self._talking -= 1
        try:
            writer.write(answer.encode() + b"\n")
            async with asyncio.timeout(_PATIENCE_S):
                await writer.drain()
        except (OSError, TimeoutError):
            pass
        finally:
            writer.close()
