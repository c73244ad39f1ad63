"""``vigie attach``: files, folders or stdin as evidence, byte for byte."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from console.commands.context import Context, fail

if TYPE_CHECKING:
    from console.journal.events import Attached
    from console.journal.evidence import Evidence


@click.command()
@click.option("--incident", metavar="ID", help="Which incident (VIGIE_INCIDENT; else the newest open one).")
@click.option("--name", metavar="NAME", help="What to call it; needed for - (stdin).")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@click.pass_obj
def attach(ctx: Context, incident: str | None, name: str | None, as_json: bool, paths: tuple[str, ...]) -> None:
    """Keep files as evidence, byte for byte, with their SHA-256; a folder is kept as tar with a hash of each file."""
    from console.journal.events import New
    from console.journal.evidence import Evidence

    if "-" in paths and (len(paths) > 1 or not name):
        fail("- is stdin: it comes alone, and needs --name NAME")
    if name and len(paths) > 1:
        fail("--name is for one attachment; several keep their own names")
    with ctx.journal(create=False) as journal:
        stream = ctx.incident(journal, incident)
        if stream is None:
            fail("no incident is open; `vigie declare` makes one, --incident ID names one")
        evidence = Evidence(ctx.paths.evidence, ctx.file_mode)
        kept = [_keep(ctx, evidence, path, name) for path in paths]  # on disk before the journal says so
        events = journal.append(stream, [New(body=body) for body in kept])
        alias = journal.alias(stream)
    if as_json:
        rows = [
            {"id": event.id, "incident": alias, **_document(body)} for event, body in zip(events, kept, strict=True)
        ]
        ctx.json(rows)
        return
    for body in kept:
        ctx.echo(f"{body.sha256}  {body.size}  {body.name}")


def _document(body: Attached) -> dict[str, object]:
    return {"name": body.name, "sha256": body.sha256, "size": body.size, "media": body.media, "files": dict(body.files)}


def _keep(ctx: Context, evidence: Evidence, path: str, name: str | None) -> Attached:
    from mimetypes import guess_type

    from console.journal.events import Attached
    from console.sanitize import one_line

    files: dict[str, str] = {}
    if path == "-":
        label, media = str(name), guess_type(str(name))[0] or "application/octet-stream"
        sha256, size = evidence.keep(sys.stdin.buffer)
    else:
        source = Path(path)
        if ctx.paths.holds(source):
            fail(f"{path}: is the record itself, or a part of it; `vigie backup FILE` copies it safely")
        label = name or source.absolute().name
        if source.is_dir():
            label, media = name or f"{label}.tar", "application/x-tar"
            sha256, size, files = _keep_folder(ctx, evidence, source)
        elif source.is_file():
            media = guess_type(source.name)[0] or "application/octet-stream"
            with source.open("rb") as stream:
                sha256, size = evidence.keep(stream)
        else:
            fail(f"{path}: no such file or folder" if not source.exists() else f"{path}: neither a file nor a folder")
    return Attached(name=one_line(label, 300), sha256=sha256, size=size, media=media, files=files)


def _keep_folder(ctx: Context, evidence: Evidence, folder: Path) -> tuple[str, int, dict[str, str]]:
    """Tar *folder* (links kept as links, in order of name); ``(hash, size, path → hash)``. What is no file is named."""
    import tarfile
    import tempfile

    from console.sanitize import one_line

    hashes: dict[str, str] = {}
    evidence.make()
    with tempfile.TemporaryFile(dir=evidence.folder) as spool:
        with tarfile.open(fileobj=spool, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for path in sorted(_below(ctx, folder)):
                inside = str(path.relative_to(folder))
                if not path.is_symlink() and ctx.paths.holds(path):
                    if path in (ctx.paths.database, ctx.paths.folder):
                        ctx.note(f"left out, the record itself: {path}; `vigie backup FILE` copies it safely")
                    continue  # opening the database outside SQLite would drop its locks
                info = tar.gettarinfo(str(path), arcname=inside)
                if info is None or not (info.isreg() or info.isdir() or info.issym() or info.islnk()):
                    ctx.note(f"left out, not a file: {one_line(str(path))}")
                elif info.isreg():
                    with path.open("rb") as stream:
                        hashed = _Hashing(stream, info.size)
                        tar.addfile(info, hashed)
                    hashes[one_line(inside)] = hashed.digest.hexdigest()
                else:
                    tar.addfile(info)
        spool.seek(0)
        sha256, size = evidence.keep(spool)
    return sha256, size, hashes


def _below(ctx: Context, folder: Path) -> Iterator[Path]:
    def unreadable(error: OSError) -> None:
        ctx.note(f"left out, can't be read ({error.strerror}): {error.filename}")

    for parent, folders, files in os.walk(folder, onerror=unreadable):
        yield from (Path(parent) / name for name in (*folders, *files))


class _Hashing(io.RawIOBase):
    """A file of fixed length, hashed as it is read: what grows meanwhile is cut, what shrinks is filled with zeros."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        import hashlib

        self.digest = hashlib.sha256()
        self._stream = stream
        self._left = size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._stream.read(wanted)
        data += b"\0" * (wanted - len(data))
        self._left -= wanted
        self.digest.update(data)
        return data
