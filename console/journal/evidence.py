"""Evidence: attachments kept byte for byte beside the database, named by their SHA-256, read-only."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import BinaryIO, Final

from console.journal import place

_CHUNK: Final = 1 << 20


class Evidence:
    """The folder of kept files; made when first needed, for its owner alone or for the group that *file_mode* lets in."""

    def __init__(self, folder: Path, file_mode: int = 0o600) -> None:
        self.folder = folder
        self._file_mode = file_mode

    def make(self) -> None:
        """The folder, if it is not there. Raises ``OSError``."""
        place.make_folder(self.folder, self._file_mode)

    def keep(self, stream: BinaryIO) -> tuple[str, int]:
        """Copy *stream* to disk; ``(hex SHA-256, size in bytes)``. On disk, synced, when it returns. Raises ``OSError``."""
        self.make()
        digest, size = hashlib.sha256(), 0
        handle, name = tempfile.mkstemp(dir=self.folder, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as out:
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
                    out.write(chunk)
                out.flush()
                os.fchmod(out.fileno(), self._file_mode & 0o440)
                os.fsync(out.fileno())
            target = self.path(digest.hexdigest())
            place.make_folder(target.parent, self._file_mode)
            Path(name).replace(target)
        except BaseException as error:
            Path(name).unlink(missing_ok=True)
            if isinstance(error, OSError) and error.filename is None:
                error.filename = str(self.folder)
            raise
        place.sync_folder(target.parent)
        return digest.hexdigest(), size

    def path(self, sha256: str) -> Path:
        """Where the bytes with this hash are kept."""
        return self.folder / sha256[:2] / sha256

    def matches(self, sha256: str) -> bool:
        """Whether the bytes are there and still have their hash."""
        try:
            with self.path(sha256).open("rb") as kept:
                return hashlib.file_digest(kept, "sha256").hexdigest() == sha256
        except OSError:
            return False
