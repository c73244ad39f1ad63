"""The http check against real servers on loopback, kind and hostile."""

from __future__ import annotations

import asyncio
import base64
import gzip
import resource
import shutil
import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from console.clock import SystemClock
from console.sanitize import is_clean
from console.services import CheckConfig, ServiceConfig, Span
from console.snapshot import DEGRADED, DOWN, OK, UNKNOWN
from console.watch.checks import Check, CheckError, compile_checks
from console.watch.loop import LOOK_UPS, WatchLoop
from console.watch.measure import measure
from console.watch.probing import Place, Tools
from console.watch.schedule import Scheduler
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


# ── who we are, and what must not be told ────────────────────────────────────────────────────────────────────────


async def test_who_we_are_comes_from_files_and_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token, password = tmp_path / "token", tmp_path / "password"
    token.write_text("t0ken\n")
    password.write_text("pa:ss")
    monkeypatch.setenv("KEY_OF_TEST", "k3y")
    async with http_server({"/": answer(200)}) as server:
        await result(server.url(), bearer_file=str(token))
        await result(server.url(), username="ops", password_file=str(password))
        await result(server.url(), headers_env={"X-Api-Key": "KEY_OF_TEST"}, headers_file={"Cookie": str(token)})
        seen = [headers for _, headers in server.requests]
    assert seen[0]["authorization"] == "bearer t0ken"  # the test server lowers everything
    assert base64.b64decode("b3BzOnBhOnNz") == b"ops:pa:ss"
    assert seen[1]["authorization"] == "basic b3bzonbhonnz"
    assert (seen[2]["x-api-key"], seen[2]["cookie"]) == ("k3y", "t0ken")


async def test_a_secret_that_was_renewed_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.watch.probing._SECRET_S", 0)
    token = tmp_path / "token"
    async with http_server({"/": answer(200)}) as server, Tools() as tools:
        one = check(server.url(), bearer_file=str(token))
        missing = await measure(one, tools)
        token.write_text("first")
        await measure(one, tools)
        token.write_text("second")
        await measure(one, tools)
        seen = [headers["authorization"] for _, headers in server.requests]
    assert (missing.state, missing.detail) == (UNKNOWN, f"{token} can't be read: no such file or directory")
    assert seen == ["bearer first", "bearer second"]


async def test_a_relative_file_is_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t0ken")
    async with http_server({"/": answer(200)}) as server, Tools(place=Place(base=tmp_path)) as tools:
        assert (await measure(check(server.url(), bearer_file="token"), tools)).state == OK


@pytest.mark.parametrize("value", ["s3cret\nX-Evil: 1", "s3cret\x00", "s3crét"])
async def test_a_secret_is_never_in_the_detail(value: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(value)
    async with http_server({"/": answer(200)}) as server:
        found = await result(server.url(), headers_file={"X-Api-Key": str(file)})
        assert "x-evil" not in str(server.requests)
    assert found.state == UNKNOWN or "é" in value
    assert "s3cr" not in found.detail


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"headers": {"Authorization": "Bearer x"}}, "use headers_file or headers_env"),
        ({"url": "http://ops:secret@127.0.0.1/"}, "without a password"),
        ({"url": "ftp://127.0.0.1/"}, "expected a URL"),
        ({"username": "a", "bearer_env": "B"}, "expected one of"),
        ({"cert_file": "c"}, "expected both cert_file and key_file"),
        ({"proxy": "http://u:p@127.0.0.1:1"}, "without a password"),
        ({"headers": {"a": "1"}, "headers_env": {"A": "B"}}, "stands in two"),
        ({"max_redirects": 0}, "max_redirects"),
        ({"http_version": "3"}, "http_version"),
    ],
)
def test_what_can_not_be_is_refused_when_it_is_read(options: dict[str, Any], words: str) -> None:
    with pytest.raises(CheckError, match=words) as refused:
        check(**{"url": "http://127.0.0.1/", **options})
    assert "Bearer x" not in str(refused.value)
    assert "\n" not in str(refused.value)


async def test_time_that_we_need_ourselves_is_not_the_server_s_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: object) -> Any:
        time.sleep(1)
        raise AssertionError("nobody waits so long")

    monkeypatch.setattr("console.watch.probing.tls_context", slow)
    async with http_server({"/": answer(200)}) as server:
        found = await result(server.url(), timeout=0.2)
    assert (found.state, found.detail) == (UNKNOWN, "could not measure within 0.2s")


@needs_openssl
async def test_a_server_that_wants_our_certificate(tmp_path: Path) -> None:
    theirs, ours = certificate(tmp_path / "theirs", "IP:127.0.0.1"), certificate(tmp_path / "ours", "DNS:ops")
    context = serving(theirs)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(ours)
    with_it = {"ca_file": str(theirs), "cert_file": str(ours), "key_file": str(ours)}
    async with http_server({"/": answer(200)}, context) as server:
        known = await result(server.url(), **with_it)
        unknown = await result(server.url(), ca_file=str(theirs))
        lost = await result(server.url(), ca_file=str(tmp_path / "gone.pem"))
    assert known.state == OK
    assert unknown.state == DOWN  # its alert may be overtaken by the end of the connection
    assert unknown.detail in ("the server wants a certificate of ours", "connection reset", "connection closed")
    assert lost.state == UNKNOWN
    assert lost.detail == f"the certificates can't be used ({tmp_path / 'gone.pem'}): no such file or directory"


@needs_openssl
async def test_the_end_of_a_certificate_that_nobody_trusts(tmp_path: Path) -> None:
    pem = certificate(tmp_path / "own", "IP:127.0.0.1")
    async with http_server({"/": answer(200)}, serving(pem)) as server:
        soon = await result(server.url(), "[CERTIFICATE_EXPIRATION] > 60d", insecure=True)
    assert (soon.state, soon.detail) == (DOWN, "http 200, the certificate's end is 30 days, expected above 60d")


async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: list[str]) -> None:
    """Passes plain requests on, for those who say the password."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    seen.append(head)
    if "proxy-authorization: basic b3bzonb3" not in head.lower():
        writer.write(answer(407))
    else:
        host = head.split(" ")[1].removeprefix("http://").split("/")[0]
        head = head.replace(f"http://{host}", "", 1)
        to, back = await asyncio.open_connection(*host.split(":"))
        back.write(head.encode())
        writer.write(await to.read())
        back.close()
    writer.close()


async def test_through_a_proxy(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("pw")
    seen: list[str] = []
    listening = await asyncio.start_server(lambda r, w: proxy(r, w, seen), "127.0.0.1", 0)
    at = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    known = {"proxy": at, "proxy_username": "ops", "proxy_password_file": str(tmp_path / "password")}
    async with listening, http_server({"/": answer(200, b"hello")}) as server:
        through = await result(server.url(), "[BODY] == hello", **known)
        refused = await result(server.url(), "[STATUS] == 200", proxy=at)
    closed = await result("http://127.0.0.1:1/", proxy=at)
    assert through.state == OK
    assert seen[0].startswith(f"GET {server.url()} HTTP/1.1")
    assert (refused.state, refused.detail) == (DOWN, "http 407, expected 200")
    assert (closed.state, closed.detail) == (UNKNOWN, "through the proxy: connection refused")


async def test_redirects_elsewhere_take_nothing_along() -> None:
    async with http_server({"/there": answer(200)}) as other:
        away = answer(302, headers=f"Location: {other.url('/there')}\r\n")
        async with http_server({"/": away}) as server:
            found = await result(server.url(), "[STATUS] == 200", redirects="any", headers={"X-Key": "k"})
        assert "x-key" not in other.requests[0][1]
    assert found.state == OK


async def test_a_limit_of_redirects() -> None:
    steps = {f"/{n}": answer(302, headers=f"Location: /{n + 1}\r\n") for n in range(3)}
    async with http_server({**steps, "/3": answer(200)}) as server:
        assert (await result(server.url("/0"), max_redirects=3)).state == OK
        assert (await result(server.url("/0"), max_redirects=2)).detail == "more than 2 redirects"


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
