"""What a probe is, what it is given, and what it gives back.

A kind of check is one file in ``console/watch/probes``; its name is the kind. It holds

- ``Options``: a msgspec struct of the keys that belong to the kind,
- ``PLACEHOLDERS``: the names that its conditions may use,
- ``CONDITIONS``: the conditions that hold when the check names none,
- ``Probe``: built once from ``(options, wanted)``, *wanted* being the placeholders in use, then measured again and again.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from msgspec import Struct

from console.snapshot import DEGRADED, DOWN, OK
from console.watch.threads import DaemonThreads

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
LOOK_UPS: Final = 32  # name look-ups in flight
BLOCKING: Final = 16  # blocking system calls in flight


class Reading(Struct, frozen=True, kw_only=True):
    """What one measurement found, before the conditions are asked. ``detail`` may hold text from outside."""

    state: str = OK  # OK | DEGRADED | DOWN | UNKNOWN
    detail: str = ""
    values: Mapping[str, object] = {}
    latency_ms: float | None = None
    value: float | None = None  # the figure that a history is drawn of
    unit: str = ""


class Vitals(Struct, frozen=True, kw_only=True):
    """How the watch itself is doing, for the ``self`` probe."""

    journal_error: str = ""  # why events can't be saved
    unsaved: int = 0  # events that wait
    lateness_ms: float = 0.0  # p99 over the last runs
    skipped: int = 0  # runs left out in the last minute because they were late


class Probe(Protocol):
    """One measurement, again and again. ``host`` groups probes that must not crowd one machine; "" = this one."""

    host: str

    async def measure(self, tools: Tools) -> Reading:
        """Measure once. The caller bounds the time; errors that are an answer come as a :class:`Reading`."""
        ...


class ProbeError(Exception):
    """We could not measure: the check is UNKNOWN. ``str()`` is the reason in words."""


class Tools:
    """What probes share in one process: one HTTP client and TLS context each way, threads, a memory of a second."""

    def __init__(self, vitals: Callable[[], Vitals] = Vitals) -> None:
        self.vitals = vitals
        self._clients: dict[bool, httpx.AsyncClient] = {}
        self._stack = AsyncExitStack()
        self._threads = DaemonThreads(BLOCKING, "vigie-probe")
        self._shared: dict[str, tuple[float, asyncio.Future[Any]]] = {}

    async def __aenter__(self) -> Tools:
        # getaddrinfo runs on the default executor, and a hung look-up keeps its thread.
        asyncio.get_running_loop().set_default_executor(DaemonThreads(LOOK_UPS, "vigie-resolver"))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
        self._threads.shutdown(wait=False)

    async def http(self, *, insecure: bool = False) -> httpx.AsyncClient:
        """The shared client. No keep-alive (httpcore's pool is quadratic in its size), no proxies from the environment."""
        client = self._clients.get(insecure)
        if client is None:
            import httpx

            limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
            context = _tls(insecure)
            client = httpx.AsyncClient(verify=context, trust_env=False, timeout=None, limits=limits)  # noqa: S113 - the caller bounds the whole
            self._clients[insecure] = client
            await self._stack.enter_async_context(client)
        return client

    async def blocking(self, work: Callable[[], T]) -> T:
        """Run *work* in a thread: for system calls that can hang, such as ``statvfs`` on a lost network mount."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def shared(self, name: str, seconds: float, work: Callable[[], T]) -> T:
        """The result of *work*, run in a thread at most once in *seconds* for everybody who asks for *name*.

        While it hangs it is not started again: one lost mount costs one thread.
        """
        now = time.monotonic()
        made, future = self._shared.get(name, (float("-inf"), None))
        if future is None or (future.done() and (now - made > seconds or future.exception() is not None)):
            future = asyncio.ensure_future(self.blocking(work))
            self._shared[name] = (now, future)
        result: T = await asyncio.shield(future)
        return result


def _tls(insecure: bool) -> ssl.SSLContext:
    """A TLS context that trusts what this host trusts (also ``SSL_CERT_FILE``), so that a house's own CA is known."""
    paths = ssl.get_default_verify_paths()
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif not (paths.cafile or paths.capath):
        import certifi

        context.load_verify_locations(certifi.where())
    return context


def graded(value: float, warn: float | None, fail: float | None) -> str:
    """DOWN at or above *fail*, DEGRADED at or above *warn*, else OK."""
    if fail is not None and value >= fail:
        return DOWN
    return DEGRADED if warn is not None and value >= warn else OK
