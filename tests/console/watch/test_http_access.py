"""The http check: who we are, through which proxy and to which server – and what must not be told of it."""

from __future__ import annotations

import asyncio
import base64
import shutil
import ssl
import time
from pathlib import Path
from typing import Any

import pytest

from console.snapshot import DOWN, OK, UNKNOWN
from console.watch.checks import CheckError
from console.watch.measure import measure
from console.watch.probing import Place, Tools
from tests.console.watch.servers import answer, certificate, http_server, serving
from tests.console.watch.test_http_probe import check, result

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")


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
