"""``tls``: whether a certificate is the right one, is trusted, and for how long it is still good."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from console.network_words import explain
from console.snapshot import DEGRADED, DOWN, OK
from console.sources import Access
from console.watch.certificates import Validity, validity
from console.watch.probing import Reading, Tools

PLACEHOLDERS: Final = frozenset(("CONNECTED", "CERTIFICATE_EXPIRATION", "TRUSTED", "TLS_VERSION", "RESPONSE_TIME"))
CONDITIONS: Final = ()
_DAY_S: Final = 86_400.0
_LINE: Final = 4096  # bytes of a line before TLS begins


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of a ``tls`` check: limits in days to the certificate's end."""

    host: str
    port: Annotated[int, Meta(ge=1, le=65535)] = 443
    server_name: str = ""  # that the certificate must have; "" = host
    starttls: Literal["", "smtp", "imap", "pop3", "ftp", "postgres"] = ""
    warn_days: float | None = 21
    fail_days: float | None = 3
    trusted: bool = True  # a certificate that is not trusted here is DOWN; no: only its dates count
    ca_file: str = ""  # certificates to trust; "" = what this host trusts
    cert_file: str = ""  # our own certificate, for servers that want one
    key_file: str = ""

    def __post_init__(self) -> None:
        if bool(self.cert_file) != bool(self.key_file):
            raise ValueError("expected both cert_file and key_file")


class Probe:
    """Shakes hands, and once more without trust where the first time failed, to see the dates all the same."""

    def __init__(self, options: Options, wanted: frozenset[str]) -> None:
        self.host = options.host
        self._options = options
        self._strict = Access(ca_file=options.ca_file, cert_file=options.cert_file, key_file=options.key_file)
        self._loose = replace(self._strict, insecure=True)

    async def measure(self, tools: Tools) -> Reading:
        began = time.perf_counter()
        distrust, state = "", OK
        try:
            try:
                found = await self._shake(await tools.tls(self._strict))
            except ssl.SSLCertVerificationError as error:
                distrust = explain(error)[1]
                found = await self._shake(await tools.tls(self._loose))
        except (OSError, UnicodeError, asyncio.IncompleteReadError, ValueError) as error:
            if isinstance(error, asyncio.IncompleteReadError | ValueError) and not isinstance(error, UnicodeError):
                state, words = DOWN, f"no TLS: {error}" if isinstance(error, ValueError) else "no TLS: it hung up"
            else:
                state, words = explain(error)
            said = error.said if isinstance(error, _Refused) else ""
            return Reading(state=state, detail=words, values={"CONNECTED": False, "TRUSTED": False}, got=said)
        took = round((time.perf_counter() - began) * 1000, 1)
        return self._judged(found, distrust, took)

    def _judged(self, found: Mapping[str, Any], distrust: str, took: float) -> Reading:
        valid: Validity = found["validity"]
        now = datetime.now(UTC)
        days = (valid.end - now).total_seconds() / _DAY_S
        state, detail = self._by_days(days), _ends(valid, days)
        if valid.start > now:
            state, detail = DOWN, f"certificate not valid yet, only from {valid.start:%Y-%m-%d %H:%M}Z"
        elif distrust and self._options.trusted:
            state = DOWN
            detail = detail if days < 0 else f"{distrust}; {detail.replace('certificate', 'it', 1)}"
        elif distrust:
            detail += f" ({distrust.removeprefix('certificate ')})"
        return Reading(
            state=state,
            detail=detail,
            values={
                "CONNECTED": True,
                "CERTIFICATE_EXPIRATION": days * _DAY_S * 1000,
                "TRUSTED": not distrust,
                "TLS_VERSION": found["version"],
                "RESPONSE_TIME": took,
            },
            latency_ms=took,
            value=round(days, 1),
            unit="d",
            told=("CERTIFICATE_EXPIRATION",),
        )

    def _by_days(self, days: float) -> str:
        if days < 0 or (self._options.fail_days is not None and days < self._options.fail_days):
            return DOWN
        return DEGRADED if self._options.warn_days is not None and days < self._options.warn_days else OK

    async def _shake(self, context: ssl.SSLContext) -> Mapping[str, Any]:
        name = self._options.server_name or self._options.host
        prelude = _PRELUDES.get(self._options.starttls)
        reader, writer = await asyncio.open_connection(
            self.host,
            self._options.port,
            ssl=None if prelude else context,
            server_hostname=None if prelude else name,
            limit=_LINE,
        )
        try:
            if prelude:
                await prelude(reader, writer)
                await writer.start_tls(context, server_hostname=name)
            tls = writer.get_extra_info("ssl_object")
            return {"validity": validity(tls.getpeercert(binary_form=True) or b""), "version": tls.version()}
        finally:
            writer.transport.abort()


def _ends(valid: Validity, days: float) -> str:
    if days < 0:
        return f"certificate expired {_days(-days)} ago ({valid.end:%Y-%m-%d})"
    return f"certificate ends in {_days(days)} ({valid.end:%Y-%m-%d})"


def _days(days: float) -> str:
    return f"{days:.0f} days" if days >= 2 else f"{days * 24:.0f} h"


# ── what is said before TLS begins ───────────────────────────────────────────────────────────────────────────────


class _Refused(ValueError):
    """The server said something else than that TLS may begin."""

    def __init__(self, said: str) -> None:
        super().__init__(f"the server said {said[:60]!r}")
        self.said = said


Prelude = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _expect(reader: asyncio.StreamReader, good: bytes, last: bytes = b"") -> None:
    """Read lines up to the one that starts with *last* (any, by default). Raises ``ValueError`` when it is not *good*."""
    for _ in range(50):
        line = await reader.readline()
        if not line:
            raise asyncio.IncompleteReadError(b"", None)
        if line.startswith(last):
            if not line.startswith(good):
                raise _Refused(line.decode("ascii", "replace").strip())
            return
    raise ValueError("the server goes on talking")


async def _smtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _reply(reader, b"220")
    writer.write(b"EHLO vigie\r\n")
    await _reply(reader, b"250")
    writer.write(b"STARTTLS\r\n")
    await _reply(reader, b"220")


async def _reply(reader: asyncio.StreamReader, code: bytes) -> None:
    """A reply of SMTP or FTP: lines ``250-…`` up to ``250 …`` (RFC 5321 4.2.1)."""
    for _ in range(50):
        line = await reader.readline()
        if not line.startswith(code):
            if not line:
                raise asyncio.IncompleteReadError(b"", None)
            raise _Refused(line.decode("ascii", "replace").strip())
        if line[3:4] != b"-":
            return
    raise ValueError("the server goes on talking")


async def _imap(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _expect(reader, b"* OK")
    writer.write(b"a STARTTLS\r\n")
    await _expect(reader, b"a OK", last=b"a ")


async def _pop3(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _expect(reader, b"+OK")
    writer.write(b"STLS\r\n")
    await _expect(reader, b"+OK")


async def _ftp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _reply(reader, b"220")
    writer.write(b"AUTH TLS\r\n")
    await _reply(reader, b"234")


async def _postgres(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """SSLRequest (https://www.postgresql.org/docs/current/protocol-flow.html)."""
    writer.write(b"\x00\x00\x00\x08\x04\xd2\x16\x2f")
    if await reader.readexactly(1) != b"S":
        raise ValueError("the server has TLS switched off")


_PRELUDES: Final[Mapping[str, Prelude]] = {
    "smtp": _smtp,
    "imap": _imap,
    "pop3": _pop3,
    "ftp": _ftp,
    "postgres": _postgres,
}
