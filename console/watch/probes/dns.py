"""``dns``: one question to one name server: its answer, its code, its time."""

from __future__ import annotations

import ipaddress
import time
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from console.network_words import explain
from console.snapshot import DOWN, OK, UNKNOWN
from console.watch.probing import ProbeError, Reading, Tools

PLACEHOLDERS: Final = frozenset(("DNS_RCODE", "ANSWERS", "COUNT", "TTL", "RESPONSE_TIME", "CONNECTED", "IP"))
CONDITIONS: Final = ("[DNS_RCODE] == NOERROR",)
_SHOWN: Final = 4  # answers in the detail


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of a ``dns`` check."""

    query: Annotated[str, Meta(min_length=1, max_length=253)]  # the name that is asked for
    type: str = "A"
    server: str = ""  # address of the name server; "" = the first of this host's own
    port: Annotated[int, Meta(ge=1, le=65535)] = 53
    transport: Literal["udp", "tcp"] = "udp"  # udp goes on by tcp when the answer is too long for it
    expect: tuple[str, ...] = ()  # answers that must all be there
    exactly: bool = False  # and no others

    def __post_init__(self) -> None:
        import dns.exception
        import dns.name
        import dns.rdatatype

        if self.server:
            try:
                ipaddress.ip_address(self.server)
            except ValueError:
                raise ValueError(f"server: expected an address such as 192.0.2.53, got {self.server!r}") from None
        try:
            dns.name.from_text(self.query)
            dns.rdatatype.from_text(self.type)
        except (dns.exception.DNSException, ValueError) as error:
            raise ValueError(f"expected a name and a type such as A, AAAA or MX: {error}") from None
        if self.exactly and not self.expect:
            raise ValueError("exactly: expected answers in expect")


class Probe:
    """Asks one server itself: nothing of the host's own resolver is in the way, and nothing is cached."""

    def __init__(self, options: Options, wanted: frozenset[str]) -> None:
        self.host = options.server
        self._options = options

    async def measure(self, tools: Tools) -> Reading:
        import dns.exception

        server = self._options.server or await tools.shared("resolv.conf", 30.0, _own_server)
        began = time.perf_counter()
        try:
            answer = await self._ask(server)
        except (OSError, EOFError) as error:
            state, words = explain(error) if isinstance(error, OSError) else (DOWN, "the server hung up")
            return self._nothing(server, state, words, began)
        except dns.exception.DNSException as error:
            return self._nothing(server, DOWN, f"no DNS answer: {error}", began)
        return self._judged(server, answer, round((time.perf_counter() - began) * 1000, 1))

    def _nothing(self, server: str, state: str, words: str, began: float) -> Reading:
        # This host's own resolver is our means, not what is watched.
        took = round((time.perf_counter() - began) * 1000, 1)
        values: dict[str, object] = {"CONNECTED": False, "COUNT": 0, "ANSWERS": [], "IP": server, "RESPONSE_TIME": took}
        return Reading(
            state=state if self._options.server else UNKNOWN,
            detail=f"{server}: {words}",
            values=values,
            latency_ms=took,
        )

    async def _ask(self, server: str) -> Any:
        import dns.asyncquery
        import dns.message

        query = dns.message.make_query(self._options.query, self._options.type)
        if self._options.transport == "tcp":
            return await dns.asyncquery.tcp(query, server, port=self._options.port)
        # Packets that are no answer to this question are passed over; the caller bounds the time.
        answer, _ = await dns.asyncquery.udp_with_fallback(
            query, server, port=self._options.port, ignore_unexpected=True, ignore_errors=True
        )
        return answer

    def _judged(self, server: str, answer: Any, took: float) -> Reading:
        import dns.rcode
        import dns.rdatatype

        wanted = dns.rdatatype.from_text(self._options.type)
        records = [rrset for rrset in answer.answer if rrset.rdtype == wanted or wanted == dns.rdatatype.ANY]
        found = sorted(_text(one) for rrset in records for one in rrset)
        code = dns.rcode.to_text(answer.rcode())
        state, detail = OK, self._told(code, found)
        expected = {one.rstrip(".").lower() for one in self._options.expect}
        have = {one.rstrip(".").lower() for one in found}
        missing, more = sorted(expected - have), sorted(have - expected)
        if code == "NOERROR" and missing:
            state, detail = DOWN, f"{detail}, expected {', '.join(missing)}"
        elif self._options.exactly and more:
            state, detail = DOWN, f"{detail}, not expected: {', '.join(more)}"
        return Reading(
            state=state,
            detail=detail,
            values={
                "CONNECTED": True,
                "DNS_RCODE": code,
                "ANSWERS": found,
                "COUNT": len(found),
                "TTL": min((rrset.ttl for rrset in records), default=0),
                "RESPONSE_TIME": took,
                "IP": server,
            },
            latency_ms=took,
            value=took,
            unit="ms",
            told=("DNS_RCODE",) if code != "NOERROR" else (),
        )

    def _told(self, code: str, found: list[str]) -> str:
        if code != "NOERROR":
            return f"{self._options.query}: {_CODES.get(code, code)}"
        shown = ", ".join(found[:_SHOWN]) + (f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")
        return shown or f"{self._options.query}: no {self._options.type} record"


_CODES: Final = {
    "NXDOMAIN": "no such name (NXDOMAIN)",
    "SERVFAIL": "the server failed (SERVFAIL)",
    "REFUSED": "the server refused (REFUSED)",
}


def _text(record: Any) -> str:
    text: str = record.to_text()
    return text if len(text) <= 256 else text[:255] + "…"


def _own_server() -> str:
    import dns.resolver

    try:
        found = dns.resolver.Resolver().nameservers
    except dns.resolver.NoResolverConfiguration:
        raise ProbeError("this host has no name server in /etc/resolv.conf") from None
    if not found:
        raise ProbeError("this host has no name server in /etc/resolv.conf")
    return str(found[0])
