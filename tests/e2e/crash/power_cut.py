"""What a disk holds after a power cut, from the system calls of the program that wrote to it.

``strace`` records every write, truncation, sync, creation and removal. A cut after any of them is then modelled: what
was synced is there; of the rest nothing, everything, or any part of it, torn at the sector, in any order. A name made or
removed in a folder is certain only after that folder was synced.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

SECTOR: Final = 512
TRACED: Final = (
    "openat,write,pwrite64,writev,pwritev,fsync,fdatasync,ftruncate,unlink,unlinkat,rename,renameat,link,linkat"
)

Mood = Literal["lost", "kept", "mixed"]  # of the disk, about what was not synced


@dataclass(frozen=True)
class Call:
    """One system call that matters. ``kind``: write, truncate, sync, create, unlink."""

    kind: str
    path: str
    offset: int = 0  # of a write; -1 = at the end
    data: bytes = b""
    size: int = 0  # of a truncation


def record(argv: Sequence[str | os.PathLike[str]], strace: Path, log: Path) -> None:
    """Run *argv* under strace; raises ``CalledProcessError`` when it fails."""
    command = [strace, "-f", "-qq", "-y", "-xx", "-s", "1000000", "-e", f"trace={TRACED}", "-o", log, "--", *argv]
    subprocess.run([os.fspath(part) for part in command], check=True, timeout=100)


_CALL: Final = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+)")
_FD: Final = re.compile(r"^(?:\d+|AT_FDCWD)<([^>]*)>")
_STRING: Final = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


def _text(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", ""))


def calls(log: Path, folder: Path) -> Iterator[Call]:
    """The calls of *log* that touch *folder*, in order. An unfinished or unexpected line raises ``ValueError``."""
    inside = os.fspath(folder)
    with log.open(encoding="ascii", errors="strict") as lines:
        for line in lines:
            match = _CALL.match(line)
            if match is None:
                if "unfinished" in line or "resumed" in line:
                    raise ValueError(f"two threads at once, order unknown: {line[:100]}")
                continue
            name, arguments, result = match[1], match[2], int(match[3])
            if result < 0:
                continue
            yield from (call for call in _parse(name, arguments, result) if call.path.startswith(inside))


def _parse(name: str, arguments: str, result: int) -> Iterator[Call]:
    strings = [_text(found) for found in _STRING.findall(arguments)]
    handle = _FD.match(arguments)
    path = _text(handle[1]).decode(errors="replace") if handle else ""
    if name == "openat":
        if "O_CREAT" in arguments:
            yield Call("create", strings[0].decode())
        if "O_TRUNC" in arguments:
            yield Call("truncate", strings[0].decode())
    elif name == "pwrite64":
        offset = int(arguments.rsplit(",", 1)[1])
        yield Call("write", path, offset, strings[0][:result])
    elif name == "write":
        yield Call("write", path, -1, strings[0][:result])
    elif name == "ftruncate":
        yield Call("truncate", path, size=int(arguments.rsplit(",", 1)[1]))
    elif name in ("fsync", "fdatasync"):
        yield Call("sync", path)
    elif name == "unlink":
        yield Call("unlink", strings[0].decode())
    elif name == "unlinkat":
        yield Call("unlink", os.fspath(Path(path) / strings[0].decode()))
    elif strings:  # a rename, a link or a vectored write inside the folder would need its own model
        yield Call(f"unmodelled {name}", strings[0].decode(errors="replace"))


@dataclass
class File:
    """A file's certain content, and what was done to it since the last sync."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[Call] = field(default_factory=list)

    def after(self, mood: Mood, rng: random.Random) -> bytes:
        """Its content after a cut."""
        content = bytearray(self.durable)
        for call in self.pending if mood != "lost" else ():
            if call.kind == "truncate":
                if mood == "kept" or rng.random() < 0.5:
                    _apply(content, call)
                continue
            if mood == "kept":
                _apply(content, call)
                continue
            for start in range(0, len(call.data), SECTOR):
                if rng.random() < 0.5:
                    piece = call.data[start : start + SECTOR]
                    _apply(content, Call("write", call.path, call.offset + start, piece))
        return bytes(content)

    def sync(self) -> None:
        """Everything so far is certain."""
        for call in self.pending:
            _apply(self.durable, call)
        self.pending.clear()


def _apply(content: bytearray, call: Call) -> None:
    if call.kind == "truncate":
        del content[call.size :]
        content.extend(bytes(call.size - len(content)))
        return
    offset = len(content) if call.offset < 0 else call.offset
    if offset > len(content):
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(call.data)] = call.data


class Disk:
    """A folder on a disk with a volatile cache. Play :class:`Call`\\ s into it, then look at what a cut would leave."""

    def __init__(self, folder: Path) -> None:
        self.folder = os.fspath(folder)
        # name → file; certain is what the synced folder says, current what programs see.
        self.current = {os.fspath(path): File(bytearray(path.read_bytes())) for path in folder.iterdir()}
        self.certain = dict(self.current)

    def play(self, call: Call) -> None:
        """One call happens. Raises ``ValueError`` for one that has no model here."""
        if call.kind == "create":
            self.current.setdefault(call.path, File())
        elif call.kind == "unlink":
            self.current.pop(call.path, None)
        elif call.kind == "sync":
            if call.path == self.folder:
                self.certain = dict(self.current)
            elif call.path in self.current:
                self.current[call.path].sync()
        elif call.kind in ("write", "truncate"):
            if call.path in self.current:
                self.current[call.path].pending.append(call)
        else:
            raise ValueError(f"{call.kind}: {call.path}")

    def cut(self, mood: Mood, rng: random.Random) -> dict[str, bytes]:
        """Name → content of what is found after the power comes back."""
        names = dict(self.certain)
        for name in self.certain.keys() | self.current.keys():
            if self.certain.get(name) is self.current.get(name):
                continue
            if mood == "kept" or (mood == "mixed" and rng.random() < 0.5):
                names.pop(name, None)
                if name in self.current:
                    names[name] = self.current[name]
        return {Path(name).name: file.after(mood, rng) for name, file in names.items()}
