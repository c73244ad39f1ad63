"""The event loop of the watch: its name look-ups run in threads of their own, and a resolver that hangs holds up nobody.

One look-up at a time for each name, however many ask. Where it gives no answer soon, the last good addresses are used
and said to be so; where there are none and every thread hangs, who asks is told at once.
"""

from __future__ import annotations

import asyncio
import socket
import time
from contextvars import ContextVar
from typing import Any, Final

from msgspec import Struct

from console.watch.threads import DaemonThreads

LOOK_UPS: Final = 32  # in flight
PATIENCE_S: Final = 1.0  # before the last good addresses are used
GOOD_FOR_S: Final = 3600.0  # how long they may be
_STUCK_S: Final = 2.0  # a look-up of this age hangs
_REMEMBERED: Final = 4096  # names
# Answers that say something about the resolver, not about the name.
_NO_ANSWER: Final = (socket.EAI_AGAIN, socket.EAI_FAIL, socket.EAI_SYSTEM, socket.EAI_MEMORY)


class LookUps:
    """What one task waits for that is ours, not the other side's.

    A name in ``pending`` was never answered; ``old`` is used without an answer; ``preparing`` counts waits for our own threads.
    ``got`` is what the other side has sent so far, should the time be up before it has said all.
    """

    def __init__(self) -> None:
        self.pending: list[str] = []
        self.old: list[str] = []
        self.preparing = 0
        self.got = ""


looking_up: ContextVar[LookUps | None] = ContextVar("looking_up", default=None)


class _Good(Struct, frozen=True):
    at: float
    addresses: Any


class WatchLoop(asyncio.SelectorEventLoop):
    """The usual loop with a ``getaddrinfo`` that is bounded, remembers, and notes itself in :data:`looking_up`."""

    def __init__(self) -> None:
        super().__init__()
        self._resolver = DaemonThreads(LOOK_UPS, "vigie-resolver")
        self._asked: dict[Any, tuple[float, asyncio.Future[Any]]] = {}
        self._good: dict[Any, _Good] = {}

    def stuck(self) -> int:
        """Names that the resolver has given no answer for in seconds."""
        now = time.monotonic()
        return sum(now - began > _STUCK_S for began, _ in self._asked.values())

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        key = (host, port, *sorted(options.items()))
        notes = looking_up.get() or LookUps()
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
        good = self._good.get(key)
        if good is not None and time.monotonic() - good.at > GOOD_FOR_S:
            good = None
        notes.pending.append(name)
        try:
            found = await asyncio.wait_for(
                asyncio.shield(self._ask(key, host, port, options)), PATIENCE_S if good else None
            )
        except (TimeoutError, socket.gaierror) as error:
            notes.pending.remove(name)
            if good is None or (isinstance(error, socket.gaierror) and error.errno not in _NO_ANSWER):
                raise
            notes.old.append(name)
            return good.addresses
        # A cancelled wait is no answer, and stays noted.
        notes.pending.remove(name)
        return found

    def _ask(self, key: Any, host: Any, port: Any, options: Any) -> asyncio.Future[Any]:
        if key in self._asked:
            return self._asked[key][1]
        if self._resolver.busy >= LOOK_UPS and self.stuck():
            raise socket.gaierror(socket.EAI_AGAIN, f"the resolver is stuck, {self.stuck()} look-ups without an answer")
        # socket.getaddrinfo is looked up now, so that whoever replaces it is heard
        future = self.run_in_executor(self._resolver, lambda: socket.getaddrinfo(host, port, **options))
        self._asked[key] = (time.monotonic(), future)
        future.add_done_callback(lambda done: self._answered(key, done))
        return future

    def _answered(self, key: Any, done: asyncio.Future[Any]) -> None:
        self._asked.pop(key, None)
        if done.cancelled() or done.exception() is not None:
            return
        self._good.pop(key, None)
        while len(self._good) >= _REMEMBERED:
            del self._good[next(iter(self._good))]
        self._good[key] = _Good(time.monotonic(), done.result())

    def close(self) -> None:
        self._resolver.shutdown(wait=False)
        super().close()
