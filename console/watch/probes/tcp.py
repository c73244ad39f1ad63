"""``tcp``: whether a port accepts a connection; over TLS if wanted; what it says to what is sent."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Annotated, Final

from msgspec import Meta

from console.network_words import explain
from console.snapshot import DOWN, OK
from console.sources import Access
from console.watch.bodies import beginning
from console.watch.conditions import Body
from console.watch.loop import LookUps, looking_up
from console.watch.probing import Reading, Tools

PLACEHOLDERS: Final = frozenset(("CONNECTED", "RESPONSE_TIME", "IP", "BODY"))
CONDITIONS: Final = ("[CONNECTED] == true",)
_MOST: Final = 65_536  # bytes of an answer
_SHOWN: Final = 60


class Options(Access, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of a ``tcp`` check."""

    host: str
    port: Annotated[int, Meta(ge=1, le=65535)]
    tls: bool = False
    server_name: str = ""  # that the certificate must have; "" = host
    send: str = ""  # after connecting; \\r\\n and the like in a double-quoted YAML text
    expect: str = ""  # a regular expression that the answer must hold

    def __post_init__(self) -> None:
        try:
            re.compile(self.expect)
        except re.error as error:
            raise ValueError(f"expect: not a regular expression: {error}") from None
        wrong = self.refuse()
        if self.username or self.bearer_file or self.bearer_env or self.proxy:
            wrong = "a tcp check knows no password, token or proxy"
        if not self.tls and (self.ca_file or self.cert_file or self.server_name or self.insecure):
            wrong = "certificates and names belong to tls: true"
        if wrong:
            raise ValueError(wrong)


class Probe:
    """Connects, may speak, and hangs up."""

    def __init__(self, options: Options, wanted: frozenset[str]) -> None:
        self.host = options.host
        self._port = options.port
        self._options = options
        self._expect = re.compile(options.expect) if options.expect else None
        self._listens = self._expect is not None or "BODY" in wanted

    async def measure(self, tools: Tools) -> Reading:
        options = self._options
        tls = await tools.tls(options) if options.tls else None
        name = (options.server_name or options.host) if tls else None
        began = time.perf_counter()
        try:
            reader, writer = await asyncio.open_connection(self.host, self._port, ssl=tls, server_hostname=name)
        except (OSError, UnicodeError) as error:
            state, words = explain(error)
            return self._reading(state, words, began, {"CONNECTED": False})
        address = writer.get_extra_info("peername")
        values: dict[str, object] = {"CONNECTED": True, "IP": str(address[0]) if address else ""}
        try:
            return await self._speak(reader, writer, began, values)
        except OSError as error:
            return self._reading(DOWN, explain(error)[1], began, values)
        finally:
            writer.transport.abort()  # a polite end may take for ever

    async def _speak(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, began: float, values: dict[str, object]
    ) -> Reading:
        if self._options.send:
            writer.write(self._options.send.encode())
            await writer.drain()
        if not self._listens:
            return self._reading(OK, "open, TLS" if self._options.tls else "open", began, values)
        text, matched, ended = "", False, False
        notes = looking_up.get() or LookUps()
        kept = bytearray()
        while not matched and not ended and len(kept) < _MOST:
            try:
                piece = await asyncio.wait_for(reader.read(4096), None if self._expect or not kept else 0.2)
            except TimeoutError:  # a banner that nothing is expected of: what came at once is it
                break
            ended = not piece
            kept += piece
            text = kept[:_MOST].decode("utf-8", "replace")
            matched = self._expect is not None and self._expect.search(text) is not None
            notes.got = beginning(text)
        values["BODY"] = Body(text)
        if self._expect is not None and not matched:
            said = f"said {' '.join(text.split())[:_SHOWN]!r}" if text.strip() else "said nothing"
            return self._reading(DOWN, f"{said}, expected {self._options.expect}", began, values)
        return self._reading(OK, "answers" + (", TLS" if self._options.tls else ""), began, values)

    def _reading(self, state: str, words: str, began: float, values: dict[str, object]) -> Reading:
        elapsed = round((time.perf_counter() - began) * 1000, 1)
        values["RESPONSE_TIME"] = elapsed
        detail = f"port {self._port}{' ' if words.startswith('open') else ': '}{words}"
        good, said = state == OK, values.get("BODY")
        return Reading(
            state=state,
            detail=detail,
            values=values,
            latency_ms=elapsed,
            value=elapsed if good else None,
            unit="ms" if good else "",
            got=said.text if isinstance(said, Body) else "",
        )
