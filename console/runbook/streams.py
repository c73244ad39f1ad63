"""What a command writes, on its way into the spool: masked, and its beginning and end remembered for judging.

One stream for all (a pipe, a pseudo-terminal), or standard error apart where values are taken from standard output: then
lines of the two stand in the order in which they arrived here. The supervisor imports this before it starts a command.
"""

from __future__ import annotations

import os
import select

from console.runbook.pace import Pace
from console.runbook.spool import Spool
from console.runbook.verdict import Text


class Streams:
    """The reading ends of one command after another; *forms* are what is masked (``mask.forms``)."""

    def __init__(self, poll: select.poll, spool: Spool, pace: Pace, forms: list[tuple[str, str]]) -> None:
        self.text = Text()  # of standard output, since :meth:`open`
        self.errors = Text()  # of standard error, where that is apart
        self._poll = poll
        self._spool = spool
        self._pace = pace
        self._forms = forms
        self._masks: dict[int, object] = {}
        self._texts: dict[int, Text] = {}
        self._held = False
        self._masked = 0

    def open(self, out: int, err: int = -1) -> None:
        """Read from these from here on; what an earlier command left behind is still read, but not judged."""
        self.text, self.errors = Text(), Text()
        self._texts = {out: self.text, err: self.errors}
        for handle in (out, err):
            if handle < 0:
                continue
            os.set_blocking(handle, False)
            self._masks[handle] = self._masker()
            self._poll.register(handle, select.POLLIN)

    def _masker(self) -> object:
        if not self._forms:
            return None
        from console.runbook.mask import Masker

        return Masker(self._forms)

    @property
    def masked(self) -> int:
        """How many secrets were masked."""
        return self._masked + sum(getattr(mask, "count", 0) for mask in self._masks.values())

    @property
    def is_open(self) -> bool:
        """Whether anybody may still write."""
        return bool(self._masks)

    @property
    def held(self) -> bool:
        """Whether the command waits for its follower."""
        return self._held

    def __contains__(self, handle: int) -> bool:
        return handle in self._masks

    def hold(self, on: bool) -> None:
        """Stop reading, or go on."""
        if on == self._held:
            return
        self._held = on
        for handle in self._masks:
            if on:
                self._poll.unregister(handle)
            else:
                self._poll.register(handle, select.POLLIN)

    def read(self, handle: int) -> int:
        """One chunk from *handle* into the spool; how many bytes, 0 when there is none now or none to come."""
        try:
            chunk = os.read(handle, self._pace.chunk)
        except BlockingIOError:
            return 0
        except OSError:
            chunk = b""  # a pseudo-terminal whose last user is gone
        if not chunk:
            self.close(handle)
            return 0
        mask = self._masks[handle]
        kept = chunk if mask is None else mask.feed(chunk)  # type: ignore[attr-defined]  # imported only where needed
        if handle in self._texts:
            self._texts[handle].add(kept)
        if kept:
            self._spool.write(kept)
        return len(chunk)

    def drain(self, most: int) -> None:
        """What is there now, up to *most* bytes."""
        for handle in tuple(self._masks):
            left = most
            while left > 0 and handle in self._masks and (taken := self.read(handle)):
                left -= taken

    def flush(self) -> None:
        """Nothing is held back any more: what looked like the beginning of a secret is passed on."""
        for handle, mask in self._masks.items():
            self._pass_on(handle, mask)

    def _pass_on(self, handle: int, mask: object) -> None:
        rest = b"" if mask is None else mask.flush()  # type: ignore[attr-defined]  # as above
        if rest:
            if handle in self._texts:
                self._texts[handle].add(rest)
            self._spool.write(rest)

    def discard(self, handle: int) -> None:
        """Read and forget: the record is closed."""
        try:
            if os.read(handle, 1 << 18):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self.close(handle, keep=False)

    def close(self, handle: int, *, keep: bool = True) -> None:
        """*handle* has no writer any more."""
        mask = self._masks.pop(handle)
        if keep:
            self._pass_on(handle, mask)
        self._texts.pop(handle, None)  # the number may come back as another one
        self._masked += getattr(mask, "count", 0)
        if not self._held:
            self._poll.unregister(handle)
        os.close(handle)
