"""The container check against a real Podman: run, stopped, killed, unhealthy, gone."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.sanitize import is_clean
from console.snapshot import DEGRADED, DOWN, OK, UNKNOWN
from console.watch.checks import CheckError
from tests.console.watch.checking import check, result
from tests.tools.servers import MISSING, find

_CONF = """
[containers]
netns = "host"
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
IMAGE = "localhost/vigie-test:1"


class Podman:
    """A Podman with a storage of its own, and its API on a socket."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.socket = folder, folder / "api.sock"
        conf = folder / "containers.conf"
        conf.write_text(_CONF)
        self.environment = {**os.environ, "CONTAINERS_CONF": str(conf)}
        store = ["--root", str(folder / "root"), "--runroot", str(folder / "run"), "--storage-driver", "vfs"]
        self.base = ["podman", *store]

    def __call__(self, *arguments: str, check: bool = True, **how: Any) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*self.base, *arguments], env=self.environment, check=check, capture_output=True, timeout=60, **how
        )


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    busybox = find("busybox")
    if find("podman") is None or find("runc") is None or busybox is None:
        pytest.skip(f"{MISSING}podman, runc and busybox (apt-get install podman runc busybox-static)")
    if os.getuid() != 0:
        pytest.skip(f"{MISSING}podman as root")
    folder = tmp_path_factory.mktemp("p")
    one = Podman(folder)
    (folder / "fs" / "bin").mkdir(parents=True)
    (folder / "fs" / "bin" / "busybox").write_bytes(busybox.read_bytes())
    (folder / "fs" / "bin" / "busybox").chmod(0o755)
    for name in ("sh", "sleep", "true", "false"):
        (folder / "fs" / "bin" / name).symlink_to("busybox")
    picture = subprocess.run(["tar", "-c", "-C", str(folder / "fs"), "."], check=True, capture_output=True).stdout
    one("import", "-", IMAGE, input=picture)
    started = one("run", "-d", "--name", "probe", IMAGE, "sleep", "1", check=False)
    if started.returncode:
        pytest.skip(f"{MISSING}podman that can start containers: {started.stderr.decode()[-200:]}")
    service = subprocess.Popen(
        [*one.base, "system", "service", "--time=0", f"unix://{one.socket}"],
        env=one.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 20
    while not one.socket.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    try:
        yield one
    finally:
        one("rm", "-f", "-a", "-t", "0", check=False)
        service.terminate()
        service.wait(timeout=20)


async def look(podman: Podman, **options: Any) -> Any:
    return await result("container", socket=str(podman.socket), timeout=20, **options)


async def test_a_container_that_is_stopped_is_seen(podman: Podman) -> None:
    podman("run", "-d", "--name", "feeder", IMAGE, "sh", "-c", "trap 'exit 0' TERM; while true; do sleep 1; done")
    running = await look(podman, container="feeder")
    podman("stop", "-t", "5", "feeder")
    stopped = await look(podman, container="feeder")
    podman("start", "feeder")
    again = await look(podman, container="feeder")
    podman("kill", "feeder")
    podman("wait", "feeder")
    killed = await look(podman, container="feeder")
    podman("rm", "-f", "-t", "0", "feeder")
    gone = await look(podman, container="feeder")
    assert running.state == again.state == OK
    assert running.detail.startswith("running for ")
    assert (stopped.state, stopped.detail) == (DOWN, "exited, exit 0")
    assert (killed.state, killed.detail) == (DOWN, "exited, exit 137")
    assert (gone.state, gone.detail) == (DOWN, "no container feeder")


async def test_health_is_what_its_check_says(podman: Podman) -> None:
    podman(
        "run", "-d", "--name", "sick", "--health-cmd", "test -e /tmp-well", "--health-retries", "1",
        "--health-interval", "disable", IMAGE, "sleep", "600",
    )  # fmt: skip
    starting = await look(podman, container="sick")
    podman("healthcheck", "run", "sick", check=False)
    unhealthy = await look(podman, container="sick")
    podman("rm", "-f", "-t", "0", "sick")
    assert starting.state == DEGRADED and starting.detail.endswith("health check has not passed yet")
    assert (unhealthy.state, unhealthy.detail) == (DOWN, "unhealthy")


async def test_a_compose_project_is_judged_as_one(podman: Podman) -> None:
    label = "com.docker.compose.project=shop"
    for name in ("shop-web", "shop-db"):
        podman("run", "-d", "--name", name, "--label", label, "--label", "tier=shop", IMAGE, "sleep", "600")
    both = await look(podman, project="shop")
    podman("kill", "shop-db")
    podman("wait", "shop-db")
    one = await look(podman, project="shop")
    enough = await look(podman, label="tier=shop", min_running=1)
    none = await look(podman, project="other")
    podman("rm", "-f", "-t", "0", "shop-web", "shop-db")
    assert (both.state, both.detail) == (OK, "2 of 2 running")
    assert (one.state, one.detail) == (DOWN, "1 of 2 running: shop-db exited, exit 137")
    assert (enough.state, enough.detail) == (OK, "1 of 2 running")
    assert (none.state, none.detail) == (DOWN, "no container other")


# ── without Podman: what an API may say ──────────────────────────────────────────────────────────────────────────


async def said(tmp_path: Path, body: bytes, status: int = 200) -> Any:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        try:
            writer.write(head.encode() + body)
            await writer.drain()
        except ConnectionError:
            pass
        writer.close()

    path = tmp_path / "s.sock"
    async with await asyncio.start_unix_server(serve, path):
        return await result("container", container="a", max_restarts=3, socket=str(path))


def about(**state: Any) -> bytes:
    return json.dumps({"Name": "/a", "RestartCount": state.pop("restarts", 0), "State": state}).encode()


@pytest.mark.parametrize(
    ("body", "state", "detail"),
    [
        (about(Running=True, Status="running", restarts=9), DEGRADED, "running, restarted 9 times, expected at most 3"),
        (about(Running=False, Status="exited", OOMKilled=True, ExitCode=137), DOWN, "exited: out of memory"),
        (about(Running=False, Status="created", Error="\x1b[31mno such file"), DOWN, "created: <ESC>[31mno such file"),
        (about(Running=False, Status="restarting"), DOWN, "restarting"),
        (b"[]", UNKNOWN, "the container API says what is not understood: Expected `object`, got `array`"),
        (b"<html>", UNKNOWN, "the container API says what is not JSON"),
        (b"x" * 5_000_000, UNKNOWN, "the container API does not come to an end"),
    ],
)
async def test_what_the_api_says(tmp_path: Path, body: bytes, state: str, detail: str) -> None:
    found = await said(tmp_path, body)
    assert (found.state, found.detail) == (state, detail)
    assert is_clean(found.detail)


async def test_an_api_that_fails_or_is_not_there_is_unknown(tmp_path: Path) -> None:
    failed = await said(tmp_path, b'{"message": "no permission"}', 500)
    assert (failed.state, failed.detail) == (UNKNOWN, "the container API says 500: no permission")
    gone = await result("container", container="a", socket=str(tmp_path / "no.sock"))
    assert (gone.state, gone.detail) == (UNKNOWN, f"{tmp_path / 'no.sock'}: no such socket")


def test_one_way_to_name_them() -> None:
    with pytest.raises(CheckError, match="exactly one of container, project and label"):
        check("container", container="a", project="b")
