"""tcp that speaks, tls, dns and icmp against real servers on loopback."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import dns.rrset
import pytest

from console.network_words import explain
from console.sanitize import is_clean
from console.snapshot import DEGRADED, DOWN, OK, UNKNOWN
from console.watch.certificates import validity
from console.watch.checks import CheckError
from tests.console.watch.checking import check, result
from tests.console.watch.servers import answer, certificate, http_server, serving
from tests.tools import servers

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


@asynccontextmanager
async def talking(talk: Talk) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


# ── tcp ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_tcp_sends_and_expects() -> None:
    async def redis(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        writer.write(b"+PONG\r\n" if line == b"PING\r\n" else b"-ERR\r\n")
        await reader.read()

    async with talking(redis) as port:
        there = {"host": "127.0.0.1", "port": port}
        good = await result("tcp", **there, send="PING\r\n", expect=r"^\+PONG")
        bad = await result("tcp", **there, send="HELLO\r\n", expect=r"^\+PONG", timeout=0.5)
        body = await result("tcp", "[BODY] == pat(+PONG*)", **there, send="PING\r\n")
    assert (good.state, good.detail) == (OK, f"port {port}: answers")
    assert (bad.state, bad.detail) == (DOWN, "timed out after 0.5s")
    assert body.state == OK


async def test_tcp_that_says_the_wrong_thing_is_down_whatever_is_asked_of_the_connection() -> None:
    async def ssh(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x1b]0;owned\x07" + b"SSH-2.0-x\r\n" * 20_000)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pass

    async with talking(ssh) as port, talking(silent) as quiet:
        wrong = await result("tcp", "[CONNECTED] == true", host="127.0.0.1", port=port, expect="^220 ")
        nothing = await result("tcp", host="127.0.0.1", port=quiet, expect="^220 ")
    assert wrong.state == nothing.state == DOWN
    assert is_clean(wrong.detail)
    assert wrong.detail.endswith("expected ^220 ") or wrong.detail.endswith("expected ^220")
    assert nothing.detail.startswith(f"port {quiet}: said nothing, expected")


@needs_openssl
async def test_tcp_over_tls(tmp_path: Path) -> None:
    pem = certificate(tmp_path / "c", "IP:127.0.0.1")
    async with http_server({"/": answer(200)}, serving(pem)) as server:
        there = {"host": "127.0.0.1", "port": server.port, "tls": True}
        trusted = await result("tcp", **there, ca_file=str(pem))
        unknown = await result("tcp", **there)
    assert (trusted.state, trusted.detail) == (OK, f"port {server.port} open, TLS")
    assert (unknown.state, unknown.detail) == (DOWN, f"port {server.port}: certificate is self-signed")


# ── tls ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def at(days: float) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%Y%m%d%H%M%SZ}"


@needs_openssl
async def test_each_fault_of_a_certificate_has_its_words(tmp_path: Path) -> None:
    made = {
        "good": certificate(tmp_path / "good", "IP:127.0.0.1", at(-1), at(90.2)),
        "soon": certificate(tmp_path / "soon", "IP:127.0.0.1", at(-1), at(10.2)),
        "now": certificate(tmp_path / "now", "IP:127.0.0.1", at(-1), at(1.02)),
        "old": certificate(tmp_path / "old", "IP:127.0.0.1", at(-40), at(-12.2)),
        "early": certificate(tmp_path / "early", "IP:127.0.0.1", at(5), at(90)),
        "name": certificate(tmp_path / "name", "DNS:else.example", at(-1), at(90.2)),
        "self": certificate(tmp_path / "self", "IP:127.0.0.1", at(-1), at(90.2)),
    }
    trusted = tmp_path / "trusted.pem"
    trusted.write_text("".join(pem.read_text() for name, pem in made.items() if name != "self"))
    found = {}
    for name, pem in made.items():
        async with http_server({"/": answer(200)}, serving(pem)) as server:
            found[name] = await result("tls", host="127.0.0.1", port=server.port, ca_file=str(trusted))
            if name == "name":
                named = await result(
                    "tls", host="127.0.0.1", port=server.port, ca_file=str(trusted), server_name="else.example"
                )
            if name == "self":
                untrusted = await result("tls", host="127.0.0.1", port=server.port, trusted=False)
                asked = await result(
                    "tls", "[CERTIFICATE_EXPIRATION] > 365d", host="127.0.0.1", port=server.port, trusted=False
                )
    assert {name: one.state for name, one in found.items()} == {
        "good": OK, "soon": DEGRADED, "now": DOWN, "old": DOWN, "early": DOWN, "name": DOWN, "self": DOWN,
    }  # fmt: skip
    assert found["good"].detail.startswith("certificate ends in 90 days (")
    assert found["good"].value == pytest.approx(90.2, abs=0.2)
    assert found["soon"].detail.startswith("certificate ends in 10 days (")
    assert found["now"].detail.startswith("certificate ends in 24 h (")
    assert found["old"].detail.startswith("certificate expired 12 days ago (")
    assert found["early"].detail.startswith("certificate not valid yet, only from ")
    assert found["name"].detail.startswith("certificate is for another address; it ends in 90 days (")
    assert found["self"].detail.startswith("certificate is self-signed; it ends in 90 days (")
    assert named.state == untrusted.state == OK
    assert untrusted.detail.endswith("(is self-signed)")
    assert asked.state == DOWN and asked.detail.endswith(", expected above 365d")


@needs_openssl
async def test_tls_after_a_plain_beginning(tmp_path: Path) -> None:
    pem = certificate(tmp_path / "mail", "IP:127.0.0.1")
    context = serving(pem)

    async def smtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220-mail\r\n220 ready\r\n")
        assert (await reader.readline()).startswith(b"EHLO")
        writer.write(b"250-mail\r\n250 STARTTLS\r\n")
        assert await reader.readline() == b"STARTTLS\r\n"
        writer.write(b"220 go\r\n")
        await writer.drain()
        await writer.start_tls(context)
        await reader.read()

    async def imap(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK ready\r\n")
        assert await reader.readline() == b"a STARTTLS\r\n"
        writer.write(b"* CAPABILITY x\r\na OK go\r\n")
        await writer.drain()
        await writer.start_tls(context)
        await reader.read()

    async def postgres(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(8) == b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
        writer.write(b"S")
        await writer.drain()
        await writer.start_tls(context)
        await reader.read()

    async def without(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)
        writer.write(b"N")

    for way, talk in (("smtp", smtp), ("imap", imap), ("postgres", postgres)):
        async with talking(talk) as port:
            found = await result("tls", host="127.0.0.1", port=port, starttls=way, ca_file=str(pem))
        assert found.state == OK, (way, found)
    async with talking(without) as port:
        off = await result("tls", host="127.0.0.1", port=port, starttls="postgres")
        no = await result("tls", host="127.0.0.1", port=port, starttls="smtp", timeout=1)
    assert (off.state, off.detail) == (DOWN, "no TLS: the server has TLS switched off")
    assert no.state == DOWN


@pytest.mark.parametrize("cut", [0, 1, 5, 40, 90, 150])
def test_bytes_that_are_no_certificate(cut: int) -> None:
    for data in (b"\x30" * cut, bytes(range(cut)), b"\x30\x82\xff\xff" + b"\x30" * cut, b"\x30\x84\x00\x00\x00\x00"):
        with pytest.raises(ValueError, match="not a certificate"):
            validity(data)


# ── dns ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Zone(asyncio.DatagramProtocol):
    """A small name server on UDP."""

    def __init__(self, hang: bool = False, garbage: bool = False) -> None:
        self.hang, self.garbage = hang, garbage

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if self.hang:
            return
        if self.garbage:
            self.transport.sendto(b"\x00garbage", addr)
            return
        query = dns.message.from_wire(data)
        reply = dns.message.make_response(query)
        name = str(query.question[0].name)
        if name == "api.example.":
            reply.answer = [dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.7", "192.0.2.8")]
        elif name == "evil.example.":
            reply.answer = [dns.rrset.from_text(name, 60, "IN", "TXT", '"\\027]0;owned\\007"')]
        elif name == "empty.example.":
            pass
        else:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(reply.to_wire(), addr)


@asynccontextmanager
async def zone(**how: bool) -> AsyncIterator[dict[str, Any]]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Zone(**how), local_addr=("127.0.0.1", 0))
    try:
        yield {"server": "127.0.0.1", "port": transport.get_extra_info("sockname")[1]}
    finally:
        transport.close()


async def test_dns_answers() -> None:
    async with zone() as there:
        good = await result("dns", query="api.example", **there)
        counted = await result(
            "dns", "[COUNT] >= 2", "[TTL] < 5m", "[ANSWERS][0] == 192.0.2.7", query="api.example", **there
        )
        all_there = await result("dns", query="api.example", expect=["192.0.2.8"], **there)
        missing = await result("dns", query="api.example", expect=["192.0.2.9"], **there)
        more = await result("dns", query="api.example", expect=["192.0.2.8"], exactly=True, **there)
        gone = await result("dns", query="gone.example", **there)
        wanted = await result("dns", "[DNS_RCODE] == NXDOMAIN", query="gone.example", **there)
        empty = await result("dns", "[COUNT] > 0", query="empty.example", **there)
        evil = await result("dns", query="evil.example", type="TXT", **there)
    assert (good.state, good.detail) == (OK, "192.0.2.7, 192.0.2.8")
    assert counted.state == all_there.state == wanted.state == OK
    assert (missing.state, missing.detail) == (DOWN, "192.0.2.7, 192.0.2.8, expected 192.0.2.9")
    assert (more.state, more.detail) == (DOWN, "192.0.2.7, 192.0.2.8, not expected: 192.0.2.7")
    assert (gone.state, gone.detail) == (DOWN, "gone.example: no such name (NXDOMAIN), expected NOERROR")
    assert (empty.state, empty.detail) == (DOWN, "empty.example: no A record, count is 0, expected above 0")
    assert is_clean(evil.detail)


async def test_dns_that_says_nothing_or_nonsense() -> None:
    async with zone(hang=True) as hanging, zone(garbage=True) as garbage:
        silent = await result("dns", query="api.example", timeout=0.3, **hanging)
        nonsense = await result("dns", query="api.example", timeout=0.3, **garbage)
    assert silent.state == nonsense.state == DOWN
    assert silent.detail == nonsense.detail == "timed out after 0.3s"


async def test_our_own_resolver_is_no_verdict_on_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.watch.probes.dns._own_server", lambda: "127.0.0.1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        silent = await result("dns", query="api.example", port=taken.getsockname()[1], timeout=0.3)
    refused = await result("dns", query="api.example", port=1, transport="tcp")
    assert silent.state == refused.state == UNKNOWN
    assert refused.detail == "127.0.0.1: connection refused"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"server": "ns.example"}, "expected an address"),
        ({"type": "NOPE"}, "a type such as A"),
        ({"query": "a..b"}, "expected a name"),
        ({"exactly": True}, "expected answers in expect"),
        ({"sever": "127.0.0.1"}, "not a key of this kind"),
    ],
)
def test_dns_keys(options: dict[str, Any], words: str) -> None:
    with pytest.raises(CheckError, match=words):
        check("dns", **{"query": "api.example", **options})


# ── icmp ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_icmp_by_whatever_is_allowed_here(monkeypatch: pytest.MonkeyPatch) -> None:
    if not _pings_unprivileged():
        program = servers.require("ping")
        if subprocess.run([program, "-c", "1", "127.0.0.1"], capture_output=True).returncode:
            pytest.skip("neither ping sockets nor raw ones for the ping program here")
        monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    found = await result("icmp", "[LOSS] == 0", host="127.0.0.1", count=2)
    assert found.state == OK
    assert found.value is not None and found.value < 1000


def _pings_unprivileged() -> bool:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP).close()
    except OSError:
        return False
    return True


_IN_A_NETWORK_OF_ITS_OWN = """
import asyncio, os, pathlib, subprocess, sys
pathlib.Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 0")
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
sys.path.insert(0, sys.argv[1])
os.environ["PATH"] = "/nowhere"
from tests.console.watch.checking import result
for host in ("127.0.0.1", "::1", "192.0.2.1"):
    found = asyncio.run(result("icmp", host=host, count=2, wait_ms=200))
    print(found.state, found.detail)
"""


def test_icmp_by_an_unprivileged_socket() -> None:
    try:
        subprocess.run(["unshare", "-rn", "ip", "link"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no network namespace of our own here")
    root = Path(__file__).parents[3]
    code = ["unshare", "-rn", sys.executable, "-c", _IN_A_NETWORK_OF_ITS_OWN, str(root)]
    done = subprocess.run(code, capture_output=True, text=True, timeout=60)
    if "ping_group_range" in done.stderr:
        pytest.skip("ping_group_range can't be set here")
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["OK", "OK", "UNKNOWN"], done
    assert lines[0].endswith(" ms")
    assert lines[2] == "UNKNOWN network unreachable from here"


async def test_icmp_without_the_means_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    if _pings_unprivileged():
        pytest.skip("ping sockets are allowed here")
    monkeypatch.setenv("PATH", "/nowhere")
    found = await result("icmp", host="127.0.0.1")
    assert (found.state, found.detail) == (UNKNOWN, "ping can't be started: no such file or directory")


def test_network_words() -> None:
    assert explain(PermissionError(1, "x")) == (UNKNOWN, "not permitted here")
