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

from console.clock import SystemClock
from console.sanitize import is_clean
from console.services import CheckConfig, ServiceConfig, Span
from console.snapshot import DEGRADED, DOWN, OK, UNKNOWN
from console.watch.checks import Check, compile_checks
from console.watch.loop import LOOK_UPS, WatchLoop
from console.watch.measure import measure
from console.watch.probing import Tools
from console.watch.schedule import Scheduler
from console.watch.state import Result
from tests.console.watch import checking
from tests.console.watch.servers import answer, certificate, flood, http_server, loris, serving

JSON = b'{"status": "UP", "queue": {"depth": 4}, "items": [1, 2, 3]}'
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")


def check(url: str, *conditions: str, timeout: float = 2, **more: Any) -> Check:
    return checking.check("http", *conditions, timeout=timeout, url=url, **more)


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
        assert (await result(server.url("/500"))).detail == "http 503, expected below 400"
        assert (await result(server.url("/404"))).state == DOWN


async def test_body_conditions() -> None:
    async with http_server({"/": answer(200, JSON)}) as server:
        good = await result(server.url(), "[STATUS] == 200", "[BODY].status == UP", "len([BODY].items) == 3")
        bad = await result(server.url(), "[STATUS] == 200", "[BODY].queue.depth < 3", "[BODY].status == DOWN")
        slow = await result(server.url(), degraded_conditions=("[RESPONSE_TIME] < 0",))
        held = await result(server.url(), recover_when=("[BODY].queue.depth < 2",))
    assert good.state == OK
    assert bad.state == DOWN
    assert bad.detail == "http 200, queue.depth is 4, expected below 3 (and 1 more)"
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
            stopped = await result(server.url("/away"), "[STATUS] == 302", headers={"X-Key": "k"})
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
    assert found.detail == "TLS failed: the server does not speak TLS here"


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
            stuck = measure(check("http://api.example/", timeout=1), tools)
            fine = measure(check(server.url()), tools)
            return await asyncio.gather(stuck, fine)  # type: ignore[return-value]  # gather of two gives two

    began = time.monotonic()
    with asyncio.Runner(loop_factory=WatchLoop) as runner:
        stuck, fine = runner.run(both())
    assert time.monotonic() - began < 30  # the hung thread is still there, and nobody waits for it
    let_go.set()
    assert (stuck.state, stuck.detail) == (UNKNOWN, "name look-up of api.example timed out after 1s")
    assert fine.state == OK


def test_last_good_addresses_are_used_while_the_resolver_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.watch.loop.PATIENCE_S", 0.1)
    hangs, let_go = threading.Event(), threading.Event()
    asked: list[object] = []

    def look_up(host: object, port: object, **_: object) -> Any:
        asked.append(host)
        if hangs.is_set():
            let_go.wait(60)
            raise socket.gaierror(socket.EAI_AGAIN, "at last")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    async def runs() -> list[Result]:
        async with http_server({"/": answer(200)}) as server, Tools() as tools:
            known = check(server.url(host="api.example"))
            found = [await measure(known, tools)]
            hangs.set()
            found += await asyncio.gather(*(measure(known, tools) for _ in range(5)))
            others = [check(f"http://h{n}.example/", timeout=0.1) for n in range(40)]
            for _ in range(2):
                found.append((await asyncio.gather(*(measure(one, tools) for one in others)))[-1])
            monkeypatch.setattr("console.watch.loop._STUCK_S", 0)
            ourselves = CheckConfig(kind="self", interval=Span(30))
            itself = compile_checks([ServiceConfig(name="v", checks=(ourselves,))])[0]
            found.append(await measure(itself, tools))
            found.append(await measure(check("http://other.example/", timeout=20), tools))
            return found

    with asyncio.Runner(loop_factory=WatchLoop) as runner:
        found = runner.run(runs())
    let_go.set()
    assert found[0].state == OK and found[0].detail == "http 200"
    for one in found[1:6]:
        assert (one.state, one.detail) == (OK, "http 200 (resolver stuck: old address of api.example)")
    assert len(asked) <= 1 + LOOK_UPS  # one thread for each name, however often it is asked
    assert found[-2].state == DEGRADED
    assert "the resolver is stuck: " in found[-2].detail
    assert found[-1].state == UNKNOWN
    assert found[-1].detail.startswith("name look-up failed: the resolver is stuck, ")


# ── bounded, whatever comes ──────────────────────────────────────────────────────────────────────────────────────


async def test_headers_without_end_and_garbage() -> None:
    async def huge(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-Fill: " + b"y" * 65_536 + b"\r\n")
            await writer.drain()

    deep = b'{"a":' * 50_000 + b"1" + b"}" * 50_000
    answers = {
        "/": huge,
        "/text": answer(200, b"<html>oops"),
        "/deep": answer(200, deep),
        "/bytes": answer(200, bytes(range(256))),
    }
    async with http_server(answers) as server:
        headers = await result(server.url(), timeout=10)
        text = await result(server.url("/text"), "[BODY].status == UP")
        nested = await result(server.url("/deep"), "[BODY].a == 1")
        bytes_ = await result(server.url("/bytes"), "[BODY] == ok")
    assert (headers.state, headers.detail) == (DOWN, "no HTTP answer: its headers never end")
    assert (text.state, text.detail) == (DOWN, "http 200, status is missing")
    assert nested.state == bytes_.state == DOWN
    assert is_clean(bytes_.detail)


async def test_an_http_answer_that_breaks_off() -> None:
    broken = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf"
    async with http_server({"/": broken}) as server:
        found = await result(server.url(), "[BODY] == half")
    assert (found.state, found.detail) == (DOWN, "no HTTP answer: it broke off in the middle")


def test_what_hangs_floods_or_loops_holds_up_no_other_check(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()

    def hang(*_: object, **__: object) -> Any:
        let_go.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "at last")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    took: list[tuple[Check, Result]] = []

    def one(name: str, url: str, *conditions: str, every: float = 0.5) -> Check:
        config = CheckConfig(
            kind="http",
            name=name,
            interval=Span(every),
            timeout=Span(0.8 * every),
            conditions=conditions,
            options={"url": url},
        )
        return compile_checks([ServiceConfig(name="s", checks=(config,))])[0]

    async def runs() -> None:
        loop_ = answer(302, headers="Location: /again\r\n")
        hostile = {"/loris": loris, "/flood": flood, "/again": loop_, "/junk": answer(200, b"{" * 1_000_000)}
        async with http_server(hostile) as bad, http_server({"/": answer(200, JSON)}, host="127.0.0.2") as good:
            checks = [one(f"good{n}", good.url(host="127.0.0.2"), "[BODY].status == UP", every=5) for n in range(8)]
            checks += [one(f"{path}{n}", bad.url(path), "[BODY].a == 1") for path in hostile for n in range(4)]
            checks += [one(f"name{n}", f"http://h{n}.example/") for n in range(40)]
            async with Tools() as tools:
                await measure(checks[0], tools)  # imports and certificates

                def take(check: Check, result: Result) -> None:
                    took.append((check, result))

                scheduler = Scheduler(checks, lambda check: measure(check, tools), take, SystemClock())
                running = asyncio.create_task(scheduler.run())
                deadline = time.monotonic() + 30
                while sum("good" in check.name for check, _ in took) < 16 and time.monotonic() < deadline:
                    await asyncio.sleep(0.05)
                running.cancel()

    with asyncio.Runner(loop_factory=WatchLoop) as runner:
        runner.run(runs())
    let_go.set()
    good = [result for check, result in took if "good" in check.name]
    assert len(good) >= 16
    assert {(result.state, result.detail) for result in good} == {(OK, "http 200")}
    assert {result.state for check, result in took if "good" not in check.name} <= {DOWN, UNKNOWN}


def test_a_watch_that_stood_still_blames_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.watch.measure._HELD_UP_S", 0.1)

    async def runs() -> Result:
        async with http_server({"/": loris}) as server, Tools() as tools:
            one = check(server.url(), timeout=0.2)
            await measure(one, tools)  # imports and certificates
            measuring = asyncio.create_task(measure(one, tools))
            await asyncio.sleep(0)
            asyncio.get_running_loop().call_later(0.1, lambda: time.sleep(0.5))  # as a machine that was stopped
            return await measuring

    found = asyncio.run(runs())
    assert found.state == UNKNOWN
    assert found.detail.startswith("could not measure: this process stood still for 0.")
