"""The http check against real servers on loopback, kind and hostile."""

from __future__ import annotations

import asyncio
import gzip
import resource
import shutil
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from console.sanitize import is_clean
from console.services import CheckConfig, ServiceConfig, Span
from console.snapshot import DEGRADED, DOWN, OK, UNKNOWN
from console.watch.checks import Check, compile_checks
from console.watch.loop import WatchLoop
from console.watch.measure import measure
from console.watch.probing import Tools
from console.watch.state import Result
from tests.console.watch.servers import answer, certificate, flood, http_server, loris, serving

JSON = b'{"status": "UP", "queue": {"depth": 4}, "items": [1, 2, 3]}'
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")


def check(url: str, *conditions: str, timeout: float = 2, **more: Any) -> Check:
    common = {key: more.pop(key) for key in ("degraded_conditions", "recover_when") if key in more}
    config = CheckConfig(
        kind="http",
        interval=Span(30),
        timeout=Span(timeout),
        conditions=conditions or None,
        options={"url": url, **more},
        **common,
    )
    return compile_checks([ServiceConfig(name="s", checks=(config,))])[0]


async def result(url: str, *conditions: str, **more: Any) -> Result:
    async with Tools() as tools:
        return await measure(check(url, *conditions, **more), tools)


async def test_a_good_answer_is_ok_and_says_how_long_it_took() -> None:
    async with http_server({"/": answer(200, JSON)}) as server:
        found = await result(server.url())
    assert (found.state, found.detail, found.unit) == (OK, "http 200", "ms")
    assert found.latency_ms is not None and found.latency_ms == found.value > 0


async def test_what_is_sent() -> None:
    async with http_server({"/x": answer(204)}) as server:
        found = await result(server.url("/x"), method="POST", body="hello", headers={"X-Token": "t"})
        line, headers = server.requests[0]
    assert found.state == OK
    assert line == "POST /x HTTP/1.1"
    assert headers["x-token"] == "t"
    assert headers["accept-encoding"] == "identity"
    assert headers["content-length"] == "5"


async def test_status_without_conditions() -> None:
    async with http_server({"/500": answer(503), "/404": answer(404)}) as server:
        assert (await result(server.url("/500"))).detail == "http 503, status is 503, not < 400"
        assert (await result(server.url("/404"))).state == DOWN


async def test_body_conditions() -> None:
    async with http_server({"/": answer(200, JSON)}) as server:
        good = await result(server.url(), "[STATUS] == 200", "[BODY].status == UP", "len([BODY].items) == 3")
        bad = await result(server.url(), "[STATUS] == 200", "[BODY].queue.depth < 3", "[BODY].status == DOWN")
        slow = await result(server.url(), degraded_conditions=("[RESPONSE_TIME] < 0",))
        held = await result(server.url(), recover_when=("[BODY].queue.depth < 2",))
    assert good.state == OK
    assert bad.state == DOWN
    assert bad.detail == "http 200, queue.depth is 4, not < 3 (and 1 more)"
    assert slow.state == DEGRADED
    assert (held.state, held.recovered) == (OK, False)


async def test_refused_closed_and_reset() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    refused = await result(f"http://127.0.0.1:{port}/")
    assert (refused.state, refused.detail) == (DOWN, "connection refused")
    expected = await result(f"http://127.0.0.1:{port}/", "[CONNECTED] == false")
    assert expected.state == OK

    async def hang_up(writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def nonsense(writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")

    async with http_server({"/": hang_up, "/ssh": nonsense}) as server:
        closed = await result(server.url())
        other = await result(server.url("/ssh"))
    assert closed.state == other.state == DOWN
    assert closed.detail.startswith("no HTTP answer")


async def test_a_slow_loris_ends_with_the_time_out() -> None:
    async with http_server({"/": loris}) as server:
        began = time.monotonic()
        found = await result(server.url(), timeout=0.3)
        took = time.monotonic() - began
    assert (found.state, found.detail) == (DOWN, "timed out after 0.3s")
    assert took < 5


async def test_an_endless_body_is_cut_in_bounded_memory() -> None:
    async with http_server({"/": flood}) as server:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found = await result(server.url(), "[STATUS] == 200", "[BODY] == pat(x*)", timeout=10)
        grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert found.state == OK
    assert "body cut" in found.detail
    assert grown_kb < 20_000


async def test_a_gzip_bomb_stays_packed() -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    async with http_server({"/": answer(200, bomb, "Content-Encoding: gzip\r\n")}) as server:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found = await result(server.url(), "len([BODY]) < 100kB")
        grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert found.state == OK
    assert grown_kb < 20_000


async def test_redirects_are_followed_on_the_same_origin_only() -> None:
    async with http_server({"/secret": answer(200)}) as other:
        away = answer(302, headers=f"Location: {other.url('/secret')}\r\n")
        near, loop = answer(301, headers="Location: /ok\r\n"), answer(302, headers="Location: /loop\r\n")
        async with http_server({"/": near, "/ok": answer(200), "/away": away, "/loop": loop}) as server:
            followed = await result(server.url(), "[STATUS] == 200")
            not_followed = await result(server.url(), "[STATUS] == 301", redirects="none")
            stopped = await result(server.url("/away"), "[STATUS] == 302", headers={"X-Api-Key": "k"})
            endless = await result(server.url("/loop"))
        assert other.requests == []  # the key went nowhere
    assert followed.state == not_followed.state == stopped.state == OK
    assert (endless.state, endless.detail) == (DOWN, "more than 5 redirects")


async def test_hostile_answers_come_out_visible_and_short() -> None:
    evil = b'{"status": "\\u001b]0;owned\\u0007\\u202e' + b"A" * 5000 + b'"}'
    async with http_server({"/": answer(200, evil)}) as server:
        found = await result(server.url(), "[BODY].status == UP")
    assert found.state == DOWN
    assert is_clean(found.detail)
    assert len(found.detail) <= 200
    assert "<ESC>" in found.detail


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9/")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9/")
    async with http_server({"/": answer(200)}) as server:
        assert (await result(server.url())).state == OK


@needs_openssl
async def test_certificates_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = certificate(tmp_path / "good", "IP:127.0.0.1")
    old = certificate(tmp_path / "old", "IP:127.0.0.1", "20200101000000Z", "20200201000000Z")
    name = certificate(tmp_path / "name", "DNS:else.example")
    unknown = certificate(tmp_path / "unknown", "IP:127.0.0.1")
    trusted = tmp_path / "trusted.pem"
    trusted.write_text("".join(pem.read_text() for pem in (good, old, name)))
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    found = {}
    for pem in (good, old, name, unknown):
        async with http_server({"/": answer(200)}, serving(pem)) as server:
            found[pem.parent.name] = await result(server.url())
            if pem is good:
                month = await result(server.url(), "[CERTIFICATE_EXPIRATION] > 28d")
                year = await result(server.url(), "[CERTIFICATE_EXPIRATION] > 365d")
            if pem is unknown:
                insecure = await result(server.url(), insecure=True)
    assert found["good"].state == month.state == insecure.state == OK
    assert year.state == DOWN
    assert found["old"] == Result(state=DOWN, detail="certificate expired", latency_ms=found["old"].latency_ms)
    assert found["name"].detail in ("certificate is for another name", "certificate is for another address")
    assert found["unknown"].detail == "certificate is self-signed"


async def test_tls_to_a_plain_port() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(answer(400))
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    async with server:
        found = await result(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    assert found.state == DOWN
    assert found.detail == "TLS failed: wrong version number"


async def test_a_name_that_is_not_found_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: object, **__: object) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    found = await result("http://api.example/")
    assert (found.state, found.detail) == (UNKNOWN, "name look-up failed: Name or service not known")


def test_a_hung_resolver_is_unknown_and_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()

    def hang(*_: object, **__: object) -> Any:
        let_go.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "at last")

    monkeypatch.setattr(socket, "getaddrinfo", hang)

    async def both() -> tuple[Result, Result]:
        async with http_server({"/": answer(200)}) as server, Tools() as tools:
            stuck = measure(check("http://api.example/", timeout=0.2), tools)
            fine = measure(check(server.url()), tools)
            return await asyncio.gather(stuck, fine)  # type: ignore[return-value]  # gather of two gives two

    began = time.monotonic()
    with asyncio.Runner(loop_factory=WatchLoop) as runner:
        stuck, fine = runner.run(both())
    assert time.monotonic() - began < 30  # the hung thread is still there, and nobody waits for it
    let_go.set()
    assert (stuck.state, stuck.detail) == (UNKNOWN, "name look-up of api.example timed out after 0.2s")
    assert fine.state == OK
