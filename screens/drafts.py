"""Half-typed lines and small choices, kept as they are typed, off the UI thread.

Only the newest text of a key is written; ``put`` never waits. What can't be kept is told once, in one line.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from console.journal.drafts import Drafts


class DraftKeeper:
    """Keeps texts by key in the drafts file; one thread owns its connection."""

    def __init__(self, deliver: Callable[..., object], loaded: Callable[[Mapping[str, str]], None]) -> None:
        """*loaded* gets, through *deliver*, all that was kept before, once :meth:`start` has opened the file."""
        self._deliver = deliver
        self._loaded = loaded
        self._texts: dict[str, str] = {}
        self._waiting: dict[str, str] = {}
        self._condition = threading.Condition()
        self._closing = False
        self._busy = False
        self._thread: threading.Thread | None = None

    def start(self, path: Path, failed: Callable[[str], None], *, file_mode: int = 0o600) -> None:
        """Open *path* in the keeper's thread and load what is there; *failed* gets a line when that can't be done."""
        self._thread = threading.Thread(target=self._run, args=(path, failed, file_mode), name="drafts", daemon=True)
        self._thread.start()

    def put(self, key: str, text: str) -> None:
        """Keep *text* under *key* ("" forgets it)."""
        with self._condition:
            self._texts[key] = text
            self._waiting[key] = text
            self._condition.notify_all()

    def get(self, key: str) -> str:
        """What is kept under *key*, as far as is known."""
        with self._condition:
            return self._texts.get(key, "")

    def keys(self, prefix: str) -> list[str]:
        """The kept keys that begin with *prefix*, in order."""
        with self._condition:
            return sorted(key for key, text in self._texts.items() if text and key.startswith(prefix))

    def flush(self, timeout: float = 2.0) -> bool:
        """Wait until everything is written; whether it was, in time."""
        with self._condition:
            return self._condition.wait_for(lambda: not self._waiting and not self._busy, timeout)

    def close(self, timeout: float = 1.0) -> None:
        """Write what waits, then stop."""
        with self._condition:
            self._closing = True
            self._condition.notify_all()
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self, path: Path, failed: Callable[[str], None], file_mode: int) -> None:
        from console.journal.drafts import Drafts
        from console.journal.errors import JournalError

        try:
            drafts = Drafts(path, file_mode)
        except (JournalError, OSError) as error:
            self._deliver(failed, f"drafts can't be kept: {error}")
            drafts = None
        try:
            if drafts is not None:
                kept = {key: drafts.get(key) for key in drafts.keys("")}
                with self._condition:
                    self._texts = {**kept, **self._texts}
                self._deliver(self._loaded, kept)
            self._write(drafts, failed)
        finally:
            if drafts is not None:
                drafts.close()

    def _write(self, drafts: Drafts | None, failed: Callable[[str], None]) -> None:
        from console.journal.errors import JournalError

        told = False
        while True:
            with self._condition:
                while not self._waiting and not self._closing:
                    self._condition.wait()
                if not self._waiting:
                    return
                batch, self._waiting = self._waiting, {}
                self._busy = True
            try:
                if drafts is not None:
                    for key, text in batch.items():
                        drafts.put(key, text)
                    told = False
            except JournalError as error:
                if not told:
                    self._deliver(failed, f"drafts can't be kept: {error}")
                told = True
            finally:
                with self._condition:
                    self._busy = False
                    self._condition.notify_all()
