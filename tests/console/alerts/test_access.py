"""How servers are asked: TLS, our own certificate, passwords, tokens, proxies; and answers that no server should give."""

from __future__ import annotations

import asyncio
import shutil
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from console.alerts.alertmanager import AlertmanagerClient
from console.alerts.fetch import Fetcher, FetchError
from console.alerts.prometheus import PrometheusClient
from console.sources import Access, AlertmanagerConfig
from tests.console.alerts.server import Prometheus, eventually
from tests.console.watch.servers import certificate

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import crypt


class Guarded(Prometheus):
    """A Prometheus behind TLS that wants our certificate and a password."""

    def __init__(self, folder: Path) -> None:
        super().__init__({"scrape_configs": []}, folder, options=[f"--web.config.file={folder / 'web.yml'}"])
        self.pem = certificate(folder / "tls", "IP:127.0.0.1")
        tls = {
            "cert_file": str(self.pem),
            "key_file": str(self.pem),
            "client_auth_type": "RequireAnyClientCert",
        }
        password = crypt.crypt("open sesame", crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16))
        (folder / "web.yml").write_text(
            yaml.safe_dump({"tls_server_config": tls, "basic_auth_users": {"vigie": password}})
        )
        (folder / "password").write_text("open sesame\n")
        self.secure = f"https://127.0.0.1:{self.port}"

    def start(self) -> None:
        import subprocess

        with self._log.open("ab") as output:
            self._process = subprocess.Popen(self._command(), env=self._environment(), stdout=output, stderr=output)

        def listens() -> bool:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return True
            return False

        eventually(listens)


async def look(url: str, access: Access, base: Path) -> Any:
    fetcher = Fetcher(access, base=base)
    try:
        return await PrometheusClient(url, fetcher, 5).look()
    finally:
        await fetcher.close()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")
async def test_tls_with_our_certificate_and_a_password(tmp_path: Path) -> None:
    with Guarded(tmp_path) as server:
        mine = {"cert_file": "tls/both.pem", "key_file": "tls/both.pem"}
        who = {"username": "vigie", "password_file": "password"}
        good = Access(ca_file="tls/both.pem", **mine, **who)
        for _ in range(50):  # listening is not yet being ready
            with suppress(FetchError):
                assert (await look(server.secure, good, tmp_path)).rules == ()
                break
            await asyncio.sleep(0.1)
        assert (await look(server.secure, Access(insecure=True, **mine, **who), tmp_path)).rules == ()
        for access, words in (
            (Access(ca_file="tls/both.pem", **mine), "http 401"),
            (Access(ca_file="tls/both.pem", **mine, username="vigie", password_env="NOT_SET"), "NOT_SET is not set"),
            (Access(**mine, **who), "certificate is self-signed"),
            (Access(ca_file="tls/both.pem", **who), ""),
            (Access(ca_file="missing.pem", **who), "certificates can't be used"),
            (
                Access(ca_file="tls/both.pem", **mine, username="vigie", password_file="missing"),
                "missing can't be read",
            ),
        ):
            with pytest.raises(FetchError) as caught:
                await look(server.secure, access, tmp_path)
            assert words in str(caught.value), access
            assert "sesame" not in str(caught.value)
            assert "\n" not in str(caught.value)


@contextmanager
def answering(answer: Callable[[bytes, socket.socket], None]) -> Iterator[str]:
    """A server that gives *answer* to whatever is asked."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    threading.Thread(target=one, args=(connection,), daemon=True).start()

        def one(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                answer(connection.recv(65536), connection)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)


def said(body: bytes, status: str = "200 OK") -> Callable[[bytes, socket.socket], None]:
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    return lambda _, connection: connection.sendall(head + body)


async def alerts(url: str, **more: Any) -> Any:
    fetcher = Fetcher(AlertmanagerConfig(name="am", url=url, **more), base=Path("/"))
    try:
        return await AlertmanagerClient(url, fetcher, 1).alerts()
    finally:
        await fetcher.close()


async def test_a_token_and_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []

    def answer(request: bytes, connection: socket.socket) -> None:
        asked.append(request)
        said(b"[]")(request, connection)

    monkeypatch.setenv("AM_TOKEN", "abc\n")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # nobody's business
    with answering(answer) as url:
        assert await alerts(url, bearer_env="AM_TOKEN") == []
        assert b"Authorization: Bearer abc\r\n" in asked[0] or b"authorization: Bearer abc\r\n" in asked[0]
        assert await alerts("http://alertmanager.invalid:9093", proxy=url) == []
        assert asked[1].startswith(b"GET http://alertmanager.invalid:9093/api/v2/alerts?")


@pytest.mark.parametrize("access", [{"bearer_file": "s"}, {"username": "vigie", "password_file": "s"}])
async def test_a_secret_that_is_no_secret_is_told_without_it(access: Any, tmp_path: Path) -> None:
    for value, words in (
        (b"open\nsesame", "s holds more than one line of text"),
        (b"open\x00sesame", "s holds more than one line of text"),
        (b"", "s is empty"),
    ):
        (tmp_path / "s").write_bytes(value)
        with answering(said(b"[]")) as url, pytest.raises(FetchError) as caught:
            await Fetcher(Access(**access), base=tmp_path).get(url, 5)
        assert str(caught.value) == words


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", "200 OK", "can't be read"),
        (b"[{]", "200 OK", "can't be read"),
        (b'[{"labels": 3}]', "200 OK", "can't be read"),
        (b"\xff\xfe[]", "200 OK", "can't be read"),
        (b"[" * 100_000, "200 OK", "can't be read"),
        (b"<html>nothing here</html>", "404 Not Found", "http 404"),
        (b"try later\x1b[31m", "503 Service Unavailable", "http 503: try later"),
        (b"", "302 Found\r\nlocation: http://127.0.0.1:1/", "http 302"),
    ],
)
async def test_garbage_is_one_line(body: bytes, status: str, words: str) -> None:
    with answering(said(body, status)) as url:
        with pytest.raises(FetchError) as caught:
            await alerts(url)
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)


async def test_more_than_anybody_needs_is_cut() -> None:
    sent = [0]

    def endless(_: bytes, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n[")
        while True:
            sent[0] += connection.send(b" " * 65536)

    with answering(endless) as url:
        fetcher = Fetcher(Access(), base=Path("/"))
        with pytest.raises(FetchError, match="more than 2 MB"):
            await fetcher.get(url, 10, most=2_000_000)
        await fetcher.close()
        assert sent[0] < 32_000_000


async def test_a_server_that_drips_holds_nobody_up() -> None:
    def drip(_: bytes, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n[")
        for _ in range(100):
            connection.sendall(b" ")
            time.sleep(0.1)

    with answering(drip) as url, pytest.raises(FetchError, match="no answer in 1 s"):
        await alerts(url)


async def test_a_server_that_hangs_holds_nobody_up() -> None:
    with answering(lambda _, connection: time.sleep(5)) as url, pytest.raises(FetchError, match="no answer in 1 s"):
        await alerts(url)
