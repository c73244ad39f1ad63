"""``port``: whether something on this host listens on a port, which program it is, and on which address."""

from __future__ import annotations

import ipaddress
import socket
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from console.snapshot import DOWN, OK
from console.watch.probing import ProbeError, Reading, Tools

PLACEHOLDERS: Final = frozenset(("LISTENERS", "PROGRAM", "CONNECTIONS", "ADDRESS"))
CONDITIONS: Final = ()
_SCAN_S: Final = 1.0  # checks share one look at the sockets


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of a ``port`` check."""

    port: Annotated[int, Meta(ge=1, le=65535)]
    protocol: Literal["tcp", "udp"] = "tcp"
    address: str = ""  # that it must listen on, 0.0.0.0 and :: included; "" = any
    program: str = ""  # that must listen; seen by root, or for programs of the watch's own user
    closed: bool = False  # nothing may listen

    def __post_init__(self) -> None:
        if self.address:
            ipaddress.ip_address(self.address)
        if self.closed and self.program:
            raise ValueError("expected one of closed and program")


class Probe:
    """Looks at the kernel's table of sockets; connects to nothing."""

    host = ""

    def __init__(self, options: Options, wanted: frozenset[str]) -> None:
        self._options = options

    async def measure(self, tools: Tools) -> Reading:
        table = await tools.shared("sockets", _SCAN_S, _scan)
        options = self._options
        kind = socket.SOCK_STREAM if options.protocol == "tcp" else socket.SOCK_DGRAM
        ours = [one for one in table if one.type == kind and one.laddr and one.laddr.port == options.port]
        bound = [one for one in ours if (one.status == "LISTEN" if options.protocol == "tcp" else not one.raddr)]
        listening = [one for one in bound if self._is_there(one.laddr.ip)]
        pids = sorted({one.pid for one in listening if one.pid})
        programs = await tools.blocking(lambda: _names(pids)) if pids else []
        addresses = sorted({one.laddr.ip for one in bound})
        values: dict[str, object] = {
            "LISTENERS": len(listening),
            "CONNECTIONS": sum(one.status == "ESTABLISHED" for one in ours),
            "PROGRAM": ", ".join(programs),
            "ADDRESS": ", ".join(addresses),
        }
        where = f"{options.protocol} {options.port}"
        if not listening:
            words = f"nothing listens on {where}"
            if bound:
                words = f"{where} is open on {', '.join(addresses)} only, not on {options.address}"
            return Reading(state=OK if options.closed else DOWN, detail=words, values=values)
        by = f" by {', '.join(programs)}" if programs else ""
        detail = f"{where} is open on {', '.join(sorted({one.laddr.ip for one in listening}))}{by}"
        if options.closed:
            return Reading(state=DOWN, detail=f"{detail}, expected to be closed", values=values)
        if options.program and options.program not in programs:
            if not programs:
                raise ProbeError(f"{detail}, by a program that may not be seen by this user")
            return Reading(state=DOWN, detail=f"{detail}, expected {options.program}", values=values)
        return Reading(detail=detail, values=values)

    def _is_there(self, ip: str) -> bool:
        wanted = self._options.address
        if not wanted or ip == "::":
            return True
        return ip == "0.0.0.0" or ipaddress.ip_address(ip) == ipaddress.ip_address(wanted)  # noqa: S104 - compared, not bound


def _scan() -> list[Any]:
    import psutil

    try:
        return list(psutil.net_connections(kind="inet"))
    except psutil.AccessDenied:
        raise ProbeError("the table of sockets may not be read here") from None


def _names(pids: list[int]) -> list[str]:
    import psutil

    found = set()
    for pid in pids:
        try:
            found.add(psutil.Process(pid).name())
        except psutil.Error:
            continue
    return sorted(found)
