"""The event loop of the watch: it knows which name look-ups a task is waiting for."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any

# Names that the running check has asked for and not got. What is left in it when the time is up was never answered.
looking_up: ContextVar[list[str] | None] = ContextVar("looking_up", default=None)


class WatchLoop(asyncio.SelectorEventLoop):
    """The usual loop, whose ``getaddrinfo`` notes itself in :data:`looking_up`."""

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        pending = looking_up.get()
        if pending is None:
            return await super().getaddrinfo(host, port, **options)
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
        pending.append(name)
        try:
            found = await super().getaddrinfo(host, port, **options)
        except Exception:  # an answer too; a cancelled wait is none, and stays noted
            pending.remove(name)
            raise
        pending.remove(name)
        return found
