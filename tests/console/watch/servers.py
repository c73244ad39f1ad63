"""Real servers on loopback for the probes: an HTTP one that can misbehave, plain and over TLS."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def answer(status: int = 200, body: bytes = b"", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{headers}\r\n".encode() + body


@dataclass
class Server:
    """Answers by path; remembers every request's first line and headers, lower-cased."""

    answers: dict[str, bytes | Answer]
    port: int = 0
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    scheme: str = "http"

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
            self.requests.append((head[0], headers))
            found = self.answers.get(head[0].split(" ")[1], answer(404))
            if isinstance(found, bytes):
                writer.write(found)
                await writer.drain()
            else:
                await found(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def http_server(
    answers: dict[str, bytes | Answer], context: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Server]:
    server = Server(answers, scheme="https" if context else "http")
    listening = await asyncio.start_server(server.serve, host, 0, ssl=context)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


async def loris(writer: asyncio.StreamWriter) -> None:
    """A header line now and then, for ever: each read succeeds, the answer never ends."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-Slow: 1\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


async def flood(writer: asyncio.StreamWriter) -> None:
    """A body without end."""
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


_CA = """
[ca]
default_ca = d
[d]
database = {folder}/index
serial = {folder}/serial
new_certs_dir = {folder}
default_md = sha256
policy = p
unique_subject = no
[p]
commonName = supplied
[e]
subjectAltName = {names}
"""


def certificate(folder: Path, names: str, start: str = "", end: str = "") -> Path:
    """A self-signed certificate for *names* (``IP:127.0.0.1``) and its key, in one PEM file. Times as YYYYMMDDHHMMSSZ."""
    folder.mkdir(parents=True)
    key, request, made = folder / "key.pem", folder / "request.pem", folder / "made.pem"
    (folder / "index").touch()
    (folder / "serial").write_text("01")
    config = folder / "ca.cnf"
    config.write_text(_CA.format(folder=folder, names=names))
    new = "openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes".split()
    _run([*new, "-subj", f"/CN={folder.name}", "-keyout", str(key), "-out", str(request)])
    sign = ["openssl", "ca", "-selfsign", "-batch", "-notext", "-config", str(config), "-extensions", "e"]
    dates = [*(("-startdate", start) if start else ()), *(("-enddate", end) if end else ("-days", "30"))]
    _run([*sign, "-keyfile", str(key), "-in", str(request), "-out", str(made), *dates])
    both = folder / "both.pem"
    both.write_text(made.read_text() + key.read_text())
    return both


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)


def serving(pem: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context
