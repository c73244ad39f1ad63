"""What a probe is, what it is given, and what it gives back.

A kind of check is one file in ``console/watch/probes``; its name is the kind. It holds

- ``Options``: a msgspec struct of the keys that belong to the kind; its ``__post_init__`` refuses what can't work,
- ``PLACEHOLDERS``: the names that its conditions may use,
- ``CONDITIONS``: the conditions that hold when the check names none,
- ``Probe``: built once from ``(options, wanted)``, *wanted* being the placeholders in use, then measured again and again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import AsyncExitStack
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, runtime_checkable

from msgspec import Struct

from console.access import AccessError, headers_of, http2_alone, secret, tls_context
from console.snapshot import DEGRADED, DOWN, OK
from console.sources import Access
from console.watch.loop import LookUps, looking_up
from console.watch.threads import DaemonThreads

if TYPE_CHECKING:
    import ssl

    import httpx

T = TypeVar("T")
LOOK_UPS: Final = 32  # name look-ups in flight
BLOCKING: Final = 16  # blocking system calls in flight
_SECRET_S: Final = 5.0  # before a password or token is read again
# When the time of the check that runs is up, on the loop's clock.
ends_at: ContextVar[float] = ContextVar("ends_at", default=float("inf"))


class Reading(Struct, frozen=True, kw_only=True):
    """What one measurement found, before the conditions are asked. ``detail`` may hold text from outside."""

    state: str = OK  # OK | DEGRADED | DOWN | UNKNOWN
    detail: str = ""
    values: Mapping[str, object] = {}
    latency_ms: float | None = None
    value: float | None = None  # the figure that a history is drawn of
    unit: str = ""
    told: Collection[str] = ()  # placeholders whose values the detail says already
    certain: bool = False  # needs no second look: somebody said so, or a clock did
    got: str = ""  # what came from the other side, for whoever wants to know why it failed; no request, no secret
    memory: str = ""  # what this probe wants back from the watch that goes on after this one (:class:`Remembering`)


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


@runtime_checkable
class Remembering(Protocol):
    """A probe that goes on where the watch before this one was."""

    def resume(self, memory: str) -> None:
        """Before the first measurement: the last ``memory`` of a reading of the same question."""
        ...


class ProbeError(Exception):
    """We could not measure: the check is UNKNOWN. ``str()`` is the reason in words, *got* what came all the same."""

    def __init__(self, words: str, got: str = "") -> None:
        super().__init__(words)
        self.got = got


class Place(Struct, frozen=True, kw_only=True):
    """Where things are that checks name: *base* is the folder of the configuration, *beats* that of heartbeats."""

    base: Path | None = None  # None = the current folder
    beats: Path | None = None


class Client(Struct, frozen=True, kw_only=True):
    """What an HTTP client is made of; checks that want the same share one."""

    access: Access = Access()
    http2: bool = False
    own: int = 0  # not shared with whoever has another number: requests of HTTP/2 would share a connection
    socket: str = ""  # of a Unix socket to speak to, whatever the URL's host
    proxy_auth: tuple[str, str] = ("", "")  # the proxy's user, and where its password is: "file:…" or "env:…"


class Tools:
    """What probes share in one process: HTTP clients and TLS contexts, threads, a memory of a second."""

    def __init__(self, vitals: Callable[[], Vitals] = Vitals, place: Place | None = None) -> None:
        place = place or Place()
        self.vitals = vitals
        self.base = place.base or Path.cwd()
        self.beats = place.beats
        self._clients: dict[Client, httpx.AsyncClient] = {}
        self._contexts: dict[tuple[Access, bool], ssl.SSLContext] = {}
        self._stack = AsyncExitStack()
        self._threads = DaemonThreads(BLOCKING, "vigie-probe")
        self._shared: dict[str, tuple[float, asyncio.Future[Any]]] = {}

    async def __aenter__(self) -> Tools:
        # On a loop that is not the watch's own, getaddrinfo runs on the default executor, and a hung look-up keeps its thread.
        asyncio.get_running_loop().set_default_executor(DaemonThreads(LOOK_UPS, "vigie-default"))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
        self._threads.shutdown(wait=False)

    def path(self, named: str) -> Path:
        """The file that a check names: relative to the configuration, ``~`` understood."""
        return self.base / Path(named).expanduser()

    async def http(self, wanted: Client) -> httpx.AsyncClient:
        """The client for *wanted*. No keep-alive (httpcore's pool is quadratic in its size), no proxies from the environment.

        Raises :class:`ProbeError` when our own certificates or secrets can't be used.
        """
        client = self._clients.get(wanted)
        if client is None:
            client = await self._make(wanted)
            if wanted in self._clients:  # somebody else was quicker while we waited
                await client.aclose()
                return self._clients[wanted]
            self._clients[wanted] = client
            await self._stack.enter_async_context(client)
        return client

    async def _make(self, wanted: Client) -> httpx.AsyncClient:
        import httpx

        # a context costs tens of milliseconds, and one that nobody uses would too
        context = False if wanted.socket else await self.tls(wanted.access, http2=wanted.http2)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        proxy = None
        if wanted.access.proxy:
            proxy = httpx.Proxy(wanted.access.proxy, auth=await self._proxy_auth(wanted))
        carrier = None
        if wanted.socket:
            carrier = httpx.AsyncHTTPTransport(uds=wanted.socket, limits=limits)
        return httpx.AsyncClient(
            verify=context,
            trust_env=False,
            timeout=None,  # noqa: S113 - the caller bounds the whole
            limits=limits,
            proxy=proxy,
            http1=not wanted.http2,
            http2=wanted.http2,
            transport=carrier,
        )

    async def _proxy_auth(self, wanted: Client) -> tuple[str, str] | None:
        user, where = wanted.proxy_auth
        if not user:
            return None
        how, _, named = where.partition(":")
        return user, await self._own(
            lambda: secret(named if how == "file" else "", named if how == "env" else "", self.base)
        )

    async def tls(self, access: Access, *, http2: bool = False) -> ssl.SSLContext:
        """The TLS context for *access*, made once. Raises :class:`ProbeError`."""
        trust = Access(
            ca_file=access.ca_file, cert_file=access.cert_file, key_file=access.key_file, insecure=access.insecure
        )
        made = self._contexts.get((trust, http2))
        if made is None:
            made = await self._own(lambda: tls_context(trust, self.base))
            self._contexts[trust, http2] = http2_alone(made) if http2 else made
        return made

    async def headers(self, access: Access) -> Mapping[str, str]:
        """The header that says who we are. Secrets are read again after seconds: one that was renewed is the one that counts."""
        if not (access.username or access.bearer_file or access.bearer_env):
            return {}
        name = f"headers {access.username} {access.password_file} {access.password_env} {access.bearer_file} {access.bearer_env}"
        try:
            return await self.shared(name, _SECRET_S, lambda: headers_of(access, self.base))
        except AccessError as error:
            raise ProbeError(str(error)) from None

    async def secret(self, file: str, variable: str) -> str:
        """A secret from a file or the environment."""
        try:
            return await self.shared(f"secret {file} {variable}", _SECRET_S, lambda: secret(file, variable, self.base))
        except AccessError as error:
            raise ProbeError(str(error)) from None

    async def _own(self, work: Callable[[], T]) -> T:
        try:
            return await self.blocking(work)
        except AccessError as error:
            raise ProbeError(str(error)) from None

    def at_end(self, work: Callable[[], None]) -> None:
        """Do *work* when the last check has run: a probe outlives its tools."""
        self._stack.callback(work)

    async def blocking(self, work: Callable[[], T]) -> T:
        """Run *work* in a thread: for system calls that can hang, such as ``statvfs`` on a lost network mount."""
        notes = looking_up.get() or LookUps()
        notes.preparing += 1
        try:
            result = await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except Exception:  # a cancelled wait stays noted
            notes.preparing -= 1
            raise
        notes.preparing -= 1
        return result

    async def shared(self, name: str, seconds: float, work: Callable[[], T]) -> T:
        """The result of *work*, run in a thread at most once in *seconds* for everybody who asks for *name*.

        While it hangs it is not started again: one lost mount costs one thread.
        """
        now = time.monotonic()
        made, future = self._shared.get(name, (float("-inf"), None))
        if future is None or (future.done() and (now - made > seconds or future.exception() is not None)):
            future = asyncio.get_running_loop().run_in_executor(self._threads, work)
            self._shared[name] = (now, future)
        notes = looking_up.get() or LookUps()
        notes.preparing += 1
        try:
            result: T = await asyncio.shield(future)
        except Exception:
            notes.preparing -= 1
            raise
        notes.preparing -= 1
        return result


def graded(value: float, warn: float | None, fail: float | None) -> str:
    """DOWN at or above *fail*, DEGRADED at or above *warn*, else OK."""
    if fail is not None and value >= fail:
        return DOWN
    return DEGRADED if warn is not None and value >= warn else OK
