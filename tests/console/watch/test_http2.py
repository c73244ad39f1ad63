"""The http check in HTTP/2, against a real nginx: over TLS with ALPN, and in clear text."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from console.snapshot import DOWN, OK
from console.watch.measure import measure
from console.watch.probing import Tools
from console.watch.state import Result
from tests.console.watch.checking import check
from tests.console.watch.servers import certificate
from tests.e2e.site import eventually
from tests.tools.servers import environment, require

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")

_CONFIGURATION = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/errors.log;
events {{ }}
http {{
  log_format which "$connection $server_protocol $uri";
  access_log {folder}/access.log which;
  client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
  uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
  ssl_certificate {pem}; ssl_certificate_key {pem}; root {folder}/www;
  server {{
    listen 127.0.0.1:{tls} ssl http2; listen 127.0.0.1:{clear} http2;
    location /slow {{ limit_rate 1; alias {folder}/www/big; }}
    location /loop {{ return 302 /loop; }}
    location /away {{ return 302 /health; }}
    location /503 {{ return 503 "no room"; }}
  }}
  server {{ listen 127.0.0.1:{old_tls} ssl; listen 127.0.0.1:{old}; }}
}}
"""


@dataclass
class Nginx:
    folder: Path
    tls: int
    clear: int
    old_tls: int
    old: int

    def requests(self) -> list[list[str]]:
        """Connection, protocol and path of every request that is over."""
        return [line.split() for line in (self.folder / "access.log").read_text().splitlines()]


def _ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    program = require("nginx")
    folder = tmp_path_factory.mktemp("nginx")
    server = Nginx(folder, *_ports(4))
    pem = certificate(folder / "certificate", "IP:127.0.0.1")
    (folder / "www").mkdir()
    (folder / "www" / "health").write_text('{"status": "UP"}')
    with (folder / "www" / "big").open("wb") as big:
        big.truncate(1 << 30)
    configuration = folder / "nginx.conf"
    ports = {"tls": server.tls, "clear": server.clear, "old_tls": server.old_tls, "old": server.old}
    configuration.write_text(_CONFIGURATION.format(folder=folder, pem=pem, **ports))
    command = [program, "-p", folder, "-c", configuration]
    with subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL) as process:
        try:
            eventually(lambda: _answers(server.old), "nginx listens")
            yield server
        finally:
            process.terminate()


def _answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


async def ask(url: str, *conditions: str, version: str = "2", timeout: float = 5) -> Result:
    async with Tools() as tools:
        return await measure(
            check("http", *conditions, url=url, http_version=version, insecure=True, timeout=timeout), tools
        )


@pytest.mark.parametrize("clear", [False, True])
async def test_it_is_spoken_and_the_answer_judged(nginx: Nginx, clear: bool) -> None:
    base = f"http://127.0.0.1:{nginx.clear}" if clear else f"https://127.0.0.1:{nginx.tls}"
    certified = () if clear else ("[CERTIFICATE_EXPIRATION] > 20d",)
    conditions = ("[STATUS] == 200", "[HTTP_VERSION] == HTTP/2", "[BODY].status == UP", *certified)
    found = await ask(f"{base}/health", *conditions)
    assert (found.state, found.detail) == (OK, "http 200")
    assert (await ask(f"{base}/away", *conditions)).state == OK
    wrong = await ask(f"{base}/503")
    assert (wrong.state, wrong.detail, wrong.got) == (DOWN, "http 503, expected below 400", "no room")
    assert (await ask(f"{base}/loop")).detail == "more than 5 redirects"
    spoken = {protocol for _, protocol, path in nginx.requests() if path in ("/health", "/away", "/503", "/loop")}
    assert spoken == {"HTTP/2.0"}


async def test_a_server_that_does_not_speak_it_is_down_and_says_so(nginx: Nginx) -> None:
    tls = await ask(f"https://127.0.0.1:{nginx.old_tls}/health")
    assert (tls.state, tls.detail) == (DOWN, "TLS failed: the server speaks no version of HTTP that was asked for")
    clear = await ask(f"http://127.0.0.1:{nginx.old}/health")
    assert (clear.state, clear.detail) == (DOWN, "no HTTP/2 answer: the server closed the connection")
    for port, scheme in ((nginx.old_tls, "https"), (nginx.tls, "https"), (nginx.old, "http")):
        found = await ask(f"{scheme}://127.0.0.1:{port}/health", "[HTTP_VERSION] == HTTP/1.1", version="1.1")
        assert found.state == OK


@asynccontextmanager
async def older_first(nginx: Nginx) -> AsyncIterator[int]:
    """A TLS front to *nginx* that takes HTTP/1.1 wherever it is offered."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(nginx.folder / "certificate" / "both.pem")
    context.set_alpn_protocols(["http/1.1", "h2"])

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(65_536):
                writer.write(piece)
                await writer.drain()
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        agreed = writer.get_extra_info("ssl_object").selected_alpn_protocol()
        target = nginx.clear if agreed == "h2" else nginx.old
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
        await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer), return_exceptions=True)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_nothing_older_is_offered(nginx: Nginx) -> None:
    async with older_first(nginx) as port:
        found = await ask(f"https://127.0.0.1:{port}/health", "[HTTP_VERSION] == HTTP/2", "[BODY].status == UP")
    assert (found.state, found.detail) == (OK, "http 200")


async def test_a_stream_that_hangs_or_floods_is_alone_with_its_connection(nginx: Nginx) -> None:
    base = f"https://127.0.0.1:{nginx.tls}"
    paths = ("/slow", "/big", "/health", "/health", "/503", "/health")
    checks = [
        check(
            "http",
            "[BODY].status == UP",
            url=base + path,
            http_version="2",
            insecure=True,
            timeout=1 if path == "/slow" else 20,
        )
        for path in paths
    ]
    async with Tools() as tools:
        found = await asyncio.gather(*(measure(one, tools) for one in checks))
    assert [one.state for one in found] == [DOWN, DOWN, OK, OK, DOWN, OK]
    assert (found[0].detail, found[4].detail) == ("timed out after 1s", "http 503, status is missing")
    assert found[1].detail.startswith("http 200, body cut at 1000 kB")
    shared = eventually(lambda: [row[0] for row in nginx.requests()[-6:]] if _over(nginx) else None, "all six logged")
    assert len(set(shared)) == len(paths)


def _over(nginx: Nginx) -> bool:
    return {"/slow", "/big"} <= {path for _, _, path in nginx.requests()[-6:]}
