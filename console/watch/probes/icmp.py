"""``icmp``: whether a host answers pings: by an unprivileged socket, else by the ``ping`` program."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import statistics
import struct
import time
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from console.network_words import explain
from console.snapshot import DEGRADED, DOWN, OK
from console.watch.probing import ProbeError, Reading, Tools
from console.watch.running import run

PLACEHOLDERS: Final = frozenset(("CONNECTED", "RESPONSE_TIME", "LOSS", "IP"))
CONDITIONS: Final = ()
_APART_S: Final = 0.2  # between two pings
_TIME: Final = re.compile(r"time[=<]([0-9.]+) ?ms")
_ECHO: Final = {socket.AF_INET: (8, 0), socket.AF_INET6: (128, 129)}  # request and reply: RFC 792, RFC 4443


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of an ``icmp`` check: limits in percent of pings lost."""

    host: str
    count: Annotated[int, Meta(ge=1, le=10)] = 3
    wait_ms: Annotated[int, Meta(ge=10, le=10_000)] = 1000  # for the last answer
    warn: float | None = 1
    fail: float | None = 100

    def __post_init__(self) -> None:
        if not self.host or self.host.startswith("-"):
            raise ValueError(f"host: expected a name or an address, got {self.host!r}")


class Probe:
    """Sends a few echo requests and counts the answers."""

    def __init__(self, options: Options, wanted: frozenset[str]) -> None:
        self.host = options.host
        self._options = options

    async def measure(self, tools: Tools) -> Reading:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(self.host, None, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as error:
            state, words = explain(error)
            return Reading(state=state, detail=words, values={"CONNECTED": False, "LOSS": 100.0})
        family, _, _, _, address = found[0]
        try:
            times = await self._by_socket(family, address)
        except PermissionError:  # net.ipv4.ping_group_range does not have our group
            times = await self._by_program(family, str(address[0]))
        except OSError as error:
            state, words = explain(error)
            return Reading(state=state, detail=words, values={"CONNECTED": False, "LOSS": 100.0})
        return self._judged(str(address[0]), times)

    def _judged(self, address: str, times: list[float]) -> Reading:
        count = self._options.count
        loss = 100 * (1 - len(times) / count)
        middle = round(statistics.median(times), 2) if times else None
        state = OK
        if self._options.warn is not None and loss >= self._options.warn:
            state = DEGRADED
        if not times or (self._options.fail is not None and loss >= self._options.fail):
            state = DOWN
        detail = f"{middle:g} ms" if times else f"no answer to {count} ping{'s' * (count > 1)}"
        detail += f", {loss:.0f} % lost" if times and loss else ""
        values: dict[str, object] = {"CONNECTED": bool(times), "LOSS": loss, "IP": address}
        if middle is not None:
            values["RESPONSE_TIME"] = middle
        return Reading(state=state, detail=detail, values=values, latency_ms=middle, value=middle, unit="ms")

    async def _by_socket(self, family: int, address: Any) -> list[float]:
        """Milliseconds of each answer. The kernel puts its own identifier in, and gives us only answers to ours."""
        protocol = socket.IPPROTO_ICMP if family == socket.AF_INET else socket.IPPROTO_ICMPV6
        request, reply = _ECHO[socket.AddressFamily(family)]
        loop = asyncio.get_running_loop()
        with socket.socket(family, socket.SOCK_DGRAM, protocol) as opened:
            opened.setblocking(False)
            opened.connect(address)  # asyncio's would look it up as TCP or UDP
            mark = os.urandom(8)
            sent: dict[int, float] = {}
            took: dict[int, float] = {}
            hearing = asyncio.create_task(_hear(opened, reply, mark, sent, took, self._options.count))
            try:
                for number in range(1, self._options.count + 1):
                    if number > 1:
                        await asyncio.sleep(_APART_S)
                    sent[number] = time.perf_counter()
                    # the kernel fills in the identifier and the checksum
                    await loop.sock_sendall(opened, struct.pack("!BBHHH", request, 0, 0, 0, number) + mark)
                await asyncio.wait([hearing], timeout=self._options.wait_ms / 1000)
                if hearing.done():
                    hearing.result()  # ECONNREFUSED and the like
            finally:
                hearing.cancel()
        return list(took.values())

    async def _by_program(self, family: int, address: str) -> list[float]:
        count, wait_s = self._options.count, max(1, round(self._options.wait_ms / 1000))
        version = "-6" if family == socket.AF_INET6 else "-4"
        every = f"{_APART_S:g}"
        command = ["ping", version, "-n", "-c", str(count), "-i", every, "-W", str(wait_s), address]
        done = await run(command, environment={"LC_ALL": "C"})
        times = [float(one) for one in _TIME.findall(done.output)]
        if not times and done.code not in (0, 1):
            raise ProbeError(f"ping can't be used here: {(done.errors or done.output).strip() or f'exit {done.code}'}")
        return times


async def _hear(
    opened: socket.socket, reply: int, mark: bytes, sent: dict[int, float], took: dict[int, float], count: int
) -> None:
    loop = asyncio.get_running_loop()
    while len(took) < count:
        packet = await loop.sock_recv(opened, 2048)
        if len(packet) < 16 or packet[0] != reply or packet[8:16] != mark:
            continue
        number = int.from_bytes(packet[6:8], "big")
        if number in sent and number not in took:
            took[number] = (time.perf_counter() - sent[number]) * 1000
