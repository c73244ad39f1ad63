"""Who may work at once: so many checks in all, so many against one host.

A place is for work: sending, parsing, judging. Whoever is at it for long only waits, for a socket or a program that
says nothing, and that costs next to nothing: it gives its place to others, so that hundreds that hang delay nobody.
How many may wait so is bounded, too; after that a check that hangs keeps its place.
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final

AT_ONCE: Final = 64  # checks at work
PER_HOST: Final = 4  # of them against one host
PATIENCE_S: Final = 0.25  # from then on it only waits
_BREATHLESS_S: Final = 0.1  # a timer that comes so late says that this process can't keep up
_WAITING: Final = 2000  # that wait beside those at work


def most_waiting() -> int:
    """How many may wait: each needs a descriptor or two, and half of what we may have is for others."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _WAITING if soft == resource.RLIM_INFINITY else min(_WAITING, max(0, soft // 2 - AT_ONCE))


class Places:
    """The places of one schedule. *hosts*: those of its checks; "" is this machine, which has no limit of its own."""

    def __init__(
        self,
        hosts: Iterable[str],
        *,
        at_once: int = AT_ONCE,
        per_host: int = PER_HOST,
        waiting: int | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._all = asyncio.Semaphore(at_once)
        self._hosts = {host: asyncio.Semaphore(per_host) for host in hosts if host}
        self._most = most_waiting() if waiting is None else waiting
        self._patience_s = patience_s
        self._waiting = 0

    @asynccontextmanager
    async def place(self, host: str) -> AsyncIterator[None]:
        """A place for a check of *host*, waited for in turn."""
        limits = [limit for limit in (self._hosts.get(host), self._all) if limit is not None]
        held: list[asyncio.Semaphore] = []
        loop = asyncio.get_running_loop()
        timer: asyncio.TimerHandle | None = None
        waits = False

        def later() -> asyncio.TimerHandle:
            return loop.call_later(self._patience_s, make_room, loop.time() + self._patience_s)

        def make_room(due: float) -> None:
            nonlocal timer, waits
            # Where the loop itself is late it is not the others who are slow: more at once would make it worse.
            if self._waiting >= self._most or loop.time() - due > _BREATHLESS_S:
                timer = later()
                return
            timer, waits = None, True
            self._waiting += 1
            while held:
                held.pop().release()

        try:
            for limit in limits:
                await limit.acquire()
                held.append(limit)
            timer = later()
            yield
        finally:
            if timer is not None:
                timer.cancel()
            self._waiting -= waits
            while held:
                held.pop().release()
